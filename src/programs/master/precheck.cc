#include "programs/master/precheck.h"

#include <algorithm>

#include "base/error/error.h"
#include "base/io/text.h"
#include "cluster/rpc/print_json.h"
#include "migration/config/dumper_arguments.h"
#include "migration/rules/block_allow_list.h"
#include "mysql/client/connection.h"
#include "mysql/value/quote.h"
#include "programs/master/rule_check.h"
#include "programs/master/upstream.h"

namespace dm::master {
namespace {

using migration::SubtaskConfig;

std::string_view ToString(CheckItem::State state) {
  switch (state) {
    case CheckItem::State::kSuccess:
      return "success";
    case CheckItem::State::kWarn:
      return "warn";
    case CheckItem::State::kFail:
      return "fail";
  }
  return "";
}

std::string Text(std::string_view text) {
  std::string out;
  cluster::AppendJsonString(out, text);
  return out;
}

// What is left of the items by the limits on what is shown.
std::vector<CheckItem> Shown(const std::vector<CheckItem>& items, const CheckLimits& limits) {
  int64_t errors = limits.errors;
  int64_t warnings = limits.warnings;
  const auto take = [&](bool fails) {
    int64_t& left = fails ? errors : warnings;
    if (left == 0) return false;
    --left;
    return true;
  };
  std::vector<CheckItem> out;
  for (CheckItem item : items) {
    if (item.state == CheckItem::State::kSuccess) continue;
    if (item.entries.empty()) {
      if (take(item.state == CheckItem::State::kFail)) out.push_back(std::move(item));
      continue;
    }
    std::erase_if(item.entries, [&](const CheckEntry& entry) { return !take(entry.fails); });
    if (!item.entries.empty()) out.push_back(std::move(item));
  }
  return out;
}

size_t Count(const std::vector<CheckItem>& items, CheckItem::State state) {
  return static_cast<size_t>(std::count_if(
      items.begin(), items.end(), [&](const CheckItem& item) { return item.state == state; }));
}

// One tab a level, every line after the first with one more.
std::string DetailJson(const std::vector<CheckItem>& items, const CheckLimits& limits) {
  std::string out = "{\n\t\t\"results\": [";
  bool first = true;
  for (const CheckItem& item : Shown(items, limits)) {
    out += first ? "\n" : ",\n";
    first = false;
    out += fmt::format(
        "\t\t\t{{\n\t\t\t\t\"id\": {},\n\t\t\t\t\"name\": {},\n\t\t\t\t\"desc\": {},\n"
        "\t\t\t\t\"state\": \"{}\"",
        item.id, Text(item.name), Text(item.description), ToString(item.state));
    if (!item.entries.empty()) {
      out += ",\n\t\t\t\t\"errors\": [";
      for (size_t i = 0; i < item.entries.size(); ++i) {
        out += fmt::format(
            "{}\n\t\t\t\t\t{{\n\t\t\t\t\t\t\"severity\": \"{}\",\n\t\t\t\t\t\t\"short_error\": "
            "{}\n\t\t\t\t\t}}",
            i == 0 ? "" : ",", item.entries[i].fails ? "fail" : "warn", Text(item.entries[i].text));
      }
      out += "\n\t\t\t\t]";
    }
    if (!item.instruction.empty()) {
      out += fmt::format(",\n\t\t\t\t\"instruction\": {}", Text(item.instruction));
    }
    if (!item.extra.empty()) out += fmt::format(",\n\t\t\t\t\"extra\": {}", Text(item.extra));
    out += "\n\t\t\t}";
  }
  out += first ? "]" : "\n\t\t]";
  const size_t failed = Count(items, CheckItem::State::kFail);
  out += fmt::format(
      ",\n\t\t\"summary\": {{\n\t\t\t\"passed\": {},\n\t\t\t\"total\": {},\n\t\t\t\"successful\": "
      "{},\n\t\t\t\"failed\": {},\n\t\t\t\"warning\": {}\n\t\t}}\n\t}}",
      failed == 0, items.size(), Count(items, CheckItem::State::kSuccess), failed,
      Count(items, CheckItem::State::kWarn));
  return out;
}

// Runs `judge`; what it throws makes the item fail.
template <class Judge>
CheckItem Guarded(CheckItem item, Judge judge) {
  try {
    return judge();
  } catch (const Error& e) {
    item.state = CheckItem::State::kFail;
    item.entries.push_back({true, e.MessageAndCause()});
    return item;
  }
}

// Collects the items of one task.
class Run {
 public:
  Run(const std::vector<SubtaskConfig>& subtasks, const StopToken& stop)
      : subtasks_(subtasks), stop_(stop) {
    const auto& ignored = subtasks.front().ignore_checking_items;
    ignored_.insert(ignored_.end(), ignored.begin(), ignored.end());
  }

  bool Wants(std::string_view name) const {
    return std::find(ignored_.begin(), ignored_.end(), name) == ignored_.end();
  }

  std::vector<CheckItem> All() {
    if (!Wants("all")) return {};
    for (const SubtaskConfig& subtask : subtasks_) {
      std::unique_ptr<mysql::Connection> upstream;
      try {
        upstream = OpenUpstream(subtask.from, stop_);
      } catch (Error& e) {
        throw Error(e).Annotate("fail to initialize checker").SetClass("dm-master");
      }
      One(subtask, *upstream);
    }
    if (Wants("table_schema") || !identity_failures_.empty()) AddIdentityItem();
    if (std::any_of(subtasks_.begin(), subtasks_.end(), HasRules)) AddRulesItem();
    return std::move(items_);
  }

 private:
  void Add(CheckItem item, const SubtaskConfig& subtask) {
    item.id = static_cast<int>(items_.size());
    item.extra =
        fmt::format("address of db instance - {}:{}", subtask.from.host, subtask.from.port);
    items_.push_back(std::move(item));
  }

  void One(const SubtaskConfig& subtask, mysql::Connection& upstream) {
    if (Wants("version")) Add(JudgeVersion(upstream.server().version), subtask);
    if (migration::HasSync(subtask.mode)) {
      if (Wants("server_id")) Variable(subtask, upstream, "server_id", "");
      if (Wants("binlog_enable")) Variable(subtask, upstream, "log_bin", "ON");
      if (Wants("binlog_format")) Variable(subtask, upstream, "binlog_format", "ROW");
      if (Wants("binlog_row_image")) Variable(subtask, upstream, "binlog_row_image", "FULL");
    }
    if (HasRules(subtask)) {
      for (std::string& warning : RulesWithoutEffect(subtask, ReadUpstreamNames(upstream, stop_))) {
        rule_warnings_.push_back({false, std::move(warning)});
      }
    }
    // Rows of such tables cannot be repeated: this cannot be ignored.
    CollectTablesWithoutIdentity(subtask, upstream);
  }

  void Variable(const SubtaskConfig& subtask, mysql::Connection& upstream, const std::string& name,
                const std::string& wanted) {
    Add(Guarded(JudgeVariable(name, wanted, wanted),
                [&] {
                  const mysql::ResultSet found =
                      upstream.Query(fmt::format("SHOW GLOBAL VARIABLES LIKE '{}'", name), stop_);
                  const std::string value =
                      found.rows.empty() ? "" : found.rows[0].at(1).value_or("");
                  return JudgeVariable(name, value, wanted);
                }),
        subtask);
  }

  void CollectTablesWithoutIdentity(const SubtaskConfig& subtask, mysql::Connection& upstream) {
    const migration::BlockAllowList list =
        subtask.block_allow_list
            ? migration::BlockAllowList(*subtask.block_allow_list, subtask.case_sensitive)
            : migration::BlockAllowList();
    const bool inconsistent_dump =
        migration::HasDump(subtask.mode) &&
        migration::EffectiveDumpSettings(subtask.dumper).consistency == "none";
    const mysql::ResultSet tables = upstream.Query(
        "SELECT t.TABLE_SCHEMA, t.TABLE_NAME FROM information_schema.TABLES t LEFT JOIN (SELECT "
        "TABLE_SCHEMA, TABLE_NAME, INDEX_NAME FROM information_schema.STATISTICS WHERE NON_UNIQUE "
        "= 0 GROUP BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME HAVING SUM(NULLABLE = 'YES') = 0 AND "
        "SUM(COLUMN_NAME IS NULL) = 0) k ON k.TABLE_SCHEMA = t.TABLE_SCHEMA AND k.TABLE_NAME = "
        "t.TABLE_NAME WHERE t.TABLE_TYPE = 'BASE TABLE' AND k.INDEX_NAME IS NULL ORDER BY 1, 2",
        stop_);
    for (const auto& row : tables.rows) {
      const std::string schema = row[0].value_or("");
      const std::string table = row[1].value_or("");
      if (list.Skips(schema, table)) continue;
      const std::string name = mysql::QuoteName(schema) + "." + mysql::QuoteName(table);
      if (inconsistent_dump) {
        identity_failures_.push_back(
            {true, fmt::format("table {} of source {} has no primary key and no unique key of NOT "
                               "NULL columns, and the dump is not consistent (--consistency none)",
                               name, subtask.source_id)});
      } else {
        identity_warnings_.push_back(
            {false, fmt::format("table {} primary/unique key does not exist", name)});
      }
    }
  }

  void AddIdentityItem() {
    CheckItem item;
    item.id = static_cast<int>(items_.size());
    item.name = "table structure compatibility check";
    item.description = "check compatibility of table structure";
    if (!identity_failures_.empty()) {
      item.state = CheckItem::State::kFail;
      item.instruction =
          "Rows of tables without a primary or unique key cannot be applied twice without being "
          "doubled. Add a key, or dump consistently (without --consistency none).";
    } else if (!identity_warnings_.empty()) {
      item.state = CheckItem::State::kWarn;
      item.instruction =
          "You need to set primary/unique keys for the table. Otherwise replication efficiency "
          "might become very low and exactly-once replication cannot be guaranteed.";
    }
    item.entries = std::move(identity_failures_);
    item.entries.insert(item.entries.end(), identity_warnings_.begin(), identity_warnings_.end());
    items_.push_back(std::move(item));
  }

  void AddRulesItem() {
    CheckItem item;
    item.id = static_cast<int>(items_.size());
    item.name = "rules effect check";
    item.description = "check whether lists, routes and filters match something upstream";
    if (!rule_warnings_.empty()) {
      item.state = CheckItem::State::kWarn;
      item.instruction =
          "Compare the patterns with the names upstream, and with `case-sensitive`. A rule for "
          "tables that will be created later is right as it is.";
    }
    item.entries = std::move(rule_warnings_);
    items_.push_back(std::move(item));
  }

  const std::vector<SubtaskConfig>& subtasks_;
  const StopToken& stop_;
  std::vector<std::string> ignored_;
  std::vector<CheckItem> items_;
  std::vector<CheckEntry> identity_failures_;
  std::vector<CheckEntry> identity_warnings_;
  std::vector<CheckEntry> rule_warnings_;
};

}  // namespace

CheckItem JudgeVariable(const std::string& variable, const std::string& value,
                        const std::string& wanted) {
  CheckItem item;
  if (variable == "server_id") {
    item.name = "mysql_server_id";
    item.description = "check whether mysql server_id has been greater than 0";
    if (value.empty() || value == "0") {
      item.state = CheckItem::State::kWarn;
      item.entries.push_back({true, value.empty() ? "server_id not set" : "server_id is 0"});
      item.instruction = "Set a server_id greater than 0 that no other server of the topology has.";
    }
    return item;
  }
  if (variable == "log_bin") {
    item.name = "mysql_binlog_enable";
    item.description = "check whether mysql binlog is enabled";
    item.instruction = "Start the upstream server with its binlog switched on (log_bin).";
  } else if (variable == "binlog_format") {
    item.name = "mysql_binlog_format";
    item.description = "check whether mysql binlog_format is ROW";
    item.instruction = "Execute 'set global binlog_format=ROW;' and let clients connect again.";
  } else {
    item.name = "mysql_" + variable;
    item.description = fmt::format("check whether mysql {} is {}", variable, wanted);
    item.instruction = fmt::format("Execute 'set global {} = {};' and let clients connect again.",
                                   variable, wanted);
  }
  if (EqualsIgnoreCase(value, wanted)) {
    item.instruction.clear();
    return item;
  }
  item.state = CheckItem::State::kFail;
  item.entries.push_back(
      {true, fmt::format("{} is {}, and should be {}", variable, value, wanted)});
  return item;
}

CheckItem JudgeVersion(const std::string& version) {
  CheckItem item;
  item.name = "mysql_version";
  item.description = "check whether mysql version is satisfied";
  const std::string lower = ToLower(version);
  const auto warn = [&](std::string text) {
    item.state = CheckItem::State::kWarn;
    item.entries.push_back({false, std::move(text)});
  };
  if (lower.find("mariadb") != std::string::npos) {
    warn("Migrating from MariaDB is still experimental.");
    item.instruction = "It is recommended that you upgrade MariaDB to 10.1.2 or a later version.";
    return item;
  }
  if (lower.find("tidb") != std::string::npos) {
    warn("migration from TiDB not supported");
    return item;
  }
  const std::string number = version.substr(0, version.find('-'));
  const std::vector<std::string> parts = Split(number, '.');
  std::vector<uint64_t> values;
  for (const std::string& part : parts) {
    if (const auto value = ParseUint(part)) values.push_back(*value);
  }
  if (parts.size() != 3 || values.size() != 3) {
    item.state = CheckItem::State::kFail;
    item.entries.push_back({true, fmt::format("{} is not in dotted-tri format", version)});
  } else if (values < std::vector<uint64_t>{5, 6, 0}) {
    warn(fmt::format("version suggested at least 5.6.0 but got {}", number));
  } else if (values >= std::vector<uint64_t>{8, 5, 0}) {
    warn(fmt::format("version suggested earlier than 8.5.0 but got {}", number));
  }
  return item;
}

std::vector<CheckItem> RunChecks(const std::vector<SubtaskConfig>& subtasks,
                                 const StopToken& stop) {
  if (subtasks.empty()) return {};
  return Run(subtasks, stop).All();
}

std::string CheckText(const std::vector<CheckItem>& items, const CheckLimits& limits) {
  if (items.empty()) return "";
  constexpr std::string_view kHead = "fail to check synchronization configuration with type";
  if (Count(items, CheckItem::State::kFail) > 0) {
    throw Error(ErrorCode::kTaskCheckSyncConfigError,
                fmt::format("{}: check was failed, please see detail\n detail: {}", kHead,
                            DetailJson(items, limits)))
        .SetClass("dm-master");
  }
  if (Count(items, CheckItem::State::kWarn) > 0) {
    return fmt::format("{}: no errors but some warnings\n detail: {}", kHead,
                       DetailJson(items, limits));
  }
  return "pre-check is passed. ";
}

}  // namespace dm::master
