#include "migration/load/progress.h"

#include <fmt/format.h>

#include <utility>

namespace dm::migration {

void LoadProgress::Reset() {
  total_bytes = 0;
  finished_bytes = 0;
  finished = false;
  std::lock_guard lock(mutex_);
  last_bytes_ = 0;
  last_bps_ = 0;
  last_time_ = std::chrono::steady_clock::now();
}

void LoadProgress::SetBinlog(std::string position, std::string gtid) {
  std::lock_guard lock(mutex_);
  binlog_ = std::move(position);
  binlog_gtid_ = std::move(gtid);
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
  const auto now = std::chrono::steady_clock::now();
  if (status.finished_bytes > last_bytes_) {
    const double seconds = std::chrono::duration<double>(now - last_time_).count();
    const auto bps = static_cast<int64_t>(static_cast<double>(status.finished_bytes - last_bytes_) /
                                          (seconds > 0 ? seconds : 1e-9));
    last_bps_ = bps > 0 ? bps : 1;
    last_bytes_ = status.finished_bytes;
    last_time_ = now;
  }
  status.bps = last_bps_;
  return status;
}

}  // namespace dm::migration
