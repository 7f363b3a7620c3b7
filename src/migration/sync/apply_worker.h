// One downstream connection that applies what its queue gives it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "migration/meta/owner.h"
#include "migration/meta/sync_checkpoint.h"
#include "migration/rows/dml_text.h"
#include "migration/rows/merge.h"
#include "migration/rows/value_warning.h"
#include "migration/sync/apply_queue.h"
#include "migration/sync/lenient_tables.h"
#include "migration/unit/ports.h"
#include "mysql/client/connection.h"
#include "mysql/client/server_thread.h"

namespace dm::migration {

// Counters of a run; read by status calls.
struct ApplyStats {
  std::atomic<int64_t> rows{0};          // row changes committed
  std::atomic<int64_t> transactions{0};  // downstream transactions committed
  std::atomic<int64_t> missing{0};       // updates and deletes that found no row
};

// What all workers of a run share. Everything pointed at outlives them.
struct ApplyContext {
  mysql::ConnectOptions connect;
  // sql_mode of the lenient step; empty: there is none, rows are written as `connect` says.
  std::string lenient_mode;
  LenientTables* lenient = nullptr;
  const OwnerTable* owner = nullptr;
  const SyncCheckpointTable* checkpoint = nullptr;
  const Fence* fence = nullptr;  // may be null
  ApplyStats* stats = nullptr;
  SyncMetrics* metrics = nullptr;
  StopToken graceful;           // ends waiting for another try
  StopToken patience;           // ends waiting for a transaction in flight
  bool foreign_keys = false;    // the session checks them
  bool compact = false;         // changes of one row in a batch are merged
  bool multiple_rows = false;   // not only inserts share statements
  bool read_committed = false;  // isolation level of the workers
  bool bulk = false;            // many inserts are executed in bulk, if the server can
};

// Throws Error kSyncerFenceLost if the worker may not write any more. `fence` may be null.
void CheckFence(const Fence* fence);

// A connection for a worker, with its session set up.
struct WorkerConnection {
  std::unique_ptr<mysql::Connection> connection;
  mysql::ServerThread thread;
};
WorkerConnection ConnectWorker(const ApplyContext& context, const StopToken& stop);

// Commits batches of one slot until the queues are closed, the kill token stops or an error cannot
// be overcome. One round trip a batch:
//   BEGIN; proof of ownership; [points of the tables;] changes...; COMMIT
// Retries what is worth it. After a lost answer to COMMIT the slot's epoch is raised, after which
// the old transaction is either committed or will never be: parallel changes are then repeated in
// safe mode, serial ones only if their points say that they are missing. So are they when the
// answer was an error.
//
// The session is strict: a value that the downstream cannot hold is an error. Where a strict
// session refuses rows as they should be (the error value of an ENUM, a column that only the
// downstream has and that has no default, truncation in what the downstream computes), the batch is
// done again with the changes of that table in lenient mode. What the server warns of is looked at
// before COMMIT: a value that was changed is repeated strictly, and its error ends the run.
class ApplyWorker {
 public:
  ApplyWorker(size_t slot, uint64_t epoch, ApplyQueues& queues, const ApplyContext& context,
              WorkerConnection connection);

  // The thread's body. Never throws; an error is given to the queues.
  void Run(const StopToken& kill);

  // The session of its connection. Only before and after Run.
  const mysql::ServerThread& thread() const { return thread_; }

 private:
  static constexpr int32_t kNoChange = -1;     // a statement that is no row change
  static constexpr int32_t kWarnings = -2;     // SHOW WARNINGS of the change before it
  static constexpr int32_t kCount = -3;        // fails if that before it did not find all its rows
  static constexpr int32_t kManyChanges = -4;  // one that is several; less the first one's job
  static constexpr size_t kKeptBytes = 4 << 20;
  // A piece of the transaction that is sent in one packet, and whose statement is whose.
  struct Text {
    std::string sql;
    std::vector<int32_t> job_of_statement;  // or one of the above
    std::vector<size_t> lenient_changes;    // those whose warnings it asks for, by index
    size_t counted = 0;                     // statements whose answers have a text of counts
    std::vector<size_t> compounds;          // statements that are compound ones, by index
    size_t compounded = 0;                  // statements within them, less the compound ones

    // The compound statement at its end that others may join.
    struct Compound {
      size_t begin = 0;       // in `sql`
      size_t statements = 0;  // within it; 0: none yet, so it is not counted as one
      uint64_t rows = 0;      // they are to count so many
      bool counts = false;    // whether they do is of interest
    };
    std::optional<Compound> open;

    // Before another statement is appended.
    void Separate() {
      if (!sql.empty() && !(open && open->statements == 0)) sql += ';';
    }
    void Clear() {
      sql.clear();
      // A long row must not take its memory for ever.
      if (sql.capacity() > kKeptBytes) sql.shrink_to_fit();
      job_of_statement.clear();
      lenient_changes.clear();
      counted = 0;
      compounds.clear();
      compounded = 0;
      open.reset();
    }
  };
  // A warning of the server, or the strict error that stands for it.
  struct Warning {
    int code = 0;
    std::string text;
  };
  // Changes in lenient mode whose warnings say that a value is another now, by job.
  struct ValuesChanged {
    std::map<size_t, Warning> warnings;
  };
  // The server inserted fewer rows than it got.
  struct RowsLacking {};
  // The statements of a compound one changed other numbers of rows than there are.
  struct CountDiffers {};
  enum class Mode { kStrict, kLenient, kUnknown };

  // Commits the batch, in parts if it is too large for one transaction. `safe`: some of it may be
  // there already.
  void Apply(const std::vector<Job>& batch, bool safe, const StopToken& kill);
  // Where the batch may be divided into two transactions; 0: nowhere. Serial changes are committed
  // with the points of whole upstream transactions, so only behind a boundary.
  size_t Middle(const std::vector<Job>& batch) const;
  // Throws ValuesChanged too.
  void Execute(const std::vector<Job>& batch, bool safe, const StopToken& kill);
  // Does not throw if the connection is lost: then there is nothing to roll back on it, and the
  // next attempt makes another.
  void RollBack(const StopToken& kill);
  WarningTexts WarningTextsOfServer() const;
  // After a rollback: is the batch to be done again because a strict session refused the change
  // `job`? Then that is prepared. Else `described` may be given a better reason.
  bool GoesOnLeniently(const Error& error, size_t job, const std::vector<Job>& batch,
                       Error& described);
  // The batch is committed: counts it.
  void Count(const std::vector<Job>& batch);
  void Add(std::string_view statement, const StopToken& kill);
  // What follows is executed in this mode.
  void UseMode(Mode mode, const StopToken& kill);
  // Has been planned to be executed leniently?
  bool IsLenient(size_t change) const { return !lenient_.empty() && lenient_[change]; }
  // Of the text that was executed. Throws ValuesChanged.
  void JudgeWarnings(const std::vector<mysql::ResultSet>& results);
  // What is to be written for the batch. `safe`: all of it in safe mode.
  void PlanChanges(const std::vector<Job>& batch, bool safe);
  void AddChange(size_t index, const StopToken& kill);
  // May statements of the planned changes be parts of compound ones?
  bool MayCompound() const;
  // What is added next is of a planned change, or of several that share a statement: within a
  // compound statement, which is opened for it, or not. `form`: of those that share one, else
  // kAlone.
  void Join(size_t index, RowsForm form);
  // Notes so many statements, of so many rows, that were appended since Join; `job`: as in
  // job_of_statement.
  void Joined(int32_t job, int statements, uint64_t rows);
  void CloseCompound();
  // For a while each statement is answered by itself.
  void PauseCompounds();
  // May it share a statement with neighbours, as far as the task wants that?
  RowsForm SharedFormOf(const RowChange& change) const;
  // One statement for the planned changes from `begin` on that may share one; returns how many they
  // are, 0 if that one goes alone.
  size_t AddShared(size_t begin, const StopToken& kill);
  // Finds the planned changes that may be executed in bulk and prepares their statements, before
  // anything of the transaction is sent.
  void PlanBulks(const StopToken& kill);
  // Executes inserts from `begin` on in bulk; returns how many, 0 if they are few or cannot be.
  // What was added before is executed, too. Throws RowsLacking.
  size_t ExecuteBulk(size_t begin, const StopToken& kill);
  void FlushText(const StopToken& kill);
  void AddPoints(const std::vector<Job>& batch, const StopToken& kill);
  // Makes a new connection and the old transaction's outcome certain. True: it was committed.
  bool Recover(const std::vector<Job>& batch, bool outcome_unknown, const StopToken& kill);
  void Reconnect(const StopToken& kill);
  // How much connection_ takes at once.
  void LimitTexts();
  // False: the run is to end, another try is not wanted.
  bool WaitForRetry(Milliseconds wait) const;
  // Are the points of this serial batch downstream?
  bool PointsAreCommitted(const std::vector<Job>& batch, const StopToken& kill);
  // Of a batch that is committed: what has been merged.
  void CountMerged(const std::vector<Job>& batch);
  void ReportMissing(const std::vector<Job>& batch);
  Error Describe(const Error& error, const std::vector<Job>& batch);
  // Was it the COMMIT that the server answered by an error?
  bool FailedAtCommit() const;
  // The job whose statement failed last; nullopt if that was no change, or several.
  std::optional<size_t> FailedJob() const;
  // The first job of the statement that failed last, if that was of several changes.
  std::optional<size_t> FailedShared() const;
  // Was it one of a compound statement? Which one is not known.
  bool FailedInCompound() const;
  const BatchChange& ChangeOf(size_t job) const;
  // Names the statement of a change in the server's error.
  Error DescribeChange(const Error& error, size_t job) const;
  // Says where in the upstream's binlog the batch is, or the changes from `first` to `last` are.
  Error AtBatch(const Error& error, const std::vector<Job>& batch);
  Error WithPlace(Error error, const Job& first, const Job& last);
  bool IsSerial() const { return slot_ == queues_.serial_slot(); }

  // The points that a serial batch leaves: per table the last boundary behind its last change.
  struct Point {
    std::shared_ptr<const TablePlan> plan;
    const Boundary* boundary;
  };
  static std::vector<Point> PointsOf(const std::vector<Job>& batch);
  TablePoint ToTablePoint(const Point& point);

  const size_t slot_;
  uint64_t epoch_;
  ApplyQueues& queues_;
  const ApplyContext& context_;
  std::unique_ptr<mysql::Connection> connection_;
  mysql::ServerThread thread_;  // of connection_
  std::string proof_;
  Text text_;
  // Planned changes that stand together and have one statement.
  struct BulkRun {
    size_t begin, end;
  };
  std::vector<BulkRun> bulk_runs_;            // of the transaction being executed, in its order
  std::vector<std::string> bulk_statements_;  // of each of them
  size_t next_bulk_ = 0;                      // the run that is not behind the changes done
  std::string bulk_rows_;
  size_t max_text_ = 0;  // bytes, for connection_
  ChangeMerger merger_;
  std::vector<BatchChange> changes_;  // of the transaction being executed
  bool one_by_one_ = false;           // none shares a statement: to find out which one fails
  bool compounds_ = false;            // of the transaction being executed
  size_t compounds_paused_ = 0;       // for so many batches
  std::vector<bool> lenient_;         // which of `changes_` are lenient; empty: none
  std::map<const TablePlan*, std::pair<size_t, size_t>> lenient_rows_;  // (warned, quiet)
  // Of this batch: jobs that are executed strictly whatever their table is, and why.
  std::map<size_t, Warning> strict_jobs_;
  Mode mode_ = Mode::kStrict;  // of the session, once the text is executed
  bool mode_used_ = false;     // it may be another if the transaction fails
  // Changes of one table and kind in a batch.
  struct Finished {
    TableJobs* jobs;
    mysql::RowsKind kind;
    size_t count;
  };
  std::vector<Finished> finished_;  // of the batch that is being counted
  std::vector<int32_t> missing_;    // jobs of the transaction whose row was not there
  std::optional<mysql::BinlogPosition> failed_at_;  // event of the change that failed last
  size_t statements_ = 0;                           // sent since BEGIN
  SteadyClock::time_point begin_sent_;
  SteadyClock::duration begin_took_{};
  bool proof_sent_ = false;  // of the transaction being executed
  bool left_open_ = false;   // the connection was lost before a transaction was known to be over
  std::unordered_map<std::shared_ptr<const TablePlan>, std::string>
      definitions_;  // table_info by plan
};

}  // namespace dm::migration
