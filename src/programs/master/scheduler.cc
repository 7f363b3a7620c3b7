#include "programs/master/scheduler.h"

#include <algorithm>

#include "base/error/error.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"

namespace dm::master {
namespace {

using cluster::Stage;
using cluster::Txn;
using migration::SourceConfig;
using migration::SubtaskConfig;

constexpr std::string_view kStateMetric = "dm_master_worker_state";

const Logger& SchedulerLog() {
  static const Logger logger = Log().With({F("component", "scheduler")});
  return logger;
}

std::string ListText(const std::vector<std::string>& names) { return "[" + Join(names, " ") + "]"; }

template <class Map>
std::vector<std::string> KeysOf(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

}  // namespace

Scheduler::Scheduler(std::shared_ptr<cluster::EtcdClient> etcd, LeaderFence fence,
                     std::function<void()> on_fenced)
    : etcd_(std::move(etcd)), fence_(std::move(fence)), on_fenced_(std::move(on_fenced)) {}

Scheduler::~Scheduler() { Close(); }

void Scheduler::Start(const StopToken& stop) {
  SchedulerLog().Info("the scheduler is starting");
  {
    std::lock_guard lock(mutex_);
    if (started_) throw MakeError(ErrorCode::kSchedulerStarted);
    const StopCallback on_stop(stop, [this] { stop_.request_stop(); });
    Recover(stop_.get_token());
    started_ = true;
  }
  worker_observer_ = std::jthread([this] { ObserveWorkers(stop_.get_token()); });
  load_task_observer_ = std::jthread([this] { ObserveLoadTasks(stop_.get_token()); });
  SchedulerLog().Info("the scheduler has started");
}

void Scheduler::Close() {
  stop_.request_stop();  // first: ends writes that hold the lock
  {
    std::lock_guard lock(mutex_);
    started_ = false;
  }
  if (worker_observer_.joinable()) worker_observer_.join();
  if (load_task_observer_.joinable()) load_task_observer_.join();
  Metrics().Remove(kStateMetric, {});
  Metrics().Remove("dm_master_worker_event_error", {});
}

void Scheduler::CheckStarted() const {
  if (!started_) throw MakeError(ErrorCode::kSchedulerNotStarted);
}

cluster::TxnResult Scheduler::Commit(Txn txn) {
  txn.compares.push_back(
      cluster::Compare::CreateRevision(fence_.campaign_key, fence_.create_revision));
  cluster::TxnResult result = etcd_->Commit(txn, stop_.get_token());
  if (!result.succeeded) {
    if (!std::exchange(fenced_, true)) on_fenced_();
    throw MakeError(ErrorCode::kMasterRequestIsNotForwardToLeader);
  }
  return result;
}

// ---- recovery ----

void Scheduler::Recover(const StopToken& stop) {
  for (const auto& [id, toml] : cluster::ReadSourceConfigs(*etcd_, stop).value) {
    try {
      sources_.emplace(id, migration::ParseSourceToml(toml));
      placement_.AddSource(id);
    } catch (const Error& e) {
      SchedulerLog().Error("a stored source configuration is unusable",
                           {F("source", id), F("error", e)});
    }
  }
  for (const auto& [source, stage] : cluster::ReadRelayStages(*etcd_, stop).value) {
    relay_stages_.insert(source);
  }
  LoadSubtasks(stop);
  LoadWorkers(stop);
  for (const auto& [worker, place] : placement_.workers()) ShowStage(worker);
  // Every idle worker, then what is still unplaced.
  for (const std::string& worker : KeysOf(placement_.workers())) PlaceWorker(worker);
  for (const std::string& source : placement_.Unbound()) PlaceSource(source);
}

void Scheduler::LoadSubtasks(const StopToken& stop) {
  for (const auto& [task, by_source] : cluster::ReadAllSubtasks(*etcd_, stop).value) {
    for (const auto& [source, record] : by_source) {
      if (!record.config) {
        SchedulerLog().Warn("a stored stage has no subtask configuration",
                            {F("task", task), F("source", source)});
        continue;
      }
      try {
        Subtask subtask;
        subtask.config = migration::ParseSubtaskToml(*record.config);
        subtask.expect = record.stage ? record.stage->expect : Stage::kInvalid;
        subtasks_[task].emplace(source, std::move(subtask));
        placement_.AddSubtask(task, source);
      } catch (const Error& e) {
        SchedulerLog().Error("a stored subtask configuration is unusable",
                             {F("task", task), F("source", source), F("error", e)});
      }
    }
  }
  const auto load_tasks = cluster::ReadLoadTasks(*etcd_, stop);
  load_task_revision_ = load_tasks.revision;
  for (const auto& [task, by_source] : load_tasks.value) {
    for (const auto& [source, worker] : by_source) placement_.SetLoadTask(task, source, worker);
  }
}

void Scheduler::LoadWorkers(const StopToken& stop) {
  const auto relays = cluster::ReadRelayAssignments(*etcd_, stop).value;
  const auto workers = cluster::ReadWorkers(*etcd_, stop).value;
  const auto bounds = cluster::ReadBounds(*etcd_, stop).value;
  for (const auto& [worker, bound] : cluster::ReadLastBounds(*etcd_, stop).value) {
    placement_.RememberLastBind(worker, bound.source);
  }
  const auto alive = cluster::ReadKeepAlives(*etcd_, stop);
  keepalive_revision_ = alive.revision;

  Txn announce;
  Txn withdraw;
  for (const auto& [worker, source] : relays) {
    auto known = sources_.find(source);
    if (known == sources_.end()) {
      SchedulerLog().Warn("relay is assigned for an unknown source",
                          {F("worker", worker), F("source", source)});
    } else if (known->second.enable_relay) {
      cluster::AddRelayAssignmentRemoval(withdraw, worker);  // the source's own switch wins
    }
  }
  for (const auto& [name, info] : workers) {
    AddHandle(info);
    if (auto relay = relays.find(name); relay != relays.end() && sources_.contains(relay->second) &&
                                        !sources_.at(relay->second).enable_relay) {
      placement_.AssignRelay(name, relay->second);
    }
    if (!alive.value.contains(name)) continue;
    placement_.Online(name);
    auto bound = bounds.find(name);
    if (bound == bounds.end()) continue;
    const std::string& source = bound->second.source;
    if (!sources_.contains(source) || !placement_.WorkerOf(source).empty()) continue;
    try {
      placement_.Bind(source, name);
      cluster::AddBind(announce, source, name);
    } catch (const Error& e) {
      SchedulerLog().Warn("a stored bind is withdrawn",
                          {F("worker", name), F("source", source), F("error", e)});
    }
  }
  for (const auto& [worker, bound] : bounds) {
    const WorkerPlace* place = placement_.FindWorker(worker);
    if (place == nullptr || place->source != bound.source) cluster::AddUnbind(withdraw, worker);
  }
  if (!withdraw.empty()) Commit(std::move(withdraw));
  if (!announce.empty()) Commit(std::move(announce));
}

void Scheduler::AddHandle(const cluster::WorkerInfo& info) {
  placement_.AddWorker(info);
  clients_[info.name] = std::make_shared<WorkerClient>(info.address);
}

// ---- observers ----

void Scheduler::ObserveWorkers(const StopToken& stop) {
  int64_t revision = keepalive_revision_;
  bool reconcile = false;
  while (!stop.stop_requested()) {
    try {
      if (reconcile) {
        WaitFor(Milliseconds(500), stop);
        const auto alive = cluster::ReadKeepAlives(*etcd_, stop);
        ReconcileWorkers(stop);
        revision = alive.revision;
        reconcile = false;
      }
      auto watch = cluster::WatchKeepAlives(*etcd_, revision + 1);
      while (true) {
        for (const auto& event : watch.Next(stop)) {
          if (event.error) {
            SchedulerLog().Error("a keepalive of a worker is unusable", {F("error", *event.error)});
            continue;
          }
          SchedulerLog().Info("receive worker status change event",
                              {F("worker", event.record.worker), F("delete", event.removed)});
          std::lock_guard lock(mutex_);
          if (!started_) return;
          try {
            if (event.removed) {
              WorkerOffline(event.record.worker);
            } else {
              WorkerOnline(event.record.worker);
            }
          } catch (const Error&) {
            Metrics()
                .GetCounter("dm_master_worker_event_error", "counter of worker event error",
                            {{"type", "handle"}})
                .Add();
            throw;
          }
        }
      }
    } catch (const Cancelled&) {
      return;
    } catch (const std::exception& e) {
      Metrics()
          .GetCounter("dm_master_worker_event_error", "counter of worker event error",
                      {{"type", "watch"}})
          .Add();
      SchedulerLog().Warn("observing workers goes on with a new snapshot",
                          {F("error", ErrorText(e))});
      reconcile = true;
    }
  }
}

void Scheduler::ReconcileWorkers(const StopToken& stop) {
  const auto alive = cluster::ReadKeepAlives(*etcd_, stop).value;
  std::lock_guard lock(mutex_);
  if (!started_) return;
  for (const std::string& worker : KeysOf(placement_.workers())) {
    if (alive.contains(worker)) {
      WorkerOnline(worker);
    } else {
      WorkerOffline(worker);
    }
  }
}

void Scheduler::ObserveLoadTasks(const StopToken& stop) {
  int64_t revision = load_task_revision_;
  bool reconcile = false;
  while (!stop.stop_requested()) {
    try {
      if (reconcile) {
        WaitFor(Milliseconds(500), stop);
        revision = cluster::ReadLoadTasks(*etcd_, stop).revision;
        ReconcileLoadTasks(stop);
        reconcile = false;
      }
      auto watch = cluster::WatchLoadTasks(*etcd_, revision + 1);
      while (true) {
        for (const auto& event : watch.Next(stop)) {
          if (event.error) {
            SchedulerLog().Error("a load record is unusable", {F("error", *event.error)});
            continue;
          }
          LoadTaskChanged(event);
        }
      }
    } catch (const Cancelled&) {
      return;
    } catch (const std::exception& e) {
      SchedulerLog().Warn("observing load records goes on with a new snapshot",
                          {F("error", ErrorText(e))});
      reconcile = true;
    }
  }
}

void Scheduler::LoadTaskChanged(const cluster::RecordEvent<cluster::LoadTask>& event) {
  const cluster::LoadTask& record = event.record;
  SchedulerLog().Info("receive load task",
                      {F("delete", event.removed), F("task", record.task),
                       F("source", record.source), F("worker", record.worker)});
  std::lock_guard lock(mutex_);
  if (!started_) return;
  if (!event.removed) {
    placement_.SetLoadTask(record.task, record.source, record.worker);
    return;
  }
  const std::string worker = placement_.RemoveLoadTask(record.task, record.source);
  if (worker.empty()) return;
  if (const auto move = placement_.Rearrange(worker, record.source)) Perform(*move);
}

void Scheduler::ReconcileLoadTasks(const StopToken& stop) {
  const auto stored = cluster::ReadLoadTasks(*etcd_, stop).value;
  std::lock_guard lock(mutex_);
  if (!started_) return;
  for (const auto& [task, by_source] : subtasks_) placement_.RemoveLoadTasks(task);
  for (const auto& [task, by_source] : stored) {
    for (const auto& [source, worker] : by_source) placement_.SetLoadTask(task, source, worker);
  }
}

// ---- events of workers (the lock is held) ----

void Scheduler::WorkerOnline(const std::string& worker) {
  const WorkerPlace* place = placement_.FindWorker(worker);
  if (place == nullptr) {
    SchedulerLog().Warn("ignore the keepalive of an unknown worker", {F("worker", worker)});
    return;
  }
  if (place->stage == WorkerStage::kBound) {
    // It has missed that it was offline, or renewed its key: announce everything again.
    Txn txn;
    if (!place->relay_source.empty()) {
      cluster::AddRelayAssignment(txn, worker, place->relay_source);
    }
    cluster::AddBind(txn, place->source, worker);
    Commit(std::move(txn));
    return;
  }
  placement_.Online(worker);
  ShowStage(worker);
  PlaceWorker(worker);
}

void Scheduler::WorkerOffline(const std::string& worker) {
  const WorkerPlace* place = placement_.FindWorker(worker);
  if (place == nullptr || place->stage == WorkerStage::kOffline) return;
  const std::string source = place->source;
  if (!source.empty()) {
    Txn txn;
    cluster::AddUnbind(txn, worker);
    Commit(std::move(txn));
    placement_.Unbind(source);
  }
  placement_.Offline(worker);
  ShowStage(worker);
  SchedulerLog().Info("dm-worker is offline", {F("worker", worker), F("source", source)});
  if (!source.empty()) PlaceSource(source);
}

// ---- placing (the lock is held) ----

void Scheduler::ShowStage(const std::string& worker) {
  const WorkerPlace* place = placement_.FindWorker(worker);
  if (place == nullptr) return;
  Metrics()
      .GetGauge(std::string(kStateMetric),
                "state of worker, -1 - unrecognized, 0 - offline, 1 - free, "
                "1.5 - relay, 2 - bound",
                {{"worker", worker}})
      .Set(MetricValue(place->stage));
}

void Scheduler::Bind(const std::string& source, const std::string& worker) {
  placement_.CheckBind(source, worker);
  Txn txn;
  cluster::AddBind(txn, source, worker);
  // A stage that is stored already (perhaps Paused) is respected.
  const bool relay = sources_.at(source).enable_relay && !relay_stages_.contains(source);
  if (relay) cluster::AddRelayStage(txn, source, Stage::kRunning);
  Commit(std::move(txn));
  if (relay) relay_stages_.insert(source);
  placement_.Bind(source, worker);
  ShowStage(worker);
  SchedulerLog().Info("bind the source to worker", {F("source", source), F("worker", worker)});
}

void Scheduler::Perform(const Move& move) {
  if (move.from_worker.empty() && move.displaced_source.empty()) {
    Bind(move.source, move.worker);
    return;
  }
  SchedulerLog().Info("transfer source and worker",
                      {F("left worker", move.from_worker), F("left source", move.source),
                       F("right worker", move.worker), F("right source", move.displaced_source)});
  // Two transactions: a worker must see its old bind go before the new one comes.
  Txn txn;
  if (!move.from_worker.empty()) cluster::AddUnbind(txn, move.from_worker);
  if (!move.displaced_source.empty()) cluster::AddUnbind(txn, move.worker);
  Commit(std::move(txn));
  if (!move.from_worker.empty()) placement_.Unbind(move.source);
  if (!move.displaced_source.empty()) placement_.Unbind(move.displaced_source);
  Bind(move.source, move.worker);
  ShowStage(move.worker);
  if (!move.from_worker.empty()) ShowStage(move.from_worker);
  if (!move.from_worker.empty() && !move.displaced_source.empty()) {
    try {
      Bind(move.displaced_source, move.from_worker);
      return;
    } catch (const Error& e) {
      SchedulerLog().Warn("an exchanged source has to find another worker",
                          {F("source", move.displaced_source), F("error", e)});
    }
  }
  if (!move.displaced_source.empty()) PlaceSource(move.displaced_source);
  if (!move.from_worker.empty()) PlaceWorker(move.from_worker);
}

void Scheduler::PlaceSource(const std::string& source) {
  if (!placement_.WorkerOf(source).empty()) return;
  const auto move = placement_.ChooseWorker(source);
  if (move) {
    Perform(*move);
  } else {
    SchedulerLog().Info("no free worker exists for bound", {F("source", source)});
  }
}

void Scheduler::PlaceWorker(const std::string& worker) {
  if (const auto move = placement_.ChooseSource(worker)) Perform(*move);
}

// ---- workers ----

void Scheduler::RegisterWorker(const std::string& name, const std::string& address) {
  std::lock_guard lock(mutex_);
  CheckStarted();
  if (const WorkerPlace* place = placement_.FindWorker(name)) {
    if (place->info.address == address) return;
    throw MakeError(ErrorCode::kSchedulerWorkerExist, name);
  }
  const cluster::WorkerInfo info{name, address};
  Txn txn;
  cluster::AddWorker(txn, info);
  Commit(std::move(txn));
  AddHandle(info);
  ShowStage(name);
  SchedulerLog().Info("add the dm-worker", {F("worker", name), F("address", address)});
}

void Scheduler::RemoveWorker(const std::string& name) {
  std::lock_guard lock(mutex_);
  CheckStarted();
  const WorkerPlace* place = placement_.FindWorker(name);
  if (place == nullptr) throw MakeError(ErrorCode::kSchedulerWorkerNotExist, name);
  if (place->stage != WorkerStage::kOffline) {
    throw MakeError(ErrorCode::kSchedulerWorkerOnline, name);
  }
  Txn txn;
  cluster::AddWorkerRemoval(txn, name);
  Commit(std::move(txn));
  placement_.RemoveWorker(name);
  clients_.erase(name);
  Metrics().Remove(kStateMetric, {{"worker", name}});
}

std::vector<WorkerPlace> Scheduler::Workers() const {
  std::lock_guard lock(mutex_);
  CheckStarted();
  std::vector<WorkerPlace> out;
  for (const auto& [name, place] : placement_.workers()) out.push_back(place);
  return out;
}

std::string Scheduler::WorkerOf(const std::string& source) const {
  std::lock_guard lock(mutex_);
  CheckStarted();
  return placement_.WorkerOf(source);
}

std::shared_ptr<WorkerClient> Scheduler::ClientOf(const std::string& worker) const {
  std::lock_guard lock(mutex_);
  CheckStarted();
  auto it = clients_.find(worker);
  return it == clients_.end() ? nullptr : it->second;
}

std::optional<WorkerStage> Scheduler::StageOf(const std::string& worker) const {
  std::lock_guard lock(mutex_);
  CheckStarted();
  const WorkerPlace* place = placement_.FindWorker(worker);
  if (place == nullptr) return std::nullopt;
  return place->stage;
}

// ---- sources ----

void Scheduler::AddSource(const SourceConfig& source, const std::string& worker) {
  std::lock_guard lock(mutex_);
  CheckStarted();
  const std::string& id = source.source_id;
  if (sources_.contains(id)) throw MakeError(ErrorCode::kSchedulerSourceCfgExist, id);
  if (!worker.empty()) {
    const WorkerPlace* place = placement_.FindWorker(worker);
    if (place == nullptr) throw MakeError(ErrorCode::kSchedulerWorkerNotExist, worker);
    if (place->stage != WorkerStage::kFree) {
      throw MakeError(ErrorCode::kSchedulerWorkerNotFree, worker);
    }
  }
  Txn txn;
  cluster::AddSourceConfig(txn, id, migration::SourceToToml(source));
  Commit(std::move(txn));
  sources_.emplace(id, source);
  placement_.AddSource(id);
  if (worker.empty()) {
    PlaceSource(id);
  } else {
    Bind(id, worker);
  }
}

void Scheduler::CheckSourceRemoval(const std::string& source) const {
  std::lock_guard lock(mutex_);
  CheckStarted();
  if (!sources_.contains(source)) throw MakeError(ErrorCode::kSchedulerSourceCfgNotExist, source);
  std::vector<std::string> tasks;
  for (const auto& [task, by_source] : subtasks_) {
    if (by_source.contains(source)) tasks.push_back(task);
  }
  if (!tasks.empty()) {
    throw MakeError(ErrorCode::kSchedulerSourceOpTaskExist, source, ListText(tasks));
  }
  std::vector<std::string> relay_workers;
  for (const auto& [name, place] : placement_.workers()) {
    if (place.relay_source == source) relay_workers.push_back(name);
  }
  if (!relay_workers.empty()) {
    throw MakeError(ErrorCode::kSchedulerSourceOpRelayExist, source, ListText(relay_workers));
  }
}

void Scheduler::RemoveSource(const std::string& source) {
  CheckSourceRemoval(source);
  std::lock_guard lock(mutex_);
  CheckStarted();
  const std::string worker = placement_.WorkerOf(source);
  Txn txn;
  cluster::AddSourceRemoval(txn, source, worker);
  Commit(std::move(txn));
  sources_.erase(source);
  relay_stages_.erase(source);
  placement_.RemoveSource(source);
  if (worker.empty()) return;
  ShowStage(worker);
  PlaceWorker(worker);
}

std::map<std::string, SourceConfig> Scheduler::Sources() const {
  std::lock_guard lock(mutex_);
  CheckStarted();
  return sources_;
}

bool Scheduler::HasSource(const std::string& source) const {
  std::lock_guard lock(mutex_);
  CheckStarted();
  return sources_.contains(source);
}

// ---- subtasks ----

Latches::Latch Scheduler::AcquireLatch(const std::string& task,
                                       std::string_view while_doing) const {
  return latches_.Acquire(task, while_doing);
}

std::vector<std::string> Scheduler::AddSubtasks(const std::vector<SubtaskConfig>& subtasks,
                                                Stage stage) {
  if (subtasks.empty()) return {};
  std::lock_guard lock(mutex_);
  CheckStarted();
  const std::string& task = subtasks.front().name;
  std::vector<std::string> names;
  std::vector<std::string> existing;
  std::vector<std::string> unbound;
  Txn txn;
  for (const SubtaskConfig& subtask : subtasks) {
    if (std::find(names.begin(), names.end(), subtask.name) == names.end()) {
      names.push_back(subtask.name);
    }
    const std::string& source = subtask.source_id;
    if (auto known = subtasks_.find(subtask.name);
        known != subtasks_.end() && known->second.contains(source)) {
      existing.push_back(source);
      continue;
    }
    if (placement_.WorkerOf(source).empty()) unbound.push_back(source);
    cluster::AddSubtask(txn, source, subtask.name, migration::SubtaskToToml(subtask), stage,
                        subtask.validator.mode != "none");
  }
  if (names.size() > 1) throw MakeError(ErrorCode::kSchedulerMultiTask, ListText(names));
  if (existing.size() == subtasks.size()) {
    throw MakeError(ErrorCode::kSchedulerSubTaskExist, task, ListText(existing));
  }
  if (!unbound.empty()) throw MakeError(ErrorCode::kSchedulerSourcesUnbound, ListText(unbound));
  Commit(std::move(txn));
  for (const SubtaskConfig& subtask : subtasks) {
    if (subtasks_[task].emplace(subtask.source_id, Subtask{subtask, stage}).second) {
      placement_.AddSubtask(task, subtask.source_id);
    }
  }
  return existing;
}

std::vector<std::string> Scheduler::CheckSubtasks(const std::string& task,
                                                  const std::vector<std::string>& sources) const {
  auto known = subtasks_.find(task);
  if (known == subtasks_.end()) {
    throw MakeError(ErrorCode::kSchedulerSubTaskOpTaskNotExist, task);
  }
  std::vector<std::string> unknown;
  for (const std::string& source : sources) {
    if (!known->second.contains(source)) unknown.push_back(source);
  }
  if (!unknown.empty()) {
    throw MakeError(ErrorCode::kSchedulerSubTaskOpSourceNotExist, ListText(unknown));
  }
  // A key may be written only once in a transaction.
  const std::set<std::string> once(sources.begin(), sources.end());
  return {once.begin(), once.end()};
}

void Scheduler::RemoveSubtasks(const std::string& task, const std::vector<std::string>& sources) {
  if (task.empty() || sources.empty()) return;
  const Latches::Latch latch = AcquireLatch(task, "removing subtasks");
  std::lock_guard lock(mutex_);
  CheckStarted();
  const std::vector<std::string> checked = CheckSubtasks(task, sources);
  Txn txn;
  for (const std::string& source : checked) cluster::AddSubtaskRemoval(txn, source, task);
  Commit(std::move(txn));
  for (const std::string& source : checked) {
    subtasks_[task].erase(source);
    placement_.RemoveSubtask(task, source);
  }
  if (subtasks_[task].empty()) subtasks_.erase(task);
}

void Scheduler::SetStage(Stage stage, const std::string& task,
                         const std::vector<std::string>& sources) {
  if (task.empty() || sources.empty()) return;
  if (stage != Stage::kRunning && stage != Stage::kPaused && stage != Stage::kStopped) {
    throw MakeError(ErrorCode::kSchedulerSubTaskStageInvalidUpdate, cluster::ToString(stage));
  }
  const Latches::Latch latch = AcquireLatch(task, "updating the stage of subtasks");
  std::lock_guard lock(mutex_);
  CheckStarted();
  const std::vector<std::string> checked = CheckSubtasks(task, sources);
  Txn txn;
  for (const std::string& source : checked) cluster::AddSubtaskStage(txn, source, task, stage);
  Commit(std::move(txn));
  for (const std::string& source : checked) subtasks_[task].at(source).expect = stage;
}

void Scheduler::RemoveTaskRecords(const std::string& task) {
  std::lock_guard lock(mutex_);
  CheckStarted();
  Txn txn;
  cluster::AddLoadTaskRemoval(txn, task);
  Commit(std::move(txn));
  placement_.RemoveLoadTasks(task);
}

void Scheduler::SetCliArgs(const std::string& task, const std::vector<std::string>& sources,
                           const std::optional<cluster::CliArgs>& args) {
  std::lock_guard lock(mutex_);
  CheckStarted();
  Txn txn;
  if (args) {
    for (const std::string& source : sources) cluster::AddCliArgs(txn, task, source, *args);
  } else {
    cluster::AddCliArgsRemoval(txn, task);
  }
  if (!txn.empty()) Commit(std::move(txn));
}

void Scheduler::RearrangeForLoad(const std::vector<std::string>& sources) {
  std::lock_guard lock(mutex_);
  CheckStarted();
  for (const std::string& source : sources) {
    const std::string worker = placement_.WorkerOf(source);
    if (worker.empty()) continue;
    if (const auto move = placement_.Rearrange(worker, source)) Perform(*move);
  }
}

std::map<std::string, SubtaskConfig> Scheduler::SubtasksOf(const std::string& task) const {
  std::lock_guard lock(mutex_);
  CheckStarted();
  std::map<std::string, SubtaskConfig> out;
  if (auto known = subtasks_.find(task); known != subtasks_.end()) {
    for (const auto& [source, subtask] : known->second) out.emplace(source, subtask.config);
  }
  return out;
}

std::map<std::string, std::set<std::string>> Scheduler::Tasks() const {
  std::lock_guard lock(mutex_);
  CheckStarted();
  std::map<std::string, std::set<std::string>> out;
  for (const auto& [task, by_source] : subtasks_) {
    for (const auto& [source, subtask] : by_source) out[task].insert(source);
  }
  return out;
}

}  // namespace dm::master
