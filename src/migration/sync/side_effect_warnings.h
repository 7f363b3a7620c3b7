// Tells in the log of what statements do beside their tables' definitions (side_effects.h).
#pragma once

#include <cstddef>
#include <vector>

#include "base/thread/stop.h"
#include "migration/sync/planned_statement.h"
#include "migration/sync/planner.h"
#include "mysql/schema/table_info.h"

namespace dm::migration {

// Warns of rows that will differ, or go, by planned[index], which is to be executed. `before` and
// `after`: its table around the whole statement; each may be null. The tracker is as before the
// event. Asks the upstream whether it logs what foreign keys change. Throws Cancelled.
void WarnOfSideEffects(const PlanContext& context, const std::vector<PlannedStatement>& planned,
                       size_t index, const mysql::TableInfo* before, const mysql::TableInfo* after,
                       const StopToken& stop);

}  // namespace dm::migration
