// Commands that are carried out one after another.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "base/thread/stop.h"

namespace dm::worker {

// Carries out commands in the order in which they were given, on a thread of its own. Thread-safe;
// destroyed by one thread, which waits for the command at hand; those behind it are dropped.
class CommandQueue {
 public:
  // Must not throw.
  using Command = std::function<void()>;

  CommandQueue();
  CommandQueue(const CommandQueue&) = delete;
  CommandQueue& operator=(const CommandQueue&) = delete;

  void Post(Command command);
  // No command is carried out, and none waits.
  bool Idle() const;

 private:
  void Loop(const StopToken& stop);

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Command> commands_;
  bool busy_ = false;
  std::jthread thread_;  // ends first
};

}  // namespace dm::worker
