// One run of the sync unit, from its start location to an error or an ending.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "migration/config/subtask.h"
#include "migration/meta/ddl_intent.h"
#include "migration/meta/owner.h"
#include "migration/sync/apply_queue.h"
#include "migration/sync/apply_worker.h"
#include "migration/sync/checkpoint.h"
#include "migration/sync/ddl_executor.h"
#include "migration/sync/ddl_handler.h"
#include "migration/sync/downstream_tables.h"
#include "migration/sync/indirect_writes.h"
#include "migration/sync/metrics.h"
#include "migration/sync/online_ddl.h"
#include "migration/sync/planner.h"
#include "migration/sync/run_status.h"
#include "migration/sync/safe_mode.h"
#include "migration/sync/session.h"
#include "migration/sync/start_location.h"
#include "migration/sync/statement_operators.h"
#include "migration/sync/stream.h"
#include "migration/sync/temporary_tables.h"
#include "migration/sync/xa_branches.h"
#include "migration/unit/ports.h"
#include "migration/unit/unit.h"
#include "mysql/schema/schema_tracker.h"

namespace dm::migration {

// What a run works with; owned by the unit, not changed while it runs.
struct RunInputs {
  const SubtaskConfig* config = nullptr;
  const UnitContext* ports = nullptr;
  const Sessions* sessions = nullptr;
  const Rules* rules = nullptr;
  const OwnerTable* owner = nullptr;
  const DdlIntentTable* ddl_intents = nullptr;
  const OnlineDdlTable* online_ddl = nullptr;
  Checkpoint* checkpoint = nullptr;
  StatementOperators* operators = nullptr;
  TemporaryTables* temporary = nullptr;
  RunStatus* status = nullptr;
  SyncMetrics* metrics = nullptr;
};

// Threads: the caller's plans; N workers and the serial one apply; one saves the checkpoint; one
// watches the clock. All have ended when Execute returns.
class SyncRun {
 public:
  SyncRun(const RunInputs& inputs, EndingRequest& ending);
  ~SyncRun();

  // Returns when an ending was asked for, throws Error or Cancelled. Everything that is applied is
  // saved before, unless the ending is a kill.
  void Execute();
  // After Execute: nobody asked for an ending, a new run is to read the last transaction again.
  bool read_again() const { return read_again_; }

 private:
  void Prepare();
  void OpenCheckpointConnection();
  void StartWorkers();
  // The dump is taken over: nobody needs it any more. `clean`: all of its definitions are known.
  void LeaveDump(bool clean);
  // Does every change move its table's point? See RowPlanner: with foreign keys all tables are
  // applied by one connection.
  bool AppliesEachOnce() const;
  void SaveEachOnce(bool each_once);
  // Decides whether the tracker has every table; `dump_is_whole`: of a dump that was just taken
  // over.
  void KnowAllTables(const StartChoice& start, bool dump_is_whole);
  // `fresh`: no run was before this one.
  void BeginSafeMode(const StartChoice& start, const std::optional<TaskCliArgs>& arguments,
                     bool fresh, mysql::Connection& upstream, const StopToken& stop);

  // --- the stream's events (run_events.cc) ---
  void Loop();
  void HandleEvent(const mysql::RawEvent& event);
  // Before an event is handled: what observers are told of it. `asked`: when the upstream was asked
  // for it; nullopt: it came with the one before.
  void Account(const mysql::RawEvent& event, std::optional<SteadyClock::time_point> asked);
  void HandleQuery(const mysql::RawEvent& event);
  void HandleRows(const mysql::RawEvent& event);
  void HandlePayload(const mysql::RawEvent& event);
  // An event that may be inside a TRANSACTION_PAYLOAD as well. False: nothing of this kind.
  bool HandleChange(const mysql::RawEvent& event);
  // Takes rows of an XA transaction and what they need: they are applied when it is known how it
  // ended. False: neither.
  bool HoldForXa(const mysql::RawEvent& event);
  void EndXa(const mysql::RawEvent& prepare);
  // XA COMMIT or XA ROLLBACK of a transaction that was prepared.
  void DecideXa(const std::string& statement, bool commit);
  // What is under way is carried through before an ending.
  void CarryThrough();
  void HandleHeartbeat(const mysql::RawEvent& event);
  // Has the upstream nothing more than what lies before `position`, as far as is known?
  bool IsCaughtUp(const mysql::BinlogPosition& position) const;
  // Everything before `position` is done, and no transaction is open.
  void SaveBetweenTransactions(const mysql::BinlogPosition& position);
  void EndTransaction();
  // The transaction in hand will never end, see Stream::abandoned.
  void LeaveAbandoned();
  void LeaveSafeMode();
  // An error of the event being handled, with its place.
  Error AtPlace(Error error, const std::string& statement) const;
  Error AtPlace(Error error, const mysql::Location& start, const std::string& statement) const;

  void Finish(bool failed);
  // False: the downstream did not answer in time, the workers' connections are cut.
  bool DrainForEnding();
  // Ends what the downstream still executes for connections that were cut: it would commit it after
  // the task has paused. Best effort.
  void EndSessions();
  void StopThreads() noexcept;

  // Writes what is committed.
  void Flush(int attempts = 10);
  // Makes the checkpoint's connection again if it is lost. `connection_mutex_` is held, unless the
  // saver has not begun.
  void ReviveConnection();
  // The last order given to anything read so far: what a location behind it is saved with.
  uint64_t QueuedOrder();
  void DrainAndFlush();
  // Logs what expression filters have left out since the last flush.
  void TellFilteredRows();
  void SaveLoop(const StopToken& stop);
  void WatchLoop(const StopToken& stop);
  std::string Proof() const;

  // --- operations that users asked for (run_operators.cc) ---
  std::string GtidOfEvent() const;  // empty unless in GTID mode
  void NoteTransactionBegin(const mysql::RawEvent& event);
  // The event at hand ends the run; `statement`: it, or one given for it, is a statement.
  void NoteBroken(bool statement);
  // Executes what is to be injected before the event. False: its transaction has to be read again.
  bool Inject(const mysql::RawEvent& event);
  // Asked once for every statement that is more than the frame of a transaction. Skips or replaces
  // it if that was asked for; else false. `only_skip`: rows were queued before it.
  bool OperateOn(const mysql::RawEvent& event, const mysql::QueryEvent& query, bool only_skip);
  void Replace(const StatementOperator& op, const mysql::RawEvent& event,
               const mysql::QueryEvent& query);
  void Skip(const StatementOperator& op, const mysql::RawEvent& event,
            const mysql::QueryEvent& query);
  // Executes statement `index` of the operation. `before_event`: the event at hand is still to
  // come after it. `original`: what it stands for; may be null.
  void RunGiven(const StatementOperator& op, size_t index, bool before_event,
                const mysql::RawEvent& event, const mysql::QueryEvent* original);
  // Saves that the operation is so far, where nothing else changed.
  void SaveStep(const mysql::Location& location, const DefinitionChange::Step& step);

  const RunInputs in_;
  const SubtaskConfig& config_;
  EndingRequest& ending_;
  const bool gtid_mode_;

  ApplyQueues queues_;
  mysql::SchemaTracker tracker_;
  DownstreamTables downstream_;
  FilteredRows filtered_;
  PlanContext plan_;
  std::optional<RowPlanner> planner_;
  std::optional<DdlExecutor> ddl_executor_;
  std::optional<OnlineDdl> online_;
  std::optional<DdlHandler> ddl_;
  std::optional<Stream> stream_;
  SafeMode safe_mode_;
  LenientTables lenient_;
  ApplyContext apply_;
  std::vector<std::unique_ptr<ApplyWorker>> workers_;

  // The checkpoint's connection; used by planner and saver in turn.
  std::mutex connection_mutex_;
  std::unique_ptr<mysql::Connection> connection_;
  uint64_t connection_epoch_ = 0;
  std::optional<uint64_t> next_epoch_;  // tried, but it is not known whether it is there
  size_t connection_slot_;
  OwnerRight ddl_right_;  // of the connection for statements

  // Reading and planning end here: at once between transactions, else at the transaction's end or
  // when its time is up.
  StopSource reading_;
  // Ends long waiting for transactions of former owners: the run ends, or has failed.
  LinkedStop patience_{ending_.graceful(), reading_.get_token()};
  SteadyClock::time_point received_;  // the last event that was asked for
  std::mutex boundary_mutex_;
  bool in_transaction_ = false;
  bool ending_asked_ = false;
  SteadyClock::time_point ending_since_;
  Milliseconds ending_limit_{10'000};
  // Cuts the workers' connections: with a kill, or when an ending has waited long enough for them.
  StopSource working_;

  mysql::Location start_;                    // where the stream begins
  std::optional<mysql::Location> last_end_;  // of the last event read
  // Another server's position was asked for, and nothing has been read of it yet.
  bool exit_is_unsure_ = false;
  std::optional<mysql::BinlogPosition> last_saved_;  // between transactions
  size_t rows_in_transaction_ = 0;                   // row changes queued since its begin
  std::optional<XaBranches> xa_;
  IndirectWrites indirect_;
  mysql::BinlogPosition group_begin_;        // of the transaction's first event, its GTID
  mysql::BinlogPosition transaction_event_;  // begin of the transaction's first event
  uint32_t statements_in_transaction_ = 0;
  bool inside_transaction_ = false;  // behind its first event
  bool broken_statement_ = false;    // the error at hand is a statement's
  bool read_again_ = false;
  bool start_time_used_ = false;
  std::vector<std::jthread> threads_;  // workers
  std::jthread saver_;
  std::jthread watcher_;
};

}  // namespace dm::migration
