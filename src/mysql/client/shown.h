// SHOW statements, whose answers depend on the session.
#pragma once

#include <string_view>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::mysql {

// The answer of a SHOW CREATE statement in a session without sql_mode: names are in backticks,
// texts escaped by backslashes (as SqlMode() says), and no option is left out. The session has its
// sql_mode again afterwards, also if the statement fails. Throws what Query throws.
ResultSet ShowWithoutModes(Connection& connection, std::string_view statement,
                           const StopToken& stop);

}  // namespace dm::mysql
