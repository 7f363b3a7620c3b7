#include "migration/precheck/rule_effect.h"

#include <fmt/format.h>

#include <algorithm>

#include "migration/precheck/items.h"
#include "migration/rules/event_filter.h"
#include "migration/rules/name_pattern.h"
#include "migration/rules/system_schema.h"
#include "mysql/value/quote.h"

namespace dm::migration {

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
  return table.empty() ? mysql::QuoteName(schema) : mysql::QuoteTable(schema, table);
}

}  // namespace

bool HasRules(const SubtaskConfig& subtask) {
  return (subtask.block_allow_list && *subtask.block_allow_list != BlockAllowRules{}) ||
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
    for (const TablePattern& entry : subtask.block_allow_list->do_tables) {
      if (!matcher.Table(entry.schema, entry.table, kRegex)) {
        nothing("do-tables entry", Pair(entry.schema, entry.table));
      }
    }
  }
  for (const RouteRule& rule : subtask.route_rules) {
    if (!matcher.Rule(rule.schema_pattern, rule.table_pattern, kRegex)) {
      nothing("route", Pair(rule.schema_pattern, rule.table_pattern));
    }
  }
  for (const std::string& warning :
       CheckEventFilters(subtask.filter_rules, subtask.case_sensitive)) {
    found.push_back(fmt::format("{} (source {})", warning, subtask.source_id));
  }
  for (const EventFilterRule& rule : subtask.filter_rules) {
    if (!matcher.Rule(rule.schema_pattern, rule.table_pattern, NamePattern::Regex::kLiteralTilde)) {
      nothing("filter on", Pair(rule.schema_pattern, rule.table_pattern));
    }
  }
  return found;
}

UpstreamNames ReadUpstreamNames(CheckedSource& source, const StopToken& stop) {
  const SubtaskConfig& subtask = source.subtask;
  std::vector<NamePattern> looked_into;
  const auto look_into = [&](const std::string& schema, const std::string& table,
                             NamePattern::Regex regex) {
    if (!table.empty()) looked_into.emplace_back(schema, subtask.case_sensitive, regex);
  };
  if (subtask.block_allow_list) {
    for (const TablePattern& entry : subtask.block_allow_list->do_tables) {
      look_into(entry.schema, entry.table, NamePattern::Regex::kAllowed);
    }
  }
  for (const RouteRule& rule : subtask.route_rules) {
    look_into(rule.schema_pattern, rule.table_pattern, NamePattern::Regex::kAllowed);
  }
  for (const EventFilterRule& rule : subtask.filter_rules) {
    look_into(rule.schema_pattern, rule.table_pattern, NamePattern::Regex::kLiteralTilde);
  }
  UpstreamNames names;
  const auto connection = source.upstream->Take(stop);
  for (const auto& row : connection->Query("SHOW DATABASES", stop).rows) {
    const std::string schema = row.at(0).value_or("");
    if (IsSystemSchema(schema)) continue;
    names.schemas.push_back(schema);
    if (std::none_of(looked_into.begin(), looked_into.end(),
                     [&](const NamePattern& pattern) { return pattern.Matches(schema); })) {
      continue;
    }
    const auto known = source.schemas.find(schema);
    for (std::string& table : known != source.schemas.end()
                                  ? std::vector<std::string>(known->second)
                                  : ListTables(*connection, schema, stop)) {
      names.tables.emplace_back(schema, std::move(table));
    }
  }
  return names;
}

ItemTask RuleEffectItem(Preparation& preparation) {
  CheckItem item;
  item.name = "rules effect check";
  item.description = "check whether lists, routes and filters match something upstream";
  return {std::move(item), [&preparation](CheckItem& found, const StopToken& stop) {
            for (const auto& source : preparation.sources) {
              if (!HasRules(source->subtask)) continue;
              for (std::string& warning :
                   RulesWithoutEffect(source->subtask, ReadUpstreamNames(*source, stop))) {
                found.Warn(std::move(warning));
              }
            }
            if (found.state == CheckState::kSuccess) return;
            found.instruction =
                "Compare the patterns with the names upstream, and with `case-sensitive`. A rule "
                "for tables that will be created later is right as it is.";
          }};
}

}  // namespace dm::migration
