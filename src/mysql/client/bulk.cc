// MariaDB's bulk execution: a prepared statement, and values of many rows in one packet.
#include <mysql.h>

#include <algorithm>
#include <vector>

#include "base/log/log.h"
#include "base/log/sensitive.h"
#include "mysql/client/connection.h"
#include "mysql/client/link.h"
#include "mysql/client/retry.h"

namespace dm::mysql {

namespace {

// Of one connection: servers bound their number over all of them.
constexpr size_t kMostPrepared = 32;
constexpr uint64_t kCallsKept = 100;  // of PrepareBulk, since the last one with this statement
constexpr size_t kMostRefused = 200;  // their texts are kept
constexpr unsigned kNoMorePrepared = 1461;  // max_prepared_stmt_count
constexpr uint8_t kBulkExecute = 0xfa;      // COM_STMT_BULK_EXECUTE
constexpr size_t kBulkHead = 6;             // what is in it before the types
constexpr uint16_t kSendTypes = 128;        // the markers' types are in the packet
constexpr uint8_t kUnsigned = 128;
constexpr uint8_t kOk = 0;

void AppendLittleEndian(std::vector<uint8_t>& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

// A length-encoded integer; 0 if it is cut.
uint64_t LengthEncoded(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return 0;
  size_t width = 0;
  switch (bytes[0]) {
    case 0xfc:
      width = 2;
      break;
    case 0xfd:
      width = 3;
      break;
    case 0xfe:
      width = 8;
      break;
    default:
      return bytes[0];
  }
  if (bytes.size() < 1 + width) return 0;
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value |= uint64_t{bytes[1 + i]} << (8 * i);
  return value;
}

}  // namespace

bool Connection::HasBulk() const {
  unsigned long capabilities = 0;
  if (link_->no_bulk || link_->broken || link_->mysql == nullptr ||
      mariadb_get_infov(link_->mysql, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES,
                        &capabilities) != 0) {
    return false;
  }
  return (capabilities & (MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) != 0;
}

void Connection::ForbidBulk() { link_->no_bulk = true; }

bool Connection::IsPrepared(std::string_view sql) const { return link_->prepared.contains(sql); }

void Connection::PrepareBulk(std::span<const std::string> statements, const StopToken& stop) {
  const uint64_t call = ++link_->prepare_calls;
  for (const std::string& sql : statements) {
    if (const auto known = link_->prepared.find(sql); known != link_->prepared.end()) {
      known->second.used = call;
    }
  }
  for (const std::string& sql : statements) {
    if (!HasBulk()) return;
    if (link_->prepared.contains(sql) || link_->refused.contains(sql)) continue;
    if (link_->prepared.size() >= kMostPrepared) {
      const auto oldest = std::min_element(
          link_->prepared.begin(), link_->prepared.end(),
          [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
      // Statements that are used in turns do not drive out one another.
      if (call - oldest->second.used < kCallsKept) continue;
      mysql_stmt_close(oldest->second.statement);
      link_->prepared.erase(oldest);
    }
    PrepareOne(sql, stop);
  }
}

void Connection::PrepareOne(const std::string& sql, const StopToken& stop) {
  const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
  ThrowIfStopped(stop);
  CheckAlive();
  MYSQL_STMT* statement = mysql_stmt_init(link_->mysql);
  if (statement == nullptr) throw std::bad_alloc();
  if (mysql_stmt_prepare(statement, sql.data(), sql.size()) == 0) {
    link_->prepared.emplace(sql, Link::Prepared{statement, link_->prepare_calls});
    CountBytes();
    return;
  }
  const unsigned number = mysql_stmt_errno(statement);
  const std::string text = RedactedMessage(static_cast<int>(number), mysql_stmt_error(statement));
  mysql_stmt_close(statement);
  if (!IsServerError(number) || EndsConnection(number)) {
    link_->MarkBroken();
    ThrowIfStopped(stop);
    Log().Info("a connection was lost while a statement was prepared",
               {F("statement", CutStatement(sql)), F("error", text)});
    throw Error(ErrorCode::kDBBadConn, "database driver error")
        .SetRawCause("driver: bad connection")
        .SetScope(options_.scope);
  }
  CountBytes();
  const Error error =
      Error(ErrorCode::kDBExecuteFailed, "").SetServerErrno(static_cast<int>(number));
  if (!IsErrorOfServer(error)) link_->refused.insert(sql);
  if (number == kNoMorePrepared || link_->refused.size() >= kMostRefused) ForbidBulk();
  Log().Info("the downstream does not prepare a statement, it is sent as text",
             {F("statement", CutStatement(sql)), F("error", text),
              F("no other is prepared", link_->no_bulk)});
}

uint64_t Connection::ExecuteBulk(std::string_view sql, std::span<const Marker> markers,
                                 std::string_view rows, const StopToken& stop,
                                 std::string_view quoted) {
  const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
  ThrowIfStopped(stop);
  failed_statement_ = 0;
  CheckAlive();
  const auto prepared = link_->prepared.find(sql);
  if (prepared == link_->prepared.end()) {
    throw Error(ErrorCode::kDBUnExpect, "a statement to be executed in bulk is not prepared")
        .SetScope(options_.scope);
  }
  CheckSize(1 + kBulkHead + 2 * markers.size() + rows.size(), ErrorCode::kDBExecuteFailed, quoted);
  std::vector<uint8_t> packet;
  packet.reserve(kBulkHead + 2 * markers.size() + rows.size());
  AppendLittleEndian(packet, prepared->second.statement->stmt_id, 4);
  AppendLittleEndian(packet, kSendTypes, 2);
  for (const Marker& marker : markers) {
    packet.push_back(marker.type);
    packet.push_back(marker.is_unsigned ? kUnsigned : 0);
  }
  packet.insert(packet.end(), rows.begin(), rows.end());
  answer_times_.sent = SteadyClock::now();
  SendCommand(kBulkExecute, packet);
  const std::span<const uint8_t> answer = ReadPacket(ErrorCode::kDBExecuteFailed, quoted, stop);
  answer_times_.first = answer_times_.previous = answer_times_.last = SteadyClock::now();
  if (answer.empty() || answer[0] != kOk) {
    link_->MarkBroken();
    throw Error(ErrorCode::kDBInvalidConn, "database driver error")
        .SetRawCause("invalid connection: no answer to a bulk execution")
        .SetScope(options_.scope);
  }
  return LengthEncoded(answer.subspan(1));
}

}  // namespace dm::mysql
