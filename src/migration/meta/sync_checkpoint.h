// The stored state of incremental replication: `<task>_syncer_checkpoint`, one row for the stream
// as a whole and one for every source table. Layout and texts are the reference's: a task can be
// handed over in both directions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"
#include "mysql/position/location.h"

namespace dm::migration {

// A point inside an upstream transaction up to which a table without identity has its rows: the
// transaction was too large for one downstream transaction. Kept in the exit_safe_* columns of the
// table's row, which nothing else uses.
struct PiecePoint {
  mysql::BinlogPosition position;  // end of the last rows event applied
  std::string transaction;         // its GTID, or "" where the server has none
  std::string server;              // identity of the upstream server whose positions these are
  bool operator==(const PiecePoint&) const = default;
};

// A table's row (or a created database's, with an empty `table`).
struct TablePoint {
  std::string schema;  // source names
  std::string table;
  mysql::Location location;  // zero: none yet
  std::optional<PiecePoint> piece;
  std::string table_info = "null";  // JSON
};

// The global row.
struct GlobalPoint {
  mysql::Location location;
  std::optional<mysql::Location> exit_point;  // of safe mode
  // The stored exit point has a position but no GTID set though GTID mode is on.
  bool exit_point_unusable = false;
};

struct StoredCheckpoint {
  std::optional<GlobalPoint> global;
  std::vector<TablePoint> tables;
};

// Texts and reading of one source's rows. `no_backslash_escapes` says how the sessions that run the
// texts read literals. Immutable, thread-safe.
class SyncCheckpointTable {
 public:
  SyncCheckpointTable(std::string_view meta_schema, std::string_view task,
                      std::string_view source_id, mysql::Flavor flavor, bool gtid_mode,
                      bool no_backslash_escapes = false);

  // Creates the schema and the table if they are missing.
  void Create(mysql::Connection& connection, const StopToken& stop) const;
  // Throws Error of the connection, or kParseGTID for a broken set.
  StoredCheckpoint Load(mysql::Connection& connection, const StopToken& stop) const;
  // One table's point, locking its row until the transaction of `connection` ends; nullopt if there
  // is no row.
  std::optional<TablePoint> LoadForUpdate(mysql::Connection& connection, std::string_view schema,
                                          std::string_view table, const StopToken& stop) const;

  // Statements that write a row, keeping create_time.
  std::string GlobalStatement(const GlobalPoint& point) const;
  std::string TableStatement(const TablePoint& point) const;
  // The definition alone: an existing row keeps its location (a table without identity, whose point
  // moves with its rows). A new row gets `point.location`.
  std::string DefinitionStatement(const TablePoint& point) const;
  // The location and piece alone: an existing row keeps its definition.
  std::string LocationStatement(const TablePoint& point) const;
  // The piece alone: an existing row keeps its location and definition.
  std::string PieceStatement(const TablePoint& point) const;
  std::string DeleteTableStatement(std::string_view schema, std::string_view table) const;
  std::string DeleteSchemaStatement(std::string_view schema) const;
  // All rows but the global one.
  std::string DeleteTablesStatement() const;

  const std::string& name() const { return table_; }

 private:
  enum class Update { kAll, kDefinition, kLocation, kPiece };
  std::string Upsert(std::string_view schema, std::string_view table,
                     const mysql::Location& location, std::string_view exit_name,
                     uint64_t exit_offset, std::string_view exit_gtid, std::string_view table_info,
                     bool is_global, Update update) const;
  std::string Literal(std::string_view text) const;
  TablePoint ReadTable(const std::vector<std::optional<std::string>>& row) const;

  std::string schema_;  // quoted
  std::string table_;   // quoted
  std::string id_;      // literal
  mysql::Flavor flavor_;
  bool gtid_mode_;
  bool no_backslash_escapes_;
};

// `<task>_onlineddl`, where running online schema changes of a source are remembered.
void CreateOnlineDdlTable(mysql::Connection& connection, std::string_view meta_schema,
                          std::string_view task, const StopToken& stop);

// Runs `statements` in one transaction, the last of them last: whoever sees its effect sees all.
// `first` (may be empty) goes in front, in every transaction. If the server finds the transaction
// too large (8004), each half is a transaction of its own. Throws Error of the connection; then
// nothing, or a front part, was committed.
void ExecuteInTransaction(mysql::Connection& connection, const std::string& first,
                          const std::vector<std::string>& statements, const StopToken& stop);

}  // namespace dm::migration
