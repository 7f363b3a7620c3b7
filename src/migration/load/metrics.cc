#include "migration/load/metrics.h"

#include <utility>

namespace dm::migration {

namespace {

constexpr const char* kExitCount = "dm_loader_exit_with_error_count";
constexpr const char* kExitHelp = "counter for loader exits with error";

// Errors of a load that may go away by themselves.
bool MayHeal(const Error& error) {
  if (error.code() != static_cast<int>(ErrorCode::kLoadLightningRuntime)) return true;
  return error.raw_cause().find("doesn't exist") != std::string::npos ||
         error.raw_cause().find("is in mode import") != std::string::npos;
}

}  // namespace

LoadMetrics::LoadMetrics(const std::string& task, const std::string& source_id)
    : labels_{{"task", task}, {"source_id", source_id}} {}

Counter LoadMetrics::CounterOf(const char* name, const char* help, const char* state,
                               const char* result) const {
  Labels labels = labels_;
  labels["state"] = state;
  if (result != nullptr) labels["result"] = result;
  return Metrics().GetCounter(name, help, labels);
}

void LoadMetrics::Begin() {
  std::lock_guard lock(mutex_);
  open_ = true;
  total_ = 0;
  finished_ = 0;
  for (const char* resumable : {"true", "false"}) {
    Labels labels = labels_;
    labels["resumable_err"] = resumable;
    Metrics().GetCounter(kExitCount, kExitHelp, labels);
  }
}

void LoadMetrics::Update(const LoadProgress& progress) {
  std::lock_guard lock(mutex_);
  if (!open_) return;
  const auto total = static_cast<double>(progress.total_bytes);
  const auto finished = static_cast<double>(progress.finished_bytes);
  double more_total = 0;
  double more_finished = 0;
  if (total > total_) more_total = total - std::exchange(total_, total);
  if (finished > finished_) more_finished = finished - std::exchange(finished_, finished);
  if (const auto seconds = progress.RemainingSeconds()) {
    Metrics()
        .GetGauge("dm_load_remaining_seconds", "seconds until the load is done", labels_)
        .Set(*seconds);
  } else {
    Metrics().Remove("dm_load_remaining_seconds", labels_);
  }
  constexpr const char* kBytes = "lightning_bytes";
  constexpr const char* kBytesHelp = "count of total bytes";
  CounterOf(kBytes, kBytesHelp, "total_restore").Add(more_total);
  CounterOf(kBytes, kBytesHelp, "restored").Add(more_finished);
  for (const char* phase : {"total", "restore"}) {
    Labels labels = labels_;
    labels["phase"] = phase;
    Metrics()
        .GetGauge("lightning_progress", "progress of lightning phase", labels)
        .Set(total > 0           ? finished / total
             : progress.finished ? 1
                                 : 0);
  }
}

void LoadMetrics::CountTables(size_t tables, size_t files) {
  CounterOf("lightning_tables", "count number of tables processed", "completed", "success")
      .Add(static_cast<double>(tables));
  CounterOf("lightning_chunks", "count number of chunks processed", "finished")
      .Add(static_cast<double>(files));
}

void LoadMetrics::CountError(const Error& error) {
  Labels labels = labels_;
  labels["resumable_err"] = MayHeal(error) ? "true" : "false";
  Metrics().GetCounter(kExitCount, kExitHelp, labels).Add();
}

void LoadMetrics::Remove() {
  std::lock_guard lock(mutex_);
  open_ = false;
  Metrics().Remove("lightning_", labels_);
  Metrics().Remove("dm_load_remaining_seconds", labels_);
  Metrics().Remove(kExitCount, labels_);
}

}  // namespace dm::migration
