#include "migration/load/loader_pool.h"

#include <algorithm>

namespace dm::migration {

namespace {

// Idle connections are kept open by this, if nothing shorter is due.
constexpr Milliseconds kKeepAlive{30'000};

}  // namespace

void CheckLoadFence(const Fence* fence) {
  if (fence != nullptr && !fence->MayWrite()) throw FenceLostError();
}

mysql::Connection& QuietConnection::Use(const LoadStop& stop) {
  if (db_ != nullptr && !db_->broken()) {
    try {
      db_->Ping(stop.cut);
      return *db_;
    } catch (const Error& e) {
      context_.log.Info("idle connection was lost", {F("error", e)});
    }
  }
  context_.session.Revive(db_, stop.graceful, stop.cut);
  return *db_;
}

mysql::Connection& LoadConnection::Use(const LoadStop& stop) {
  for (int attempt = 1;; ++attempt) {
    if (db_ == nullptr || !db_->IsAlive()) {
      // Without a new epoch the transaction that may have been lost is not decided.
      undecided_ = undecided_ || db_ != nullptr;
      context_.session.Revive(db_, stop.graceful, stop.cut);
    }
    if (!undecided_) return *db_;
    try {
      if (!next_epoch_) next_epoch_ = OwnerTable::NextEpoch(epoch_);
      context_.owner.Raise(*db_, slot_, epoch_, *next_epoch_, stop.cut, stop.graceful);
      epoch_ = *std::exchange(next_epoch_, std::nullopt);
      undecided_ = false;
      return *db_;
    } catch (const Error&) {
      if (!db_->broken() || attempt == kRunAttempts) throw;
    }
  }
}

std::string LoadConnection::ProofStatement() const {
  CheckLoadFence(context_.fence);
  return context_.owner.ProofStatement(slot_, epoch_, db_->server());
}

LoaderPool::LoaderPool(const LoadContext& context, const std::vector<uint64_t>& epochs,
                       LoadStop stop)
    : context_(context), stop_(stop), linked_(stop.graceful, failed_.get_token()) {
  stop_.graceful = linked_.token();
  for (size_t slot = 0; slot < epochs.size(); ++slot) {
    connections_.push_back(std::make_unique<LoadConnection>(context_, slot, epochs[slot]));
  }
  for (auto& connection : connections_) {
    threads_.emplace_back([this, &connection = *connection] { Loop(connection); });
  }
}

LoaderPool::~LoaderPool() {
  failed_.request_stop();
  for (std::jthread& thread : threads_) thread.join();
}

void LoaderPool::Submit(Job job, const void* in_order) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back({std::move(job), in_order});
  }
  changed_.notify_all();
}

LoaderPool::Queued LoaderPool::Take() {
  const auto next = std::find_if(jobs_.begin(), jobs_.end(),
                                 [&](const Queued& queued) { return MayRun(queued); });
  if (next == jobs_.end()) return {};
  Queued taken = std::move(*next);
  jobs_.erase(next);
  if (taken.in_order != nullptr) busy_.insert(taken.in_order);
  ++running_;
  return taken;
}

void LoaderPool::Drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop_.graceful, [&] { return jobs_.empty() && running_ == 0; });
  if (!jobs_.empty() || running_ > 0) {
    jobs_.clear();
    changed_.wait(lock, [&] { return running_ == 0; });
  }
  if (error_) std::rethrow_exception(error_);
  lock.unlock();
  ThrowIfStopped(stop_.graceful);
}

void LoaderPool::Loop(LoadConnection& connection) {
  const Milliseconds limit = context_.session.keepalive_interval();
  const Milliseconds pings = limit.count() == 0 ? kKeepAlive : std::min(limit, kKeepAlive);
  std::unique_lock lock(mutex_);
  bool used = false;
  for (;;) {
    changed_.wait_for(lock, stop_.graceful, pings, [&] {
      return std::any_of(jobs_.begin(), jobs_.end(),
                         [&](const Queued& queued) { return MayRun(queued); });
    });
    if (stop_.graceful.stop_requested()) return;
    const auto [job, in_order] = Take();
    lock.unlock();
    std::exception_ptr error;
    try {
      if (job) {
        used = true;
        job(connection, stop_);
      } else if (used) {
        try {
          connection.Use(stop_).Ping(stop_.cut);
        } catch (const Error&) {
          // Found broken while idle: the next job makes it again.
        }
      }
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error) {
      if (!error_) {
        try {
          std::rethrow_exception(error);
        } catch (const Cancelled&) {
          // Ended from outside, or by a failure that is already known.
        } catch (...) {
          error_ = error;
        }
      }
      // First the failure, then the end of the job: a Drain in between must not see success.
      lock.unlock();
      failed_.request_stop();
      lock.lock();
    }
    if (job) --running_;
    if (in_order != nullptr) busy_.erase(in_order);
    if (error) {
      lock.unlock();
      changed_.notify_all();
      return;
    }
    changed_.notify_all();
  }
}

}  // namespace dm::migration
