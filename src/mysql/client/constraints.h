// Foreign keys and checks of a server's tables.
#pragma once

#include <string_view>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::mysql {

enum class NamedConstraint { kForeignKey, kCheck };

// Has a table of the schema other than `table` a foreign key or a check of this name? Throws what
// Query throws.
bool OtherTableHas(Connection& connection, NamedConstraint kind, std::string_view name,
                   std::string_view schema, std::string_view table, const StopToken& stop);

}  // namespace dm::mysql
