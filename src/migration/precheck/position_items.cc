#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/error/error.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "migration/config/scalar.h"
#include "migration/meta/names.h"
#include "migration/precheck/items.h"
#include "mysql/binlog/event_source.h"
#include "mysql/position/gtid_set.h"
#include "mysql/value/quote.h"

namespace dm::migration {
namespace {

using mysql::EventType;

constexpr std::chrono::seconds kEventWait{15};

CheckItem NewItem(CheckedSource& source) {
  CheckItem item;
  item.name = "meta position check";
  item.description = "check whether meta position is valid for db";
  item.extra = AddressExtra(*source.upstream);
  return item;
}

std::string HostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "";
  return name.data();
}

// Reads one place of the upstream's binlog, to its end and no further.
class BinlogProbe {
 public:
  BinlogProbe(CheckedSource& source, const StopToken& stop) : stop_(stop) {
    options_.connection = source.upstream->options();
    const auto connection = source.upstream->Take(stop);
    options_.flavor = connection->server().flavor;
    options_.server_id = mysql::PickServerId(*connection, options_.flavor, stop);
    options_.replica_host = fmt::format("dm-checker-{}", HostName());
    options_.non_blocking = true;
  }

  std::unique_ptr<mysql::NetworkEventSource> Open() const {
    return mysql::NetworkEventSource::Connect(options_, stop_);
  }
  mysql::Flavor flavor() const { return options_.flavor; }

 private:
  mysql::NetworkSourceOptions options_;
  StopToken stop_;
};

// Does the server add such an event to every stream, whatever the position is?
bool IsPreface(const mysql::RawEvent& event) {
  return event.IsFakeRotate() || event.header().artificial() ||
         event.type() == EventType::kFormatDescription || event.type() == EventType::kHeartbeat ||
         event.type() == EventType::kPreviousGtids || event.type() == EventType::kMariaDbGtidList ||
         event.type() == EventType::kMariaDbStartEncryption;
}

// A stop that comes after a time, or with another.
class TimedStop {
 public:
  TimedStop(Milliseconds limit, const StopToken& stop)
      : either_(stop, expired_.get_token()), thread_([this, limit](const StopToken& done) {
          try {
            WaitFor(limit, done);
            expired_.request_stop();
          } catch (const Cancelled&) {
            // Not needed any more.
          }
        }) {}
  StopToken token() const { return either_.token(); }
  bool expired() const { return expired_.stop_requested(); }

 private:
  StopSource expired_;
  LinkedStop either_;
  std::jthread thread_;
};

// Waits for the first event of the log itself, the log's end, or the time limit: each says that the
// position is good. Throws the server's refusal.
void AwaitEvent(mysql::NetworkEventSource& source, const TimedStop& timed, const StopToken& stop) {
  try {
    while (IsPreface(source.Next(timed.token()))) {
    }
  } catch (const mysql::EndOfLog&) {
    return;
  } catch (const Cancelled&) {
    ThrowIfStopped(stop);
  }
}

std::string GtidShape(mysql::Flavor flavor) {
  return flavor == mysql::Flavor::kMariaDb
             ? "`binlog-gtid` of MariaDB is a list of <domain id>-<server id>-<sequence number>, "
               "for example 0-1-100."
             : "`binlog-gtid` of MySQL is a list of <server uuid>:<first>-<last>, for example "
               "3ccc475b-2343-11e7-be21-6c0b84d59f30:1-14.";
}

void CheckPosition(CheckedSource& source, CheckItem& item, const StopToken& stop) {
  const BinlogMeta& meta = *source.subtask.meta;
  const bool by_gtid = source.subtask.syncer.enable_gtid && !meta.binlog_gtid.empty();
  const BinlogProbe probe(source, stop);
  std::optional<mysql::GtidSet> executed;
  // The subtask reads it in any case.
  if (!meta.binlog_gtid.empty()) {
    try {
      executed = mysql::GtidSet::Parse(probe.flavor(), meta.binlog_gtid);
    } catch (const Error& e) {
      item.Fail(e.MessageAndCause());
      item.instruction = GtidShape(probe.flavor());
      return;
    }
  }
  if (!by_gtid && meta.binlog_name.empty()) return;
  item.instruction =
      "The position must be one that the upstream has and has not purged (SHOW BINARY LOGS), and "
      "the account needs REPLICATION SLAVE.";
  const auto stream = probe.Open();
  const TimedStop timed(std::chrono::duration_cast<Milliseconds>(kEventWait), stop);
  if (by_gtid) {
    stream->StartAfter(*executed, stop);
  } else {
    stream->StartAt({meta.binlog_name, meta.binlog_pos}, stop);
  }
  AwaitEvent(*stream, timed, stop);
  item.instruction.clear();
}

// Has the subtask got so far that `meta` does not matter any more?
bool HasCheckpoint(ConnectionPool& downstream, const SubtaskConfig& subtask,
                   const StopToken& stop) {
  const auto connection = downstream.Take(stop);
  try {
    return connection
        ->QueryValue(
            fmt::format("SELECT 1 FROM {} WHERE id = {} LIMIT 1",
                        MetaTable(subtask.meta_schema, subtask.name, kSyncerCheckpointSuffix),
                        mysql::QuoteString(subtask.source_id)),
            stop)
        .has_value();
  } catch (const Error& e) {
    Log().Info("no checkpoint of the task is seen", {F("error", e)});
    return false;
  }
}

struct BinlogFile {
  std::string name;
  uint32_t began = 0;  // Unix time
};

BinlogFile ReadFile(const BinlogProbe& probe, const std::string& name, const StopToken& stop) {
  const auto stream = probe.Open();
  const TimedStop timed(std::chrono::duration_cast<Milliseconds>(kEventWait), stop);
  stream->StartAt({name, mysql::kBinlogMinOffset}, stop);
  try {
    for (;;) {
      const mysql::RawEvent event = stream->Next(timed.token());
      if (event.type() != EventType::kRotate && event.header().timestamp != 0) {
        return {name, event.header().timestamp};
      }
    }
  } catch (const mysql::EndOfLog&) {
    // An event that says when the file began is always there.
  } catch (const Cancelled&) {
    ThrowIfStopped(stop);
  }
  throw Error(ErrorCode::kDBQueryFailed, fmt::format("binlog {} cannot be read", name))
      .SetScope(ErrorScope::kUpstream);
}

// mysql-bin.000001: nothing has been before it.
bool IsFirstOfAll(const std::string& file) {
  const size_t dot = file.rfind('.');
  return dot != std::string::npos && ParseUint(file.substr(dot + 1)) == 1;
}

void CheckStartTime(CheckedSource& source, const std::string& start_time, CheckItem& item,
                    const StopToken& stop) {
  const StartTime time = ParseStartTime(start_time);
  std::vector<std::string> files;
  std::chrono::seconds offset{0};
  int64_t now = 0;
  {
    const auto connection = source.upstream->Take(stop);
    for (const auto& row : connection->Query("SHOW BINARY LOGS", stop).rows) {
      files.push_back(row.at(0).value_or(""));
    }
    // Both in one answer: TIMESTAMPDIFF knows the session's zone, which is the upstream's.
    const auto answer = connection->Query(
        "SELECT UNIX_TIMESTAMP(), TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW())", stop);
    now = ParseInt(answer.rows.at(0).at(0).value_or("")).value_or(0);
    offset = std::chrono::seconds(ParseInt(answer.rows[0].at(1).value_or("")).value_or(0));
  }
  if (files.empty()) {
    item.Fail("the upstream has no binary logs");
    return;
  }
  if (time.offset) offset = *time.offset;
  const int64_t wanted = (time.local - offset).count();
  if (wanted > now) {
    item.Warn(fmt::format("start time {} is in the upstream's future", start_time));
    item.instruction = "Give a time in the past, in the upstream's time zone or with an offset.";
    return;
  }
  const BinlogProbe probe(source, stop);
  const BinlogFile oldest = ReadFile(probe, files.front(), stop);
  if (wanted < oldest.began && !IsFirstOfAll(oldest.name)) {
    item.Warn(fmt::format(
        "start time {} is before the oldest binlog {}: changes made before that file are not there "
        "any more",
        start_time, oldest.name));
    item.instruction =
        "Begin with a full copy (task-mode all), or make sure that the downstream has everything "
        "from before that file.";
    return;
  }
  // The last file that began before the time.
  std::string file = oldest.name;
  size_t low = 0, high = files.size();
  while (high - low > 1) {
    const size_t middle = (low + high) / 2;
    if (ReadFile(probe, files[middle], stop).began < wanted) {
      low = middle;
      file = files[middle];
    } else {
      high = middle;
    }
  }
  Log().Info("start time is within the upstream's binlogs",
             {F("source", source.subtask.source_id), F("start-time", start_time), F("file", file)});
}

}  // namespace

bool HasMetaPosition(const CheckedSource& source) {
  const SubtaskConfig& subtask = source.subtask;
  return !HasDump(subtask.mode) && !subtask.use_relay && subtask.meta.has_value() &&
         (!subtask.meta->binlog_name.empty() || !subtask.meta->binlog_gtid.empty());
}

ItemTask MetaPositionItem(Preparation& preparation, CheckedSource& source, bool fresh) {
  return {NewItem(source), [&preparation, &source, fresh](CheckItem& item, const StopToken& stop) {
            try {
              CheckPosition(source, item, stop);
            } catch (const Error& e) {
              item.Fail(e.MessageAndCause());
            }
            if (item.state != CheckState::kFail || fresh ||
                !HasCheckpoint(*preparation.downstream, source.subtask, stop)) {
              return;
            }
            item.state = CheckState::kWarn;
            for (CheckEntry& entry : item.entries) entry.fails = false;
            item.Warn("the task goes on from its checkpoint and does not need `meta`");
          }};
}

ItemTask StartTimeItem(CheckedSource& source, const std::string& start_time) {
  return {NewItem(source), [&source, start_time](CheckItem& item, const StopToken& stop) {
            CheckStartTime(source, start_time, item, stop);
          }};
}

}  // namespace dm::migration
