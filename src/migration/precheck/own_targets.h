// Targets that are upstream tables of the task, or hold the progress of tasks.
#pragma once

#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "migration/precheck/connection_pool.h"
#include "migration/precheck/preparation.h"
#include "migration/precheck/result.h"

namespace dm::migration {

// Are both the same server, by whatever addresses it is reached? A lock by name tells, which is
// known to one server alone; where it cannot be had (some proxies and clusters refuse it), they
// count as two. Throws Error of a lost connection, Cancelled.
bool AreOneServer(ConnectionPool& upstream, ConnectionPool& downstream, const StopToken& stop);

// What is wrong with the targets of the source's tables. Failures: in one server, a table that is
// its own target, and, if changes are replicated, targets and progress of the task that it takes
// from the binlog again, also targets of `others`, the tables of its other sources; anywhere, the
// tables in which the task keeps its progress. A warning: those of other tasks. `fold`: the
// downstream does not look at letter case.
std::vector<CheckEntry> JudgeTargets(const CheckedSource& source,
                                     const std::vector<RoutedTable>& others, bool fold);

}  // namespace dm::migration
