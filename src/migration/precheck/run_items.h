// Runs the items of a check, all at once, until the time limit.
#pragma once

#include <functional>
#include <vector>

#include "base/thread/stop.h"
#include "migration/precheck/result.h"

namespace dm::migration {

// An item that is going to be checked. `check` fills in state, entries and instruction of the item
// it is given, which has everything else. It runs on a thread of its own and may throw: Cancelled
// makes the item a warning, any other exception a failure with the exception's text.
struct ItemTask {
  CheckItem item;
  std::function<void(CheckItem& item, const StopToken& stop)> check;
};

// Results in order of creation. An item that the limit ends is a warning, unless
// it has found a failure by then. Throws Cancelled if
// `stop` was requested: half a check has no verdict.
CheckReport RunItems(std::vector<ItemTask> tasks, Milliseconds limit, const StopToken& stop);

}  // namespace dm::migration
