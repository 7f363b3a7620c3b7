// One dump from its locks to its last data file. `metadata` is written by the unit, after it.
#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/log/log.h"
#include "base/thread/bounded_queue.h"
#include "base/thread/stop.h"
#include "migration/dump/catalogue.h"
#include "migration/dump/collation.h"
#include "migration/dump/data_files.h"
#include "migration/dump/progress.h"
#include "migration/dump/source_session.h"
#include "migration/dump/table_filter.h"
#include "migration/dumpfile/channel.h"
#include "migration/dumpfile/metadata.h"
#include "migration/storage/local_directory.h"

namespace dm::migration {

struct DumpRunOptions {
  int threads = 4;
  uint64_t file_size = 0;
  uint64_t statement_size = 1000000;
  uint64_t rows = 200000;
  std::string where;
  Consistency consistency = Consistency::kAuto;
  bool with_views = false;
  bool with_sequences = true;
  bool transactional_consistency = true;
  bool backslash_escapes = true;
  bool strict_collation = false;
  std::string sql_mode;            // global, of the upstream
  bool position_required = false;  // a sync unit follows
  bool gtid_mode = false;          // and it begins by the GTID set
};

// Made for one run.
class DumpRun {
 public:
  // References must outlive the run; `channel` may be null.
  DumpRun(const DumpRunOptions& options, const SourceSession& session, const TableFilter& filter,
          const LocalDirectory& directory, DumpFileChannel* channel, DumpProgress& progress,
          Logger log);
  ~DumpRun();

  // Writes all files but `metadata` and returns what belongs into it. Throws Error
  // kDumpUnitRuntime (the first error of any thread), Cancelled. All threads have ended then.
  DumpRecord Run(const StopToken& stop);
  // Paths of all files written.
  const std::vector<std::string>& files() const { return files_; }

 private:
  struct TableJob;
  struct Chunk;

  void Prepare(const StopToken& stop);
  void FindTablesWithoutSnapshot(const StopToken& stop);
  std::vector<DumpSchema> List(const StopToken& stop);
  void TakeLocks(const StopToken& stop);
  void ReleaseLocks(const StopToken& stop);
  // Locks, the first snapshot, the position, and the tables that are there at that position.
  void TakePosition(const StopToken& stop);
  void CapturePosition(const StopToken& stop);
  void Produce(const StopToken& stop);
  // Writes the sequences that are left. With the lock held those stay that cannot be read now.
  void ProduceSequences(const StopToken& stop);
  void ProduceTable(const TableId& id, const StopToken& stop);
  // Finds the boundaries of the chunks one after the other and gives each chunk's condition.
  void ProduceSteps(const DumpTable& table, const StepKey& key,
                    const std::function<void(std::string)>& produce, const StopToken& stop);
  // Is there a row with this key? Else chunks that end and begin at it would overlap, or never end.
  bool IsKey(const StepKey& key, const std::string& table, const std::vector<std::string>& bound,
             const StopToken& stop);
  void Forget(const mysql::Connection& db);  // it is closed, or about to be
  // With a lock that is held until the end: it must not be lost.
  void KeepLock(const StopToken& stop);
  bool HoldsLock();
  // Returns when all chunks that have been produced are written, and keeps the lock till then.
  void HoldLockUntilWritten(const StopToken& stop);
  // Gives the lock back, unless the rest of the dump needs it.
  void EndLock(const StopToken& stop);
  void ProduceView(const TableId& id, const StopToken& stop);
  void WriteSchemaFile(DumpFileKind kind, const std::string& path, const TableId& id,
                       const std::string& statement, const StopToken& stop);
  void Work(std::unique_ptr<mysql::Connection>& db, const StopToken& stop);
  // `opened` gets the paths of all files it has begun.
  void DumpChunk(mysql::Connection& db, const Chunk& chunk, std::vector<std::string>& opened,
                 const StopToken& stop);
  void DumpChunkWithRetry(std::unique_ptr<mysql::Connection>& db, const Chunk& chunk,
                          const StopToken& stop);
  void AddFile(DumpedFile file);
  void Fail(std::exception_ptr error);
  std::unique_ptr<mysql::Connection> Open(const StopToken& stop);

  const DumpRunOptions options_;
  const SourceSession& session_;
  const TableFilter& filter_;
  const LocalDirectory& directory_;
  DumpFileChannel* const channel_;
  DumpProgress& progress_;
  const Logger log_;

  DumpRecord record_;
  Consistency consistency_;
  struct Definition {
    DumpTable table;
    std::string create;
    std::string identity;
  };
  Definition ReadDefinition(const TableId& id, const StopToken& stop);
  // What changes if the name comes to mean another table, or the table another definition.
  // `create`: its SHOW CREATE TABLE.
  std::string IdentityOf(mysql::Connection& db, const TableId& id, const std::string& create,
                         const StopToken& stop) const;
  // A snapshot reads what bears the name now. Throws an Error that is a definition change if that
  // is not what bore it at the position. Call it behind the first read: from then on the server
  // lets nobody change the table.
  void CheckIdentity(mysql::Connection& db, const TableJob& job, const StopToken& stop) const;
  void FindTableIds(size_t tables, const StopToken& stop);
  // Without table ids nothing shows that a partition was exchanged with another table. A read in
  // the snapshot's transaction makes statements that change the table wait until the dump ends.
  void KeepPartitions(const TableId& id, const std::string& create, const StopToken& stop);
  void ReadDefinitionsUnderLock(const StopToken& stop);
  // From the position on, so that no value is older than it. Those whose turn does not come within
  // the time that the lock may be held, or that a statement holds up, are read without it.
  void ReadSequencesUnderLock(const StopToken& stop);
  // False: a statement holds it up, and the lock is held, which nothing may be waited for with.
  bool ReadSequence(const TableId& id, const StopToken& stop);
  void CloseSequenceConnection();

  std::vector<DumpSchema> schemas_;
  std::set<TableId> without_snapshot_;         // are read under the lock
  std::map<TableId, Definition> definitions_;  // as they were at the position
  std::map<TableId, std::string> sequences_;
  std::vector<TableId> sequences_left_;  // to be written
  std::string table_ids_;                // view that shows InnoDB's; empty: none may be used
  std::optional<CollationCompleter> collations_;
  std::mutex lock_mutex_;                       // guards lock_db_ while the dump runs
  std::unique_ptr<mysql::Connection> lock_db_;  // holds the lock
  SteadyClock::time_point lock_used_;
  std::unique_ptr<mysql::Connection> meta_db_;
  std::vector<std::unique_ptr<mysql::Connection>> writer_dbs_;
  std::unique_ptr<mysql::Connection> sequence_db_;

  StopSource failed_;
  BoundedQueue<Chunk> chunks_;

  std::mutex mutex_;  // guards the following
  std::exception_ptr error_;
  std::vector<std::string> files_;
  std::vector<mysql::ServerThread> threads_;  // of all connections that may be open
};

}  // namespace dm::migration
