// What statements do beside their own tables' definitions: to rows that no binlog has, and to rows
// of other tables that have the same target.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "migration/sync/planned_statement.h"
#include "mysql/schema/table_info.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// Names of foreign keys that change rows by themselves (ON DELETE or ON UPDATE) which a split
// statement makes. `before` and `after`: its table around the whole statement; each may be null.
std::vector<std::string> NewKeysThatChangeRows(const mysql::Statement& split,
                                               const mysql::TableInfo* before,
                                               const mysql::TableInfo* after);

// The storage engine that a split ALTER TABLE gives to its table, if it holds no rows of its own:
// the rows that are there go upstream, and not downstream. As it is written.
std::optional<std::string> EngineWithoutRows(const mysql::Statement& split);

// Do rows of the target go with a split statement, or all of it: DROP TABLE, TRUNCATE TABLE, DROP
// DATABASE, and DROP or TRUNCATE PARTITION?
bool TakesRowsAway(const mysql::Statement& split);

}  // namespace dm::migration
