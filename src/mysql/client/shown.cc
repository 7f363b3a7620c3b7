#include "mysql/client/shown.h"

#include <utility>

namespace dm::mysql {

ResultSet ShowWithoutModes(Connection& connection, std::string_view statement,
                           const StopToken& stop) {
  connection.Execute("SET @dm_sql_mode = @@SESSION.sql_mode, SESSION sql_mode = ''", stop);
  const auto restore = [&] { connection.Execute("SET SESSION sql_mode = @dm_sql_mode", stop); };
  ResultSet shown;
  try {
    shown = connection.Query(statement, stop);
  } catch (const Error&) {
    if (!connection.broken()) restore();
    throw;
  }
  restore();
  return shown;
}

}  // namespace dm::mysql
