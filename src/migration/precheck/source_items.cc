#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error/error.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "migration/precheck/items.h"
#include "migration/rules/name_pattern.h"
#include "migration/rules/online_ddl_names.h"
#include "mysql/value/quote.h"

namespace dm::migration {
namespace {

using Version = std::array<uint64_t, 3>;

constexpr Version kOldestMySql = {5, 6, 0};
constexpr Version kTooNewMySql = {10, 0, 0};  // 9.x is tested
constexpr Version kOldestMariaDb = {10, 1, 2};
constexpr Version kTooNewMariaDb = {12, 0, 0};  // 11.x is tested
constexpr Version kRowImageMySql = {5, 6, 2};
constexpr Version kRowImageMariaDb = {10, 1, 6};

// What a copy of the data does at least, to guess how long it takes.
constexpr uint64_t kCopyBytesPerSecond = 10ull << 20;
constexpr uint64_t kShortestCopySeconds = 600;
// Data that is kept for so long outlives any copy: its size need not be asked for.
constexpr uint64_t kLongRetentionSeconds = 60ull * 86400;

bool IsMariaDb(const std::string& version) {
  return ToLower(version).find("mariadb") != std::string::npos;
}

std::optional<Version> ParseVersion(const std::string& text) {
  std::string number = text.substr(0, text.find('-'));
  // Old MariaDB servers show the version that they pretend to replicate as.
  if (number == "5.5.5" && IsMariaDb(text)) {
    number = text.substr(6, text.find('-', 6) - 6);
  }
  const std::vector<std::string> parts = Split(number, '.');
  Version version{};
  if (parts.size() != version.size()) return std::nullopt;
  for (size_t i = 0; i < version.size(); ++i) {
    const auto value = ParseUint(parts[i]);
    if (!value) return std::nullopt;
    version[i] = *value;
  }
  return version;
}

std::string Shown(const Version& version) {
  return fmt::format("{}.{}.{}", version[0], version[1], version[2]);
}

Error NoVersion(const std::string& version) {
  return Error(ErrorCode::kDBDriverError, "database driver error")
      .SetScope(ErrorScope::kUpstream)
      .SetRawCause(fmt::format("{} is not in dotted-tri format", version));
}

CheckItem NewItem(CheckedSource& source, std::string name, std::string description) {
  CheckItem item;
  item.name = std::move(name);
  item.description = std::move(description);
  item.extra = AddressExtra(*source.upstream);
  return item;
}

std::string ServerVersion(mysql::Connection& connection, const StopToken& stop) {
  return GlobalVariable(connection, "version", stop).value_or("");
}

// Seconds for which binlogs are kept; 0: for ever.
uint64_t Retention(mysql::Connection& connection, const StopToken& stop) {
  if (const auto seconds = GlobalVariable(connection, "binlog_expire_logs_seconds", stop)) {
    if (const auto value = ParseUint(*seconds); value && *value > 0) return *value;
  }
  // A number of days, with MariaDB also with a fraction.
  const auto days = GlobalVariable(connection, "expire_logs_days", stop);
  if (!days) return 0;
  const auto whole = ParseUint(std::string_view(*days).substr(0, days->find('.')));
  return whole ? *whole * 86400 : 0;
}

void CheckGtidMode(const CheckedSource& source, mysql::Connection& connection,
                   const StopToken& stop, CheckItem& item) {
  if (!source.subtask.syncer.enable_gtid || connection.server().is_mariadb) return;
  const std::string mode = GlobalVariable(connection, "gtid_mode", stop).value_or("");
  if (EqualsIgnoreCase(mode, "ON")) return;
  const Error error = MakeError(ErrorCode::kSourceCheckGTID, source.subtask.source_id, mode);
  item.Fail(error.message());
  item.instruction = error.workaround();
}

void CheckRetention(const CheckedSource& source, mysql::Connection& connection,
                    const StopToken& stop, CheckItem& item) {
  if (!HasDump(source.subtask.mode) || !HasSync(source.subtask.mode)) return;
  try {
    const uint64_t seconds = Retention(connection, stop);
    if (seconds == 0 || seconds >= kLongRetentionSeconds) return;
    JudgeRetention(seconds, DataBytes(source, connection, stop), item);
  } catch (const Error& e) {
    // An estimate only; a server with very many tables may not answer in time.
    Log().Info("the time that binlogs are kept is not compared with the size of the data",
               {F("source", source.subtask.source_id), F("error", e)});
  }
}

}  // namespace

std::string AddressExtra(const ConnectionPool& pool) {
  return fmt::format("address of db instance - {}", pool.address());
}

std::optional<std::string> GlobalVariable(mysql::Connection& connection, std::string_view name,
                                          const StopToken& stop) {
  const mysql::ResultSet found =
      connection.Query(fmt::format("SHOW GLOBAL VARIABLES LIKE '{}'", name), stop);
  for (const auto& row : found.rows) {
    // `_` stands for any character here.
    if (row.size() > 1 && EqualsIgnoreCase(row[0].value_or(""), name)) return row[1].value_or("");
  }
  return std::nullopt;
}

void JudgeVersion(const std::string& version, CheckItem& item) {
  if (IsMariaDb(version)) {
    const auto number = ParseVersion(version);
    if (!number || *number < kOldestMariaDb) {
      item.Warn("Migrating from MariaDB is still experimental.");
      item.instruction = "Please use MariaDB 10.1.2 or later.";
    } else if (*number >= kTooNewMariaDb) {
      item.Warn(fmt::format("version suggested earlier than {} but got {}", Shown(kTooNewMariaDb),
                            Shown(*number)));
      item.instruction = "Try the migration with this version before you rely on it.";
    }
    return;
  }
  if (ToLower(version).find("tidb") != std::string::npos) {
    item.Warn("migration from TiDB not supported");
    item.instruction = "TiDB has no binlog that can be replicated; use TiCDC or a dump.";
    return;
  }
  const auto number = ParseVersion(version);
  if (!number) throw NoVersion(version);
  if (*number < kOldestMySql) {
    item.Warn(fmt::format("version suggested at least {} but got {}", Shown(kOldestMySql),
                          Shown(*number)));
    item.instruction = "Try the migration with this version before you rely on it.";
  } else if (*number >= kTooNewMySql) {
    item.Warn(fmt::format("version suggested earlier than {} but got {}", Shown(kTooNewMySql),
                          Shown(*number)));
    item.instruction = "Try the migration with this version before you rely on it.";
  }
}

bool HasRowImage(const std::string& version) {
  const auto number = ParseVersion(version);
  if (!number) throw NoVersion(version);
  return *number >= (IsMariaDb(version) ? kRowImageMariaDb : kRowImageMySql);
}

void JudgeServerId(const std::string& value, CheckItem& item) {
  if (!value.empty() && value != "0") return;
  item.Warn(value.empty() ? "server_id not set" : "server_id is 0");
  item.instruction =
      "Set server_id to a number greater than 0 that no other server of the topology has.";
}

void JudgeVariable(std::string_view variable, const std::string& value, std::string_view wanted,
                   CheckItem& item) {
  if (EqualsIgnoreCase(value, wanted)) return;
  item.Fail(fmt::format("{} is {}, and should be {}", variable, value, wanted));
  if (variable == "log_bin") {
    item.instruction =
        "Start the upstream with its binlog switched on (log_bin); managed services have a setting "
        "for backups or binlogs instead.";
  } else {
    item.instruction = fmt::format(
        "Execute 'SET GLOBAL {0} = {1};' upstream, keep it in the server's configuration, and let "
        "clients connect again: sessions keep the value that they began with.",
        variable, wanted);
  }
}

void JudgeRowImage(const std::string& value, CheckItem& item) {
  // What MariaDB's FULL_NODUP leaves out stands beside it.
  if (EqualsIgnoreCase(value, "FULL") || EqualsIgnoreCase(value, "FULL_NODUP")) return;
  CheckItem full;
  JudgeVariable("binlog_row_image", value, "FULL", full);
  item.Warn(full.entries.front().text);
  item.instruction = fmt::format(
      "{} Changes of rows that lack columns are applied one transaction after another, which is "
      "slower, and the task pauses where they do not say enough: a table with another key "
      "downstream, a default that is not the same constant on both sides, an expression filter.",
      full.instruction);
}

void JudgeRetention(uint64_t seconds, uint64_t bytes, CheckItem& item) {
  const uint64_t needed = std::max(kShortestCopySeconds, bytes / kCopyBytesPerSecond);
  if (seconds == 0 || seconds >= needed) return;
  const auto shown = [](uint64_t value) {
    return FormatDuration(std::chrono::seconds(static_cast<int64_t>(value)));
  };
  item.Warn(fmt::format(
      "binlogs are kept for {}, and a full copy of {} may take {}: changes made meanwhile may be "
      "gone before they are replicated",
      shown(seconds), FormatSize(bytes), shown(needed)));
  item.instruction =
      "Enlarge binlog_expire_logs_seconds (or expire_logs_days) until the task is in its "
      "incremental phase.";
}

void JudgeBinlogDb(const std::vector<std::string>& schemas, const std::string& do_db,
                   const std::string& ignore_db, bool case_sensitive, CheckItem& item) {
  const auto fold = [&](std::string_view name) {
    return case_sensitive ? std::string(name) : LowerName(name);
  };
  const auto parse = [&](const std::string& list) {
    std::set<std::string> names;
    for (const std::string& name : Split(list, ',')) {
      if (!name.empty()) names.insert(fold(name));
    }
    return names;
  };
  const auto judge = [&](const std::set<std::string>& names, bool wanted, std::string_view text,
                         const std::string& list) {
    std::vector<std::string> wrong;
    for (const std::string& schema : schemas) {
      if (names.contains(fold(schema)) != wanted) wrong.push_back(schema);
    }
    if (wrong.empty()) return;
    item.Fail(fmt::format("these dbs [{}] {}[{}]", Join(wrong, ","), text, list));
    item.instruction =
        "Let the upstream write these databases to its binlog (binlog_do_db, binlog_ignore_db), or "
        "leave them out with the block-allow-list.";
  };
  if (const auto names = parse(do_db); !names.empty()) {
    judge(names, true, "are not in binlog_do_db", do_db);
  } else {
    judge(parse(ignore_db), false, "are in binlog_ignore_db", ignore_db);
  }
}

ItemTask VersionItem(CheckedSource& source) {
  return {NewItem(source, "mysql_version", "check whether mysql version is satisfied"),
          [&source](CheckItem& item, const StopToken& stop) {
            JudgeVersion(ServerVersion(*source.upstream->Take(stop), stop), item);
          }};
}

ItemTask ServerIdItem(CheckedSource& source) {
  return {
      NewItem(source, "mysql_server_id", "check whether mysql server_id has been greater than 0"),
      [&source](CheckItem& item, const StopToken& stop) {
        const auto connection = source.upstream->Take(stop);
        JudgeServerId(GlobalVariable(*connection, "server_id", stop).value_or(""), item);
      }};
}

ItemTask BinlogEnableItem(CheckedSource& source) {
  return {NewItem(source, "mysql_binlog_enable", "check whether mysql binlog is enabled"),
          [&source](CheckItem& item, const StopToken& stop) {
            const auto connection = source.upstream->Take(stop);
            JudgeVariable("log_bin", GlobalVariable(*connection, "log_bin", stop).value_or(""),
                          "ON", item);
            if (item.state != CheckState::kSuccess) return;
            CheckGtidMode(source, *connection, stop, item);
            CheckRetention(source, *connection, stop, item);
          }};
}

ItemTask BinlogFormatItem(CheckedSource& source) {
  return {NewItem(source, "mysql_binlog_format", "check whether mysql binlog_format is ROW"),
          [&source](CheckItem& item, const StopToken& stop) {
            const auto connection = source.upstream->Take(stop);
            JudgeVariable("binlog_format",
                          GlobalVariable(*connection, "binlog_format", stop).value_or(""), "ROW",
                          item);
          }};
}

ItemTask BinlogRowImageItem(CheckedSource& source) {
  return {NewItem(source, "mysql_binlog_row_image", "check whether mysql binlog_row_image is FULL"),
          [&source](CheckItem& item, const StopToken& stop) {
            const auto connection = source.upstream->Take(stop);
            if (!HasRowImage(ServerVersion(*connection, stop))) return;
            JudgeRowImage(GlobalVariable(*connection, "binlog_row_image", stop).value_or(""), item);
          }};
}

ItemTask OnlineDdlItem(CheckedSource& source) {
  CheckItem item = NewItem(source, "online ddl checker", "check if in online ddl phase");
  item.extra = "online ddl";
  return {
      std::move(item), [&source](CheckItem& found, const StopToken& stop) {
        ThrowIfStopped(stop);
        const OnlineDdlNames names(source.subtask.shadow_table_rules,
                                   source.subtask.trash_table_rules);
        for (const auto& [schema, tables] : source.schemas) {
          for (const std::string& table : tables) {
            const OnlineDdlName name = names.Classify(table);
            if (name.kind != OnlineDdlKind::kShadow || source.list.Skips(schema, name.real_name)) {
              continue;
            }
            found.Fail("your ddl is in pt/ghost online-ddl");
            found.instruction = fmt::format(
                "Wait until the online DDL of table {} is over (its table {} is gone), then "
                "start the task.",
                mysql::QuoteTable(schema, name.real_name), mysql::QuoteName(table));
            found.extra = "please wait the online-ddl over";
            return;
          }
        }
      }};
}

ItemTask BinlogDbItem(CheckedSource& source) {
  return {NewItem(source, "binlog_do_db/binlog_ignore_db check",
                  "check whether migrated dbs are in binlog_do_db/binlog_ignore_db"),
          [&source](CheckItem& item, const StopToken& stop) {
            const auto connection = source.upstream->Take(stop);
            const mysql::ServerInfo& server = connection->server();
            const bool renamed = !server.is_mariadb && !server.is_tidb && server.AtLeast(8, 4);
            const mysql::ResultSet status =
                connection->Query(renamed ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS", stop);
            const auto cell = [&](std::string_view name) -> std::string {
              const auto column = status.ColumnIndex(name);
              if (!column || status.rows.empty()) return "";
              return status.rows[0].at(*column).value_or("");
            };
            std::vector<std::string> schemas;
            for (const auto& [schema, tables] : source.schemas) schemas.push_back(schema);
            JudgeBinlogDb(schemas, cell("Binlog_Do_DB"), cell("Binlog_Ignore_DB"),
                          source.subtask.case_sensitive, item);
          }};
}

}  // namespace dm::migration
