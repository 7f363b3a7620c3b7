#include "base/metrics/cpu_usage.h"

#include <sys/resource.h>

#include "base/error/error.h"
#include "base/thread/stop.h"

namespace dm {

namespace {

constexpr std::chrono::seconds kInterval{10};

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double UsedSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
}

void Follow(const Gauge& gauge, const StopToken& stop) {
  double used = UsedSeconds();
  auto time = SteadyClock::now();
  try {
    while (true) {
      WaitFor(kInterval, stop);
      const double used_now = UsedSeconds();
      const auto now = SteadyClock::now();
      gauge.Set(100 * (used_now - used) / std::chrono::duration<double>(now - time).count());
      used = used_now;
      time = now;
    }
  } catch (const Cancelled&) {
    // The owner goes.
  }
}

}  // namespace

CpuUsage::CpuUsage(Gauge gauge) {
  gauge.Set(0);
  thread_ = std::jthread([gauge](const StopToken& stop) { Follow(gauge, stop); });
}

}  // namespace dm
