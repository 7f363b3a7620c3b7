// REFERENCES of a statement: the tables they mean, and their routed names.
#include <algorithm>

#include "mysql/sql/rewrite.h"

namespace dm::mysql {
namespace {

template <class Stmt, class Visit>
void VisitReferences(Stmt& statement, Visit visit) {
  const auto columns = [&](auto& list) {
    for (auto& column : list) {
      for (auto& option : column.options) {
        if (option.kind == ColumnOptionKind::kReference) visit(option.reference);
      }
    }
  };
  const auto constraint = [&](auto& one) {
    if (one.kind == ConstraintKind::kForeign) visit(one.reference);
  };
  if (auto* create = statement.template As<CreateTable>()) {
    columns(create->columns);
    for (auto& one : create->constraints) constraint(one);
  } else if (auto* alter = statement.template As<AlterTable>()) {
    for (auto& spec : alter->specs) {
      columns(spec.columns);
      if (spec.kind == AlterKind::kAddConstraint) constraint(spec.constraint);
    }
  }
}

TableName Full(const TableName& table, const TableName& child) {
  return {table.schema.empty() ? child.schema : table.schema, table.name};
}

}  // namespace

std::vector<TableName> ReferencedTables(const Statement& statement, const TableName& child) {
  std::vector<TableName> tables;
  VisitReferences(statement, [&](const Reference& reference) {
    TableName table = Full(reference.table, child);
    if (std::find(tables.begin(), tables.end(), table) == tables.end()) {
      tables.push_back(std::move(table));
    }
  });
  return tables;
}

void RouteReferences(Statement* routed, const TableName& source, const TableName& target,
                     const std::function<TableName(const TableName&)>& route) {
  VisitReferences(*routed, [&](Reference& reference) {
    const bool named = !reference.table.schema.empty();
    const TableName parent = route(Full(reference.table, source));
    reference.table.name = parent.name;
    reference.table.schema = !named && parent.schema == target.schema ? "" : parent.schema;
  });
}

}  // namespace dm::mysql
