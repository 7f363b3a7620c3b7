// The sessions of a run: who is connected to how, which modes and zones are in force.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/thread/stop.h"
#include "migration/config/subtask.h"
#include "mysql/client/connection.h"
#include "mysql/sql/rewrite.h"
#include "mysql/sql/sql_mode.h"
#include "mysql/value/time_zone.h"

namespace dm::migration {

// What makes a sql_mode a strict one, to be put behind it.
inline constexpr std::string_view kStrictModes = ",STRICT_TRANS_TABLES,STRICT_ALL_TABLES";

struct Sessions {
  mysql::ConnectOptions upstream;
  mysql::ConnectOptions downstream;  // for reading: session variables decided
  mysql::ConnectOptions statements;  // of DDL: as `downstream`
  // Of rows: as `downstream`, but in a zone of fixed offset. In a named zone an hour comes twice
  // when summer time ends, and two instants have one text. And strict, unless the task sets a
  // sql_mode.
  mysql::ConnectOptions rows;
  // sql_mode for rows that a strict session refuses although they are as they should be; empty if
  // the task sets a sql_mode: then that is all there is.
  std::string lenient_mode;
  // Of the checkpoint: as `downstream`, but strict: a value that does not fit is an error.
  mysql::ConnectOptions checkpoint;
  mysql::Flavor flavor = mysql::Flavor::kMySql;  // of the upstream
  mysql::ServerInfo upstream_server;
  mysql::ServerInfo downstream_server;
  std::map<std::string, std::string> default_collations;  // upstream's, see DefaultCollations
  bool strict_collations = false;                         // `collation_compatible: strict`
  bool utf8_is_utf8mb4 = false;                           // in statements of the upstream
  int lower_case_table_names = 0;                         // of the upstream
  // explicit_defaults_for_timestamp: what holds where an event does not say, and downstream.
  bool upstream_explicit_timestamps = true;
  bool downstream_explicit_timestamps = true;
  // The downstream does not tell names of tables apart by letter case.
  bool downstream_folds = false;
  mysql::TimeZone rows_zone;  // TIMESTAMP values are written in it
  // Where fewer digits are kept of a time, only one of both servers cuts its fraction.
  bool fractions_differ = false;
  // The one of both that is a MySQL, if only one is, cuts it.
  bool mysql_cuts = false;
  bool foreign_keys = false;
  bool read_committed = false;  // workers may use that isolation level
  bool bulk = false;            // workers may execute inserts in bulk, where the server can
};

// The sql_mode of downstream sessions by the upstream's: what decides how statements are read and
// what they make; no strictness and no checks of dates, since zeros and invalid dates stay as they
// are; nothing that `downstream` does not know, or that would change a value that is written.
// MariaDB cuts the fraction of a time that keeps fewer digits, the others round it, each unless a
// mode says otherwise: `downstream` does as `upstream`, where it has such a mode.
std::string AdaptSqlMode(std::string_view upstream_mode, const mysql::ServerInfo& upstream,
                         const mysql::ServerInfo& downstream);

// Does a server with this sql_mode cut such fractions?
bool CutsFractions(std::string_view sql_mode, const mysql::ServerInfo& server);

// The server's default collation by lower-case character set, utf8mb3 under both of its names.
std::map<std::string, std::string> DefaultCollations(mysql::Connection& connection,
                                                     const StopToken& stop);

// The same as a question: empty if the character set is not known. Keeps a copy of `collations`.
mysql::CollationLookup LookupIn(std::map<std::string, std::string> collations);

// Does `utf8` in a statement of the server's sessions, as they are by default, stand for utf8mb4?
bool Utf8IsUtf8mb4(mysql::Connection& connection, const StopToken& stop);

// What is counted over all sessions of a unit.
struct SessionCounters {
  std::shared_ptr<mysql::IoCounters> upstream = std::make_shared<mysql::IoCounters>();
  std::shared_ptr<mysql::IoCounters> downstream = std::make_shared<mysql::IoCounters>();
};

// Connects to both sides and asks what has to be known. `idle_limit`: of the sessions that write.
// Throws Error, Cancelled.
Sessions OpenSessions(const SubtaskConfig& config, const SessionCounters& counters,
                      std::chrono::seconds idle_limit, const StopToken& stop);

}  // namespace dm::migration
