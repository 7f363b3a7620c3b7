// Non-blocking named locks: one client at a time operates on a task.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "base/error/error.h"

namespace dm::master {

// Thread-safe.
class Latches {
  struct State {
    std::mutex mutex;
    std::set<std::string> held;
  };

 public:
  // Releases at its end. Movable.
  class Latch {
   public:
    Latch(std::shared_ptr<State> state, std::string name)
        : state_(std::move(state)), name_(std::move(name)) {}
    Latch(Latch&& other) noexcept = default;
    Latch& operator=(Latch&&) = delete;
    ~Latch() {
      if (!state_) return;
      std::lock_guard lock(state_->mutex);
      state_->held.erase(name_);
    }

   private:
    std::shared_ptr<State> state_;
    std::string name_;
  };

  // Throws Error 46024 at once if somebody holds it; `while_doing` says what could not be done.
  Latch Acquire(const std::string& name, std::string_view while_doing) {
    std::lock_guard lock(state_->mutex);
    if (!state_->held.insert(name).second) {
      throw MakeError(ErrorCode::kSchedulerLatchInUse, while_doing, name);
    }
    return {state_, name};
  }

 private:
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace dm::master
