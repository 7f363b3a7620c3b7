// How a server tells names of schemas and tables apart.
#pragma once

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::mysql {

// Are names that differ in letter case alone one name (lower_case_table_names 1 or 2)? Asks the
// server. Throws Error, Cancelled.
inline bool IgnoresNameCase(Connection& connection, const StopToken& stop) {
  return connection.QueryValue("SELECT @@lower_case_table_names", stop).value_or("0") != "0";
}

}  // namespace dm::mysql
