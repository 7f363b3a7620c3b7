// From a configured database to a connection.
#pragma once

#include "migration/config/database.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// Host, port, login, session variables and TLS of `db`; everything else at its default. `scope`
// says which end the connection is. Never leaves out TLS that was asked for; its files are read now
// (Error 48003). The session holds what
// the configuration says; units put their own variables in front.
mysql::ConnectOptions ToConnectOptions(const DbConfig& db, ErrorScope scope);

}  // namespace dm::migration
