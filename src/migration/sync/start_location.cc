#include "migration/sync/start_location.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/config/scalar.h"
#include "migration/dumpfile/metadata.h"
#include "migration/meta/load_meta.h"
#include "migration/sync/binlog_scan.h"
#include "mysql/binlog/event_source.h"
#include "mysql/binlog/events.h"
#include "mysql/binlog/location_recorder.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::EventType;
using mysql::Location;

namespace {

bool IsPreviousGtids(EventType type) {
  return type == EventType::kPreviousGtids || type == EventType::kMariaDbGtidList;
}

// Timestamp of a file's format description.
uint32_t FirstTimestamp(const std::string& file, const Sessions& sessions,
                        mysql::Connection& upstream, const StopToken& stop) {
  auto source = OpenScan({file, mysql::kBinlogMinOffset}, sessions, upstream, stop);
  for (;;) {
    mysql::RawEvent event = source->Next(stop);
    if (event.type() == EventType::kFormatDescription && event.header().timestamp != 0) {
      return event.header().timestamp;
    }
    if (event.type() != EventType::kRotate && event.header().timestamp != 0) {
      return event.header().timestamp;
    }
  }
}

}  // namespace

mysql::GtidSet GtidSetAt(const mysql::BinlogPosition& position, const Sessions& sessions,
                         const std::string& worker_name, const StopToken& stop) {
  (void)worker_name;
  auto upstream = mysql::Connection::Connect(sessions.upstream, stop);
  if (sessions.flavor == mysql::Flavor::kMariaDb) {
    std::optional<std::string> set = upstream->QueryValue(
        fmt::format("SELECT BINLOG_GTID_POS({}, {})",
                    mysql::QuoteString(mysql::StripRelaySuffix(position.file)), position.offset),
        stop);
    if (!set) {
      throw Error(ErrorCode::kSyncerGetEvent,
                  "the upstream knows no GTID set at " + position.ToString());
    }
    return mysql::GtidSet::Parse(sessions.flavor, *set);
  }
  mysql::GtidSet set(sessions.flavor);
  auto source = OpenScan({mysql::StripRelaySuffix(position.file), mysql::kBinlogMinOffset},
                         sessions, *upstream, stop);
  uint64_t offset = mysql::kBinlogMinOffset;
  try {
    while (offset < position.offset) {
      mysql::RawEvent event = source->Next(stop);
      if (event.IsFakeRotate() || event.header().artificial()) continue;
      offset += event.header().event_size;
      if (offset > position.offset) break;
      if (IsPreviousGtids(event.type())) set.Union(mysql::ParsePreviousGtids(event));
      if (IsGtidEvent(event.type())) {
        mysql::GtidEvent gtid = mysql::GtidEvent::Parse(event, source->format());
        if (!gtid.anonymous) set.Add(gtid.gtid);
      }
    }
  } catch (const mysql::EndOfLog&) {
    // The position is the end of the log.
  }
  std::string purged = upstream->QueryValue("SELECT @@GLOBAL.gtid_purged", stop).value_or("");
  set.Union(mysql::GtidSet::Parse(sessions.flavor, purged));
  return set;
}

Location FindStartTime(int64_t unix_seconds, const std::string& shown, const Sessions& sessions,
                       bool gtid_mode, const StopToken& stop) {
  auto upstream = mysql::Connection::Connect(sessions.upstream, stop);
  std::vector<std::string> files = BinaryLogs(*upstream, stop);
  if (files.empty()) {
    throw Error(ErrorCode::kSyncerGetEvent, "the upstream has no binary logs");
  }
  // The last file whose first event is before the time.
  size_t low = 0;
  size_t high = files.size();
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (FirstTimestamp(files[middle], sessions, *upstream, stop) < unix_seconds) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  Location location;
  location.position = {files[low == 0 ? 0 : low - 1], mysql::kBinlogMinOffset};
  mysql::GtidSet set(sessions.flavor);
  auto source = OpenScan(location.position, sessions, *upstream, stop);
  if (low == 0) {
    Log().Warn("start time is before the first binlog, beginning at the first",
               {F("start-time", shown), F("file", location.position.file)});
    for (int i = 0; i < 4; ++i) {
      mysql::RawEvent event = source->Next(stop);
      if (!IsPreviousGtids(event.type())) continue;
      set = mysql::ParsePreviousGtids(event);
      break;
    }
    if (gtid_mode) location.gtid_set = set;
    return location;
  }
  const bool newest = low == files.size();
  mysql::LocationRecorder recorder(sessions.flavor, location);
  mysql::GtidSet before_last(sessions.flavor);  // the last GTID; of a MariaDB
  try {
    for (;;) {
      mysql::RawEvent event = source->Next(stop);
      const bool begins =
          IsGtidEvent(event.type()) || (event.type() == EventType::kQuery &&
                                        !recorder.current_gtid() && !recorder.in_transaction());
      if (begins && event.header().timestamp >= unix_seconds) {
        location = recorder.end();
        if (gtid_mode) location.gtid_set = set;
        return location;
      }
      recorder.Update(event, source->format());
      if (recorder.abandoned()) set = before_last;  // the upstream gives its GTID once more
      if (recorder.end().position.file != location.position.file) {
        // The whole file is earlier: what follows begins the next one.
        location = recorder.end();
        if (gtid_mode) location.gtid_set = set;
        return location;
      }
      if (IsPreviousGtids(event.type()) && set.empty()) set = mysql::ParsePreviousGtids(event);
      if (IsGtidEvent(event.type())) {
        mysql::GtidEvent gtid = mysql::GtidEvent::Parse(event, source->format());
        if (sessions.flavor == mysql::Flavor::kMariaDb) before_last = set;
        if (!gtid.anonymous) set.Add(gtid.gtid);
      }
    }
  } catch (const mysql::EndOfLog&) {
    if (newest) throw MakeError(ErrorCode::kConfigStartTimeTooLate, shown);
  }
  location = recorder.end();
  if (gtid_mode) location.gtid_set = set;
  return location;
}

namespace {

// The dump directory may hold another dump by now than the one that was loaded: its position would
// lose or double what lies between.
void CheckLoadedDump(const SubtaskConfig& config, const Sessions& sessions, const std::string& id,
                     const StopToken& stop) {
  constexpr int kNoSuchTable = 1146;
  const auto downstream = mysql::Connection::Connect(sessions.downstream, stop);
  std::optional<std::string> loaded;
  try {
    loaded = LoadMeta(config.meta_schema, config.name, config.source_id).DumpId(*downstream, stop);
  } catch (const Error& e) {
    if (e.server_errno() != kNoSuchTable) throw;
  }
  if (!loaded || *loaded == id) return;
  throw Error(
      ErrorCode::kLoadCheckPointNotMatch,
      fmt::format("checkpoint and dump do not match: dump {} was loaded, and {} holds dump {}",
                  *loaded, config.loader.dir, id));
}

// A position becomes a GTID set: it has to be that server's which is asked.
void RequireServer(const UpstreamLog& log, const Location& location, const Sessions& sessions,
                   const StopToken& stop) {
  if (log.server.empty()) return;
  const auto upstream = mysql::Connection::Connect(sessions.upstream, stop);
  const std::string identity = mysql::ServerIdentity(*upstream, sessions.flavor, stop);
  if (identity == log.server) return;
  throw Error(ErrorCode::kSyncerGetEvent,
              fmt::format("get binlog event error: the position {} has no GTID set yet, and "
                          "another server answers, {} instead of {}: it cannot tell",
                          location.position.ToString(), identity, log.server))
      .SetScope(ErrorScope::kUpstream)
      .SetWorkaround(
          "Let the source's address lead to the first server once more, and resume the task. Or "
          "remove the task and start it anew: as a whole, or with task-mode incremental and a "
          "`meta` with binlog-gtid.");
}

// Unix time of what the upstream's clocks show as `local`; the earlier one, if they show it twice.
int64_t MomentUpstream(int64_t local, const Sessions& sessions, const StopToken& stop) {
  const auto upstream = mysql::Connection::Connect(sessions.upstream, stop);
  const mysql::ResultSet answer = upstream->Query(
      fmt::format("SELECT UNIX_TIMESTAMP(t), FROM_UNIXTIME(UNIX_TIMESTAMP(t) - 3600) = t FROM "
                  "(SELECT TIMESTAMP('1970-01-01 00:00:00') + INTERVAL {} SECOND AS t) AS shown",
                  local),
      stop);
  const auto& row = answer.rows.at(0);
  const int64_t moment = std::strtoll(row.at(0).value_or("0").c_str(), nullptr, 10);
  return row.at(1).value_or("0") == "1" ? moment - 3600 : moment;
}

}  // namespace

StartChoice ChooseStart(const SubtaskConfig& config, const Sessions& sessions,
                        const Checkpoint& checkpoint, const std::optional<TaskCliArgs>& arguments,
                        bool fresh, bool gtid_mode, const StopToken& stop) {
  StartChoice choice;
  if (arguments && !arguments->start_time.empty()) {
    StartTime time = ParseStartTime(arguments->start_time);
    const int64_t moment = time.offset ? (time.local - *time.offset).count()
                                       : MomentUpstream(time.local.count(), sessions, stop);
    choice.location = FindStartTime(moment, arguments->start_time, sessions, gtid_mode, stop);
    choice.from_start_time = true;
    Log().Info("begin at the start time of the command line",
               {F("start-time", arguments->start_time), F("location", choice.location.ToString())});
    return choice;
  }
  if (!fresh) {
    choice.location = checkpoint.flushed();
  } else if (config.mode == TaskMode::kAll || config.mode == TaskMode::kLoadAndSync) {
    DumpMetadata metadata = ReadDumpMetadata(config.loader.dir);
    CheckLoadedDump(config, sessions, metadata.id, stop);
    // The text of an empty set does not say whose it is.
    const auto of_upstream = [&](mysql::Location location) {
      if (location.gtid_set && location.gtid_set->empty()) {
        location.gtid_set = mysql::GtidSet(sessions.flavor);
      }
      return location;
    };
    choice.location = of_upstream(ToLocation(metadata.start));
    if (metadata.exit) choice.dump_exit = of_upstream(ToLocation(*metadata.exit));
    choice.from_dump = true;
  } else if (config.mode == TaskMode::kIncremental) {
    if (config.meta) {
      choice.location.position = {
          config.meta->binlog_name,
          std::max<uint64_t>(config.meta->binlog_pos, mysql::kBinlogMinOffset)};
      choice.location.gtid_set = mysql::GtidSet::Parse(sessions.flavor, config.meta->binlog_gtid);
    }
  } else {
    throw MakeError(ErrorCode::kCheckpointInvalidTaskMode, ToString(config.mode));
  }
  const bool no_set = choice.location.GtidText().empty();
  if (gtid_mode && no_set && !choice.location.position.file.empty() &&
      choice.location.position.offset > mysql::kBinlogMinOffset) {
    if (!fresh) RequireServer(checkpoint.UpstreamOf(0), choice.location, sessions, stop);
    choice.location.gtid_set = GtidSetAt(choice.location.position, sessions, "", stop);
    choice.completed_gtid = true;
    Log().Info("GTID set of the start position is completed",
               {F("location", choice.location.ToString())});
  }
  return choice;
}

}  // namespace dm::migration
