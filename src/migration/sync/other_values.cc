#include "migration/sync/other_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

using mysql::FieldType;

// Digits of a second that a type keeps; nullopt: it is no time of the day.
std::optional<int64_t> FractionDigits(FieldType type, int64_t digits) {
  switch (type) {
    case FieldType::kTime:
    case FieldType::kDateTime:
    case FieldType::kTimestamp:
      return std::max<int64_t>(digits, 0);
    case FieldType::kDate:  // half a second before midnight is the next day if it is rounded
      return 0;
    default:
      return std::nullopt;
  }
}

bool IsTextDownstream(std::string_view type) {
  return type == "UUID" || type == "INET6" || type == "INET4";
}

}  // namespace

std::vector<std::string> OtherValues(const mysql::AlterTable& alter, const mysql::TableInfo& before,
                                     const ValueDifferences& differences) {
  std::vector<std::string> lines;
  for (const mysql::AlterSpec& spec : alter.specs) {
    const bool change = spec.kind == mysql::AlterKind::kChangeColumn;
    if (!change && spec.kind != mysql::AlterKind::kModifyColumn) continue;
    const mysql::ColumnDef& column = spec.columns.front();
    const mysql::ColumnInfo* was = before.FindColumn(change ? spec.name : column.name);
    if (was == nullptr) continue;
    const std::string name = mysql::QuoteName(column.name);
    if (differences.fractions && was->type != FieldType::kDate) {
      const auto had = FractionDigits(was->type, was->decimals);
      const auto has = FractionDigits(column.type.code, column.type.length);
      if (had && has && *has < *had) {
        lines.push_back(fmt::format(
            "column {}: one of the servers cuts the fractions of seconds, the other rounds them",
            name));
      }
    }
    const std::string& type = column.type.word;
    if (!differences.text_types || !IsTextDownstream(type)) continue;
    if (mysql::LowerName(type) != was->type_word) {
      lines.push_back(fmt::format(
          "column {}: values that become {} upstream keep their spelling downstream", name, type));
    } else if (!was->not_null() && column.Find(mysql::ColumnOptionKind::kNotNull) != nullptr) {
      lines.push_back(fmt::format(
          "column {}: NULL becomes the zero value of {} upstream, an empty text downstream", name,
          type));
    }
  }
  return lines;
}

}  // namespace dm::migration
