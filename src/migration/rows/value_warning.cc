#include "migration/rows/value_warning.h"

#include <algorithm>
#include <vector>

#include "mysql/schema/table_info.h"
#include "mysql/value/column.h"

namespace dm::migration {

namespace {

constexpr int kNullForNotNull = 1048;
constexpr int kNullBecameDefault = 1263;
constexpr int kOutOfRange = 1264;
constexpr int kTruncated = 1265;
constexpr int kIncorrect = 1292;
constexpr int kTimeZoneGap = 1299;
constexpr int kIncorrectForField = 1366;
constexpr int kTooLong = 1406;

// "... column 'c' at row 1"; on MariaDB also "... column `s`.`t`.`c` at row 1", on TiDB also
// "... column 'c'".
bool IsAbout(std::string_view text, std::string_view name) {
  const size_t row = text.rfind(" at row ");
  if (row != std::string_view::npos &&
      text.find_first_not_of("0123456789", row + 8) == std::string_view::npos) {
    text = text.substr(0, row);
  }
  if (text.size() < name.size() + 2) return false;
  const char quote = text.back();
  if (quote != '\'' && quote != '`') return false;
  text.remove_suffix(1);
  if (!text.ends_with(name)) return false;
  text.remove_suffix(name.size());
  return text.ends_with("column '") || text.ends_with("`.`") || text.ends_with("column `");
}

}  // namespace

bool ChangesValue(int code, std::string_view text, std::span<const ValueColumn> columns) {
  switch (code) {
    case kNullForNotNull:
    case kNullBecameDefault:
      return true;
    case kOutOfRange:
    case kTruncated:
    case kIncorrect:
    case kTimeZoneGap:
    case kIncorrectForField:
    case kTooLong:
      break;
    default:
      return false;
  }
  const auto column = std::find_if(columns.begin(), columns.end(),
                                   [&](const ValueColumn& c) { return IsAbout(text, c.name); });
  if (column == columns.end()) {
    // "Truncated incorrect DOUBLE value: 'x'": of a comparison or an expression.
    return text.find("column ") != std::string_view::npos;
  }
  if (column->generated) return false;
  if (code == kOutOfRange && column->rounded_float) return false;
  return code != kTruncated || !column->error_value;
}

bool ChangesValue(int code, std::string_view text, const RowChange& change) {
  const std::span<const mysql::Cell> image = change.after();
  if (change.kind() == mysql::RowsKind::kDelete) return false;
  const TablePlan& plan = *change.plan;
  std::vector<ValueColumn> columns;
  columns.reserve(plan.downstream->columns.size());
  for (const mysql::ColumnInfo& info : plan.downstream->columns) {
    ValueColumn& column = columns.emplace_back();
    column.name = info.name;
    column.generated = info.is_generated();
    if (info.type != mysql::FieldType::kEnum) continue;
    const auto source =
        std::find_if(plan.columns.begin(), plan.columns.end(),
                     [&](const PlanColumn& c) { return mysql::EqualNames(c.name, info.name); });
    if (source == plan.columns.end() || source->meta.type != mysql::ColumnType::kEnum) continue;
    const mysql::Cell& cell = image[static_cast<size_t>(source - plan.columns.begin())];
    column.error_value = cell.has_value() && mysql::CellInteger(cell, source->meta) == 0;
  }
  return ChangesValue(code, text, columns);
}

}  // namespace dm::migration
