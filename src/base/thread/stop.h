// Ending blocking work: every blocking wait takes a StopToken and ends within 100 ms of the request
// by throwing Cancelled.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

namespace dm {

using StopToken = std::stop_token;
using StopSource = std::stop_source;
using StopCallback = std::stop_callback<std::function<void()>>;

using SteadyClock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

// Throws Cancelled if the stop was requested.
void ThrowIfStopped(const StopToken& stop);

// Waits for `duration`; throws Cancelled as soon as the stop is requested.
void WaitFor(Milliseconds duration, const StopToken& stop);

// A token that stops when either of two tokens stops. Owns the registration: keep it alive while
// its token is in use. Thread-safe.
class LinkedStop {
 public:
  LinkedStop(const StopToken& a, const StopToken& b)
      : on_a_(a, [this] { source_.request_stop(); }),
        on_b_(b, [this] { source_.request_stop(); }) {}
  LinkedStop(const LinkedStop&) = delete;
  LinkedStop& operator=(const LinkedStop&) = delete;

  StopToken token() const { return source_.get_token(); }
  void RequestStop() { source_.request_stop(); }

 private:
  StopSource source_;
  StopCallback on_a_;
  StopCallback on_b_;
};

}  // namespace dm
