#include "migration/precheck/table_shape.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error/error.h"
#include "base/io/text.h"
#include "migration/rules/name_pattern.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"

namespace dm::migration {
namespace {

using mysql::ColumnDef;
using mysql::ColumnOptionKind;
using mysql::Constraint;
using mysql::ConstraintKind;
using mysql::ReferenceAction;

ColumnShape ReadColumn(const ColumnDef& column) {
  ColumnShape shape;
  shape.name = column.name;
  shape.lower_name = LowerName(column.name);
  shape.type = column.type;
  shape.not_null = column.Find(ColumnOptionKind::kNotNull) != nullptr ||
                   column.Find(ColumnOptionKind::kPrimaryKey) != nullptr;
  shape.has_default = column.Find(ColumnOptionKind::kDefault) != nullptr;
  shape.makes_values = column.Find(ColumnOptionKind::kAutoIncrement) != nullptr ||
                       column.Find(ColumnOptionKind::kAutoRandom) != nullptr;
  shape.generated = column.Find(ColumnOptionKind::kGenerated) != nullptr ||
                    column.Find(ColumnOptionKind::kGeneratedAsRow) != nullptr;
  if (const auto* collate = column.Find(ColumnOptionKind::kCollate)) {
    shape.collation = ToLower(collate->text);
  }
  return shape;
}

KeyShape ReadKey(const Constraint& constraint, const TableShape& table) {
  KeyShape key;
  key.primary = constraint.kind == ConstraintKind::kPrimary;
  key.name = key.primary ? "PRIMARY" : constraint.name;
  for (const mysql::IndexPart& part : constraint.parts) {
    if (part.expr != nullptr) {
      key.expression = true;
      key.columns.push_back(mysql::Restore(part.expr));
      continue;
    }
    key.columns.push_back(LowerName(part.column));
    const ColumnShape* column = table.Find(key.columns.back());
    if (!key.primary && (column == nullptr || !column->not_null)) key.nullable = true;
  }
  std::sort(key.columns.begin(), key.columns.end());
  return key;
}

bool IsRowStart(const ColumnDef& column) {
  const mysql::ColumnOption* row = column.Find(ColumnOptionKind::kGeneratedAsRow);
  return row != nullptr && row->text == "START";
}

// As the schema tracker refuses them.
void VersionsRefused(const mysql::CreateTable& create, TableShape* shape) {
  for (const ColumnDef& column : create.columns) {
    if (!IsRowStart(column)) continue;
    if (column.type.code != mysql::FieldType::kTimestamp) {
      shape->versions_refused = "by transactions";
    }
    const auto names = [&](const Constraint& constraint) {
      const bool unique =
          constraint.kind == ConstraintKind::kPrimary || constraint.kind == ConstraintKind::kUnique;
      return unique && std::any_of(constraint.parts.begin(), constraint.parts.end(),
                                   [&](const mysql::IndexPart& part) {
                                     return part.expr == nullptr &&
                                            LowerName(part.column) == LowerName(column.name);
                                   });
    };
    if (column.Find(ColumnOptionKind::kUniqueKey) != nullptr ||
        column.Find(ColumnOptionKind::kPrimaryKey) != nullptr ||
        std::any_of(create.constraints.begin(), create.constraints.end(), names)) {
      shape->versions_refused =
          fmt::format("and has `{}` (GENERATED ALWAYS AS ROW START) in a unique key", column.name);
      shape->versions_collide = true;
    }
  }
}

bool ChangesRows(ReferenceAction action) {
  return action == ReferenceAction::kCascade || action == ReferenceAction::kSetNull ||
         action == ReferenceAction::kSetDefault;
}

}  // namespace

std::string ColumnShape::TypeText() const { return mysql::Restore(type); }

const ColumnShape* TableShape::Find(std::string_view lower_name) const {
  const auto it = std::find_if(columns.begin(), columns.end(), [&](const ColumnShape& column) {
    return column.lower_name == lower_name;
  });
  return it == columns.end() ? nullptr : &*it;
}

bool TableShape::HasIdentity() const {
  return std::any_of(keys.begin(), keys.end(),
                     [](const KeyShape& key) { return !key.nullable && !key.expression; });
}

TableShape ReadTableShape(std::string_view create_table, bool mariadb) {
  mysql::ParseOptions options;
  options.mariadb = mariadb;
  mysql::Statement statement;
  const mysql::CreateTable* create = nullptr;
  if (mysql::ParseFirst(create_table, options, &statement)) {
    create = statement.As<mysql::CreateTable>();
  }
  if (create == nullptr) {
    throw MakeError(ErrorCode::kParseSQL).SetRawCause("this is no CREATE TABLE");
  }
  TableShape shape;
  for (const ColumnDef& column : create->columns) shape.columns.push_back(ReadColumn(column));
  for (const Constraint& constraint : create->constraints) {
    if (constraint.kind == ConstraintKind::kPrimary || constraint.kind == ConstraintKind::kUnique) {
      shape.keys.push_back(ReadKey(constraint, shape));
    } else if (constraint.kind == ConstraintKind::kForeign) {
      shape.foreign_keys.push_back(
          {constraint.name, ChangesRows(constraint.reference.on_delete) ||
                                ChangesRows(constraint.reference.on_update)});
    }
  }
  for (const ColumnDef& column : create->columns) {
    const bool primary = column.Find(ColumnOptionKind::kPrimaryKey) != nullptr;
    if (!primary && column.Find(ColumnOptionKind::kUniqueKey) == nullptr) continue;
    const std::string lower = LowerName(column.name);
    shape.keys.push_back({primary ? "PRIMARY" : column.name,
                          {lower},
                          primary,
                          false,
                          !primary && !shape.Find(lower)->not_null});
  }
  for (const mysql::Option& option : create->options) {
    if (option.name == "CHARACTER SET") shape.charset = ToLower(option.value);
    if (option.name == "COLLATE") shape.collation = ToLower(option.value);
  }
  VersionsRefused(*create, &shape);
  return shape;
}

}  // namespace dm::migration
