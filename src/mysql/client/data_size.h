// How much data tables have, as the server estimates it.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::mysql {

// Bytes of rows without secondary indexes of the tables for which `takes(schema, table)` is true,
// by information_schema's DATA_LENGTH. An estimate, slow on servers with very many tables. Throws
// Error, Cancelled.
uint64_t DataBytes(Connection& connection,
                   const std::function<bool(std::string_view, std::string_view)>& takes,
                   const StopToken& stop);

}  // namespace dm::mysql
