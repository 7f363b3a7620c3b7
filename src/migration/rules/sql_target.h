// Which spelling of SQL a server takes.
#pragma once

#include "mysql/client/connection.h"
#include "mysql/sql/restore.h"

namespace dm::migration {

inline mysql::SqlTarget SqlTargetOf(const mysql::ServerInfo& server) {
  if (server.is_tidb) return mysql::SqlTarget::kTiDb;
  return server.is_mariadb ? mysql::SqlTarget::kMariaDb : mysql::SqlTarget::kMySql;
}

}  // namespace dm::migration
