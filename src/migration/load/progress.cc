#include "migration/load/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace dm::migration {

void LoadProgress::Reset() {
  total_bytes = 0;
  finished_bytes = 0;
  finished = false;
  speed_.Reset(0);
}

void LoadProgress::SetBinlog(std::string position, std::string gtid) {
  std::lock_guard lock(mutex_);
  binlog_ = std::move(position);
  binlog_gtid_ = std::move(gtid);
}

std::optional<double> LoadProgress::RemainingSeconds() const {
  if (finished) return 0;
  const int64_t done = finished_bytes;
  speed_.Update(done);
  const double speed = speed_.PerSecond();
  if (speed <= 0) return std::nullopt;
  return static_cast<double>(std::max<int64_t>(total_bytes - done, 0)) / speed;
}

LoadProgress::Writing::Writing(LoadProgress& progress, std::string table)
    : progress_(progress), place_([&] {
        std::lock_guard lock(progress.mutex_);
        return progress.writing_.emplace(SteadyClock::now(), std::move(table));
      }()) {}

LoadProgress::Writing::~Writing() {
  std::lock_guard lock(progress_.mutex_);
  progress_.writing_.erase(place_);
}

std::string LoadProgress::SlowTransaction() const {
  std::lock_guard lock(mutex_);
  const auto now = SteadyClock::now();
  if (writing_.empty() || now - writing_.begin()->first < kSlowLoad) return "";
  const auto& [begin, table] = *writing_.begin();
  return fmt::format("(a transaction of {}, without an answer for {} s)", table,
                     std::chrono::duration_cast<std::chrono::seconds>(now - begin).count());
}

LoadStatus LoadProgress::Status() const {
  LoadStatus status;
  status.total_bytes = total_bytes;
  status.finished_bytes = finished_bytes;
  if (status.total_bytes > 0) {
    status.progress = fmt::format("{:.2f} %", static_cast<double>(status.finished_bytes) /
                                                  static_cast<double>(status.total_bytes) * 100);
  } else {
    status.progress = finished ? "100.00 %" : "0.00 %";
  }
  std::lock_guard lock(mutex_);
  status.meta_binlog = binlog_;
  status.meta_binlog_gtid = binlog_gtid_;
  speed_.Update(status.finished_bytes);
  // 0 says that nothing was written yet.
  if (status.finished_bytes > 0) {
    status.bps = std::max<int64_t>(std::llround(speed_.PerSecond()), 1);
  }
  return status;
}

}  // namespace dm::migration
