#include "migration/sync/downstream_tables.h"

#include <algorithm>

#include "base/error/error.h"
#include "migration/sync/session.h"
#include "mysql/client/engines.h"
#include "mysql/client/retry.h"
#include "mysql/schema/build.h"
#include "mysql/schema/shown_definition.h"
#include "mysql/sql/sql_mode.h"

namespace dm::migration {

namespace {

constexpr std::string_view kParsingMode =
    "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION";
// MySQL 8 no longer knows NO_AUTO_CREATE_USER.
constexpr std::string_view kParsingMode8 =
    "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";
constexpr int kNoSuchTable = 1146;
constexpr int kUnknownDatabase = 1049;
constexpr int kWrongValueForVariable = 1231;
constexpr int kAttempts = 10;
constexpr Milliseconds kRetryWait{3000};

// The storage engine in a text of SHOW CREATE TABLE; empty if there is none. (Texts within it have
// no line ends of their own.)
std::string EngineOf(std::string_view text) {
  constexpr std::string_view kBefore = "\n) ENGINE=";
  const size_t found = text.rfind(kBefore);
  if (found == std::string_view::npos) return "";
  const std::string_view rest = text.substr(found + kBefore.size());
  return std::string(rest.substr(0, rest.find_first_of(" \n")));
}

}  // namespace

DownstreamTables::DownstreamTables(mysql::ConnectOptions options) : options_(std::move(options)) {
  std::erase_if(options_.session, [](const auto& entry) { return entry.first == "sql_mode"; });
}

mysql::Connection& DownstreamTables::Connected(const StopToken& stop) {
  if (connection_ && connection_->IsAlive()) return *connection_;
  connection_ = mysql::Connection::Connect(options_, stop);
  try {
    connection_->Execute(fmt::format("SET SESSION SQL_MODE = '{}'", kParsingMode), stop);
  } catch (const Error& e) {
    if (e.server_errno() != kWrongValueForVariable) {
      throw WithCause(MakeError(ErrorCode::kSchemaTrackerCannotSetDownstreamSQLMode, kParsingMode),
                      e);
    }
    connection_->Execute(fmt::format("SET SESSION SQL_MODE = '{}'", kParsingMode8), stop);
  }
  default_collation_of_ = LookupIn(DefaultCollations(*connection_, stop));
  return *connection_;
}

mysql::TablePtr DownstreamTables::Get(const TableId& target, const StopToken& stop) {
  auto it = tables_.find(target);
  if (it != tables_.end()) return it->second;
  std::string text;
  bool transactional = true;
  for (int attempt = 1;; ++attempt) {
    try {
      mysql::ResultSet result = Connected(stop).Query("SHOW CREATE TABLE " + target.Quoted(), stop);
      if (!result.rows.empty() && result.rows.front().size() > 1) {
        text = result.rows.front()[1].value_or("");
      }
      const std::string engine = EngineOf(text);
      transactional = engine.empty() || HasTransactionalEngine(engine, stop);
      break;
    } catch (const Error& e) {
      ThrowIfStopped(stop);
      if (e.server_errno() == kNoSuchTable || e.server_errno() == kUnknownDatabase) {
        throw WithCause(MakeError(ErrorCode::kSyncerDownstreamTableNotFound, target.Quoted()), e)
            .SetScope(ErrorScope::kDownstream);
      }
      if (mysql::IsConnectionLost(e)) connection_.reset();
      bool retry = mysql::IsConnectionLost(e) || mysql::IsRetryableServerError(e);
      if (!retry || attempt >= kAttempts) {
        throw WithCause(MakeError(ErrorCode::kSchemaTrackerCannotFetchDownstreamCreateTableStmt,
                                  target.Quoted(), target.Quoted()),
                        e)
            .SetScope(ErrorScope::kDownstream);
      }
      WaitFor(kRetryWait, stop);
    }
  }
  if (connection_->server().is_tidb) text = mysql::WithBackslashesDoubled(text);
  mysql::ParseOptions parse;
  parse.mariadb = connection_->server().is_mariadb;
  mysql::BuildOptions build;
  build.mariadb = parse.mariadb;
  build.schema = target.schema;
  // SHOW CREATE TABLE names a character set alone if the collation is the server's default for it.
  build.default_collation_of = default_collation_of_;
  mysql::TablePtr table;
  try {
    table = std::make_shared<const mysql::TableInfo>(mysql::ParseCreateTable(text, parse, build));
  } catch (const Error& e) {
    throw WithCause(MakeError(ErrorCode::kSchemaTrackerCannotMockDownstreamTable, target.Quoted(),
                              target.Quoted()),
                    e)
        .SetScope(ErrorScope::kDownstream);
  }
  if (transactional) {
    untransactional_.erase(target);
  } else {
    untransactional_.insert(target);
  }
  return tables_[target] = table;
}

bool DownstreamTables::IsTransactional(const TableId& target) const {
  return !untransactional_.contains(target);
}

bool DownstreamTables::HasTransactionalEngine(std::string_view engine, const StopToken& stop) {
  return mysql::HasTransactionalEngine(Connected(stop), engine, stop);
}

bool DownstreamTables::HasFullTextParser(std::string_view parser, const StopToken& stop) {
  return mysql::HasFullTextParser(Connected(stop), parser, stop);
}

void DownstreamTables::Forget(const TableId& target) {
  std::erase_if(tables_, [&](const auto& entry) {
    return mysql::EqualNames(entry.first.schema, target.schema) &&
           (target.table.empty() || mysql::EqualNames(entry.first.table, target.table));
  });
}

}  // namespace dm::migration
