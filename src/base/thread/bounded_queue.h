// The one queue type between threads: bounded by a weight (bytes, or 1 an element).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "base/error/error.h"
#include "base/thread/stop.h"

namespace dm {

// Multi-producer, multi-consumer FIFO. An element heavier than the whole capacity is let in when
// the queue is empty, so a huge element passes instead of blocking for ever. Thread-safe.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  // Blocks while full. Returns false (element dropped) if the queue was closed. Throws Cancelled.
  bool Push(T value, size_t weight, const StopToken& stop) {
    std::unique_lock lock(mutex_);
    not_full_.wait(lock, stop,
                   [&] { return closed_ || items_.empty() || weight_ + weight <= capacity_; });
    if (closed_) return false;
    ThrowIfStopped(stop);
    items_.emplace_back(std::move(value), weight);
    weight_ += weight;
    lock.unlock();
    not_empty_.notify_one();
    return true;
  }

  // Blocks while empty. nullopt: closed and drained. Throws Cancelled.
  std::optional<T> Pop(const StopToken& stop) {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, stop, [&] { return closed_ || !items_.empty(); });
    return PopLocked(lock, stop);
  }

  // As Pop, but nullopt also after `timeout` without an element.
  std::optional<T> PopFor(Milliseconds timeout, const StopToken& stop) {
    std::unique_lock lock(mutex_);
    not_empty_.wait_for(lock, stop, timeout, [&] { return closed_ || !items_.empty(); });
    return PopLocked(lock, stop);
  }

  // nullopt if there is nothing now.
  std::optional<T> TryPop() {
    std::unique_lock lock(mutex_);
    if (items_.empty()) return std::nullopt;
    return PopLocked(lock, StopToken());
  }

  // No more elements are taken; what is inside can still be popped.
  void Close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    not_empty_.notify_all();
    not_full_.notify_all();
  }

  size_t size() const {
    std::lock_guard lock(mutex_);
    return items_.size();
  }
  size_t weight() const {
    std::lock_guard lock(mutex_);
    return weight_;
  }
  bool closed() const {
    std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  std::optional<T> PopLocked(std::unique_lock<std::mutex>& lock, const StopToken& stop) {
    if (items_.empty()) {
      if (!closed_) ThrowIfStopped(stop);
      return std::nullopt;
    }
    ThrowIfStopped(stop);
    std::optional<T> value(std::move(items_.front().first));
    weight_ -= items_.front().second;
    items_.pop_front();
    lock.unlock();
    not_full_.notify_all();
    return value;
  }

  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable_any not_empty_;
  std::condition_variable_any not_full_;
  std::deque<std::pair<T, size_t>> items_;
  size_t weight_ = 0;
  bool closed_ = false;
};

}  // namespace dm
