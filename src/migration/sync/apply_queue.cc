#include "migration/sync/apply_queue.h"

#include <algorithm>
#include <utility>

namespace dm::migration {

namespace {

// Jobs that are waiting before a worker begins with them, if others are to follow.
constexpr size_t kHeldJobs = 400;

// A planner that has found a queue full goes on when no more than this part of it is left.
constexpr double kRoomAgain = 0.75;

// Workers to be woken; at the end of its life at the latest, whatever ends it.
class Wakings {
 public:
  Wakings() = default;
  Wakings(const Wakings&) = delete;
  Wakings& operator=(const Wakings&) = delete;
  ~Wakings() { Do(); }
  void Add(std::condition_variable_any& worker) { workers_.push_back(&worker); }
  void Do() {
    for (std::condition_variable_any* worker : workers_) worker->notify_one();
    workers_.clear();
  }

 private:
  std::vector<std::condition_variable_any*> workers_;
};

}  // namespace

ApplyQueues::ApplyQueues(size_t parallel, Limits limits)
    : parallel_(parallel),
      limits_(limits),
      committed_(std::make_unique<std::atomic<uint64_t>[]>(parallel + 1)) {
  for (size_t i = 0; i <= parallel; ++i) slots_.push_back(std::make_unique<Slot>());
}

bool ApplyQueues::HasWork(const Slot& slot, size_t index) const {
  return index == parallel_ ? slot.boundaries > 0 : !slot.jobs.empty();
}

bool ApplyQueues::Moves() const {
  for (size_t i = 0; i <= parallel_; ++i) {
    const Slot& slot = *slots_[i];
    if (!slot.failed && (slot.taken_first != 0 || HasWork(slot, i))) return true;
  }
  return false;
}

bool ApplyQueues::IsFilled(const Slot& slot, size_t index, double part) const {
  if (bytes_ >= limits_.all_bytes && Moves()) return true;
  // The serial worker can only take what a boundary closes: without one, waiting would be for ever.
  if (!HasWork(slot, index)) return false;
  const Job& last = slot.jobs.back();
  const bool shares = last.event && last.event->shares;
  const size_t most = limits_.queue_jobs * (shares ? kSharingQueue : 1);
  return static_cast<double>(slot.jobs.size()) >= static_cast<double>(most) * part ||
         static_cast<double>(slot.bytes) >= static_cast<double>(limits_.queue_bytes) * part;
}

template <class Come>
bool ApplyQueues::Await(std::unique_lock<std::mutex>& lock, const StopToken& stop,
                        const Come& come) {
  const std::function<bool()> awaited = come;
  awaited_ = &awaited;
  const bool has_come = progress_.wait(lock, stop, awaited);
  awaited_ = nullptr;
  return has_come;
}

void ApplyQueues::TellPlanner() {
  if (awaited_ != nullptr && (*awaited_)()) progress_.notify_one();
}

void ApplyQueues::Unhold() {
  if (!held_) return;
  held_ = false;
  for (size_t i = 0; i <= parallel_; ++i) {
    Slot& slot = *slots_[i];
    slot.held = false;
    if (!slot.waiting || !HasWork(slot, i)) continue;
    slot.waiting = false;
    slot.ready.notify_one();
  }
}

void ApplyQueues::Release() {
  if (!held_) return;
  std::lock_guard lock(mutex_);
  Unhold();
}

void ApplyQueues::ThrowIfFailed() const {
  if (error_) throw *error_;
}

void ApplyQueues::Push(std::span<PlannedJob> jobs, const StopToken& stop, bool more) {
  Wakings wakings;  // outlives the lock: the woken find it free
  std::unique_lock lock(mutex_);
  for (PlannedJob& planned : jobs) {
    const size_t index = planned.slot;
    Slot& slot = *slots_[index];
    if (IsFull(slot, index)) {
      wakings.Do();
      Unhold();
      const auto begin = SteadyClock::now();
      // Then there is room for more than what is taken out at once.
      Await(lock, stop, [&] { return error_ || closed_ || !IsFilled(slot, index, kRoomAgain); });
      ThrowIfStopped(stop);
      planned.waited = SteadyClock::now() - begin;
    }
    ThrowIfFailed();
    if (closed_) throw Cancelled();
    Job& job = planned.job;
    uint64_t order = planned_.load(std::memory_order_relaxed);
    if (job.boundary) {
      ++slot.boundaries;
    } else {
      ++order;
    }
    job.order = order;
    slot.bytes += job.bytes;
    bytes_ += job.bytes;
    slot.jobs.push_back(std::move(job));
    planned_.store(order, std::memory_order_release);
    slot.held = more && slot.jobs.size() < kHeldJobs;
    held_ = held_ || slot.held;
    if (!slot.waiting || !MayBegin(slot, index)) continue;
    slot.waiting = false;
    wakings.Add(slot.ready);
  }
  if (!more) Unhold();
}

void ApplyQueues::Push(size_t slot, Job job, const StopToken& stop) {
  PlannedJob planned{slot, std::move(job)};
  Push(std::span(&planned, 1), stop);
}

size_t ApplyQueues::EmptiestSlot(size_t first, size_t count) const {
  std::lock_guard lock(mutex_);
  size_t best = first % parallel_;
  for (size_t i = 0; i < count; ++i) {
    const size_t index = (first + i) % parallel_;
    const Slot& slot = *slots_[index];
    if (slot.jobs.empty() && slot.taken_first == 0) return index;
    if (slot.jobs.size() < slots_[best]->jobs.size()) best = index;
  }
  return best;
}

void ApplyQueues::WaitCommitted(size_t index, uint64_t order, const StopToken& stop) {
  if (IsCommitted(index, order)) return;
  std::unique_lock lock(mutex_);
  Unhold();
  Await(lock, stop, [&] { return error_ || closed_ || IsCommitted(index, order); });
  ThrowIfStopped(stop);
  ThrowIfFailed();
  if (closed_) throw Cancelled();
}

void ApplyQueues::Drain(const StopToken& stop) {
  std::unique_lock lock(mutex_);
  Unhold();
  Await(lock, stop, [&] {
    if (error_ || closed_) return true;
    for (size_t i = 0; i <= parallel_; ++i) {
      if (slots_[i]->taken_first != 0 || HasWork(*slots_[i], i)) return false;
    }
    return true;
  });
  ThrowIfStopped(stop);
  ThrowIfFailed();
  if (closed_) throw Cancelled();
}

bool ApplyQueues::DrainRest(const StopToken& stop) noexcept {
  std::unique_lock lock(mutex_);
  Unhold();
  return Await(lock, stop, [&] {
    for (size_t i = 0; i <= parallel_; ++i) {
      if (slots_[i]->failed) continue;
      if (slots_[i]->taken_first != 0 || HasWork(*slots_[i], i)) return false;
    }
    return true;
  });
}

uint64_t ApplyQueues::LowWater() const {
  std::lock_guard lock(mutex_);
  uint64_t low = planned_.load(std::memory_order_relaxed);
  for (const auto& slot : slots_) {
    if (slot->taken_first != 0) {
      low = std::min(low, slot->taken_first - 1);
    } else if (!slot->jobs.empty()) {
      low = std::min(low, slot->jobs.front().order - 1);
    }
  }
  return low;
}

uint32_t ApplyQueues::OldestTimestamp() const {
  std::lock_guard lock(mutex_);
  uint32_t oldest = 0;
  auto consider = [&](uint32_t timestamp) {
    if (timestamp != 0 && (oldest == 0 || timestamp < oldest)) oldest = timestamp;
  };
  for (const auto& slot : slots_) {
    if (slot->taken_first != 0) consider(slot->taken_timestamp);
    if (!slot->jobs.empty() && slot->jobs.front().event) {
      consider(slot->jobs.front().event->timestamp);
    }
  }
  return oldest;
}

std::optional<ApplyQueues::BatchInHand> ApplyQueues::OldestBatch() const {
  std::lock_guard lock(mutex_);
  const Slot* oldest = nullptr;
  for (const auto& slot : slots_) {
    if (slot->failed || slot->taken_first == 0) continue;
    if (oldest == nullptr || slot->taken_at < oldest->taken_at) oldest = slot.get();
  }
  if (oldest == nullptr) return std::nullopt;
  BatchInHand batch{oldest->taken_at, oldest->taken_jobs, ""};
  if (oldest->taken_plan) batch.table = oldest->taken_plan->target.Quoted();
  return batch;
}

std::vector<size_t> ApplyQueues::Sizes() const {
  std::vector<size_t> sizes;
  std::lock_guard lock(mutex_);
  for (const auto& slot : slots_) sizes.push_back(slot->jobs.size());
  return sizes;
}

bool ApplyQueues::HasSleeper(size_t slot) const {
  std::lock_guard lock(mutex_);
  return slots_[slot]->waiting;
}

std::optional<Error> ApplyQueues::error() const {
  std::lock_guard lock(mutex_);
  return error_;
}

std::optional<mysql::BinlogPosition> ApplyQueues::failed_at() const {
  std::lock_guard lock(mutex_);
  return failed_at_;
}

void ApplyQueues::Fail(size_t index, const Error& error,
                       const std::optional<mysql::BinlogPosition>& at) {
  std::lock_guard lock(mutex_);
  slots_[index]->failed = true;
  if (!error_) {
    error_ = error;
    failed_at_ = at;
  }
  TellPlanner();
}

void ApplyQueues::Abort(const Error& error) {
  std::lock_guard lock(mutex_);
  if (!error_) error_ = error;
  TellPlanner();
}

void ApplyQueues::Close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    TellPlanner();
  }
  for (auto& slot : slots_) slot->ready.notify_all();
}

bool ApplyQueues::Take(size_t index, std::vector<Job>& batch, const StopToken& stop,
                       Milliseconds idle) {
  batch.clear();
  Slot& slot = *slots_[index];
  std::unique_lock lock(mutex_);
  if (!MayBegin(slot, index) && !closed_) {
    // Again and again: who wakes it forgets that it sleeps, and until it looks its jobs may be held
    // again, for what follows at once.
    const auto come = [&] {
      slot.waiting = !closed_ && !MayBegin(slot, index);
      return !slot.waiting;
    };
    bool has = true;
    if (idle.count() == 0) {
      slot.ready.wait(lock, stop, come);
    } else {
      has = slot.ready.wait_for(lock, stop, idle, come);
    }
    slot.waiting = false;
    if (!has && !stop.stop_requested()) return true;
  }
  if (closed_ || stop.stop_requested()) return false;
  // Rows up to the limits; the serial slot at least up to the first boundary, and always ending in
  // one.
  size_t count = 0;
  size_t end = 0;
  size_t bytes = 0;
  size_t weight = 0;
  const EventRows* previous = nullptr;
  for (const Job& job : slot.jobs) {
    if (end > 0 && (weight >= limits_.batch * kSharingRows || bytes >= limits_.batch_bytes)) break;
    const EventRows* const rows = job.event.get();
    const bool shares = rows != nullptr && previous != nullptr && rows->shares &&
                        previous->shares && rows->plan == previous->plan;
    weight += shares ? 1 : kSharingRows;
    previous = rows;
    ++count;
    bytes += job.bytes;
    if (index != parallel_ || job.boundary) end = count;
  }
  for (size_t i = 0; i < end; ++i) {
    slot.bytes -= slot.jobs.front().bytes;
    slot.taken_bytes += slot.jobs.front().bytes;
    if (slot.jobs.front().boundary) --slot.boundaries;
    batch.push_back(std::move(slot.jobs.front()));
    slot.jobs.pop_front();
  }
  slot.taken_first = batch.front().order;
  slot.taken_last = batch.back().order;
  slot.taken_timestamp = batch.front().event ? batch.front().event->timestamp : 0;
  slot.taken_jobs = batch.size();
  slot.taken_at = SteadyClock::now();
  slot.taken_plan = batch.front().event ? batch.front().event->plan : nullptr;
  TellPlanner();
  return true;
}

void ApplyQueues::Committed(size_t index) {
  Slot& slot = *slots_[index];
  std::shared_ptr<const TablePlan> plan;  // is released without the lock
  {
    std::lock_guard lock(mutex_);
    committed_[index].store(slot.taken_last, std::memory_order_release);
    slot.taken_first = 0;
    plan = std::move(slot.taken_plan);
    bytes_ -= std::exchange(slot.taken_bytes, 0);
    TellPlanner();
  }
}

}  // namespace dm::migration
