#include "migration/sync/sync_unit.h"

#include <fmt/format.h>

#include <mutex>

#include "base/log/log.h"
#include "migration/meta/names.h"
#include "migration/sync/run.h"
#include "mysql/position/position.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

Rules CompileRules(const SubtaskConfig& config) {
  Rules rules;
  rules.block_allow =
      BlockAllowList(config.block_allow_list.value_or(BlockAllowRules()), config.case_sensitive);
  rules.router = TableRouter(config.route_rules, config.case_sensitive);
  if (config.online_ddl) {
    rules.online_ddl = OnlineDdlNames(config.shadow_table_rules, config.trash_table_rules);
  }
  return rules;
}

class SyncUnit : public Unit {
 public:
  SyncUnit(const SubtaskConfig& config, const UnitContext& context)
      : config_(config), context_(context) {}

  UnitType Type() const override { return UnitType::kSync; }
  void Init(const StopToken& stop) override;
  bool IsFresh(const StopToken& stop) override;
  UnitResult Run(EndingRequest& ending) override;
  void Update(const SubtaskConfig& config) override;
  void Close() noexcept override;
  UnitStatus Status() const override;

 private:
  SubtaskConfig config_;
  const UnitContext context_;
  std::optional<Rules> rules_;
  std::optional<OwnerTable> owner_;
  std::optional<DdlIntentTable> ddl_intents_;
  std::shared_ptr<RunStatus> run_status_ = std::make_shared<RunStatus>();

  mutable std::mutex mutex_;  // guards what status calls read
  std::shared_ptr<Sessions> sessions_;
  std::shared_ptr<Checkpoint> checkpoint_;
  SteadyClock::time_point run_start_;
  mutable int64_t last_rows_ = 0;
  mutable SteadyClock::time_point last_status_;
};

void SyncUnit::Init(const StopToken& stop) {
  if (ForeignKeyChecksOn(config_.to) && (config_.syncer.compact || config_.syncer.multiple_rows)) {
    throw Error(ErrorCode::kConfigUnsupportedForeignKeyChecksOption,
                "foreign_key_checks is on together with compact or multiple-rows");
  }
  auto sessions = std::make_shared<Sessions>(OpenSessions(config_, stop));
  rules_ = CompileRules(config_);
  owner_.emplace(config_.meta_schema, config_.name, config_.source_id);
  auto checkpoint = std::make_shared<Checkpoint>(
      SyncCheckpointTable(config_.meta_schema, config_.name, config_.source_id, sessions->flavor,
                          config_.syncer.enable_gtid,
                          sessions->downstream_server.no_backslash_escapes),
      config_.syncer.enable_gtid);
  auto connection = mysql::Connection::Connect(sessions->downstream, stop);
  checkpoint->table().Create(*connection, stop);
  CreateOnlineDdlTable(*connection, config_.meta_schema, config_.name, stop);
  owner_->Create(*connection, stop);
  ddl_intents_.emplace(config_.meta_schema, config_.name, config_.source_id,
                       sessions->downstream_server.no_backslash_escapes);
  ddl_intents_->Create(*connection, stop);
  checkpoint->Load(*connection, stop);
  std::lock_guard lock(mutex_);
  sessions_ = std::move(sessions);
  checkpoint_ = std::move(checkpoint);
}

bool SyncUnit::IsFresh(const StopToken&) {
  std::lock_guard lock(mutex_);
  return checkpoint_ == nullptr || checkpoint_->IsFresh();
}

UnitResult SyncUnit::Run(EndingRequest& ending) {
  UnitResult result;
  try {
    // Both servers may have changed since Init or the last run.
    auto sessions = std::make_shared<Sessions>(OpenSessions(config_, ending.graceful()));
    std::shared_ptr<Checkpoint> checkpoint;
    {
      std::lock_guard lock(mutex_);
      sessions_ = sessions;
      checkpoint = checkpoint_;
      run_start_ = last_status_ = SteadyClock::now();
      last_rows_ = run_status_->stats.rows + run_status_->ddls;
    }
    RunInputs inputs;
    inputs.config = &config_;
    inputs.ports = &context_;
    inputs.sessions = sessions.get();
    inputs.rules = &*rules_;
    inputs.owner = &*owner_;
    inputs.ddl_intents = &*ddl_intents_;
    inputs.checkpoint = checkpoint.get();
    inputs.status = run_status_.get();
    SyncRun(inputs, ending).Execute();
    result.is_canceled = true;
  } catch (const Cancelled&) {
    result.is_canceled = true;
  } catch (const std::exception& e) {
    Error error = ToError(e);
    Log().Error("sync unit ends with an error", {F("task", config_.name), F("error", error)});
    result.errors.push_back(std::move(error));
    result.is_canceled = ending.ending() != Ending::kNone;
  }
  return result;
}

void SyncUnit::Update(const SubtaskConfig& config) {
  Rules rules = CompileRules(config);
  config_ = config;
  rules_ = std::move(rules);
}

void SyncUnit::Close() noexcept {
  std::lock_guard lock(mutex_);
  sessions_.reset();
}

UnitStatus SyncUnit::Status() const {
  SyncStatus status;
  std::lock_guard lock(mutex_);
  status.total_rows = run_status_->stats.rows + run_status_->ddls;
  auto now = SteadyClock::now();
  double seconds = std::chrono::duration<double>(now - run_start_).count();
  if (seconds >= 1) status.total_rps = static_cast<int64_t>(status.total_rows / seconds);
  double recent = std::chrono::duration<double>(now - last_status_).count();
  if (recent > 0) {
    status.recent_rps = static_cast<int64_t>((status.total_rows - last_rows_) / recent);
  }
  last_rows_ = status.total_rows;
  last_status_ = now;
  status.seconds_behind_master = run_status_->lag_seconds;
  status.binlog_type = run_status_->streaming ? "remote" : "unknown";
  mysql::Location flushed = checkpoint_ ? checkpoint_->flushed() : mysql::Location();
  status.syncer_binlog = flushed.position.ToString();
  status.syncer_binlog_gtid = flushed.GtidText();
  if (sessions_) {
    status.io_total_bytes = sessions_->downstream_io->total();
    status.dump_io_total_bytes = sessions_->upstream_io->total();
  }
  if (context_.source_status == nullptr) return status;
  std::optional<UpstreamPosition> upstream = context_.source_status->Latest();
  if (!upstream) return status;
  status.master_binlog = upstream->position;
  status.master_binlog_gtid = upstream->gtid_set;
  try {
    if (config_.syncer.enable_gtid) {
      mysql::Flavor flavor = sessions_ ? sessions_->flavor : mysql::Flavor::kMySql;
      mysql::GtidSet theirs = mysql::GtidSet::Parse(flavor, upstream->gtid_set);
      status.synced = flushed.gtid_set.value_or(mysql::GtidSet(flavor)) == theirs;
    } else {
      mysql::BinlogPosition theirs = mysql::ParsePositionText(upstream->position);
      mysql::BinlogPosition ours = flushed.position;
      ours.file = mysql::StripRelaySuffix(ours.file);
      status.synced = mysql::ComparePositions(ours, theirs) == 0;
    }
  } catch (const Error& e) {
    Log().Warn("cannot compare the upstream's position", {F("error", e)});
  }
  return status;
}

}  // namespace

std::unique_ptr<Unit> MakeSyncUnit(const SubtaskConfig& config, const UnitContext& context) {
  return std::make_unique<SyncUnit>(config, context);
}

}  // namespace dm::migration
