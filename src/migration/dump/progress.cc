#include "migration/dump/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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
  speed_.Reset(0);
  row_speed_.Reset(0);
}

std::optional<double> DumpProgress::RemainingSeconds() const {
  const uint64_t rows = finished_rows;
  const uint64_t estimate = estimated_rows;
  row_speed_.Update(static_cast<int64_t>(rows));
  if (all_produced && completed_chunks >= produced_chunks) return 0;
  const double speed = row_speed_.PerSecond();
  if (speed <= 0 || estimate == 0) return std::nullopt;
  return estimate > rows ? static_cast<double>(estimate - rows) / speed : 0;
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
  speed_.Update(static_cast<int64_t>(bytes));
  // 0 says that nothing was written yet.
  if (bytes > 0) status.bps = std::max<int64_t>(std::llround(speed_.PerSecond()), 1);
  return status;
}

}  // namespace dm::migration
