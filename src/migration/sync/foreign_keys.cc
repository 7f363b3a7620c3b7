#include "migration/sync/foreign_keys.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/error/error.h"
#include "mysql/schema/edit.h"
#include "mysql/sql/rewrite.h"

namespace dm::migration {

void RouteForeignKeys(mysql::Statement* routed, const TableId& source, const TableId& target,
                      const PlanContext& context, bool fold) {
  const auto id_of = [&](const mysql::TableName& name) {
    return fold ? TableId{mysql::LowerName(name.schema), mysql::LowerName(name.name)}
                : TableId{name.schema, name.name};
  };
  const mysql::TableName child{source.schema, source.table};
  const std::vector<mysql::TableName> parents = mysql::ReferencedTables(*routed, child);
  if (parents.empty()) return;
  if (context.sessions->foreign_keys) {
    const auto check = [&](const TableId& table) {
      if (context.rules->router.KeepsApart(table.schema, table.table)) return;
      throw Error(ErrorCode::kSyncerUnsupportedStmt,
                  fmt::format("FOREIGN KEY statement not supported in foreign_key_checks=1 mode: "
                              "table {} is merged with others by the routes",
                              table.Quoted()));
    };
    check(source);
    for (const mysql::TableName& parent : parents) check(id_of(parent));
  }
  mysql::CompleteReferences(routed, child, [&](const mysql::TableName& parent) {
    std::vector<std::string> columns;
    const TableId id = id_of(parent);
    const mysql::TablePtr table = context.tracker->GetTable(id.schema, id.table);
    const mysql::IndexInfo* key = table == nullptr ? nullptr : table->primary_key();
    if (key == nullptr) return columns;
    for (const mysql::IndexColumn& part : key->columns) columns.push_back(part.name);
    return columns;
  });
  mysql::RouteReferences(routed, child, {target.schema, target.table},
                         [&](const mysql::TableName& parent) {
                           const TableId id = context.rules->Route(id_of(parent));
                           return mysql::TableName{id.schema, id.table};
                         });
}

void ForeignKeyNames::Fill(mysql::Statement* routed, const TableId& source,
                           const mysql::TableInfo* before) {
  const auto name = [&](mysql::Constraint* constraint) {
    if (constraint->kind != mysql::ConstraintKind::kForeign) return;
    std::string& given = mariadb_ ? constraint->name : constraint->symbol;
    if (!given.empty()) return;
    const std::string prefix = mysql::ForeignKeyPrefix(source.table);
    auto [last, first] = last_.try_emplace(source, 0);
    if (first && before != nullptr) {
      last->second = mysql::LastNumber(before->foreign_keys, prefix);
    }
    constraint->name = constraint->symbol = prefix + std::to_string(++last->second);
  };
  if (auto* create = routed->As<mysql::CreateTable>()) {
    last_.erase(source);
    last_.emplace(source, 0);
    for (mysql::Constraint& constraint : create->constraints) name(&constraint);
  } else if (auto* alter = routed->As<mysql::AlterTable>()) {
    for (mysql::AlterSpec& spec : alter->specs) {
      if (spec.kind == mysql::AlterKind::kAddConstraint) name(&spec.constraint);
    }
  }
}

}  // namespace dm::migration
