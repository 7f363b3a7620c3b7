#include "migration/sync/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/sync/binlog_scan.h"
#include "migration/sync/undone_rows.h"
#include "mysql/client/binlog_status.h"
#include "mysql/client/retry.h"
#include "mysql/position/position.h"

namespace dm::migration {

namespace {

// One reset a minute: a stream that breaks more often is an error for the user to see.
constexpr std::chrono::minutes kResetInterval{1};

// A silent upstream is known to be there, and to have nothing more, within this time.
constexpr Milliseconds kHeartbeatPeriod{1000};
constexpr Milliseconds kLongestSilence{60 * 60'000};

// How long a connection may be silent that has not been found too short for this upstream.
Milliseconds FirstSilence() {
  // Switch: upstreams are silent for two seconds at most.
  return DM_FAILPOINT_HIT("sync/short-silence") ? Milliseconds(2000) : kSilence;
}

// A transaction up to this size is read whole before its first event is handed over.
constexpr size_t kKeptBack = 8 << 20;

std::unique_ptr<mysql::DumpSource> ConnectTo(const StreamOptions& options, uint32_t* server_id,
                                             Milliseconds silence, const StopToken& stop) {
  if (*server_id == 0) {
    auto upstream = mysql::Connection::Connect(options.upstream, stop);
    *server_id = mysql::PickServerId(*upstream, options.flavor, stop, options.server_id,
                                     options.worker_name);
  }
  mysql::NetworkSourceOptions network;
  network.connection = options.upstream;
  network.flavor = options.flavor;
  network.server_id = *server_id;
  network.replica_host = options.worker_name;
  network.heartbeat_period = kHeartbeatPeriod;
  network.read_timeout = silence;
  return mysql::NetworkEventSource::Connect(network, stop);
}

bool HasEnd(const StreamOptions& options, const mysql::BinlogPosition& begin,
            const StopToken& stop) {
  auto upstream = mysql::Connection::Connect(options.upstream, stop);
  // A server that comes up begins a new file, and one that is alive sends whole transactions.
  const auto status = mysql::ReadBinlogStatus(*upstream, stop);
  if (status && mysql::CompareFileNames(status->position.file, begin.file) == 0) return true;
  const auto source = OpenScan(begin, options.upstream, options.flavor, *upstream, stop);
  try {
    bool in_transaction = false;
    for (bool inside = false;;) {
      const mysql::RawEvent event = source->Next(stop);
      if (!inside) {
        if (event.type() != mysql::EventType::kMariaDbGtid) continue;
        inside = true;
        in_transaction = !mysql::GtidEvent::Parse(event, source->format()).standalone();
        continue;
      }
      if (event.IsFakeRotate() || event.type() == mysql::EventType::kFormatDescription) {
        return false;
      }
      const mysql::FramePart part = mysql::FramePartOf(event, source->format(), in_transaction);
      if (part == mysql::FramePart::kEnd || event.type() == mysql::EventType::kMariaDbGtid) {
        return true;
      }
      in_transaction = in_transaction || part == mysql::FramePart::kBegin;
    }
  } catch (const mysql::EndOfLog&) {
    return true;  // it is being written
  }
}

Error AnotherLog(const std::string& what) {
  return Error(ErrorCode::kSyncerGetEvent, "get binlog event error: " + what)
      .SetScope(ErrorScope::kUpstream)
      .SetWorkaround(
          "Let the source's address lead to the server again that was read before, and resume the "
          "task. To go on here, remove the task and start it anew: as a whole, or with task-mode "
          "incremental and `meta` at the place of this server's log that corresponds. A source "
          "with enable-gtid: true goes on behind every server that has its transactions; set it "
          "while the first server still answers.");
}

// What to do about an upstream that does not serve the reading by GTID any more; empty: it is
// something else.
std::string_view AdviceOnGtidMode(const Error& error) {
  std::string text = error.raw_cause();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (text.find("error 1236") == std::string::npos) return "";
  if (text.find("anonymous transaction") != std::string::npos) {
    return "The upstream has written transactions without a GTID, which a source with enable-gtid: "
           "true cannot read. Go on by file and position, which the checkpoint has as well: "
           "`stop-task`, make the source anew with `enable-gtid: false`, `start-task`.";
  }
  if (text.find("auto_position") == std::string::npos &&
      text.find("gtid_mode") == std::string::npos) {
    return "";
  }
  return "The source has enable-gtid: true, and the upstream's gtid_mode is not ON any more. If no "
         "transaction was written there meanwhile, set it to ON again (one step after another: "
         "OFF_PERMISSIVE, ON_PERMISSIVE, ON); the task then goes on by itself, or by "
         "`resume-task`. Else go on by file and position, which the checkpoint has as well: "
         "`stop-task`, make the source anew with `enable-gtid: false`, `start-task`.";
}

// The server id in the identity of a MariaDB.
std::string_view ServerIdOf(std::string_view identity) {
  return identity.substr(0, identity.find('@'));
}

// What a server sends of a file before it looks for the place in it to begin at.
bool BeginsFile(const mysql::RawEvent& event) {
  switch (event.type()) {
    case mysql::EventType::kFormatDescription:
    case mysql::EventType::kPreviousGtids:
    case mysql::EventType::kMariaDbGtidList:
    case mysql::EventType::kMariaDbBinlogCheckpoint:
    case mysql::EventType::kMariaDbStartEncryption:
      return true;
    default:
      return event.IsFakeRotate();
  }
}

bool CountsAsRows(mysql::EventType type) {
  return mysql::IsRowsEvent(type) || type == mysql::EventType::kTransactionPayload;
}

}  // namespace

Stream::Stream(StreamOptions options, mysql::Location start)
    : options_(std::move(options)),
      resume_(std::move(start)),
      startable_(resume_),
      log_(options_.log),
      silence_(FirstSilence()) {
  if (!options_.connect) {
    options_.connect = [this](uint32_t* server_id, Milliseconds silence, const StopToken& stop) {
      return ConnectTo(options_, server_id, silence, stop);
    };
  }
  if (!options_.is_whole) {
    options_.is_whole = [this](const mysql::BinlogPosition& begin, const StopToken& stop) {
      return HasEnd(options_, begin, stop);
    };
  }
}

void Stream::CheckServer(const std::string& file, bool by_gtid) {
  other_identity_ = !by_gtid && !log_.server.empty() && log_.server != source_->identity();
  if (!other_identity_) return;
  // A host that was renamed, or another one on the same storage, has the same files. (MySQL's uuid
  // moves with them.)
  const bool may_be = log_.created != 0 && log_.file == file &&
                      options_.flavor == mysql::Flavor::kMariaDb &&
                      ServerIdOf(log_.server) == ServerIdOf(source_->identity());
  if (may_be) return;
  throw AnotherLog(
      fmt::format("another server answers, {} instead of {}: the position {} means "
                  "nothing in its log",
                  source_->identity(), log_.server, resume_.position.ToString()));
}

void Stream::CheckFile(const mysql::RawEvent& description) {
  const uint32_t created = description.header().timestamp;
  const std::string file = mysql::StripRelaySuffix(recorder_->end().position.file);
  const bool known = log_.file == file && log_.created != 0;
  const bool differs = known && created != 0 && log_.created != created;
  if (!by_gtid_ && (differs || (other_identity_ && (!known || created == 0)))) {
    if (other_identity_) {
      throw AnotherLog(
          fmt::format("another server answers, {} instead of {}: its log {} was begun "
                      "at {}, the one that was read at {} (seconds since 1970)",
                      identity_, log_.server, file, created, log_.created));
    }
    throw AnotherLog(
        fmt::format("the upstream's binlog was begun anew: its log {} was begun at "
                    "{}, the one that was read at {} (seconds since 1970)",
                    file, created, log_.created));
  }
  if (std::exchange(other_identity_, false)) {
    Log().Warn("the upstream has another name, but the same log",
               {F("before", log_.server), F("now", identity_), F("file", file)});
  }
  if (known && created == 0) return;
  log_ = {identity_, file, created};
}

bool Stream::IsWhole(const mysql::RawEvent& gtid, const StopToken& stop) const {
  // Nothing begins to be read behind 4 GiB.
  if (recorder_->read_offset() > mysql::LargestShortOffset()) return true;
  const mysql::EventHeader& header = gtid.header();
  mysql::BinlogPosition begin = recorder_->read_position();
  begin.file = mysql::StripRelaySuffix(begin.file);
  if (header.log_pos > header.event_size) begin.offset = header.log_pos - header.event_size;
  return options_.is_whole(begin, stop);
}

void Stream::Open(const StopToken& stop) {
  whole_.reset();
  source_.reset();
  heard_ = false;
  try {
    source_ = options_.connect(&server_id_, silence_, stop);
    mysql::Location start = resume_;
    start.suffix = 0;
    start.position.file = mysql::StripRelaySuffix(start.position.file);
    skip_to_.reset();
    if (handed_over_.discard() > 0 && source_->identity() != identity_) {
      // Another server may have divided the transaction into other events.
      throw Error(ErrorCode::kSyncerGetEvent,
                  fmt::format("get binlog event error: after a reconnect in the middle of a "
                              "transaction another server answers, {} instead of {}",
                              source_->identity(), identity_))
          .SetScope(ErrorScope::kUpstream);
    }
    by_gtid_ = options_.gtid_mode && (start.position.IsZero() || !start.GtidText().empty());
    CheckServer(start.position.file, by_gtid_);
    const bool moved = !identity_.empty() && identity_ != source_->identity();
    identity_ = source_->identity();
    if (by_gtid_) {
      // (A file of another server may have the same name.)
      if (moved) start.position = {};
      source_->StartAfter(start.gtid_set.value_or(mysql::GtidSet(options_.flavor)), stop);
    } else {
      if (start.position.offset > mysql::LargestShortOffset()) {
        skip_to_ = start.position;
        const bool same =
            mysql::CompareFileNames(startable_.position.file, start.position.file) == 0;
        if (same) start = startable_;
        if (!same || start.position.offset > mysql::LargestShortOffset()) {
          start.position.offset = mysql::kBinlogMinOffset;
        }
        start.position.file = mysql::StripRelaySuffix(start.position.file);
      }
      source_->StartAt(start.position, stop);
    }
    recorder_.emplace(start);
    if (options_.flavor == mysql::Flavor::kMariaDb) {
      whole_.emplace(
          *source_, kKeptBack,
          [this](const mysql::RawEvent& gtid, const StopToken& kill) {
            return IsWhole(gtid, kill);
          },
          [this](std::vector<mysql::RawEvent>& events) {
            const size_t undone = LeaveOutUndone(events, source_->format());
            if (undone == 0) return;
            Log().Info("rows that the upstream has rolled back are left out",
                       {F("rows events", undone), F("behind", end().ToString())});
          });
    }
    Log().Info("last slave connection",
               {F("connection ID", source_->connection_id()), F("start", start.ToString())});
  } catch (const Error& e) {
    if (mysql::IsConnectionRefused(e) || e.code() == static_cast<int>(ErrorCode::kSyncerGetEvent)) {
      throw;
    }
    throw WithCause(MakeError(ErrorCode::kSyncerUnitRemoteSteamerStartSync), e);
  }
}

mysql::RawEvent Stream::Read(const StopToken& stop) {
  for (;;) {
    mysql::RawEvent event = whole_ ? whole_->Next(stop) : source_->Next(stop);
    recorder_->Update(event, source_->format());
    const bool description = event.type() == mysql::EventType::kFormatDescription;
    if (description) CheckFile(event);
    if (!BeginsFile(event)) heard_ = true;
    if (!skip_to_) return event;
    const int reached = mysql::ComparePositions(recorder_->end().position, *skip_to_);
    if (reached > 0) {
      throw Error(ErrorCode::kSyncerGetEvent,
                  fmt::format("get binlog event error: no event of the upstream's log ends at {}",
                              skip_to_->ToString()))
          .SetScope(ErrorScope::kUpstream);
    }
    if (reached == 0 && !recorder_->in_transaction()) skip_to_.reset();
  }
}

mysql::RawEvent Stream::Next(const StopToken& stop) {
  if (!source_) Open(stop);
  for (;;) {
    try {
      mysql::RawEvent event = Read(stop);
      const bool ends = recorder_->at_transaction_end();
      if (handed_over_.LeavesOut(CountsAsRows(event.type()), ends, recorder_->current_gtid(),
                                 recorder_->end().position)) {
        Log().Info("discard event already consumed", {F("location", end().ToString())});
        continue;
      }
      if (recorder_->abandoned()) handed_over_ = HandedOver();
      if (ends) {
        resume_ = recorder_->transaction_end();
        if (resume_.position.offset <= mysql::LargestShortOffset()) startable_ = resume_;
      }
      return event;
    } catch (const Error& e) {
      ThrowIfStopped(stop);
      if (!Reset(e, stop)) {
        if (mysql::IsConnectionRefused(e) ||
            e.code() == static_cast<int>(ErrorCode::kSyncerGetEvent)) {
          throw;
        }
        if (IsGone(e)) throw NotUpstream(resume_, e);
        Error failed = WithCause(Error(ErrorCode::kSyncerGetEvent,
                                       fmt::format("get binlog event error: {}", e.message())),
                                 e);
        const std::string_view advice = AdviceOnGtidMode(e);
        if (!advice.empty()) failed.SetWorkaround(std::string(advice));
        throw failed;
      }
    }
  }
}

bool Stream::Reset(const Error& error, const StopToken& stop) {
  if (error.code() == static_cast<int>(ErrorCode::kSyncerGetEvent)) return false;
  if (mysql::IsConnectionRefused(error)) return false;
  switch (mysql::ClassifyDumpError(error)) {
    case mysql::DumpRefusal::kSameIdentity:
      Log().Warn("another replica of the upstream has the server-id of this one, another is taken",
                 {F("server-id", std::exchange(server_id_, 0))});
      options_.server_id = 0;  // the other one would be thrown out, and come back
      break;
    case mysql::DumpRefusal::kPurged:
    case mysql::DumpRefusal::kBadPosition:
    case mysql::DumpRefusal::kUnknownGtid:
    case mysql::DumpRefusal::kConfiguration:
      return false;
    case mysql::DumpRefusal::kNone:
      if (!mysql::IsConnectionLost(error)) return false;
      [[fallthrough]];
    case mysql::DumpRefusal::kOther: {
      auto now = SteadyClock::now();
      bool again = last_error_ && now - *last_error_ < kResetInterval;
      last_error_ = now;
      if (again) return false;
      break;
    }
  }
  if (heard_) {
    silence_ = FirstSilence();
  } else if (mysql::IsConnectionLost(error)) {
    silence_ = std::min<Milliseconds>(silence_ * 4, kLongestSilence);
  }
  Log().Warn("reset replication binlog puller",
             {F("location", resume_.ToString()), F("events to discard", handed_over_.count()),
              F("error", error)});
  handed_over_.ReadAgain();
  Open(stop);
  return true;
}

}  // namespace dm::migration
