// What has to hold before a task is started. Reads only: no database and no record is changed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "migration/config/subtask.h"
#include "migration/precheck/result.h"

namespace dm::migration {

// The file system that a dump goes to.
struct DumpSpace {
  uint64_t free_bytes = 0;
  std::string dir;  // as the worker names it
  std::string worker;
};

struct PrecheckOptions {
  // Of the command line; empty without. `meta` of the subtasks is then a placeholder.
  std::string start_time = {};
  // Nothing of an earlier run is used (--remove-meta).
  bool fresh = false;
  // Asks the worker of a source; nullopt: not known. Called from several threads; empty: nobody
  // dumps.
  std::function<std::optional<DumpSpace>(const std::string& source, const std::string& dir)>
      dump_space = {};
  Milliseconds limit = std::chrono::minutes(30);
};

// Checks all subtasks of a task (with `from`, flavor and filters of their sources merged in) and
// its target. Items that the task ignores are left out; an empty report if it ignores all, or has
// no subtasks: nothing is connected to then. Throws Error (class dm-master, annotated "fail to
// initialize checker") if a database cannot be reached or the tables cannot be listed and routed;
// Cancelled.
CheckReport RunPrecheck(const std::vector<SubtaskConfig>& subtasks, const PrecheckOptions& options,
                        const StopToken& stop);

}  // namespace dm::migration
