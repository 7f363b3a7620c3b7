#include "migration/rows/logged_definition.h"

#include <fmt/format.h>

#include <algorithm>

#include "mysql/value/charset.h"

namespace dm::migration {

using mysql::ColumnInfo;
using mysql::ColumnMeta;
using mysql::ColumnType;
using mysql::FieldType;
using mysql::TableInfo;
using mysql::TableMap;

namespace {

// The definition's type for a type on the wire.
FieldType TypeOf(ColumnType type) {
  switch (type) {
    case ColumnType::kTimestamp2:
      return FieldType::kTimestamp;
    case ColumnType::kDateTime2:
      return FieldType::kDateTime;
    case ColumnType::kTime2:
      return FieldType::kTime;
    case ColumnType::kNewDate:
      return FieldType::kDate;
    case ColumnType::kVarString:
    case ColumnType::kVarcharCompressed:
      return FieldType::kVarchar;
    case ColumnType::kBlobCompressed:
      return FieldType::kBlob;
    default:
      return static_cast<FieldType>(type);
  }
}

FieldType BlobOf(uint8_t length_bytes) {
  constexpr FieldType kTypes[] = {FieldType::kTinyBlob, FieldType::kBlob, FieldType::kMediumBlob,
                                  FieldType::kLongBlob};
  return kTypes[std::clamp<int>(length_bytes, 1, 4) - 1];
}

std::string CollationOf(const TableMap& map, size_t i) {
  if (!map.has_charsets || i >= map.collations.size() || map.collations[i] == 0) return "";
  const mysql::Collation* collation = mysql::FindCollation(map.collations[i]);
  return collation == nullptr ? "" : mysql::NormaliseCharset(collation->name);
}

// Can values on the wire of this kind be those of the column?
bool SameKind(const ColumnInfo& column, const ColumnMeta& meta) {
  const FieldType type = TypeOf(meta.type);
  if (mysql::IsLongStringType(type) && mysql::IsLongStringType(column.type))
    return BlobOf(meta.length_bytes) == column.type;
  if (type == column.type) return true;
  // MariaDB keeps some types in strings, MySQL 9 and MariaDB keep vectors in blobs.
  const bool text =
      type == FieldType::kString || type == FieldType::kVarchar || mysql::IsLongStringType(type);
  return text &&
         (column.is_string() || !column.type_word.empty() || column.type == FieldType::kVector ||
          column.type == FieldType::kJson) &&
         (type == FieldType::kString) == (column.type == FieldType::kString);
}

// What is different between a column and the map's; empty if nothing.
std::string Difference(const ColumnInfo& column, const TableMap& map, size_t i) {
  const ColumnMeta& meta = map.columns[i];
  if (!mysql::EqualNames(column.name, map.column_names[i])) {
    return fmt::format("column {} is `{}`, not `{}`", i + 1, map.column_names[i], column.name);
  }
  if (!SameKind(column, meta)) return fmt::format("column `{}` has another type", column.name);
  if (map.has_signedness && mysql::IsNumericType(column.type) &&
      column.is_unsigned() != meta.is_unsigned) {
    return fmt::format("column `{}` is {}", column.name, meta.is_unsigned ? "unsigned" : "signed");
  }
  const std::string collation = CollationOf(map, i);
  if (!collation.empty() && column.is_string() && column.type_word.empty() &&
      mysql::CharsetOfCollation(collation) != column.charset) {
    return fmt::format("column `{}` has collation {}", column.name, collation);
  }
  return "";
}

ColumnInfo Made(const TableMap& map, size_t i) {
  const ColumnMeta& meta = map.columns[i];
  ColumnInfo column;
  column.SetName(map.column_names[i]);
  column.type = TypeOf(meta.type);
  if (mysql::IsLongStringType(column.type)) column.type = BlobOf(meta.length_bytes);
  column.length = meta.type == ColumnType::kNewDecimal ? meta.precision : meta.length;
  column.decimals = meta.decimals;
  if (column.type == FieldType::kFloat || column.type == FieldType::kDouble) column.decimals = -1;
  if (!meta.nullable) column.flags |= mysql::column_flag::kNotNull;
  if (map.has_signedness && meta.is_unsigned) column.flags |= mysql::column_flag::kUnsigned;
  column.charset = column.collation = "binary";
  if (const std::string collation = CollationOf(map, i); !collation.empty()) {
    column.collation = collation;
    column.charset = mysql::CharsetOfCollation(collation);
    const mysql::Charset charset = mysql::FindCharset(column.charset);
    if (!mysql::IsLongStringType(column.type) && charset != mysql::Charset::kUnknown) {
      column.length /= std::max(1, mysql::CharsetMaxLength(charset));
    }
  }
  if (i < map.visible.size()) column.invisible = !map.visible[i];
  return column;
}

// MariaDB adds the end of the period to each unique key of a system-versioned table, unless it is
// there.
std::vector<std::string> PrimaryOf(const TableMap& map, const TableInfo& tracked) {
  std::vector<std::string> names;
  for (uint32_t i : map.primary_key) names.push_back(map.column_names[i]);
  const mysql::PeriodInfo* period = tracked.system_period();
  if (period == nullptr) return names;
  const mysql::IndexInfo* primary = tracked.primary_key();
  const bool named =
      primary != nullptr && std::any_of(primary->columns.begin(), primary->columns.end(),
                                        [&](const mysql::IndexColumn& part) {
                                          return mysql::EqualNames(part.name, period->end);
                                        });
  if (!named) {
    std::erase_if(names,
                  [&](const std::string& name) { return mysql::EqualNames(name, period->end); });
  }
  return names;
}

bool SamePrimary(const TableInfo& table, const TableMap& map) {
  const std::vector<std::string> names = PrimaryOf(map, table);
  const mysql::IndexInfo* primary = table.primary_key();
  if (primary == nullptr) return names.empty();
  return std::equal(names.begin(), names.end(), primary->columns.begin(), primary->columns.end(),
                    [](const std::string& name, const mysql::IndexColumn& part) {
                      return mysql::EqualNames(name, part.name);
                    });
}

// Columns of the period of a system-versioned table that are in no definition.
size_t HiddenAtEnd(const TableInfo& tracked, const TableMap& map) {
  const mysql::PeriodInfo* period = tracked.system_period();
  const size_t count = map.column_names.size();
  if (!tracked.has_implicit_period() || count < 2) return 0;
  const bool named = mysql::EqualNames(map.column_names[count - 2], period->start) &&
                     mysql::EqualNames(map.column_names[count - 1], period->end);
  return named ? 2 : 0;
}

}  // namespace

std::optional<TableInfo> LoggedDefinition(const TableInfo& tracked, const TableMap& map,
                                          std::string* why) {
  why->clear();
  if (map.column_names.empty()) return std::nullopt;
  // MariaDB's hidden columns for unique keys over long values belong to no definition.
  if (map.column_names.back().starts_with("DB_ROW_HASH_")) return std::nullopt;
  const std::vector<const ColumnInfo*> columns = tracked.RowColumns();
  const size_t logged = map.columns.size() - HiddenAtEnd(tracked, map);
  for (size_t i = 0; i < columns.size() && i < logged && why->empty(); ++i) {
    *why = Difference(*columns[i], map, i);
  }
  if (why->empty() && columns.size() != logged) {
    *why = fmt::format("the rows have {} columns, not {}", logged, columns.size());
  }
  if (why->empty() && !SamePrimary(tracked, map)) *why = "the primary key is another one";
  if (why->empty()) return std::nullopt;

  TableInfo table = tracked;
  table.columns.clear();
  for (size_t i = 0; i < logged; ++i) {
    const ColumnInfo* known = tracked.FindColumn(map.column_names[i]);
    const bool keeps = known != nullptr && !known->hidden && Difference(*known, map, i).empty();
    ColumnInfo column = keeps ? *known : Made(map, i);
    if (!keeps) column.id = known != nullptr ? known->id : ++table.max_column_id;
    table.columns.push_back(std::move(column));
  }
  for (const ColumnInfo& column : tracked.columns) {
    if (column.hidden) table.columns.push_back(column);
  }
  // Keys on columns that are gone go with them; the primary key is the map's.
  std::erase_if(table.indexes, [&](const mysql::IndexInfo& index) {
    if (index.primary) return true;
    return std::any_of(
        index.columns.begin(), index.columns.end(),
        [&](const mysql::IndexColumn& part) { return table.FindColumn(part.name) == nullptr; });
  });
  if (!map.primary_key.empty()) {
    mysql::IndexInfo primary;
    primary.SetName("PRIMARY");
    primary.primary = primary.unique = true;
    primary.id = ++table.max_index_id;
    for (const std::string& name : PrimaryOf(map, tracked))
      primary.columns.push_back({name, 0, -1});
    table.indexes.push_back(std::move(primary));
  }
  table.Normalise();
  return table;
}

}  // namespace dm::migration
