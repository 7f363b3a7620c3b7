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
#include "migration/meta/names.h"
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

namespace {

// Of a server that was made of a copy, say: in no binlog file, but behind every position.
mysql::GtidSet PurgedSet(const Sessions& sessions, mysql::Connection& upstream,
                         const StopToken& stop) {
  if (sessions.flavor == mysql::Flavor::kMariaDb) return mysql::GtidSet(sessions.flavor);
  return mysql::GtidSet::Parse(
      sessions.flavor, upstream.QueryValue("SELECT @@GLOBAL.gtid_purged", stop).value_or(""));
}

bool IsHeadOfFile(EventType type) {
  return type == EventType::kRotate || type == EventType::kFormatDescription ||
         type == EventType::kMariaDbStartEncryption || IsPreviousGtids(type);
}

}  // namespace

mysql::GtidSet GtidSetAt(const mysql::BinlogPosition& position, const Sessions& sessions,
                         const StopToken& stop) {
  auto upstream = mysql::Connection::Connect(sessions.upstream, stop);
  if (sessions.flavor == mysql::Flavor::kMariaDb) {
    std::optional<std::string> set = upstream->QueryValue(
        fmt::format("SELECT BINLOG_GTID_POS({}, {})",
                    mysql::QuoteString(mysql::StripRelaySuffix(position.file)), position.offset),
        stop);
    if (!set) {
      Location place;
      place.position = position;
      throw NotUpstream(place, Error(ErrorCode::kSyncerGetEvent, "it knows no GTID set there"));
    }
    return mysql::GtidSet::Parse(sessions.flavor, *set);
  }
  Location begin;
  begin.position = {mysql::StripRelaySuffix(position.file), mysql::kBinlogMinOffset};
  begin.gtid_set.emplace(sessions.flavor);
  mysql::GtidSet set(sessions.flavor);
  // A transaction that the position is inside of is not behind it.
  mysql::GtidSet ended(sessions.flavor);
  try {
    auto source = OpenScan(begin.position, sessions, *upstream, stop);
    mysql::LocationRecorder recorder(begin);
    // The list at the file's begin counts whatever the offset is.
    for (bool head = true; head || recorder.read_offset() < position.offset;) {
      mysql::RawEvent event = source->Next(stop);
      recorder.Update(event, source->format());
      if (recorder.end().position.file != begin.position.file) break;
      if (IsPreviousGtids(event.type())) set.Union(mysql::ParsePreviousGtids(event));
      head = head && IsHeadOfFile(event.type()) && !IsPreviousGtids(event.type());
      if (recorder.at_transaction_end() && recorder.read_offset() <= position.offset) {
        ended = *recorder.transaction_end().gtid_set;
      }
    }
  } catch (const mysql::EndOfLog&) {
    // The position is the end of the log.
  } catch (const Error& e) {
    if (!IsGone(e)) throw;
    Location place;
    place.position = position;
    throw NotUpstream(place, e);
  }
  set.Union(ended);
  set.Union(PurgedSet(sessions, *upstream, stop));
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
  if (low == 0) {
    Log().Warn("start time is before the first binlog, beginning at the first",
               {F("start-time", shown), F("file", location.position.file)});
    if (gtid_mode) location.gtid_set = GtidSetAt(location.position, sessions, stop);
    return location;
  }
  mysql::GtidSet set(sessions.flavor);
  const auto found = [&](Location place) {
    if (gtid_mode) {
      set.Union(PurgedSet(sessions, *upstream, stop));
      place.gtid_set = set;
    }
    return place;
  };
  auto source = OpenScan(location.position, sessions, *upstream, stop);
  const bool newest = low == files.size();
  mysql::LocationRecorder recorder(location);
  // What to take back if the last transaction has no end: the upstream gives its GTID once more. (A
  // set of MariaDB has one GTID a domain, so that of before is kept.)
  const bool mariadb = sessions.flavor == mysql::Flavor::kMariaDb;
  mysql::GtidSet before_last(sessions.flavor);
  mysql::GtidSet last(sessions.flavor);
  const auto take_back = [&] {
    if (mariadb) {
      set = before_last;
    } else {
      set.Subtract(last);
    }
  };
  try {
    for (;;) {
      mysql::RawEvent event = source->Next(stop);
      const bool begins =
          IsGtidEvent(event.type()) || (event.type() == EventType::kQuery &&
                                        !recorder.current_gtid() && !recorder.in_transaction());
      if (begins && event.header().timestamp >= unix_seconds) return found(recorder.end());
      recorder.Update(event, source->format());
      if (recorder.abandoned()) take_back();
      if (recorder.end().position.file != location.position.file) {
        return found(recorder.end());  // the whole file is earlier
      }
      if (IsPreviousGtids(event.type()) && set.empty()) set = mysql::ParsePreviousGtids(event);
      if (IsGtidEvent(event.type())) {
        mysql::GtidEvent gtid = mysql::GtidEvent::Parse(event, source->format());
        if (mariadb) before_last = set;
        last = mysql::GtidSet(sessions.flavor);
        if (gtid.anonymous) continue;
        last.Add(gtid.gtid);
        set.Add(gtid.gtid);
      }
    }
  } catch (const mysql::EndOfLog&) {
    if (newest) throw MakeError(ErrorCode::kConfigStartTimeTooLate, shown);
  }
  return found(recorder.end());
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
    loaded = LoadMeta(config.meta_schema, config.name, config.source_id, sessions.downstream_folds)
                 .DumpId(*downstream, stop);
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

// A MariaDB whose binlog is empty accepts any GTID set, as if the reader were ahead: what it had
// before a RESET MASTER would be missing without a word.
void RequireHistory(const Location& location, const Sessions& sessions, const StopToken& stop) {
  if (sessions.flavor != mysql::Flavor::kMariaDb || location.gtid_set->empty()) return;
  const auto upstream = mysql::Connection::Connect(sessions.upstream, stop);
  for (const char* variable : {"@@GLOBAL.gtid_binlog_state", "@@GLOBAL.gtid_slave_pos"}) {
    const std::string known =
        upstream->QueryValue(std::string("SELECT ") + variable, stop).value_or("");
    if (!known.empty()) return;
  }
  throw NotUpstream(location,
                    Error(ErrorCode::kSyncerGetEvent, "its binlog has no GTIDs any more"));
}

mysql::GtidSet HeadOf(const std::string& file, const Sessions& sessions,
                      mysql::Connection& upstream, const StopToken& stop) {
  mysql::GtidSet head(sessions.flavor);
  try {
    auto source = OpenScan({file, mysql::kBinlogMinOffset}, sessions, upstream, stop);
    for (;;) {
      const mysql::RawEvent event = source->Next(stop);
      if (IsPreviousGtids(event.type())) return mysql::ParsePreviousGtids(event);
      if (!IsHeadOfFile(event.type())) return head;
    }
  } catch (const mysql::EndOfLog&) {
    return head;
  }
}

// Of `set`, what the upstream has: in `executed`.
mysql::GtidSet Common(const mysql::GtidSet& set, const mysql::GtidSet& executed) {
  mysql::GtidSet common(set.flavor());
  if (set.flavor() != mysql::Flavor::kMariaDb) {
    mysql::GtidSet others = executed;
    others.Subtract(set);
    common = executed;
    common.Subtract(others);
    return common;
  }
  for (const auto& [domain, state] : executed.domains()) {
    const auto found = set.domains().find(domain);
    if (found == set.domains().end()) continue;
    for (const auto& [server, sequence] : found->second.servers) {
      const auto there = state.servers.find(server);
      if (there == state.servers.end()) continue;
      common.Add(mysql::MariaDbGtid{domain, server, std::min(sequence, there->second)});
    }
  }
  return common;
}

// What the upstream's log has up to the last transaction of `common`, which is not empty. Empty if
// all of `common` is purged.
mysql::GtidSet LoggedUpTo(const mysql::GtidSet& common, const Sessions& sessions,
                          mysql::Connection& upstream, const StopToken& stop) {
  const std::vector<std::string> files = BinaryLogs(upstream, stop);
  // The first file that has all of it behind it; the last transaction is in the one before.
  size_t low = 0;
  size_t high = files.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (HeadOf(files[middle], sessions, upstream, stop).Contains(common)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  mysql::GtidSet logged(sessions.flavor);
  if (low == 0) return logged;
  try {
    auto source = OpenScan({files[low - 1], mysql::kBinlogMinOffset}, sessions, upstream, stop);
    while (!logged.Contains(common)) {
      const mysql::RawEvent event = source->Next(stop);
      if (IsPreviousGtids(event.type())) logged.Union(mysql::ParsePreviousGtids(event));
      if (!IsGtidEvent(event.type())) continue;
      const mysql::GtidEvent gtid = mysql::GtidEvent::Parse(event, source->format());
      if (!gtid.anonymous) logged.Add(gtid.gtid);
    }
  } catch (const mysql::EndOfLog&) {
    // The last transaction is being written.
  }
  return logged;
}

// What makes a set doubtful that was perhaps not read from the log's begin on: transactions that
// the upstream would send though they come before the set's last one in its log, and are of a
// source (a domain of MariaDB) that the set lacks or before the first ones of their source there.
// What came later is still to be sent: also that of a server that was made the upstream meanwhile.
mysql::GtidSet DoubtfullyMissing(const mysql::GtidSet& set, const Sessions& sessions,
                                 const StopToken& stop) {
  const auto upstream = mysql::Connection::Connect(sessions.upstream, stop);
  const bool mariadb = sessions.flavor == mysql::Flavor::kMariaDb;
  const auto variable = [&](const char* name) {
    return upstream->QueryValue(std::string("SELECT @@GLOBAL.") + name, stop).value_or("");
  };
  // (What is in gtid_slave_pos alone is in no binlog: it is never sent.)
  const mysql::GtidSet executed = mysql::GtidSet::Parse(
      sessions.flavor, variable(mariadb ? "gtid_binlog_state" : "gtid_executed"));
  const mysql::GtidSet common = Common(set, executed);
  const mysql::GtidSet logged =
      common.empty() ? executed : LoggedUpTo(common, sessions, *upstream, stop);
  mysql::GtidSet missing(sessions.flavor);
  if (mariadb) {
    // A set of MariaDB has of each domain all that is before its last transaction.
    for (const auto& [domain, state] : logged.domains()) {
      if (set.domains().contains(domain)) continue;
      missing.Add(mysql::MariaDbGtid{domain, state.current_server, state.current_sequence});
    }
    return missing;
  }
  mysql::GtidSet sent = logged;
  sent.Subtract(set);
  sent.Subtract(PurgedSet(sessions, *upstream, stop));
  // What a server has written itself before it became the upstream: its accounts, say.
  mysql::GtidSet own(sessions.flavor);
  if (!common.empty()) {
    own = mysql::GtidSet::Parse(sessions.flavor,
                                fmt::format("{}:1-{}", variable("server_uuid"), int64_t{1} << 62));
  }
  const auto own_sources = own.intervals();
  const auto of_set = set.intervals();
  for (const auto& [source, intervals] : sent.intervals()) {
    const auto found = of_set.find(source);
    const bool lacks_source = found == of_set.end() || found->second.empty();
    for (const mysql::GtidSet::Interval& interval : intervals) {
      if (lacks_source || interval.first < found->second.front().first) {
        if (lacks_source && own_sources.contains(source)) continue;
        missing.AddInterval(source, interval.first, interval.last - 1);
      }
    }
  }
  return missing;
}

// Other programs store the GTIDs that they have read, also if they began at a position. Everything
// before that would be sent again.
void RequireWholeSet(const SubtaskConfig& config, const Location& location,
                     const Sessions& sessions, const StopToken& stop) {
  if (location.position.file.empty()) return;
  const std::string row = fmt::format(
      "in the row of {}_syncer_checkpoint in {} that has id = {} and is_global = 1", config.name,
      mysql::QuoteName(config.meta_schema), mysql::QuoteString(config.source_id));
  mysql::GtidSet behind;
  try {
    behind = GtidSetAt(location.position, sessions, stop);
  } catch (const Error& e) {
    if (e.code() != static_cast<int>(ErrorCode::kSyncerGetEvent)) throw;
    // The upstream has not got that file any more, or the position is of another server.
    const mysql::GtidSet missing = DoubtfullyMissing(*location.gtid_set, sessions, stop);
    if (missing.empty()) {
      Log().Info(
          "the checkpoint's position is not in the upstream's log, its GTID set is gone on with",
          {F("location", location.ToString())});
      return;
    }
    Error refused(
        ErrorCode::kSyncerGetEvent,
        fmt::format("get binlog event error: the checkpoint's GTID set {} leaves out {}, which the "
                    "upstream has before the set's last transaction, and the checkpoint's position "
                    "{} is not in the upstream's log, so it cannot tell whether they were "
                    "replicated before: it would send them once more",
                    location.GtidText(), missing.ToString(), location.position.ToString()));
    refused.SetRawCause(e.raw_cause().empty() ? e.message() : e.raw_cause());
    throw refused.SetScope(ErrorScope::kUpstream)
        .SetWorkaround(fmt::format(
            "If the set is right and the others are still to come, set binlog_name = '' and "
            "binlog_pos = 0 {}, and resume the task. If they were replicated before, add them to "
            "binlog_gtid there as well (all that was executed upstream up to the checkpoint). Or "
            "let the source's address lead to the server that has that file.",
            row));
  }
  if (location.gtid_set->Contains(behind)) return;
  throw Error(ErrorCode::kSyncerGetEvent,
              fmt::format("get binlog event error: the checkpoint's GTID set {} leaves out some of "
                          "what the upstream has before the checkpoint's position {}, which is {}: "
                          "it would be replicated once more",
                          location.GtidText(), location.position.ToString(), behind.ToString()))
      .SetScope(ErrorScope::kUpstream)
      .SetWorkaround(
          fmt::format("If the task has read up to that position of this server, set binlog_gtid = "
                      "'' {}, and resume the task: the set is found out. If the position is "
                      "another server's and the set is right, set binlog_name = '' and binlog_pos "
                      "= 0 there instead.",
                      row));
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

// Of the dump that the task has loaded. Throws Error, which says what it may mean that it is not
// there.
DumpMetadata MetadataOfFirstRun(const SubtaskConfig& config) {
  try {
    return ReadDumpMetadata(config.loader.dir);
  } catch (Error& e) {
    e.SetWorkaround(fmt::format(
        "The task begins where its dump ends, as {}.{} has no global row (is_global) of source {}. "
        "If that row or table was there and is gone, put it back and resume the task. If the "
        "dump's `metadata` is gone, put it back into {}. Else stop the task and start it with "
        "`--remove-meta`: it dumps and loads anew.",
        config.meta_schema, config.name + std::string(kSyncerCheckpointSuffix), config.source_id,
        config.loader.dir));
    throw;
  }
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
    const DumpMetadata metadata = MetadataOfFirstRun(config);
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
  // From here on a set is all that was executed up to the location.
  std::optional<mysql::GtidSet>& set = choice.location.gtid_set;
  const bool by_position = !gtid_mode && !choice.location.position.file.empty();
  if (choice.location.GtidText().empty()) set.reset();
  if (set && !fresh && !checkpoint.has_whole_set()) {
    if (gtid_mode) RequireWholeSet(config, choice.location, sessions, stop);
    if (by_position) set.reset();
  }
  if (set && fresh && !choice.from_dump && by_position) set.reset();  // the user's
  if (gtid_mode && set && !fresh) RequireHistory(choice.location, sessions, stop);
  if (!gtid_mode || set) return choice;
  if (choice.location.position.file.empty()) {
    set.emplace(sessions.flavor);  // from the first binlog on
    return choice;
  }
  if (!fresh) RequireServer(checkpoint.UpstreamOf(0), choice.location, sessions, stop);
  set = GtidSetAt(choice.location.position, sessions, stop);
  choice.completed_gtid = true;
  Log().Info("GTID set of the start position is completed",
             {F("location", choice.location.ToString())});
  return choice;
}

}  // namespace dm::migration
