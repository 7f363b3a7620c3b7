#include "migration/sync/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/config/scalar.h"
#include "migration/storage/local_directory.h"
#include "migration/sync/connection_limit.h"
#include "migration/sync/tracker_fill.h"
#include "mysql/binlog/event_source.h"
#include "mysql/client/binlog_status.h"
#include "mysql/client/clock_offset.h"
#include "mysql/client/retry.h"

namespace dm::migration {

using mysql::Location;

namespace {

constexpr Milliseconds kSaveTick{100};
constexpr Milliseconds kWatchTick{100};
// An idle stream's progress is saved so soon that status shows it.
constexpr Milliseconds kIdleSave{400};
constexpr Milliseconds kRetryWait{3000};
// Workers have this long to end what they have, after reading has ended.
constexpr Milliseconds kDrainLimit{20'000};
constexpr Milliseconds kEndSessions{3000};
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

SyncRun::SyncRun(const RunInputs& inputs, EndingRequest& ending)
    : in_(inputs),
      config_(*inputs.config),
      ending_(ending),
      gtid_mode_(config_.syncer.enable_gtid),
      queues_(static_cast<size_t>(std::max(config_.syncer.worker_count, 1)),
              LimitsOf(config_.syncer)),
      tracker_(TrackerOptionsOf(inputs)),
      downstream_(inputs.sessions->downstream),
      connection_slot_(queues_.parallel() + 1),
      indirect_(inputs.sessions->upstream, inputs.sessions->lower_case_table_names != 0) {
  plan_.rules = in_.rules;
  plan_.sessions = in_.sessions;
  plan_.tracker = &tracker_;
  plan_.downstream = &downstream_;
  plan_.checkpoint = in_.checkpoint;
  plan_.queues = &queues_;
  plan_.gtid_mode = gtid_mode_;
  plan_.filtered = &filtered_;
  apply_.connect = in_.sessions->rows;
  apply_.lenient_mode = in_.sessions->lenient_mode;
  apply_.lenient = &lenient_;
  plan_.metrics = in_.metrics;
  apply_.owner = in_.owner;
  apply_.checkpoint = &in_.checkpoint->table();
  apply_.fence = in_.ports->fence;
  apply_.stats = &in_.status->stats;
  apply_.metrics = in_.metrics;
  apply_.graceful = ending_.graceful();
  apply_.patience = patience_.token();
  apply_.foreign_keys = in_.sessions->foreign_keys;
  apply_.read_committed = in_.sessions->read_committed;
  apply_.bulk = in_.sessions->bulk && !in_.sessions->foreign_keys;
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
  connection_ = mysql::Connection::Connect(options, reading_.get_token());
}

void SyncRun::StartWorkers() {
  // Nothing is written yet: whoever ends the run need not wait for anything here.
  const StopToken stop = reading_.get_token();
  CheckFence(in_.ports->fence);
  CheckConnectionLimit(*connection_, config_.syncer.worker_count, stop);
  // From here on no earlier run can write any more.
  const size_t ddl_slot = connection_slot_ + 1;
  const std::vector<uint64_t> epochs = in_.owner->RaiseAll(
      *connection_, ddl_slot + 1, stop,
      [this](std::string_view what) { in_.status->statement.Set(what); },
      OwnerTable::StatementWait::kUnlimited);
  connection_epoch_ = epochs.at(connection_slot_);
  ddl_right_ = {in_.owner, ddl_slot, epochs.at(ddl_slot)};
  for (size_t slot = 0; slot <= queues_.parallel(); ++slot) {
    try {
      workers_.push_back(std::make_unique<ApplyWorker>(slot, epochs.at(slot), queues_, apply_,
                                                       ConnectWorker(apply_, stop)));
    } catch (const Error& e) {
      throw WithConnectionLimit(e, config_.syncer.worker_count, slot);
    }
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
  ReviveConnection();
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
    FillTrackerFromCheckpoint(plan_, !start.from_start_time);
  }
  KnowAllTables(start, clean);
  if (fresh && AppliesEachOnce()) SaveEachOnce(true);
  if (in_.rules->online_ddl) {
    online_.emplace(plan_, *in_.online_ddl);
    ReviveConnection();  // a large dump takes its time
    if (!start.from_start_time) online_->Load(*connection_, stop);
    plan_.online = &*online_;
  }
  planner_.emplace(plan_, [this] { DrainAndFlush(); });
  ddl_executor_.emplace(*in_.sessions, *in_.ddl_intents, in_.checkpoint->table(), in_.ports->fence,
                        ddl_right_, ending_.graceful(),
                        [this](const std::string& text) { in_.status->statement.Set(text); });
  ddl_.emplace(
      plan_, [this] { DrainAndFlush(); }, &*ddl_executor_, in_.temporary);
  in_.temporary->BeginRun(start.location.position, !gtid_mode_ && !start.from_start_time);
  // Location and definitions in one transaction: a restart finds both or neither.
  // The first row also tells the next run that it is not the first.
  // Crash point: the run is prepared; after a dump, all of it is loaded. Left: the first checkpoint
  // of the run, the load record, the dump files.
  DM_FAILPOINT("sync/before-begin");
  Flush();
  // Crash point: the first checkpoint of the run is stored. Left: after a dump, the load record and
  // the dump files.
  DM_FAILPOINT("sync/after-begin");
  if (start.from_dump) LeaveDump(clean);
  start_ = start.location;
  BeginSafeMode(start, arguments, fresh, *upstream, stop);

  StreamOptions stream;
  stream.upstream = in_.sessions->upstream;
  stream.flavor = in_.sessions->flavor;
  stream.worker_name = in_.ports->worker_name;
  stream.server_id = config_.server_id;
  stream.gtid_mode = gtid_mode_;
  stream.log = in_.checkpoint->UpstreamOf(queues_.LowWater());
  stream_.emplace(stream, start.location);
  plan_.stream = &*stream_;
  in_.status->SetReadPosition(start.location.position.file, start.location.position.offset);
  in_.status->SetQueues(&queues_);
  saver_ = std::jthread([this](const StopToken& token) { SaveLoop(token); });
  watcher_ = std::jthread([this](const StopToken& token) { WatchLoop(token); });
}

void SyncRun::LeaveDump(bool clean) {
  if (in_.ports->load_task != nullptr) {
    try {
      in_.ports->load_task->Delete();
    } catch (const std::exception& e) {
      Log().Warn("fail to delete the load task record", {F("error", ErrorText(e))});
    }
  }
  // Crash point: checkpoint stored, load record deleted. Left: the dump files.
  DM_FAILPOINT("sync/before-clean");
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
  // Crash point: nothing is left of the dump. Left: the first event.
  DM_FAILPOINT("sync/after-clean");
}

void SyncRun::KnowAllTables(const StartChoice& start, bool dump_is_whole) {
  const std::string rules = TableRulesText(config_);
  plan_.knows_all_tables =
      HasDump(config_.mode) &&
      (start.from_dump ? dump_is_whole
                       : !start.from_start_time && in_.checkpoint->all_known_by() == rules);
  if (start.from_dump || start.from_start_time) {
    in_.checkpoint->AddStatement(
        in_.checkpoint->table().AllKnownStatement(plan_.knows_all_tables ? rules : ""));
  }
}

void SyncRun::BeginSafeMode(const StartChoice& start, const std::optional<TaskCliArgs>& arguments,
                            bool fresh, mysql::Connection& upstream, const StopToken& stop) {
  if (!AppliesEachOnce() && in_.checkpoint->each_once()) {
    // Before this run applies anything.
    SaveEachOnce(false);
    Flush();
  }
  SafeModeStart safe;
  safe.configured = config_.syncer.safe_mode;
  // Not if an earlier run of the task has applied changes another way.
  safe.each_once = AppliesEachOnce() && (fresh || in_.checkpoint->each_once());
  safe.unknown_begin = !start.from_dump && (fresh || start.from_start_time);
  if (arguments && !arguments->safe_mode_duration.empty()) {
    safe.binlog_duration = ParseDuration(arguments->safe_mode_duration);
  }
  safe.duration = config_.syncer.SafeModeDuration();
  safe.begin = start.location;
  safe.gtid_mode = gtid_mode_;
  safe.exit_point = in_.checkpoint->exit_point();
  if (safe.exit_point && IsBehind(*safe.exit_point, start.location, gtid_mode_) &&
      !CoverTheSame(*safe.exit_point, start.location, gtid_mode_)) {
    // A run that ended by itself stores none before its location: this one was left over.
    safe.exit_point.reset();
    in_.checkpoint->SetExitPoint(std::nullopt);
  }
  const bool killed = !fresh && !start.from_start_time;
  const bool inexact = safe.unknown_begin && !safe.binlog_duration && safe.duration.count() != 0;
  if (!safe.exit_point && !safe.each_once && (killed || inexact)) {
    // The last run did not end by itself: nobody wrote how far it came. Or somebody else has put
    // data there. They cannot have come further than the upstream is now. Written down at once:
    // this run may end before it gets there.
    if (auto status = mysql::ReadBinlogStatus(upstream, stop)) {
      Location reached;
      reached.position = status->position;
      reached.gtid_set = mysql::GtidSet::Parse(in_.sessions->flavor, status->gtid_set);
      safe.exit_point = reached;
      const std::string server = in_.checkpoint->UpstreamOf(queues_.LowWater()).server;
      const bool same_server =
          server.empty() || server == mysql::ServerIdentity(upstream, in_.sessions->flavor, stop);
      if (gtid_mode_) {
        // Perhaps by another server than the one that was read, which may lag behind it: what that
        // one had is older than now. Stored it would say more than is known.
        safe.exit_time = std::strtoull(
            upstream.QueryValue("SELECT UNIX_TIMESTAMP()", stop).value_or("0").c_str(), nullptr,
            10);
      } else if (!same_server) {
        exit_is_unsure_ = true;  // the stream finds out whether the position means anything
      } else {
        in_.checkpoint->SetExitPoint(reached);
        // Crash point: where the run before may have come is found. Left: the checkpoint with that
        // exit point, the first event.
        DM_FAILPOINT("sync/before-exit-point");
        Flush();
        // Crash point: the exit point is stored. Left: the first event.
        DM_FAILPOINT("sync/after-exit-point");
      }
    }
  }
  const bool over = safe_mode_.Begin(safe, SteadyClock::now());
  if (over) in_.checkpoint->SetExitPoint(std::nullopt);
  if (AppliesEachOnce() && !safe_mode_.exit_point()) SaveEachOnce(true);
  if (over) Flush();
}

bool SyncRun::AppliesEachOnce() const {
  return in_.sessions->foreign_keys && !in_.checkpoint->dump_exit();
}

void SyncRun::SaveEachOnce(bool each_once) {
  in_.checkpoint->AddStatement(in_.checkpoint->table().EachOnceStatement(each_once));
}

uint64_t SyncRun::QueuedOrder() {
  planner_->QueueRest(ending_.kill());
  return queues_.planned();
}

void SyncRun::DrainAndFlush() {
  const auto begin = SteadyClock::now();
  planner_->QueueRest(ending_.kill());
  queues_.Drain(ending_.kill());
  in_.metrics->ObserveDrain(SteadyClock::now() - begin);
  Flush();
}

void SyncRun::ReviveConnection() {
  const bool alive = connection_->IsAlive();
  if (alive && !next_epoch_) return;
  // An earlier write may be under way still; it must not come after the next one. (Also if this was
  // tried before, and failed after the reconnect.)
  if (!alive) connection_->Reconnect(ending_.kill());
  CheckFence(in_.ports->fence);
  if (!next_epoch_) next_epoch_ = OwnerTable::NextEpoch(connection_epoch_);
  in_.owner->Raise(*connection_, connection_slot_, connection_epoch_, *next_epoch_, ending_.kill(),
                   patience_.token());
  connection_epoch_ = *std::exchange(next_epoch_, std::nullopt);
}

void SyncRun::Flush(int attempts) {
  std::lock_guard lock(connection_mutex_);
  for (int attempt = 1;; ++attempt) {
    try {
      CheckFence(in_.ports->fence);
      const WaitNote::Scope saving(in_.status->saving, "(the checkpoint is being saved)");
      ReviveConnection();
      if (in_.checkpoint->Flush(*connection_, Proof(), queues_.LowWater(), ending_.kill())) {
        in_.metrics->ObserveFlush();
        TellFilteredRows();
        Log().Debug("flushed checkpoint", {F("location", in_.checkpoint->flushed().ToString())});
        if (std::exchange(start_time_used_, false) && in_.ports->cli_args != nullptr) {
          in_.ports->cli_args->ClearStartTime();
          in_.status->begins_elsewhere = false;
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

namespace {

// Does the server say that a table for the task's progress, or a column of it, is not there or not
// as it was made? Time does not cure that.
bool IsProgressDamaged(const Error& error) {
  constexpr std::array<int, 4> kCodes = {1049, 1054, 1146, 1364};
  return std::find(kCodes.begin(), kCodes.end(), error.server_errno()) != kCodes.end();
}

}  // namespace

void SyncRun::SaveLoop(const StopToken& stop) {
  const auto interval = std::chrono::seconds(std::max(config_.syncer.checkpoint_flush_interval, 1));
  auto last = SteadyClock::now();
  bool failed = false;  // the last time
  try {
    for (;;) {
      WaitFor(kSaveTick, stop);
      if (std::unique_lock lock(connection_mutex_, std::try_to_lock); lock) {
        connection_->KeepAlive(ending_.kill());
      }
      in_.checkpoint->Forget(queues_.LowWater());
      auto now = SteadyClock::now();
      const auto passed = now - last;
      const bool due = failed ? passed >= kRetryWait
                              : passed >= interval || (passed >= kIdleSave && queues_.Idle());
      if (!due || !in_.checkpoint->HasSomethingToFlush(queues_.LowWater())) continue;
      last = now;
      try {
        Flush(1);
        failed = false;
      } catch (const Error& e) {
        if (e.code() == static_cast<int>(ErrorCode::kSyncerOwnerChanged) ||
            e.code() == static_cast<int>(ErrorCode::kSyncerFenceLost)) {
          queues_.Abort(e);
          reading_.request_stop();
          return;
        }
        if (IsProgressDamaged(e)) {
          Error damaged = e;
          queues_.Abort(damaged.SetWorkaround(
              "The task's tables in the downstream's meta database are not as it made them, so its "
              "place cannot be saved. Restore them from a backup and resume the task; or start it "
              "anew, with `start-task --remove-meta`, or in mode incremental from the place that "
              "query-status shows."));
          reading_.request_stop();
          return;
        }
        failed = true;
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
  reading_.request_stop();
  const bool killed = ending_.ending() == Ending::kKill;
  saver_ = std::jthread();  // stops and joins
  watcher_ = std::jthread();
  const bool drained = killed || DrainForEnding();
  queues_.Close();
  threads_.clear();
  if (!drained) EndSessions();
  in_.status->lag.OnEnd();
  in_.metrics->SetConnected(false);
  if (planner_) in_.metrics->Take(planner_->times(), SteadyClock::now(), true);
  if (killed || !connection_ || !stream_) return;
  try {
    // Data up to the last event read may be downstream.
    if (!safe_mode_.knows_its_exit() || (exit_is_unsure_ && !last_end_)) {
      // As if it had been killed: the next run asks, too.
      in_.checkpoint->SetExitPoint(std::nullopt);
    } else if (last_end_) {
      std::optional<Location> exit = in_.checkpoint->exit_point();
      if (!exit) exit = safe_mode_.exit_point();
      in_.checkpoint->SetExitPoint(exit ? Later(*exit, *last_end_, gtid_mode_) : *last_end_);
    } else if (!in_.checkpoint->exit_point() && !safe_mode_.on()) {
      // Nothing was read. Without this the next run would take this one for one that was killed.
      in_.checkpoint->SetExitPoint(start_);
    }
    // Crash point: the run ends by itself, its changes are committed. Left: its last checkpoint
    // with the exit point.
    DM_FAILPOINT("sync/before-last-checkpoint");
    Flush();
    // Crash point: the last checkpoint is stored. Left: the end of the run.
    DM_FAILPOINT("sync/after-last-checkpoint");
  } catch (const Cancelled&) {
    // Killed meanwhile.
  } catch (const std::exception& e) {
    Log().Error("fail to flush the checkpoint at the end of the run",
                {F("error", ErrorText(e)), F("failed before", failed)});
    if (!failed) throw;
  }
}

bool SyncRun::DrainForEnding() {
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
  if (queues_.DrainRest(time_is_up.get_token()) || ending_.ending() == Ending::kKill) return true;
  Log().Warn("the downstream has not answered in time, its connections are cut");
  working_.request_stop();
  return false;
}

void SyncRun::EndSessions() {
  std::vector<mysql::ServerThread> threads;
  for (const auto& worker : workers_) threads.push_back(worker->thread());
  try {
    if (!mysql::EndThreads(apply_.connect, threads, kEndSessions, ending_.kill())) {
      Log().Warn("sessions whose connections were cut are still there downstream");
    }
  } catch (const Cancelled&) {
    Log().Warn("sessions whose connections were cut are left to the downstream to end");
  } catch (const std::exception& e) {
    Log().Warn("sessions whose connections were cut are left to the downstream to end",
               {F("error", ErrorText(e))});
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
