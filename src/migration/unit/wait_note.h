// What a unit waits for, for users.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "base/thread/stop.h"

namespace dm::migration {

// Told by who waits, read by status calls. Thread-safe.
class WaitNote {
 public:
  // From now on this is waited for; empty: nothing is.
  void Set(std::string_view text) {
    std::lock_guard lock(mutex_);
    text_ = text;
    begin_ = SteadyClock::now();
  }
  // That text if it has been so for `age` or longer; else empty.
  std::string After(Milliseconds age) const {
    std::lock_guard lock(mutex_);
    return SteadyClock::now() - begin_ < age ? "" : text_;
  }

  // Inside the block, this is waited for.
  class Scope {
   public:
    Scope(WaitNote& note, std::string_view text) : note_(note) { note_.Set(text); }
    ~Scope() { note_.Set(""); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    WaitNote& note_;
  };

 private:
  mutable std::mutex mutex_;
  std::string text_;
  SteadyClock::time_point begin_;
};

// How long a unit waits for something before its status says so.
constexpr Milliseconds kSlowWait{2000};
// The same for transactions, which take their time where they are large.
constexpr Milliseconds kSlowTransaction{5000};
constexpr Milliseconds kSlowLoad{30'000};

// `progress` with what is waited for.
inline std::string WithWait(std::string progress, const std::string& waits_for) {
  if (waits_for.empty()) return progress;
  if (!progress.empty()) progress += ", ";
  return progress + "waiting for " + waits_for;
}

}  // namespace dm::migration
