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
constexpr int kInvalidCharacters = 1300;
constexpr int kNoDefault = 1364;
constexpr int kIncorrectForField = 1366;
constexpr int kTooLong = 1406;
constexpr int kIncorrectForFunction = 1411;
constexpr int kOverflows = 1690;  // of a conversion on TiDB, of a generated column elsewhere

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

// Can `target` hold all that `source` can?
bool Holds(const mysql::ColumnInfo& target, const mysql::ColumnInfo& source) {
  return target.type == source.type && target.length >= source.length &&
         target.decimals == source.decimals && target.is_unsigned() == source.is_unsigned() &&
         target.elements == source.elements && (!target.not_null() || source.not_null()) &&
         (target.charset == source.charset || target.charset == "utf8mb4");
}

bool NamesAColumn(std::string_view text) {
  // TiDB also gives the bare format: "Data truncated for column '%s' at row %d".
  return text.find("column ") != std::string_view::npos &&
         text.find("column '%s'") == std::string_view::npos;
}

bool MayChangeAValue(int code, std::string_view text, std::span<const ValueColumn> columns) {
  const auto has = [&](bool ValueColumn::*what) {
    return std::any_of(columns.begin(), columns.end(),
                       [&](const ValueColumn& c) { return c.*what; });
  };
  // "Truncated incorrect DOUBLE value: 'x'" is also said of a text that is compared to a number.
  if (code == kIncorrect && text.starts_with("Truncated incorrect") &&
      !has(&ValueColumn::text_as_other)) {
    return false;
  }
  // What the server computes may not fit, as long as all that is sent does.
  if (has(&ValueColumn::generated) &&
      std::all_of(columns.begin(), columns.end(),
                  [](const ValueColumn& c) { return c.generated || c.fits; })) {
    return false;
  }
  if (code == kTruncated)
    return has(&ValueColumn::other_members) || !has(&ValueColumn::error_value);
  return true;
}

}  // namespace

bool DependsOnStrictness(int code, std::string_view cause) {
  switch (code) {
    case kNullForNotNull:
    case kTimeZoneGap:
    case kInvalidCharacters:
    case kNoDefault:
    case kIncorrectForField:
    case kIncorrectForFunction:
      return true;
    default:
      break;
  }
  // Classes of SQLSTATE: warning, data exception.
  const size_t state = cause.find(" (");
  if (!cause.starts_with("Error ") || state == std::string_view::npos) return false;
  const std::string_view of = cause.substr(state + 2, 2);
  return of == "01" || of == "22";
}

bool ChangesValue(int code, std::string_view text, std::span<const ValueColumn> columns,
                  WarningTexts texts) {
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
    case kIncorrectForFunction:
    case kOverflows:
      if (texts == WarningTexts::kNameTheColumn) return false;
      break;
    default:
      return false;
  }
  const auto column = std::find_if(columns.begin(), columns.end(),
                                   [&](const ValueColumn& c) { return IsAbout(text, c.name); });
  if (column == columns.end()) {
    if (NamesAColumn(text)) return true;
    // "Truncated incorrect DOUBLE value: 'x'": of a comparison or an expression.
    return texts == WarningTexts::kMayNameNoColumn && MayChangeAValue(code, text, columns);
  }
  if (column->generated) return false;
  if (code == kOutOfRange && column->rounded_float) return false;
  return code != kTruncated || !column->error_value;
}

bool ChangesValue(int code, std::string_view text, const RowChange& change, WarningTexts texts) {
  const std::span<const mysql::Cell> image = change.after();
  if (change.kind() == mysql::RowsKind::kDelete) return false;
  const TablePlan& plan = *change.plan;
  std::vector<ValueColumn> columns;
  columns.reserve(plan.downstream->columns.size());
  for (const mysql::ColumnInfo& info : plan.downstream->columns) {
    ValueColumn& column = columns.emplace_back();
    column.name = info.name;
    column.generated = info.is_generated();
    const auto source =
        std::find_if(plan.columns.begin(), plan.columns.end(),
                     [&](const PlanColumn& c) { return mysql::EqualNames(c.name, info.name); });
    if (source == plan.columns.end()) continue;
    const mysql::ColumnType type = source->meta.type;
    const mysql::ColumnInfo* sent = plan.tracked->FindColumn(info.name);
    column.text_as_other = sent != nullptr && sent->is_string() && !info.is_string();
    column.fits = sent != nullptr && Holds(info, *sent);
    const bool has_members =
        info.type == mysql::FieldType::kEnum || info.type == mysql::FieldType::kSet;
    if (!has_members) continue;
    const bool from_members = type == mysql::ColumnType::kEnum || type == mysql::ColumnType::kSet;
    column.other_members = !from_members || !source->members.empty();
    if (info.type != mysql::FieldType::kEnum || type != mysql::ColumnType::kEnum) continue;
    const mysql::Cell& cell = image[static_cast<size_t>(source - plan.columns.begin())];
    column.error_value = cell.has_value() && mysql::CellInteger(cell, source->meta) == 0;
  }
  return ChangesValue(code, text, columns, texts);
}

}  // namespace dm::migration
