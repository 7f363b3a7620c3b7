#include "migration/sync/run_status.h"

namespace dm::migration {

namespace {

constexpr std::chrono::seconds kSlow{2};

}  // namespace

std::optional<mysql::Location> RunStatus::Committed(const Checkpoint& checkpoint) const {
  std::lock_guard lock(mutex_);
  if (queues_ == nullptr) return std::nullopt;
  return checkpoint.Committed(queues_->LowWater());
}

int64_t RunStatus::Lag(int64_t now) const {
  uint32_t oldest = 0;
  {
    std::lock_guard lock(mutex_);
    if (queues_ != nullptr) oldest = queues_->OldestTimestamp();
  }
  return lag.Seconds(oldest, now);
}

void RunStatus::SetQueues(const ApplyQueues* queues) {
  std::lock_guard lock(mutex_);
  queues_ = queues;
}

void RunStatus::SetReadPosition(const std::string& file, uint64_t offset) {
  std::lock_guard lock(mutex_);
  if (read_file_ != file) read_file_ = file;
  read_offset_ = offset;
}

mysql::BinlogPosition RunStatus::read_position() const {
  std::lock_guard lock(mutex_);
  return {read_file_, read_offset_};
}

void RunStatus::SetStatement(const std::string& text) {
  std::lock_guard lock(mutex_);
  statement_ = text;
  statement_begin_ = SteadyClock::now();
}

std::string RunStatus::SlowStatement() const {
  std::lock_guard lock(mutex_);
  return SteadyClock::now() - statement_begin_ < kSlow ? "" : statement_;
}

}  // namespace dm::migration
