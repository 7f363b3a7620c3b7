#include "migration/rules/taken_names.h"

#include <string>

#include "mysql/client/constraints.h"
#include "mysql/sql/rewrite.h"

namespace dm::migration {

bool LeaveTakenNames(mysql::Statement* statement, mysql::Connection& connection,
                     const StopToken& stop) {
  mysql::TableName table;
  if (const auto* create = statement->As<mysql::CreateTable>()) table = create->table;
  if (const auto* alter = statement->As<mysql::AlterTable>()) table = alter->table;
  bool left = false;
  mysql::KeepConstraintNames(statement, [&](mysql::ConstraintKind kind, const std::string& name) {
    const auto of = kind == mysql::ConstraintKind::kCheck ? mysql::NamedConstraint::kCheck
                                                          : mysql::NamedConstraint::kForeignKey;
    const bool taken = mysql::OtherTableHas(connection, of, name, table.schema, table.name, stop);
    left = left || taken;
    return !taken;
  });
  return left;
}

}  // namespace dm::migration
