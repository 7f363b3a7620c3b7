// Foreign keys in statements: which tables they mean downstream.
#pragma once

#include <map>

#include "migration/sync/planner.h"
#include "mysql/schema/table_info.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// Gives the foreign keys of `routed`, a split statement on `source` that goes to `target`, the
// routed names of the tables they refer to. `fold`: names are lower-cased. Throws Error
// kSyncerUnsupportedStmt (36068) if the downstream session checks foreign keys and the table or one
// that it refers to is merged with others: such a key does not hold there.
void RouteForeignKeys(mysql::Statement* routed, const TableId& source, const TableId& target,
                      const PlanContext& context, bool fold);

// Gives the foreign keys that statements leave without a name the names that the upstream gives
// them, for a downstream that makes other ones: else it would not know them when they are dropped.
// Of one event; its statements come in their order.
class ForeignKeyNames {
 public:
  explicit ForeignKeyNames(bool mariadb) : mariadb_(mariadb) {}
  // `before`: the table as it was before the event, may be null.
  void Fill(mysql::Statement* routed, const TableId& source, const mysql::TableInfo* before);

 private:
  const bool mariadb_;  // the upstream
  std::map<TableId, int64_t> last_;
};

}  // namespace dm::migration
