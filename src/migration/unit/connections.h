// How many connections a unit opens to the downstream.
#pragma once

#include <algorithm>
#include <cstdint>

namespace dm::migration {

// Of the sync unit with this `worker-count`: a worker each, one for rows in order, one for
// progress, one for DDL, one for definitions.
inline uint64_t SyncConnections(int64_t worker_count) {
  return static_cast<uint64_t>(std::max<int64_t>(worker_count, 1)) + 4;
}

}  // namespace dm::migration
