#include "migration/dump/progress.h"

#include <fmt/format.h>

namespace dm::migration {

void DumpProgress::Reset() {
  total_tables = 0;
  completed_tables = 0;
  finished_bytes = 0;
  finished_rows = 0;
  estimated_rows = 0;
  produced_chunks = 0;
  completed_chunks = 0;
  all_produced = false;
  std::lock_guard lock(mutex_);
  last_bytes_ = 0;
  last_bps_ = 0;
  last_time_ = std::chrono::steady_clock::now();
}

DumpStatus DumpProgress::Status() const {
  DumpStatus status;
  status.total_tables = total_tables;
  status.completed_tables = static_cast<double>(completed_tables);
  const uint64_t bytes = finished_bytes;
  status.finished_bytes = static_cast<double>(bytes);
  status.finished_rows = static_cast<double>(finished_rows);
  status.estimate_total_rows = static_cast<double>(estimated_rows);
  if (all_produced) {
    const uint64_t total = produced_chunks;
    const uint64_t done = completed_chunks;
    if (total == 0 || done > total) {
      status.progress = "100 %";
    } else {
      status.progress =
          fmt::format("{:5.2f} %", static_cast<double>(done) / static_cast<double>(total) * 100);
    }
  }
  std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (bytes > last_bytes_) {
    const double seconds = std::chrono::duration<double>(now - last_time_).count();
    const auto bps = static_cast<int64_t>(static_cast<double>(bytes - last_bytes_) /
                                          (seconds > 0 ? seconds : 1e-9));
    last_bps_ = bps > 0 ? bps : 1;
    last_bytes_ = bytes;
    last_time_ = now;
  }
  status.bps = last_bps_;
  return status;
}

}  // namespace dm::migration
