#include "programs/worker/command_queue.h"

#include <utility>

namespace dm::worker {

CommandQueue::CommandQueue() : thread_([this](const StopToken& stop) { Loop(stop); }) {}

void CommandQueue::Post(Command command) {
  std::lock_guard lock(mutex_);
  commands_.push_back(std::move(command));
  changed_.notify_all();
}

bool CommandQueue::Idle() const {
  std::lock_guard lock(mutex_);
  return !busy_ && commands_.empty();
}

void CommandQueue::Loop(const StopToken& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !commands_.empty(); })) {
    if (stop.stop_requested()) return;
    const Command command = std::move(commands_.front());
    commands_.pop_front();
    busy_ = true;
    lock.unlock();
    command();
    lock.lock();
    busy_ = false;
  }
}

}  // namespace dm::worker
