// The commands on table definitions: those of `binlog-schema`, and the lists of the HTTP interface.
#pragma once

#include <string>

#include "base/thread/stop.h"
#include "migration/sync/checkpoint.h"
#include "migration/sync/operations.h"
#include "migration/sync/planner.h"
#include "migration/sync/statement_command.h"

namespace dm::migration {

// Carries the command out while no run is under way (kListTargets: at any time). A definition that
// is set is stored at once; the next run reads rows by it. Throws Error: 44009, 44010 for the text,
// 10005 if a server has no such table, 44015.
std::string RunSchemaCommand(const CommandContext& context, const SchemaRequest& request,
                             const Rules& rules, Checkpoint& checkpoint, const StopToken& stop);

}  // namespace dm::migration
