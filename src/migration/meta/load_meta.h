// Downstream tables of the load unit: its status per source and its progress per file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/thread/stop.h"
#include "migration/meta/owner.h"
#include "mysql/client/connection.h"

namespace dm::migration {

enum class LoadStage { kInit, kRunning, kFinished };

std::string_view ToString(LoadStage stage);

// Progress of one file.
struct LoadCheckpointRow {
  std::string file;    // path relative to the dump directory
  std::string schema;  // target
  std::string table;
  int64_t offset = 0;  // of the next byte to read: start of a tuple; == end when done
  int64_t end = 0;     // size of the file when it was first seen
  int64_t rows = 0;    // written so far
};

// What a source's load does with a target table; kept in the progress table under the name
// "table:<schema>.<table>", which no file can have. The name is made of a TargetKey, the row's
// schema and table are as the routes write them.
enum class TableClaim : int64_t {
  kOwned = 0,   // found empty and filled by this source alone, maybe from a dump that goes on
  kShared = 1,  // owned, but another source has come to it since
  kUser = 2,    // filled beside others, or not from its beginning
  // Owned, and being emptied: nobody else may come to it now.
  kEmptying = 3,
};

struct TableClaimRow {
  std::string schema;  // target
  std::string table;
  TableClaim claim = TableClaim::kUser;
};

// A target table that was not there before this source's load made it; kept under the name
// "made:<schema>.<table>", of a TargetKey.
struct MadeTableRow {
  std::string schema;  // target
  std::string table;
  // DefinitionHash of the table as it was made; 0: the load ended before it knew. Then the table
  // may be anybody's.
  int64_t definition = 0;
};

// Schema and table as the downstream tells them apart: names of one table there have one key. To be
// compared only, statements take names as they were given.
using TargetKey = std::pair<std::string, std::string>;

// SQL over the two tables of one task and source. Holds no connection: every call names one.
// Database errors come as the connection throws them. What takes an OwnerRight changes nothing and
// throws Error kSyncerOwnerChanged if another run has it by then. Immutable, thread-safe.
class LoadMeta {
 public:
  // `downstream_folds`: names that differ in letter case alone are one name there
  // (mysql::IgnoresNameCase).
  LoadMeta(std::string_view meta_schema, std::string_view task, std::string_view source_id,
           bool downstream_folds);

  // `<meta>`.`<task>_lightning_checkpoint_list` and `<meta>`.`<task>_loader_checkpoint`, quoted.
  const std::string& status_table() const { return status_table_; }
  const std::string& checkpoint_table() const { return checkpoint_table_; }

  TargetKey KeyOf(std::string_view schema, std::string_view table) const;

  // Makes the meta schema and both tables if they are not there; brings rows of older versions up
  // to date, those of other sources too.
  void Create(mysql::Connection& db, const StopToken& stop) const;

  // A missing row is kInit; an unknown value too, with a warning.
  LoadStage Stage(mysql::Connection& db, const StopToken& stop) const;
  // Adds the row unless it is there.
  void AddStatus(mysql::Connection& db, const StopToken& stop) const;
  void SetStage(mysql::Connection& db, LoadStage stage, const StopToken& stop) const;

  // Says in one transaction that the dump `dump_id` is loaded from now on; the stage is `running`.
  void BeginRunning(mysql::Connection& db, const OwnerRight& right, std::string_view dump_id,
                    const StopToken& stop) const;
  // The dump whose loading began or is finished; nullopt if none, or if it is not known.
  std::optional<std::string> DumpId(mysql::Connection& db, const StopToken& stop) const;

  // Progress of files.
  std::vector<LoadCheckpointRow> Files(mysql::Connection& db, const StopToken& stop) const;
  // Was something loaded into a table that has no claim? Then the rows are those of another version
  // of DM, which has a table of the same name.
  bool HasUnclaimedProgress(mysql::Connection& db, const StopToken& stop) const;
  // Adds rows that are not there, in statements of bounded size, in one transaction. Rows of files
  // that nothing was loaded from get the new target and size.
  void AddFiles(mysql::Connection& db, const OwnerRight& right,
                const std::vector<LoadCheckpointRow>& files, const StopToken& stop) const;
  // The files that go into the target of these names, letter by letter, are to be loaded from their
  // beginning.
  void RestartFiles(mysql::Connection& db, const OwnerRight& right, const std::string& schema,
                    const std::string& table, const StopToken& stop) const;
  // Removes all rows of this source.
  void DeleteRows(mysql::Connection& db, const OwnerRight& right, const StopToken& stop) const;
  // In one transaction: no files and claims any more, and the stage `finished`. `keep_dump_id`: a
  // sync unit that is still to begin needs to know which dump it was.
  void Finish(mysql::Connection& db, const OwnerRight& right, bool keep_dump_id,
              const StopToken& stop) const;

  // The statement that moves a file's progress from `from` to `to` with `rows` rows between; it
  // affects one row exactly if the progress was at `from`. Run inside the transaction that writes
  // these rows.
  std::string AdvanceStatement(const std::string& file, int64_t from, int64_t to,
                               size_t rows) const;
  // Where a file's progress is, waiting for a transaction that is changing it; -1 without a row.
  int64_t OffsetOf(mysql::Connection& db, const std::string& file, const StopToken& stop) const;

  // Claims of this source.
  std::vector<TableClaimRow> Claims(mysql::Connection& db, const StopToken& stop) const;
  // Claims an empty target table as owned. False, and the claim is kUser, if another source of the
  // task is at it. Two sources that claim at the same time never both get true.
  bool ClaimOwned(mysql::Connection& db, const OwnerRight& right, const std::string& schema,
                  const std::string& table, const StopToken& stop) const;
  // Says that this source fills the targets beside whoever owns them; owners learn of it. Targets
  // that this source owns stay owned. Throws Error kLoadCheckPointNotMatch if another source is
  // emptying one of them and does not come to an end.
  void ClaimUse(mysql::Connection& db, const OwnerRight& right,
                const std::vector<TableClaimRow>& targets, const StopToken& stop) const;
  // Turns an owned target into one that is being emptied. False: it is not owned any more.
  bool ClaimEmptying(mysql::Connection& db, const OwnerRight& right, const TableClaimRow& target,
                     const StopToken& stop) const;
  // Tables that this source's load has made. The announcement comes before the table is made, so
  // none is ever unknown; the table may not be there, or may be that of somebody who was quicker.
  std::vector<MadeTableRow> MadeTables(mysql::Connection& db, const StopToken& stop) const;
  void AnnounceMade(mysql::Connection& db, const OwnerRight& right, const std::string& schema,
                    const std::string& table, const StopToken& stop) const;
  void ConfirmMade(mysql::Connection& db, const OwnerRight& right, const MadeTableRow& made,
                   const StopToken& stop) const;
  // Other sources of the task that have a claim on the target.
  std::vector<std::string> OthersAt(mysql::Connection& db, const std::string& schema,
                                    const std::string& table, const StopToken& stop) const;

 private:
  // Target and number of this source's rows of one kind.
  mysql::ResultSet TargetRows(mysql::Connection& db, std::string_view prefix,
                              const StopToken& stop) const;
  void UpgradeTables(mysql::Connection& db, const StopToken& stop) const;
  // Gives claims and made tables of older versions, which did not fold names, the names that are
  // looked for. A table that another source may have come to is nobody's alone then.
  void FoldNames(mysql::Connection& db, const StopToken& stop) const;
  // `names`: literals, separated by commas.
  void ShareIfSeveral(mysql::Connection& db, const std::string& names, const StopToken& stop) const;
  std::string NameOf(std::string_view prefix, std::string_view schema,
                     std::string_view table) const;
  std::string ClaimName(std::string_view schema, std::string_view table) const;
  std::string MadeName(std::string_view schema, std::string_view table) const;
  void WaitUntilNotEmptying(mysql::Connection& db, const std::string& names,
                            const StopToken& stop) const;

  bool folds_;
  std::string task_;  // literals
  std::string source_;
  std::string meta_schema_;  // quoted
  std::string status_table_;
  std::string checkpoint_table_;
};

// Hash of a downstream table's definition without its AUTO_INCREMENT counter, never 0; nullopt if
// there is no such base table. Throws the database's error.
std::optional<int64_t> DefinitionHash(mysql::Connection& db, const std::string& schema,
                                      const std::string& table, const StopToken& stop);

// The value stored as `filename`: the path, or, if it does not fit the column, its hash.
std::string CheckpointFileName(std::string_view path);

}  // namespace dm::migration
