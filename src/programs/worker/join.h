// Registering this worker at the cluster.
#pragma once

#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "programs/worker/config.h"

namespace dm::worker {

// Registers name and advertised address at the first master that takes it: 5 rounds over the
// endpoints of `join`, 1 s apart, 3 s for connecting and 3 s for the call at each. An answer that
// only says that the cluster has no leader yet (38043) does not count as a failed round, for at
// most a minute. Returns the key by which the masters encrypt passwords (may be empty). Throws
// Error 40077, Cancelled.
std::string JoinCluster(const Config& config, const StopToken& stop);

}  // namespace dm::worker
