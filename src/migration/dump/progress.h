// Counters of a running dump and what users see of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "migration/unit/rate_meter.h"
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
  // By the estimated number of rows and the speed; nullopt while one of them is not known.
  std::optional<double> RemainingSeconds() const;

 private:
  mutable RateMeter speed_;  // bytes
  mutable RateMeter row_speed_;
};

}  // namespace dm::migration
