#include "base/thread/signals.h"

#include <pthread.h>
#include <signal.h>

#include <ctime>

namespace dm {

StopSignals::StopSignals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGHUP, SIGINT, SIGTERM, SIGQUIT}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  waiter_ = std::jthread([this, signals](const StopToken& stop) {
    constexpr timespec kCheck{0, 100'000'000};  // how soon the destructor's request is seen
    while (!stop.stop_requested()) {
      const int number = sigtimedwait(&signals, nullptr, &kCheck);
      if (number > 0 && received_.exchange(number) == 0) source_.request_stop();
    }
  });
}

}  // namespace dm
