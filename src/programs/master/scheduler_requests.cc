// What is asked of the scheduler: workers, sources, subtasks.
#include <algorithm>

#include "base/error/error.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "base/net/address.h"
#include "dmworker.pb.h"
#include "programs/master/scheduler.h"

namespace dm::master {
namespace {

using cluster::Stage;
using cluster::Txn;
using migration::SourceConfig;
using migration::SubtaskConfig;

// Long enough for any host name with a port; a name becomes a key and is printed in tables.
constexpr size_t kMaxWorkerNameBytes = 512;

std::string ListText(const std::vector<std::string>& names) { return "[" + Join(names, " ") + "]"; }

// Throws Error for what no worker can be called, before it is stored.
void CheckWorker(const std::string& name, const std::string& address) {
  const bool good_name = !name.empty() && name.size() <= kMaxWorkerNameBytes && IsValidUtf8(name) &&
                         name.find('\0') == std::string::npos;
  if (!good_name) {
    throw Error(ErrorCode::kHAInvalidItem,
                fmt::format("{} is no name for a dm-worker: 1 to {} bytes of UTF-8",
                            Quote(name.substr(0, kMaxWorkerNameBytes)), kMaxWorkerNameBytes))
        .SetWorkaround("Please check `name` of the dm-worker.");
  }
  try {
    const HostPort parts = SplitHostPort(address);
    if (!parts.host.empty() && parts.PortNumber() != 0 && IsValidUtf8(address) &&
        address.size() <= kMaxWorkerNameBytes) {
      return;
    }
  } catch (const std::invalid_argument&) {
    // As any other text that is no address.
  }
  throw Error(ErrorCode::kWorkerHostPortNotValid,
              fmt::format("{} of dm-worker {} is not host:port",
                          Quote(address.substr(0, kMaxWorkerNameBytes)), Quote(name)))
      .SetWorkaround("Please check `advertise-addr` of the dm-worker.");
}

}  // namespace

// ---- workers ----

void Scheduler::RegisterWorker(const std::string& name, const std::string& address) {
  CheckWorker(name, address);
  const auto change = BeginChange();
  if (const WorkerPlace* place = placement_.FindWorker(name)) {
    if (place->info.address == address) return;
    throw MakeError(ErrorCode::kSchedulerWorkerExist, name);
  }
  const cluster::WorkerInfo info{name, address};
  Txn txn;
  cluster::AddWorker(txn, info);
  // Crash points: a worker registers.
  Commit("worker", std::move(txn));
  Update([&] { AddHandle(info); });
  ShowStage(name);
  Log().Info("add the dm-worker", {F("worker", name), F("address", address)});
}

void Scheduler::RemoveWorker(const std::string& name) {
  const auto change = BeginChange();
  const WorkerPlace* place = placement_.FindWorker(name);
  if (place == nullptr) throw MakeError(ErrorCode::kSchedulerWorkerNotExist, name);
  if (place->stage != WorkerStage::kOffline) {
    throw MakeError(ErrorCode::kSchedulerWorkerOnline, name);
  }
  Txn txn;
  cluster::AddWorkerRemoval(txn, name);
  // Crash points: offline-member removes a worker.
  Commit("worker-removal", std::move(txn));
  Update([&] {
    placement_.RemoveWorker(name);
    clients_.erase(name);
  });
  Metrics().Remove("dm_master_worker_state", {{"worker", name}});
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
  const auto change = BeginChange();
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
  const bool relay = !worker.empty() && AddBindTo(txn, id, source.enable_relay, worker);
  // Crash points: operate-source create.
  Commit("source", std::move(txn));
  Update([&] {
    sources_.emplace(id, source);
    placement_.AddSource(id);
  });
  if (worker.empty()) {
    Follow([&] { PlaceSource(id); });
  } else {
    TakeOverBind(id, worker, relay);
  }
}

void Scheduler::CheckSourceRemoval(const std::string& source) const {
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

std::map<std::string, std::string> Scheduler::RemoveSources(
    const std::vector<std::string>& sources) {
  const auto change = BeginChange();
  for (const std::string& source : sources) CheckSourceRemoval(source);
  std::map<std::string, std::string> workers;
  for (const std::string& source : sources) workers.emplace(source, placement_.WorkerOf(source));
  std::vector<Piece> pieces;
  for (const auto& [source, worker] : workers) {
    Piece& piece = pieces.emplace_back();
    cluster::AddSourceRemoval(piece.txn, source, worker);
    piece.take_over = [this, &source = source] {
      relay_stages_.erase(source);
      Update([&] {
        sources_.erase(source);
        placement_.RemoveSource(source);
      });
    };
  }
  // Crash points: operate-source stop.
  CommitPieces("source-removal", std::move(pieces));
  for (const auto& [source, worker] : workers) {
    if (worker.empty()) continue;
    ShowStage(worker);
    Follow([&] { PlaceWorker(worker); });
  }
  return workers;
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
                                                Stage stage,
                                                const std::optional<cluster::CliArgs>& args) {
  if (subtasks.empty()) return {};
  const auto change = BeginChange();
  const std::string& task = subtasks.front().name;
  std::vector<std::string> names;
  std::vector<std::string> existing;
  std::vector<std::string> unbound;
  std::vector<Piece> pieces;
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
    // A source may have gone since its task was prepared: more workers would not help.
    if (!sources_.contains(source)) throw MakeError(ErrorCode::kSchedulerSourceCfgNotExist, source);
    if (placement_.WorkerOf(source).empty()) unbound.push_back(source);
    Piece& piece = pieces.emplace_back();
    cluster::AddSubtask(piece.txn, source, subtask.name, migration::SubtaskToToml(subtask), stage,
                        subtask.validator.mode != "none");
    // The arguments belong to this start: they come and go with its subtask.
    if (args) {
      cluster::AddCliArgs(piece.txn, subtask.name, source, *args);
    } else {
      cluster::AddCliArgsRemoval(piece.txn, subtask.name, source);
    }
    piece.take_over = [this, &task, &subtask, stage] {
      Update([&] {
        subtasks_[task].emplace(subtask.source_id, Subtask{subtask, stage});
        placement_.AddSubtask(task, subtask.source_id);
      });
    };
  }
  if (names.size() > 1) throw MakeError(ErrorCode::kSchedulerMultiTask, ListText(names));
  if (existing.size() == subtasks.size()) {
    throw MakeError(ErrorCode::kSchedulerSubTaskExist, task, ListText(existing));
  }
  if (!unbound.empty()) throw MakeError(ErrorCode::kSchedulerSourcesUnbound, ListText(unbound));
  // Crash points: start-task.
  CommitPieces("subtask", std::move(pieces));
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
  const auto change = BeginChange();
  const std::vector<std::string> checked = CheckSubtasks(task, sources);
  std::vector<Piece> pieces;
  for (const std::string& source : checked) {
    Piece& piece = pieces.emplace_back();
    cluster::AddSubtaskRemoval(piece.txn, source, task);
    cluster::AddCliArgsRemoval(piece.txn, task, source);
    piece.take_over = [this, &task, &source] {
      Update([&] {
        auto known = subtasks_.find(task);
        known->second.erase(source);
        if (known->second.empty()) subtasks_.erase(known);
        if (auto errors = last_errors_.find(source); errors != last_errors_.end()) {
          errors->second.erase(task);
        }
        placement_.RemoveSubtask(task, source);
      });
    };
  }
  // Crash points: stop-task.
  CommitPieces("subtask-removal", std::move(pieces));
}

void Scheduler::SetStage(Stage stage, const std::string& task,
                         const std::vector<std::string>& sources) {
  if (task.empty() || sources.empty()) return;
  if (stage != Stage::kRunning && stage != Stage::kPaused && stage != Stage::kStopped) {
    throw MakeError(ErrorCode::kSchedulerSubTaskStageInvalidUpdate, cluster::ToString(stage));
  }
  const Latches::Latch latch = AcquireLatch(task, "updating the stage of subtasks");
  const auto change = BeginChange();
  const std::vector<std::string> checked = CheckSubtasks(task, sources);
  std::vector<Piece> pieces;
  for (const std::string& source : checked) {
    Piece& piece = pieces.emplace_back();
    cluster::AddSubtaskStage(piece.txn, source, task, stage);
    piece.take_over = [this, &task, &source, stage] {
      Update([&] { subtasks_[task].at(source).expect = stage; });
    };
  }
  // Crash points: pause-task and resume-task.
  CommitPieces("stage", std::move(pieces));
}

void Scheduler::CheckUpdateInChange(const std::vector<SubtaskConfig>& subtasks) const {
  if (subtasks.empty()) return;
  std::vector<std::string> names;
  for (const SubtaskConfig& subtask : subtasks) {
    if (std::find(names.begin(), names.end(), subtask.name) == names.end()) {
      names.push_back(subtask.name);
    }
  }
  if (names.size() > 1) throw MakeError(ErrorCode::kSchedulerMultiTask, ListText(names));
  const std::string& task = names.front();
  const auto known = subtasks_.find(task);
  if (known == subtasks_.end()) throw MakeError(ErrorCode::kSchedulerTaskNotExist, task);
  std::vector<std::string> unknown;
  for (const SubtaskConfig& subtask : subtasks) {
    if (!known->second.contains(subtask.source_id)) unknown.push_back(subtask.source_id);
  }
  if (!unknown.empty()) {
    throw MakeError(ErrorCode::kSchedulerSubTaskNotExist, task, ListText(unknown));
  }
  for (const SubtaskConfig& subtask : subtasks) {
    if (known->second.at(subtask.source_id).expect == Stage::kRunning) {
      throw MakeError(ErrorCode::kSchedulerSubTaskCfgUpdate, task, subtask.source_id);
    }
  }
  for (const SubtaskConfig& subtask : subtasks) {
    if (placement_.WorkerOf(subtask.source_id).empty()) {
      throw Error(ErrorCode::kSchedulerSubTaskCfgUpdate,
                  fmt::format("subtask {} of source {} can not update because the source is bound "
                              "to no dm-worker",
                              task, subtask.source_id))
          .SetWorkaround("Please start a dm-worker, see `list-member --worker`.");
    }
  }
}

void Scheduler::CheckSubtaskUpdate(const std::vector<SubtaskConfig>& subtasks) const {
  std::lock_guard lock(mutex_);
  CheckStarted();
  CheckUpdateInChange(subtasks);
}

void Scheduler::UpdateSubtasks(const std::vector<SubtaskConfig>& subtasks) {
  const auto change = BeginChange();
  CheckUpdateInChange(subtasks);
  if (subtasks.empty()) return;
  Txn txn;
  for (const SubtaskConfig& subtask : subtasks) {
    cluster::AddSubtaskConfig(txn, subtask.source_id, subtask.name,
                              migration::SubtaskToToml(subtask));
  }
  RequireFits(txn);
  // Crash points: update-task.
  Commit("subtask-update", std::move(txn));
  Update([&] {
    for (const SubtaskConfig& subtask : subtasks) {
      subtasks_.at(subtask.name).at(subtask.source_id).config = subtask;
    }
  });
}

void Scheduler::RemoveTaskRecords(const std::string& task) {
  const auto change = BeginChange();
  Txn txn;
  cluster::AddLoadTaskRemoval(txn, task);
  cluster::AddCliArgsRemoval(txn, task);
  // Crash points: start-task --remove-meta has begun to forget the task.
  Commit("task-records-removal", std::move(txn));
  Update([&] { placement_.RemoveLoadTasks(task); });
}

void Scheduler::RearrangeForLoad(const std::vector<std::string>& sources) {
  const auto change = BeginChange();
  for (const std::string& source : sources) {
    const std::string worker = placement_.WorkerOf(source);
    if (worker.empty()) continue;
    Follow([&] {
      if (const auto move = placement_.Rearrange(worker, source)) Perform(*move);
    });
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

void Scheduler::NoteErrors(const std::string& source, const pb::QueryStatusResponse& answer) {
  std::lock_guard lock(mutex_);
  for (const pb::SubTaskStatus& status : answer.subtaskstatus()) {
    const auto known = subtasks_.find(status.name());
    if (known == subtasks_.end() || !known->second.contains(source)) continue;
    const pb::ProcessResult& result = status.result();
    if (status.stage() == pb::Paused && !result.iscanceled() && result.errors_size() > 0) {
      last_errors_[source][status.name()] = std::make_shared<const pb::ProcessResult>(result);
    } else if (status.stage() == pb::Paused || status.stage() == pb::Running ||
               status.stage() == pb::Finished) {
      last_errors_[source].erase(status.name());
    }
  }
}

std::map<std::string, std::shared_ptr<const pb::ProcessResult>> Scheduler::LastErrors(
    const std::string& source) const {
  std::lock_guard lock(mutex_);
  const auto known = last_errors_.find(source);
  if (known == last_errors_.end()) return {};
  return known->second;
}

}  // namespace dm::master
