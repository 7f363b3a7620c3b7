// Waiting in tests for what another thread does.
#pragma once

#include "base/thread/stop.h"

namespace dm {

// Does `condition` become true within 20 s? Looks every 5 ms: for conditions that nobody announces.
template <class Condition>
[[nodiscard]] bool Eventually(Condition condition) {
  const auto end = SteadyClock::now() + Milliseconds(20'000);
  while (!condition()) {
    if (SteadyClock::now() > end) return false;
    WaitFor(Milliseconds(5), StopToken());
  }
  return true;
}

}  // namespace dm
