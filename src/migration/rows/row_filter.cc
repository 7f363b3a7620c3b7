#include "migration/rows/row_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/error/error.h"
#include "mysql/sql/parser.h"
#include "mysql/value/charset.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::ColumnInfo;
using mysql::Condition;
using mysql::ConditionColumn;

namespace {

ConditionColumn Described(const ColumnInfo& column, const ColumnCollations& collations) {
  ConditionColumn out;
  out.name = column.name;
  out.type = column.type;
  out.decimals = static_cast<int>(column.decimals);
  out.collation = column.collation;
  out.elements = column.elements;
  out.type_word = column.type_word;
  out.meta.is_unsigned = column.is_unsigned();
  out.meta.decimals = static_cast<uint8_t>(std::max<int64_t>(column.decimals, 0));
  if (const auto known = collations.find(mysql::LowerName(column.name));
      known != collations.end()) {
    out.collation = known->second;
  }
  // Of definitions: "utf8_bin" is utf8mb3's.
  if (out.collation.starts_with("utf8_")) {
    out.collation = fmt::format("utf8mb3{}", out.collation.substr(4));
  }
  return out;
}

}  // namespace

std::vector<ConditionColumn> ConditionColumns(const mysql::TableInfo& table,
                                              const ColumnCollations& collations) {
  std::vector<ConditionColumn> columns;
  for (const ColumnInfo* column : table.RowColumns()) {
    columns.push_back(Described(*column, collations));
  }
  return columns;
}

std::vector<ConditionColumn> ConditionColumns(const TablePlan& plan,
                                              const ColumnCollations& collations) {
  std::vector<ConditionColumn> columns;
  for (const PlanColumn& column : plan.columns) {
    const ColumnInfo* known = plan.tracked->FindColumn(column.name);
    ConditionColumn described;
    if (known != nullptr) {
      described = Described(*known, collations);
    } else {
      described.name = column.name;
      described.type_word = "unknown";
    }
    described.meta = column.meta;
    columns.push_back(std::move(described));
  }
  return columns;
}

RowFilter::RowFilter(const std::vector<ExpressionFilterRule>& rules,
                     std::span<const ConditionColumn> columns,
                     const mysql::ConditionOptions& options,
                     const std::function<void(const std::string&)>& warn) {
  mysql::ParseOptions parse;
  parse.mariadb = options.mariadb;
  for (const ConditionColumn& column : columns) columns_.push_back(column.name);
  for (const ExpressionFilterRule& rule : rules) {
    const std::string table = mysql::QuoteTable(rule.schema, rule.table);
    table_ = table;
    const auto compile = [&](const std::string& text) {
      std::vector<Condition> conditions;
      if (text.empty()) return conditions;
      try {
        conditions.emplace_back(*mysql::ParseExpression(text, parse), columns, options);
      } catch (const mysql::UnknownColumn& e) {
        throw mysql::UnknownColumn(
            fmt::format("`{}` of the filter on {}: {}", text, table, e.what()));
      } catch (const std::invalid_argument& e) {
        throw MakeError(ErrorCode::kConfigExprFilterWrongGrammar, table, text)
            .SetRawCause(e.what());
      }
      return conditions;
    };
    try {
      std::vector<Condition> inserts = compile(rule.insert_value_expr);
      std::vector<Condition> deletes = compile(rule.delete_value_expr);
      Update update{compile(rule.update_old_value_expr), compile(rule.update_new_value_expr)};
      inserts_.insert(inserts_.end(), inserts.begin(), inserts.end());
      deletes_.insert(deletes_.end(), deletes.begin(), deletes.end());
      if (!update.before.empty() || !update.after.empty()) updates_.push_back(std::move(update));
    } catch (const mysql::UnknownColumn& e) {
      warn(e.what());
    }
  }
}

bool RowFilter::Holds(std::span<const Condition> conditions,
                      std::span<const mysql::Cell> row) const {
  try {
    return std::any_of(conditions.begin(), conditions.end(),
                       [&](const Condition& condition) { return condition.IsTrue(row); });
  } catch (const mysql::AbsentColumn& absent) {
    throw Error(ErrorCode::kBinlogNotLogColumn,
                fmt::format("upstream didn't log enough columns in binlog: table {}, column `{}`, "
                            "which an expression filter names",
                            table_, columns_.at(absent.column)));
  }
}

bool RowFilter::Skips(mysql::RowsKind kind, std::span<const mysql::Cell> before,
                      std::span<const mysql::Cell> after) const {
  switch (kind) {
    case mysql::RowsKind::kInsert:
      return Holds(inserts_, after);
    case mysql::RowsKind::kDelete:
      return Holds(deletes_, before);
    case mysql::RowsKind::kUpdate:
      return std::any_of(updates_.begin(), updates_.end(), [&](const Update& update) {
        return (update.before.empty() || Holds(update.before, before)) &&
               (update.after.empty() || Holds(update.after, after));
      });
  }
  return false;
}

}  // namespace dm::migration
