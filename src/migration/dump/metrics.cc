#include "migration/dump/metrics.h"

#include <utility>

namespace dm::migration {

namespace {

constexpr const char* kExitCount = "dm_dumpling_exit_with_error_count";
constexpr const char* kErrorCount = "dumpling_dump_error_count";

}  // namespace

DumpMetrics::DumpMetrics(const std::string& task, const std::string& source_id)
    : labels_{{"task", task}, {"source_id", source_id}} {}

void DumpMetrics::Begin() {
  std::lock_guard lock(mutex_);
  open_ = true;
  tables_ = 0;
  rows_ = 0;
  for (const char* resumable : {"true", "false"}) {
    Labels labels = labels_;
    labels["resumable_err"] = resumable;
    Metrics().GetCounter(kExitCount, "counter for dumpling exit with error", labels);
  }
  Metrics().GetCounter(kErrorCount, "counter for dumpling error during dumping", labels_);
}

void DumpMetrics::Update(const DumpProgress& progress) {
  std::lock_guard lock(mutex_);
  if (!open_) return;
  MetricsRegistry& metrics = Metrics();
  metrics
      .GetGauge("dumpling_dump_finished_size", "counter for dumpling finished file size", labels_)
      .Set(static_cast<double>(progress.finished_bytes));
  metrics.GetGauge("dumpling_dump_finished_rows", "counter for dumpling finished rows", labels_)
      .Set(static_cast<double>(progress.finished_rows));
  if (const auto seconds = progress.RemainingSeconds()) {
    metrics.GetGauge("dm_dump_remaining_seconds", "seconds until the dump is done", labels_)
        .Set(*seconds);
  } else {
    metrics.Remove("dm_dump_remaining_seconds", labels_);
  }
  const auto rows = static_cast<double>(progress.estimated_rows);
  const auto tables = static_cast<double>(progress.completed_tables);
  double more_rows = 0;
  double more_tables = 0;
  if (rows > rows_) more_rows = rows - std::exchange(rows_, rows);
  if (tables > tables_) more_tables = tables - std::exchange(tables_, tables);
  metrics
      .GetCounter("dumpling_dump_estimate_total_rows", "estimate total rows for dumpling tables",
                  labels_)
      .Add(more_rows);
  metrics
      .GetCounter("dumpling_dump_finished_tables", "counter for dumpling finished tables", labels_)
      .Add(more_tables);
}

void DumpMetrics::CountError() {
  Labels labels = labels_;
  // What made a dump fail is for a human to look at.
  labels["resumable_err"] = "false";
  Metrics().GetCounter(kExitCount, "counter for dumpling exit with error", labels).Add();
  Metrics().GetCounter(kErrorCount, "counter for dumpling error during dumping", labels_).Add();
}

void DumpMetrics::Remove() {
  std::lock_guard lock(mutex_);
  open_ = false;
  Metrics().Remove("dumpling_", labels_);
  Metrics().Remove("dm_dump_remaining_seconds", labels_);
  Metrics().Remove(kExitCount, labels_);
}

}  // namespace dm::migration
