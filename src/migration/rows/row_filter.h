// Expression filters: which changes of a table's rows are left out, by their values.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "migration/rows/table_plan.h"
#include "migration/rules/rule_types.h"
#include "mysql/binlog/rows.h"
#include "mysql/evaluate/condition.h"

namespace dm::migration {

// Collations by column, lower-case names.
using ColumnCollations = std::map<std::string, std::string, std::less<>>;

// The columns that expressions on a table may name, in the order of the row image. Collations are
// `collations`', as far as they are there, else the definition's.
std::vector<mysql::ConditionColumn> ConditionColumns(const mysql::TableInfo& table,
                                                     const ColumnCollations& collations);
// The same for rows that are stored as `plan` says.
std::vector<mysql::ConditionColumn> ConditionColumns(const TablePlan& plan,
                                                     const ColumnCollations& collations);

// The rules of one table, compiled for one version of its definition. Immutable, thread-safe.
class RowFilter {
 public:
  // A rule that names a column that is not there has no effect: `warn` gets the reason. Throws
  // Error kConfigExprFilterWrongGrammar, with the reason as raw cause, for what cannot be evaluated
  // on these columns.
  RowFilter(const std::vector<ExpressionFilterRule>& rules,
            std::span<const mysql::ConditionColumn> columns, const mysql::ConditionOptions& options,
            const std::function<void(const std::string&)>& warn);

  bool empty() const { return inserts_.empty() && updates_.empty() && deletes_.empty(); }
  // Is the change left out? By an insert's new row, a delete's old one, both of an update. Throws
  // Error kBinlogNotLogColumn (11126) if that depends on a column that the row image lacks.
  bool Skips(mysql::RowsKind kind, std::span<const mysql::Cell> before,
             std::span<const mysql::Cell> after) const;

 private:
  bool Holds(std::span<const mysql::Condition> conditions, std::span<const mysql::Cell> row) const;

  struct Update {
    std::vector<mysql::Condition> before;  // none or one
    std::vector<mysql::Condition> after;
  };
  std::string table_;                 // of the rules, quoted
  std::vector<std::string> columns_;  // their names
  std::vector<mysql::Condition> inserts_;
  std::vector<mysql::Condition> deletes_;
  std::vector<Update> updates_;
};

}  // namespace dm::migration
