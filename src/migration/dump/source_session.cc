#include "migration/dump/source_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/failpoint/failpoint.h"
#include "mysql/client/failed_statement.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

constexpr int kNoSuchTable = 1146;
constexpr int kLockAttempts = 5;
constexpr int kLockWaitTimeout = 1205;
constexpr Milliseconds kFlushPause{500};
constexpr Milliseconds kEndThreads{3000};
// How long locks are waited for.
struct LockPatience {
  int flush_attempts = 12;
  std::chrono::seconds flush{5};  // each
  std::chrono::seconds tables{60};
};
LockPatience Patience() {
  // Switch: locks are waited for only a short time.
  if (DM_FAILPOINT_HIT("dump/short-locks")) {
    return {2, std::chrono::seconds(1), std::chrono::seconds(1)};
  }
  return {};
}
constexpr std::chrono::seconds kLongStatement{10};
constexpr std::chrono::seconds kLongStatementWait{60};
constexpr Milliseconds kLongStatementPoll{500};

// Text of the cell in the named column; empty if there is no such column or it is NULL.
std::string Cell(const mysql::ResultSet& result, size_t row, std::string_view column) {
  const auto index = result.ColumnIndex(column);
  if (!index || *index >= result.rows[row].size()) return "";
  return result.rows[row][*index].value_or("");
}

// The first of two spellings of a column that has a value.
std::string CellOf(const mysql::ResultSet& result, size_t row, std::string_view column,
                   std::string_view newer) {
  std::string text = Cell(result, row, column);
  return text.empty() ? Cell(result, row, newer) : text;
}

bool UsesNewStatusWords(const mysql::ServerInfo& server) {
  return !server.is_mariadb && !server.is_tidb && server.AtLeast(8, 4);
}

// "Table 'db.t' doesn't exist" -> db, t. nullopt for names with dots of their own.
std::optional<TableId> VanishedTable(const std::string& text) {
  const size_t open = text.find('\'');
  const size_t close = text.find('\'', open + 1);
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;
  const std::string name = text.substr(open + 1, close - open - 1);
  const size_t dot = name.find('.');
  if (dot == std::string::npos || name.find('.', dot + 1) != std::string::npos) return std::nullopt;
  return TableId{name.substr(0, dot), name.substr(dot + 1)};
}

}  // namespace

std::string_view ToString(Consistency consistency) {
  switch (consistency) {
    case Consistency::kAuto:
      return "auto";
    case Consistency::kFlush:
      return "flush";
    case Consistency::kLock:
      return "lock";
    case Consistency::kNone:
      return "none";
  }
  return "";
}

bool IsDefinitionChange(const Error& e, bool user_condition) {
  switch (e.server_errno()) {
    case 1054:  // ER_BAD_FIELD_ERROR
      return !user_condition;
    case 1049:  // ER_BAD_DB_ERROR
    case 1146:  // ER_NO_SUCH_TABLE
    case 1412:  // ER_TABLE_DEF_CHANGED
    case 1213:  // ER_LOCK_DEADLOCK: of definitions' locks, with a statement on several tables
      return true;
    default:
      return false;
  }
}

bool IsConnectionFailure(const Error& e) {
  switch (e.server_errno()) {
    case 1040:
    case 1053:
    case 1077:
    case 1078:
    case 1079:
    case 1080:
    case 1152:
    case 1158:
    case 1159:
    case 1160:
    case 1161:
    case 1203:
    case 1927:
    case 4031:
      return true;
    default:
      break;
  }
  const std::string& cause = e.raw_cause();
  return cause.ends_with("invalid connection") || cause.ends_with("driver: bad connection") ||
         cause.find("connect: connection refused") != std::string::npos ||
         cause.find("i/o timeout") != std::string::npos;
}

Error DumpError(const std::exception& cause, std::string_view statement) {
  const Error error = ToError(cause);
  for (const ErrorCode code : {ErrorCode::kDumpUnitRuntime, ErrorCode::kDumpUnitGlobalLock,
                               ErrorCode::kLoadCheckPointNotMatch, ErrorCode::kSyncerFenceLost}) {
    if (error.code() == static_cast<int>(code)) return error;  // says all that users need
  }
  std::string text = error.raw_cause().empty() ? error.message() : error.raw_cause();
  const std::string failed =
      statement.empty() ? mysql::StatementOf(error) : mysql::CutStatement(statement);
  if (!failed.empty()) text = fmt::format("sql: {}: {}", failed, text);
  return Error(ErrorCode::kDumpUnitRuntime, "mydumper/dumpling runs with error")
      .SetRawCause(std::move(text))
      .SetServerErrno(error.server_errno());
}

std::string ReadingSqlMode(std::string_view mode) {
  static constexpr std::array<std::string_view, 18> kLeftOut = {
      "PAD_CHAR_TO_FULL_LENGTH", "NO_ZERO_DATE", "NO_ZERO_IN_DATE", "STRICT_TRANS_TABLES",
      "STRICT_ALL_TABLES", "TRADITIONAL",
      // Definitions are shown without collations, AUTO_INCREMENT and the like. What these modes
      // mean for statements stands beside them as modes of its own.
      "ANSI", "ORACLE", "MSSQL", "DB2", "MAXDB", "POSTGRESQL", "MYSQL323", "MYSQL40",
      "NO_KEY_OPTIONS", "NO_TABLE_OPTIONS", "NO_FIELD_OPTIONS",
      // Definitions are shown with escapes all the same, of some parts with two of them.
      "NO_BACKSLASH_ESCAPES"};
  std::string reading = "ALLOW_INVALID_DATES";
  while (!mode.empty()) {
    const size_t comma = mode.find(',');
    const std::string_view word = mode.substr(0, comma);
    mode = comma == std::string_view::npos ? "" : mode.substr(comma + 1);
    if (word.empty() || word == "ALLOW_INVALID_DATES" ||
        std::find(kLeftOut.begin(), kLeftOut.end(), word) != kLeftOut.end()) {
      continue;
    }
    reading.append(",").append(word);
  }
  return reading;
}

SourceSession::SourceSession(mysql::ConnectOptions options, std::string time_zone, Logger log)
    : options_(std::move(options)), time_zone_(std::move(time_zone)), log_(std::move(log)) {}

std::unique_ptr<mysql::Connection> SourceSession::Open(const StopToken& stop) const {
  auto db = mysql::Connection::Connect(options_, stop);
  const auto try_set = [&](std::string_view name, std::string_view value) {
    try {
      db->Execute(fmt::format("SET SESSION {} = {}", name, value), stop);
    } catch (const Error& e) {
      if (db->broken()) throw;
      log_.Info("session variable of a dump connection is not set",
                {F("variable", name), F("error", e)});
    }
  };
  if (!time_zone_.empty()) {
    db->Execute(fmt::format("SET SESSION time_zone = {}", mysql::QuoteString(time_zone_)), stop);
  }
  // The server must not end a connection that waits for its turn, or a long result.
  try_set("net_write_timeout", "3600");
  try_set("net_read_timeout", "3600");
  try_set("wait_timeout", "28800");
  if (db->server().is_mariadb) {
    try_set("max_statement_time", "0");
    try_set("idle_transaction_timeout", "0");
    try_set("idle_readonly_transaction_timeout", "0");
    try_set("idle_write_transaction_timeout", "0");
  } else {
    try_set("max_execution_time", "0");
  }
  const std::string mode = db->QueryValue("SELECT @@sql_mode", stop).value_or("");
  try_set("sql_mode", mysql::QuoteString(ReadingSqlMode(mode)));
  return db;
}

void SourceSession::BeginSnapshot(mysql::Connection& db, const StopToken& stop) const {
  db.Execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", stop);
  try {
    db.Execute("START TRANSACTION /*!40108 WITH CONSISTENT SNAPSHOT */", stop);
  } catch (const Error& e) {
    if (db.broken()) throw;
    log_.Warn("the server gives no consistent snapshot, starting a plain transaction",
              {F("error", e)});
    db.Execute("START TRANSACTION", stop);
  }
}

std::optional<DumpPosition> SourceSession::ReadPosition(mysql::Connection& db,
                                                        const StopToken& stop) const {
  const bool new_words = UsesNewStatusWords(db.server());
  const auto status = db.Query(new_words ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS", stop);
  if (status.rows.empty() || status.rows[0].size() < 2) return std::nullopt;
  DumpPosition position;
  position.file = status.rows[0][0].value_or("");
  if (position.file.empty()) return std::nullopt;
  const std::string offset = status.rows[0][1].value_or("");
  std::from_chars(offset.data(), offset.data() + offset.size(), position.offset);
  if (db.server().is_mariadb) {
    try {
      position.gtid_text = db.QueryValue("SELECT @@global.gtid_binlog_pos", stop).value_or("");
    } catch (const Error& e) {
      if (db.broken()) throw;
      log_.Warn("the executed GTID set cannot be read", {F("error", e)});
    }
  } else if (status.rows[0].size() >= 5) {
    position.gtid_text = status.rows[0][4].value_or("");
  }
  return position;
}

std::vector<DumpReplicaPosition> SourceSession::ReadReplicaPositions(mysql::Connection& db,
                                                                     const StopToken& stop) const {
  std::vector<DumpReplicaPosition> replicas;
  try {
    const char* statement = "SHOW SLAVE STATUS";
    if (db.server().is_mariadb) {
      statement = "SHOW ALL SLAVES STATUS";
    } else if (UsesNewStatusWords(db.server())) {
      statement = "SHOW REPLICA STATUS";
    }
    const auto status = db.Query(statement, stop);
    for (size_t row = 0; row < status.rows.size(); ++row) {
      DumpReplicaPosition replica;
      replica.host = CellOf(status, row, "Master_Host", "Source_Host");
      if (replica.host.empty()) continue;
      replica.connection_name = Cell(status, row, "Connection_name");
      replica.file = CellOf(status, row, "Relay_Master_Log_File", "Relay_Source_Log_File");
      replica.offset = CellOf(status, row, "Exec_Master_Log_Pos", "Exec_Source_Log_Pos");
      replica.gtid_text = Cell(status, row, "Executed_Gtid_Set");
      replicas.push_back(std::move(replica));
    }
  } catch (const Error& e) {
    if (db.broken()) throw;
    log_.Warn("the upstream's own replica status cannot be read", {F("error", e)});
  }
  return replicas;
}

void SourceSession::WaitForLongStatements(mysql::Connection& db, const StopToken& stop) const {
  // A lock that waits for one of these makes all new writes wait, too.
  const auto until = SteadyClock::now() + kLongStatementWait;
  for (bool first = true; SteadyClock::now() < until; first = false) {
    std::string statement;
    try {
      const auto answer = db.Query(
          fmt::format("SELECT ID, TIME, LEFT(INFO, 100) FROM information_schema.PROCESSLIST WHERE "
                      "COMMAND = 'Query' AND TIME >= {} AND ID <> CONNECTION_ID() LIMIT 1",
                      kLongStatement.count()),
          stop);
      if (answer.rows.empty()) return;
      statement = answer.rows[0][2].value_or("");
    } catch (const Error& e) {
      if (db.broken()) throw;
      return;  // not shown to this account
    }
    if (first) {
      log_.Info("the read lock waits for a long statement of the upstream",
                {F("statement", statement)});
    }
    WaitFor(kLongStatementPoll, stop);
  }
}

void SourceSession::FlushWithReadLock(mysql::Connection& db, const StopToken& stop) const {
  constexpr std::string_view kStatement = "FLUSH TABLES WITH READ LOCK";
  const LockPatience patience = Patience();
  WaitForLongStatements(db, stop);
  bool short_waits = true;
  try {
    db.Execute(fmt::format("SET SESSION lock_wait_timeout = {}", patience.flush.count()), stop);
  } catch (const Error& e) {
    if (db.broken()) throw;
    short_waits = false;
  }
  for (int attempt = 1;; ++attempt) {
    try {
      db.Execute(kStatement, stop);
      break;
    } catch (const Error& e) {
      if (e.server_errno() != kLockWaitTimeout || db.broken() || !short_waits) {
        throw DumpError(e, kStatement);
      }
      if (attempt == patience.flush_attempts) {
        throw Error(ErrorCode::kDumpUnitGlobalLock,
                    fmt::format("the global read lock was not obtained within {} attempts of {} s",
                                patience.flush_attempts, patience.flush.count()))
            .SetRawCause(fmt::format("sql: {}: {}", kStatement, e.raw_cause()))
            .SetServerErrno(e.server_errno())
            .SetWorkaround(
                "Please end the statements and locks of the upstream that hold it up, or "
                "use `--consistency none` in the dumper's extra-args.");
      }
      log_.Warn("the global read lock is tried again", {F("attempt", attempt), F("error", e)});
    }
    // Between two attempts the writes that waited behind the lock go on.
    WaitFor(kFlushPause, stop);
  }
}

void SourceSession::LockTables(mysql::Connection& db, std::vector<TableId>& tables,
                               const StopToken& stop) const {
  for (const std::string_view variable : {"lock_wait_timeout", "innodb_lock_wait_timeout"}) {
    try {
      db.Execute(fmt::format("SET SESSION {} = {}", variable, Patience().tables.count()), stop);
    } catch (const Error& e) {
      if (db.broken()) throw;
      log_.Info("a variable of the lock's session is not set",
                {F("variable", variable), F("error", e)});
    }
  }
  // There the server's own lock lets transactions commit that wrote before it. With this InnoDB
  // locks the tables too, and waits for them.
  const bool weak = !db.server().is_mariadb && !db.server().is_tidb && !db.server().AtLeast(5, 7);
  if (weak) db.Execute("SET SESSION autocommit = 0", stop);
  for (int attempt = 1; !tables.empty(); ++attempt) {
    std::string statement = "LOCK TABLES ";
    for (const TableId& table : tables) {
      if (&table != &tables.front()) statement += ", ";
      statement += mysql::QuoteTable(table.schema, table.table) + " READ";
    }
    try {
      db.Execute(statement, stop);
      return;
    } catch (const Error& e) {
      const auto vanished =
          e.server_errno() == kNoSuchTable ? VanishedTable(e.raw_cause()) : std::nullopt;
      if (!vanished || attempt == kLockAttempts || std::erase(tables, *vanished) == 0) {
        throw DumpError(e, statement);
      }
      log_.Warn("table vanished before it was locked, not dumped",
                {F("schema", vanished->schema), F("table", vanished->table)});
    }
  }
}

void SourceSession::KillConnections(const std::vector<mysql::ServerThread>& threads) const {
  try {
    mysql::EndThreads(options_, threads, kEndThreads, StopToken());
  } catch (const std::exception& e) {
    log_.Info("connections of the dump are left to the server to end", {F("error", e)});
  }
}

}  // namespace dm::migration
