#include "migration/rules/event_filter.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <utility>

#include "base/error/error.h"
#include "migration/rules/name_pattern.h"

namespace dm::migration {
namespace {

constexpr std::array kEventNames = std::to_array<std::string_view>({
    // groups
    "",
    "all",
    "all dml",
    "all ddl",
    "none",
    "none dml",
    "none ddl",
    "incompatible ddl changes",
    // rows
    "insert",
    "update",
    "delete",
    // schemas
    "create database",
    "create schema",
    "drop database",
    "drop schema",
    "alter database",
    "alter schema",
    // tables, indexes, views
    "create table",
    "drop table",
    "truncate table",
    "rename table",
    "alter table",
    "create index",
    "drop index",
    "create view",
    "drop view",
    // partitions
    "add table partition",
    "drop table partition",
    "truncate table partition",
    "reorganize table partition",
    "rebuild table partition",
    "coalesce table partition",
    "split table partition",
    "exchange table partition",
    "alter table partitioning",
    "remove table partitioning",
    // changes of a table
    "value range decrease",
    "precision decrease",
    "modify column",
    "rename column",
    "rename index",
    "drop column",
    "drop primary key",
    "drop unique key",
    "modify default value",
    "modify constraint",
    "modify columns order",
    "modify charset",
    "modify collation",
    "remove auto increment",
    "modify storage engine",
    // valid, but no statement gets these
    "add foreign key",
    "drop foreign key",
    "modify schema charset and collate",
    "modify table charset and collate",
    "modify table comment",
    "recover table",
    "add column",
    "set default value",
    "rebase auto id",
    "add primary key",
    "alter index visibility",
    "alter ttl info",
    "alter ttl remove",
    "multi schema change",
});

// Reads `text` as a list of SQL expressions as far as quoting and brackets decide it. Returns the
// reason why it cannot be one; empty if it may be.
std::string ExpressionDefect(std::string_view text) {
  std::string open;
  bool anything = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
    if (c == '/' && text.substr(i, 2) == "/*") {
      size_t end = text.find("*/", i + 2);
      if (end == std::string_view::npos) return "a comment is not closed";
      i = end + 1;
      continue;
    }
    anything = true;
    if (c == '\'' || c == '"' || c == '`') {
      size_t end = i + 1;
      while (end < text.size() && text[end] != c) end += text[end] == '\\' && c != '`' ? 2 : 1;
      if (end >= text.size()) return fmt::format("a quote {} is not closed", c);
      i = end;
    } else if (c == '(') {
      open.push_back(c);
    } else if (c == ')') {
      if (open.empty()) return "a bracket ) has no opening one";
      open.pop_back();
    } else if (c == ';') {
      return "it holds more than one statement";
    }
  }
  if (!open.empty()) return "a bracket ( is not closed";
  return anything ? "" : "it is empty";
}

}  // namespace

bool IsEventName(std::string_view name) {
  return std::find(kEventNames.begin(), kEventNames.end(), LowerName(name)) != kEventNames.end();
}

std::vector<std::string> CheckEventFilters(const std::vector<EventFilterRule>& rules,
                                           bool case_sensitive) {
  std::vector<std::string> warnings;
  std::map<std::pair<std::string, std::string>, size_t> seen;
  for (size_t i = 0; i < rules.size(); ++i) {
    const EventFilterRule& rule = rules[i];
    try {
      if (rule.schema_pattern.empty()) {
        throw std::invalid_argument("schema pattern of binlog event rule should not be empty");
      }
      NamePattern(rule.schema_pattern, case_sensitive, NamePattern::Regex::kLiteralTilde);
      NamePattern(rule.table_pattern, case_sensitive, NamePattern::Regex::kLiteralTilde);
      if (rule.action != "Do" && rule.action != "Ignore" && rule.action != "Error") {
        throw std::invalid_argument(
            fmt::format("action of binlog event rule {} should be Do, Ignore or Error, not `{}`",
                        rule.schema_pattern, rule.action));
      }
      re2::RE2::Options options;
      options.set_log_errors(false);
      options.set_case_sensitive(false);
      for (const std::string& pattern : rule.sql_pattern) {
        if (re2::RE2 regex(pattern, options); !regex.ok()) {
          throw std::invalid_argument(fmt::format("sql-pattern `{}` of binlog event rule {}: {}",
                                                  pattern, rule.schema_pattern, regex.error()));
        }
      }
    } catch (const std::invalid_argument& e) {
      throw WrapError(ErrorCode::kConfigBinlogEventFilter, e);
    }
    for (const std::string& event : rule.events) {
      if (!IsEventName(event)) {
        warnings.push_back(
            fmt::format("event `{}` of the filter on `{}`.`{}` is unknown and has no effect", event,
                        rule.schema_pattern, rule.table_pattern));
      }
    }
    std::pair<std::string, std::string> patterns{rule.schema_pattern, rule.table_pattern};
    if (!case_sensitive) patterns = {LowerName(patterns.first), LowerName(patterns.second)};
    if (auto [first, is_new] = seen.emplace(patterns, i); !is_new) {
      warnings.push_back(
          fmt::format("filter {} on `{}`.`{}` has no effect: filter {} has the same patterns",
                      i + 1, rule.schema_pattern, rule.table_pattern, first->second + 1));
    }
  }
  return warnings;
}

void CheckExpressionFilter(std::string_view name, const ExpressionFilterRule& rule) {
  if (rule.schema.empty()) throw MakeError(ErrorCode::kConfigExprFilterEmptyName, name, "schema");
  if (rule.table.empty()) throw MakeError(ErrorCode::kConfigExprFilterEmptyName, name, "table");
  for (const std::string* expression : {&rule.insert_value_expr, &rule.update_old_value_expr,
                                        &rule.update_new_value_expr, &rule.delete_value_expr}) {
    if (expression->empty()) continue;
    if (std::string defect = ExpressionDefect(*expression); !defect.empty()) {
      throw MakeError(ErrorCode::kConfigExprFilterWrongGrammar, name, *expression)
          .SetRawCause(defect);
    }
  }
  const int kinds = !rule.insert_value_expr.empty() +
                    (!rule.update_old_value_expr.empty() || !rule.update_new_value_expr.empty()) +
                    !rule.delete_value_expr.empty();
  if (kinds != 1) throw MakeError(ErrorCode::kConfigExprFilterManyExpr, name);
}

}  // namespace dm::migration
