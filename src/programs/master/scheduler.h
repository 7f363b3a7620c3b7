// What the cluster's leader knows and decides: sources, workers, who handles what, subtasks and
// their expected stages.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/thread/stop.h"
#include "cluster/etcd/client.h"
#include "cluster/record/events.h"
#include "cluster/record/store.h"
#include "migration/config/source.h"
#include "migration/config/subtask.h"
#include "programs/master/latch.h"
#include "programs/master/placement.h"
#include "programs/master/worker_client.h"

namespace pb {
class ProcessResult;
}

namespace dm::master {

// The condition under which a leader may write: its campaign key is still the one it was elected
// with.
struct LeaderFence {
  std::string campaign_key;
  int64_t create_revision = 0;
};

// What etcd takes in one transaction.
struct TxnLimits {
  size_t operations = 2048;
  size_t bytes = 1'572'864;
};

// The scheduler of one term of leadership. Every change is validated in memory, written to etcd in
// fenced transactions, then taken over in memory; if a write certainly failed, nothing changes. A
// write of which nobody knows whether it was made ends the term: the next one reads what is true.
// Changes that fit into one transaction are made as a whole; larger ones in transactions that each
// hold all keys of a source.
//
// All calls are thread-safe; before Start they throw Error 46001, after the end of the term 38043.
// Answers are copies. Calls that change something wait for each other, also while one writes to
// etcd; questions never wait for etcd. Workers are never called.
class Scheduler {
 public:
  // `on_term_over` is called (at most once, from any thread) when a write found that this process
  // leads no more, or when the term must end since the outcome of a write is unknown.
  Scheduler(std::shared_ptr<cluster::EtcdClient> etcd, LeaderFence fence, TxnLimits limits,
            std::function<void()> on_term_over, TlsOptions worker_tls = {});
  // As Close.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Rebuilds the state from etcd, announces every bind again, places what is unplaced, and starts
  // to observe workers and load records. Records that cannot be read are logged and left out.
  // Throws Error or Cancelled; then nothing runs.
  void Start(const StopToken& stop);
  // Ends the observers. Idempotent.
  void Close();

  // ---- workers ----
  // Same name and address again: nothing. Another address: Error 46003.
  void RegisterWorker(const std::string& name, const std::string& address);
  // Errors 46004, 46005.
  void RemoveWorker(const std::string& name);
  // By name.
  std::vector<WorkerPlace> Workers() const;
  // Empty: the source is not bound.
  std::string WorkerOf(const std::string& source) const;
  // nullptr: no such worker.
  std::shared_ptr<WorkerClient> ClientOf(const std::string& worker) const;
  // nullopt: no such worker, else its stage.
  std::optional<WorkerStage> StageOf(const std::string& worker) const;

  // ---- sources ----
  // Errors 46007; with `worker` (else empty) 46004 and 46033, before anything is written: that
  // worker gets the source in the same transaction. Without, a worker is looked for; that there is
  // none, or that binding fails then, is no error.
  void AddSource(const migration::SourceConfig& source, const std::string& worker);
  // All or none (if they fit into one transaction). Errors 46008, 46010, 46023. Answers, by source,
  // the worker that had it (empty: none).
  std::map<std::string, std::string> RemoveSources(const std::vector<std::string>& sources);
  std::map<std::string, migration::SourceConfig> Sources() const;
  bool HasSource(const std::string& source) const;

  // ---- subtasks ----
  Latches::Latch AcquireLatch(const std::string& task, std::string_view while_doing) const;
  // Starts the subtasks of one task, with these arguments of the command line: nullopt removes
  // stored ones. Needs the task's latch. Answers the sources that have such a subtask already and
  // were left as they are, arguments included. Errors 46008, 46009, 46013, 46014 (all of them
  // exist); nothing is written then.
  std::vector<std::string> AddSubtasks(const std::vector<migration::SubtaskConfig>& subtasks,
                                       cluster::Stage stage,
                                       const std::optional<cluster::CliArgs>& args);
  // With their arguments. Errors 46016, 46017, 46024; nothing is removed then.
  void RemoveSubtasks(const std::string& task, const std::vector<std::string>& sources);
  // Errors 46015, 46016, 46017, 46024; nothing is written then.
  void SetStage(cluster::Stage stage, const std::string& task,
                const std::vector<std::string>& sources);
  // Whether the stored subtasks of one task may be replaced by these: Error 46013, 46018, 46034,
  // 46035 (one of them is to run, or its source is bound to no worker). Workers are not asked.
  void CheckSubtaskUpdate(const std::vector<migration::SubtaskConfig>& subtasks) const;
  // Replaces them, all in one transaction; stages stay. Needs the task's latch. Errors as of the
  // check, and kConfigNotSupported if they are too many for one; nothing is written then.
  void UpdateSubtasks(const std::vector<migration::SubtaskConfig>& subtasks);
  // Deletes what a former run of the task left in etcd: load records, arguments.
  void RemoveTaskRecords(const std::string& task);
  // A restarted task may find old dump files elsewhere.
  void RearrangeForLoad(const std::vector<std::string>& sources);

  // By source; empty: no such task.
  std::map<std::string, migration::SubtaskConfig> SubtasksOf(const std::string& task) const;
  // Sources by task.
  std::map<std::string, std::set<std::string>> Tasks() const;
  // What a worker has answered about the subtasks of `source`. Of each that is configured, the
  // errors that paused it are kept until it is seen running without, or paused by the user. Never
  // throws, like the next one.
  void NoteErrors(const std::string& source, const pb::QueryStatusResponse& answer);
  // The kept ones, by task; never null. They end with the subtask, and with the term.
  std::map<std::string, std::shared_ptr<const pb::ProcessResult>> LastErrors(
      const std::string& source) const;

 private:
  enum class Phase { kNew, kStarted, kOver };
  struct Subtask {
    migration::SubtaskConfig config;
    cluster::Stage expect = cluster::Stage::kInvalid;
  };
  // Operations that are written together, and what changes in memory once they are.
  struct Piece {
    cluster::Txn txn;
    std::function<void()> take_over;
  };

  void CheckStarted() const;
  // Begins a change: one at a time. Throws as CheckStarted.
  std::unique_lock<std::mutex> BeginChange() const;
  // Changes the state as readers see it. Inside a change, or before the scheduler has started.
  template <class F>
  void Update(F change) {
    std::lock_guard lock(mutex_);
    change();
  }

  // ---- scheduler_txn.cc ----
  void EndTerm(std::string_view why);
  void Commit(cluster::WriteName name, cluster::Txn txn);
  // Throws Error kConfigNotSupported if etcd takes no transaction of this size.
  void RequireFits(const cluster::Txn& txn) const;
  // In as few transactions as the limits allow, in order; each is taken over when it is written.
  void CommitPieces(cluster::WriteName name, std::vector<Piece> pieces);
  bool IsAsWritten(const cluster::Txn& txn);

  void Recover(const StopToken& stop);
  void LoadSubtasks(const StopToken& stop);
  void LoadWorkers(const StopToken& stop);
  void ObserveWorkers(const StopToken& stop);
  void ObserveLoadTasks(const StopToken& stop);
  void PlaceAgainLoop(const StopToken& stop);

  void HandleWorkerEvent(const cluster::RecordEvent<cluster::WorkerKeepAlive>& event);
  void WorkerOnline(const std::string& worker);
  void WorkerOffline(const std::string& worker);
  int64_t ReconcileWorkers(const StopToken& stop);
  int64_t ReconcileLoadTasks(const StopToken& stop);
  void LoadTaskChanged(const cluster::RecordEvent<cluster::LoadTask>& event);

  // Adds what binds the source; true if that switches its relay on.
  bool AddBindTo(cluster::Txn& txn, const std::string& source, bool enable_relay,
                 const std::string& worker);
  void TakeOverBind(const std::string& source, const std::string& worker, bool relay);
  void Bind(const std::string& source, const std::string& worker);
  void Perform(const Move& move);
  void PlaceSource(const std::string& source);
  void PlaceWorker(const std::string& worker);
  void PlaceAll();
  // Places after a change that stays whatever becomes of the placing: a failure is logged, and
  // everything unplaced is tried again until it succeeds.
  void Follow(const std::function<void()>& place);
  void PlaceAgain();
  void ShowStage(const std::string& worker);
  void AddHandle(const cluster::WorkerInfo& info);
  void CheckSourceRemoval(const std::string& source) const;
  void CheckUpdateInChange(const std::vector<migration::SubtaskConfig>& subtasks) const;
  std::vector<std::string> CheckSubtasks(const std::string& task,
                                         const std::vector<std::string>& sources) const;

  const std::shared_ptr<cluster::EtcdClient> etcd_;
  const LeaderFence fence_;
  const TxnLimits limits_;
  const TlsOptions worker_tls_;  // of calls to workers
  const std::function<void()> on_term_over_;
  mutable Latches latches_;

  // Held by a change from its first look to its end, over calls to etcd. Taken before mutex_.
  mutable std::mutex change_mutex_;
  std::atomic<bool> term_over_{false};

  // Guards all of the state below; written only inside a change, so a change reads it without.
  mutable std::mutex mutex_;
  Phase phase_ = Phase::kNew;
  Placement placement_;
  std::map<std::string, migration::SourceConfig> sources_;
  std::map<std::string, std::map<std::string, Subtask>> subtasks_;  // by task, source
  std::map<std::string, std::shared_ptr<WorkerClient>> clients_;
  // By source, task. Also written outside of changes, so always under the mutex.
  std::map<std::string, std::map<std::string, std::shared_ptr<const pb::ProcessResult>>>
      last_errors_;

  std::set<std::string> relay_stages_;  // sources with a stored one; of changes only
  int64_t keepalive_revision_ = 0;      // of the recovery's snapshots
  int64_t load_task_revision_ = 0;

  std::mutex again_mutex_;
  std::condition_variable_any again_wanted_;
  bool place_again_ = false;

  StopSource stop_;
  std::jthread worker_observer_;
  std::jthread load_task_observer_;
  std::jthread placer_;
};

}  // namespace dm::master
