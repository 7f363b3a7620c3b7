// Tables that have one target, and what happens to it by a statement on one of them.
#pragma once

#include <string>
#include <vector>

#include "migration/config/subtask.h"
#include "migration/precheck/preparation.h"

namespace dm::migration {

// A source and the tables that the task takes of it. Refers to both.
struct TablesOfSource {
  const SubtaskConfig& subtask;
  const std::vector<RoutedTable>& tables;
};

// Warnings, one for each target table or schema that several upstream tables or schemas have, of
// all sources together, and that a statement on one of them empties or drops: no event filter
// leaves it out. `fold`: the downstream does not look at letter case.
std::vector<std::string> UnprotectedTargets(const std::vector<TablesOfSource>& sources, bool fold);

}  // namespace dm::migration
