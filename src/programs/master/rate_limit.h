// A token bucket.
#pragma once

#include <algorithm>
#include <functional>
#include <mutex>
#include <string>

#include "base/error/error.h"
#include "base/thread/stop.h"

namespace dm::master {

// `rate` tokens a second, at most `burst` saved up, full at first. Thread-safe.
class RateLimit {
 public:
  RateLimit(double rate, int64_t burst)
      : rate_(rate), burst_(static_cast<double>(burst)), tokens_(burst_) {}

  // Takes a token, waiting for it. Throws Error 38018 naming `source` once `gone`.
  void Take(const std::string& source, const std::function<bool()>& gone) {
    while (!TryTake(SteadyClock::now())) {
      if (gone()) throw MakeError(ErrorCode::kMasterNoEmitToken, source);
      WaitFor(Milliseconds(10), StopToken());
    }
  }

  bool TryTake(SteadyClock::time_point now) {
    std::lock_guard lock(mutex_);
    if (last_ != SteadyClock::time_point{}) {
      tokens_ =
          std::min(burst_, tokens_ + rate_ * std::chrono::duration<double>(now - last_).count());
    }
    last_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  const double rate_;
  const double burst_;
  std::mutex mutex_;
  double tokens_;
  SteadyClock::time_point last_{};
};

}  // namespace dm::master
