// What a run does with the events of the stream.
#include <fmt/format.h>

#include <utility>

#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/sync/binlog_scan.h"
#include "migration/sync/logged_statement.h"
#include "migration/sync/run.h"

namespace dm::migration {

using mysql::EventType;
using mysql::Location;

void SyncRun::Loop() {
  const StopToken stop = reading_.get_token();
  for (;;) {
    std::optional<SteadyClock::time_point> asked;
    if (!stream_->has_more()) {
      in_.status->lag.OnWait();
      asked = SteadyClock::now();
    }
    mysql::RawEvent event = stream_->Next(stop);
    Account(event, asked);
    // (No other thread writes it.)
    if (!in_transaction_ && stream_->in_transaction() && !stream_->at_transaction_end()) {
      std::lock_guard lock(boundary_mutex_);
      in_transaction_ = true;
    }
    try {
      HandleEvent(event);
    } catch (const Error& e) {
      std::optional<Error> worker = queues_.error();
      if (worker) throw *worker;
      NoteBroken(broken_statement_);
      throw AtPlace(e, "");
    }
    if (read_again_) return;
    // (A transaction that is read again after a lost connection is in hand all the time.)
    const bool again = stream_->reading_again();
    if (!again && (!stream_->in_transaction() || stream_->at_transaction_end())) {
      std::lock_guard lock(boundary_mutex_);
      in_transaction_ = false;
      if (ending_asked_) return;
    }
  }
}

void SyncRun::Account(const mysql::RawEvent& event, std::optional<SteadyClock::time_point> asked) {
  PlannerTimes& times = planner_->times();
  const bool beat =
      event.type() == EventType::kHeartbeat || event.type() == EventType::kHeartbeatV2;
  if (asked) received_ = SteadyClock::now();
  times.read.Add(asked ? received_ - *asked : SteadyClock::duration());
  if (!beat && !event.header().artificial() && !event.IsFakeRotate()) {
    times.event_size.Add(event.header().event_size);
    in_.status->binlog_bytes += event.header().event_size;
  }
  // Of what came together the first event and the last tell all that others want to know.
  if (!asked && !stream_->at_transaction_end()) return;
  if (asked) in_.metrics->Take(times, received_, beat);
  in_.status->streamed = true;
  const bool preface = event.IsFakeRotate() || event.header().artificial() ||
                       event.type() == EventType::kFormatDescription;
  if (beat || !preface) in_.status->unreadable = false;
  in_.status->SetReadPosition(stream_->end().position.file, stream_->read_offset());
  // Only what belongs to a transaction tells the time that the stream has come to: a file's head
  // is as old as the file.
  const bool timed = stream_->in_transaction() || stream_->at_transaction_end();
  in_.status->lag.OnEvent(timed ? event.header().timestamp : 0, UnixMilliseconds());
}

Error SyncRun::AtPlace(Error error, const std::string& statement) const {
  return AtPlace(std::move(error), stream_->start(), statement);
}

Error SyncRun::AtPlace(Error error, const Location& start, const std::string& statement) const {
  if (error.message().find("startLocation: [") != std::string::npos) return error;
  std::string place = fmt::format("startLocation: [{}], endLocation: [{}]", start.ToString(),
                                  stream_->end().ToString());
  if (!statement.empty()) place += fmt::format(", origin SQL: [{}]", statement);
  return error.Annotate(place);
}

void SyncRun::HandleEvent(const mysql::RawEvent& event) {
  const EventType type = event.type();
  bool leave_safe_mode = false;
  if (!event.header().artificial() && type != EventType::kHeartbeat &&
      type != EventType::kHeartbeatV2 && !event.IsFakeRotate()) {
    if (stream_->reading_again()) {
      // Switch: ends a run in the middle of reading a transaction again.
      DM_FAILPOINT("sync/reading-again");
    } else {
      last_end_ = stream_->end();
    }
    switch (safe_mode_.BeforeEvent(event.header().timestamp, type == EventType::kFormatDescription,
                                   stream_->end(), received_)) {
      case SafeMode::Change::kNone:
        break;
      case SafeMode::Change::kExitPointReached:
        leave_safe_mode = stream_->at_transaction_end() || !stream_->in_transaction();
        break;
      case SafeMode::Change::kDurationOver:
        Log().Info("disable safe-mode: the command line's duration is over");
        if (in_.ports->cli_args != nullptr) in_.ports->cli_args->ClearSafeModeDuration();
        break;
    }
  }
  if (stream_->abandoned()) LeaveAbandoned();
  if (IsGtidEvent(type)) {
    // By its own end: what a stream that began by GTID has before its first event is not known.
    group_begin_ = stream_->end().position;
    group_begin_.offset -= event.header().event_size;
    xa_->BeginTransaction();
  }
  if (type == EventType::kFormatDescription && stream_->format().created != 0) {
    ddl_->OnServerStart(stream_->end().position);
  }
  if (gtid_mode_) {
    // Elsewhere a GTID tells what a position would.
    if (event.IsFakeRotate() && in_.sessions->flavor == mysql::Flavor::kMariaDb) {
      in_.checkpoint->SetUpstream({std::string(stream_->identity()), "", 0});
    }
  } else if (type == EventType::kFormatDescription) {
    in_.checkpoint->SetUpstream(stream_->log());
  }
  NoteTransactionBegin(event);
  if (!in_.operators->empty() && (stream_->in_transaction() || stream_->at_transaction_end()) &&
      !Inject(event)) {
    return;
  }
  if (!HandleChange(event)) {
    switch (type) {
      case EventType::kTransactionPayload:
        HandlePayload(event);
        break;
      case EventType::kIncident:
        throw Error(ErrorCode::kSyncerGetEvent, "the upstream reports lost events: " +
                                                    mysql::IncidentEvent::Parse(event).message);
      case EventType::kMariaDbGtid:
        if (mysql::GtidEvent::Parse(event, stream_->format()).prepared_xa()) xa_->Open();
        break;
      default:
        RequireHarmless(event);
        break;
    }
  }
  if (stream_->at_transaction_end()) {
    EndTransaction();
  } else if (type == EventType::kRotate && !stream_->in_transaction()) {
    in_.checkpoint->Save(QueuedOrder(), stream_->transaction_end());
  } else if (type == EventType::kHeartbeat || type == EventType::kHeartbeatV2) {
    HandleHeartbeat(event);
  } else if (!stream_->in_transaction() && !stream_->gtid() && !event.header().artificial()) {
    // An event between transactions that changes nothing.
    SaveBetweenTransactions(stream_->read_position());
  }
  if (leave_safe_mode) LeaveSafeMode();
}

void SyncRun::LeaveSafeMode() {
  // The location saved must be past the exit point before that is forgotten.
  planner_->QueueRest(reading_.get_token());
  queues_.Drain(reading_.get_token());
  in_.checkpoint->SetExitPoint(std::nullopt);
  in_.checkpoint->SetDumpExit(std::nullopt);
  SaveEachOnce(AppliesEachOnce());
  // Crash point: all up to the exit point of the last run is committed. Left: the checkpoint
  // without exit point.
  DM_FAILPOINT("sync/before-safe-mode-end");
  Flush();
  // Crash point: the checkpoint has no exit point any more. Left: the changes behind it.
  DM_FAILPOINT("sync/after-safe-mode-end");
  Log().Info("disable safe mode in exit point", {F("location", stream_->end().ToString())});
  safe_mode_.LeaveExitPoint();
  plan_.dump_exit.reset();
}

void SyncRun::HandleRows(const mysql::RawEvent& event) {
  rows_in_transaction_ += planner_->OnRows(event, *stream_, safe_mode_.on(), reading_.get_token());
}

bool SyncRun::HandleChange(const mysql::RawEvent& event) {
  if (xa_->open() && HoldForXa(event)) return true;
  switch (event.type()) {
    case EventType::kTableMap:
      planner_->OnTableMap(event, stream_->format());
      return true;
    case EventType::kQuery:
    case EventType::kMariaDbQueryCompressed:
      HandleQuery(event);
      return true;
    case EventType::kExecuteLoadQuery: {
      const mysql::QueryEvent query = mysql::QueryEvent::Parse(event, stream_->format());
      if (OperateOn(event, query, true)) return true;
      try {
        RefuseLoggedStatement(*in_.rules, in_.sessions->lower_case_table_names != 0, query,
                              in_.sessions->flavor, ddl_->temporary(), &indirect_,
                              reading_.get_token());
      } catch (const Error& e) {
        broken_statement_ = true;
        throw AtPlace(e, StatementText(query));
      }
      return true;
    }
    case EventType::kXaPrepare:
      EndXa(event);
      return true;
    default:
      if (!mysql::IsRowsEvent(event.type())) return false;
      HandleRows(event);
      return true;
  }
}

bool SyncRun::HoldForXa(const mysql::RawEvent& event) {
  if (event.type() == EventType::kTableMap) {
    planner_->OnTableMap(event, stream_->format());
    xa_->Hold(event, false);
    return true;
  }
  if (!mysql::IsRowsEvent(event.type())) return false;
  xa_->Hold(event, planner_->IsReplicated(event, stream_->format()));
  return true;
}

void SyncRun::EndXa(const mysql::RawEvent& prepare) {
  const mysql::XaPrepareEvent xa = mysql::XaPrepareEvent::Parse(prepare);
  PreparedBranch place;
  place.server = stream_->identity();
  place.begin = group_begin_;
  place.end = stream_->end().position;
  if (stream_->gtid()) place.gtid = mysql::ToString(*stream_->gtid());
  if (xa.one_phase) {
    CarryThrough();
    xa_->CommitInOnePhase(
        xa.Xid(), place, [this](const mysql::RawEvent& event) { HandleChange(event); },
        reading_.get_token());
    return;
  }
  xa_->Prepare(xa.Xid(), std::move(place));
  in_.checkpoint->SetPrepared(xa_->prepared());
  // Crash point: a branch is prepared and waits in memory. Left: its rows, the checkpoint.
  DM_FAILPOINT("sync/xa-prepared");
}

void SyncRun::DecideXa(const std::string& statement, bool commit) {
  const std::optional<std::string> xid = XidOf(statement);
  if (!xid) {
    throw Error(ErrorCode::kSyncerUnitNotSupportedOperate, "an XA statement without a known xid");
  }
  if (commit) {
    // Crash point: XA COMMIT is read. Left: the rows of the branch, the checkpoint.
    DM_FAILPOINT("sync/xa-commit");
    CarryThrough();
    xa_->Commit(
        *xid, stream_->identity(), stream_->start().position,
        [this](const mysql::RawEvent& event) { HandleChange(event); }, reading_.get_token());
  } else {
    xa_->Rollback(*xid);
  }
  in_.checkpoint->SetPrepared(xa_->prepared());
  // Crash point: a branch is decided, its rows are planned. Left: the checkpoint,
  // which still has the branch.
  DM_FAILPOINT("sync/xa-decided");
}

void SyncRun::CarryThrough() {
  std::lock_guard lock(boundary_mutex_);
  in_transaction_ = true;
}

void SyncRun::HandlePayload(const mysql::RawEvent& event) {
  CarryThrough();
  mysql::TransactionPayload payload(event);
  while (const std::optional<mysql::RawEvent> inner = payload.Next()) {
    if (!HandleChange(*inner)) RequireHarmless(*inner);
  }
}

void SyncRun::HandleQuery(const mysql::RawEvent& event) {
  mysql::QueryEvent query = mysql::QueryEvent::Parse(event, stream_->format());
  if (query.IsBegin() || query.IsCommit()) return;
  // MariaDB logs a two-phase ALTER when it begins and again when it ends; it counts when it has
  // succeeded.
  constexpr uint8_t kStartAlter = 2;
  constexpr uint8_t kRollbackAlter = 8;
  if ((query.status.mariadb_gtid_flags3.value_or(0) & (kStartAlter | kRollbackAlter)) != 0) return;
  const Control control = KindOfControl(StatementText(query));
  switch (control) {
    case Control::kXaStart:
      xa_->Open();
      return;
    case Control::kXaCommit:
    case Control::kXaRollback:
      try {
        DecideXa(StatementText(query), control == Control::kXaCommit);
      } catch (const Error& e) {
        std::optional<Error> worker = queues_.error();
        throw worker ? *worker : AtPlace(e, StatementText(query));
      }
      return;
    case Control::kOtherXa:
      return;
    case Control::kSavepoint:
      return;
    case Control::kRollback:
      if (rows_in_transaction_ == 0 && !xa_->has_rows()) return;
      if (OperateOn(event, query, true)) return;
      broken_statement_ = true;
      throw AtPlace(
          Error(
              ErrorCode::kSyncerUnitNotSupportedOperate,
              "ROLLBACK of rows that are in the binlog (a transaction that also changed temporary "
              "tables, or tables of a non-transactional engine): the rows before it may be "
              "applied")
              .SetWorkaround("Go on behind it with `binlog skip`, then compare the tables that the "
                             "transaction changed, and repair them."),
          StatementText(query));
    case Control::kNone:
      if (OperateOn(event, query, false)) return;
      break;
  }
  CarryThrough();
  DdlHandler::Given given;
  // A user's is inside a transaction.
  if (auto truncate = EmptiedAtStart(StatementText(query));
      truncate && stream_->at_transaction_end()) {
    Log().Info("the upstream has emptied a table in memory when it started",
               {F("statement", StatementText(query))});
    query.text = *std::move(truncate);
    query.status.client_collation.reset();  // it is in UTF-8 now
    given.filter_event = "delete";
  }
  try {
    RefuseLoggedStatement(*in_.rules, in_.sessions->lower_case_table_names != 0, query,
                          in_.sessions->flavor, ddl_->temporary(), &indirect_,
                          reading_.get_token());
    const auto begin = SteadyClock::now();
    const std::string name =
        stream_->gtid() ? mysql::ToString(*stream_->gtid()) : stream_->end().position.ToString();
    const DdlHandler::Outcome outcome =
        ddl_->Handle(query, stream_->end(), stream_->transaction_end(), name,
                     event.header().timestamp, given, ending_.kill());
    if (outcome != DdlHandler::Outcome::kSkipped) planner_->OnSchemaChange();
    if (outcome == DdlHandler::Outcome::kExecuted) {
      in_.status->ddls += 1;
    } else {
      in_.metrics->ObserveSkipped(false, SteadyClock::now() - begin);
    }
  } catch (const Error& e) {
    broken_statement_ = true;
    throw AtPlace(e, StatementText(query));
  }
}

void SyncRun::SaveBetweenTransactions(const mysql::BinlogPosition& position) {
  Location location = stream_->end();
  if (mysql::ComparePositions(location.position, position) < 0) location.position = position;
  if (last_saved_ && *last_saved_ == location.position) return;
  if (!stream_->reading_again()) last_end_ = location;
  last_saved_ = location.position;
  in_.checkpoint->Save(QueuedOrder(), location);
}

void SyncRun::HandleHeartbeat(const mysql::RawEvent& event) {
  // The server has nothing more: what lies before its position, and is no transaction, is done.
  if (stream_->in_transaction() || stream_->gtid()) return;
  mysql::HeartbeatEvent beat = mysql::HeartbeatEvent::Parse(event, in_.sessions->flavor);
  mysql::BinlogPosition position = stream_->read_position();
  const bool behind = mysql::ComparePositions(position, {beat.file, beat.position}) < 0 &&
                      (beat.full_position || position.offset >> 32 == 0);
  if (behind && mysql::StripRelaySuffix(position.file) == beat.file) {
    position.offset = beat.position;
  }
  SaveBetweenTransactions(position);
  if (IsCaughtUp(position)) in_.status->lag.OnCaughtUp(UnixMilliseconds());
}

bool SyncRun::IsCaughtUp(const mysql::BinlogPosition& position) const {
  // By GTID, a server also beats while it passes over transactions that are here already.
  if (!gtid_mode_ || in_.ports->source_status == nullptr) return true;
  const auto upstream = in_.ports->source_status->Latest();
  if (!upstream || upstream->position.empty()) return true;
  if (mysql::ComparePositions(position, mysql::ParsePositionText(upstream->position)) >= 0) {
    return true;
  }
  const std::optional<mysql::GtidSet>& ours = stream_->end().gtid_set;
  return ours && ours->Contains(mysql::GtidSet::Parse(in_.sessions->flavor, upstream->gtid_set));
}

void SyncRun::LeaveAbandoned() {
  const size_t rows = std::exchange(rows_in_transaction_, 0);
  if (rows == 0) {
    planner_->OnCommit(*stream_, reading_.get_token());  // nothing is open
    return;
  }
  std::string tables;
  for (const TableId& table : planner_->TablesOfTransaction()) {
    tables += (tables.empty() ? "" : ", ") + table.Quoted();
  }
  throw Error(
      ErrorCode::kSyncerGetEvent,
      fmt::format("get binlog event error: the upstream's log ends inside the transaction "
                  "that begins at {}: the upstream rolled it back when it came up again, "
                  "but up to {} of its row changes are applied or on their way, of the tables {}",
                  transaction_event_.ToString(), rows, tables))
      .SetScope(ErrorScope::kUpstream)
      .SetWorkaround(
          "Compare these tables, repair their rows downstream, and resume the task: the "
          "transaction is left out then.");
}

void SyncRun::EndTransaction() {
  rows_in_transaction_ = 0;
  if (xa_->open() && xa_->has_rows()) {
    throw Error(ErrorCode::kSyncerUnitNotSupportedOperate,
                "rows of an XA transaction came, but neither its XA PREPARE nor its XA COMMIT: it "
                "was read from two logs, or its rows are of a non-transactional engine")
        .SetScope(ErrorScope::kUpstream)
        .SetWorkaround(
            "Resume the task: the transaction is read again from its begin. If the error comes "
            "again, compare the tables that the transaction changed, repair them, and start the "
            "task anew from a position behind it.");
  }
  xa_->Close();
  planner_->OnCommit(*stream_, reading_.get_token());
  in_.checkpoint->Save(QueuedOrder(), stream_->transaction_end());
}

}  // namespace dm::migration
