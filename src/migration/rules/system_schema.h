// Schemas that belong to a server and are never migrated.
#pragma once

#include <string_view>

namespace dm::migration {

// True for mysql, sys, information_schema, performance_schema, metrics_schema, inspection_schema
// and dm_heartbeat, in any letter case.
bool IsSystemSchema(std::string_view name);
// Those of them that servers have themselves and nobody may fill: all but dm_heartbeat.
bool IsServerSchema(std::string_view name);

}  // namespace dm::migration
