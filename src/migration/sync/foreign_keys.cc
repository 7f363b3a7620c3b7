#include "migration/sync/foreign_keys.h"

#include <fmt/format.h>

#include "base/error/error.h"
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
  mysql::RouteReferences(routed, child, {target.schema, target.table},
                         [&](const mysql::TableName& parent) {
                           const TableId id = context.rules->Route(id_of(parent));
                           return mysql::TableName{id.schema, id.table};
                         });
}

}  // namespace dm::migration
