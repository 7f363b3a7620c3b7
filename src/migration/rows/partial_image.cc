#include "migration/rows/partial_image.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error/error.h"

namespace dm::migration {

using mysql::ColumnInfo;
using mysql::FieldType;
using mysql::RowsKind;

namespace {

[[noreturn]] void Fail(const TablePlan& plan, uint32_t column, std::string_view why) {
  throw Error(ErrorCode::kBinlogNotLogColumn,
              fmt::format("upstream didn't log enough columns in binlog: table {}, column `{}` {}",
                          plan.source.Quoted(), plan.columns.at(column).name, why));
}

// Has a row that gets DEFAULT downstream the value that the upstream's default gave it?
bool SameDefault(const ColumnInfo& from, const ColumnInfo& to) {
  if (from.is_auto_increment() || to.is_auto_increment()) return false;
  if (from.default_is_expr || to.default_is_expr || from.elements != to.elements) return false;
  if (from.default_value != to.default_value || from.not_null() != to.not_null()) return false;
  if (!from.default_value) return !from.not_null() || from.type == to.type;
  // The text of a TIMESTAMP depends on the session that asked for it.
  return from.type == to.type && from.type != FieldType::kTimestamp;
}

void RequireDefault(const TablePlan& plan, uint32_t column) {
  const std::string& name = plan.columns[column].name;
  const ColumnInfo* from = plan.tracked->FindColumn(name);
  const ColumnInfo* to = plan.downstream->FindColumn(name);
  if (from == nullptr || to == nullptr || !SameDefault(*from, *to)) {
    Fail(plan, column,
         "(it was not given a value, and its default is not a constant that upstream and "
         "downstream have in common)");
  }
}

// Throws unless a row can be found downstream without the columns `absent`.
void RequireIdentity(const TablePlan& plan, const std::vector<uint32_t>& absent) {
  if (!plan.identity) {
    Fail(plan, absent.front(),
         "(and the downstream table has no key by which its rows could be found)");
  }
  for (const KeyPart& part : plan.keys[*plan.identity].parts) {
    if (std::find(absent.begin(), absent.end(), part.column) != absent.end()) {
      Fail(plan, part.column, "(by which a row is found downstream)");
    }
  }
}

bool IsGenerated(const TablePlan& plan, uint32_t column) {
  const ColumnInfo* from = plan.tracked->FindColumn(plan.columns[column].name);
  return plan.columns[column].hidden || (from != nullptr && from->is_generated());
}

}  // namespace

bool LacksColumns(const TablePlan& plan, const mysql::RowBatch& batch) {
  const auto& absent = batch.absent_columns();
  return std::any_of(absent.begin(), absent.end(),
                     [&](uint32_t column) { return !plan.MayBeAbsent(column); });
}

void RequireApplicable(const TablePlan& plan, const mysql::RowBatch& batch) {
  const RowsKind kind = batch.kind();
  const auto& absent = batch.absent_columns();
  if (absent.empty()) return;
  if (kind != RowsKind::kInsert) RequireIdentity(plan, absent);
  for (const uint32_t column : absent) {
    if (!plan.columns[column].written || kind == RowsKind::kDelete) continue;
    if (IsGenerated(plan, column)) Fail(plan, column, "(computed upstream, but not downstream)");
    if (kind == RowsKind::kInsert) RequireDefault(plan, column);
  }
}

}  // namespace dm::migration
