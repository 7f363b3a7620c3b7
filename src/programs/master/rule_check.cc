#include "programs/master/rule_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "migration/rules/event_filter.h"
#include "migration/rules/name_pattern.h"
#include "migration/rules/system_schema.h"
#include "mysql/value/quote.h"

namespace dm::master {

using migration::NamePattern;
using migration::SubtaskConfig;

namespace {

// Does `schema` match any schema, or with a `table` pattern both any table?
class Matcher {
 public:
  Matcher(const UpstreamNames& names, bool case_sensitive)
      : names_(names), case_sensitive_(case_sensitive) {}

  bool Schema(std::string_view pattern, NamePattern::Regex regex) const {
    const NamePattern compiled(pattern, case_sensitive_, regex);
    return std::any_of(names_.schemas.begin(), names_.schemas.end(),
                       [&](const std::string& schema) { return compiled.Matches(schema); });
  }
  bool Table(std::string_view schema, std::string_view table, NamePattern::Regex regex) const {
    const NamePattern schemas(schema, case_sensitive_, regex);
    const NamePattern tables(table, case_sensitive_, regex);
    return std::any_of(names_.tables.begin(), names_.tables.end(), [&](const auto& name) {
      return schemas.Matches(name.first) && tables.Matches(name.second);
    });
  }
  bool Rule(std::string_view schema, std::string_view table, NamePattern::Regex regex) const {
    return table.empty() ? Schema(schema, regex) : Table(schema, table, regex);
  }

 private:
  const UpstreamNames& names_;
  const bool case_sensitive_;
};

std::string Pair(std::string_view schema, std::string_view table) {
  return table.empty() ? mysql::QuoteName(schema)
                       : mysql::QuoteName(schema) + "." + mysql::QuoteName(table);
}

}  // namespace

bool HasRules(const SubtaskConfig& subtask) {
  return (subtask.block_allow_list && *subtask.block_allow_list != migration::BlockAllowRules{}) ||
         !subtask.route_rules.empty() || !subtask.filter_rules.empty() ||
         !subtask.expression_filter.empty();
}

std::vector<std::string> RulesWithoutEffect(const SubtaskConfig& subtask,
                                            const UpstreamNames& names) {
  constexpr auto kRegex = NamePattern::Regex::kAllowed;
  const Matcher matcher(names, subtask.case_sensitive);
  std::vector<std::string> found;
  const auto nothing = [&](std::string_view kind, const std::string& what) {
    found.push_back(fmt::format("{} {} matches nothing of source {}{}", kind, what,
                                subtask.source_id,
                                subtask.case_sensitive ? " (letter case matters)" : ""));
  };
  if (subtask.block_allow_list) {
    for (const std::string& schema : subtask.block_allow_list->do_dbs) {
      if (!matcher.Schema(schema, kRegex)) nothing("do-dbs entry", mysql::QuoteName(schema));
    }
    for (const migration::TablePattern& entry : subtask.block_allow_list->do_tables) {
      if (!matcher.Table(entry.schema, entry.table, kRegex)) {
        nothing("do-tables entry", Pair(entry.schema, entry.table));
      }
    }
  }
  for (const migration::RouteRule& rule : subtask.route_rules) {
    if (!matcher.Rule(rule.schema_pattern, rule.table_pattern, kRegex)) {
      nothing("route", Pair(rule.schema_pattern, rule.table_pattern));
    }
  }
  for (const std::string& warning :
       migration::CheckEventFilters(subtask.filter_rules, subtask.case_sensitive)) {
    found.push_back(fmt::format("{} (source {})", warning, subtask.source_id));
  }
  for (const migration::EventFilterRule& rule : subtask.filter_rules) {
    if (!matcher.Rule(rule.schema_pattern, rule.table_pattern, NamePattern::Regex::kLiteralTilde)) {
      nothing("filter on", Pair(rule.schema_pattern, rule.table_pattern));
    }
  }
  return found;
}

UpstreamNames ReadUpstreamNames(mysql::Connection& upstream, const StopToken& stop) {
  UpstreamNames names;
  for (const auto& row :
       upstream.Query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA", stop).rows) {
    std::string schema = row.at(0).value_or("");
    if (!migration::IsSystemSchema(schema)) names.schemas.push_back(std::move(schema));
  }
  const mysql::ResultSet tables = upstream.Query(
      "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE "
      "TABLE'",
      stop);
  for (const auto& row : tables.rows) {
    std::string schema = row.at(0).value_or("");
    if (migration::IsSystemSchema(schema)) continue;
    names.tables.emplace_back(std::move(schema), row.at(1).value_or(""));
  }
  return names;
}

}  // namespace dm::master
