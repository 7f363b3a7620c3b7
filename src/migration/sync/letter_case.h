// Upstream tables whose names differ in letter case only, on the way to a downstream that takes
// them for one.
#pragma once

#include <span>

#include "base/thread/stop.h"
#include "migration/sync/planner.h"

namespace dm::migration {

// Throws Error kSyncerUnsupportedStmt (36068) if the rows of `source`, which is there or is going
// to be made, would go into the table of another one that is there: the upstream tells their names
// apart by letter case, the downstream (lower_case_table_names 1, TiDB) does not. `gone`: tables
// that are not there any more when `source` is. What is there is what the tracker knows; and, for
// what it does not know, both being there upstream now. Tables that a route merges under one
// spelling are no such case. `known`: names that may be of an earlier moment, and gets what is
// read; null: they are read anew.
void RefuseOneTargetOfTwo(const PlanContext& context, const TableId& source,
                          std::span<const TableId> gone, KnownNames* known, const StopToken& stop);

}  // namespace dm::migration
