#include "base/thread/stop.h"

#include <condition_variable>
#include <mutex>

#include "base/error/error.h"

namespace dm {

void ThrowIfStopped(const StopToken& stop) {
  if (stop.stop_requested()) throw Cancelled();
}

void WaitFor(Milliseconds duration, const StopToken& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, duration, [] { return false; });
  ThrowIfStopped(stop);
}

}  // namespace dm
