// Removal of everything a task left in the downstream meta schema.
#pragma once

#include <string_view>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// Drops all meta tables of `task` and the schema of its conflict records. Data of the task's target
// tables stays. Idempotent; throws Error of the connection.
void RemoveTaskMeta(mysql::Connection& connection, std::string_view meta_schema,
                    std::string_view task, const StopToken& stop);

}  // namespace dm::migration
