#include "migration/sync/other_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "mysql/sql/adapt.h"
#include "mysql/sql/alter_spec.h"
#include "mysql/sql/lexer.h"
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
    default:
      return std::nullopt;
  }
}

bool IsTextDownstream(std::string_view type) {
  return type == "UUID" || type == "INET6" || type == "INET4";
}

// Of the server, the session or chance. (The clock is the statement's.)
constexpr std::array<std::string_view, 24> kUnrepeatable = {
    "BENCHMARK",  "CONNECTION_ID", "CURRENT_ROLE", "CURRENT_USER",   "FOUND_ROWS",
    "GET_LOCK",   "IS_FREE_LOCK",  "IS_USED_LOCK", "LAST_INSERT_ID", "LOAD_FILE",
    "RAND",       "RANDOM_BYTES",  "RELEASE_LOCK", "ROW_COUNT",      "SESSION_USER",
    "SYSDATE",    "SYSTEM_USER",   "SYS_GUID",     "USER",           "UUID",
    "UUID_SHORT", "UUID_V4",       "UUID_V7",      "VERSION"};

bool IsUnrepeatable(const mysql::ExprPtr& expr) {
  if (expr == nullptr) return false;
  if (expr->kind == mysql::ExprKind::kNextValue) return true;
  if (expr->kind == mysql::ExprKind::kFunction &&
      std::find(kUnrepeatable.begin(), kUnrepeatable.end(), mysql::UpperWord(expr->name)) !=
          kUnrepeatable.end()) {
    return true;
  }
  return std::any_of(expr->args.begin(), expr->args.end(), IsUnrepeatable);
}

// A key by which InnoDB keeps the rows: the primary one, or a unique one of NOT NULL columns.
bool IsClustering(const mysql::TableInfo& table, const mysql::IndexInfo& index) {
  if (index.primary) return true;
  return index.unique &&
         std::all_of(index.columns.begin(), index.columns.end(), [&](const auto& part) {
           const mysql::ColumnInfo* column = table.FindColumn(part.name);
           return column != nullptr && column->not_null() && part.length < 0;
         });
}

}  // namespace

std::vector<std::string> OtherValues(const mysql::AlterTable& alter, const mysql::TableInfo& before,
                                     const ValueDifferences& differences) {
  std::vector<std::string> lines;
  for (const mysql::AlterSpec& spec : alter.specs) {
    const std::string* old_name = mysql::RedefinedColumn(spec);
    const mysql::ColumnInfo* was = old_name == nullptr ? nullptr : before.FindColumn(*old_name);
    if (was == nullptr) continue;
    const mysql::ColumnDef& column = spec.columns.front();
    const std::string name = mysql::QuoteName(column.name);
    bool fractions = false;
    if (differences.fractions) {
      const auto had = FractionDigits(was->type, was->decimals);
      const auto has = FractionDigits(column.type.code, column.type.length);
      fractions = had && has && *has < *had;
      if (fractions) {
        lines.push_back(fmt::format(
            "column {}: one of the servers cuts the fractions of seconds, the other rounds them",
            name));
      }
    }
    const auto other = OtherConversion(*was, column.type, differences.conversions);
    if (other && !fractions) lines.push_back(fmt::format("column {}: {}", name, *other));
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

std::optional<std::string> ColumnWithUnrepeatableDefault(const mysql::Statement& statement) {
  const auto* alter = statement.As<mysql::AlterTable>();
  if (alter == nullptr) return std::nullopt;
  for (const mysql::AlterSpec& spec : alter->specs) {
    if (spec.kind != mysql::AlterKind::kAddColumn) continue;
    for (const mysql::ColumnDef& column : spec.columns) {
      const mysql::ColumnOption* value = column.Find(mysql::ColumnOptionKind::kDefault);
      if (value != nullptr && IsUnrepeatable(value->expr)) return column.name;
    }
  }
  return std::nullopt;
}

bool NumbersByOrder(const mysql::Statement& statement, const mysql::TableInfo* before) {
  const auto* alter = statement.As<mysql::AlterTable>();
  if (alter == nullptr) return false;
  const bool numbers =
      std::any_of(alter->specs.begin(), alter->specs.end(), [](const mysql::AlterSpec& spec) {
        return spec.kind == mysql::AlterKind::kAddColumn &&
               std::any_of(spec.columns.begin(), spec.columns.end(), [](const auto& column) {
                 return column.Find(mysql::ColumnOptionKind::kAutoIncrement) != nullptr;
               });
      });
  if (!numbers || before == nullptr) return numbers;
  return before->primary_key_is_handle == false &&
         std::none_of(before->indexes.begin(), before->indexes.end(),
                      [&](const auto& index) { return IsClustering(*before, index); });
}

std::string_view TablespaceChange(const mysql::Statement& split) {
  const mysql::AlterSpec* spec = mysql::OnlySpec(split);
  if (spec == nullptr) return "";
  const bool whole = spec->kind == mysql::AlterKind::kVerbatim;
  if (!whole && spec->kind != mysql::AlterKind::kMaintainPartition) return "";
  for (const std::string_view word : {"DISCARD", "IMPORT"}) {
    if (spec->text == word || (whole && spec->text == fmt::format("{} TABLESPACE", word))) {
      return word;
    }
  }
  return "";
}

int64_t RowsOnOnePage(const mysql::TableInfo& table) {
  constexpr int64_t kPage = 8000;  // of 16 KiB, which are not filled
  int64_t row = 30;
  for (const mysql::ColumnInfo& column : table.columns) {
    if (mysql::IsBlobType(column.type)) {
      row += kPage;
    } else {
      row += 4 * std::max<int64_t>(column.length, 8);
    }
  }
  return std::max<int64_t>(kPage / row, 1);
}

}  // namespace dm::migration
