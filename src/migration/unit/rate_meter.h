// Speed of something that is counted.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>

#include "base/thread/stop.h"

namespace dm::migration {

// Mean speed of the last 10 seconds and a little more. Does not depend on how often it is asked.
// Thread-safe.
class RateMeter {
 public:
  // Counting begins at `total`.
  void Reset(int64_t total, SteadyClock::time_point now = SteadyClock::now());
  // The count is `total` now. To be called about every second, and by whoever asks.
  void Update(int64_t total, SteadyClock::time_point now = SteadyClock::now());
  // Per second, as of the last Update; 0 before there is anything to tell.
  double PerSecond() const;

 private:
  struct Sample {
    SteadyClock::time_point time;
    int64_t total;
  };
  mutable std::mutex mutex_;
  std::deque<Sample> samples_;  // at least half a second apart; the first is the window's begin
  Sample last_{};
};

}  // namespace dm::migration
