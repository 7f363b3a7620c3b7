// Brings one data file into its target table, each row exactly once.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "migration/dumpfile/insert_reader.h"
#include "migration/dumpfile/load_line.h"
#include "migration/load/enum_members.h"
#include "migration/load/loader_pool.h"
#include "migration/load/progress.h"
#include "migration/rows/value_warning.h"
#include "migration/storage/local_directory.h"

namespace dm::migration {

enum class OnDuplicate { kReplace, kIgnore, kError };

// A target table as loading needs it; shared by the loaders of its files.
struct LoadTarget {
  std::string schema;
  std::string table;

  struct Column {
    std::string name;
    std::string type;        // "varchar", lower case
    bool bytes = false;      // has no character set
    bool generated = false;  // computed by the server
    bool now = false;        // a DATETIME that defaults to the current time
  };
  // Its files are loaded one after another, so that rows without a primary key get the order that
  // they have upstream: the numbers of an AUTO_INCREMENT column that is added later go by it. Set
  // before the first of them is loaded.
  bool in_order = false;
  std::once_flag once;
  std::vector<Column> columns;  // read at first use
  EnumMembers enum_members;     // read at first use
  bool auto_increment = false;  // read at first use
  // Read at first use: a key WITHOUT OVERLAPS, with which MariaDB has no REPLACE.
  bool without_overlaps = false;
  std::atomic<int> loaders{0};  // of its files, now
  std::atomic<int> load_data_failures{0};
  std::atomic<int64_t> skipped_rows{0};  // left out by OnDuplicate::kIgnore

  // The column of that name, in any letter case; null: there is none.
  const Column* Find(const std::string& column) const;
};

// A data file and how far it has been loaded.
struct LoadFile {
  std::string path;  // relative to the dump directory
  std::shared_ptr<LoadTarget> target;
  int64_t offset = 0;
  int64_t size = 0;
  int64_t rows = 0;         // written before `offset`
  std::string script = {};  // path of its table's schema file; empty: there is none
};

// Loads files one after another; each transaction writes rows and moves the file's progress row, so
// whatever happens, rows and progress agree. Used by one thread at a time.
class FileLoader {
 public:
  FileLoader(const LoadContext& context, const LocalDirectory& directory, OnDuplicate on_duplicate,
             LoadProgress& progress)
      : context_(context),
        directory_(directory),
        on_duplicate_(on_duplicate),
        progress_(progress) {}

  // Throws Error kLoadLightningRuntime naming file, offset and reason; what IsLossOfRight names;
  // Cancelled.
  void Load(const LoadFile& file, LoadConnection& connection, const LoadStop& stop);

 private:
  // The rows of one transaction: tuples of the file from `from` on.
  struct Batch {
    int64_t from = 0;
    int64_t to = 0;  // where the next transaction starts
    size_t rows = 0;
    std::string lines;                    // for LOAD DATA, or
    std::vector<std::string> statements;  // INSERT or REPLACE
  };
  struct Limits {
    size_t transaction_bytes = 0;
    size_t statement_bytes = 0;
    size_t rows = SIZE_MAX;            // of a transaction
    size_t statement_rows = SIZE_MAX;  // of a statement
    bool short_bytes = false;          // byte strings in the form that takes the least room
    bool tidb = false;                 // the target is one
  };

  Limits DefaultLimits(const mysql::Connection& db) const;
  void ReadColumns(mysql::Connection& db, LoadTarget& target, const StopToken& stop) const;
  // Columns of the file's tuples.
  static std::vector<std::string> NamesOf(const LoadTarget& target, const InsertReader& reader);
  // Makes the heads of the statements for a file. False: LOAD DATA will not do for it.
  bool PrepareStatements(const LoadTarget& target, const InsertReader& reader);
  // False: LOAD DATA cannot say the next tuple; the batch holds those before it.
  bool GatherLines(InsertReader& reader, std::string_view content, const Limits& limits,
                   Batch& batch);
  void GatherStatements(InsertReader& reader, const Limits& limits, Batch& batch);
  int64_t OffsetOf(const LoadFile& file, LoadConnection& connection, const LoadStop& stop) const;
  // Runs the batch as one transaction, again where that can help; returns where the file's progress
  // is then. Throws the database's error after a rollback.
  int64_t Write(const LoadFile& file, const Batch& batch, LoadConnection& connection,
                const LoadStop& stop);
  void WriteRows(mysql::Connection& db, const Batch& batch, const StopToken& stop);
  mysql::ParseOptions ParseOptions() const;
  // The statements that make the file's table as it was dumped, and how to read them. Throws Error
  // if the script cannot be read.
  std::vector<std::string> DumpedStatements(const LoadFile& file, mysql::ParseOptions* options);
  // What warnings about rows of this file may say. Throws as DumpedStatements.
  void PrepareWarnings(const LoadFile& file);
  // Finds the vectors that become text. Throws as DumpedStatements.
  void PrepareVectors(const LoadFile& file, const InsertReader& reader);

  const LoadContext& context_;
  const LocalDirectory& directory_;
  const OnDuplicate on_duplicate_;
  LoadProgress& progress_;

  std::string insert_head_;
  std::string tuple_tail_;  // values of columns that the file has not, from the comma on
  std::string load_statement_;
  std::vector<LoadField> fields_;
  std::vector<size_t> vectors_;             // positions in the tuples of those that become text
  std::vector<ValueColumn> value_columns_;  // views into the target's
};

}  // namespace dm::migration
