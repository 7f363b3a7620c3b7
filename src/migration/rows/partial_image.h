// Row images that lack columns (binlog_row_image MINIMAL or NOBLOB): which of them can be applied.
#pragma once

#include "migration/rows/table_plan.h"
#include "mysql/binlog/rows.h"

namespace dm::migration {

// Does the event lack columns that it is expected to have? A generated or hidden column of MariaDB
// that is absent makes no difference.
bool LacksColumns(const TablePlan& plan, const mysql::RowBatch& batch);

// For an event that lacks columns: throws Error kBinlogNotLogColumn (11126), naming table and
// column, unless its rows say all that is needed:
// - INSERT: what is absent has the upstream's constant default, which the downstream column has
// too;
// - UPDATE and DELETE: the downstream's identity is there, by which the row is found. A column that
//   is absent from both images of an update is unchanged.
// Repeating such an update is not harmless (it cannot bring back a row that a repeated INSERT took
// the place of), so tables with such events have to be applied exactly once, as those without
// identity are.
void RequireApplicable(const TablePlan& plan, const mysql::RowBatch& batch);

}  // namespace dm::migration
