// Definitions of all source tables at the current binlog point.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mysql/schema/build.h"
#include "mysql/schema/table_info.h"
#include "mysql/sql/statement.h"

namespace dm::mysql {

struct TrackerOptions {
  int lower_case_table_names = 0;  // of the upstream; 0 keeps case, 1 and 2 look up without case
  bool mariadb = false;            // flavor of the upstream
  // The downstream is TiDB: table options it refuses are refused while tracking as well.
  bool downstream_tidb = false;
  // A sharding mode is on: ADD COLUMN ... UNIQUE sets the column's flag without an index.
  bool shard_mode = false;
  CollationLookup default_collation_of;  // see BuildOptions
  bool inline_references = false;        // see BuildOptions
};

// What a statement changes, computed by Plan, not yet visible to readers. Movable; valid for the
// tracker that made it as long as nothing else is committed in between.
class TrackerChange {
 public:
  bool empty() const { return steps_.empty(); }

 private:
  friend class SchemaTracker;
  struct Step {
    enum class Kind { kPutSchema, kDropSchema, kPutTable, kDropTable } kind;
    std::string schema;
    std::string table;
    TablePtr definition;
    std::string charset;
    std::string collation;
  };
  std::vector<Step> steps_;
};

struct TrackedTable {
  std::string schema;
  std::string table;
  TablePtr definition;
};

// Thread-safe. Readers get snapshots that stay valid. Changes are made by one thread at a time.
class SchemaTracker {
 public:
  explicit SchemaTracker(TrackerOptions options);

  // What `statements` (already split, or with lists of changes) do, one after another. Errors that
  // a replica may ignore (database exists 1007, database missing 1008, table to drop missing 1051,
  // column or key to drop missing 1091) are logged and passed over. Throws Error
  // kSchemaTrackerCannotExecDDL (44006) naming the statement, with the reason as raw cause;
  // kSchemaTrackerIsClosed (44020). On an error nothing has changed.
  TrackerChange Plan(std::string_view default_schema, std::span<const Statement> statements) const;
  // Makes a planned change visible, all at once.
  void Commit(TrackerChange change);
  // Plan and Commit of one statement.
  void Exec(std::string_view default_schema, const Statement& statement);

  // nullptr if not tracked. Throws 44020 after Close.
  TablePtr GetTable(std::string_view schema, std::string_view table) const;
  // As GetTable, but throws kSchemaTrackerCannotGetTable (44005) if not tracked.
  TablePtr MustGetTable(std::string_view schema, std::string_view table) const;
  // The definition a change would leave, seen before it is committed.
  TablePtr GetTable(const TrackerChange& change, std::string_view schema,
                    std::string_view table) const;

  bool HasSchema(std::string_view schema) const;
  void CreateSchemaIfNotExists(std::string_view schema);
  // Sets the defaults of a schema, which is created if missing: what a table or a column gets that
  // names no character set. Schemas that are created by the way have utf8mb4 until then.
  void SetSchemaCollation(std::string_view schema, std::string_view collation);
  // nullopt unless a statement or SetSchemaCollation has told it.
  std::optional<std::string> SchemaCollation(std::string_view schema) const;
  // Of all schemas of which it is known, by name.
  std::map<std::string, std::string> SchemaCollations() const;
  // Sets a definition, replacing any; its name becomes `table`. The schema is created if missing.
  void PutTable(std::string_view schema, std::string_view table, TablePtr definition);
  // Does nothing if it is not tracked.
  void DropTable(std::string_view schema, std::string_view table);

  // Sorted by schema and table.
  std::vector<TrackedTable> AllTables() const;
  std::vector<std::string> TablesOf(std::string_view schema) const;

  // Options for building a table in `schema` (its default charset).
  BuildOptions BuildOptionsFor(std::string_view schema) const;
  const TrackerOptions& options() const { return options_; }

  // Forgets everything.
  void Reset();
  // After this every reader gets 44020 until Reset.
  void Close();

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  struct Entry {
    std::string name;  // as first seen
    TablePtr definition;
  };
  struct Schema {
    std::string name;
    std::string charset = "utf8mb4";
    std::string collation = "utf8mb4_bin";
    bool collation_known = false;
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> tables;
  };
  class View;

  std::string Key(std::string_view name) const;
  void CheckOpen() const;
  const Schema* FindSchema(std::string_view schema) const;
  void ApplyStep(const TrackerChange::Step& step);

  const TrackerOptions options_;
  mutable std::shared_mutex mutex_;
  bool closed_ = false;
  std::unordered_map<std::string, Schema, Hash, std::equal_to<>> schemas_;
};

}  // namespace dm::mysql
