#include "programs/worker/source_worker.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error/error.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "cluster/record/events.h"
#include "migration/config/connect_options.h"
#include "migration/config/key_table.h"
#include "migration/dump/dump_unit.h"
#include "migration/dumpfile/channel.h"
#include "migration/load/load_unit.h"
#include "migration/sync/sync_unit.h"
#include "programs/worker/source_worker_entry.h"

namespace dm::worker {
namespace {

using migration::Subtask;
using migration::SubtaskConfig;

constexpr Milliseconds kResyncPause{500};
constexpr std::chrono::seconds kWatchCheck{30};
constexpr std::chrono::seconds kReportInterval{30};
// How long what is in flight may take at the end.
constexpr Milliseconds kCloseLimit{15'000};

std::vector<std::unique_ptr<migration::Unit>> MakeUnits(const SubtaskConfig& config,
                                                        const migration::UnitContext& context) {
  std::vector<std::unique_ptr<migration::Unit>> units;
  const auto channel = std::make_shared<migration::DumpFileChannel>();
  switch (config.mode) {
    case migration::TaskMode::kFull:
      units.push_back(migration::MakeDumpUnit(config, context, channel));
      units.push_back(migration::MakeLoadUnit(config, context, channel));
      return units;
    case migration::TaskMode::kAll:
      units.push_back(migration::MakeDumpUnit(config, context, channel));
      units.push_back(migration::MakeLoadUnit(config, context, channel));
      units.push_back(migration::MakeSyncUnit(config, context));
      return units;
    case migration::TaskMode::kIncremental:
      units.push_back(migration::MakeSyncUnit(config, context));
      return units;
    case migration::TaskMode::kDump:
      units.push_back(migration::MakeDumpUnit(config, context, channel));
      return units;
    case migration::TaskMode::kLoad:
      units.push_back(migration::MakeLoadUnit(config, context, channel));
      return units;
    case migration::TaskMode::kLoadAndSync:
      units.push_back(migration::MakeLoadUnit(config, context, channel));
      units.push_back(migration::MakeSyncUnit(config, context));
      return units;
  }
  throw Error(ErrorCode::kConfigNotSupported, "unknown task-mode");
}

bool IsPausedByError(const migration::SubtaskStatus& status) {
  return status.stage == migration::Stage::kPaused && status.result && !status.result->is_canceled;
}

}  // namespace

SourceWorker::SourceWorker(migration::SourceConfig source, int64_t create_revision,
                           const WorkerEnvironment& environment)
    : source_id_(source.source_id),
      create_revision_(create_revision),
      environment_(environment),
      source_(std::move(source)) {
  upstream_ = std::make_unique<UpstreamStatus>(
      migration::ToConnectOptions(source_.from, ErrorScope::kUpstream));
}

SourceWorker::~SourceWorker() { Stop(); }

void SourceWorker::Start() {
  const StopToken stop = ending_.get_token();
  observer_ = std::jthread([this, stop] { Observe(stop); });
  reporter_ = std::jthread([this, stop] { ReportLoop(stop); });
  if (source_.checker.check_enable) {
    checker_ = std::jthread([this, stop] { AutoResumeLoop(stop); });
  }
}

void SourceWorker::Stop() {
  ending_.request_stop();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  if (observer_.joinable()) observer_.join();
  if (checker_.joinable()) checker_.join();
  if (reporter_.joinable()) reporter_.join();
  std::vector<std::jthread> closing;
  for (const auto& entry : All()) {
    closing.emplace_back([entry] { entry->subtask->Close(); });
  }
  const auto until = SteadyClock::now() + kCloseLimit;
  for (const auto& entry : All()) {
    const auto left = std::chrono::duration_cast<Milliseconds>(until - SteadyClock::now());
    if (entry->subtask->WaitStopped(std::max(left, Milliseconds(0)))) continue;
    Log().Warn("a subtask has not ended in time, what it waits for is cut",
               {F("task", entry->subtask->name()), F("limit", kCloseLimit.count()),
                F("waits for", migration::WaitsFor(entry->subtask->Status()))});
    entry->subtask->RequestKill();
  }
  closing.clear();
  // A command that waited for a subtask has ended with it.
  queues_.clear();
  std::lock_guard lock(mutex_);
  subtasks_.clear();
}

void SourceWorker::RequestKill() noexcept {
  killed_ = true;
  ending_.request_stop();
  for (const auto& entry : All()) entry->subtask->RequestKill();
}

bool SourceWorker::WaitKilled(Milliseconds limit) {
  const auto until = SteadyClock::now() + limit;
  for (const auto& entry : All()) {
    const auto left = std::chrono::duration_cast<Milliseconds>(until - SteadyClock::now());
    if (!entry->subtask->WaitStopped(std::max(left, Milliseconds(0)))) return false;
  }
  return true;
}

bool SourceWorker::Serves(const cluster::BoundSource& bound) const {
  return bound.bound.source == source_id_ && bound.config.create_revision == create_revision_;
}

std::vector<migration::SubtaskStatus> SourceWorker::Statuses(const std::string& name) const {
  std::vector<migration::SubtaskStatus> statuses;
  for (const auto& entry : All()) {
    if (name.empty() || entry->subtask->name() == name) {
      statuses.push_back(entry->subtask->Status());
    }
  }
  return statuses;
}

bool SourceWorker::HasSubtasks() const {
  std::lock_guard lock(mutex_);
  return !subtasks_.empty();
}

void SourceWorker::RefreshMetrics() {
  constexpr const char* kState = "dm_worker_task_state";
  Metrics().Remove(kState, {});
  for (const auto& entry : All()) {
    const migration::Stage stage = entry->subtask->stage();
    if (stage != migration::Stage::kStopped && stage != migration::Stage::kFinished) {
      Metrics()
          .GetGauge(kState,
                    "state of task, 0 - invalidStage, 1 - New, 2 - Running, 3 - Paused, 4 - "
                    "Stopped, 5 - Finished",
                    {{"task", entry->subtask->name()},
                     {"source_id", source_id_},
                     {"worker", environment_.worker_name}})
          .Set(static_cast<double>(stage));
    }
    entry->subtask->RefreshMetrics();
  }
}

void SourceWorker::LogProgress(const std::string& name) {
  for (const auto& entry : All()) {
    if (name.empty() || entry->subtask->name() == name) entry->subtask->LogProgress();
  }
}

void SourceWorker::ReportLoop(const StopToken& stop) {
  try {
    while (true) {
      WaitFor(kReportInterval, stop);
      LogProgress("");
    }
  } catch (const Cancelled&) {
    // The worker ends.
  }
}

void SourceWorker::CountFailure(const char* operation) const {
  Metrics()
      .GetCounter("dm_worker_operate_error", "operations that failed",
                  {{"worker", environment_.worker_name}, {"type", operation}})
      .Add();
}

void SourceWorker::Observe(const StopToken& stop) {
  while (true) {
    StopToken resync;
    {
      std::lock_guard lock(mutex_);
      resync_ = StopSource();
      resync = resync_.get_token();
    }
    try {
      const int64_t revision = Reconcile(stop);
      auto watch = cluster::WatchSubtaskStages(*environment_.etcd, source_id_, revision + 1);
      const LinkedStop over(stop, resync);
      while (true) {
        for (const auto& event : watch.Next(over.token(), kWatchCheck)) {
          if (event.error) {
            Log().Error("cannot read a subtask stage", {F("error", *event.error)});
            continue;
          }
          Post(event.record.task, [this, event](const StopToken& ending) {
            Handle(event.record, event.removed, event.revision, ending);
          });
        }
        ReapQueues();
      }
    } catch (const Cancelled&) {
      if (stop.stop_requested()) return;
    } catch (const std::exception& e) {
      Log().Warn("observing subtask stages is interrupted, taking a new snapshot",
                 {F("source", source_id_), F("error", e)});
    }
    try {
      WaitFor(kResyncPause, stop);
    } catch (const Cancelled&) {
      return;
    }
  }
}

int64_t SourceWorker::Reconcile(const StopToken& stop) {
  const auto snapshot = cluster::ReadSubtasks(*environment_.etcd, source_id_, stop);
  for (const auto& record : snapshot.unusable) {
    Log().Error("a stored record of a subtask is unusable",
                {F("source", source_id_), F("key", record.key), F("error", record.error)});
  }
  const bool complete = snapshot.unusable.empty();
  // With those whose creation still waits in a queue.
  std::set<std::string> known;
  for (const auto& entry : All()) known.insert(entry->subtask->name());
  for (const auto& [task, queue] : queues_) known.insert(task);
  for (const std::string& task : known) {
    const auto it = snapshot.value.find(task);
    // A stage that is there but cannot be read is no reason to end what runs.
    if (it == snapshot.value.end() || !it->second.config || (!it->second.stage && complete)) {
      Post(task, [this, task](const StopToken&) { Remove(task); });
    }
  }
  for (const auto& [task, record] : snapshot.value) {
    if (!record.config || !record.stage) continue;
    Post(task, [this, task = task, record = record](const StopToken& ending) {
      ApplyStage(task, record.stage->expect, record.config, ending);
    });
  }
  return snapshot.revision;
}

void SourceWorker::Post(const std::string& task, std::function<void(const StopToken&)> command) {
  auto it = queues_.find(task);
  // Made first: there may be no thread for it.
  if (it == queues_.end()) it = queues_.emplace(task, std::make_unique<CommandQueue>()).first;
  it->second->Post([this, task, command = std::move(command)] { Carry(task, command); });
}

void SourceWorker::ReapQueues() {
  std::erase_if(queues_, [this](const auto& item) {
    return item.second->Idle() && Find(item.first) == nullptr;
  });
}

void SourceWorker::Carry(const std::string& task,
                         const std::function<void(const StopToken&)>& command) {
  const StopToken stop = ending_.get_token();
  if (stop.stop_requested()) return;
  try {
    command(stop);
  } catch (const Cancelled&) {
    // The worker ends.
  } catch (const std::exception& e) {
    Log().Warn("a command is interrupted, taking a new snapshot",
               {F("source", source_id_), F("task", task), F("error", e)});
    StopSource resync;
    {
      std::lock_guard lock(mutex_);
      resync = resync_;
    }
    resync.request_stop();
  }
}

void SourceWorker::Handle(const cluster::SubtaskStage& stage, bool removed, int64_t revision,
                          const StopToken& stop) {
  try {
    if (removed) {
      Remove(stage.task);
      return;
    }
    std::optional<cluster::StoredConfig> config;
    if (!Find(stage.task)) {
      // As it is now: of a start that is over already nothing is begun.
      config = cluster::ReadSubtaskConfig(*environment_.etcd, source_id_, stage.task, stop);
      if (!config || config->create_revision > revision) return;
    } else if (stage.expect == cluster::Stage::kRunning) {
      config = cluster::ReadSubtaskConfig(*environment_.etcd, source_id_, stage.task, stop);
      // The task was stopped since, and perhaps started anew: the events of that follow.
      if (!config || config->create_revision > revision) return;
    }
    ApplyStage(stage.task, stage.expect, config, stop);
  } catch (const Cancelled&) {
    throw;
  } catch (const Error& e) {
    if (cluster::IsEtcdFailure(e)) throw;
    CountFailure(removed ? "Delete" : "BeforeAnyOp");
    Log().Error(
        "fail to operate subtask stage",
        {F("task", stage.task), F("stage", cluster::ToString(stage.expect)), F("error", e)});
  }
}

void SourceWorker::ApplyStage(const std::string& task, cluster::Stage expect,
                              const std::optional<cluster::StoredConfig>& config,
                              const StopToken& stop) {
  std::shared_ptr<Entry> entry = Find(task);
  if (entry && config && config->create_revision != entry->start) {
    Log().Info("the task was stopped and started anew, what runs of the former start ends",
               {F("task", task)});
    // What it would save at its end is not the new start's, whose metadata may have been made anew.
    entry->subtask->Kill();
    Remove(task);
    entry = nullptr;
  }
  try {
    if (!entry) {
      if (RefreshSource(stop)) Create(task, config.value(), expect);
      return;
    }
    const migration::Stage now = entry->subtask->stage();
    if (expect == cluster::Stage::kRunning) {
      const bool begins_paused =
          now == migration::Stage::kNew && entry->subtask->wanted() != migration::Stage::kRunning;
      const bool runs = now == migration::Stage::kRunning;
      if (runs) {
        // Paused, changed and resumed while nobody told this worker: it takes the change over.
        std::lock_guard lock(mutex_);
        if (!config || config->toml == entry->config_text) return;
      } else if (now != migration::Stage::kPaused && now != migration::Stage::kStopped &&
                 !begins_paused) {
        return;
      }
      if (!RefreshSource(stop)) return;
      const std::optional<Change> change = config ? ChangeOf(*entry, *config) : std::nullopt;
      if (runs) {
        if (!change) return;
        entry->subtask->Pause();
      }
      // What was dumped may be of other settings: it belongs to no start.
      entry->subtask->Resume(change ? MakeFactory(*entry, change->config.toml, change->source, 0)
                                    : nullptr);
      if (change) {
        std::lock_guard lock(mutex_);
        entry->config_text = change->config.toml;
        entry->source = change->source;
      }
    } else if (now == migration::Stage::kRunning || now == migration::Stage::kNew ||
               now == migration::Stage::kResuming || IsPausedByError(entry->subtask->Status())) {
      entry->subtask->Pause();
    }
  } catch (const Error& e) {
    if (cluster::IsEtcdFailure(e)) throw;
    CountFailure(!entry ? "BeforeAnyOp" : expect == cluster::Stage::kRunning ? "Resume" : "Pause");
    Log().Error("fail to operate subtask",
                {F("task", task), F("stage", cluster::ToString(expect)), F("error", e)});
  }
}

bool SourceWorker::RefreshSource(const StopToken& stop) {
  const auto stored = cluster::ReadSourceConfig(*environment_.etcd, source_id_, stop);
  if (!stored || stored->create_revision != create_revision_) {
    Log().Warn("this source was removed, or made anew: nothing is begun before the bind says so",
               {F("source", source_id_)});
    return false;
  }
  migration::SourceConfig source = migration::ParseSourceToml(stored->toml);
  migration::AdjustSource(source, environment_.cipher);
  std::lock_guard lock(mutex_);
  source_ = std::move(source);
  return true;
}

std::optional<SourceWorker::Change> SourceWorker::ChangeOf(
    const Entry& entry, const cluster::StoredConfig& config) const {
  migration::SourceConfig source;
  {
    std::lock_guard lock(mutex_);
    if (config.toml == entry.config_text && source_ == entry.source) return std::nullopt;
    source = source_;
  }
  try {
    // What never came to run may begin with anything.
    if (entry.subtask->Status().unit != migration::UnitType::kInvalid) {
      CheckUpdate(entry, config.toml, source);
    }
  } catch (const Error& e) {
    Log().Warn("the changed configuration cannot be taken over, the task goes on with the old one",
               {F("task", entry.subtask->name()), F("error", e)});
    return std::nullopt;
  }
  Log().Info("the changed configuration is taken over", {F("task", entry.subtask->name())});
  return Change{config, std::move(source)};
}

void SourceWorker::CheckUpdate(const std::string& text) {
  const std::string task = migration::ParseSubtaskToml(text).name;
  const std::shared_ptr<Entry> entry = Find(task);
  if (!entry) throw MakeError(ErrorCode::kWorkerSubTaskNotFound, task);
  // What has not heard of the pause yet would not hear of the change either.
  const migration::Stage stage = entry->subtask->stage();
  if (stage != migration::Stage::kPaused && stage != migration::Stage::kStopped &&
      (stage != migration::Stage::kNew || entry->subtask->wanted() == migration::Stage::kRunning)) {
    throw Error(ErrorCode::kWorkerUpdateSubTaskConfig,
                fmt::format("cannot update subtask {}: its stage is {}, it has not paused yet",
                            task, migration::ToString(stage)))
        .SetWorkaround(
            "Please wait until query-status shows it as Paused, and repeat the command.");
  }
  migration::SourceConfig source;
  {
    std::lock_guard lock(mutex_);
    source = source_;
  }
  CheckUpdate(*entry, text, source);
}

void SourceWorker::CheckUpdate(const Entry& entry, const std::string& text,
                               const migration::SourceConfig& source) const {
  const migration::UnitType unit = entry.subtask->Status().unit;
  if (unit != migration::UnitType::kSync) {
    throw Error(ErrorCode::kWorkerUpdateSubTaskConfig,
                fmt::format("cannot update subtask {}: its unit is {}, only the sync unit can take "
                            "over a changed configuration",
                            entry.subtask->name(), migration::ToString(unit)));
  }
  SubtaskConfig before;
  {
    std::lock_guard lock(mutex_);
    before = Adjusted(entry.config_text, entry.source);
  }
  migration::CheckSubtaskUpdate(before, Adjusted(text, source));
}

SubtaskConfig SourceWorker::Adjusted(const std::string& text,
                                     migration::SourceConfig source) const {
  SubtaskConfig config = migration::ParseSubtaskToml(text);
  if (!environment_.relay_dir.empty()) source.relay_dir = environment_.relay_dir;
  migration::MergeSource(config, source, false);
  migration::AdjustSubtask(config, environment_.cipher);
  migration::RefuseUnsupported(config);
  return config;
}

void SourceWorker::Create(const std::string& task, const cluster::StoredConfig& config,
                          cluster::Stage expect) {
  auto entry = std::make_shared<Entry>(environment_, task, source_id_, config.create_revision);
  entry->context = {environment_.worker_name, environment_.fence, &entry->cli_args,
                    &entry->load_task,        upstream_.get(),    /*start_revision=*/0};
  std::lock_guard lock(mutex_);
  entry->config_text = config.toml;
  entry->source = source_;
  entry->subtask = std::make_unique<Subtask>(
      task, MakeFactory(*entry, config.toml, source_, config.create_revision));
  if (killed_ || stopping_) return;
  subtasks_.emplace(task, entry);
  entry->subtask->Start(expect);
  Log().Info("subtask created", {F("task", task), F("stage", cluster::ToString(expect))});
}

migration::Subtask::UnitFactory SourceWorker::MakeFactory(const Entry& entry,
                                                          const std::string& config,
                                                          migration::SourceConfig source,
                                                          int64_t start_revision) const {
  migration::UnitContext context = entry.context;
  context.start_revision = start_revision;
  return [this, context, text = config, source = std::move(source)] {
    return MakeUnits(Adjusted(text, source), context);
  };
}

void SourceWorker::Remove(const std::string& task) {
  std::shared_ptr<Entry> entry = Find(task);
  if (!entry) return;
  entry->subtask->Close();
  std::lock_guard lock(mutex_);
  subtasks_.erase(task);
  Log().Info("subtask removed", {F("task", task)});
}

std::shared_ptr<SourceWorker::Entry> SourceWorker::Find(const std::string& task) const {
  std::lock_guard lock(mutex_);
  const auto it = subtasks_.find(task);
  return it == subtasks_.end() ? nullptr : it->second;
}

std::vector<std::shared_ptr<SourceWorker::Entry>> SourceWorker::All() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Entry>> all;
  for (const auto& [task, entry] : subtasks_) all.push_back(entry);
  return all;
}

void SourceWorker::AutoResumeLoop(const StopToken& stop) {
  using Decision = migration::AutoResume::Decision;
  migration::CheckerConfig config;
  {
    std::lock_guard lock(mutex_);
    config = source_.checker;
  }
  const auto ms = [](auto d) { return std::chrono::duration_cast<Milliseconds>(d); };
  migration::AutoResume judge(
      {ms(config.backoff_min), ms(config.backoff_max), ms(config.backoff_rollback)});
  while (true) {
    try {
      WaitFor(ms(config.check_interval), stop);
    } catch (const Cancelled&) {
      return;
    }
    for (const auto& entry : All()) {
      const std::string& task = entry->subtask->name();
      const auto now = migration::AutoResume::Clock::now();
      switch (judge.Check(entry->subtask->Status(), now)) {
        case Decision::kDispatch:
          Log().Info("dispatch auto resume task", {F("task", task)});
          try {
            if (entry->subtask->ResumeFromError()) judge.Dispatched(task, now);
          } catch (const Error& e) {
            CountFailure("AutoResume");
            Log().Error("dispatch auto resume task failed", {F("task", task), F("error", e)});
          }
          break;
        case Decision::kNoSense:
          Log().Warn("task can't auto resume", {F("task", task)});
          break;
        case Decision::kSkip:
          Log().Warn("backoff skip auto resume task", {F("task", task)});
          break;
        case Decision::kIgnore:
          break;
      }
    }
    judge.Keep([this](const std::string& task) { return Find(task) != nullptr; });
  }
}

}  // namespace dm::worker
