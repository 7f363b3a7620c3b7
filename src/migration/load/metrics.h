// What a load unit shows on /metrics.
#pragma once

#include <mutex>
#include <string>

#include "base/error/error.h"
#include "base/metrics/metrics.h"
#include "migration/load/progress.h"

namespace dm::migration {

// Series of one task and source. Thread-safe.
class LoadMetrics {
 public:
  LoadMetrics(const std::string& task, const std::string& source_id);

  // A run begins: the exit counters exist from now on; counted are the changes since.
  void Begin();
  void Update(const LoadProgress& progress);
  // All `tables` are loaded, from `files`.
  void CountTables(size_t tables, size_t files);
  void CountError(const Error& error);
  // Takes all series away; until the next Begin nothing is counted.
  void Remove();

 private:
  Counter CounterOf(const char* name, const char* help, const char* state,
                    const char* result = nullptr) const;

  const Labels labels_;
  std::mutex mutex_;  // guards the following; held while series are made and removed
  bool open_ = false;
  double total_ = 0;
  double finished_ = 0;
};

}  // namespace dm::migration
