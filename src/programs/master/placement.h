// Which worker handles which source: the state and the choices, without any input or output.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/record/records.h"

namespace dm::master {

enum class WorkerStage { kOffline, kFree, kBound, kRelay };

// "offline", "free", "bound", "relay".
std::string_view ToString(WorkerStage stage);
// Value of the metric dm_master_worker_state.
double MetricValue(WorkerStage stage);

struct WorkerPlace {
  cluster::WorkerInfo info;
  WorkerStage stage = WorkerStage::kOffline;
  std::string source;        // bound; empty unless stage is kBound
  std::string relay_source;  // explicitly assigned; survives being offline
  uint64_t idle_since = 0;   // orders workers by how long they have been idle
};

// A rearrangement: `source` goes to `worker`.
struct Move {
  std::string source;
  std::string worker;
  std::string from_worker;       // where `source` is bound now; empty: unbound
  std::string displaced_source;  // what `worker` is bound to now; empty: nothing
  bool operator==(const Move&) const = default;
};

// Every known source is either bound or unbound. Not thread-safe. Names are the callers' to check:
// operations on unknown ones are programming errors (std::logic_error).
class Placement {
 public:
  // ---- workers ----
  void AddWorker(cluster::WorkerInfo info);
  void RemoveWorker(const std::string& worker);
  const WorkerPlace* FindWorker(const std::string& worker) const;
  const std::map<std::string, WorkerPlace>& workers() const { return workers_; }

  // Alive again: free, or relay if a relay source is assigned. Of a bound worker nothing changes.
  void Online(const std::string& worker);
  // The bind must be gone already (Unbind). The relay source stays.
  void Offline(const std::string& worker);
  void AssignRelay(const std::string& worker, const std::string& source);

  // ---- sources ----
  void AddSource(const std::string& source);
  // Unbinds it, if bound, and forgets it and the worker's last bind of it.
  void RemoveSource(const std::string& source);
  bool HasSource(const std::string& source) const { return sources_.contains(source); }
  const std::set<std::string>& sources() const { return sources_; }
  std::vector<std::string> Unbound() const;
  // Worker by source.
  const std::map<std::string, std::string>& bounds() const { return bounds_; }
  // Empty: not bound.
  std::string WorkerOf(const std::string& source) const;

  // Throws Error 46006 if the worker is offline, 46027 if it is assigned to the relay of another
  // source.
  void CheckBind(const std::string& source, const std::string& worker) const;
  // As CheckBind; source and worker become bound to each other, and last bound.
  void Bind(const std::string& source, const std::string& worker);
  // The worker becomes free, or relay.
  void Unbind(const std::string& source);
  // From the store.
  void RememberLastBind(const std::string& worker, const std::string& source);

  // ---- who holds dump files ----
  void SetLoadTask(const std::string& task, const std::string& source, const std::string& worker);
  // The worker that held them, empty if unknown.
  std::string RemoveLoadTask(const std::string& task, const std::string& source);
  void RemoveLoadTasks(const std::string& task);
  void ClearLoadTasks();
  // Records count only while the subtask is configured.
  void AddSubtask(const std::string& task, const std::string& source);
  void RemoveSubtask(const std::string& task, const std::string& source);

  // ---- choices (deterministic: by source id; by who has been idle longest, then worker name) ----
  // The best worker for an unbound source; nullopt: it stays unbound.
  std::optional<Move> ChooseWorker(const std::string& source) const;
  // The best source for an idle worker; nullopt: it stays idle.
  std::optional<Move> ChooseSource(const std::string& worker) const;
  // After the last record of (`worker`, `source`) went, or a task was started for `source`: a
  // better arrangement for `source`, which is bound to `worker`.
  std::optional<Move> Rearrange(const std::string& worker, const std::string& source) const;

 private:
  WorkerPlace& At(const std::string& worker);
  bool Holds(const std::string& worker, const std::string& source) const;
  bool MayTake(const WorkerPlace& place, const std::string& source) const;
  std::vector<const WorkerPlace*> IdleWorkers(WorkerStage stage) const;
  std::string LastBind(const std::string& worker) const;
  void BecomeIdle(WorkerPlace& place);

  std::map<std::string, WorkerPlace> workers_;
  std::set<std::string> sources_;
  std::map<std::string, std::string> bounds_;                              // source to worker
  std::map<std::string, std::string> last_bounds_;                         // worker to source
  std::map<std::pair<std::string, std::string>, std::string> load_tasks_;  // task, source to worker
  std::set<std::pair<std::string, std::string>> subtasks_;                 // task, source
  uint64_t clock_ = 0;
};

}  // namespace dm::master
