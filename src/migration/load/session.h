// Sessions of the connections that load, and which failures they outlive.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/log/log.h"
#include "base/thread/stop.h"
#include "migration/config/subtask.h"
#include "migration/unit/wait_note.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// sql_mode for loading what an upstream with this global sql_mode dumped: checks that would refuse
// its rows are taken out, what keeps zeros and odd dates is put in. A mode with a name that no
// server has comes back as it is, with a warning.
std::string AdjustLoadSqlMode(std::string_view upstream_sql_mode);
// A sql_mode that the user gives, with NO_AUTO_VALUE_ON_ZERO: a dumped 0 is a value, and no wish
// for a new number.
std::string WithZerosKept(std::string_view own_sql_mode);

// The server is away, is going away, or takes no more connections now.
bool IsOutage(const Error& e);

// The unit's failure while the right to write is lost; the run may be resumed.
Error FenceLostError();

// Is it worth running the batch or statement again at once? (Locks, conflicts, schema changes; not
// the loss of the connection.)
bool IsRetryableLoadError(const Error& e);

// The statement or transaction is too large for the server.
bool IsTooLargeError(const Error& e);

// The unit's failure: code 34019 without a text of its own; `place` and the reason are the cause.
Error LoadError(const std::exception& cause, std::string_view place = {});
// Does the error say that this run may not write (its lease ended, or another run is the owner)? It
// is told as it is: unlike what LoadError makes of others, it goes away by itself.
bool IsLossOfRight(const Error& error);

// Opens connections with the session that loading needs. Thread-safe.
class LoadSession {
 public:
  // `upstream_sql_mode`: that of the dump, if it is known. `time_zone`: that of the dump's
  // TIMESTAMPs. `idle_limit`: Fence::IdleLimit. `away`: is told while the server is away and tried
  // again; must outlive the session.
  LoadSession(const SubtaskConfig& config, const std::optional<std::string>& upstream_sql_mode,
              std::string time_zone, std::chrono::seconds idle_limit, WaitNote& away, Logger log);

  std::unique_ptr<mysql::Connection> Open(const StopToken& stop) const;
  // Makes `db` (null or broken) usable. While the server is away it tries again for half an hour,
  // unless `wait_stop` stops; then it throws what failed last.
  void Revive(std::unique_ptr<mysql::Connection>& db, const StopToken& wait_stop,
              const StopToken& cut) const;
  // Sets the session variables; for connections that were made again.
  void Prepare(mysql::Connection& db, const StopToken& stop) const;

  // The same for a connection that is there and broken.
  void Revive(mysql::Connection& db, const StopToken& stop) const;

  // How often a connection is to be used so that it stays open; 0: that does not matter.
  Milliseconds keepalive_interval() const { return Milliseconds(options_.idle_limit) / 3; }
  const std::string& sql_mode() const { return sql_mode_; }
  // How strings in the dump's files are escaped, which is also how this session reads them.
  bool backslash_escapes() const { return backslash_escapes_; }
  bool ansi_quotes() const;
  // The named zone of the task, if the session has another: rows whose values the target makes get
  // theirs in it. Empty otherwise.
  const std::string& named_zone() const { return named_zone_; }

 private:
  template <class Attempt>
  void Patiently(const StopToken& wait_stop, Attempt attempt) const;

  mysql::ConnectOptions options_;
  std::string sql_mode_;
  std::string time_zone_;
  std::string named_zone_;
  bool backslash_escapes_;
  WaitNote& away_;
  Logger log_;
};

}  // namespace dm::migration
