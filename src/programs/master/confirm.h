// After an operation was written to etcd: asking the worker until it has done it.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace pb {
class CommonWorkerResponse;
class QueryStatusResponse;
}  // namespace pb

namespace dm::master {

class Scheduler;

struct Expectation {
  enum class Kind { kSourceBound, kSourceGone, kTaskRunning, kTaskPaused, kTaskGone };
  Kind kind = Kind::kSourceBound;
  std::string source;
  std::string task;  // empty for sources
};

// What a worker's answer means; nullopt: not yet. A fulfilled expectation may carry the errors that
// the worker reported. `settled`: the worker has had time to hear of the change, so errors that
// keep a task from running are not those from before it.
struct Verdict {
  bool ok = false;
  std::string message;
};
std::optional<Verdict> Judge(const Expectation& expected, const pb::QueryStatusResponse& status,
                             bool settled);

// For users: what `worker` has not done by its last answer, and what it waits for.
std::string WhatIsMissing(const std::string& worker, const Expectation& expected,
                          const pb::QueryStatusResponse& last);

// Asks `worker` again and again, first after 25 ms, later once a second, with pauses of 9 s in all,
// for 40 s at most and until `gone` (the caller has left), and fills `out`. An empty `worker`, or
// one that is not registered: says that no worker was found.
void Confirm(Scheduler& scheduler, const std::string& worker, const Expectation& expected,
             const std::function<bool()>& gone, pb::CommonWorkerResponse* out);

}  // namespace dm::master
