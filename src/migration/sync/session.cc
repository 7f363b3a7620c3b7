#include "migration/sync/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <set>

#include "base/log/log.h"
#include "migration/config/connect_options.h"
#include "migration/rules/collations.h"
#include "mysql/client/name_case.h"

namespace dm::migration {

namespace {

// At least as many as a row has columns. (MySQL before 8.0, where the default is less, and MariaDB
// get it from mysql::NeutralSession.)
constexpr int kWarnings = 1024;

// What becomes of the fraction of a time that keeps fewer digits: MySQL's word, and MariaDB's.
constexpr std::string_view kCuts = "TIME_TRUNCATE_FRACTIONAL";
constexpr std::string_view kRounds = "TIME_ROUND_FRACTIONAL";

// Offset of the session's zone from UTC, as "+HH:MM".
std::string ZoneOffset(mysql::Connection& connection, const StopToken& stop) {
  std::optional<std::string> seconds =
      connection.QueryValue("SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW())", stop);
  int minutes = seconds ? static_cast<int>(std::lround(std::stol(*seconds) / 60.0)) : 0;
  char sign = minutes < 0 ? '-' : '+';
  minutes = std::abs(minutes);
  return fmt::format("{}{:02}:{:02}", sign, minutes / 60, minutes % 60);
}

auto FindKey(auto& session, std::string_view key) {
  return std::find_if(session.begin(), session.end(), [&](const auto& entry) {
    return std::equal(
        entry.first.begin(), entry.first.end(), key.begin(), key.end(),
        [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
  });
}

bool HasKey(const mysql::ConnectOptions& options, std::string_view key) {
  return FindKey(options.session, key) != options.session.end();
}

void SetKey(mysql::ConnectOptions& options, std::string_view key, std::string value) {
  const auto found = FindKey(options.session, key);
  if (found != options.session.end()) {
    found->second = std::move(value);
  } else {
    options.session.emplace_back(key, std::move(value));
  }
}

std::string Value(mysql::Connection& connection, std::string_view sql, const StopToken& stop) {
  return connection.QueryValue(sql, stop).value_or("");
}

std::string WithMode(const std::string& sql_mode, std::string_view mode) {
  return fmt::format("{}{}{}", sql_mode, sql_mode.empty() ? "" : ",", mode);
}

// Servers that have no such variable do as if it were off, TiDB as if it were on.
bool ExplicitTimestamps(mysql::Connection& connection, const StopToken& stop) {
  if (connection.server().is_tidb) return true;
  const mysql::ResultSet shown =
      connection.Query("SHOW VARIABLES LIKE 'explicit_defaults_for_timestamp'", stop);
  return !shown.rows.empty() && shown.rows.front().at(1).value_or("") == "ON";
}

}  // namespace

bool Utf8IsUtf8mb4(mysql::Connection& connection, const StopToken& stop) {
  if (!connection.server().is_mariadb || !connection.server().AtLeast(10, 6, 1)) return false;
  const std::string old_mode = Value(connection, "SELECT @@GLOBAL.old_mode", stop);
  return old_mode.find("UTF8_IS_UTF8MB3") == std::string::npos;
}

bool CutsFractions(std::string_view sql_mode, const mysql::ServerInfo& server) {
  if (server.is_mariadb) return sql_mode.find(kRounds) == std::string_view::npos;
  return sql_mode.find(kCuts) != std::string_view::npos;
}

std::string AdaptSqlMode(std::string_view upstream_mode, const mysql::ServerInfo& upstream,
                         const mysql::ServerInfo& downstream) {
  // Known to every server.
  static const std::set<std::string, std::less<>> kKept = {
      "ANSI_QUOTES",        "HIGH_NOT_PRECEDENCE",    "NO_BACKSLASH_ESCAPES",
      "NO_DIR_IN_CREATE",   "NO_ENGINE_SUBSTITUTION", "NO_UNSIGNED_SUBTRACTION",
      "ONLY_FULL_GROUP_BY", "PIPES_AS_CONCAT",        "REAL_AS_FLOAT"};
  // Added, meant to be off, or combinations whose parts are in the list as well.
  static const std::set<std::string, std::less<>> kUnneeded = {"IGNORE_SPACE",
                                                               "NO_AUTO_VALUE_ON_ZERO",
                                                               "ALLOW_INVALID_DATES",
                                                               "NO_ZERO_IN_DATE",
                                                               "NO_ZERO_DATE",
                                                               "ERROR_FOR_DIVISION_BY_ZERO",
                                                               "NO_AUTO_CREATE_USER",
                                                               "STRICT_TRANS_TABLES",
                                                               "STRICT_ALL_TABLES",
                                                               "TRADITIONAL",
                                                               "ANSI",
                                                               ""};
  std::string adapted = "NO_AUTO_VALUE_ON_ZERO,IGNORE_SPACE,ALLOW_INVALID_DATES";
  const bool cuts = CutsFractions(upstream_mode, upstream);
  if (downstream.is_mariadb) {
    if (!cuts && downstream.AtLeast(10, 4)) adapted.append(",").append(kRounds);
  } else if (cuts && !downstream.is_tidb && downstream.AtLeast(8, 0, 1)) {
    adapted.append(",").append(kCuts);
  }
  std::string dropped;
  while (!upstream_mode.empty()) {
    const size_t comma = upstream_mode.find(',');
    const std::string_view mode = upstream_mode.substr(0, comma);
    upstream_mode = comma == std::string_view::npos ? "" : upstream_mode.substr(comma + 1);
    if (kKept.contains(mode)) {
      adapted.append(",").append(mode);
    } else if (!kUnneeded.contains(mode) && mode != kCuts && mode != kRounds) {
      dropped.append(dropped.empty() ? "" : ",").append(mode);
    }
  }
  if (!dropped.empty()) {
    Log().Warn("modes of the upstream are not taken over into downstream sessions",
               {F("sql_mode", dropped)});
  }
  return adapted;
}

std::map<std::string, std::string> DefaultCollations(mysql::Connection& connection,
                                                     const StopToken& stop) {
  std::map<std::string, std::string> collations;
  const mysql::ResultSet sets = connection.Query("SHOW CHARACTER SET", stop);
  const auto charset = sets.ColumnIndex("Charset");
  const auto collation = sets.ColumnIndex("Default collation");
  for (const auto& row : sets.rows) {
    if (!charset || !collation || !row[*charset] || !row[*collation]) continue;
    collations[*row[*charset]] = *row[*collation];
    if (*row[*charset] == "utf8mb3") collations["utf8"] = *row[*collation];
    if (*row[*charset] == "utf8") collations["utf8mb3"] = *row[*collation];
  }
  return collations;
}

mysql::CollationLookup LookupIn(std::map<std::string, std::string> collations) {
  return [collations = std::move(collations)](std::string_view charset) {
    const auto it = collations.find(std::string(charset));
    return it == collations.end() ? std::string() : it->second;
  };
}

Sessions OpenSessions(const SubtaskConfig& config, const SessionCounters& counters,
                      std::chrono::seconds idle_limit, const StopToken& stop) {
  Sessions s;
  s.upstream = ToConnectOptions(config.from, ErrorScope::kUpstream);
  s.upstream.counters = counters.upstream;
  s.downstream = ToConnectOptions(config.to, ErrorScope::kDownstream);
  s.downstream.counters = counters.downstream;
  s.foreign_keys = ForeignKeyChecksOn(config.to);

  auto upstream = mysql::Connection::Connect(s.upstream, stop);
  s.upstream_server = upstream->server();
  s.flavor = mysql::ParseFlavor(config.flavor).value_or(upstream->server().flavor);
  s.upstream_explicit_timestamps = ExplicitTimestamps(*upstream, stop);
  s.lower_case_table_names =
      std::atoi(Value(*upstream, "SELECT @@lower_case_table_names", stop).c_str());
  // What a session has chosen is not in the binlog.
  s.utf8_is_utf8mb4 = Utf8IsUtf8mb4(*upstream, stop);
  std::string upstream_mode;
  try {
    upstream_mode = Value(*upstream, "SELECT @@GLOBAL.sql_mode", stop);
  } catch (const Error& e) {
    Log().Warn("cannot get sql_mode from upstream database", {F("error", e)});
  }

  if (!HasKey(s.downstream, "foreign_key_checks")) {
    SetKey(s.downstream, "foreign_key_checks", "0");
  }
  if (!config.timezone.empty() && !HasKey(s.downstream, "time_zone")) {
    SetKey(s.downstream, "time_zone", config.timezone);
  }
  auto downstream = mysql::Connection::Connect(s.downstream, stop);
  const bool own_mode = !HasKey(s.downstream, "sql_mode");
  if (own_mode) {
    SetKey(s.downstream, "sql_mode",
           AdaptSqlMode(upstream_mode, s.upstream_server, downstream->server()));
    downstream = mysql::Connection::Connect(s.downstream, stop);
  }
  s.downstream_server = downstream->server();
  s.downstream_explicit_timestamps = ExplicitTimestamps(*downstream, stop);
  s.downstream_folds = mysql::IgnoresNameCase(*downstream, stop);
  s.strict_collations = config.collation_compatible == "strict";
  // A target made by hand may give ids itself; the rows have theirs.
  constexpr std::string_view kExplicitIds = "allow_auto_random_explicit_insert";
  if (s.downstream_server.is_tidb && s.downstream_server.AtLeast(4, 0) &&
      !HasKey(s.downstream, kExplicitIds)) {
    SetKey(s.downstream, kExplicitIds, "1");
  }
  // For tables whose definition names no engine: rows are committed with their proof.
  if (!s.downstream_server.is_tidb && !HasKey(s.downstream, "default_storage_engine")) {
    SetKey(s.downstream, "default_storage_engine", "InnoDB");
  }
  s.default_collations = DefaultCollations(*upstream, stop);
  const std::string zone = ZoneOffset(*downstream, stop);
  const std::optional<mysql::TimeZone> parsed = mysql::TimeZone::Parse(zone);
  if (!parsed) throw MakeError(ErrorCode::kConfigInvalidTimezone, zone);
  s.rows_zone = *parsed;

  // Changes name their rows by key, so nothing is read that another could change in between; gap
  // locks only make the workers wait for one another.
  const bool rows_logged = !s.downstream_server.is_tidb &&
                           (Value(*downstream, "SELECT @@binlog_format", stop) != "STATEMENT" ||
                            Value(*downstream, "SELECT @@log_bin", stop) == "0");
  s.read_committed = rows_logged && !HasKey(s.downstream, "tx_isolation") &&
                     !HasKey(s.downstream, "transaction_isolation");
  // A log of statements would have markers without values.
  s.bulk = rows_logged && s.downstream_server.is_mariadb;
  const bool upstream_cuts = CutsFractions(upstream_mode, s.upstream_server);
  const bool downstream_cuts =
      CutsFractions(Value(*downstream, "SELECT @@sql_mode", stop), s.downstream_server);
  s.fractions_differ = upstream_cuts != downstream_cuts;
  s.mysql_cuts = (!s.upstream_server.is_mariadb && upstream_cuts) ||
                 (!s.downstream_server.is_mariadb && downstream_cuts);
  s.statements = s.downstream;
  s.statements.idle_limit = idle_limit;
  s.rows = s.checkpoint = s.statements;
  // Rows of a former owner are waited for by asking again: each time for less than a client waits
  // for its answer.
  if (!HasKey(s.checkpoint, "innodb_lock_wait_timeout")) {
    SetKey(s.checkpoint, "innodb_lock_wait_timeout", "20");
  }
  s.rows.found_rows = true;
  SetKey(s.rows, "time_zone", zone);
  const std::string mode = Value(*downstream, "SELECT @@sql_mode", stop);
  if (own_mode) {
    // What a session that is not strict changes is told by its warnings alone. (TiDB keeps 65535
    // of them, whatever the variable says.)
    if (downstream->server().is_tidb ||
        std::atoi(Value(*downstream, "SELECT @@max_error_count", stop).c_str()) >= kWarnings) {
      s.lenient_mode = mode;
    } else {
      Log().Warn(
          "rows that only a strict session refuses will stop the task: the downstream's "
          "max_error_count is too small to see what becomes of them",
          {F("needed", kWarnings)});
    }
    SetKey(s.rows, "sql_mode", fmt::format("{}{}", mode, kStrictModes));
  } else {
    // The 0 of a row is a value, and no wish for a new number. (Statements that number rows get the
    // upstream's mode from DdlExecutor.)
    for (mysql::ConnectOptions* options : {&s.rows, &s.statements}) {
      SetKey(*options, "sql_mode", WithMode(mode, "NO_AUTO_VALUE_ON_ZERO"));
    }
  }
  SetKey(s.checkpoint, "sql_mode", WithMode(mode, "STRICT_ALL_TABLES"));
  Log().Info("versions of both sides", {F("upstream", s.upstream_server.version),
                                        F("downstream", s.downstream_server.version),
                                        F("time zone", zone), F("sql_mode", mode)});
  return s;
}

}  // namespace dm::migration
