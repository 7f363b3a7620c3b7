// What has to hold before a task is started. Reads only.
#pragma once

#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "migration/config/source.h"
#include "migration/config/subtask.h"

namespace dm::master {

struct CheckEntry {
  bool fails = false;  // else a warning
  std::string text;
};

// Outcome of one checking item.
struct CheckItem {
  enum class State { kSuccess, kWarn, kFail };
  int id = 0;
  std::string name;
  std::string description;
  State state = State::kSuccess;
  std::vector<CheckEntry> entries;
  std::string instruction;
  std::string extra;
};

struct CheckLimits {
  int64_t errors = 10;  // shown at most; negative: all
  int64_t warnings = 10;
};

// Text for the caller: empty if nothing was checked, "pre-check is passed. " if everything is well,
// the warnings, or throws Error 26005 (class dm-master) if an item failed.
std::string CheckText(const std::vector<CheckItem>& items, const CheckLimits& limits);

// Runs the items of this version on every subtask (its `from` and `to` as the source has them):
// version, rules that have no effect, and for modes with sync server id, binlog switched on, ROW,
// FULL; tables without identity: a warning, but a failure if the dump is not consistent
// (--consistency none), because such rows cannot be repeated. Items that the task ignores are left
// out. Throws Error of the connections, annotated "fail to initialize checker".
std::vector<CheckItem> RunChecks(const std::vector<migration::SubtaskConfig>& subtasks,
                                 const StopToken& stop);

// The value of one `log_bin`-like variable against what it has to be. Public for tests.
CheckItem JudgeVariable(const std::string& variable, const std::string& value,
                        const std::string& wanted);
// By VERSION(). Public for tests.
CheckItem JudgeVersion(const std::string& version);

}  // namespace dm::master
