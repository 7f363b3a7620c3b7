// Counters of a running dump and what users see of them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "migration/unit/unit.h"

namespace dm::migration {

// Thread-safe.
class DumpProgress {
 public:
  std::atomic<int64_t> total_tables{0};
  std::atomic<int64_t> completed_tables{0};  // all of whose chunks are done
  std::atomic<uint64_t> finished_bytes{0};   // of closed data files
  std::atomic<uint64_t> finished_rows{0};
  std::atomic<uint64_t> estimated_rows{0};
  std::atomic<uint64_t> produced_chunks{0};
  std::atomic<uint64_t> completed_chunks{0};
  std::atomic<bool> all_produced{false};

  // Zero again, for a new run.
  void Reset();
  DumpStatus Status() const;

 private:
  mutable std::mutex mutex_;  // guards what the last call saw
  mutable uint64_t last_bytes_ = 0;
  mutable int64_t last_bps_ = 0;
  mutable std::chrono::steady_clock::time_point last_time_ = std::chrono::steady_clock::now();
};

}  // namespace dm::migration
