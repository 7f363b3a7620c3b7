// Counters of a running load and what users see of them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "migration/unit/unit.h"

namespace dm::migration {

// Thread-safe.
class LoadProgress {
 public:
  std::atomic<int64_t> total_bytes{0};     // of data files
  std::atomic<int64_t> finished_bytes{0};  // committed downstream, before restarts too
  std::atomic<bool> finished{false};

  // A new dump: everything from zero.
  void Reset();
  // Position of the dump as users see it.
  void SetBinlog(std::string position, std::string gtid);
  LoadStatus Status() const;

 private:
  mutable std::mutex mutex_;  // guards the following
  std::string binlog_;
  std::string binlog_gtid_;
  mutable int64_t last_bytes_ = 0;
  mutable int64_t last_bps_ = 0;
  mutable std::chrono::steady_clock::time_point last_time_ = std::chrono::steady_clock::now();
};

}  // namespace dm::migration
