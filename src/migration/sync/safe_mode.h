// When changes are written so that repeating them is harmless.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/thread/stop.h"
#include "mysql/position/location.h"

namespace dm::migration {

// What decides safe mode when a run begins.
struct SafeModeStart {
  bool configured = false;  // `safe-mode: true`: for the whole life
  // From the command line: lasts this long in binlog time, instead of `duration`. What may be
  // downstream already needs safe mode all the same.
  std::optional<std::chrono::nanoseconds> binlog_duration;
  std::chrono::nanoseconds duration{};        // after every start, in wall-clock time
  mysql::Location begin;                      // where the run begins
  std::optional<mysql::Location> exit_point;  // data up to here may be downstream already
  // The exit point alone does not tell what may be downstream: another upstream server may have
  // given it, which may be behind the one that was read. All of that is not younger than this, in
  // seconds since 1970; 0: the exit point is enough.
  uint64_t exit_time = 0;
  // Each change of this task is applied once, in safe mode or not: neither an exit point nor the
  // first time of a run that begins behind its own data needs safe mode. It would do harm: a
  // REPLACE is no update where foreign keys are checked.
  bool each_once = false;
  // Somebody else may have put data downstream that are younger than `begin`: safe mode lasts for
  // `duration` and until the exit point, whichever is later.
  bool unknown_begin = false;
  bool gtid_mode = false;
};

// Of exit points and locations. `gtid_mode`: GTID sets count where both have one, else positions,
// which must be of one server's log.
//
// Do both cover the same transactions?
bool CoverTheSame(const mysql::Location& a, const mysql::Location& b, bool gtid_mode);

// Does all that has come with `end` include everything up to `exit`?
bool IsBehind(const mysql::Location& exit, const mysql::Location& end, bool gtid_mode);

// The smallest that covers what either of two covers.
mysql::Location Later(const mysql::Location& a, const mysql::Location& b, bool gtid_mode);

// A state machine without clock or I/O of its own. One owner thread.
class SafeMode {
 public:
  enum class Change {
    kNone,
    // The exit point is reached with the event, or with its transaction: clear it durably when that
    // has ended and before anything behind it is read, then call LeaveExitPoint(). Else a run that
    // is killed behind it, and had saved just this place, would be followed by one that takes the
    // equal exit point for "nothing to repeat".
    kExitPointReached,
    kDurationOver,  // the command line's duration is used up: remove the argument
  };

  // Throws Error kSyncerReprocessWithSafeModeFail (36071) if the exit point needs safe mode and the
  // duration is zero. Returns true if the exit point equals the begin: it is to be cleared durably.
  bool Begin(const SafeModeStart& start, SteadyClock::time_point now);

  bool on() const { return configured_ || binlog_ || exit_ || timed_; }

  // Asked for every event before it is handled. `timestamp` is the event's (0: it has none),
  // `is_format` tells a format description.
  Change BeforeEvent(uint32_t timestamp, bool is_format, const mysql::Location& end,
                     SteadyClock::time_point now);
  // What safe mode lasts for, until that was dealt with.
  const std::optional<mysql::Location>& exit_point() const { return exit_; }
  // False: more than the exit point may be downstream, see SafeModeStart::exit_time.
  bool knows_its_exit() const { return !exit_ || exit_time_ == 0; }
  // After kExitPointReached was dealt with.
  void LeaveExitPoint() { exit_.reset(); }

 private:
  bool gtid_mode_ = false;
  bool configured_ = false;
  std::optional<std::chrono::nanoseconds> binlog_;
  std::optional<uint64_t> binlog_end_;  // seconds
  std::optional<mysql::Location> exit_;
  uint64_t exit_time_ = 0;
  bool timed_ = false;
  SteadyClock::time_point timed_end_;
};

}  // namespace dm::migration
