// The sessions of a run: who is connected to how, which modes and zones are in force.
#pragma once

#include <map>
#include <string>

#include "base/thread/stop.h"
#include "migration/config/subtask.h"
#include "mysql/client/connection.h"
#include "mysql/sql/sql_mode.h"
#include "mysql/value/time_zone.h"

namespace dm::migration {

struct Sessions {
  mysql::ConnectOptions upstream;
  mysql::ConnectOptions downstream;  // of workers, DDL and checkpoint: session variables decided
  mysql::Flavor flavor = mysql::Flavor::kMySql;  // of the upstream
  mysql::ServerInfo upstream_server;
  mysql::ServerInfo downstream_server;
  // Tells the upstream server from others: its positions mean something only there.
  std::string upstream_identity;
  // Upstream's default collation by lower-case character set; read if the downstream is of another
  // kind (CrossesKinds), else empty.
  std::map<std::string, std::string> default_collations;
  int lower_case_table_names = 0;  // of the upstream
  std::string upstream_zone;       // "+08:00"
  mysql::TimeZone task_zone;       // TIMESTAMP values are written in it
  bool foreign_keys = false;
  bool read_committed = false;  // workers may use that isolation level
  std::shared_ptr<mysql::IoCounters> upstream_io;
  std::shared_ptr<mysql::IoCounters> downstream_io;
};

// The upstream's sql_mode made harmless for rows that were valid there: strictness and checks of
// dates go, zeros and invalid dates stay as they are.
std::string AdaptSqlMode(std::string_view upstream_mode);

// Connects to both sides and asks what has to be known. Throws Error, Cancelled.
Sessions OpenSessions(const SubtaskConfig& config, const StopToken& stop);

}  // namespace dm::migration
