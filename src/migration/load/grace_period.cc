#include "migration/load/grace_period.h"

#include "base/error/error.h"

namespace dm::migration {

namespace {

// A transaction takes less than a second; one that waits for a lock or a dead server is cut off.
constexpr Milliseconds kGrace{5000};
constexpr std::chrono::hours kForever{24 * 365};

}  // namespace

GracePeriod::GracePeriod(const StopToken& graceful, const StopToken& kill)
    : on_kill_(kill, [this] { cut_.request_stop(); }), timer_([this, graceful] {
        const LinkedStop ended(graceful, done_.get_token());
        try {
          WaitFor(kForever, ended.token());
        } catch (const Cancelled&) {
          // Asked to end, or the run is over.
        }
        try {
          WaitFor(kGrace, done_.get_token());
          cut_.request_stop();
        } catch (const Cancelled&) {
          // The run ended in time.
        }
      }) {}

GracePeriod::~GracePeriod() {
  done_.request_stop();
  timer_.join();
}

}  // namespace dm::migration
