// What a unit needs from outside its own files and databases. In dm-worker these reach the cluster;
// in tests and in the stand-alone mode they are local.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error/error.h"
#include "base/thread/stop.h"

namespace dm::migration {

// The worker's right to write. Thread-safe; MayWrite is an atomic read and a clock read.
class Fence {
 public:
  virtual ~Fence() = default;
  // Asked before each downstream transaction. Once false, nothing more may be sent.
  virtual bool MayWrite() const = 0;
  // How long a connection that writes may be silent until its server ends it
  // (mysql::ConnectOptions::idle_limit): so shortly that it is gone when another may write in the
  // place of a process that was stopped. 0: no limit.
  virtual std::chrono::seconds IdleLimit() const { return {}; }
};

// One-time arguments of the task for this source, kept in etcd until used.
struct TaskCliArgs {
  std::string start_time;
  std::string safe_mode_duration;
  std::string wait_time_on_stop;
};

class CliArgsPort {
 public:
  virtual ~CliArgsPort() = default;
  virtual std::optional<TaskCliArgs> Get() = 0;
  // Removes the used argument, keeping the others.
  virtual void ClearStartTime() = 0;
  virtual void ClearSafeModeDuration() = 0;
};

// The record "this worker holds the dump files of this task and source". Put throws Error
// kLoadTaskWorkerNotMatch (34017) and Delete does nothing if the source has another worker now.
class LoadTaskPort {
 public:
  virtual ~LoadTaskPort() = default;
  virtual void Put() = 0;
  virtual void Delete() = 0;
  // Name of the worker in the record; nullopt without a record.
  virtual std::optional<std::string> Holder() = 0;
};

// The upstream's newest position, cached by the source (refreshed in the background).
struct UpstreamPosition {
  std::string position;  // "(file, pos)"
  std::string gtid_set;
  // Names and sizes in bytes of all binlog files, oldest first; empty if they cannot be read. The
  // last one's size is that of when the file became the last.
  std::vector<std::pair<std::string, uint64_t>> files;
  // This machine's clock minus the upstream's.
  std::optional<Milliseconds> clock_offset;
  // When this was asked for: milliseconds of this machine's clock since 1970.
  int64_t asked_at = 0;
};

class SourceStatusPort {
 public:
  virtual ~SourceStatusPort() = default;
  virtual std::optional<UpstreamPosition> Latest() = 0;
};

// All ports; any pointer may be null, which means: not there (no cluster). Not owned; must outlive
// the unit.
struct UnitContext {
  std::string worker_name;
  Fence* fence = nullptr;
  CliArgsPort* cli_args = nullptr;
  LoadTaskPort* load_task = nullptr;
  SourceStatusPort* source_status = nullptr;
  // Another one for each start of the task; stays while the subtask is continued, by this or
  // another process. 0: unknown.
  int64_t start_revision = 0;

  std::chrono::seconds IdleLimit() const {
    return fence == nullptr ? std::chrono::seconds() : fence->IdleLimit();
  }
};

}  // namespace dm::migration
