#include "migration/sync/sync_unit.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>

#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/meta/names.h"
#include "migration/meta/sharding_meta.h"
#include "migration/sync/lag.h"
#include "migration/sync/metrics.h"
#include "migration/sync/run.h"
#include "migration/sync/schema_command.h"
#include "migration/sync/statement_command.h"
#include "migration/unit/resumable.h"
#include "mysql/position/position.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

constexpr Milliseconds kSecondTry{2000};

Rules CompileRules(const SubtaskConfig& config) {
  Rules rules;
  rules.block_allow =
      BlockAllowList(config.block_allow_list.value_or(BlockAllowRules()), config.case_sensitive);
  rules.router = TableRouter(config.route_rules, config.case_sensitive);
  rules.filter = EventFilter(config.filter_rules, config.case_sensitive);
  rules.expressions = config.expression_filter;
  if (!config.timezone.empty()) rules.time_zone = mysql::TimeZone::Parse(config.timezone);
  if (config.online_ddl) {
    rules.online_ddl = OnlineDdlNames(config.shadow_table_rules, config.trash_table_rules);
  }
  return rules;
}

// Bytes of the upstream's binlog behind `read`.
uint64_t UnreadBytes(const UpstreamPosition& upstream, const mysql::BinlogPosition& read) {
  const mysql::BinlogPosition end = mysql::ParsePositionText(upstream.position);
  const std::string file = mysql::StripRelaySuffix(read.file);
  if (mysql::CompareFileNames(file, end.file) > 0) return 0;
  if (file == end.file) return end.offset > read.offset ? end.offset - read.offset : 0;
  uint64_t bytes = end.offset;
  for (const auto& [name, size] : upstream.files) {
    if (name == end.file) continue;
    if (name == file) {
      bytes += size > read.offset ? size - read.offset : 0;
    } else if (mysql::CompareFileNames(name, file) > 0) {
      bytes += size;
    }
  }
  return bytes;
}

class SyncUnit : public Unit, public SyncOperations {
 public:
  SyncUnit(const SubtaskConfig& config, const UnitContext& context)
      : config_(config), context_(context) {}

  UnitType Type() const override { return UnitType::kSync; }
  void Init(const StopToken& stop) override;
  bool IsFresh(const StopToken& stop) override;
  UnitResult Run(EndingRequest& ending) override;
  void Update(const SubtaskConfig& config) override;
  void Close() noexcept override;
  UnitStatus Status() const override { return Look().status; }
  void RefreshMetrics() override;
  void LogProgress() override;
  std::string OperateOnStatement(const StatementRequest& request, const StopToken& stop) override;
  std::string OperateOnSchema(const SchemaRequest& request, const StopToken& stop) override;

 private:
  // What a command works with, taken in one go.
  struct Desk {
    CommandContext context;
    std::shared_ptr<Checkpoint> checkpoint;
    std::shared_ptr<StatementOperators> operators;
  };
  Desk TakeDesk() const;
  void RunOnce(EndingRequest& ending, Checkpoint& checkpoint, StatementOperators& operators,
               SyncMetrics& metrics);
  // What status, metrics and log tell, found in one go.
  struct View {
    SyncStatus status;
    std::optional<UpstreamPosition> upstream;
    double remaining_seconds = 0;
    uint64_t undone_bytes = 0;  // of the upstream's binlog
    double bytes_per_second = 0;
  };
  View Look() const;
  bool IsSynced(const UpstreamPosition& upstream, const mysql::Location& committed) const;

  SubtaskConfig config_;
  const UnitContext context_;
  std::optional<Rules> rules_;
  std::optional<OwnerTable> owner_;
  std::optional<DdlIntentTable> ddl_intents_;
  std::optional<OnlineDdlTable> online_ddl_;
  const SessionCounters counters_;
  const std::shared_ptr<RunStatus> run_status_ = std::make_shared<RunStatus>();

  std::timed_mutex running_;                // held by a run, and by what must not happen during one
  std::atomic<bool> failed_before_{false};  // has the run before this one met an error?
  std::string failed_with_;                 // the last one's error; of the thread in Run
  TemporaryTables temporary_;               // of the thread in Run
  mutable std::mutex mutex_;                // guards what status calls and commands read
  mysql::Flavor flavor_ = mysql::Flavor::kMySql;
  CommandContext commands_;
  std::shared_ptr<StatementOperators> operators_;  // outlives the checkpoint, which uses it
  std::shared_ptr<Checkpoint> checkpoint_;
  std::shared_ptr<SyncMetrics> metrics_;
  int64_t rows_before_run_ = 0;
  SteadyClock::time_point run_begin_;
  std::optional<SteadyClock::time_point> run_end_;
};

void SyncUnit::Init(const StopToken& stop) {
  if (ForeignKeyChecksOn(config_.to) && (config_.syncer.compact || config_.syncer.multiple_rows)) {
    throw Error(ErrorCode::kConfigUnsupportedForeignKeyChecksOption,
                "foreign_key_checks is on together with compact or multiple-rows");
  }
  const Sessions sessions = OpenSessions(config_, counters_, context_.IdleLimit(), stop);
  rules_ = CompileRules(config_);
  owner_.emplace(config_.meta_schema, config_.name, config_.source_id);
  auto operators = std::make_shared<StatementOperators>(
      OperatorTable(config_.meta_schema, config_.name, config_.source_id),
      config_.syncer.enable_gtid);
  auto checkpoint = std::make_shared<Checkpoint>(
      SyncCheckpointTable(config_.meta_schema, config_.name, config_.source_id, sessions.flavor,
                          config_.syncer.enable_gtid,
                          sessions.downstream_server.no_backslash_escapes),
      config_.syncer.enable_gtid, operators.get());
  auto connection = mysql::Connection::Connect(sessions.downstream, stop);
  RefusePendingShards(*connection, config_.meta_schema, config_.name, config_.source_id, stop);
  checkpoint->table().Create(*connection, stop);
  // Crash point: the checkpoint table is there. Left: the other tables of the meta schema.
  DM_FAILPOINT("sync/after-checkpoint-table");
  online_ddl_.emplace(config_.meta_schema, config_.name, config_.source_id,
                      sessions.downstream_server.no_backslash_escapes);
  online_ddl_->Create(*connection, stop);
  owner_->Create(*connection, stop);
  ddl_intents_.emplace(config_.meta_schema, config_.name, config_.source_id,
                       sessions.downstream_server.no_backslash_escapes);
  ddl_intents_->Create(*connection, stop);
  // Crash point: all tables of the meta schema are there. Left: the first run.
  DM_FAILPOINT("sync/after-meta-tables");
  checkpoint->Load(*connection, stop);
  operators->Load(*connection, stop);
  if (context_.cli_args != nullptr) {
    const std::optional<TaskCliArgs> arguments = context_.cli_args->Get();
    run_status_->begins_elsewhere = arguments && !arguments->start_time.empty();
  }
  std::lock_guard lock(mutex_);
  flavor_ = sessions.flavor;
  commands_ = {config_.source_id,
               sessions.upstream,
               sessions.checkpoint,
               sessions.flavor,
               sessions.lower_case_table_names,
               context_.fence};
  operators_ = std::move(operators);
  checkpoint_ = std::move(checkpoint);
  metrics_ =
      std::make_shared<SyncMetrics>(config_.name, config_.source_id, context_.worker_name,
                                    static_cast<size_t>(std::max(config_.syncer.worker_count, 1)));
}

bool SyncUnit::IsFresh(const StopToken&) {
  std::lock_guard lock(mutex_);
  return checkpoint_ == nullptr || checkpoint_->IsFresh();
}

void SyncUnit::RunOnce(EndingRequest& ending, Checkpoint& checkpoint, StatementOperators& operators,
                       SyncMetrics& metrics) {
  // Both servers may have changed since Init or the last run.
  const Sessions sessions =
      OpenSessions(config_, counters_, context_.IdleLimit(), ending.graceful());
  RunInputs inputs;
  inputs.config = &config_;
  inputs.ports = &context_;
  inputs.sessions = &sessions;
  inputs.rules = &*rules_;
  inputs.owner = &*owner_;
  inputs.ddl_intents = &*ddl_intents_;
  inputs.online_ddl = &*online_ddl_;
  inputs.checkpoint = &checkpoint;
  inputs.operators = &operators;
  inputs.temporary = &temporary_;
  inputs.status = run_status_.get();
  inputs.metrics = &metrics;
  for (bool again = true; again;) {
    SyncRun run(inputs, ending);
    run.Execute();
    again = run.read_again();
  }
}

UnitResult SyncUnit::Run(EndingRequest& ending) {
  UnitResult result;
  std::lock_guard<std::timed_mutex> running(running_);
  std::shared_ptr<Checkpoint> checkpoint;
  std::shared_ptr<StatementOperators> operators;
  std::shared_ptr<SyncMetrics> metrics;
  {
    std::lock_guard lock(mutex_);
    checkpoint = checkpoint_;
    operators = operators_;
    metrics = metrics_;
    rows_before_run_ = run_status_->done();
    run_begin_ = SteadyClock::now();
    run_end_.reset();
    run_status_->row_rate.Reset(rows_before_run_);
    run_status_->byte_rate.Reset(run_status_->binlog_bytes);
  }
  metrics->Begin();
  failed_before_ = operators->broken().has_value();
  operators->SetBroken(std::nullopt);
  try {
    RunOnce(ending, *checkpoint, *operators, *metrics);
    result.is_canceled = true;
    failed_with_.clear();
  } catch (const Cancelled&) {
    result.is_canceled = true;
  } catch (const std::exception& e) {
    Error error = ToError(e);
    if (error.code() != static_cast<int>(ErrorCode::kSyncerReprocessWithSafeModeFail)) {
      failed_with_ = error.MessageAndCause();
    } else if (!failed_with_.empty()) {
      // It comes of the run before, which met what the user has to know.
      error =
          Error(ErrorCode::kSyncerReprocessWithSafeModeFail,
                fmt::format("{}; the run before ended with: {}", error.message(), failed_with_));
    }
    Log().Error("sync unit ends with an error", {F("task", config_.name), F("error", error)});
    metrics->CountError(IsResumable(error));
    if (error.code() == static_cast<int>(ErrorCode::kSyncerGetEvent)) {
      run_status_->unreadable = true;
    }
    result.errors.push_back(std::move(error));
    result.is_canceled = ending.ending() != Ending::kNone;
  }
  std::lock_guard lock(mutex_);
  run_end_ = SteadyClock::now();
  return result;
}

SyncUnit::Desk SyncUnit::TakeDesk() const {
  std::lock_guard lock(mutex_);
  return {commands_, checkpoint_, operators_};
}

std::string SyncUnit::OperateOnStatement(const StatementRequest& request, const StopToken& stop) {
  const Desk desk = TakeDesk();
  // What stopped the unit counts when it has stopped.
  std::unique_lock running(running_, std::defer_lock);
  // A task that tries again by itself is about to meet its error again.
  if (request.position.empty() && !running.try_lock() &&
      !(failed_before_ && running.try_lock_for(kSecondTry))) {
    throw PlainRefusal(fmt::format("source '{}' has no error", config_.source_id));
  }
  return RunStatementCommand(desk.context, request, desk.checkpoint->flushed(), *desk.operators,
                             stop);
}

std::string SyncUnit::OperateOnSchema(const SchemaRequest& request, const StopToken& stop) {
  const Desk desk = TakeDesk();
  std::unique_lock running(running_, std::defer_lock);
  if (request.kind != SchemaRequestKind::kListTargets && !running.try_lock()) {
    throw Error(ErrorCode::kWorkerNotPausedStage,
                "current stage is Running but not paused, invalid");
  }
  if (request.kind == SchemaRequestKind::kSet && HasDump(config_.mode) &&
      desk.checkpoint->IsFresh()) {
    throw Error(ErrorCode::kWorkerNotPausedStage,
                "the definitions of the dump are taken over when the sync unit begins, it has not "
                "begun yet, invalid")
        .SetWorkaround("Please resume the task, and set the definition when it has paused.");
  }
  return RunSchemaCommand(desk.context, request, *rules_, *desk.checkpoint, stop);
}

void SyncUnit::Update(const SubtaskConfig& config) {
  Rules rules = CompileRules(config);
  config_ = config;
  rules_ = std::move(rules);
}

void SyncUnit::Close() noexcept {
  std::lock_guard lock(mutex_);
  if (metrics_ != nullptr) SyncMetrics::Remove(config_.name, config_.source_id);
  metrics_.reset();
}

bool SyncUnit::IsSynced(const UpstreamPosition& upstream, const mysql::Location& committed) const {
  if (config_.syncer.enable_gtid) {
    return committed.gtid_set.value_or(mysql::GtidSet(flavor_))
        .Contains(mysql::GtidSet::Parse(flavor_, upstream.gtid_set));
  }
  mysql::BinlogPosition ours = committed.position;
  ours.file = mysql::StripRelaySuffix(ours.file);
  // The upstream was asked before: more than it had may be done by now.
  return mysql::ComparePositions(ours, mysql::ParsePositionText(upstream.position)) >= 0;
}

SyncUnit::View SyncUnit::Look() const {
  View view;
  SyncStatus& status = view.status;
  std::lock_guard lock(mutex_);
  const auto now = SteadyClock::now();
  const int64_t rows = run_status_->done();
  status.total_rows = rows;
  const auto until = run_end_.value_or(now);
  const double seconds = std::chrono::duration<double>(until - run_begin_).count();
  if (run_begin_ != SteadyClock::time_point() && seconds > 0) {
    status.total_rps =
        std::llround(static_cast<double>(rows - rows_before_run_) / std::max(seconds, 1.0));
  }
  if (!run_end_) {
    run_status_->row_rate.Update(rows, now);
    run_status_->byte_rate.Update(run_status_->binlog_bytes, now);
    status.recent_rps = std::llround(run_status_->row_rate.PerSecond());
    view.bytes_per_second = run_status_->byte_rate.PerSecond();
  }
  status.blocking_ddls = run_status_->Blocking();
  status.binlog_type = run_status_->streamed ? "remote" : "unknown";
  status.io_total_bytes = counters_.downstream->total();
  status.dump_io_total_bytes = counters_.upstream->total();
  const bool has_begun = checkpoint_ && !run_status_->begins_elsewhere;
  const mysql::Location flushed = has_begun ? checkpoint_->flushed() : mysql::Location();
  status.syncer_binlog = flushed.position.ToString();
  status.syncer_binlog_gtid = flushed.GtidText();
  status.seconds_behind_master = run_status_->Lag(UnixMilliseconds());
  if (context_.source_status != nullptr) view.upstream = context_.source_status->Latest();
  if (!view.upstream) return view;
  const UpstreamPosition& upstream = *view.upstream;
  if (upstream.clock_offset) run_status_->lag.SetClockOffset(*upstream.clock_offset);
  status.master_binlog = upstream.position;
  status.master_binlog_gtid = upstream.gtid_set;
  if (upstream.position.empty() || !has_begun) return view;
  try {
    // Names of files say nothing where the upstream has begun its log anew.
    status.synced = !run_status_->unreadable &&
                    IsSynced(upstream, run_status_->Committed(*checkpoint_).value_or(flushed));
    if (status.synced) {
      // As of when the upstream was asked.
      const int64_t age = std::max<int64_t>(UnixMilliseconds() - upstream.asked_at, 0) / 1000;
      status.seconds_behind_master = std::min(status.seconds_behind_master, age);
      run_status_->lag.OnSynced(upstream.asked_at);
    }
    // What is read and not committed is not done.
    const mysql::BinlogPosition done =
        run_status_->Committed(*checkpoint_).value_or(flushed).position;
    if (!status.synced) view.undone_bytes = UnreadBytes(upstream, done);
  } catch (const Error& e) {
    Log().Warn("cannot compare the upstream's position", {F("error", e)});
  }
  if (view.bytes_per_second > 0) {
    view.remaining_seconds = static_cast<double>(view.undone_bytes) / view.bytes_per_second;
  }
  return view;
}

void SyncUnit::RefreshMetrics() {
  const View view = Look();
  std::lock_guard lock(mutex_);
  if (metrics_ == nullptr) return;
  if (view.upstream && !view.upstream->position.empty()) {
    metrics_->SetMasterPosition(mysql::ParsePositionText(view.upstream->position));
  }
  // Without speed nothing can be told.
  const bool known = view.undone_bytes == 0 || view.bytes_per_second > 0;
  metrics_->SetRemaining(known ? std::optional(view.remaining_seconds) : std::nullopt);
}

void SyncUnit::LogProgress() {
  const View view = Look();
  const SyncStatus& status = view.status;
  const auto at = [](const std::string& position, const std::string& gtid) {
    return fmt::format("position: {}, gtid-set: {}", position, gtid);
  };
  const Logger log = Log().With({F("task", config_.name), F("unit", "binlog replication")});
  if (view.bytes_per_second > 0 && view.upstream) {
    uint64_t total = 0;
    for (const auto& [name, size] : view.upstream->files) total += size;
    log.Info("binlog replication progress",
             {F("total binlog size", total), F("bytes/Second", std::llround(view.bytes_per_second)),
              F("unsynced binlog size", view.undone_bytes),
              F("estimate time to catch up", std::llround(view.remaining_seconds))});
  }
  log.Info("binlog replication status",
           {F("total_rows", status.total_rows), F("total_rps", status.total_rps),
            F("rps", status.recent_rps), F("master_position", status.master_binlog),
            F("master_gtid", status.master_binlog_gtid),
            F("checkpoint", at(status.syncer_binlog, status.syncer_binlog_gtid))});
}

}  // namespace

std::unique_ptr<Unit> MakeSyncUnit(const SubtaskConfig& config, const UnitContext& context) {
  return std::make_unique<SyncUnit>(config, context);
}

}  // namespace dm::migration
