// The connections that write into the downstream, and the threads that own them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/log/log.h"
#include "base/thread/stop.h"
#include "migration/load/session.h"
#include "migration/meta/load_meta.h"
#include "migration/meta/owner.h"
#include "migration/rules/table_router.h"
#include "migration/unit/ports.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// How a run of the load unit is ended: `graceful` at the next boundary between transactions, `cut`
// also in the middle of one.
struct LoadStop {
  StopToken graceful;
  StopToken cut;
};

// What all connections of a load share. References must outlive their users.
struct LoadContext {
  const LoadSession& session;
  const LoadMeta& meta;
  const OwnerTable& owner;
  const Fence* fence;  // may be null
  const TableRouter& router;
  Logger log;
  // The downstream takes LOAD DATA LOCAL in transactions; cleared when it refuses one.
  mutable std::atomic<bool> load_data{false};
  // LOAD DATA locks a table with AUTO_INCREMENT against other writers until its end.
  bool load_data_locks_auto_increment = true;
  // Of the statements between the data, on connections that are not the pool's.
  OwnerRight right{};
  size_t connections = 1;  // that write data
};

// Throws Error FenceLostError if nothing may be written now.
void CheckLoadFence(const Fence* fence);

// A connection for statements between the data, which may be silent for hours. One owner thread.
class QuietConnection {
 public:
  explicit QuietConnection(const LoadContext& context) : context_(context) {}

  // The connection, made (again) if need be, as LoadSession::Revive does it; alive a moment ago.
  mysql::Connection& Use(const LoadStop& stop);

 private:
  const LoadContext& context_;
  std::unique_ptr<mysql::Connection> db_;
};

// One writing connection with its slot of the owner table. One owner thread.
class LoadConnection {
 public:
  LoadConnection(const LoadContext& context, size_t slot, uint64_t epoch)
      : context_(context), slot_(slot), epoch_(epoch) {}

  // The connection, made (again) if need be, also if the server has closed it meanwhile: tries for
  // half an hour, then throws what failed last. After the loss of a connection, whatever
  // transaction was in flight on it is decided when this returns.
  mysql::Connection& Use(const LoadStop& stop);
  // Runs `work`, which may be repeated, on the connection; again if the connection is lost in it.
  template <class Work>
  auto Run(const LoadStop& stop, Work work) {
    for (int attempt = 1;; ++attempt) {
      mysql::Connection& db = Use(stop);
      try {
        return work(db);
      } catch (const Error&) {
        if (!db.broken() || attempt == kRunAttempts) throw;
      }
    }
  }
  // First statement of a transaction. Proves the right to write; throws FenceLostError.
  std::string ProofStatement() const;
  // Of statements that commit by themselves.
  OwnerRight right() const { return {&context_.owner, slot_, epoch_}; }
  // Memory that one job leaves to the next.
  std::string scratch;

 private:
  static constexpr int kRunAttempts = 10;

  const LoadContext& context_;
  const size_t slot_;
  uint64_t epoch_;
  bool undecided_ = false;              // a connection was lost, and the slot was not raised since
  std::optional<uint64_t> next_epoch_;  // tried, but it is not known whether it is there
  std::unique_ptr<mysql::Connection> db_;
};

// A fixed number of threads that run jobs in the order of their submission. The first failure ends
// all. Made for one run; Submit and Drain are called by one thread.
class LoaderPool {
 public:
  using Job = std::function<void(LoadConnection&, const LoadStop&)>;

  // Thread i uses slot i with the epoch `epochs[i]`.
  LoaderPool(const LoadContext& context, const std::vector<uint64_t>& epochs, LoadStop stop);
  // Ends at the next boundary between transactions what still runs.
  ~LoaderPool();

  // `in_order`: of the jobs with this address one runs at a time, in the order of their
  // submission; null: any time.
  void Submit(Job job, const void* in_order = nullptr);
  // Waits until all jobs are done. Throws the first failure, or Cancelled if the run was ended;
  // then no job is running any more.
  void Drain();
  // Stops when the run is ended or a job has failed: nothing more will be done.
  StopToken ended() const { return stop_.graceful; }

 private:
  void Loop(LoadConnection& connection);

  const LoadContext& context_;
  LoadStop stop_;
  StopSource failed_;
  LinkedStop linked_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  struct Queued {
    Job job;
    const void* in_order = nullptr;
  };
  // The first that may run, taken out; without `job` if there is none.
  Queued Take();
  bool MayRun(const Queued& queued) const {
    return queued.in_order == nullptr || !busy_.contains(queued.in_order);
  }

  std::deque<Queued> jobs_;
  std::set<const void*> busy_;  // Queued::in_order of what runs
  size_t running_ = 0;
  std::exception_ptr error_;

  std::vector<std::unique_ptr<LoadConnection>> connections_;
  std::vector<std::jthread> threads_;
};

}  // namespace dm::migration
