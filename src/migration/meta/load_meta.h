// Downstream tables of the load unit: its status per source and its progress per file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::migration {

enum class LoadStage { kInit, kRunning, kFinished };

std::string_view ToString(LoadStage stage);

// Progress of one file, or a mark with a name that no file can have ("table:<schema>.<table>").
struct LoadCheckpointRow {
  std::string file;  // path relative to the dump directory
  std::string schema;
  std::string table;
  int64_t offset = 0;  // of the next byte to read: start of a tuple; == end when done
  int64_t end = 0;     // size of the file when it was first seen
};

// SQL over the two tables of one task and source. Holds no connection: every call names one.
// Database errors come as the connection throws them. Thread-safe.
class LoadMeta {
 public:
  LoadMeta(std::string meta_schema, std::string task, std::string source_id);

  // `<meta>`.`<task>_lightning_checkpoint_list` and `<meta>`.`<task>_loader_checkpoint`, quoted.
  const std::string& status_table() const { return status_table_; }
  const std::string& checkpoint_table() const { return checkpoint_table_; }

  // Makes the meta schema and both tables if they are not there.
  void Create(mysql::Connection& db, const StopToken& stop) const;

  // A missing row is kInit; an unknown value too, with a warning.
  LoadStage Stage(mysql::Connection& db, const StopToken& stop) const;
  // Adds the row unless it is there.
  void AddStatus(mysql::Connection& db, const StopToken& stop) const;
  void SetStage(mysql::Connection& db, LoadStage stage, const StopToken& stop) const;

  std::vector<LoadCheckpointRow> Rows(mysql::Connection& db, const StopToken& stop) const;
  // Adds rows that are not there, in statements of bounded size, in one transaction.
  void AddRows(mysql::Connection& db, const std::vector<LoadCheckpointRow>& rows,
               const StopToken& stop) const;
  void DeleteRows(mysql::Connection& db, const StopToken& stop) const;
  // In one transaction: no progress rows any more, and the stage `finished`.
  void Finish(mysql::Connection& db, const StopToken& stop) const;

  // The statement that moves a file's progress from `from` to `to`; it affects one row exactly if
  // the progress was at `from`. Run inside the transaction that writes the rows between.
  std::string AdvanceStatement(const std::string& file, int64_t from, int64_t to) const;
  // Where a file's progress is, read with a lock; -1 if it has no row.
  int64_t OffsetForUpdate(mysql::Connection& db, const std::string& file,
                          const StopToken& stop) const;

 private:
  std::string meta_schema_;
  std::string task_;
  std::string source_id_;
  std::string status_table_;
  std::string checkpoint_table_;
};

// The value stored as `filename`: the path, or, if it does not fit the column, its hash.
std::string CheckpointFileName(std::string_view path);

}  // namespace dm::migration
