// Expression filters of a run: which rules a table has, and what its columns are upstream.
#include <fmt/format.h>

#include <algorithm>

#include "base/log/log.h"
#include "migration/sync/planner.h"
#include "mysql/client/connection.h"
#include "mysql/value/charset.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

bool HasText(const TablePlan& plan) {
  return std::any_of(plan.columns.begin(), plan.columns.end(), [&](const PlanColumn& column) {
    const mysql::ColumnInfo* known = plan.tracked->FindColumn(column.name);
    return known != nullptr && (known->is_string() || !known->elements.empty());
  });
}

// Collations of character columns. What the rows' event says is certain; else the upstream is asked
// how they are now: the tracked definition has another server's defaults where a statement named
// none.
ColumnCollations CollationsOf(const PlanContext& context, const TablePlan& plan,
                              const mysql::TableMap& map, const StopToken& stop) {
  ColumnCollations collations;
  if (!HasText(plan)) return collations;
  auto upstream = mysql::Connection::Connect(context.sessions->upstream, stop);
  const mysql::ResultSet answer = upstream->Query(
      fmt::format("SELECT COLUMN_NAME, COLLATION_NAME FROM information_schema.COLUMNS WHERE "
                  "TABLE_SCHEMA = {} AND TABLE_NAME = {} AND COLLATION_NAME IS NOT NULL",
                  mysql::QuoteString(plan.source.schema), mysql::QuoteString(plan.source.table)),
      stop);
  for (const auto& row : answer.rows) {
    const mysql::ColumnInfo* known = plan.tracked->FindColumn(row.at(0).value_or(""));
    const std::string collation = row.at(1).value_or("");
    // A column that has changed since is another one.
    if (known == nullptr ||
        mysql::FindCharset(known->charset) != mysql::CharsetOfCollationName(collation)) {
      continue;
    }
    collations[mysql::LowerName(known->name)] = collation;
  }
  if (map.has_charsets) {
    for (size_t i = 0; i < plan.columns.size() && i < map.collations.size(); ++i) {
      const mysql::Collation* collation =
          map.collations[i] == 0 ? nullptr : mysql::FindCollation(map.collations[i]);
      if (collation != nullptr) {
        collations[mysql::LowerName(plan.columns[i].name)] = collation->name;
      }
    }
  }
  return collations;
}

}  // namespace

std::shared_ptr<const RowFilter> MakeRowFilter(const PlanContext& context, const TablePlan& plan,
                                               const mysql::TableMap& map, const StopToken& stop) {
  const bool fold = context.sessions->lower_case_table_names != 0;
  std::vector<ExpressionFilterRule> rules;
  for (const ExpressionFilterRule& rule : context.rules->expressions) {
    const TableId table = fold
                              ? TableId{mysql::LowerName(rule.schema), mysql::LowerName(rule.table)}
                              : TableId{rule.schema, rule.table};
    if (table == plan.source) rules.push_back(rule);
  }
  if (rules.empty()) return nullptr;
  mysql::ConditionOptions options;
  options.mariadb = context.sessions->flavor == mysql::Flavor::kMariaDb;
  options.time_zone = context.rules->time_zone.value_or(context.sessions->rows_zone);
  const std::vector<mysql::ConditionColumn> columns =
      ConditionColumns(plan, CollationsOf(context, plan, map, stop));
  auto filter =
      std::make_shared<const RowFilter>(rules, columns, options, [&](const std::string& why) {
        Log().Warn("an expression filter has no effect",
                   {F("table", plan.source.Quoted()), F("reason", why)});
      });
  return filter->empty() ? nullptr : filter;
}

}  // namespace dm::migration
