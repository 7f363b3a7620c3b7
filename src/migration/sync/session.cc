#include "migration/sync/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <set>

#include "base/log/log.h"
#include "migration/config/connect_options.h"
#include "migration/rules/collations.h"

namespace dm::migration {

namespace {

// Offset of the session's zone from UTC, as "+HH:MM".
std::string ZoneOffset(mysql::Connection& connection, const StopToken& stop) {
  std::optional<std::string> seconds =
      connection.QueryValue("SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW())", stop);
  int minutes = seconds ? static_cast<int>(std::lround(std::stol(*seconds) / 60.0)) : 0;
  char sign = minutes < 0 ? '-' : '+';
  minutes = std::abs(minutes);
  return fmt::format("{}{:02}:{:02}", sign, minutes / 60, minutes % 60);
}

bool HasKey(const mysql::ConnectOptions& options, std::string_view key) {
  return std::any_of(options.session.begin(), options.session.end(), [&](const auto& entry) {
    return std::equal(
        entry.first.begin(), entry.first.end(), key.begin(), key.end(),
        [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
  });
}

std::string Value(mysql::Connection& connection, std::string_view sql, const StopToken& stop) {
  return connection.QueryValue(sql, stop).value_or("");
}

}  // namespace

std::string AdaptSqlMode(std::string_view upstream_mode) {
  static const std::set<std::string, std::less<>> kRemoved = {
      "NO_ZERO_IN_DATE", "NO_ZERO_DATE", "ERROR_FOR_DIVISION_BY_ZERO", "NO_AUTO_CREATE_USER",
      "STRICT_TRANS_TABLES", "STRICT_ALL_TABLES", "",
      // Rows of the stream tell '' and NULL apart.
      "EMPTY_STRING_IS_NULL",
      // Added below.
      "IGNORE_SPACE", "NO_AUTO_VALUE_ON_ZERO", "ALLOW_INVALID_DATES"};
  std::string adapted = "NO_AUTO_VALUE_ON_ZERO,IGNORE_SPACE,ALLOW_INVALID_DATES";
  while (!upstream_mode.empty()) {
    size_t comma = upstream_mode.find(',');
    std::string_view mode = upstream_mode.substr(0, comma);
    upstream_mode = comma == std::string_view::npos ? "" : upstream_mode.substr(comma + 1);
    if (!kRemoved.contains(mode)) adapted.append(",").append(mode);
  }
  return adapted;
}

Sessions OpenSessions(const SubtaskConfig& config, const StopToken& stop) {
  Sessions s;
  s.upstream_io = std::make_shared<mysql::IoCounters>();
  s.downstream_io = std::make_shared<mysql::IoCounters>();
  s.upstream = ToConnectOptions(config.from, ErrorScope::kUpstream);
  s.upstream.counters = s.upstream_io;
  s.downstream = ToConnectOptions(config.to, ErrorScope::kDownstream);
  s.downstream.counters = s.downstream_io;
  s.foreign_keys = ForeignKeyChecksOn(config.to);

  auto upstream = mysql::Connection::Connect(s.upstream, stop);
  s.upstream_server = upstream->server();
  s.flavor = mysql::ParseFlavor(config.flavor).value_or(upstream->server().flavor);
  s.upstream_zone = ZoneOffset(*upstream, stop);
  s.lower_case_table_names =
      std::atoi(Value(*upstream, "SELECT @@lower_case_table_names", stop).c_str());
  if (s.flavor == mysql::Flavor::kMariaDb) {
    s.upstream_identity =
        Value(*upstream, "SELECT CONCAT(@@server_id, '@', @@hostname, ':', @@port)", stop);
  } else {
    s.upstream_identity = Value(*upstream, "SELECT @@server_uuid", stop);
  }
  std::string sql_mode;
  try {
    sql_mode = AdaptSqlMode(Value(*upstream, "SELECT @@GLOBAL.sql_mode", stop));
  } catch (const Error& e) {
    Log().Warn("cannot get sql_mode from upstream database", {F("error", e)});
    sql_mode = AdaptSqlMode("");
  }

  auto& session = s.downstream.session;
  if (!HasKey(s.downstream, "foreign_key_checks")) session.emplace_back("foreign_key_checks", "0");
  if (!HasKey(s.downstream, "sql_mode")) session.emplace_back("sql_mode", sql_mode);
  auto downstream = mysql::Connection::Connect(s.downstream, stop);
  s.downstream_server = downstream->server();
  if (CrossesKinds(s.upstream_server.is_mariadb, s.downstream_server)) {
    const mysql::ResultSet sets = upstream->Query("SHOW CHARACTER SET", stop);
    const auto charset = sets.ColumnIndex("Charset");
    const auto collation = sets.ColumnIndex("Default collation");
    for (const auto& row : sets.rows) {
      if (charset && collation && row[*charset] && row[*collation]) {
        s.default_collations[*row[*charset]] = *row[*collation];
      }
    }
  }
  std::string zone = config.timezone.empty() ? ZoneOffset(*downstream, stop) : config.timezone;
  std::optional<mysql::TimeZone> parsed = mysql::TimeZone::Parse(zone);
  if (!parsed) throw MakeError(ErrorCode::kConfigInvalidTimezone, zone);
  s.task_zone = *parsed;
  // A fixed zone: the server's own may change its offset with the season.
  if (!HasKey(s.downstream, "time_zone")) session.emplace_back("time_zone", zone);

  // Changes name their rows by key, so nothing is read that another could change in between; gap
  // locks only make the workers wait for one another.
  if (!s.downstream_server.is_tidb && !HasKey(s.downstream, "tx_isolation") &&
      !HasKey(s.downstream, "transaction_isolation")) {
    s.read_committed = Value(*downstream, "SELECT @@binlog_format", stop) != "STATEMENT" ||
                       Value(*downstream, "SELECT @@log_bin", stop) == "0";
  }
  Log().Info("versions of both sides", {F("upstream", s.upstream_server.version),
                                        F("downstream", s.downstream_server.version),
                                        F("time zone", zone), F("sql_mode", sql_mode)});
  return s;
}

}  // namespace dm::migration
