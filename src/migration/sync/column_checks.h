// Checks that belong to a column's definition on MariaDB, and to the table on MySQL.
#pragma once

#include "mysql/schema/table_info.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// MariaDB forgets the check of a column (JSON has one) when the column gets another definition;
// MySQL made a constraint of it that stays, refuses the rows that come then, and a new name of the
// column. Adds to each such change of `alter`, a statement of MariaDB for a MySQL target, that
// these go: checks of the downstream table that name this column alone and got their names from the
// server. `upstream` (may be null): if it has a check of the table itself that names the column
// alone, which one it is downstream cannot be told, and all stay.
void DropColumnChecks(mysql::AlterTable* alter, const mysql::TableInfo& downstream,
                      const mysql::TableInfo* upstream);

}  // namespace dm::migration
