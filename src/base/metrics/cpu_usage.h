// How busy the process is.
#pragma once

#include <thread>

#include "base/metrics/metrics.h"

namespace dm {

// Keeps a gauge at the share of one processor, in percent, that the process used in the last 10 s.
class CpuUsage {
 public:
  // The gauge is 0 at first.
  explicit CpuUsage(Gauge gauge);

 private:
  std::jthread thread_;
};

}  // namespace dm
