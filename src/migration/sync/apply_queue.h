// The order of changes: who applies what, what is done, and up to where everything is done.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error/error.h"
#include "base/thread/stop.h"
#include "migration/meta/sync_checkpoint.h"
#include "migration/rows/row_change.h"
#include "migration/sync/committed_orders.h"
#include "migration/sync/metrics.h"
#include "mysql/binlog/rows.h"
#include "mysql/position/location.h"

namespace dm::migration {

// The rows of one event with all that is needed to apply them later.
struct EventRows {
  std::shared_ptr<const TablePlan> plan;
  mysql::RowBatch batch;
  bool partial = false;   // its rows lack columns
  bool filtered = false;  // other rows of the table may be left out
  bool shares = false;    // its rows may be written together with others of the table
  // Places of the first such event of its transaction and file, which this one shares but for the
  // offsets.
  struct Places {
    mysql::Location start;
    mysql::Location end;
  };
  std::shared_ptr<const Places> places;
  uint64_t start_offset = 0;
  uint64_t end_offset = 0;
  uint32_t timestamp = 0;  // of the event, upstream clock
  SteadyClock::time_point received;
  std::shared_ptr<TableJobs> jobs;  // counters of the target table; may be null

  mysql::Location start() const { return At(&Places::start, start_offset); }
  mysql::Location end() const { return At(&Places::end, end_offset); }

 private:
  mysql::Location At(mysql::Location Places::*which, uint64_t offset) const {
    mysql::Location location = places ? (*places).*which : mysql::Location();
    location.position.offset = offset;
    return location;
  }
};

// Where the rows of one upstream transaction end (or, for one beyond the memory bound, a piece of
// it): what the serial worker commits together.
struct Boundary {
  mysql::Location location;         // of the last transaction that is complete
  std::string server;               // upstream server whose positions these are
  std::optional<PiecePoint> piece;  // set: the transaction behind `location` is done up to here
  // Whose points move with it, whether or not their rows are among those since the last boundary.
  std::vector<std::shared_ptr<const TablePlan>> tables;
};

// One row change in a queue, or (without event) a boundary.
struct Job {
  uint64_t order = 0;
  std::shared_ptr<const EventRows> event;
  uint32_t row = 0;
  bool safe = false;
  // The kind of the change where it is not that of the event (row_versions.h).
  bool as_insert = false;
  bool as_delete = false;
  uint32_t bytes = 0;
  std::shared_ptr<const Boundary> boundary;

  RowChange change() const {
    RowChange change{event->plan.get(), &event->batch, row, safe, event->partial, event->filtered};
    change.as_insert = as_insert;
    change.as_delete = as_delete;
    return change;
  }
};

// A job and the queue it goes to.
struct PlannedJob {
  size_t slot = 0;
  Job job;
  SteadyClock::duration waited{};  // for room in the queue; told by Push
};

// Queues of N parallel workers and, as slot N, of the serial one. Every change has an order, a
// counter of this run; orders in a queue rise. The low-water mark is the highest order up to which
// everything is committed. Thread-safe; one planner pushes, one worker takes from each slot.
class ApplyQueues : public CommittedOrders {
 public:
  // Rows that share a statement count less: so many of them as one with a statement of its own.
  static constexpr size_t kSharingRows = 10;
  // And so many times as many of them wait in one queue: more than a batch.
  static constexpr size_t kSharingQueue = 4;
  struct Limits {
    size_t batch = 100;             // jobs of one downstream transaction
    size_t batch_bytes = 2 << 20;   // row bytes of one downstream transaction
    size_t queue_jobs = 512;        // waiting in one queue
    size_t queue_bytes = 16 << 20;  // row bytes waiting in one queue
    size_t all_bytes = 32 << 20;    // row bytes waiting or in flight, of all queues
  };
  ApplyQueues(size_t parallel, Limits limits);

  size_t parallel() const { return parallel_; }
  size_t serial_slot() const { return parallel_; }

  // --- planner ---
  // Gives each job the next order (a boundary: the last one given) and moves it into its queue;
  // blocks while that is full. `more`: others that may share a statement with these are to follow
  // at once, so workers do not begin with a few. Throws Cancelled, or the
  // Error of a failed worker.
  void Push(std::span<PlannedJob> jobs, const StopToken& stop, bool more = false);
  void Push(size_t slot, Job job, const StopToken& stop);
  // What was to follow does not. Only the planner calls what may hold or release.
  void Release();
  // The order given last.
  uint64_t planned() const { return planned_.load(std::memory_order_acquire); }
  // A parallel slot with the fewest jobs, of `count` from `first` on (those behind the last are
  // the first ones). `first` and `count` are at most parallel().
  size_t EmptiestSlot() const { return EmptiestSlot(0, parallel_); }
  size_t EmptiestSlot(size_t first, size_t count) const;
  bool IsCommitted(size_t slot, uint64_t order) const override {
    return committed_[slot].load(std::memory_order_acquire) >= order;
  }
  void WaitCommitted(size_t slot, uint64_t order, const StopToken& stop) override;
  // Blocks until nothing that can be applied is left (rows of the serial slot behind the last
  // boundary cannot). Throws as Push.
  void Drain(const StopToken& stop);
  // As Drain, but for the end of a run: failed slots are not waited for, nothing is thrown. False:
  // stopped before the end.
  bool DrainRest(const StopToken& stop) noexcept;

  // --- anyone ---
  uint64_t LowWater() const;
  // Is everything planned committed?
  bool Idle() const { return LowWater() == planned(); }
  // Event time of the oldest change that is not committed; 0 if there is none.
  uint32_t OldestTimestamp() const;
  // The batch that a worker has had in hand for the longest time; nullopt: none has one.
  struct BatchInHand {
    SteadyClock::time_point since;
    size_t changes = 0;
    std::string table;  // target of the first one, quoted; empty: that is no change
  };
  std::optional<BatchInHand> OldestBatch() const;
  // Jobs waiting, by slot.
  std::vector<size_t> Sizes() const;
  // Does the worker of the slot wait for jobs?
  bool HasSleeper(size_t slot) const;
  std::optional<Error> error() const;
  // Begin of the event whose change is the reason of `error`, if that is known.
  std::optional<mysql::BinlogPosition> failed_at() const;
  void Fail(size_t slot, const Error& error, const std::optional<mysql::BinlogPosition>& at = {});
  // An error that is no worker's: no more is planned.
  void Abort(const Error& error);
  // No more is taken out. Workers end after their batch.
  void Close();

  // --- worker of `slot` ---
  // Fills `batch` with what is to be committed next in one transaction; blocks. False: closed. The
  // serial slot gets whole transactions (or pieces), each ending in a boundary. If nothing comes
  // for the time `idle` (0: for ever), an empty batch.
  bool Take(size_t slot, std::vector<Job>& batch, const StopToken& stop, Milliseconds idle = {});
  // The batch taken last is committed.
  void Committed(size_t slot);

 private:
  struct Slot {
    std::deque<Job> jobs;
    size_t bytes = 0;
    size_t boundaries = 0;
    uint64_t taken_first = 0;  // of the batch in flight; 0: none
    uint64_t taken_last = 0;
    uint32_t taken_timestamp = 0;
    size_t taken_bytes = 0;
    size_t taken_jobs = 0;
    SteadyClock::time_point taken_at;
    std::shared_ptr<const TablePlan> taken_plan;  // of the first change
    bool waiting = false;  // its worker waits for jobs and nobody has woken it yet
    bool held = false;     // more jobs are to follow before a worker begins
    bool failed = false;
    std::condition_variable_any ready;
  };
  // Lets workers have the jobs that were held. Lock of mutex_ is held.
  void Unhold();
  bool HasWork(const Slot& slot, size_t index) const;
  bool MayBegin(const Slot& slot, size_t index) const { return HasWork(slot, index) && !slot.held; }
  bool IsFull(const Slot& slot, size_t index) const { return IsFilled(slot, index, 1); }
  // Has it more than this part of what may wait in it, or do all more than they may?
  bool IsFilled(const Slot& slot, size_t index, double part) const;
  // The planner waits until `come`, or a stop (false). mutex_ is held.
  template <class Come>
  bool Await(std::unique_lock<std::mutex>& lock, const StopToken& stop, const Come& come);
  // Wakes the planner if it has what it waits for: to wake it for less would cost more than all
  // else here. mutex_ is held.
  void TellPlanner();
  // Does anything wait that a worker can take, or has one something in hand?
  bool Moves() const;
  void ThrowIfFailed() const;  // mutex_ held

  const size_t parallel_;
  const Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable_any progress_;            // the planner waits here
  const std::function<bool()>* awaited_ = nullptr;  // what for; null: it does not wait
  std::vector<std::unique_ptr<Slot>> slots_;
  std::unique_ptr<std::atomic<uint64_t>[]> committed_;
  std::atomic<uint64_t> planned_{0};
  size_t bytes_ = 0;   // of jobs waiting or in flight
  bool held_ = false;  // some slot is; only the planner's
  std::optional<Error> error_;
  std::optional<mysql::BinlogPosition> failed_at_;
  bool closed_ = false;
};

}  // namespace dm::migration
