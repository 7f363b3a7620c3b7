// REFERENCES of a statement: the tables they mean, and their routed names; names of constraints.
#include <algorithm>
#include <string>

#include "mysql/sql/constraint_text.h"
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

void CompleteReferences(
    Statement* statement, const TableName& child,
    const std::function<std::vector<std::string>(const TableName&)>& primary_key) {
  VisitReferences(*statement, [&](Reference& reference) {
    if (!reference.columns.empty()) return;
    for (std::string& column : primary_key(Full(reference.table, child))) {
      reference.columns.emplace_back().column = std::move(column);
    }
  });
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

namespace {

// Does it define a key that begins with the columns of the foreign key? Else the server makes one,
// under the name of the foreign key.
bool HasKeyOf(const CreateTable& create, const Constraint& foreign) {
  const auto same = [](const IndexPart& a, const IndexPart& b) { return a.column == b.column; };
  return std::any_of(
      create.constraints.begin(), create.constraints.end(), [&](const Constraint& key) {
        return key.kind != ConstraintKind::kForeign && key.parts.size() >= foreign.parts.size() &&
               std::equal(foreign.parts.begin(), foreign.parts.end(), key.parts.begin(), same);
      });
}

}  // namespace

void RouteConstraintNames(Statement* routed, std::string_view source, std::string_view target) {
  auto* create = routed->As<CreateTable>();
  if (create == nullptr || source == target) return;
  const auto follow = [&](std::string* name) {
    *name = RoutedConstraintName(*name, source, target);
  };
  for (Constraint& constraint : create->constraints) {
    if (constraint.kind == ConstraintKind::kCheck) follow(&constraint.name);
    if (constraint.kind == ConstraintKind::kForeign && HasKeyOf(*create, constraint)) {
      follow(&constraint.symbol);
      follow(&constraint.name);
    }
  }
  for (ColumnDef& column : create->columns) {
    for (ColumnOption& option : column.options) {
      if (option.kind == ColumnOptionKind::kCheck) follow(&option.text);
    }
  }
}

void KeepConstraintNames(Statement* statement,
                         const std::function<bool(ConstraintKind, const std::string&)>& keep) {
  const auto visit = [&](Constraint& constraint) {
    const bool foreign = constraint.kind == ConstraintKind::kForeign;
    if ((!foreign && constraint.kind != ConstraintKind::kCheck) || constraint.name.empty() ||
        keep(constraint.kind, constraint.name)) {
      return;
    }
    if (foreign && constraint.index_name.empty()) constraint.index_name = constraint.name;
    constraint.name.clear();
    constraint.symbol.clear();
  };
  const auto column = [&](ColumnDef& one) {
    for (ColumnOption& option : one.options) {
      if (option.kind == ColumnOptionKind::kCheck && !option.text.empty() &&
          !keep(ConstraintKind::kCheck, option.text)) {
        option.text.clear();
      }
    }
  };
  if (auto* create = statement->As<CreateTable>()) {
    for (Constraint& constraint : create->constraints) visit(constraint);
    for (ColumnDef& one : create->columns) column(one);
  } else if (auto* alter = statement->As<AlterTable>()) {
    for (AlterSpec& spec : alter->specs) {
      if (spec.kind == AlterKind::kAddConstraint) visit(spec.constraint);
      for (ColumnDef& one : spec.columns) column(one);
    }
  }
}

}  // namespace dm::mysql
