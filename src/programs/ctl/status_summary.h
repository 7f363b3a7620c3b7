// The short form of query-status: one entry a task.
#pragma once

#include <string>
#include <vector>

namespace pb {
class QueryStatusListResponse;
}

namespace dm::ctl {

struct TaskSummary {
  std::string name;
  std::string status;                // a stage name, or "Error - ..." with the way to learn more
  std::vector<std::string> sources;  // in the order of the answer
};

// True if the summary may stand for the answer: its result and that of every entry is true.
bool HasSummary(const pb::QueryStatusListResponse& response);

// The tasks of the answer, sorted by name. A status is aggregated over the sources: an error
// anywhere wins, then any pause, then equal stages keep their name and mixed ones are "Running".
std::vector<TaskSummary> Summarize(const pb::QueryStatusListResponse& response);

// The JSON form with the top-level members of the answer. No newline at the end.
std::string PrintSummary(const pb::QueryStatusListResponse& response);

}  // namespace dm::ctl
