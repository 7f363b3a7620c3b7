// Foreign keys in statements: which tables they mean downstream.
#pragma once

#include "migration/sync/planner.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// Gives the foreign keys of `routed`, a split statement on `source` that goes to `target`, the
// routed names of the tables they refer to. `fold`: names are lower-cased. Throws Error
// kSyncerUnsupportedStmt (36068) if the downstream session checks foreign keys and the table or one
// that it refers to is merged with others: such a key does not hold there.
void RouteForeignKeys(mysql::Statement* routed, const TableId& source, const TableId& target,
                      const PlanContext& context, bool fold);

}  // namespace dm::migration
