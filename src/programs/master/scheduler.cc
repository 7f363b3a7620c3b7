// Recovery, observers and placing; scheduler_requests.cc has what is asked of the scheduler,
// scheduler_txn.cc how it writes.
#include "programs/master/scheduler.h"

#include <algorithm>

#include "base/error/error.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"

namespace dm::master {
namespace {

using cluster::Stage;
using cluster::Txn;

constexpr std::string_view kStateMetric = "dm_master_worker_state";
constexpr std::string_view kEventErrorMetric = "dm_master_worker_event_error";
// Between tries of what failed: doubled from the first to the second.
constexpr Milliseconds kFirstRetryPause{500};
constexpr Milliseconds kLastRetryPause{5'000};

const Logger& SchedulerLog() {
  static const Logger logger = Log().With({F("component", "scheduler")});
  return logger;
}

template <class Map>
std::vector<std::string> KeysOf(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

void CountEventError(const char* type) {
  Metrics()
      .GetCounter(std::string(kEventErrorMetric), "counter of worker event error", {{"type", type}})
      .Add();
}

// What was read, with a log line for each record that could not be.
template <class T>
T Known(cluster::Snapshot<T>&& snapshot) {
  for (const cluster::UnusableRecord& record : snapshot.unusable) {
    SchedulerLog().Error("a stored record is unusable and left out",
                         {F("key", record.key), F("error", record.error)});
  }
  return std::move(snapshot.value);
}

Milliseconds Longer(Milliseconds pause) { return std::min(2 * pause, kLastRetryPause); }

}  // namespace

Scheduler::Scheduler(std::shared_ptr<cluster::EtcdClient> etcd, LeaderFence fence, TxnLimits limits,
                     std::function<void()> on_term_over, TlsOptions worker_tls)
    : etcd_(std::move(etcd)),
      fence_(std::move(fence)),
      limits_(limits),
      worker_tls_(std::move(worker_tls)),
      on_term_over_(std::move(on_term_over)) {}

Scheduler::~Scheduler() { Close(); }

void Scheduler::Start(const StopToken& stop) {
  SchedulerLog().Info("the scheduler is starting");
  {
    std::lock_guard change(change_mutex_);
    if (phase_ != Phase::kNew) throw MakeError(ErrorCode::kSchedulerStarted);
    const StopCallback on_stop(stop, [this] { stop_.request_stop(); });
    Recover(stop_.get_token());
    Update([this] { phase_ = Phase::kStarted; });
  }
  worker_observer_ = std::jthread([this] { ObserveWorkers(stop_.get_token()); });
  load_task_observer_ = std::jthread([this] { ObserveLoadTasks(stop_.get_token()); });
  placer_ = std::jthread([this] { PlaceAgainLoop(stop_.get_token()); });
  SchedulerLog().Info("the scheduler has started");
}

void Scheduler::Close() {
  stop_.request_stop();  // first: ends a change that is writing
  {
    std::lock_guard change(change_mutex_);
    Update([this] { phase_ = Phase::kOver; });
  }
  for (std::jthread* thread : {&worker_observer_, &load_task_observer_, &placer_}) {
    if (thread->joinable()) thread->join();
  }
  Metrics().Remove(std::string(kStateMetric), {});
  Metrics().Remove(std::string(kEventErrorMetric), {});
}

void Scheduler::CheckStarted() const {
  if (phase_ == Phase::kNew) throw MakeError(ErrorCode::kSchedulerNotStarted);
  if (phase_ == Phase::kOver) throw MakeError(ErrorCode::kMasterRequestIsNotForwardToLeader);
}

std::unique_lock<std::mutex> Scheduler::BeginChange() const {
  std::unique_lock lock(change_mutex_);
  CheckStarted();
  return lock;
}

// ---- recovery ----

void Scheduler::Recover(const StopToken& stop) {
  for (const auto& [id, toml] : Known(cluster::ReadSourceConfigs(*etcd_, stop))) {
    try {
      sources_.emplace(id, migration::ParseSourceToml(toml));
      placement_.AddSource(id);
    } catch (const Error& e) {
      SchedulerLog().Error("a stored source configuration is unusable",
                           {F("source", id), F("error", e)});
    }
  }
  for (const auto& [source, stage] : Known(cluster::ReadRelayStages(*etcd_, stop))) {
    relay_stages_.insert(source);
  }
  LoadSubtasks(stop);
  LoadWorkers(stop);
  for (const auto& [worker, place] : placement_.workers()) ShowStage(worker);
  Follow([this] { PlaceAll(); });
  if (term_over_) throw MakeError(ErrorCode::kMasterRequestIsNotForwardToLeader);
}

void Scheduler::LoadSubtasks(const StopToken& stop) {
  for (const auto& [task, by_source] : Known(cluster::ReadAllSubtasks(*etcd_, stop))) {
    for (const auto& [source, record] : by_source) {
      if (!record.config) {
        SchedulerLog().Warn("a stored stage has no subtask configuration",
                            {F("task", task), F("source", source)});
        continue;
      }
      try {
        Subtask subtask;
        subtask.config = migration::ParseSubtaskToml(record.config->toml);
        subtask.expect = record.stage ? record.stage->expect : Stage::kInvalid;
        subtasks_[task].emplace(source, std::move(subtask));
        placement_.AddSubtask(task, source);
      } catch (const Error& e) {
        SchedulerLog().Error("a stored subtask configuration is unusable",
                             {F("task", task), F("source", source), F("error", e)});
      }
    }
  }
  auto load_tasks = cluster::ReadLoadTasks(*etcd_, stop);
  load_task_revision_ = load_tasks.revision;
  for (const auto& [task, by_source] : Known(std::move(load_tasks))) {
    for (const auto& [source, worker] : by_source) placement_.SetLoadTask(task, source, worker);
  }
}

void Scheduler::LoadWorkers(const StopToken& stop) {
  const auto relays = Known(cluster::ReadRelayAssignments(*etcd_, stop));
  const auto workers = Known(cluster::ReadWorkers(*etcd_, stop));
  auto stored_bounds = cluster::ReadBounds(*etcd_, stop);
  const std::vector<cluster::UnusableRecord> unusable_bounds = stored_bounds.unusable;
  const auto bounds = Known(std::move(stored_bounds));
  for (const auto& [worker, bound] : Known(cluster::ReadLastBounds(*etcd_, stop))) {
    placement_.RememberLastBind(worker, bound.source);
  }
  auto keepalives = cluster::ReadKeepAlives(*etcd_, stop);
  keepalive_revision_ = keepalives.revision;
  const auto alive = Known(std::move(keepalives));

  std::vector<Piece> announce;
  std::vector<Piece> withdraw;
  for (const auto& [worker, source] : relays) {
    auto known = sources_.find(source);
    if (known == sources_.end()) {
      SchedulerLog().Warn("relay is assigned for an unknown source",
                          {F("worker", worker), F("source", source)});
    } else if (known->second.enable_relay) {
      // The source's own switch wins.
      cluster::AddRelayAssignmentRemoval(withdraw.emplace_back().txn, worker);
    }
  }
  for (const auto& [name, info] : workers) {
    AddHandle(info);
    if (auto relay = relays.find(name); relay != relays.end() && sources_.contains(relay->second) &&
                                        !sources_.at(relay->second).enable_relay) {
      placement_.AssignRelay(name, relay->second);
    }
    if (!alive.contains(name)) continue;
    placement_.Online(name);
    auto bound = bounds.find(name);
    if (bound == bounds.end()) continue;
    const std::string& source = bound->second.source;
    if (!sources_.contains(source) || !placement_.WorkerOf(source).empty()) continue;
    try {
      placement_.Bind(source, name);
      cluster::AddBind(announce.emplace_back().txn, source, name);
    } catch (const Error& e) {
      SchedulerLog().Warn("a stored bind is withdrawn",
                          {F("worker", name), F("source", source), F("error", e)});
    }
  }
  for (const auto& [worker, bound] : bounds) {
    const WorkerPlace* place = placement_.FindWorker(worker);
    if (place == nullptr || place->source != bound.source) {
      cluster::AddUnbind(withdraw.emplace_back().txn, worker);
    }
  }
  for (const cluster::UnusableRecord& record : unusable_bounds) {
    withdraw.emplace_back().txn.then.push_back(cluster::Operation::Delete(record.key));
  }
  // Crash points: a new leader takes back what contradicts the rest.
  CommitPieces("withdraw", std::move(withdraw));
  // Crash points: a new leader announces every bind once more.
  CommitPieces("announce", std::move(announce));
}

void Scheduler::AddHandle(const cluster::WorkerInfo& info) {
  placement_.AddWorker(info);
  clients_[info.name] = std::make_shared<WorkerClient>(info.address, worker_tls_);
}

// ---- observers ----

void Scheduler::ObserveWorkers(const StopToken& stop) {
  int64_t revision = keepalive_revision_;
  bool reconcile = false;
  Milliseconds pause = kFirstRetryPause;
  while (true) {
    bool handling = false;
    try {
      if (reconcile) {
        WaitFor(pause, stop);
        pause = Longer(pause);
        handling = true;
        revision = ReconcileWorkers(stop);
        reconcile = false;
        pause = kFirstRetryPause;
        handling = false;
      }
      auto watch = cluster::WatchKeepAlives(*etcd_, revision + 1);
      while (true) {
        const auto events = watch.Next(stop);
        handling = true;
        for (const auto& event : events) HandleWorkerEvent(event);
        handling = false;
      }
    } catch (const Cancelled&) {
      return;
    } catch (const std::exception& e) {
      CountEventError(handling ? "handle" : "watch");
      SchedulerLog().Warn("observing workers goes on with a new snapshot",
                          {F("error", ErrorText(e))});
      reconcile = true;
    }
  }
}

void Scheduler::HandleWorkerEvent(const cluster::RecordEvent<cluster::WorkerKeepAlive>& event) {
  if (event.error) {
    SchedulerLog().Error("a keepalive of a worker is unusable", {F("error", *event.error)});
    return;
  }
  SchedulerLog().Info("receive worker status change event",
                      {F("worker", event.record.worker), F("delete", event.removed)});
  std::lock_guard change(change_mutex_);
  if (phase_ != Phase::kStarted) return;
  if (event.removed) {
    WorkerOffline(event.record.worker);
  } else {
    WorkerOnline(event.record.worker);
  }
}

int64_t Scheduler::ReconcileWorkers(const StopToken& stop) {
  auto snapshot = cluster::ReadKeepAlives(*etcd_, stop);
  const int64_t revision = snapshot.revision;
  const auto alive = Known(std::move(snapshot));
  std::lock_guard change(change_mutex_);
  if (phase_ != Phase::kStarted) return revision;
  for (const std::string& worker : KeysOf(placement_.workers())) {
    if (alive.contains(worker)) {
      WorkerOnline(worker);
    } else {
      WorkerOffline(worker);
    }
  }
  Follow([this] { PlaceAll(); });
  return revision;
}

void Scheduler::ObserveLoadTasks(const StopToken& stop) {
  int64_t revision = load_task_revision_;
  bool reconcile = false;
  Milliseconds pause = kFirstRetryPause;
  while (true) {
    try {
      if (reconcile) {
        WaitFor(pause, stop);
        pause = Longer(pause);
        revision = ReconcileLoadTasks(stop);
        reconcile = false;
        pause = kFirstRetryPause;
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
  std::lock_guard change(change_mutex_);
  if (phase_ != Phase::kStarted) return;
  if (!event.removed) {
    Update([&] { placement_.SetLoadTask(record.task, record.source, record.worker); });
    return;
  }
  std::string worker;
  Update([&] { worker = placement_.RemoveLoadTask(record.task, record.source); });
  if (worker.empty()) return;
  Follow([&] {
    if (const auto move = placement_.Rearrange(worker, record.source)) Perform(*move);
  });
}

int64_t Scheduler::ReconcileLoadTasks(const StopToken& stop) {
  auto snapshot = cluster::ReadLoadTasks(*etcd_, stop);
  const int64_t revision = snapshot.revision;
  const auto stored = Known(std::move(snapshot));
  std::lock_guard change(change_mutex_);
  if (phase_ != Phase::kStarted) return revision;
  Update([&] {
    placement_.ClearLoadTasks();
    for (const auto& [task, by_source] : stored) {
      for (const auto& [source, worker] : by_source) placement_.SetLoadTask(task, source, worker);
    }
  });
  Follow([this] { PlaceAll(); });
  return revision;
}

void Scheduler::PlaceAgain() {
  {
    std::lock_guard lock(again_mutex_);
    place_again_ = true;
  }
  again_wanted_.notify_all();
}

void Scheduler::PlaceAgainLoop(const StopToken& stop) {
  Milliseconds pause = kFirstRetryPause;
  while (true) {
    try {
      {
        std::unique_lock lock(again_mutex_);
        again_wanted_.wait(lock, stop, [this] { return place_again_; });
        place_again_ = false;
      }
      WaitFor(pause, stop);
      std::lock_guard change(change_mutex_);
      if (phase_ != Phase::kStarted) return;
      PlaceAll();
      pause = kFirstRetryPause;
    } catch (const Cancelled&) {
      return;
    } catch (const std::exception& e) {
      pause = Longer(pause);
      SchedulerLog().Warn("placing sources fails again",
                          {F("error", ErrorText(e)), F("next try ms", pause.count())});
      PlaceAgain();
    }
  }
}

// ---- events of workers (inside a change) ----

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
    // Crash points: a worker that was bound all the time is online again.
    Commit("bind-again", std::move(txn));
    return;
  }
  Update([&] { placement_.Online(worker); });
  ShowStage(worker);
  Follow([&] { PlaceWorker(worker); });
}

void Scheduler::WorkerOffline(const std::string& worker) {
  const WorkerPlace* place = placement_.FindWorker(worker);
  if (place == nullptr || place->stage == WorkerStage::kOffline) return;
  const std::string source = place->source;
  if (!source.empty()) {
    Txn txn;
    cluster::AddUnbind(txn, worker);
    // Crash points: a bound worker is offline.
    Commit("unbind", std::move(txn));
  }
  Update([&] {
    if (!source.empty()) placement_.Unbind(source);
    placement_.Offline(worker);
  });
  ShowStage(worker);
  SchedulerLog().Info("dm-worker is offline", {F("worker", worker), F("source", source)});
  if (!source.empty()) Follow([&] { PlaceSource(source); });
}

// ---- placing (inside a change) ----

void Scheduler::Follow(const std::function<void()>& place) {
  try {
    place();
  } catch (const Error& e) {
    SchedulerLog().Warn("placing sources failed, trying again soon", {F("error", e)});
    PlaceAgain();
  }
}

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

bool Scheduler::AddBindTo(Txn& txn, const std::string& source, bool enable_relay,
                          const std::string& worker) {
  // A worker that has a bind of which this process does not know must not get another.
  txn.compares.push_back(cluster::UnboundCompare(worker));
  cluster::AddBind(txn, source, worker);
  // A stage that is stored already (perhaps Paused) is respected.
  const bool relay = enable_relay && !relay_stages_.contains(source);
  if (relay) cluster::AddRelayStage(txn, source, Stage::kRunning);
  return relay;
}

void Scheduler::TakeOverBind(const std::string& source, const std::string& worker, bool relay) {
  if (relay) relay_stages_.insert(source);
  Update([&] { placement_.Bind(source, worker); });
  ShowStage(worker);
  SchedulerLog().Info("bind the source to worker", {F("source", source), F("worker", worker)});
}

void Scheduler::Bind(const std::string& source, const std::string& worker) {
  placement_.CheckBind(source, worker);
  Txn txn;
  const bool relay = AddBindTo(txn, source, sources_.at(source).enable_relay, worker);
  // Crash points: a source gets a worker.
  Commit("bind", std::move(txn));
  TakeOverBind(source, worker, relay);
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
  // Crash points: sources leave their workers for others.
  Commit("transfer", std::move(txn));
  Update([&] {
    if (!move.from_worker.empty()) placement_.Unbind(move.source);
    if (!move.displaced_source.empty()) placement_.Unbind(move.displaced_source);
  });
  ShowStage(move.worker);
  if (!move.from_worker.empty()) ShowStage(move.from_worker);
  Bind(move.source, move.worker);
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

// Every idle worker, then what is still unplaced, then what would be better elsewhere. One failure
// does not keep the others from their places.
void Scheduler::PlaceAll() {
  std::optional<Error> failure;
  const auto attempt = [&](auto place) {
    if (term_over_) return;
    try {
      place();
    } catch (const Error& e) {
      if (!failure) failure = e;
    }
  };
  for (const std::string& worker : KeysOf(placement_.workers())) {
    attempt([&] { PlaceWorker(worker); });
  }
  for (const std::string& source : placement_.Unbound()) {
    attempt([&] { PlaceSource(source); });
  }
  for (const auto& [source, worker] : std::map(placement_.bounds())) {
    attempt([&] {
      if (const auto move = placement_.Rearrange(worker, source)) Perform(*move);
    });
  }
  if (failure) throw *failure;
}

}  // namespace dm::master
