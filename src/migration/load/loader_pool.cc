#include "migration/load/loader_pool.h"

#include <algorithm>

#include "mysql/client/retry.h"

namespace dm::migration {

namespace {

constexpr Milliseconds kFirstWait{1000};
constexpr Milliseconds kLongestWait{60'000};
constexpr std::chrono::minutes kRetryTime{30};
// Idle connections are kept open by this.
constexpr Milliseconds kKeepAlive{30'000};

bool IsOutage(const Error& e) {
  return mysql::IsConnectionLost(e) || mysql::IsConnectionRefused(e) ||
         (e.code() == static_cast<int>(ErrorCode::kDBDriverError) && e.server_errno() == 0);
}

}  // namespace

mysql::Connection& LoadConnection::Use(const LoadStop& stop) {
  if (db_ != nullptr && !db_->broken()) return *db_;
  const bool lost = db_ != nullptr;
  const auto deadline = SteadyClock::now() + kRetryTime;
  for (Milliseconds wait = kFirstWait;; wait = std::min(wait * 2, kLongestWait)) {
    ThrowIfStopped(stop.graceful);
    try {
      if (db_ == nullptr) {
        db_ = context_.session.Open(stop.cut);
      } else {
        db_->Reconnect(stop.cut);
        context_.session.Prepare(*db_, stop.cut);
      }
      if (lost) epoch_ = context_.owner.Raise(*db_, slot_, stop.cut);
      return *db_;
    } catch (const Error& e) {
      if (!IsOutage(e) || SteadyClock::now() + wait > deadline) throw;
      context_.log.Warn("downstream connection is tried again",
                        {F("wait", fmt::format("{}ms", wait.count())), F("error", e)});
    }
    WaitFor(wait, stop.graceful);
  }
}

std::string LoadConnection::ProofStatement() const {
  if (context_.fence != nullptr && !context_.fence->MayWrite()) throw Cancelled();
  return context_.owner.ProofStatement(slot_, epoch_);
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

void LoaderPool::Submit(Job job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_all();
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
  std::unique_lock lock(mutex_);
  bool used = false;
  for (;;) {
    changed_.wait_for(lock, stop_.graceful, kKeepAlive, [&] { return !jobs_.empty(); });
    if (stop_.graceful.stop_requested()) return;
    Job job;
    if (!jobs_.empty()) {
      job = std::move(jobs_.front());
      jobs_.pop_front();
      ++running_;
    }
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
    if (job) --running_;
    if (error) {
      if (!error_) {
        try {
          std::rethrow_exception(error);
        } catch (const Cancelled&) {
          // Ended from outside, or by a failure that is already known; or the fence is lost.
        } catch (...) {
          error_ = error;
        }
      }
      lock.unlock();
      failed_.request_stop();
      changed_.notify_all();
      return;
    }
    changed_.notify_all();
  }
}

}  // namespace dm::migration
