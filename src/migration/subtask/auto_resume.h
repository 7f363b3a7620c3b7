// Decides when a subtask that paused itself by an error is resumed without the user.
#pragma once

#include <chrono>
#include <map>
#include <random>
#include <string>

#include "migration/subtask/subtask.h"
#include "migration/unit/resumable.h"

namespace dm::migration {

struct BackoffConfig {
  std::chrono::milliseconds min{1000};
  std::chrono::milliseconds max{300000};
  std::chrono::milliseconds rollback{300000};  // calm time after which the back-off shrinks a step
};

// Exponential back-off with jitter between min and max. Not thread-safe.
class Backoff {
 public:
  explicit Backoff(const BackoffConfig& config) : config_(config), value_(config.min) {}
  std::chrono::milliseconds current() const { return value_; }
  void Advance();
  void StepBack();

 private:
  std::chrono::milliseconds Compute();

  BackoffConfig config_;
  int step_ = 0;
  std::chrono::milliseconds value_;
  std::minstd_rand random_{std::random_device{}()};
};

// The checker's memory and judgement over the subtasks of one source; driven by its owner's clock.
// Not thread-safe.
class AutoResume {
 public:
  enum class Decision { kIgnore, kNoSense, kSkip, kDispatch };
  using Clock = std::chrono::steady_clock;

  explicit AutoResume(BackoffConfig config) : config_(config) {}

  // Judges one subtask at `now`.
  Decision Check(const SubtaskStatus& status, Clock::time_point now);
  // The resume that kDispatch asked for was issued.
  void Dispatched(const std::string& name, Clock::time_point now);
  // Forgets subtasks for which `exists` is false.
  template <class Predicate>
  void Keep(Predicate exists) {
    std::erase_if(watched_, [&](const auto& item) { return !exists(item.first); });
  }

 private:
  struct Watched {
    Backoff backoff;
    Clock::time_point last_paused;
    Clock::time_point last_resume;
  };

  BackoffConfig config_;
  std::map<std::string, Watched> watched_;
};

}  // namespace dm::migration
