#include "programs/master/upstream.h"

#include <algorithm>
#include <limits>
#include <random>
#include <set>

#include "base/error/error.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "migration/config/connect_options.h"
#include "migration/config/tls_content.h"
#include "mysql/client/binlog_status.h"
#include "mysql/position/flavor.h"

namespace dm::master {
namespace {

using migration::SourceConfig;

constexpr uint32_t kServerIdBase = 429'496'729;
constexpr uint32_t kServerIdSpan = 100'000;
constexpr int kServerIdTries = 5;

std::unique_ptr<mysql::Connection> Open(const migration::DbConfig& db, ErrorScope scope,
                                        const StopToken& stop, Milliseconds read_limit) {
  mysql::ConnectOptions options = migration::ToConnectOptions(db, scope);
  options.connect_timeout = kDatabaseLimit;
  options.read_timeout = read_limit;
  return mysql::Connection::Connect(options, stop);
}

// Ids of the server itself and of the replicas that are registered at it.
std::set<uint64_t> UsedServerIds(mysql::Connection& connection, const StopToken& stop) {
  std::set<uint64_t> used;
  if (const auto own = connection.QueryValue("SELECT @@global.server_id", stop)) {
    if (const auto id = ParseUint(*own)) used.insert(*id);
  }
  const mysql::ServerInfo& server = connection.server();
  const bool renamed = !server.is_mariadb && server.AtLeast(8, 4);
  const mysql::ResultSet replicas =
      connection.Query(renamed ? "SHOW REPLICAS" : "SHOW SLAVE HOSTS", stop);
  const auto column = replicas.ColumnIndex("Server_id");
  if (!column) return used;
  for (const auto& row : replicas.rows) {
    if (const auto id = ParseUint(row[*column].value_or(""))) used.insert(*id);
  }
  return used;
}

uint32_t ChooseServerId(mysql::Connection& connection, const StopToken& stop) {
  std::set<uint64_t> used;
  try {
    used = UsedServerIds(connection, stop);
  } catch (const Error& e) {
    Log().Warn("fail to get the server ids that are in use", {F("error", e)});
  }
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<uint32_t> offset(0, kServerIdSpan - 1);
  for (int i = 0; i < kServerIdTries; ++i) {
    const uint32_t id = kServerIdBase + offset(random);
    if (!used.contains(id)) return id;
  }
  throw MakeError(ErrorCode::kInvalidServerID, 0);
}

}  // namespace

void PrepareSource(SourceConfig& source, const migration::PasswordCipher& cipher,
                   const StopToken& stop) {
  migration::VerifySourceId(source);  // before its server is asked: an empty file names none
  // Neither this machine nor the worker's has the files.
  if (source.from.security) migration::RequireTlsContent(*source.from.security);
  migration::AdjustSource(source, cipher);
  const auto connection = OpenUpstream(source.from, stop);
  if (source.flavor.empty() || source.server_id == 0) {
    if (source.flavor.empty()) {
      source.flavor = std::string(mysql::ToString(connection->server().flavor));
    } else if (!mysql::ParseFlavor(source.flavor)) {
      throw MakeError(ErrorCode::kNotSupportedFlavor, source.flavor);
    }
    if (source.server_id == 0) source.server_id = ChooseServerId(*connection, stop);
  }
  if (source.enable_gtid && source.flavor != mysql::ToString(mysql::Flavor::kMariaDb)) {
    const std::string mode = connection->QueryValue("SELECT @@global.gtid_mode", stop).value_or("");
    if (!EqualsIgnoreCase(mode, "ON")) {
      throw MakeError(ErrorCode::kSourceCheckGTID, source.source_id, mode);
    }
  }
  migration::VerifySource(source);
}

std::unique_ptr<mysql::Connection> OpenUpstream(const migration::DbConfig& from,
                                                const StopToken& stop) {
  return Open(from, ErrorScope::kUpstream, stop, kDatabaseLimit);
}

std::unique_ptr<mysql::Connection> OpenDownstream(const migration::DbConfig& to,
                                                  const StopToken& stop, Milliseconds read_limit) {
  return Open(to, ErrorScope::kDownstream, stop, read_limit);
}

migration::BinlogMeta CurrentPosition(const SourceConfig& source, const StopToken& stop) {
  const auto connection = OpenUpstream(source.from, stop);
  const auto status = mysql::ReadBinlogStatus(*connection, stop);
  if (!status) throw MakeError(ErrorCode::kNoMasterStatus);
  if (status->position.offset > std::numeric_limits<uint32_t>::max()) {
    throw Error(ErrorCode::kConfigNotSupported,
                fmt::format("the upstream's binlog stands at {}, and no task can begin beyond "
                            "4 GiB of a file",
                            status->position.ToString()))
        .SetWorkaround("Please begin a new file upstream by FLUSH BINARY LOGS.");
  }
  return {status->position.file, static_cast<uint32_t>(status->position.offset), status->gtid_set};
}

}  // namespace dm::master
