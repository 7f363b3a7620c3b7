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

// Progress of one file.
struct LoadCheckpointRow {
  std::string file;  // path relative to the dump directory
  std::string schema;
  std::string table;
  int64_t offset = 0;  // of the next byte to read: start of a tuple; == end when done
  int64_t end = 0;     // size of the file when it was first seen
};

// What a source's load does with a target table; kept in the progress table under the name
// "table:<schema>.<table>", which no file can have.
enum class TableClaim : int64_t {
  kOwned = 0,   // found empty and filled by this source alone, maybe from a dump that goes on
  kShared = 1,  // owned, but another source has come to it since
  kUser = 2,    // filled beside others, or not from its beginning
};

struct TableClaimRow {
  std::string schema;  // target
  std::string table;
  TableClaim claim = TableClaim::kUser;
};

// SQL over the two tables of one task and source. Holds no connection: every call names one.
// Database errors come as the connection throws them. Immutable, thread-safe.
class LoadMeta {
 public:
  LoadMeta(std::string_view meta_schema, std::string_view task, std::string_view source_id);

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

  // Progress of files, without claims.
  std::vector<LoadCheckpointRow> Files(mysql::Connection& db, const StopToken& stop) const;
  // Adds rows that are not there, in statements of bounded size, in one transaction.
  void AddFiles(mysql::Connection& db, const std::vector<LoadCheckpointRow>& files,
                const StopToken& stop) const;
  // Removes files and claims of this source.
  void DeleteRows(mysql::Connection& db, const StopToken& stop) const;
  // In one transaction: no rows any more, and the stage `finished`.
  void Finish(mysql::Connection& db, const StopToken& stop) const;

  // The statement that moves a file's progress from `from` to `to`; it affects one row exactly if
  // the progress was at `from`. Run inside the transaction that writes the rows between.
  std::string AdvanceStatement(const std::string& file, int64_t from, int64_t to) const;
  // Where a file's progress is, waiting for a transaction that is changing it; -1 without a row.
  int64_t OffsetOf(mysql::Connection& db, const std::string& file, const StopToken& stop) const;

  // Claims of this source.
  std::vector<TableClaimRow> Claims(mysql::Connection& db, const StopToken& stop) const;
  // Claims an empty target table as owned. False, and the claim is kUser, if another source of the
  // task is at it. Two sources that claim at the same time never both get true.
  bool ClaimOwned(mysql::Connection& db, const std::string& schema, const std::string& table,
                  const StopToken& stop) const;
  // Says that this source fills the targets beside whoever owns them; owners learn of it. Targets
  // that this source owns stay owned.
  void ClaimUse(mysql::Connection& db, const std::vector<TableClaimRow>& targets,
                const StopToken& stop) const;

 private:
  std::string task_;  // literals
  std::string source_;
  std::string meta_schema_;  // quoted
  std::string status_table_;
  std::string checkpoint_table_;
};

// The value stored as `filename`: the path, or, if it does not fit the column, its hash.
std::string CheckpointFileName(std::string_view path);

}  // namespace dm::migration
