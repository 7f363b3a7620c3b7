// Schemas that belong to a server and are never migrated.
#pragma once

#include <string_view>

namespace dm::migration {

// True for mysql, sys, information_schema, performance_schema, metrics_schema, inspection_schema
// and dm_heartbeat, in any letter case.
bool IsSystemSchema(std::string_view name);
// mysql, information_schema and performance_schema, in any letter case: what every server keeps for
// itself. The others are ordinary names to some.
bool IsServerSchema(std::string_view name);

}  // namespace dm::migration
