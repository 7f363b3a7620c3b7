// A processing unit of a subtask and what it reports. Knows nothing of the cluster; what it needs
// from outside are the ports in its context (ports.h).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error/error.h"
#include "base/thread/stop.h"

namespace dm::migration {

struct SubtaskConfig;

// How hard a run is asked to end. Later values override earlier ones.
enum class Ending {
  kNone,
  kPause,  // finish the transaction in flight, flush
  kStop,   // as kPause, then release everything
  kKill    // touch nothing: the fence is lost
};

// A request to end a run; made by one side, observed by the unit. Thread-safe.
class EndingRequest {
 public:
  // Raises the request to `ending` if that is harder than what was asked for before. `graceful()`
  // stops at kPause, `kill()` at kKill (which stops both).
  void Request(Ending ending);
  Ending ending() const;
  // Stops as soon as any ending is requested: reading and waiting end here.
  StopToken graceful() const { return graceful_.get_token(); }
  // Stops only at kKill: downstream statements in flight are cut here.
  StopToken kill() const { return kill_.get_token(); }

 private:
  mutable std::mutex mutex_;
  Ending ending_ = Ending::kNone;
  StopSource graceful_;
  StopSource kill_;
};

// Outcome of one Run. No errors and not cancelled: the unit's work is complete.
struct UnitResult {
  bool is_canceled = false;
  std::vector<Error> errors;
};

struct DumpStatus {
  int64_t total_tables = 0;
  double completed_tables = 0;
  double finished_bytes = 0;
  double finished_rows = 0;
  double estimate_total_rows = 0;
  int64_t bps = 0;
  std::string progress;  // "12.34 %"
};

struct LoadStatus {
  int64_t finished_bytes = 0;
  int64_t total_bytes = 0;
  std::string progress;  // "12.34 %"
  std::string meta_binlog;
  std::string meta_binlog_gtid;
  int64_t bps = 0;
};

// A sharding group that is not in step.
struct ShardingGroup {
  std::string target;
  std::vector<std::string> ddls;
  std::string first_location;
  std::vector<std::string> synced;
  std::vector<std::string> unsynced;
};

struct SyncStatus {
  int64_t total_rows = 0;
  int64_t total_rps = 0;
  int64_t recent_rps = 0;
  std::string master_binlog;  // "(file, pos)"
  std::string master_binlog_gtid;
  std::string syncer_binlog;  // flushed global point
  std::string syncer_binlog_gtid;
  std::vector<std::string> blocking_ddls;
  std::vector<ShardingGroup> unresolved_groups;
  bool synced = false;
  std::string binlog_type = "unknown";
  int64_t seconds_behind_master = 0;
  std::string block_ddl_owner;
  std::string conflict_msg;
  uint64_t io_total_bytes = 0;
  uint64_t dump_io_total_bytes = 0;
};

using UnitStatus = std::variant<std::monostate, DumpStatus, LoadStatus, SyncStatus>;

// Numbers are those of the wire.
enum class UnitType { kInvalid = 0, kCheck = 1, kDump = 2, kLoad = 3, kSync = 4, kRelay = 100 };

// "Dump", "Load", "Sync", ... as shown to users.
std::string_view ToString(UnitType type);

// A processing unit. Run and Update are called by the subtask's thread only, one at a time.
class Unit {
 public:
  virtual ~Unit() = default;
  virtual UnitType Type() const = 0;
  // Opens what the run needs, within 60 s; throws Error. A resume calls it only if the unit is not
  // initialised.
  virtual void Init(const StopToken& stop) = 0;
  // True if this unit has left no trace yet: decides at which unit a subtask continues.
  virtual bool IsFresh(const StopToken& stop) = 0;
  // Runs to completion, to the first unrecoverable error, or until an ending is asked for. Called
  // again after a pause (resume): resets connections and run state itself. Never throws.
  virtual UnitResult Run(EndingRequest& ending) = 0;
  // Takes over a changed configuration; only while not running. Throws Error if the change needs a
  // restart.
  virtual void Update(const SubtaskConfig& config) = 0;
  // Releases everything; the unit may be dropped or initialised again.
  virtual void Close() noexcept = 0;
  // Callable at any time from any thread, like the following two.
  virtual UnitStatus Status() const = 0;
  // Brings what /metrics shows of this unit up to date.
  virtual void RefreshMetrics() {}
  // Writes how far the unit is to the log: at every query of the status, and every 30 s.
  virtual void LogProgress() {}
};

}  // namespace dm::migration
