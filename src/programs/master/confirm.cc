#include "programs/master/confirm.h"

#include <algorithm>

#include "base/error/error.h"
#include "base/log/log.h"
#include "cluster/rpc/convert.h"
#include "dmworker.pb.h"
#include "programs/master/scheduler.h"

namespace dm::master {
namespace {

// Between two questions: it doubles from the first to the last.
constexpr Milliseconds kFirstPause{25};
constexpr Milliseconds kLastPause{1'000};
constexpr Milliseconds kPausesInAll{9'000};
// The worker hears of a change within milliseconds; for so long a failure that it reports may still
// be the one from before.
constexpr Milliseconds kSettling{2'000};
// For so long a task has to run before it counts as running: what ends it at once is told in the
// answer to the command.
constexpr Milliseconds kFirstSteps{250};
constexpr Milliseconds kTotalLimit{40'000};
constexpr Milliseconds kCallLimit{30'000};
constexpr Milliseconds kGonePoll{50};

using Kind = Expectation::Kind;

std::string ErrorsText(const pb::ProcessResult& result) {
  if (result.errors().empty()) return "";
  return MakeError(ErrorCode::kMasterOperRespNotSuccess, cluster::JoinedErrorText(result))
      .ToString();
}

std::optional<Verdict> JudgeSource(const Expectation& expected,
                                   const pb::QueryStatusResponse& status) {
  if (!status.has_sourcestatus()) return std::nullopt;
  const bool serves = status.sourcestatus().source() == expected.source;
  if (serves != (expected.kind == Kind::kSourceBound)) return std::nullopt;
  return Verdict{true, ErrorsText(status.sourcestatus().result())};
}

std::optional<Verdict> JudgeTask(const Expectation& expected, const pb::QueryStatusResponse& status,
                                 bool settled) {
  if (expected.kind == Kind::kTaskGone && status.subtaskstatus_size() == 0) {
    return Verdict{true, ""};
  }
  if (status.subtaskstatus_size() != 1) return std::nullopt;
  const pb::SubTaskStatus& subtask = status.subtaskstatus(0);
  if (expected.kind == Kind::kTaskGone) {
    const std::string none = fmt::format("no sub task with name {} has started", expected.task);
    if (subtask.status_case() == pb::SubTaskStatus::kMsg && subtask.msg() == none) {
      return Verdict{true, ""};
    }
    return std::nullopt;
  }
  switch (subtask.stage()) {
    case pb::New:
    case pb::Pausing:
    case pb::Resuming:
    case pb::Stopping:
      return std::nullopt;  // on its way
    default:
      break;
  }
  const std::string errors = ErrorsText(subtask.result());
  const bool stage_fits = expected.kind == Kind::kTaskRunning
                              ? subtask.stage() == pb::Running || subtask.stage() == pb::Finished
                              : subtask.stage() == pb::Paused;
  const bool ok = subtask.name() == expected.task && stage_fits;
  if (!ok && (errors.empty() || !settled)) return std::nullopt;
  return Verdict{ok, errors};
}

bool IsRunning(const pb::QueryStatusResponse& status) {
  return status.subtaskstatus_size() == 1 && status.subtaskstatus(0).stage() == pb::Running;
}

// Ends early when the caller has left.
void Pause(Milliseconds pause, const std::function<bool()>& gone) {
  const auto end = SteadyClock::now() + pause;
  while (!gone()) {
    const auto left = std::chrono::ceil<Milliseconds>(end - SteadyClock::now());
    if (left <= Milliseconds(0)) return;
    WaitFor(std::min(left, kGonePoll), StopToken());
  }
}

std::string_view NotDone(Kind kind) {
  switch (kind) {
    case Kind::kSourceBound:
      return "begun to handle the source";
    case Kind::kSourceGone:
      return "let the source go";
    case Kind::kTaskRunning:
      return "started";
    case Kind::kTaskPaused:
      return "paused";
    case Kind::kTaskGone:
      return "stopped";
  }
  return "";
}

}  // namespace

std::string WhatIsMissing(const std::string& worker, const Expectation& expected,
                          const pb::QueryStatusResponse& last) {
  std::string text = fmt::format("worker {} has not {}", worker, NotDone(expected.kind));
  if (!expected.task.empty()) text += fmt::format(" task {}", expected.task);
  text += " yet";
  if (last.subtaskstatus_size() == 1 && !expected.task.empty()) {
    const pb::SubTaskStatus& subtask = last.subtaskstatus(0);
    text += fmt::format(" (stage {})", pb::Stage_Name(subtask.stage()));
    if (subtask.sync().blockingddls_size() > 0) {
      text += ": the downstream has not ended the statement";
      for (const std::string& ddl : subtask.sync().blockingddls()) text += " " + ddl;
    }
  }
  return text + "; the change stays ordered and need not be repeated";
}

std::optional<Verdict> Judge(const Expectation& expected, const pb::QueryStatusResponse& status,
                             bool settled) {
  return expected.task.empty() ? JudgeSource(expected, status)
                               : JudgeTask(expected, status, settled);
}

void Confirm(Scheduler& scheduler, const std::string& worker, const Expectation& expected,
             const std::function<bool()>& gone, pb::CommonWorkerResponse* out) {
  out->set_source(expected.source);
  try {
    const std::shared_ptr<WorkerClient> client = scheduler.ClientOf(worker);
    if (!client) {
      if (expected.kind == Kind::kSourceGone && !worker.empty()) {
        out->set_result(true);
        out->set_worker(worker);
        return;
      }
      out->set_result(false);
      out->set_msg(expected.source + " relevant worker-client not found");
      return;
    }
    out->set_worker(worker);
    const auto begin = SteadyClock::now();
    const auto end = begin + kTotalLimit;
    pb::QueryStatusResponse last;
    std::string failure;  // of the last question
    std::optional<SteadyClock::time_point> runs_since;
    Milliseconds waited{0}, pause{0}, next_pause = kFirstPause;
    while (waited <= kPausesInAll && SteadyClock::now() < end) {
      Pause(pause, gone);
      waited += pause;
      pause = next_pause;
      next_pause = std::min(2 * next_pause, kLastPause);
      if (gone()) break;
      if (expected.kind == Kind::kSourceGone) {
        const auto stage = scheduler.StageOf(worker);
        if (!stage || *stage == WorkerStage::kOffline) {
          out->set_result(true);
          return;
        }
      }
      pb::QueryStatusResponse status;
      try {
        const auto left = std::chrono::ceil<Milliseconds>(end - SteadyClock::now());
        client->QueryStatus(expected.task, std::min(left, kCallLimit), gone, &status);
        last = status;
        scheduler.NoteErrors(expected.source, status);
        failure.clear();
      } catch (const Error& e) {
        failure = e.ToString();
        Log().Warn("fail to query the status of an operation",
                   {F("worker", worker), F("source", expected.source), F("error", e)});
        continue;
      }
      const auto now = SteadyClock::now();
      const std::optional<Verdict> verdict = Judge(expected, status, now - begin >= kSettling);
      if (!verdict || !IsRunning(status)) runs_since.reset();
      if (!verdict) continue;
      if (expected.kind == Kind::kTaskRunning && IsRunning(status)) {
        if (!runs_since) runs_since = now;
        const auto left = std::chrono::ceil<Milliseconds>(*runs_since + kFirstSteps - now);
        if (left > Milliseconds(0) && waited + left <= kPausesInAll) {
          pause = left;
          continue;
        }
      }
      out->set_result(verdict->ok);
      out->set_msg(verdict->message);
      if (!status.sourcestatus().worker().empty()) {
        out->set_worker(status.sourcestatus().worker());
      }
      return;
    }
    throw MakeError(ErrorCode::kMasterFailToGetExpectResult)
        .SetRawCause(failure.empty() ? WhatIsMissing(worker, expected, last) : failure);
  } catch (const Error& e) {
    out->set_result(false);
    out->set_msg(e.ToString());
  }
}

}  // namespace dm::master
