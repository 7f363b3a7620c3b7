// What a dump unit shows on /metrics.
#pragma once

#include <mutex>
#include <string>

#include "base/metrics/metrics.h"
#include "migration/dump/progress.h"

namespace dm::migration {

// Series of one task and source. Thread-safe.
class DumpMetrics {
 public:
  DumpMetrics(const std::string& task, const std::string& source_id);

  // A run begins: the exit counters exist from now on; counted are the changes since.
  void Begin();
  void Update(const DumpProgress& progress);
  void CountError();
  // Takes all series away; until the next Begin nothing is counted.
  void Remove();

 private:
  const Labels labels_;
  std::mutex mutex_;  // guards the following; held while series are made and removed
  bool open_ = false;
  double tables_ = 0;
  double rows_ = 0;
};

}  // namespace dm::migration
