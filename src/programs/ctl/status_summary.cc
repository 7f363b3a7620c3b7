#include "programs/ctl/status_summary.h"

#include <algorithm>
#include <map>

#include "dmmaster.pb.h"
#include "programs/ctl/plain_json.h"

namespace dm::ctl {

namespace {

constexpr std::string_view kErrorPrefix = "Error - ";

bool HasErrors(const pb::ProcessResult& result) { return result.errors_size() > 0; }

// The error that this subtask shows, empty if none.
std::string ErrorStatus(const pb::SubTaskStatus& subtask, const pb::SourceStatus& source) {
  if (subtask.stage() == pb::Paused && subtask.has_result() && HasErrors(subtask.result())) {
    return std::string(kErrorPrefix) + "Some error occurred in subtask";
  }
  if (subtask.unit() == pb::Sync && subtask.stage() == pb::Running && source.has_relaystatus()) {
    const pb::RelayStatus& relay = source.relaystatus();
    if (relay.stage() == pb::Paused || relay.stage() == pb::Stopped) {
      const bool failed = relay.has_result() && HasErrors(relay.result());
      return std::string(kErrorPrefix) + "Relay status is " +
             (failed ? "Error" : pb::Stage_Name(relay.stage()));
    }
  }
  return "";
}

// The status of a task after one more subtask; `status` is that of the subtasks before.
std::string Aggregate(const std::string& status, const pb::SubTaskStatus& subtask,
                      const pb::SourceStatus& source) {
  if (status.starts_with("Error")) return status;
  if (std::string error = ErrorStatus(subtask, source); !error.empty()) return error;
  if (status == "Paused") return status;
  const std::string stage = pb::Stage_Name(subtask.stage());
  if (status.empty() || subtask.stage() == pb::Paused) return stage;
  return status == stage ? status : "Running";
}

}  // namespace

bool HasSummary(const pb::QueryStatusListResponse& response) {
  return response.result() &&
         std::all_of(response.sources().begin(), response.sources().end(),
                     [](const pb::QueryStatusResponse& entry) { return entry.result(); });
}

std::vector<TaskSummary> Summarize(const pb::QueryStatusListResponse& response) {
  std::map<std::string, TaskSummary> tasks;
  for (const pb::QueryStatusResponse& entry : response.sources()) {
    for (const pb::SubTaskStatus& subtask : entry.subtaskstatus()) {
      TaskSummary& task = tasks[subtask.name()];
      task.name = subtask.name();
      task.status = Aggregate(task.status, subtask, entry.sourcestatus());
      task.sources.push_back(entry.sourcestatus().source());
    }
  }
  std::vector<TaskSummary> summaries;
  for (auto& [name, task] : tasks) {
    if (task.status.starts_with("Error")) {
      task.status += ". Please run `query-status " + name + "` to get more details.";
    }
    summaries.push_back(std::move(task));
  }
  return summaries;
}

std::string PrintSummary(const pb::QueryStatusListResponse& response) {
  PlainJson json;
  json.BeginObject();
  json.Member("result", response.result());
  json.Member("msg", response.msg());
  json.BeginList("tasks");
  for (const TaskSummary& task : Summarize(response)) {
    json.BeginObject();
    if (!task.name.empty()) json.Member("taskName", task.name);
    if (!task.status.empty()) json.Member("taskStatus", task.status);
    if (!task.sources.empty()) {
      json.BeginList("sources");
      for (const std::string& source : task.sources) json.Element(source);
      json.EndList();
    }
    json.EndObject();
  }
  json.EndList();
  json.EndObject();
  return json.text();
}

}  // namespace dm::ctl
