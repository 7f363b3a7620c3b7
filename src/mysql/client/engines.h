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

// Is the server of a version that has such changes in its binlog, by default?
bool MayLogCascades(const ServerInfo& server);

// Are the changes of rows in the server's binlog that its foreign keys make by themselves (ON
// DELETE and ON UPDATE)? MySQL's are from 9.6 on, unless InnoDB is told to make them as before.
// Throws what Query throws.
bool LogsCascades(Connection& connection, const StopToken& stop);

}  // namespace dm::mysql
