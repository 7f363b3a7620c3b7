// Row changes of system-versioned tables of MariaDB. Their binlog has the rows of the past too: an
// update writes the old version as a row that has ended, and a delete is an update that ends the
// row.
#pragma once

#include <optional>
#include <span>

#include "migration/rows/table_plan.h"
#include "mysql/binlog/rows.h"

namespace dm::migration {

// What a change does to the rows that are current; nullopt: nothing. `plan.row_end` is set, `kind`
// is that of the event. Throws Error 11126 if a row lacks the column that tells it.
std::optional<mysql::RowsKind> ChangeOfCurrentRows(const TablePlan& plan, mysql::RowsKind kind,
                                                   std::span<const mysql::Cell> before,
                                                   std::span<const mysql::Cell> after);

}  // namespace dm::migration
