#include "migration/load/load_unit.h"

#include <utility>

#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/config/connect_options.h"
#include "migration/config/subtask.h"
#include "migration/dumpfile/channel.h"
#include "migration/dumpfile/metadata.h"
#include "migration/dumpfile/session_time_zone.h"
#include "migration/load/grace_period.h"
#include "migration/load/import.h"
#include "migration/load/load_ahead.h"
#include "migration/load/metrics.h"
#include "migration/rules/name_pattern.h"

namespace dm::migration {

namespace {

OnDuplicate ParseOnDuplicate(const std::string& text) {
  if (text == "ignore") return OnDuplicate::kIgnore;
  if (text == "error") return OnDuplicate::kError;
  return OnDuplicate::kReplace;
}

bool IsError(const Error& e, ErrorCode code) { return e.code() == static_cast<int>(code); }

class LoadUnit : public Unit {
 public:
  LoadUnit(const SubtaskConfig& config, const UnitContext& context,
           std::shared_ptr<DumpFileChannel> channel)
      : config_(config),
        context_(context),
        channel_(std::move(channel)),
        directory_(config.loader.dir),
        log_(Log().With({F("task", config.name), F("unit", "lightning-load")})),
        meta_(config.meta_schema, config.name, config.source_id),
        owner_(config.meta_schema, config.name, config.source_id),
        router_(config.route_rules, config.case_sensitive),
        on_duplicate_(ParseOnDuplicate(config.loader.on_duplicate_logical)),
        metrics_(config.name, config.source_id) {}
  ~LoadUnit() override { Close(); }

  UnitType Type() const override { return UnitType::kLoad; }
  void Init(const StopToken& stop) override;
  bool IsFresh(const StopToken& stop) override;
  UnitResult Run(EndingRequest& ending) override;
  void Update(const SubtaskConfig& config) override;
  void Close() noexcept override;
  UnitStatus Status() const override;

 private:
  std::unique_ptr<mysql::Connection> Connect(const StopToken& stop) const {
    return mysql::Connection::Connect(ToConnectOptions(config_.to, ErrorScope::kDownstream), stop);
  }
  void MakeContext();
  std::vector<uint64_t> BecomeOwner(mysql::Connection& db, const StopToken& stop);
  void BeginAhead(const StopToken& stop);
  void ReadMetadata(LoadStage stage);
  void Load(const LoadStop& stop);
  void Import(mysql::Connection& db, const LoadStop& stop);
  void MakeSchemas(const ImportPlan& plan, mysql::Connection& db, LoaderPool& pool,
                   const LoadStop& stop);
  std::vector<LoadFile> FilesToLoad(const ImportPlan& plan, mysql::Connection& db,
                                    const StopToken& stop);
  void CleanDumpFiles();

  SubtaskConfig config_;
  const UnitContext context_;
  const std::shared_ptr<DumpFileChannel> channel_;
  const LocalDirectory directory_;
  const Logger log_;
  const LoadMeta meta_;
  const OwnerTable owner_;
  TableRouter router_;
  const OnDuplicate on_duplicate_;

  std::string time_zone_;
  std::unique_ptr<LoadSession> session_;
  std::unique_ptr<LoadContext> load_;
  std::unique_ptr<LoadAhead> ahead_;
  // The progress rows belong to the dump that this process has made.
  bool rows_are_current_ = false;
  LoadProgress progress_;
  mutable LoadMetrics metrics_;
};

void LoadUnit::Init(const StopToken& stop) {
  const auto db = Connect(stop);
  meta_.Create(*db, stop);
  owner_.Create(*db, stop);
  time_zone_ = config_.timezone.empty() ? DownstreamTimeZone(*db, stop) : config_.timezone;
  // Modes with more than one source for a table, or with rules that a fresh dump cannot undo, load
  // after the dump.
  if (channel_ != nullptr && HasDump(config_.mode) && !config_.is_sharding &&
      config_.shard_mode == ShardMode::kNone) {
    channel_->SetConsumer({[this](const StopToken& begin_stop) { BeginAhead(begin_stop); },
                           [this](bool kill) {
                             if (ahead_ != nullptr) ahead_->Stop(kill);
                           }});
  }
}

bool LoadUnit::IsFresh(const StopToken& stop) {
  return meta_.Stage(*Connect(stop), stop) == LoadStage::kInit;
}

void LoadUnit::MakeContext() {
  session_ = std::make_unique<LoadSession>(
      config_, channel_ != nullptr ? channel_->upstream_sql_mode() : "", time_zone_, log_);
  load_.reset(new LoadContext{*session_, meta_, owner_, context_.fence, log_});
}

std::vector<uint64_t> LoadUnit::BecomeOwner(mysql::Connection& db, const StopToken& stop) {
  if (context_.fence != nullptr && !context_.fence->MayWrite()) throw Cancelled();
  return owner_.RaiseAll(db, static_cast<size_t>(std::max(config_.loader.pool_size, 1)), stop);
}

// Finds out whether LOAD DATA LOCAL may be used; where it may not, INSERT does the same.
void ProbeLoadData(LoadContext& context, mysql::Connection& db, const StopToken& stop) {
  const auto is = [&](const char* variable, std::string_view value) {
    try {
      return db.QueryValue(fmt::format("SELECT @@{}", variable), stop) == value;
    } catch (const Error& e) {
      if (db.broken()) throw;
      return false;
    }
  };
  context.load_data = !db.server().is_tidb && is("local_infile", "1");
  context.load_data_locks_auto_increment = !is("innodb_autoinc_lock_mode", "2");
}

void LoadUnit::BeginAhead(const StopToken& stop) {
  ahead_.reset();
  rows_are_current_ = false;
  MakeContext();
  try {
    const auto db = session_->Open(stop);
    if (meta_.Stage(*db, stop) != LoadStage::kInit) return;
    const std::vector<uint64_t> epochs = BecomeOwner(*db, stop);
    ProbeLoadData(*load_, *db, stop);
    LoadAhead::Reset(*load_, *db, stop);
    progress_.total_bytes = 0;
    progress_.finished_bytes = 0;
    progress_.finished = false;
    ahead_ = std::make_unique<LoadAhead>(*load_, epochs, directory_, router_, on_duplicate_,
                                         *channel_, progress_);
    rows_are_current_ = true;
  } catch (const Error& e) {
    // Better now than after the dump.
    if (IsError(e, ErrorCode::kLoadCheckPointNotMatch)) throw;
    // A downstream that is away now must not fail the dump.
    log_.Warn("nothing is loaded before the dump is complete", {F("error", e)});
  }
}

UnitResult LoadUnit::Run(EndingRequest& ending) {
  UnitResult result;
  const GracePeriod grace(ending.graceful(), ending.kill());
  metrics_.Begin();
  try {
    Load({ending.graceful(), grace.cut()});
  } catch (const Cancelled&) {
    result.is_canceled = true;
  } catch (const std::exception& e) {
    const Error error = ToError(e);
    metrics_.CountError(error);
    result.errors.push_back(error);
  }
  metrics_.Update(progress_);
  if (ahead_ != nullptr) ahead_->Stop(ending.ending() == Ending::kKill);
  const LoadStatus status = progress_.Status();
  log_.Info("lightning load end",
            {F("IsCanceled", result.is_canceled), F("finished_bytes", status.finished_bytes),
             F("total_bytes", status.total_bytes), F("progress", status.progress)});
  return result;
}

void LoadUnit::ReadMetadata(LoadStage stage) {
  DumpMetadata metadata;
  try {
    metadata = ReadDumpMetadata(directory_.path());
  } catch (const Error& e) {
    if (IsError(e, ErrorCode::kMetadataNoBinlogLoc)) {
      log_.Warn("the dump has no binlog position", {F("error", e)});
      return;
    }
    if (directory_.Read(kMetadataFile)) throw;
    // A finished load may have removed its files.
    if (stage == LoadStage::kFinished) return;
    const auto holder = context_.load_task != nullptr ? context_.load_task->Holder() : std::nullopt;
    if (holder && *holder != context_.worker_name) {
      throw Error(ErrorCode::kLoadTaskWorkerNotMatch,
                  fmt::format("different worker in load stage, previous worker: {}, current "
                              "worker: {}",
                              *holder, context_.worker_name))
          .SetWorkaround("Please check if the previous worker is online.");
    }
    throw;
  }
  progress_.SetBinlog(fmt::format("({}, {})", metadata.start.file, metadata.start.offset),
                      metadata.start.gtid_text);
}

void LoadUnit::Load(const LoadStop& stop) {
  if (ahead_ != nullptr) {
    ahead_->Finish(stop.graceful);
    ahead_.reset();
  }
  MakeContext();
  const auto db = session_->Open(stop.cut);
  const LoadStage stage = meta_.Stage(*db, stop.cut);
  ReadMetadata(stage);
  if (context_.load_task != nullptr) context_.load_task->Put();
  if (stage != LoadStage::kFinished) Import(*db, stop);
  progress_.finished = true;
  if (context_.load_task != nullptr &&
      (config_.mode == TaskMode::kFull || config_.mode == TaskMode::kLoad)) {
    context_.load_task->Delete();
  }
  if (config_.clean_dump_file) CleanDumpFiles();
}

void LoadUnit::Import(mysql::Connection& db, const LoadStop& stop) {
  const std::vector<uint64_t> epochs = BecomeOwner(db, stop.cut);
  ProbeLoadData(*load_, db, stop.cut);
  // Progress of another dump must not be taken for that of this one.
  if (meta_.Stage(db, stop.cut) == LoadStage::kInit && !rows_are_current_) {
    LoadAhead::Reset(*load_, db, stop.cut);
  }
  meta_.AddStatus(db, stop.cut);
  meta_.SetStage(db, LoadStage::kRunning, stop.cut);
  DM_FAILPOINT("load/running");

  const ImportPlan plan = PlanImport(directory_.List(), router_);
  progress_.total_bytes = plan.data_bytes;
  const std::vector<LoadFile> files = FilesToLoad(plan, db, stop.cut);
  {
    LoaderPool pool(*load_, epochs, stop);
    MakeSchemas(plan, db, pool, stop);
    for (const LoadFile& file : files) {
      pool.Submit([this, file](LoadConnection& connection, const LoadStop& job_stop) {
        FileLoader(*load_, directory_, on_duplicate_, progress_).Load(file, connection, job_stop);
        DM_FAILPOINT("load/after-file");
      });
    }
    pool.Drain();
  }
  for (const ImportTable& table : plan.tables) {
    if (table.target->skipped_rows == 0) continue;
    log_.Warn("rows skipped because of duplicate keys",
              {F("schema", table.target->schema), F("table", table.target->table),
               F("rows", table.target->skipped_rows.load())});
  }
  DM_FAILPOINT("load/after-last-chunk");
  if (context_.fence != nullptr && !context_.fence->MayWrite()) throw Cancelled();
  meta_.Finish(db, stop.cut);
  size_t data_files = 0;
  for (const ImportTable& table : plan.tables) data_files += table.data.size();
  metrics_.CountTables(plan.tables.size(), data_files);
  DM_FAILPOINT("load/finished");
}

void LoadUnit::MakeSchemas(const ImportPlan& plan, mysql::Connection& db, LoaderPool& pool,
                           const LoadStop& stop) {
  const SchemaPhase schemas(*session_, log_);
  std::map<std::string, std::string> databases;  // target -> script
  for (const auto& [schema, path] : plan.databases) {
    std::string& script = databases[router_.Route(schema, "").first];
    if (script.empty() && !path.empty()) script = ReadScript(directory_, path);
  }
  for (const ImportTable& table : plan.tables) databases.try_emplace(table.target->schema);
  for (const auto& [target, script] : databases) {
    ThrowIfStopped(stop.graceful);
    schemas.CreateDatabase(db, target, script, stop.cut);
  }
  for (const ImportTable& table : plan.tables) {
    if (table.script.empty() || !table.view_script.empty()) continue;
    pool.Submit([this, &schemas, &table](LoadConnection& connection, const LoadStop& job_stop) {
      schemas.CreateTable(connection.Use(job_stop), table.target->schema, table.target->table,
                          ReadScript(directory_, table.script), job_stop.cut);
    });
  }
  pool.Drain();
  for (const ImportTable& table : plan.tables) {
    if (table.view_script.empty()) continue;
    if (table.target->schema != table.schema || table.target->table != table.table) {
      throw LoadError(Error(ErrorCode::kLoadUnitParseStatement,
                            fmt::format("view `{}`.`{}` cannot be routed to another name",
                                        table.schema, table.table)));
    }
    schemas.CreateView(db, table.schema, table.table, ReadScript(directory_, table.view_script),
                       stop.cut);
  }
}

std::vector<LoadFile> LoadUnit::FilesToLoad(const ImportPlan& plan, mysql::Connection& db,
                                            const StopToken& stop) {
  std::map<std::string, LoadCheckpointRow> known;
  for (LoadCheckpointRow& row : meta_.Files(db, stop)) known.emplace(row.file, row);
  std::vector<TableClaimRow> targets;
  std::vector<LoadCheckpointRow> added;
  std::map<std::string, const ImportTable*> table_of;
  for (const ImportTable& table : plan.tables) {
    targets.push_back({table.target->schema, table.target->table, TableClaim::kUser});
    for (const StoredFile& file : table.data) table_of[file.path] = &table;
  }
  std::vector<LoadFile> files;
  int64_t finished = 0;
  for (LoadFile& file : OrderFiles(plan)) {
    const auto row = known.find(CheckpointFileName(file.path));
    if (row == known.end()) {
      const ImportTable& table = *table_of.at(file.path);
      added.push_back({file.path, table.schema, table.table, 0, file.size});
    } else {
      if (row->second.end != file.size) {
        throw Error(ErrorCode::kLoadCheckPointNotMatch,
                    fmt::format("checkpoint and dump do not match: {} had {} bytes when its "
                                "loading began and has {} now",
                                file.path, row->second.end, file.size));
      }
      file.offset = row->second.offset;
      finished += file.offset;
      known.erase(row);
    }
    if (file.offset < file.size) files.push_back(std::move(file));
  }
  for (const auto& [path, row] : known) {
    if (row.offset >= row.end) continue;
    throw Error(
        ErrorCode::kLoadCheckPointNotMatch,
        fmt::format("checkpoint and dump do not match: {} is gone before it was loaded", path));
  }
  progress_.finished_bytes = finished;
  meta_.ClaimUse(db, targets, stop);
  meta_.AddFiles(db, added, stop);
  return files;
}

void LoadUnit::CleanDumpFiles() {
  log_.Info("clean dump files", {F("dir", directory_.path())});
  try {
    if (config_.mode == TaskMode::kFull) {
      directory_.RemoveAll();
      return;
    }
    for (const StoredFile& file : directory_.List()) {
      const std::string name = LowerName(file.path);
      const bool sql =
          name.ends_with(".sql") || name.ends_with(".sql.gz") || name.ends_with(".sql.zst");
      if (sql && !name.ends_with("-schema-create.sql") && !name.ends_with("-schema.sql")) {
        directory_.Remove(file.path);
      }
    }
  } catch (const Error& e) {
    log_.Warn("dump files are left behind", {F("error", e)});
  }
}

void LoadUnit::Update(const SubtaskConfig& config) {
  router_ = TableRouter(config.route_rules, config.case_sensitive);
  config_.route_rules = config.route_rules;
  config_.block_allow_list = config.block_allow_list;
}

void LoadUnit::Close() noexcept {
  if (channel_ != nullptr) channel_->SetConsumer({});
  ahead_.reset();
  metrics_.Remove();
}

UnitStatus LoadUnit::Status() const {
  const LoadStatus status = progress_.Status();
  metrics_.Update(progress_);
  log_.Info("progress status of lightning",
            {F("finished_bytes", status.finished_bytes), F("total_bytes", status.total_bytes),
             F("progress", status.progress), F("current speed (bytes / seconds)", status.bps)});
  return status;
}

}  // namespace

std::unique_ptr<Unit> MakeLoadUnit(const SubtaskConfig& config, const UnitContext& context,
                                   std::shared_ptr<DumpFileChannel> channel) {
  return std::make_unique<LoadUnit>(config, context, std::move(channel));
}

}  // namespace dm::migration
