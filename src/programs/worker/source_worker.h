// The source bound to this worker and its subtasks.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cluster/etcd/client.h"
#include "cluster/record/records.h"
#include "cluster/record/store.h"
#include "migration/config/source.h"
#include "migration/config/subtask.h"
#include "migration/subtask/auto_resume.h"
#include "migration/subtask/subtask.h"
#include "migration/sync/operations.h"
#include "programs/worker/command_queue.h"
#include "programs/worker/upstream_status.h"

namespace dm::worker {

// What a source worker needs of its process; outlives it.
struct WorkerEnvironment {
  std::string worker_name;
  std::string relay_dir;  // of the worker; empty: the source's
  std::shared_ptr<cluster::EtcdClient> etcd;
  migration::Fence* fence = nullptr;
  migration::PasswordCipher cipher;
};

// Follows the expected stages of the subtasks of one source and runs them. The upstream is opened
// in the background: a slow one does not hold up the bind. Thread-safe.
class SourceWorker {
 public:
  // `create_revision`: of the source's record (StoredConfig).
  SourceWorker(migration::SourceConfig source, int64_t create_revision,
               const WorkerEnvironment& environment);
  // As Stop.
  ~SourceWorker();

  // Begins following; returns at once. Nothing happens if it was killed already.
  void Start();
  // Closes all subtasks gracefully and waits for 15 s; what has not ended by then (a statement that
  // waits downstream) is cut as a kill does. Idempotent.
  void Stop();
  // Ends all writing at once, without waiting for anything; Stop then releases the rest.
  void RequestKill() noexcept;
  // Waits until no unit runs any more; false if some still does after `limit`.
  bool WaitKilled(Milliseconds limit);
  bool killed() const { return killed_; }

  const std::string& source_id() const { return source_id_; }
  // Is the record that this source was made from the one that is bound?
  bool Serves(const cluster::BoundSource& bound) const;
  // Of one subtask (empty vector if unknown), or of all, sorted by name.
  std::vector<migration::SubtaskStatus> Statuses(const std::string& name) const;
  bool HasSubtasks() const;
  // Throws Error 40054, 40081, 20070 unless the subtask of this record can take it over when it is
  // resumed.
  void CheckUpdate(const std::string& text);
  // Operations on a broken statement or on definitions of a task's sync unit; the text for the
  // user. The first resumes a task that has paused itself, unless it only lists. Throw Error
  // (40051, 40054, 40056, 40072, those of the unit), PlainRefusal, Cancelled.
  std::string OperateOnStatement(const migration::StatementRequest& request, const StopToken& stop);
  std::string OperateOnSchema(const std::string& task, const std::string& source,
                              const migration::SchemaRequest& request, const StopToken& stop);
  // Brings what /metrics shows of the subtasks up to date.
  void RefreshMetrics();
  // Writes to the log how far the subtasks (empty name: all) are.
  void LogProgress(const std::string& name);
  UpstreamStatus& upstream() { return *upstream_; }

 private:
  struct Entry;

  void Observe(const StopToken& stop);
  // Brings the subtasks in line with the records; the revision of the snapshot.
  int64_t Reconcile(const StopToken& stop);
  // Each task has a queue of its own: one that waits does not hold up the others. Called by the
  // observer only.
  void Post(const std::string& task, std::function<void(const StopToken&)> command);
  // Drops queues that have nothing to do and no subtask.
  void ReapQueues();
  // Carries out one command and tells what went wrong; makes the observer take a new snapshot if
  // etcd failed.
  void Carry(const std::string& task, const std::function<void(const StopToken&)>& command);
  void Handle(const cluster::SubtaskStage& stage, bool removed, int64_t revision,
              const StopToken& stop);
  void ApplyStage(const std::string& task, cluster::Stage expect,
                  const std::optional<cluster::StoredConfig>& config, const StopToken& stop);
  // Reads the source's configuration again. False: this source is gone, or made anew with the same
  // name; the change of the bind that follows tells what is to be done.
  bool RefreshSource(const StopToken& stop);
  struct Change {
    cluster::StoredConfig config;
    migration::SourceConfig source;
  };
  // For a resume: the records as they are now; nullopt if nothing changed, or what changed cannot
  // be taken over.
  std::optional<Change> ChangeOf(const Entry& entry, const cluster::StoredConfig& config) const;
  void CheckUpdate(const Entry& entry, const std::string& text,
                   const migration::SourceConfig& source) const;
  // The subtask as it runs: with what the source decides.
  migration::SubtaskConfig Adjusted(const std::string& text, migration::SourceConfig source) const;
  void Create(const std::string& task, const cluster::StoredConfig& config, cluster::Stage expect);
  // A factory for the units of this configuration text; `start_revision` tells the start that what
  // they dump belongs to (UnitContext).
  migration::Subtask::UnitFactory MakeFactory(const Entry& entry, const std::string& config,
                                              migration::SourceConfig source,
                                              int64_t start_revision) const;
  void Remove(const std::string& task);
  std::shared_ptr<Entry> Find(const std::string& task) const;
  std::vector<std::shared_ptr<Entry>> All() const;
  void AutoResumeLoop(const StopToken& stop);
  void ReportLoop(const StopToken& stop);
  void CountFailure(const char* operation) const;

  const std::string source_id_;
  const int64_t create_revision_;
  const WorkerEnvironment& environment_;
  std::unique_ptr<UpstreamStatus> upstream_;
  std::atomic<bool> killed_{false};

  mutable std::mutex mutex_;  // never held during a blocking call
  migration::SourceConfig source_;
  std::map<std::string, std::shared_ptr<Entry>> subtasks_;
  bool stopping_ = false;  // nothing is created any more
  StopSource resync_;      // of the observer's watch: a new snapshot is needed

  StopSource ending_;                                            // of all threads
  std::map<std::string, std::unique_ptr<CommandQueue>> queues_;  // by task; the observer's
  std::jthread observer_;
  std::jthread checker_;
  std::jthread reporter_;
};

}  // namespace dm::worker
