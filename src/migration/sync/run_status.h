// What observers are told of a run while it goes on.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "migration/sync/apply_queue.h"
#include "migration/sync/apply_worker.h"
#include "migration/sync/checkpoint.h"
#include "migration/sync/lag.h"
#include "migration/unit/rate_meter.h"
#include "migration/unit/wait_note.h"
#include "mysql/position/location.h"

namespace dm::migration {

// What a run tells its observers, and what stays of it for the next one. Thread-safe.
struct RunStatus {
  ApplyStats stats;
  std::atomic<int64_t> ddls{0};
  std::atomic<int64_t> binlog_bytes{0};  // read from the upstream's binlog
  std::atomic<bool> streamed{false};     // has there been an event?
  // The upstream did not send what follows the saved location: it is purged, or another log.
  std::atomic<bool> unreadable{false};
  // A start time of the command line is to be used: what is saved is of another place.
  std::atomic<bool> begins_elsewhere{false};
  LagMeter lag;
  RateMeter row_rate;   // of rows and statements
  RateMeter byte_rate;  // of binlog_bytes

  // Row changes and statements done.
  int64_t done() const { return stats.rows + ddls; }

  // Up to where everything is committed downstream; nullopt: no run is under way.
  std::optional<mysql::Location> Committed(const Checkpoint& checkpoint) const;
  // Seconds behind, by what the run knows.
  int64_t Lag(int64_t now) const;
  // `queues`: of the run that begins; null: it ends.
  void SetQueues(const ApplyQueues* queues);
  // Where the stream is read.
  void SetReadPosition(const std::string& file, uint64_t offset);
  mysql::BinlogPosition read_position() const;
  WaitNote statement;  // that the downstream is executing
  WaitNote saving;     // of the checkpoint
  // What the downstream has been at for longer than is usual: statements as they are, all else in
  // parentheses.
  std::vector<std::string> Blocking() const;

 private:
  mutable std::mutex mutex_;
  const ApplyQueues* queues_ = nullptr;
  std::string read_file_;
  uint64_t read_offset_ = 0;
};

}  // namespace dm::migration
