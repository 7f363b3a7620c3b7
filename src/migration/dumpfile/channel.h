// What the dump unit hands to the load unit of the same subtask inside the process: facts about the
// upstream, and every file as soon as it is closed, so that loading may begin while dumping goes
// on.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/thread/stop.h"
#include "migration/dumpfile/file_name.h"
#include "migration/storage/local_directory.h"
#include "migration/unit/wait_note.h"

namespace dm::migration {

// A closed file of a dump that goes on.
struct DumpedFile {
  std::string path;  // relative to the dump directory
  DumpFileKind kind = DumpFileKind::kData;
  std::string schema;
  std::string table;
  uint64_t size = 0;
};

// One producer (the dump unit), at most one consumer (the load unit), made together by the subtask
// and shared by both. A dump run is Begin, Publish..., then Complete or Abort. The consumer works
// on threads of its own; the subtask runs both units in sequence as if there were no channel.
// Thread-safe.
class DumpFileChannel {
 public:
  // Called by the channel on the producer's thread. `begin`: a dump from scratch begins and has
  // written nothing yet; may throw Error, which fails the dump. `abort`: the dump has failed or was
  // ended (`kill`: the fence is lost, touch nothing); returns when the consumer's threads have
  // ended.
  struct Consumer {
    std::function<void(const StopToken& stop)> begin;
    std::function<void(bool kill)> abort;
  };
  DumpFileChannel();
  void SetConsumer(Consumer consumer);

  // Producer side.
  void Begin(const StopToken& stop);
  void Publish(DumpedFile file);
  // Waits while the consumer is behind by more than the limit, at most so long. Is there room now?
  // Throws Cancelled.
  bool WaitForRoom(Milliseconds limit, const StopToken& stop);
  void Complete();
  void Abort(bool kill);

  // Consumer side. nullopt: the dump is complete and all files were taken, or it was aborted.
  std::optional<DumpedFile> Next(const StopToken& stop);
  // The consumer has dealt with a file of this size.
  void Done(uint64_t size);
  // The consumer takes no more files of this dump: the producer never waits for it again.
  void Abandon();
  // Is the last dump run complete?
  bool complete() const;

  // Global sql_mode of the upstream as the dump unit read it at Init; empty before, or without one.
  void SetUpstreamSqlMode(std::string sql_mode);
  std::string upstream_sql_mode() const;
  // Zone in which the dump unit writes TIMESTAMPs, decided at its Init; empty before, or without
  // one.
  void SetTimeZone(std::string time_zone);
  std::string time_zone() const;

  // The lock on the dump directory, which the units of the subtask take together: from the first
  // call on it is held until Unlock or the end of the channel. Waits a few seconds and throws as
  // DirectoryLock. One unit at a time calls it.
  void Lock(const LocalDirectory& directory, const StopToken& stop);
  void Unlock() noexcept;

  // What the consumer waits for downstream.
  WaitNote waits;

  // Bytes that may wait for the consumer before the dump pauses; for tests.
  void SetBacklogLimit(uint64_t bytes);

 private:
  enum class State { kIdle, kRunning, kComplete, kAborted };

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Consumer consumer_;
  State state_ = State::kIdle;
  std::deque<DumpedFile> files_;
  uint64_t backlog_limit_;
  uint64_t backlog_ = 0;  // bytes published and not done
  bool abandoned_ = false;
  std::string upstream_sql_mode_;
  std::string time_zone_;
  std::optional<DirectoryLock> lock_;
};

}  // namespace dm::migration
