#include "programs/worker/source_worker.h"

#include <utility>

#include "base/error/error.h"
#include "base/log/log.h"
#include "cluster/record/events.h"
#include "migration/config/connect_options.h"
#include "migration/config/key_table.h"
#include "migration/dump/dump_unit.h"
#include "migration/dumpfile/channel.h"
#include "migration/load/load_unit.h"
#include "migration/sync/sync_unit.h"
#include "programs/worker/cluster_ports.h"

namespace dm::worker {
namespace {

using migration::Subtask;
using migration::SubtaskConfig;

constexpr Milliseconds kResyncPause{500};
constexpr std::chrono::seconds kWatchCheck{30};

migration::Stage ToStage(cluster::Stage stage) {
  return static_cast<migration::Stage>(static_cast<int>(stage));
}

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

}  // namespace

// One subtask with what its units are given. The subtask is the last member: it ends first.
struct SourceWorker::Entry {
  Entry(const WorkerEnvironment& environment, const std::string& task, const std::string& source)
      : cli_args(environment.etcd, {task, source, environment.worker_name}),
        load_task(environment.etcd, {task, source, environment.worker_name}) {}

  EtcdCliArgs cli_args;
  EtcdLoadTask load_task;
  migration::UnitContext context;
  std::string config_text;  // of the units at hand; the observer's
  std::unique_ptr<Subtask> subtask;
};

SourceWorker::SourceWorker(migration::SourceConfig source, const WorkerEnvironment& environment)
    : source_id_(source.source_id), environment_(environment), source_(std::move(source)) {
  upstream_ = std::make_unique<UpstreamStatus>(
      migration::ToConnectOptions(source_.from, ErrorScope::kUpstream));
}

SourceWorker::~SourceWorker() { Stop(); }

void SourceWorker::Start() {
  observer_ = std::jthread([this](const StopToken& stop) { Observe(stop); });
  if (source_.checker.check_enable) {
    checker_ = std::jthread([this](const StopToken& stop) { AutoResumeLoop(stop); });
  }
}

void SourceWorker::Stop() {
  observer_.request_stop();
  checker_.request_stop();
  // The observer may be waiting for a subtask that pauses or closes: that ends by itself.
  if (observer_.joinable()) observer_.join();
  if (checker_.joinable()) checker_.join();
  std::vector<std::jthread> closing;
  for (const auto& entry : All()) {
    closing.emplace_back([entry] { entry->subtask->Close(); });
  }
  closing.clear();
  std::lock_guard lock(mutex_);
  subtasks_.clear();
}

void SourceWorker::RequestKill() noexcept {
  killed_ = true;
  observer_.request_stop();
  checker_.request_stop();
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

void SourceWorker::Observe(const StopToken& stop) {
  while (true) {
    try {
      const int64_t revision = Reconcile(stop);
      auto watch = cluster::WatchSubtaskStages(*environment_.etcd, source_id_, revision + 1);
      while (true) {
        for (const auto& event : watch.Next(stop, kWatchCheck)) {
          if (event.error) {
            Log().Error("cannot read a subtask stage", {F("error", *event.error)});
            continue;
          }
          Handle(event.record, event.removed, event.revision, stop);
        }
      }
    } catch (const Cancelled&) {
      return;
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
  for (const auto& entry : All()) {
    const std::string& task = entry->subtask->name();
    const auto it = snapshot.value.find(task);
    // A stage that is there but cannot be read is no reason to end what runs.
    if (it == snapshot.value.end() || !it->second.config || (!it->second.stage && complete)) {
      Remove(task);
    }
  }
  for (const auto& [task, record] : snapshot.value) {
    if (record.config && record.stage) {
      ApplyStage(task, record.stage->expect, record.config, stop, !reconciled_);
    }
  }
  reconciled_ = true;
  return snapshot.revision;
}

void SourceWorker::Handle(const cluster::SubtaskStage& stage, bool removed, int64_t revision,
                          const StopToken& stop) {
  try {
    if (removed) {
      Remove(stage.task);
      return;
    }
    std::optional<std::string> config;
    if (!Find(stage.task)) {
      config =
          cluster::ReadSubtaskConfig(*environment_.etcd, source_id_, stage.task, stop, revision);
      if (!config) {
        throw Error(
            ErrorCode::kWorkerFailToGetSubtaskConfigFromEtcd,
            fmt::format("there is no relative subtask config for task {} in etcd", stage.task));
      }
    } else if (stage.expect == cluster::Stage::kRunning) {
      config = cluster::ReadSubtaskConfig(*environment_.etcd, source_id_, stage.task, stop);
    }
    ApplyStage(stage.task, stage.expect, config, stop);
  } catch (const Cancelled&) {
    throw;
  } catch (const Error& e) {
    if (cluster::IsResyncError(e)) throw;
    Log().Error(
        "fail to operate subtask stage",
        {F("task", stage.task), F("stage", cluster::ToString(stage.expect)), F("error", e)});
  }
}

void SourceWorker::ApplyStage(const std::string& task, cluster::Stage expect,
                              const std::optional<std::string>& config, const StopToken& stop,
                              bool restored) {
  const std::shared_ptr<Entry> entry = Find(task);
  if (!entry) {
    Create(task, config.value(), expect, restored);
    return;
  }
  const migration::Stage now = entry->subtask->stage();
  try {
    if (expect == cluster::Stage::kRunning) {
      if (now != migration::Stage::kPaused && now != migration::Stage::kStopped) return;
      const bool source_changed = RefreshSource(stop);
      const bool changed = config && (source_changed || *config != entry->config_text);
      if (changed) entry->context.restored = false;
      entry->subtask->Resume(changed ? MakeFactory(*entry, *config) : nullptr);
      if (changed) entry->config_text = *config;
    } else if (now == migration::Stage::kRunning || now == migration::Stage::kPaused ||
               now == migration::Stage::kNew || now == migration::Stage::kResuming) {
      entry->subtask->Pause();
    }
  } catch (const Error& e) {
    if (cluster::IsResyncError(e)) throw;
    Log().Error("fail to operate subtask",
                {F("task", task), F("stage", cluster::ToString(expect)), F("error", e)});
  }
}

bool SourceWorker::RefreshSource(const StopToken& stop) {
  const auto text = cluster::ReadSourceConfig(*environment_.etcd, source_id_, stop);
  if (!text) return false;
  migration::SourceConfig source = migration::ParseSourceToml(*text);
  migration::AdjustSource(source, environment_.cipher);
  std::lock_guard lock(mutex_);
  if (source == source_) return false;
  source_ = std::move(source);
  return true;
}

void SourceWorker::Create(const std::string& task, const std::string& config, cluster::Stage expect,
                          bool restored) {
  auto entry = std::make_shared<Entry>(environment_, task, source_id_);
  entry->context = {environment_.worker_name, environment_.fence, &entry->cli_args,
                    &entry->load_task,        upstream_.get(),    restored};
  entry->config_text = config;
  entry->subtask = std::make_unique<Subtask>(task, MakeFactory(*entry, config));
  std::lock_guard lock(mutex_);
  if (killed_) return;
  subtasks_.emplace(task, entry);
  entry->subtask->Start(ToStage(expect));
  Log().Info("subtask created", {F("task", task), F("stage", cluster::ToString(expect))});
}

migration::Subtask::UnitFactory SourceWorker::MakeFactory(Entry& entry, const std::string& text) {
  return [this, &entry, text] {
    SubtaskConfig config = migration::ParseSubtaskToml(text);
    migration::SourceConfig source;
    {
      std::lock_guard lock(mutex_);
      source = source_;
    }
    if (!environment_.relay_dir.empty()) source.relay_dir = environment_.relay_dir;
    migration::MergeSource(config, source, false);
    migration::AdjustSubtask(config, environment_.cipher);
    migration::RefuseUnsupported(config);
    return MakeUnits(config, entry.context);
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
