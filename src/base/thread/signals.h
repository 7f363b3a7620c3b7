// Ending a process by signal.
#pragma once

#include <atomic>
#include <thread>

#include "base/thread/stop.h"

namespace dm {

// From its construction on, the first SIGHUP, SIGINT, SIGTERM or SIGQUIT of the process stops
// `token()`; later ones are ignored. SIGPIPE is ignored. Construct it in main before any thread is
// started: threads inherit the blocked signals. One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals() = default;
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  StopToken token() const { return source_.get_token(); }
  // The signal that came; 0 before one.
  int received() const { return received_.load(); }

 private:
  StopSource source_;
  std::atomic<int> received_{0};
  std::jthread waiter_;
};

}  // namespace dm
