// Where a server's binlog stands now.
#pragma once

#include <optional>
#include <string>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"
#include "mysql/position/position.h"

namespace dm::mysql {

struct BinlogStatus {
  BinlogPosition position;
  std::string gtid_set;  // without whitespace; empty if there are no GTIDs
};

// SHOW MASTER STATUS, or its name on the server's version, with the executed GTID set (MariaDB:
// gtid_binlog_pos). nullopt if the server writes no binlog. Throws Error 10005, 10003.
std::optional<BinlogStatus> ReadBinlogStatus(Connection& connection, const StopToken& stop);

}  // namespace dm::mysql
