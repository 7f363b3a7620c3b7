// Turns a request to end into a deadline for what is in flight.
#pragma once

#include <functional>
#include <thread>

#include "base/thread/stop.h"

namespace dm::migration {

// `cut()` stops some seconds after `graceful` did, or as soon as `kill` does.
class GracePeriod {
 public:
  GracePeriod(const StopToken& graceful, const StopToken& kill);
  ~GracePeriod();
  StopToken cut() const { return cut_.get_token(); }

 private:
  StopSource cut_;
  StopSource done_;
  StopCallback on_kill_;
  std::jthread timer_;
};

}  // namespace dm::migration
