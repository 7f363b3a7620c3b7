// What the cluster's leader knows and decides: sources, workers, who handles what, subtasks and
// their expected stages.
#pragma once

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

namespace dm::master {

// The condition under which a leader may write: its campaign key is still the one it was elected
// with.
struct LeaderFence {
  std::string campaign_key;
  int64_t create_revision = 0;
};

// The scheduler of one term of leadership. Every change is validated in memory, written to etcd in
// one fenced transaction, then taken over in memory; if the write fails, nothing changes. All calls
// are thread-safe; before Start and after Close they throw Error 46001. Answers are copies.
//
// Calls write to etcd while they hold the scheduler's lock, but never call workers.
class Scheduler {
 public:
  // `on_fenced` is called (at most once, from any thread) when a write found that this process
  // leads no more.
  Scheduler(std::shared_ptr<cluster::EtcdClient> etcd, LeaderFence fence,
            std::function<void()> on_fenced);
  // As Close.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Rebuilds the state from etcd, announces every bind again, places what is unplaced, and starts
  // to observe workers and load records. Throws Error or Cancelled; then nothing runs.
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
  // Errors 46007; with `worker` (else empty) 46004 and 46033, before anything is written.
  void AddSource(const migration::SourceConfig& source, const std::string& worker);
  // Errors 46008, 46010.
  void CheckSourceRemoval(const std::string& source) const;
  void RemoveSource(const std::string& source);
  std::map<std::string, migration::SourceConfig> Sources() const;
  bool HasSource(const std::string& source) const;

  // ---- subtasks ----
  Latches::Latch AcquireLatch(const std::string& task, std::string_view while_doing) const;
  // Starts the subtasks of one task. Needs the task's latch. Answers the sources that have such a
  // subtask already and were left out. Errors 46013, 46014 (all of them exist), 46009.
  std::vector<std::string> AddSubtasks(const std::vector<migration::SubtaskConfig>& subtasks,
                                       cluster::Stage stage);
  // Errors 46016, 46017, 46024; nothing is removed then.
  void RemoveSubtasks(const std::string& task, const std::vector<std::string>& sources);
  // Errors 46015, 46016, 46017, 46024; nothing is written then.
  void SetStage(cluster::Stage stage, const std::string& task,
                const std::vector<std::string>& sources);
  // Deletes what a former run of the task left in etcd: load records.
  void RemoveTaskRecords(const std::string& task);
  // Without arguments (nullopt) deletes them for the whole task, else stores them for the sources.
  void SetCliArgs(const std::string& task, const std::vector<std::string>& sources,
                  const std::optional<cluster::CliArgs>& args);
  // A restarted task may find old dump files elsewhere.
  void RearrangeForLoad(const std::vector<std::string>& sources);

  // By source; empty: no such task.
  std::map<std::string, migration::SubtaskConfig> SubtasksOf(const std::string& task) const;
  // Sources by task.
  std::map<std::string, std::set<std::string>> Tasks() const;

 private:
  struct Subtask {
    migration::SubtaskConfig config;
    cluster::Stage expect = cluster::Stage::kInvalid;
  };

  void CheckStarted() const;
  cluster::TxnResult Commit(cluster::Txn txn);
  void Recover(const StopToken& stop);
  void LoadSubtasks(const StopToken& stop);
  void LoadWorkers(const StopToken& stop);
  void ObserveWorkers(const StopToken& stop);
  void ObserveLoadTasks(const StopToken& stop);

  void WorkerOnline(const std::string& worker);
  void WorkerOffline(const std::string& worker);
  void ReconcileWorkers(const StopToken& stop);
  void ReconcileLoadTasks(const StopToken& stop);
  void LoadTaskChanged(const cluster::RecordEvent<cluster::LoadTask>& event);

  void Bind(const std::string& source, const std::string& worker);
  void Perform(const Move& move);
  void PlaceSource(const std::string& source);
  void PlaceWorker(const std::string& worker);
  void ShowStage(const std::string& worker);
  void AddHandle(const cluster::WorkerInfo& info);
  std::vector<std::string> CheckSubtasks(const std::string& task,
                                         const std::vector<std::string>& sources) const;

  const std::shared_ptr<cluster::EtcdClient> etcd_;
  const LeaderFence fence_;
  const std::function<void()> on_fenced_;
  mutable Latches latches_;

  mutable std::mutex mutex_;
  bool started_ = false;
  bool fenced_ = false;
  Placement placement_;
  std::map<std::string, migration::SourceConfig> sources_;
  std::map<std::string, std::map<std::string, Subtask>> subtasks_;  // by task, source
  std::set<std::string> relay_stages_;                              // sources with a stored one
  std::map<std::string, std::shared_ptr<WorkerClient>> clients_;
  int64_t keepalive_revision_ = 0;
  int64_t load_task_revision_ = 0;

  StopSource stop_;
  std::jthread worker_observer_;
  std::jthread load_task_observer_;
};

}  // namespace dm::master
