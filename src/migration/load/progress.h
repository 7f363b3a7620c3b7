// Counters of a running load and what users see of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "migration/unit/rate_meter.h"
#include "migration/unit/unit.h"
#include "migration/unit/wait_note.h"

namespace dm::migration {

// Thread-safe.
class LoadProgress {
 public:
  std::atomic<int64_t> total_bytes{0};     // of data files
  std::atomic<int64_t> finished_bytes{0};  // committed downstream, before restarts too
  std::atomic<bool> finished{false};

  // A transaction that is being written, from its begin to its end.
  class Writing {
   public:
    // `table`: for users. `progress` must outlive it.
    Writing(LoadProgress& progress, std::string table);
    ~Writing();
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

   private:
    LoadProgress& progress_;
    const std::multimap<SteadyClock::time_point, std::string>::iterator place_;
  };

  // A new dump: everything from zero.
  void Reset();
  // Position of the dump as users see it.
  void SetBinlog(std::string position, std::string gtid);
  // Counting begins at what was finished before.
  void BeginSpeed() { speed_.Reset(finished_bytes); }
  LoadStatus Status() const;
  // The transaction that is being written for longer than is usual, for users; empty: none is.
  std::string SlowTransaction() const;
  // By the bytes left and the speed; nullopt while that is not known.
  std::optional<double> RemainingSeconds() const;

 private:
  mutable RateMeter speed_;
  mutable std::mutex mutex_;  // guards the following
  std::string binlog_;
  std::string binlog_gtid_;
  std::multimap<SteadyClock::time_point, std::string> writing_;  // tables of transactions, by begin
};

}  // namespace dm::migration
