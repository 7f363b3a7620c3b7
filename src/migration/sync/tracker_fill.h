// The tracker's first content in a run.
#pragma once

#include <string>

#include "migration/config/subtask.h"
#include "migration/sync/planner.h"

namespace dm::migration {

// From the definitions stored with the table points; `collations`: and from the stored defaults of
// databases.
void FillTrackerFromCheckpoint(PlanContext& context, bool collations);

// From the schema files of the dump directory, as the upstream had the tables when it was dumped.
// Tables that the rules skip are left out. False: some file could not be used (logged); its table
// will be taken from the downstream.
bool FillTrackerFromDump(PlanContext& context, const SubtaskConfig& config);

// The rules by which a dump of this task takes tables, as a text that is not empty.
std::string TableRulesText(const SubtaskConfig& config);

}  // namespace dm::migration
