// Operations of users on the sync units of a source's subtasks.
#include "base/error/error.h"
#include "base/log/log.h"
#include "programs/worker/source_worker_entry.h"

namespace dm::worker {

namespace {

constexpr Milliseconds kPausePoll{10};
constexpr Milliseconds kPauseLimit{1000};
constexpr const char* kStaysPaused =
    "the task was paused by `pause-task` and stays so: `resume-task` makes it go on";

// The unit as far as it takes operations. `held` keeps it alive. Throws Error 40056.
migration::SyncOperations& OperationsOf(const std::shared_ptr<migration::Unit>& held) {
  auto* operations = dynamic_cast<migration::SyncOperations*>(held.get());
  if (operations == nullptr) {
    throw MakeError(ErrorCode::kWorkerOperSyncUnitOnly,
                    migration::ToString(held ? held->Type() : migration::UnitType::kInvalid));
  }
  return *operations;
}

}  // namespace

std::string SourceWorker::OperateOnStatement(const migration::StatementRequest& request,
                                             const StopToken& stop) {
  const std::shared_ptr<Entry> entry = Find(request.task);
  if (!entry) throw MakeError(ErrorCode::kWorkerSubTaskNotFound, request.task);
  migration::Subtask& subtask = *entry->subtask;
  const std::shared_ptr<migration::Unit> unit = subtask.CurrentUnit();
  std::string text = OperationsOf(unit).OperateOnStatement(request, stop);
  if (request.kind == migration::StatementRequestKind::kList) return text;
  if (request.position.empty()) {
    // The unit has stopped by an error: the subtask is about to pause, if it has not.
    const auto until = SteadyClock::now() + kPauseLimit;
    while (subtask.stage() == migration::Stage::kRunning && SteadyClock::now() < until) {
      WaitFor(kPausePoll, stop);
    }
  }
  if (subtask.stage() != migration::Stage::kPaused) return text;
  if (subtask.wanted() != migration::Stage::kRunning) {
    return text.empty() ? kStaysPaused : fmt::format("{}; {}", text, kStaysPaused);
  }
  try {
    subtask.Resume();
  } catch (const Error&) {
    // It may have been resumed by itself, or by somebody else, in between.
    const migration::Stage now = subtask.stage();
    if (now != migration::Stage::kRunning && now != migration::Stage::kResuming) throw;
  }
  return text;
}

std::string SourceWorker::OperateOnSchema(const std::string& task, const std::string& source,
                                          const migration::SchemaRequest& request,
                                          const StopToken& stop) {
  if (source != source_id_) throw MakeError(ErrorCode::kWorkerSourceNotMatch);
  const std::shared_ptr<Entry> entry = Find(task);
  if (!entry) throw MakeError(ErrorCode::kWorkerSubTaskNotFound, task);
  const migration::Stage stage = entry->subtask->stage();
  const bool at_any_time = request.kind == migration::SchemaRequestKind::kListTargets;
  if (stage != migration::Stage::kPaused && !(at_any_time && stage == migration::Stage::kRunning)) {
    throw MakeError(ErrorCode::kWorkerNotPausedStage, migration::ToString(stage));
  }
  const std::shared_ptr<migration::Unit> unit = entry->subtask->CurrentUnit();
  return OperationsOf(unit).OperateOnSchema(request, stop);
}

}  // namespace dm::worker
