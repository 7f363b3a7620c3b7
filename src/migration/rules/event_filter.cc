#include "migration/rules/event_filter.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <set>
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

re2::RE2::Options SqlPatternOptions() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(false);
  return options;
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
      for (const std::string& pattern : rule.sql_pattern) {
        if (re2::RE2 regex(pattern, SqlPatternOptions()); !regex.ok()) {
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

struct EventFilter::Impl {
  struct Rule {
    NamePattern schema;
    std::optional<NamePattern> table;  // nullopt: on schema level
    std::vector<std::string> events;   // lower case, one spelling each
    std::vector<std::unique_ptr<re2::RE2>> patterns;
    std::string action;
  };
  std::vector<Rule> rules;
};

namespace {

enum class EventKind { kDml, kIncompatibleDdl, kDdl };

EventKind KindOf(std::string_view event) {
  constexpr std::string_view kDml[] = {"insert", "update", "delete"};
  constexpr std::string_view kCompatible[] = {
      "create database", "alter database", "create table", "create index",
      "alter table",     "create view",    "drop view",    "add table partition"};
  const auto in = [&](const auto& list) {
    return std::find(std::begin(list), std::end(list), event) != std::end(list);
  };
  if (in(kDml)) return EventKind::kDml;
  return in(kCompatible) ? EventKind::kDdl : EventKind::kIncompatibleDdl;
}

// The spelling that statements get.
std::string Spelling(std::string_view event) {
  std::string name = LowerName(event);
  constexpr std::string_view kSchema = " schema";
  if (name == "create schema" || name == "drop schema" || name == "alter schema") {
    name.replace(name.size() - kSchema.size(), kSchema.size(), " database");
  }
  return name;
}

bool Lists(const std::vector<std::string>& events, std::string_view event) {
  const EventKind kind = KindOf(event);
  const bool dml = kind == EventKind::kDml;
  for (const std::string& entry : events) {
    if (entry == "all" || entry == event || entry == (dml ? "all dml" : "all ddl")) return true;
    if (entry == "none" || entry == (dml ? "none dml" : "none ddl")) return false;
    if (kind == EventKind::kIncompatibleDdl && entry == "incompatible ddl changes") return true;
  }
  return false;
}

}  // namespace

EventFilter::EventFilter() = default;

EventFilter::EventFilter(const std::vector<EventFilterRule>& rules, bool case_sensitive) {
  if (rules.empty()) return;
  try {
    CheckEventFilters(rules, case_sensitive);
  } catch (const Error& e) {
    throw MakeError(ErrorCode::kSyncerUnitGenBinlogEventFilter).SetRawCause(e.raw_cause());
  }
  auto impl = std::make_shared<Impl>();
  std::set<std::pair<std::string, std::string>> seen;
  for (const EventFilterRule& rule : rules) {
    std::pair<std::string, std::string> patterns{rule.schema_pattern, rule.table_pattern};
    if (!case_sensitive) patterns = {LowerName(patterns.first), LowerName(patterns.second)};
    if (!seen.insert(patterns).second) continue;
    Impl::Rule compiled{
        NamePattern(rule.schema_pattern, case_sensitive, NamePattern::Regex::kLiteralTilde),
        std::nullopt,
        {},
        {},
        rule.action};
    if (!rule.table_pattern.empty()) {
      compiled.table.emplace(rule.table_pattern, case_sensitive, NamePattern::Regex::kLiteralTilde);
    }
    for (const std::string& event : rule.events) {
      if (IsEventName(event) && !event.empty()) compiled.events.push_back(Spelling(event));
    }
    for (const std::string& pattern : rule.sql_pattern) {
      compiled.patterns.push_back(std::make_unique<re2::RE2>(pattern, SqlPatternOptions()));
    }
    impl->rules.push_back(std::move(compiled));
  }
  impl_ = std::move(impl);
}

FilterVerdict EventFilter::Judge(std::string_view schema, std::string_view table,
                                 std::string_view event, std::string_view sql) const {
  if (!impl_) return FilterVerdict::kDo;
  std::vector<const Impl::Rule*> matching;
  for (const Impl::Rule& rule : impl_->rules) {
    if (rule.schema.Matches(schema) && (!rule.table || rule.table->Matches(table))) {
      matching.push_back(&rule);
    }
  }
  std::stable_sort(matching.begin(), matching.end(), [&](const Impl::Rule* a, const Impl::Rule* b) {
    if (a->table.has_value() != b->table.has_value()) return !a->table.has_value();
    if (a->schema.GoesBefore(b->schema, schema)) return true;
    if (b->schema.GoesBefore(a->schema, schema)) return false;
    return a->table && a->table->GoesBefore(*b->table, table);
  });
  const re2::StringPiece text(sql.data(), sql.size());
  for (const Impl::Rule* rule : matching) {
    const bool allows = rule->action == "Do";
    const FilterVerdict verdict =
        rule->action == "Error" ? FilterVerdict::kError : FilterVerdict::kIgnore;
    if (!event.empty() && Lists(rule->events, event) != allows) return verdict;
    if (sql.empty() || rule->patterns.empty()) continue;
    const bool found =
        std::any_of(rule->patterns.begin(), rule->patterns.end(),
                    [&](const auto& pattern) { return re2::RE2::PartialMatch(text, *pattern); });
    if (found != allows) return verdict;
  }
  return FilterVerdict::kDo;
}

bool EventFilter::IgnoresText(std::string_view sql) const {
  return Judge("", "", "", sql) == FilterVerdict::kIgnore;
}

}  // namespace dm::migration
