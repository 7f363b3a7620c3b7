#include "migration/rules/taken_names.h"

#include "mysql/client/constraints.h"
#include "mysql/sql/rewrite.h"

namespace dm::migration {

bool IsTakenName(mysql::Connection& connection, mysql::ConstraintKind kind, const std::string& name,
                 const mysql::TableName& table, const StopToken& stop) {
  const auto named = kind == mysql::ConstraintKind::kCheck ? mysql::NamedConstraint::kCheck
                                                           : mysql::NamedConstraint::kForeignKey;
  return mysql::OtherTableHas(connection, named, name, table.schema, table.name, stop);
}

std::vector<std::string> LeaveTakenNames(mysql::Statement* statement, mysql::Connection& connection,
                                         const StopToken& stop) {
  mysql::TableName table;
  if (const auto* create = statement->As<mysql::CreateTable>()) table = create->table;
  if (const auto* alter = statement->As<mysql::AlterTable>()) table = alter->table;
  std::vector<std::string> left;
  mysql::KeepConstraintNames(statement, [&](mysql::ConstraintKind kind, const std::string& name) {
    const bool taken = IsTakenName(connection, kind, name, table, stop);
    if (taken) left.push_back(name);
    return !taken;
  });
  return left;
}

}  // namespace dm::migration
