#include "migration/sync/run_status.h"

#include <fmt/format.h>

#include <utility>

namespace dm::migration {

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

std::vector<std::string> RunStatus::Blocking() const {
  std::vector<std::string> out;
  if (std::string slow = statement.After(kSlowWait); !slow.empty()) out.push_back(std::move(slow));
  {
    std::lock_guard lock(mutex_);
    const auto oldest = queues_ != nullptr ? queues_->OldestBatch() : std::nullopt;
    const auto now = SteadyClock::now();
    if (oldest && now - oldest->since >= kSlowTransaction) {
      out.push_back(fmt::format(
          "(a transaction of {} changes{}, without an answer for {} s)", oldest->changes,
          oldest->table.empty() ? "" : ", the first one of " + oldest->table,
          std::chrono::duration_cast<std::chrono::seconds>(now - oldest->since).count()));
    }
  }
  if (std::string slow = saving.After(kSlowTransaction); !slow.empty()) {
    out.push_back(std::move(slow));
  }
  return out;
}

}  // namespace dm::migration
