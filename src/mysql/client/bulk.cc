// MariaDB's bulk execution: a prepared statement, and values of many rows in one packet.
#include <mysql.h>

#include <vector>

#include "base/log/log.h"
#include "base/log/sensitive.h"
#include "mysql/client/connection.h"
#include "mysql/client/link.h"

namespace dm::mysql {

namespace {

// Of one connection: servers bound their number over all of them.
constexpr size_t kMostPrepared = 32;
constexpr uint8_t kBulkExecute = 0xfa;  // COM_STMT_BULK_EXECUTE
constexpr uint16_t kSendTypes = 128;    // the markers' types are in the packet
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
  if (link_->broken || link_->mysql == nullptr ||
      mariadb_get_infov(link_->mysql, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES,
                        &capabilities) != 0) {
    return false;
  }
  return (capabilities & (MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) != 0;
}

bool Connection::RefusesBulk(std::string_view sql) const {
  const auto known = link_->prepared.find(sql);
  return known != link_->prepared.end() && known->second == nullptr;
}

bool Connection::PrepareBulk(std::string_view sql, const StopToken& stop) {
  if (const auto known = link_->prepared.find(sql); known != link_->prepared.end()) {
    link_->bulk = known->second;
    return link_->bulk != nullptr;
  }
  const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
  ThrowIfStopped(stop);
  CheckAlive();
  if (link_->prepared.size() >= kMostPrepared) {
    for (const auto& [text, statement] : link_->prepared) {
      if (statement != nullptr) mysql_stmt_close(statement);
    }
    link_->prepared.clear();
  }
  MYSQL_STMT* statement = mysql_stmt_init(link_->mysql);
  if (statement == nullptr) throw std::bad_alloc();
  if (mysql_stmt_prepare(statement, sql.data(), sql.size()) == 0) {
    link_->bulk = link_->prepared.emplace(sql, statement).first->second;
    CountBytes();
    return true;
  }
  const unsigned number = mysql_stmt_errno(statement);
  const std::string text = mysql_stmt_error(statement);
  mysql_stmt_close(statement);
  if (!IsServerError(number)) {
    link_->MarkBroken();
    ThrowIfStopped(stop);
    throw Error(ErrorCode::kDBInvalidConn, "database driver error")
        .SetRawCause("invalid connection")
        .SetScope(options_.scope);
  }
  Log().Info("the downstream does not prepare a statement, it is sent as text",
             {F("statement", CutStatement(sql)),
              F("error", RedactedMessage(static_cast<int>(number), text))});
  link_->bulk = link_->prepared.emplace(sql, nullptr).first->second;
  CountBytes();
  return false;
}

uint64_t Connection::ExecuteBulk(std::span<const Marker> markers, std::string_view rows,
                                 const StopToken& stop, std::string_view quoted) {
  const StopCallback on_stop(stop, [this] { link_->Interrupt(); });
  ThrowIfStopped(stop);
  failed_statement_ = 0;
  std::vector<uint8_t> packet;
  packet.reserve(6 + 2 * markers.size() + rows.size());
  AppendLittleEndian(packet, link_->bulk->stmt_id, 4);
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
