// Removal of everything a task left in the downstream meta schema.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// Drops all meta tables of `task`, the schema of its conflict records, and what the loads of other
// DM versions keep for its sources. Rows that unfinished loads of the task brought into tables
// which they found empty are removed first (RemoveUnfinishedRows, whose errors it throws: then
// nothing is dropped); all other data of the target tables stays. No worker may run the task.
// Idempotent; throws Error of the connection.
void RemoveTaskMeta(mysql::Connection& connection, std::string_view meta_schema,
                    std::string_view task, const StopToken& stop,
                    const std::vector<std::string>& source_ids = {});

// Schema in which the load of another DM version keeps its progress for remote dump directories.
std::string ForeignLoadSchema(std::string_view task, std::string_view source_id);

}  // namespace dm::migration
