#include "mysql/client/binlog_status.h"

#include <algorithm>
#include <cctype>

namespace dm::mysql {

std::optional<BinlogStatus> ReadBinlogStatus(Connection& connection, const StopToken& stop) {
  const ServerInfo& server = connection.server();
  const bool new_name = !server.is_mariadb && !server.is_tidb && server.AtLeast(8, 4);
  const ResultSet result =
      connection.Query(new_name ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS", stop);
  const auto file = result.ColumnIndex("File");
  const auto position = result.ColumnIndex("Position");
  if (result.rows.empty() || !file || !position) return std::nullopt;
  const auto& row = result.rows.front();
  BinlogStatus status;
  status.position.file = row[*file].value_or("");
  status.position.offset = std::stoull(row[*position].value_or("0"));
  if (server.is_mariadb) {
    status.gtid_set = connection.QueryValue("SELECT @@GLOBAL.gtid_binlog_pos", stop).value_or("");
  } else if (const auto gtids = result.ColumnIndex("Executed_Gtid_Set")) {
    status.gtid_set = row[*gtids].value_or("");
  }
  std::erase_if(status.gtid_set, [](unsigned char c) { return std::isspace(c) != 0; });
  return status;
}

}  // namespace dm::mysql
