#include "migration/sync/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/config/scalar.h"
#include "migration/storage/local_directory.h"
#include "migration/sync/binlog_scan.h"
#include "migration/sync/logged_statement.h"
#include "migration/sync/start_location.h"
#include "migration/sync/tracker_fill.h"
#include "mysql/client/binlog_status.h"
#include "mysql/client/clock_offset.h"
#include "mysql/client/retry.h"

namespace dm::migration {

using mysql::EventType;
using mysql::Location;

namespace {

constexpr Milliseconds kSaveTick{200};
constexpr Milliseconds kWatchTick{100};
// An idle stream's progress is saved so soon that status shows it.
constexpr Milliseconds kIdleSave{1000};
constexpr Milliseconds kRetryWait{3000};
// Workers have this long to end what they have, after reading has ended.
constexpr Milliseconds kDrainLimit{20'000};
constexpr int kDuplicateEntry = 1062;

ApplyQueues::Limits LimitsOf(const SyncerConfig& config) {
  ApplyQueues::Limits limits;
  limits.batch = std::max(config.batch, 1);
  limits.queue_jobs = std::max<size_t>(std::max(config.queue_size, 1) / 2, limits.batch * 2);
  // Little is left of many changes of the same rows.
  if (config.compact) limits.batch = limits.queue_jobs;
  return limits;
}

mysql::TrackerOptions TrackerOptionsOf(const RunInputs& in) {
  mysql::TrackerOptions options;
  options.lower_case_table_names = in.sessions->lower_case_table_names;
  options.mariadb = in.sessions->flavor == mysql::Flavor::kMariaDb;
  // Sources of a merge have to agree on what TiDB will take; else it is left out (ForTiDb).
  options.downstream_tidb =
      in.sessions->downstream_server.is_tidb && in.config->shard_mode != ShardMode::kNone;
  options.default_collation_of = LookupIn(in.sessions->default_collations);
  const mysql::ServerInfo& upstream = in.sessions->upstream_server;
  options.inline_references = !upstream.is_mariadb && upstream.AtLeast(9, 0);
  return options;
}

}  // namespace

std::optional<Location> RunStatus::Committed(const Checkpoint& checkpoint) const {
  std::lock_guard lock(mutex_);
  if (queues_ == nullptr) return std::nullopt;
  return checkpoint.Committed(queues_->LowWater());
}

int64_t RunStatus::Lag(int64_t now) const {
  uint32_t oldest = 0;
  {
    std::lock_guard lock(mutex_);
    if (queues_ != nullptr) oldest = queues_->OldestTimestamp();
  }
  return lag.Seconds(oldest, now);
}

void RunStatus::SetQueues(const ApplyQueues* queues) {
  std::lock_guard lock(mutex_);
  queues_ = queues;
}

void RunStatus::SetReadPosition(const std::string& file, uint64_t offset) {
  std::lock_guard lock(mutex_);
  if (read_file_ != file) read_file_ = file;
  read_offset_ = offset;
}

mysql::BinlogPosition RunStatus::read_position() const {
  std::lock_guard lock(mutex_);
  return {read_file_, read_offset_};
}

SyncRun::SyncRun(const RunInputs& inputs, EndingRequest& ending)
    : in_(inputs),
      config_(*inputs.config),
      ending_(ending),
      gtid_mode_(config_.syncer.enable_gtid),
      queues_(static_cast<size_t>(std::max(config_.syncer.worker_count, 1)),
              LimitsOf(config_.syncer)),
      tracker_(TrackerOptionsOf(inputs)),
      downstream_(inputs.sessions->downstream),
      connection_slot_(queues_.parallel() + 1) {
  plan_.rules = in_.rules;
  plan_.sessions = in_.sessions;
  plan_.tracker = &tracker_;
  plan_.downstream = &downstream_;
  plan_.checkpoint = in_.checkpoint;
  plan_.queues = &queues_;
  plan_.gtid_mode = gtid_mode_;
  plan_.filtered = &filtered_;
  apply_.connect = in_.sessions->rows;
  plan_.metrics = in_.metrics;
  apply_.owner = in_.owner;
  apply_.checkpoint = &in_.checkpoint->table();
  apply_.fence = in_.ports->fence;
  apply_.stats = &in_.status->stats;
  apply_.metrics = in_.metrics;
  apply_.graceful = ending_.graceful();
  apply_.foreign_keys = in_.sessions->foreign_keys;
  apply_.read_committed = in_.sessions->read_committed;
  apply_.compact = config_.syncer.compact;
  apply_.multiple_rows = config_.syncer.multiple_rows;
}

SyncRun::~SyncRun() {
  in_.status->SetQueues(nullptr);
  StopThreads();
}

std::string SyncRun::Proof() const {
  return in_.owner->ProofStatement(connection_slot_, connection_epoch_,
                                   in_.sessions->downstream_server);
}

void SyncRun::OpenCheckpointConnection() {
  mysql::ConnectOptions options = in_.sessions->checkpoint;
  options.read_timeout = Milliseconds(60'000);
  connection_ = mysql::Connection::Connect(options, ending_.kill());
}

void SyncRun::StartWorkers() {
  CheckFence(in_.ports->fence);
  // From here on no earlier run can write any more.
  std::vector<uint64_t> epochs =
      in_.owner->RaiseAll(*connection_, connection_slot_ + 1, ending_.kill());
  connection_epoch_ = epochs.at(connection_slot_);
  for (size_t slot = 0; slot <= queues_.parallel(); ++slot) {
    workers_.push_back(std::make_unique<ApplyWorker>(slot, epochs.at(slot), queues_, apply_,
                                                     ConnectWorker(apply_, ending_.kill())));
  }
  for (auto& worker : workers_) {
    threads_.emplace_back([this, w = worker.get()] { w->Run(working_.get_token()); });
  }
}

void SyncRun::Execute() {
  StopCallback on_ending(ending_.graceful(), [this] {
    std::lock_guard lock(boundary_mutex_);
    ending_asked_ = true;
    ending_since_ = SteadyClock::now();
    if (!in_transaction_) {
      Log().Info("the last job is transaction end, done directly");
      reading_.request_stop();
    } else {
      Log().Info("not receive xid job yet");
    }
  });
  StopCallback on_kill(ending_.kill(), [this] {
    reading_.request_stop();
    working_.request_stop();
  });
  std::optional<Error> failure;
  try {
    Prepare();
    Loop();
  } catch (const Cancelled&) {
    // An ending, or a worker's error.
    failure = queues_.error();
    if (!failure && ending_.ending() == Ending::kNone) {
      failure = Error(ErrorCode::kSyncerGetEvent, "get binlog event error: the stream was cut");
    }
  } catch (const std::exception& e) {
    failure = queues_.error();
    if (!failure) failure = ToError(e);
  }
  if (const auto failed_at = queues_.failed_at()) {
    BrokenPlace place;
    place.position = *failed_at;
    in_.operators->SetBroken(std::move(place));
  }
  Finish(failure.has_value());
  if (failure) throw *failure;
}

void SyncRun::Prepare() {
  const StopToken stop = reading_.get_token();
  auto upstream = mysql::Connection::Connect(in_.sessions->upstream, stop);
  in_.status->lag.SetClockOffset(mysql::ReadClockOffset(*upstream, stop));
  std::optional<TaskCliArgs> arguments;
  if (in_.ports->cli_args != nullptr) arguments = in_.ports->cli_args->Get();
  if (arguments && !arguments->wait_time_on_stop.empty()) {
    if (auto limit = ParseDuration(arguments->wait_time_on_stop)) {
      ending_limit_ = std::chrono::duration_cast<Milliseconds>(*limit);
    }
  }
  OpenCheckpointConnection();
  StartWorkers();
  // Only now is the stored state final.
  const auto load_begin = SteadyClock::now();
  in_.checkpoint->Load(*connection_, stop);
  in_.operators->Load(*connection_, stop);
  in_.metrics->ObserveQuery(SteadyClock::now() - load_begin);
  const bool fresh = in_.checkpoint->IsFresh();
  StartChoice start =
      ChooseStart(config_, *in_.sessions, *in_.checkpoint, arguments, fresh, gtid_mode_, stop);
  if (start.from_start_time) {
    in_.checkpoint->DropAllTables();
    in_.checkpoint->SetExitPoint(std::nullopt);
    in_.checkpoint->SetDumpExit(std::nullopt);
    in_.checkpoint->SetPrepared({});
    start_time_used_ = true;
  }
  xa_.emplace(*in_.sessions, in_.checkpoint->prepared());
  in_.checkpoint->BeginRun(start.location,
                           start.from_dump || start.from_start_time || start.completed_gtid);
  if (start.from_start_time) {
    for (std::string& statement : in_.online_ddl->DeleteAllStatements()) {
      in_.checkpoint->AddStatement(std::move(statement));
    }
  }
  if (start.dump_exit) {
    in_.checkpoint->SetExitPoint(start.dump_exit);
    in_.checkpoint->SetDumpExit(start.dump_exit);
  }
  if (const std::optional<Location> dump_exit = in_.checkpoint->dump_exit()) {
    TablePoint point;
    point.location = *dump_exit;
    plan_.dump_exit.emplace(std::move(point), gtid_mode_);
  }

  bool clean = false;
  if (start.from_dump) {
    clean = FillTrackerFromDump(plan_, config_);
  } else {
    FillTrackerFromCheckpoint(plan_);
  }
  if (in_.rules->online_ddl) {
    online_.emplace(plan_, *in_.online_ddl);
    if (!start.from_start_time) online_->Load(*connection_, stop);
    plan_.online = &*online_;
  }
  planner_.emplace(plan_, [this] { DrainAndFlush(); });
  ddl_executor_.emplace(
      *in_.sessions, *in_.ddl_intents, in_.ports->fence, [this] { return Proof(); },
      ending_.graceful());
  ddl_.emplace(
      plan_, [this] { DrainAndFlush(); }, &*ddl_executor_);
  // Location and definitions in one transaction: a restart finds both or neither.
  // The first row also tells the next run that it is not the first.
  Flush();
  if (start.from_dump) {
    if (in_.ports->load_task != nullptr) {
      try {
        in_.ports->load_task->Delete();
      } catch (const std::exception& e) {
        Log().Warn("fail to delete the load task record", {F("error", ErrorText(e))});
      }
    }
    if (clean && config_.clean_dump_file) {
      Log().Info("try to remove all dump files", {F("dir", config_.loader.dir)});
      try {
        const LocalDirectory directory(config_.loader.dir);
        if (HasDump(config_.mode)) {
          directory.RemoveFiles();
        } else {
          directory.RemoveAll();
        }
      } catch (const std::exception& e) {
        Log().Warn("fail to remove the dump files", {F("error", ErrorText(e))});
      }
    }
  }

  SafeModeStart safe;
  safe.configured = config_.syncer.safe_mode;
  if (arguments && !arguments->safe_mode_duration.empty()) {
    safe.binlog_duration = ParseDuration(arguments->safe_mode_duration);
  }
  safe.duration = config_.syncer.SafeModeDuration();
  safe.begin = start.location;
  safe.gtid_mode = gtid_mode_;
  if (!fresh && !in_.checkpoint->exit_point() && !start.from_start_time &&
      safe.duration.count() > 0) {
    // The last run did not end by itself: nobody wrote how far it came. It cannot have come further
    // than the upstream is now. Written down at once: this run may end before it gets there.
    if (auto status = mysql::ReadBinlogStatus(*upstream, stop)) {
      Location reached;
      reached.position = status->position;
      reached.gtid_set = mysql::GtidSet::Parse(in_.sessions->flavor, status->gtid_set);
      in_.checkpoint->SetExitPoint(reached);
      Flush();
    }
  }
  safe.exit_point = in_.checkpoint->exit_point();
  if (safe_mode_.Begin(safe, SteadyClock::now())) {
    in_.checkpoint->SetExitPoint(std::nullopt);
    Flush();
  }

  StreamOptions stream;
  stream.upstream = in_.sessions->upstream;
  stream.flavor = in_.sessions->flavor;
  stream.worker_name = in_.ports->worker_name;
  stream.gtid_mode = gtid_mode_;
  stream_.emplace(stream, start.location);
  plan_.stream = &*stream_;
  in_.status->SetReadPosition(start.location.position.file, start.location.position.offset);
  in_.status->SetQueues(&queues_);
  saver_ = std::jthread([this](const StopToken& token) { SaveLoop(token); });
  watcher_ = std::jthread([this](const StopToken& token) { WatchLoop(token); });
}

void SyncRun::Loop() {
  const StopToken stop = reading_.get_token();
  for (;;) {
    in_.status->lag.OnWait();
    const auto asked = SteadyClock::now();
    mysql::RawEvent event = stream_->Next(stop);
    const auto received = Account(event, asked);
    if (stream_->in_transaction() && !stream_->at_transaction_end()) {
      std::lock_guard lock(boundary_mutex_);
      in_transaction_ = true;
    }
    try {
      HandleEvent(event, received);
    } catch (const Error& e) {
      std::optional<Error> worker = queues_.error();
      if (worker) throw *worker;
      NoteBroken(broken_statement_);
      throw AtPlace(e, "");
    }
    if (read_again_) return;
    if (!stream_->in_transaction() || stream_->at_transaction_end()) {
      std::lock_guard lock(boundary_mutex_);
      in_transaction_ = false;
      if (ending_asked_) return;
    }
  }
}

SteadyClock::time_point SyncRun::Account(const mysql::RawEvent& event,
                                         SteadyClock::time_point asked) {
  const auto now = SteadyClock::now();
  PlannerTimes& times = planner_->times();
  times.read.Add(now - asked);
  const bool beat =
      event.type() == EventType::kHeartbeat || event.type() == EventType::kHeartbeatV2;
  in_.metrics->Take(times, now, beat);
  in_.status->streamed = true;
  if (!beat && !event.header().artificial() && !event.IsFakeRotate()) {
    in_.metrics->ObserveEvent(event.header().event_size);
    in_.status->binlog_bytes += event.header().event_size;
  }
  const bool preface = event.IsFakeRotate() || event.header().artificial() ||
                       event.type() == EventType::kFormatDescription;
  if (beat || !preface) in_.status->unreadable = false;
  in_.status->SetReadPosition(stream_->end().position.file, stream_->read_offset());
  // Only what belongs to a transaction tells the time that the stream has come to: a file's head
  // is as old as the file.
  const bool timed = stream_->in_transaction() || stream_->at_transaction_end();
  in_.status->lag.OnEvent(timed ? event.header().timestamp : 0, UnixMilliseconds());
  return now;
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

void SyncRun::HandleEvent(const mysql::RawEvent& event, SteadyClock::time_point received) {
  const EventType type = event.type();
  bool leave_safe_mode = false;
  if (!event.header().artificial() && type != EventType::kHeartbeat &&
      type != EventType::kHeartbeatV2 && !event.IsFakeRotate()) {
    last_end_ = stream_->end();
    switch (safe_mode_.BeforeEvent(event.header().timestamp, type == EventType::kFormatDescription,
                                   stream_->end(), received)) {
      case SafeMode::Change::kNone:
        break;
      case SafeMode::Change::kExitPointReached:
        leave_safe_mode = stream_->at_transaction_end();
        break;
      case SafeMode::Change::kDurationOver:
        Log().Info("disable safe-mode: the command line's duration is over");
        if (in_.ports->cli_args != nullptr) in_.ports->cli_args->ClearSafeModeDuration();
        break;
    }
  }
  if (IsGtidEvent(type)) {
    // By its own end: what a stream that began by GTID has before its first event is not known.
    group_begin_ = stream_->end().position;
    group_begin_.offset -= event.header().event_size;
    xa_->BeginTransaction();
  }
  if (event.IsFakeRotate() && gtid_mode_ && in_.sessions->flavor == mysql::Flavor::kMariaDb) {
    in_.checkpoint->SetServer(stream_->identity());
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
    in_.checkpoint->Save(queues_.planned(), stream_->transaction_end());
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
  queues_.Drain(reading_.get_token());
  in_.checkpoint->SetExitPoint(std::nullopt);
  in_.checkpoint->SetDumpExit(std::nullopt);
  Flush();
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
                              in_.sessions->flavor);
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
  DM_FAILPOINT("sync/xa-prepared");
}

void SyncRun::DecideXa(const std::string& statement, bool commit) {
  const std::optional<std::string> xid = XidOf(statement);
  if (!xid) {
    throw Error(ErrorCode::kSyncerUnitNotSupportedOperate, "an XA statement without a known xid");
  }
  if (commit) {
    DM_FAILPOINT("sync/xa-commit");
    CarryThrough();
    xa_->Commit(
        *xid, stream_->identity(), stream_->start().position,
        [this](const mysql::RawEvent& event) { HandleChange(event); }, reading_.get_token());
  } else {
    xa_->Rollback(*xid);
  }
  in_.checkpoint->SetPrepared(xa_->prepared());
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
          Error(ErrorCode::kSyncerUnitNotSupportedOperate,
                "ROLLBACK of rows that are in the binlog (a transaction that changed tables of a "
                "non-transactional engine as well): the rows before it were applied")
              .SetWorkaround("Go on behind it with `binlog skip`, then compare the tables that the "
                             "transaction changed, and repair them."),
          StatementText(query));
    case Control::kNone:
      if (OperateOn(event, query, false)) return;
      break;
  }
  CarryThrough();
  try {
    RefuseLoggedStatement(*in_.rules, in_.sessions->lower_case_table_names != 0, query,
                          in_.sessions->flavor);
    const auto begin = SteadyClock::now();
    const std::string name =
        stream_->gtid() ? mysql::ToString(*stream_->gtid()) : stream_->end().position.ToString();
    const DdlHandler::Outcome outcome =
        ddl_->Handle(query, stream_->end(), stream_->transaction_end(), name,
                     event.header().timestamp, {}, ending_.kill());
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
  last_end_ = location;
  last_saved_ = location.position;
  in_.checkpoint->Save(queues_.planned(), location);
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
  in_.checkpoint->Save(queues_.planned(), stream_->transaction_end());
}

void SyncRun::DrainAndFlush() {
  const auto begin = SteadyClock::now();
  queues_.Drain(ending_.kill());
  in_.metrics->ObserveDrain(SteadyClock::now() - begin);
  Flush();
}

void SyncRun::Flush(int attempts) {
  std::lock_guard lock(connection_mutex_);
  for (int attempt = 1;; ++attempt) {
    try {
      CheckFence(in_.ports->fence);
      if (!connection_->IsAlive()) {
        // An earlier write may be under way still; it must not come after this one.
        connection_->Reconnect(ending_.kill());
        CheckFence(in_.ports->fence);
        if (!next_epoch_) next_epoch_ = OwnerTable::NextEpoch(connection_epoch_);
        in_.owner->Raise(*connection_, connection_slot_, connection_epoch_, *next_epoch_,
                         ending_.kill());
        connection_epoch_ = *std::exchange(next_epoch_, std::nullopt);
      }
      if (in_.checkpoint->Flush(*connection_, Proof(), queues_.LowWater(), ending_.kill())) {
        in_.metrics->ObserveFlush();
        TellFilteredRows();
        Log().Debug("flushed checkpoint", {F("location", in_.checkpoint->flushed().ToString())});
        if (std::exchange(start_time_used_, false) && in_.ports->cli_args != nullptr) {
          in_.ports->cli_args->ClearStartTime();
        }
      }
      return;
    } catch (const Error& e) {
      ThrowIfStopped(ending_.kill());
      if (e.server_errno() == kDuplicateEntry) {
        // Not with the server's text as its cause, which says that there is no sense in a resume.
        throw MakeError(ErrorCode::kSyncerOwnerChanged, connection_slot_);
      }
      bool retry = mysql::IsConnectionLost(e) || mysql::IsRetryableServerError(e);
      if (!retry || attempt >= attempts) throw;
      Log().Warn("flush checkpoint failed, will retry", {F("error", e)});
      try {
        WaitFor(kRetryWait, ending_.graceful());
      } catch (const Cancelled&) {
        throw e;
      }
    }
  }
}

void SyncRun::TellFilteredRows() {
  std::array<int64_t, 3> rows{};
  for (size_t kind = 0; kind < rows.size(); ++kind)
    rows[kind] = filtered_.by_kind[kind].exchange(0);
  if (rows == std::array<int64_t, 3>{}) return;
  Log().Info("after last flushing checkpoint, DM has ignored row changes by expression filter",
             {F("number of filtered insert", rows[0]), F("number of filtered update", rows[1]),
              F("number of filtered delete", rows[2])});
}

void SyncRun::SaveLoop(const StopToken& stop) {
  const auto interval = std::chrono::seconds(std::max(config_.syncer.checkpoint_flush_interval, 1));
  auto last = SteadyClock::now();
  try {
    for (;;) {
      WaitFor(kSaveTick, stop);
      auto now = SteadyClock::now();
      const bool due = now - last >= interval || (now - last >= kIdleSave && queues_.Idle());
      if (!due || !in_.checkpoint->HasSomethingToFlush(queues_.LowWater())) continue;
      last = now;
      try {
        Flush(1);
      } catch (const Error& e) {
        if (e.code() == static_cast<int>(ErrorCode::kSyncerOwnerChanged) ||
            e.code() == static_cast<int>(ErrorCode::kSyncerFenceLost)) {
          queues_.Abort(e);
          reading_.request_stop();
          return;
        }
        Log().Error("async flush checkpoint snapshot failed, ignore this error", {F("error", e)});
      }
    }
  } catch (const Cancelled&) {
    // The run ends.
  }
}

void SyncRun::WatchLoop(const StopToken& stop) {
  auto saved_since = SteadyClock::now();
  try {
    for (;;) {
      WaitFor(kWatchTick, stop);
      in_.status->row_rate.Update(in_.status->done());
      in_.status->byte_rate.Update(in_.status->binlog_bytes);
      in_.metrics->SetLag(in_.status->Lag(UnixMilliseconds()));
      in_.metrics->SetPosition(in_.status->read_position());
      in_.metrics->SetQueueSizes(queues_.Sizes());
      in_.metrics->SetConnected(in_.status->lag.Connected(UnixMilliseconds()));
      if (!in_.checkpoint->HasSomethingToFlush(queues_.LowWater())) {
        saved_since = SteadyClock::now();
      }
      in_.metrics->SetCheckpointAge(
          std::chrono::duration<double>(SteadyClock::now() - saved_since).count());
      if (queues_.error()) {
        reading_.request_stop();
        return;
      }
      std::lock_guard lock(boundary_mutex_);
      if (ending_asked_ && SteadyClock::now() - ending_since_ > ending_limit_) {
        if (reading_.request_stop()) Log().Warn("wait transaction end timeout, exit now");
      }
    }
  } catch (const Cancelled&) {
    // The run ends.
  }
}

void SyncRun::Finish(bool failed) {
  const bool killed = ending_.ending() == Ending::kKill;
  saver_ = std::jthread();  // stops and joins
  watcher_ = std::jthread();
  if (!killed) DrainForEnding();
  queues_.Close();
  threads_.clear();
  in_.status->lag.OnEnd();
  in_.metrics->SetConnected(false);
  if (planner_) in_.metrics->Take(planner_->times(), SteadyClock::now(), true);
  if (killed || !connection_ || !stream_) return;
  try {
    // Data up to the last event read may be downstream.
    if (last_end_) {
      std::optional<Location> exit = in_.checkpoint->exit_point();
      if (!exit || mysql::CompareLocations(*last_end_, *exit, gtid_mode_) > 0) {
        in_.checkpoint->SetExitPoint(last_end_);
      }
    }
    Flush();
  } catch (const Cancelled&) {
    // Killed meanwhile.
  } catch (const std::exception& e) {
    Log().Error("fail to flush the checkpoint at the end of the run",
                {F("error", ErrorText(e)), F("failed before", failed)});
    if (!failed) throw;
  }
}

void SyncRun::DrainForEnding() {
  // A downstream that does not answer must not hold a pause up: what is in flight then may or may
  // not come through, which the exit point and the tables' points are for.
  StopSource time_is_up;
  std::jthread timer([&](const StopToken& stop) {
    try {
      for (;;) {
        WaitFor(kWatchTick, stop);
        std::lock_guard lock(boundary_mutex_);
        if (ending_asked_ && SteadyClock::now() - ending_since_ > ending_limit_ + kDrainLimit) {
          time_is_up.request_stop();
          return;
        }
      }
    } catch (const Cancelled&) {
      // Drained.
    }
  });
  StopCallback on_kill(ending_.kill(), [&] { time_is_up.request_stop(); });
  if (!queues_.DrainRest(time_is_up.get_token()) && ending_.ending() != Ending::kKill) {
    Log().Warn("the downstream has not answered in time, its connections are cut");
    working_.request_stop();
  }
}

void SyncRun::StopThreads() noexcept {
  working_.request_stop();
  saver_ = std::jthread();
  watcher_ = std::jthread();
  queues_.Close();
  threads_.clear();
}

}  // namespace dm::migration
