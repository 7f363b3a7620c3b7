// Connections of a dump to its upstream: their session state, snapshots, locks and positions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log/log.h"
#include "base/thread/stop.h"
#include "migration/dumpfile/metadata.h"
#include "mysql/client/connection.h"
#include "mysql/client/server_thread.h"

namespace dm::migration {

enum class Consistency { kAuto, kFlush, kLock, kNone };

std::string_view ToString(Consistency consistency);

// The sql_mode of dump connections by that of the server: CHAR values without padding; zeros and
// invalid dates, which bounds of keys may be, are ordinary values.
std::string ReadingSqlMode(std::string_view mode);

// A table by its upstream name.
struct TableId {
  std::string schema;
  std::string table;
  auto operator<=>(const TableId&) const = default;
};

// Opens the connections of one dump and knows how the server wants to be asked. One owner thread;
// Open* may be called from several.
class SourceSession {
 public:
  // `options` without session variables. `time_zone` is set in every session.
  SourceSession(mysql::ConnectOptions options, std::string time_zone, Logger log);

  // A connection with the session state of dump connections.
  std::unique_ptr<mysql::Connection> Open(const StopToken& stop) const;
  // Begins the transaction whose snapshot all later reads of this connection see.
  void BeginSnapshot(mysql::Connection& db, const StopToken& stop) const;

  // Where the binlog stands; nullopt if the server has none. Throws the database's error.
  std::optional<DumpPosition> ReadPosition(mysql::Connection& db, const StopToken& stop) const;
  // What a replica has executed; empty on others. Failures are logged, not thrown.
  std::vector<DumpReplicaPosition> ReadReplicaPositions(mysql::Connection& db,
                                                        const StopToken& stop) const;

  // Takes the global read lock on `db`: after statements that run for long have ended (a minute at
  // most), in short attempts, since a lock that waits holds up all writes. Errors as LockTables;
  // kDumpUnitGlobalLock if something holds it up for good.
  void FlushWithReadLock(mysql::Connection& db, const StopToken& stop) const;
  // Locks `tables` for reading on `db`. A table that vanished meanwhile is removed from `tables`.
  // Throws Error kDumpUnitRuntime whose cause is "sql: <statement>: Error <n> (<state>): <text>".
  void LockTables(mysql::Connection& db, std::vector<TableId>& tables, const StopToken& stop) const;

  // Ends statements that the server still runs for connections that were cut off. Best effort.
  void KillConnections(const std::vector<mysql::ServerThread>& threads) const;

  const mysql::ConnectOptions& options() const { return options_; }

 private:
  void WaitForLongStatements(mysql::Connection& db, const StopToken& stop) const;

  mysql::ConnectOptions options_;
  std::string time_zone_;
  Logger log_;
};

// The upstream was lost or is away for the moment: the same dump may succeed later. Also for errors
// that DumpError has made.
bool IsConnectionFailure(const Error& e);

// A statement upstream has changed or removed a table since the snapshot was taken, so that it
// cannot be read any more; a new snapshot can. `user_condition`: statements contain a condition of
// the user's, whose unknown columns are the user's. Also for errors that DumpError has made.
bool IsDefinitionChange(const Error& e, bool user_condition);

// The form in which users know errors of the dump: kDumpUnitRuntime with the cause
// "sql: <statement>: Error ...", or the innermost cause if no statement failed. Without `statement`
// it is the one that the error quotes.
Error DumpError(const std::exception& cause, std::string_view statement = {});

}  // namespace dm::migration
