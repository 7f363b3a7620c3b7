#include "mysql/client/data_size.h"

#include "base/io/text.h"

namespace dm::mysql {

uint64_t DataBytes(Connection& connection,
                   const std::function<bool(std::string_view, std::string_view)>& takes,
                   const StopToken& stop) {
  const ResultSet tables = connection.Query(
      "SELECT TABLE_SCHEMA, TABLE_NAME, DATA_LENGTH FROM information_schema.TABLES WHERE "
      "TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')",
      stop);
  uint64_t bytes = 0;
  for (const auto& row : tables.rows) {
    if (!takes(row[0].value_or(""), row[1].value_or(""))) continue;
    bytes += ParseUint(row[2].value_or("0")).value_or(0);
  }
  return bytes;
}

}  // namespace dm::mysql
