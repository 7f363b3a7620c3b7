// Storage engines of a server.
#pragma once

#include <string_view>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::mysql {

// Can the server make tables with this storage engine whose rows take part in transactions? Names
// as they stand in statements: any case, also the older names of engines. Asks the server, but for
// InnoDB. Throws Error, Cancelled.
bool HasTransactionalEngine(Connection& connection, std::string_view engine, const StopToken& stop);

// Has the server this parser of full-text indexes (a plug-in)? Names in any letter case. Throws
// what Query throws.
bool HasFullTextParser(Connection& connection, std::string_view parser, const StopToken& stop);

}  // namespace dm::mysql
