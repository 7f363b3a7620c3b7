#include "migration/dumpfile/channel.h"

#include <utility>

namespace dm::migration {

namespace {

// How many bytes of dump files may wait for the load unit before the dump pauses between chunks.
constexpr uint64_t kBacklogLimit = uint64_t{10} << 30;

}  // namespace

DumpFileChannel::DumpFileChannel() : backlog_limit_(kBacklogLimit) {}

void DumpFileChannel::SetConsumer(Consumer consumer) {
  std::lock_guard lock(mutex_);
  consumer_ = std::move(consumer);
}

void DumpFileChannel::Begin(const StopToken& stop) {
  std::function<void(const StopToken&)> begin;
  {
    std::lock_guard lock(mutex_);
    state_ = State::kRunning;
    files_.clear();
    backlog_ = 0;
    abandoned_ = false;
    begin = consumer_.begin;
  }
  if (begin) begin(stop);
}

void DumpFileChannel::Publish(DumpedFile file) {
  {
    std::lock_guard lock(mutex_);
    if (!consumer_.begin || abandoned_ || state_ != State::kRunning) return;
    backlog_ += file.size;
    files_.push_back(std::move(file));
  }
  changed_.notify_all();
}

bool DumpFileChannel::WaitForRoom(Milliseconds limit, const StopToken& stop) {
  std::unique_lock lock(mutex_);
  const bool room =
      changed_.wait_for(lock, stop, limit, [&] { return backlog_ <= backlog_limit_; });
  lock.unlock();
  ThrowIfStopped(stop);
  return room;
}

void DumpFileChannel::Complete() {
  {
    std::lock_guard lock(mutex_);
    state_ = State::kComplete;
  }
  changed_.notify_all();
}

void DumpFileChannel::Abort(bool kill) {
  std::function<void(bool)> abort;
  {
    std::lock_guard lock(mutex_);
    if (state_ != State::kRunning) return;
    state_ = State::kAborted;
    files_.clear();
    abort = consumer_.abort;
  }
  changed_.notify_all();
  if (abort) abort(kill);
}

std::optional<DumpedFile> DumpFileChannel::Next(const StopToken& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [&] { return !files_.empty() || state_ != State::kRunning; });
  ThrowIfStopped(stop);
  if (files_.empty()) return std::nullopt;
  DumpedFile file = std::move(files_.front());
  files_.pop_front();
  return file;
}

void DumpFileChannel::Done(uint64_t size) {
  {
    std::lock_guard lock(mutex_);
    backlog_ -= std::min(backlog_, size);
  }
  changed_.notify_all();
}

void DumpFileChannel::Abandon() {
  {
    std::lock_guard lock(mutex_);
    abandoned_ = true;
    files_.clear();
    backlog_ = 0;
  }
  changed_.notify_all();
}

bool DumpFileChannel::complete() const {
  std::lock_guard lock(mutex_);
  return state_ == State::kComplete;
}

void DumpFileChannel::SetUpstreamSqlMode(std::string sql_mode) {
  std::lock_guard lock(mutex_);
  upstream_sql_mode_ = std::move(sql_mode);
}

std::string DumpFileChannel::upstream_sql_mode() const {
  std::lock_guard lock(mutex_);
  return upstream_sql_mode_;
}

void DumpFileChannel::SetTimeZone(std::string time_zone) {
  std::lock_guard lock(mutex_);
  time_zone_ = std::move(time_zone);
}

std::string DumpFileChannel::time_zone() const {
  std::lock_guard lock(mutex_);
  return time_zone_;
}

void DumpFileChannel::SetBacklogLimit(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  backlog_limit_ = bytes;
}

void DumpFileChannel::Lock(const LocalDirectory& directory, const StopToken& stop) {
  constexpr Milliseconds kPatience{5000};
  {
    std::lock_guard lock(mutex_);
    if (lock_) return;
  }
  DirectoryLock mine(directory, kPatience, stop);
  std::lock_guard lock(mutex_);
  lock_.emplace(std::move(mine));
}

void DumpFileChannel::Unlock() noexcept {
  std::lock_guard lock(mutex_);
  lock_.reset();
}

}  // namespace dm::migration
