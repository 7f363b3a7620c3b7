#include "mysql/sql/implicit_timestamp.h"

#include <fmt/format.h>

#include <algorithm>

#include "mysql/sql/lexer.h"

namespace dm::mysql {
namespace {

bool Has(const ColumnDef& column, ColumnOptionKind kind) { return column.Find(kind) != nullptr; }

// Its words decide nothing in a generated one.
bool IsOrdinaryTimestamp(const ColumnDef& column) {
  return column.type.code == FieldType::kTimestamp && !column.type.opaque &&
         !Has(column, ColumnOptionKind::kGenerated) &&
         !Has(column, ColumnOptionKind::kGeneratedAsRow);
}

bool HasDefault(const ColumnDef& column) {
  const ColumnOption* found = column.Find(ColumnOptionKind::kDefault);
  return found != nullptr && found->expr != nullptr && found->expr->kind != ExprKind::kNull;
}

bool IsImplicit(const ColumnDef& column) {
  if (!IsOrdinaryTimestamp(column) || Has(column, ColumnOptionKind::kNull)) return false;
  return !Has(column, ColumnOptionKind::kNotNull) || !HasDefault(column);
}

void Add(ColumnDef* column, ColumnOptionKind kind, Expr expr = {}) {
  ColumnOption option{};
  option.kind = kind;
  if (kind == ColumnOptionKind::kDefault || kind == ColumnOptionKind::kOnUpdate) {
    option.expr = std::make_shared<const Expr>(std::move(expr));
  }
  column->options.push_back(std::move(option));
}

Expr Zero() {
  Expr zero;
  zero.kind = ExprKind::kString;
  zero.text = "0000-00-00 00:00:00";
  return zero;
}

Expr Now(const DataType& type) {
  Expr now;
  now.kind = ExprKind::kFunction;
  now.name = "CURRENT_TIMESTAMP";
  if (const int64_t digits = std::max(type.length, type.decimals); digits > 0) {
    Expr argument;
    argument.kind = ExprKind::kInteger;
    argument.text = fmt::format("{}", digits);
    now.args.push_back(std::make_shared<const Expr>(std::move(argument)));
  }
  return now;
}

void SpellOutImplicit(ColumnDef* column, bool first) {
  if (!IsImplicit(*column)) return;
  if (!HasDefault(*column)) {
    // (MariaDB takes DEFAULT NULL for none.)
    std::erase_if(column->options, [](const ColumnOption& option) {
      return option.kind == ColumnOptionKind::kDefault;
    });
  }
  if (!Has(*column, ColumnOptionKind::kNotNull)) Add(column, ColumnOptionKind::kNotNull);
  if (HasDefault(*column)) return;
  if (!first || Has(*column, ColumnOptionKind::kOnUpdate)) {
    Add(column, ColumnOptionKind::kDefault, Zero());
    return;
  }
  Add(column, ColumnOptionKind::kDefault, Now(column->type));
  Add(column, ColumnOptionKind::kOnUpdate, Now(column->type));
}

void SpellOutExplicit(ColumnDef* column, bool in_primary_key) {
  if (!IsImplicit(*column)) return;
  if (!in_primary_key && !Has(*column, ColumnOptionKind::kPrimaryKey) &&
      !Has(*column, ColumnOptionKind::kNotNull)) {
    Add(column, ColumnOptionKind::kNull);
    return;
  }
  if (HasDefault(*column) || Has(*column, ColumnOptionKind::kDefault) ||
      Has(*column, ColumnOptionKind::kOnUpdate)) {
    return;
  }
  Add(column, ColumnOptionKind::kDefault, Zero());
}

// The definitions in it.
std::vector<ColumnDef*> ColumnsOf(AlterTable* alter) {
  std::vector<ColumnDef*> columns;
  for (AlterSpec& spec : alter->specs) {
    for (ColumnDef& column : spec.columns) columns.push_back(&column);
  }
  return columns;
}

bool NamesColumn(const Constraint& constraint, std::string_view column) {
  return constraint.kind == ConstraintKind::kPrimary &&
         std::any_of(constraint.parts.begin(), constraint.parts.end(), [&](const IndexPart& part) {
           return UpperWord(part.column) == UpperWord(column);
         });
}

}  // namespace

bool HasImplicitTimestamps(const Statement& statement) {
  const auto any = [](const std::vector<ColumnDef>& columns) {
    return std::any_of(columns.begin(), columns.end(), IsImplicit);
  };
  if (const auto* create = statement.As<CreateTable>()) return any(create->columns);
  const auto* alter = statement.As<AlterTable>();
  return alter != nullptr && std::any_of(alter->specs.begin(), alter->specs.end(),
                                         [&](const AlterSpec& spec) { return any(spec.columns); });
}

void SpellOutImplicitTimestamps(Statement* statement, const OfColumn& is_first) {
  if (auto* create = statement->As<CreateTable>()) {
    bool first = true;
    for (ColumnDef& column : create->columns) {
      SpellOutImplicit(&column, first);
      if (column.type.code == FieldType::kTimestamp) first = false;
    }
  } else if (auto* alter = statement->As<AlterTable>()) {
    for (ColumnDef* column : ColumnsOf(alter)) {
      if (IsImplicit(*column)) SpellOutImplicit(column, is_first(column->name));
    }
  }
}

void SpellOutExplicitTimestamps(Statement* statement, const OfColumn& in_primary_key) {
  if (auto* create = statement->As<CreateTable>()) {
    for (ColumnDef& column : create->columns) {
      SpellOutExplicit(&column, std::any_of(create->constraints.begin(), create->constraints.end(),
                                            [&](const Constraint& constraint) {
                                              return NamesColumn(constraint, column.name);
                                            }));
    }
  } else if (auto* alter = statement->As<AlterTable>()) {
    for (ColumnDef* column : ColumnsOf(alter)) {
      if (IsImplicit(*column)) SpellOutExplicit(column, in_primary_key(column->name));
    }
  }
}

}  // namespace dm::mysql
