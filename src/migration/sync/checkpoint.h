// What of the stream is saved: the global point, the points and definitions of tables, the exit
// point of safe mode; in memory and in the downstream's checkpoint table.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "migration/meta/sync_checkpoint.h"
#include "migration/rows/table_plan.h"
#include "migration/sync/statement_operators.h"
#include "mysql/client/connection.h"
#include "mysql/position/location.h"
#include "mysql/schema/table_info.h"

namespace dm::migration {

// What a DDL did to the tables that it names.
struct DefinitionChange {
  struct Put {
    TableId table;
    mysql::TablePtr definition;  // null for a database (`table` empty)
  };
  std::vector<Put> put;
  std::vector<TableId> dropped;              // tables
  std::vector<std::string> dropped_schemas;  // with all their tables
  std::vector<std::string> statements;       // to be executed with what is saved
  // It came of an operation on a statement, which is so far now.
  struct Step {
    uint64_t number = 0;
    size_t done = 0;
    // The location is before the event: points of tables stay where they are.
    bool before_event = false;
  };
  std::optional<Step> step;
};

// The planner saves locations with the order they belong to; a flush writes the newest one whose
// order is at or below the low-water mark. So a flush never waits for anything and never saves what
// is not committed. Thread-safe.
class Checkpoint {
 public:
  // `operators` (may be null) are written with the location; they outlive this.
  Checkpoint(SyncCheckpointTable table, bool gtid_mode, StatementOperators* operators = nullptr);

  const SyncCheckpointTable& table() const { return table_; }

  // Replaces everything by what is stored. Throws Error.
  void Load(mysql::Connection& connection, const StopToken& stop);
  // There is no global point: it is written last, so whatever points of tables there are come from
  // a first flush that was cut off.
  bool IsFresh() const;

  // --- planner ---
  // Begins a run: orders start again at 0, what was saved but not flushed is forgotten. `start` is
  // the location of order 0. `write` marks it for the next flush even if it is what is stored.
  void BeginRun(const mysql::Location& start, bool write);
  // Everything up to `order` is at or before `location`, the end of a transaction.
  void Save(uint64_t order, const mysql::Location& location);
  // The XA transactions that are prepared and not decided where Save and SaveDdl are called next.
  void SetPrepared(const PreparedBranches& prepared);
  // As loaded, or set since.
  PreparedBranches prepared() const;
  // A DDL that ends at `location`; everything before it is committed.
  void SaveDdl(uint64_t order, const mysql::Location& location, const DefinitionChange& change);
  // As it was loaded: StoredCheckpoint::all_known_by.
  std::string all_known_by() const;
  // As it was loaded: StoredCheckpoint::each_once.
  bool each_once() const;
  // Of `flushed`: StoredCheckpoint::whole_set.
  bool has_whole_set() const;
  // As they were loaded: StoredCheckpoint::database_collations.
  DatabaseCollations database_collations() const;
  // Something that concerns what was read since the last Save: it is executed at the latest with
  // the next location.
  void AddStatement(std::string statement);
  // A definition that was not known before, valid since the last DDL.
  void PutDefinition(const TableId& table, mysql::TablePtr definition);
  // Rows of this table came: its point is to move with the next flush. Tables without identity move
  // theirs with their rows.
  void Touch(const TableId& table, bool has_identity);
  // Changes with every flush; Touch is needed once per table and epoch.
  uint64_t epoch() const { return epoch_.load(std::memory_order_relaxed); }
  std::optional<TablePoint> PointOf(const TableId& table) const;
  // Forgets all table points, also in the table (with the next flush).
  void DropAllTables();
  void SetExitPoint(std::optional<mysql::Location> exit_point);
  std::optional<mysql::Location> exit_point() const;
  // How far the tables may be by the dump; outlives runs until it is set to nullopt.
  void SetDumpExit(std::optional<mysql::Location> dump_exit);
  std::optional<mysql::Location> dump_exit() const;
  // What the positions are of that are saved from now on. (What was saved before stays of its own.)
  void SetUpstream(const UpstreamLog& upstream);
  // The stored exit point could not be used.
  bool exit_point_unusable() const;

  // Stores a definition at once, by which the next run reads the table's rows. While no run is
  // under way. Throws Error of the connection; then nothing has changed.
  void StoreDefinition(mysql::Connection& connection, const TableId& table,
                       mysql::TablePtr definition, const StopToken& stop);
  // All definitions known, for filling the tracker.
  std::vector<std::pair<TableId, mysql::TablePtr>> Definitions() const;

  // --- anyone ---
  // Takes away what a flush at this low-water mark or later will pass over: without it every
  // transaction since the last flush would be remembered. Low-water marks do not go back.
  void Forget(uint64_t low_water);
  mysql::Location flushed() const;
  // Up to where everything is committed, saved or not.
  mysql::Location Committed(uint64_t low_water) const;
  // What that position is of.
  UpstreamLog UpstreamOf(uint64_t low_water) const;
  // Would Flush write something now?
  bool HasSomethingToFlush(uint64_t low_water) const;
  // Writes what may be written, in one transaction that begins with `proof`, the global row last.
  // One flush at a time (callers of others wait). False: there was nothing. Throws Error; then
  // everything is kept for the next flush.
  bool Flush(mysql::Connection& connection, const std::string& proof, uint64_t low_water,
             const StopToken& stop);

 private:
  struct Table {
    mysql::TablePtr definition;               // may be null
    std::optional<mysql::Location> location;  // as stored
    std::optional<PiecePoint> piece;          // as stored
    std::string server;                       // as stored
    bool has_identity = true;
    bool touched = false;
    bool definition_changed = false;
    std::optional<mysql::Location> ddl;  // the point after a DDL, to be written; of `server`
  };
  using Prepared = std::shared_ptr<const PreparedBranches>;  // never null
  using Upstream = std::shared_ptr<const UpstreamLog>;       // never null
  struct Point {
    mysql::Location location;
    Prepared prepared;
    Upstream upstream;
  };
  struct SavePoint {
    uint64_t order;
    Point point;
  };
  const Point* Savable(uint64_t low_water) const;  // mutex_ held
  mysql::TablePtr StoredDefinition(const TablePoint& point) const;
  // The newest point at or below the mark becomes `savable_`.
  void TakeSaved(uint64_t low_water);  // mutex_ held
  // What to store of `savable_`: at a place before it, branches decided since are undecided still.
  Prepared PreparedToStore() const;                               // mutex_ held
  TablePoint RowOf(const TableId& id, const Table& table) const;  // mutex_ held
  // The server whose positions points of tables have; "" where that does not matter.
  std::string ServerOf(const Upstream& upstream) const {
    return gtid_mode_ ? upstream->server : std::string();
  }
  // Is everything of the transaction that the table's piece is of before `point`, a transaction's
  // end? False also if that cannot be told.
  bool IsPieceOver(const Table& table, const mysql::Location& point) const;  // mutex_ held
  // The global row for this point: where a run can begin again that may do so only at offsets that
  // fit, and how far it will then find changes applied.
  GlobalPoint ToRow(GlobalPoint point) const;

  const SyncCheckpointTable table_;
  const bool gtid_mode_;
  StatementOperators* const operators_;
  std::mutex flush_mutex_;
  mutable std::mutex mutex_;
  std::deque<SavePoint> saved_;
  std::optional<Point> savable_;  // newest save point taken off the front
  std::optional<Point> short_;    // newest one taken off whose offset fits
  Prepared prepared_ = std::make_shared<const PreparedBranches>();
  Prepared flushed_prepared_ = prepared_;
  mysql::Location flushed_;
  bool has_flushed_ = false;   // there is a global row
  bool write_global_ = false;  // although the location did not move
  std::optional<mysql::Location> exit_point_;
  bool exit_point_unusable_ = false;
  std::optional<mysql::Location> dump_exit_;
  bool write_dump_exit_ = false;
  std::string all_known_by_;
  bool each_once_ = false;
  bool flushed_whole_set_ = false;
  DatabaseCollations database_collations_;
  Upstream upstream_ = std::make_shared<const UpstreamLog>();
  Upstream flushed_upstream_ = upstream_;
  std::map<TableId, Table> tables_;
  std::set<TableId> dropped_;
  std::set<std::string> dropped_schemas_;
  std::vector<std::string> ddl_statements_;  // of DefinitionChange, not executed yet
  bool drop_all_ = false;
  std::atomic<uint64_t> epoch_{1};
};

}  // namespace dm::migration
