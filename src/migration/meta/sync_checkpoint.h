// The stored state of incremental replication: `<task>_syncer_checkpoint`, one row for the stream
// as a whole and one for every source table. Layout and texts are the reference's: a task can be
// handed over in both directions.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"
#include "mysql/position/location.h"

namespace dm::migration {

// A point inside an upstream transaction up to which a table without identity has its rows: the
// transaction was too large for one downstream transaction.
struct PiecePoint {
  mysql::BinlogPosition position;  // end of the last rows event applied
  std::string transaction;         // its GTID, or "" where the server has none
  // Number of that event among the rows events of its transaction, from 1; 0: not known.
  uint64_t event = 0;
  bool operator==(const PiecePoint&) const = default;
};

// A table's row (or a created database's, with an empty `table`).
struct TablePoint {
  std::string schema;  // source names
  std::string table;
  mysql::Location location;  // zero: none yet
  std::optional<PiecePoint> piece;
  // Identity of the upstream server whose positions these are; "": not known.
  std::string server;
  std::string table_info = "null";  // JSON
};

// The global row. Its offsets must fit (mysql::LargestShortOffset).
struct GlobalPoint {
  mysql::Location location;
  std::optional<mysql::Location> exit_point;  // of safe mode
  // The stored exit point has a position but no GTID set though GTID mode is on.
  bool exit_point_unusable = false;
};

// Where an XA transaction is in the upstream's binlog that was prepared and is not decided yet.
struct PreparedBranch {
  std::string server;           // identity of the upstream server whose positions these are
  mysql::BinlogPosition begin;  // the end of what is before it
  mysql::BinlogPosition end;    // of its XA PREPARE
  std::string gtid;             // of its XA PREPARE, or ""
  bool replicated = false;      // it changed rows that are replicated
  bool operator==(const PreparedBranch&) const = default;
};
// By xid: "X'gtrid',X'bqual',format".
using PreparedBranches = std::map<std::string, PreparedBranch>;

// The form in which they are stored, and back; a line each.
std::string WritePreparedBranches(const PreparedBranches& prepared);
PreparedBranches ReadPreparedBranches(std::string_view text);

// A server and the binlog file that it is read in: positions mean something there only.
struct UpstreamLog {
  std::string server;    // identity; "": not known
  std::string file;      // of `created`
  uint32_t created = 0;  // when the file was begun, in seconds since 1970; 0: not known
  bool operator==(const UpstreamLog&) const = default;
};

// By name of the database.
using DatabaseCollations = std::map<std::string, std::string>;

struct StoredCheckpoint {
  std::optional<GlobalPoint> global;
  std::vector<TablePoint> tables;
  // Data up to here may be in the tables by a dump that is not of one position.
  std::optional<mysql::Location> dump_exit;
  // XA transactions that were prepared before the global point and are decided behind it.
  PreparedBranches prepared;
  // What the global point's position is of; not with GTIDs.
  UpstreamLog upstream;
  // The rules by which a dump took tables, all of whose definitions are stored; "": some may not
  // be.
  std::string all_known_by;
  // Every change that was applied up to now was applied together with its table's point.
  bool each_once = false;
  // The global point's GTID set is all that the upstream had executed. (Other programs store those
  // that they have read.)
  bool whole_set = false;
  // Default collations of upstream databases at the global point, as far as they are known.
  DatabaseCollations database_collations;
};

// Beside the checkpoint table, whose layout is given, `<task>_syncer_state (id, name, value)` has
// what that has no place for. In the rows of tables the exit_safe_* columns, which mean nothing
// there, have the piece, the server, and offsets that do not fit.
//
// Texts and reading of one source's rows. `no_backslash_escapes` says how the sessions that run the
// texts read literals. Thread-safe.
class SyncCheckpointTable {
 public:
  SyncCheckpointTable(std::string_view meta_schema, std::string_view task,
                      std::string_view source_id, mysql::Flavor flavor, bool gtid_mode,
                      bool no_backslash_escapes = false);

  // Creates the schema and the tables if they are missing, and changes those of older versions.
  void Create(mysql::Connection& connection, const StopToken& stop) const;
  // Makes room for GTID sets of more than 64 KiB, unless there is.
  void WidenForLongSets(mysql::Connection& connection, const StopToken& stop) const;
  // Is this set so long that it is time for that?
  bool NeedsWidening(const mysql::Location& location) const;
  // Throws Error of the connection, or kParseGTID for a broken set.
  StoredCheckpoint Load(mysql::Connection& connection, const StopToken& stop) const;
  // Has the task, in the downstream, another source? One counts from its first checkpoint on.
  bool HasOthers(mysql::Connection& connection, const StopToken& stop) const;
  // One table's point, locking its row until the transaction of `connection` ends; nullopt if there
  // is no row.
  std::optional<TablePoint> LoadForUpdate(mysql::Connection& connection, std::string_view schema,
                                          std::string_view table, const StopToken& stop) const;

  // Statements that write a row, keeping create_time. Throw Error if a set is too long for its
  // column.
  std::string GlobalStatement(const GlobalPoint& point) const;
  std::string TableStatement(const TablePoint& point) const;
  // The definition alone: an existing row keeps its location (a table without identity, whose point
  // moves with its rows). A new row gets `point.location`.
  std::string DefinitionStatement(const TablePoint& point) const;
  // The location and piece alone: an existing row keeps its definition.
  std::string LocationStatement(const TablePoint& point) const;
  std::string DeleteTableStatement(std::string_view schema, std::string_view table) const;
  std::string DeleteSchemaStatement(std::string_view schema) const;
  // All rows but the global one.
  std::string DeleteTablesStatement() const;
  // Writes or removes StoredCheckpoint::dump_exit.
  std::string DumpExitStatement(const std::optional<mysql::Location>& dump_exit) const;

  // Writes or removes StoredCheckpoint::prepared.
  std::string PreparedStatement(const PreparedBranches& prepared) const;

  // Writes StoredCheckpoint::upstream, or removes it if nothing is known.
  std::string UpstreamStatement(const UpstreamLog& upstream) const;

  // Writes StoredCheckpoint::all_known_by, or removes it if it is empty.
  std::string AllKnownStatement(std::string_view rules) const;

  // Writes StoredCheckpoint::each_once.
  std::string EachOnceStatement(bool each_once) const;
  // Writes StoredCheckpoint::whole_set.
  std::string WholeSetStatement(bool whole) const;
  // Writes StoredCheckpoint::database_collations, or removes it if it is empty.
  std::string DatabaseCollationsStatement(const DatabaseCollations& collations) const;

  const std::string& name() const { return table_; }

 private:
  enum class Update { kAll, kDefinition, kLocation };
  struct ExitColumns {
    std::string name;
    uint64_t offset = 0;
    std::string text;
  };
  static ExitColumns ExitColumnsOf(const TablePoint& point);
  // Adds what tables of older versions lack.
  void UpgradeColumns(mysql::Connection& connection, const StopToken& stop) const;
  std::string Upsert(std::string_view schema, std::string_view table,
                     const mysql::Location& location, const ExitColumns& exit,
                     std::string_view table_info, bool is_global, Update update) const;
  std::string UpsertTable(const TablePoint& point, Update update) const;
  std::string Literal(std::string_view text) const;
  // Writes a row of `<task>_syncer_state`, or removes it if the value is empty.
  std::string StateStatement(std::string_view name, std::string_view value) const;
  TablePoint ReadTable(const std::vector<std::optional<std::string>>& row) const;

  std::string meta_schema_;
  std::string task_;
  std::string schema_;  // quoted
  std::string table_;   // quoted
  std::string state_;   // quoted
  std::string id_;      // literal
  mysql::Flavor flavor_;
  bool gtid_mode_;
  bool no_backslash_escapes_;
  std::shared_ptr<std::atomic<bool>> wide_;  // sets of any length fit
};

// Runs `statements` in one transaction, the last of them last: whoever sees its effect sees all.
// `first` (may be empty) goes in front, in every transaction. If the server finds the transaction
// too large (8004), each half is a transaction of its own. Throws Error of the connection; then
// nothing, or a front part, was committed.
void ExecuteInTransaction(mysql::Connection& connection, const std::string& first,
                          const std::vector<std::string>& statements, const StopToken& stop);

}  // namespace dm::migration
