#include "migration/load/session.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "migration/config/connect_options.h"
#include "mysql/client/retry.h"
#include "mysql/sql/sql_mode.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

constexpr std::array<std::string_view, 7> kRemovedModes =
    {"NO_ZERO_IN_DATE",     "NO_ZERO_DATE",        "ERROR_FOR_DIVISION_BY_ZERO",
     "NO_AUTO_CREATE_USER", "STRICT_TRANS_TABLES", "STRICT_ALL_TABLES",
     "EMPTY_STRING_IS_NULL"};  // a dump tells '' and NULL apart
constexpr std::string_view kKeepsZeros = "NO_AUTO_VALUE_ON_ZERO";
constexpr Milliseconds kFirstWait{1000};
constexpr Milliseconds kLongestWait{60'000};
constexpr std::chrono::minutes kRetryTime{30};
constexpr std::array<std::string_view, 3> kAddedModes = {"IGNORE_SPACE", "NO_AUTO_VALUE_ON_ZERO",
                                                         "ALLOW_INVALID_DATES"};
constexpr std::array<std::string_view, 36> kKnownModes = {"REAL_AS_FLOAT",
                                                          "PIPES_AS_CONCAT",
                                                          "ANSI_QUOTES",
                                                          "IGNORE_SPACE",
                                                          "IGNORE_BAD_TABLE_OPTIONS",
                                                          "ONLY_FULL_GROUP_BY",
                                                          "NO_UNSIGNED_SUBTRACTION",
                                                          "NO_DIR_IN_CREATE",
                                                          "POSTGRESQL",
                                                          "ORACLE",
                                                          "MSSQL",
                                                          "DB2",
                                                          "MAXDB",
                                                          "NO_KEY_OPTIONS",
                                                          "NO_TABLE_OPTIONS",
                                                          "NO_FIELD_OPTIONS",
                                                          "MYSQL323",
                                                          "MYSQL40",
                                                          "ANSI",
                                                          "NO_AUTO_VALUE_ON_ZERO",
                                                          "NO_BACKSLASH_ESCAPES",
                                                          "STRICT_TRANS_TABLES",
                                                          "STRICT_ALL_TABLES",
                                                          "NO_ZERO_IN_DATE",
                                                          "NO_ZERO_DATE",
                                                          "ALLOW_INVALID_DATES",
                                                          "ERROR_FOR_DIVISION_BY_ZERO",
                                                          "TRADITIONAL",
                                                          "NO_AUTO_CREATE_USER",
                                                          "HIGH_NOT_PRECEDENCE",
                                                          "NO_ENGINE_SUBSTITUTION",
                                                          "PAD_CHAR_TO_FULL_LENGTH",
                                                          "EMPTY_STRING_IS_NULL",
                                                          "SIMULTANEOUS_ASSIGNMENT",
                                                          "TIME_ROUND_FRACTIONAL",
                                                          "TIME_TRUNCATE_FRACTIONAL"};
// Modes of MySQL servers that MariaDB has not, and the other way round, must not cost the rest.
constexpr std::array<std::string_view, 8> kCommonModes = {
    "PIPES_AS_CONCAT",      "ANSI_QUOTES",         "IGNORE_SPACE",        "NO_AUTO_VALUE_ON_ZERO",
    "NO_BACKSLASH_ESCAPES", "ALLOW_INVALID_DATES", "HIGH_NOT_PRECEDENCE", "NO_ENGINE_SUBSTITUTION"};

std::string UpperOf(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

std::vector<std::string> SplitModes(std::string_view list) {
  std::vector<std::string> modes;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view mode = list.substr(0, comma);
    while (mode.starts_with(' ')) mode.remove_prefix(1);
    while (mode.ends_with(' ')) mode.remove_suffix(1);
    if (!mode.empty()) modes.push_back(UpperOf(mode));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return modes;
}

template <class List>
bool Has(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::string JoinModes(const std::vector<std::string>& modes) {
  return fmt::format("{}", fmt::join(modes, ","));
}

// Session variables that loading sets itself, whatever the task says.
bool IsOwnVariable(std::string_view name) {
  constexpr std::array<std::string_view, 5> kOwn = {"SQL_MODE", "TIME_ZONE", "FOREIGN_KEY_CHECKS",
                                                    "AUTOCOMMIT", "TIDB_TXN_MODE"};
  return Has(kOwn, UpperOf(name));
}

}  // namespace

std::string AdjustLoadSqlMode(std::string_view upstream_sql_mode) {
  std::vector<std::string> modes = SplitModes(upstream_sql_mode);
  for (const std::string& mode : modes) {
    if (!Has(kKnownModes, mode)) Log().Warn("unknown sql_mode of the upstream", {F("mode", mode)});
  }
  std::erase_if(modes, [](const std::string& mode) { return Has(kRemovedModes, mode); });
  for (const std::string_view mode : kAddedModes) {
    if (!Has(modes, mode)) modes.emplace_back(mode);
  }
  return JoinModes(modes);
}

std::string WithZerosKept(std::string_view own_sql_mode) {
  std::vector<std::string> modes = SplitModes(own_sql_mode);
  if (!Has(modes, kKeepsZeros)) modes.emplace_back(kKeepsZeros);
  return JoinModes(modes);
}

bool IsOutage(const Error& e) {
  switch (e.server_errno()) {
    case 0:
      return mysql::IsConnectionLost(e) || mysql::IsConnectionRefused(e) ||
             e.code() == static_cast<int>(ErrorCode::kDBDriverError);
    case 1040:  // too many connections: all come back at once after a restart
    case 1203:  // the same of this account
    case 1226:  // the account's connections of this hour are used up
    case 1053:  // server shutdown in progress
    case 1077:
    case 1078:
    case 1079:
    case 1080:
    case 1152:  // the server ends the connection
      return true;
    default:
      return mysql::IsConnectionLost(e);
  }
}

Error FenceLostError() { return MakeError(ErrorCode::kSyncerFenceLost).SetClass("load-unit"); }

bool IsRetryableLoadError(const Error& e) {
  switch (e.server_errno()) {
    case 1105:
    case 1205:
    case 1213:
    case 8002:
    case 8005:
    case 8022:
    case 8027:
    case 8028:
    case 9001:
    case 9002:
    case 9003:
    case 9004:
    case 9005:
    case 9007:
      return true;
    default:
      return false;
  }
}

bool IsTooLargeError(const Error& e) {
  return e.server_errno() == 1153 || mysql::IsTransactionTooLarge(e) ||
         e.raw_cause().find("packet for query is too large") != std::string::npos;
}

Error LoadError(const std::exception& cause, std::string_view place) {
  const Error error = ToError(cause);
  std::string text = error.raw_cause().empty() ? error.message() : error.raw_cause();
  if (!place.empty()) text = fmt::format("{}: {}", place, text);
  Error wrapped(ErrorCode::kLoadLightningRuntime, "");
  wrapped.SetRawCause(std::move(text)).SetServerErrno(error.server_errno());
  // What the reader of data files says of their text.
  const auto code = static_cast<ErrorCode>(error.code());
  if (code == ErrorCode::kLoadUnitInvalidFileEnding ||
      code == ErrorCode::kLoadUnitParseQuoteValues ||
      code == ErrorCode::kLoadUnitInvalidInsertSQL) {
    wrapped.SetWorkaround(
        "Please put the whole file back, this one is cut off or was changed, or dump anew. A file "
        "made by hand may hold INSERT and REPLACE with VALUES of literals, and SET between them, "
        "nothing else. Then stop the task and start it with `--remove-meta`.");
  }
  return wrapped;
}

bool IsLossOfRight(const Error& error) {
  return error.code() == static_cast<int>(ErrorCode::kSyncerOwnerChanged) ||
         error.code() == static_cast<int>(ErrorCode::kSyncerFenceLost);
}

LoadSession::LoadSession(const SubtaskConfig& config,
                         const std::optional<std::string>& upstream_sql_mode, std::string time_zone,
                         std::chrono::seconds idle_limit, WaitNote& away, Logger log)
    : time_zone_(std::move(time_zone)), away_(away), log_(std::move(log)) {
  DbConfig to = config.to;
  std::erase_if(to.session, [](const auto& variable) { return IsOwnVariable(variable.first); });
  options_ = ToConnectOptions(to, ErrorScope::kDownstream);
  options_.local_infile = true;
  options_.idle_limit = idle_limit;
  const auto own_mode = SessionVariable(config.to, "sql_mode");
  sql_mode_ = own_mode ? WithZerosKept(*own_mode)
                       : mysql::ModesForRows(AdjustLoadSqlMode(upstream_sql_mode.value_or("")));
  if (!config.timezone.empty() && config.timezone != time_zone_) named_zone_ = config.timezone;
  // The files' escaping is the upstream's; where that is not known the user may have said it.
  const std::string_view decides = upstream_sql_mode ? *upstream_sql_mode : sql_mode_;
  backslash_escapes_ = !mysql::SqlMode::Parse(decides).no_backslash_escapes();
  std::vector<std::string> modes = SplitModes(sql_mode_);
  if (backslash_escapes_ == Has(modes, "NO_BACKSLASH_ESCAPES")) {
    if (backslash_escapes_) {
      std::erase(modes, "NO_BACKSLASH_ESCAPES");
    } else {
      modes.emplace_back("NO_BACKSLASH_ESCAPES");
    }
    sql_mode_ = JoinModes(modes);
  }
}

bool LoadSession::ansi_quotes() const { return mysql::SqlMode::Parse(sql_mode_).ansi_quotes(); }

std::unique_ptr<mysql::Connection> LoadSession::Open(const StopToken& stop) const {
  auto db = mysql::Connection::Connect(options_, stop);
  Prepare(*db, stop);
  return db;
}

template <class Attempt>
void LoadSession::Patiently(const StopToken& wait_stop, Attempt attempt) const {
  const auto deadline = SteadyClock::now() + kRetryTime;
  std::optional<WaitNote::Scope> told;
  for (Milliseconds wait = kFirstWait;; wait = std::min(wait * 2, kLongestWait)) {
    ThrowIfStopped(wait_stop);
    try {
      attempt();
      return;
    } catch (const Error& e) {
      if (!IsOutage(e) || SteadyClock::now() + wait > deadline) throw;
      log_.Warn("downstream connection is tried again",
                {F("wait", fmt::format("{}ms", wait.count())), F("error", e)});
      told.emplace(away_, fmt::format("(the downstream, which is away: {})",
                                      e.raw_cause().empty() ? e.message() : e.raw_cause()));
    }
    WaitFor(wait, wait_stop);
  }
}

void LoadSession::Revive(std::unique_ptr<mysql::Connection>& db, const StopToken& wait_stop,
                         const StopToken& cut) const {
  Patiently(wait_stop, [&] { db = Open(cut); });
}

void LoadSession::Revive(mysql::Connection& db, const StopToken& stop) const {
  Patiently(stop, [&] {
    db.Reconnect(stop);
    Prepare(db, stop);
  });
}

void LoadSession::Prepare(mysql::Connection& db, const StopToken& stop) const {
  const auto set = [&](std::string_view name, std::string_view value) {
    try {
      // MariaDB takes no quoted numbers.
      const bool number = value.find_first_not_of("0123456789") == std::string_view::npos;
      db.Execute(fmt::format("SET SESSION {} = {}", name,
                             number ? std::string(value) : mysql::QuoteString(value, true)),
                 stop);
      return true;
    } catch (const Error& e) {
      if (db.broken()) throw;
      log_.Warn("session variable is not set for loading", {F("variable", name), F("error", e)});
      return false;
    }
  };
  if (!set("sql_mode", sql_mode_)) {
    std::vector<std::string> modes = SplitModes(sql_mode_);
    std::erase_if(modes, [](const std::string& mode) { return !Has(kCommonModes, mode); });
    set("sql_mode", JoinModes(modes));
  }
  set("autocommit", "1");
  if (db.server().is_tidb) {
    constexpr std::pair<std::string_view, std::string_view> kTiDb[] = {
        {"allow_auto_random_explicit_insert", "1"},   {"tidb_opt_write_row_id", "1"},
        {"tidb_build_stats_concurrency", "20"},       {"tidb_distsql_scan_concurrency", "15"},
        {"tidb_index_serial_scan_concurrency", "20"}, {"tidb_checksum_table_concurrency", "2"},
        {"tidb_request_source_type", "lightning"},    {"tidb_txn_mode", "optimistic"}};
    for (const auto& [name, value] : kTiDb) set(name, value);
  }
  // For tables whose definition names no engine: rows are committed with the progress.
  if (!db.server().is_tidb) set("default_storage_engine", "InnoDB");
  // In another zone all TIMESTAMPs would be others.
  try {
    db.Execute("SET SESSION time_zone = " + mysql::QuoteAnyMode(time_zone_), stop);
  } catch (Error& e) {
    if (db.broken()) throw;
    e.SetWorkaround(
        "The dump's TIMESTAMPs are written in this time zone, which the target does not take. "
        "Please set `timezone` in the task file to one that both servers know, and dump again.");
    throw;
  }
  db.Execute("SET SESSION foreign_key_checks = 0", stop);
  // To set these is a right of its own, which is needed only where they are on.
  const auto set_off = [&](std::string_view name) {
    try {
      if (db.QueryValue(fmt::format("SELECT @@SESSION.{}", name), stop) == "0") return;
    } catch (const Error&) {
      if (db.broken()) throw;
      return;  // a server of that version that has not got it
    }
    set(name, "0");
  };
  if (!db.server().is_mariadb && !db.server().is_tidb) {
    // A key of the downstream's own would be in the way of one that the table gets later.
    if (db.server().AtLeast(8, 0, 30)) set_off("sql_generate_invisible_primary_key");
    // Foreign keys to keys that are not unique, which older servers make.
    if (db.server().AtLeast(8, 4)) set_off("restrict_fk_on_non_standard_key");
  }
  // Warnings are read. (MySQL from 8.0 on lets few accounts set it.)
  set("max_error_count", "65535");
}

}  // namespace dm::migration
