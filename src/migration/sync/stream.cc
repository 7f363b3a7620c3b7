#include "migration/sync/stream.h"

#include <fmt/format.h>

#include "base/error/error.h"
#include "base/log/log.h"
#include "mysql/client/retry.h"
#include "mysql/position/position.h"

namespace dm::migration {

namespace {

// One reset a minute: a stream that breaks more often is an error for the user to see.
constexpr std::chrono::minutes kResetInterval{1};

// A silent upstream is known to be there, and to have nothing more, within this time.
constexpr Milliseconds kHeartbeatPeriod{1000};

bool CountsAsRows(mysql::EventType type) {
  return mysql::IsRowsEvent(type) || type == mysql::EventType::kTransactionPayload;
}

}  // namespace

Stream::Stream(StreamOptions options, mysql::Location start)
    : options_(std::move(options)), resume_(std::move(start)), startable_(resume_) {}

void Stream::Open(const StopToken& stop) {
  source_.reset();
  try {
    if (server_id_ == 0) {
      auto upstream = mysql::Connection::Connect(options_.upstream, stop);
      server_id_ = mysql::PickServerId(*upstream, options_.flavor, stop);
    }
    mysql::NetworkSourceOptions network;
    network.connection = options_.upstream;
    network.flavor = options_.flavor;
    network.server_id = server_id_;
    network.replica_host = options_.worker_name;
    network.heartbeat_period = kHeartbeatPeriod;
    source_ = mysql::NetworkEventSource::Connect(network, stop);
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
    identity_ = source_->identity();
    if (options_.gtid_mode && (start.position.IsZero() || !start.GtidText().empty())) {
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
    recorder_.emplace(options_.flavor, start);
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
    mysql::RawEvent event = source_->Next(stop);
    recorder_->Update(event, source_->format());
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
      if (handed_over_.LeavesOut(CountsAsRows(event.type()), ends, recorder_->current_gtid())) {
        Log().Info("discard event already consumed", {F("location", end().ToString())});
        continue;
      }
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
        const mysql::DumpRefusal refusal = mysql::ClassifyDumpError(e);
        const bool gone = refusal == mysql::DumpRefusal::kPurged ||
                          refusal == mysql::DumpRefusal::kBadPosition ||
                          refusal == mysql::DumpRefusal::kUnknownGtid;
        throw WithCause(
            Error(ErrorCode::kSyncerGetEvent,
                  gone
                      ? fmt::format("get binlog event error: the upstream has not got what follows "
                                    "{}: {}",
                                    resume_.ToString(), e.message())
                      : fmt::format("get binlog event error: {}", e.message())),
            e);
      }
    }
  }
}

bool Stream::Reset(const Error& error, const StopToken& stop) {
  if (error.code() == static_cast<int>(ErrorCode::kSyncerGetEvent)) return false;
  if (mysql::IsConnectionRefused(error)) return false;
  switch (mysql::ClassifyDumpError(error)) {
    case mysql::DumpRefusal::kSameIdentity:
      server_id_ = 0;
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
  Log().Warn("reset replication binlog puller",
             {F("location", resume_.ToString()), F("events to discard", handed_over_.count()),
              F("error", error)});
  handed_over_.ReadAgain();
  Open(stop);
  return true;
}

}  // namespace dm::migration
