// From a database in a configuration to a connection.
#pragma once

#include "base/error/error.h"
#include "migration/config/database.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// Host, port, account, session variables (in alphabetical order) and TLS of `db`; everything else
// as ConnectOptions has it by default. `scope` is stamped on errors.
mysql::ConnectOptions ToConnectOptions(const DbConfig& db, ErrorScope scope);

}  // namespace dm::migration
