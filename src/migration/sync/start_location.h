// Where a run begins.
#pragma once

#include <optional>

#include "base/thread/stop.h"
#include "migration/config/subtask.h"
#include "migration/sync/checkpoint.h"
#include "migration/sync/session.h"
#include "migration/unit/ports.h"
#include "mysql/position/location.h"

namespace dm::migration {

struct StartChoice {
  // Its GTID set is all that the upstream had executed; absent without GTID mode if that is not
  // known.
  mysql::Location location;
  // Of the dump: data up to here may be in the tables already.
  std::optional<mysql::Location> dump_exit;
  bool from_dump = false;        // the dump directory's metadata decided
  bool from_start_time = false;  // the command line decided: table points are void
  bool completed_gtid = false;   // the GTID set was missing and has been found
};

// In order: start time of the command line, the checkpoint, the dump's metadata, the task's `meta`.
// Throws Error kConfigStartTimeTooLate (20057), kParseMydumperMeta (11001),
// kCheckpointInvalidTaskMode (24001), or of the connection.
StartChoice ChooseStart(const SubtaskConfig& config, const Sessions& sessions,
                        const Checkpoint& checkpoint, const std::optional<TaskCliArgs>& arguments,
                        bool fresh, bool gtid_mode, const StopToken& stop);

// The executed set at a position that came without one. Throws Error, kSyncerGetEvent (36069) if
// the upstream has not got the position.
mysql::GtidSet GtidSetAt(const mysql::BinlogPosition& position, const Sessions& sessions,
                         const StopToken& stop);

// The end of the last transaction that began before `unix_seconds`. Throws Error
// kConfigStartTimeTooLate if nothing in the binlog is as late.
mysql::Location FindStartTime(int64_t unix_seconds, const std::string& shown,
                              const Sessions& sessions, bool gtid_mode, const StopToken& stop);

}  // namespace dm::migration
