// Schemas that belong to a server and are never migrated.
#pragma once

#include <string_view>

namespace dm::migration {

// True for mysql, sys, information_schema, performance_schema, metrics_schema, inspection_schema
// and dm_heartbeat, in any letter case.
bool IsSystemSchema(std::string_view name);

}  // namespace dm::migration
