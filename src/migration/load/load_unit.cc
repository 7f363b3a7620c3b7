#include "migration/load/load_unit.h"

#include <map>
#include <set>
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
#include "migration/load/stored_progress.h"
#include "migration/meta/unfinished_rows.h"
#include "migration/rules/name_pattern.h"
#include "mysql/client/name_case.h"

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
        owner_(config.meta_schema, config.name, config.source_id),
        router_(config.route_rules, config.case_sensitive),
        on_duplicate_(ParseOnDuplicate(config.loader.on_duplicate_logical)),
        metrics_(config.name, config.source_id) {}
  ~LoadUnit() override {
    Close();
    metrics_.Remove();
  }

  UnitType Type() const override { return UnitType::kLoad; }
  void Init(const StopToken& stop) override;
  bool IsFresh(const StopToken& stop) override;
  UnitResult Run(EndingRequest& ending) override;
  void Update(const SubtaskConfig& config) override;
  void Close() noexcept override;
  UnitStatus Status() const override;
  void RefreshMetrics() override { metrics_.Update(progress_); }
  void LogProgress() override;

 private:
  std::unique_ptr<mysql::Connection> Connect(const StopToken& stop) const {
    return mysql::Connection::Connect(ToConnectOptions(config_.to, ErrorScope::kDownstream), stop);
  }
  void MakeContext(const std::optional<DumpMetadata>& dump);
  // Epochs of the pool's slots.
  std::vector<uint64_t> BecomeOwner(mysql::Connection& db, const StopToken& stop);
  // Where it is told what the downstream is waited for; the dump unit shows it, too.
  const WaitNote& waits() const { return channel_ != nullptr ? channel_->waits : waits_; }
  WaitNote& waits() { return channel_ != nullptr ? channel_->waits : waits_; }
  void ForgetUnfinished(mysql::Connection& db, const StopToken& stop);
  void BeginAhead(const StopToken& stop);
  std::optional<DumpMetadata> ReadMetadata();
  // Throws unless the directory holds the dump that this source's progress belongs to.
  void CheckMetadata(const std::optional<DumpMetadata>& dump, LoadStage stage,
                     mysql::Connection& db, const StopToken& stop);
  void Load(const LoadStop& stop);
  void Import(QuietConnection& main, const DumpMetadata& dump, const LoadStop& stop);
  void MakeSchemas(const ImportPlan& plan, QuietConnection& main, LoaderPool& pool,
                   const LoadStop& stop);
  std::vector<LoadFile> FilesToLoad(const ImportPlan& plan, mysql::Connection& db,
                                    const StopToken& stop);
  std::vector<StoredFile> ListFiles() const;
  void CleanDumpFiles();

  SubtaskConfig config_;
  const UnitContext context_;
  const std::shared_ptr<DumpFileChannel> channel_;
  const LocalDirectory directory_;
  const Logger log_;
  std::optional<const LoadMeta> meta_;  // by Init, which knows the downstream
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
  WaitNote waits_;
  WaitNote away_;  // while the downstream is
  LoadMetrics metrics_;
};

UnitStatus LoadUnit::Status() const {
  LoadStatus status = progress_.Status();
  std::string slow = waits().After(kSlowWait);
  if (slow.empty()) slow = away_.After(Milliseconds(0));
  if (slow.empty()) slow = progress_.SlowTransaction();
  status.progress = WithWait(std::move(status.progress), slow);
  return status;
}

void LoadUnit::Init(const StopToken& stop) {
  const auto db = Connect(stop);
  meta_.emplace(config_.meta_schema, config_.name, config_.source_id,
                mysql::IgnoresNameCase(*db, stop));
  meta_->Create(*db, stop);
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
  return meta_->Stage(*Connect(stop), stop) == LoadStage::kInit;
}

void LoadUnit::MakeContext(const std::optional<DumpMetadata>& dump) {
  // What the dump says about itself counts: the surroundings may have changed since.
  std::optional<std::string> sql_mode;
  if (dump && dump->sql_mode) {
    sql_mode = dump->sql_mode;
  } else if (HasDump(config_.mode)) {
    sql_mode = channel_ != nullptr ? channel_->upstream_sql_mode() : "";
  }
  std::string zone = dump && dump->time_zone ? *dump->time_zone
                     : channel_ != nullptr   ? channel_->time_zone()
                                             : "";
  if (zone.empty()) zone = time_zone_;
  session_ =
      std::make_unique<LoadSession>(config_, sql_mode, zone, context_.IdleLimit(), away_, log_);
  load_.reset(new LoadContext{*session_, *meta_, owner_, context_.fence, router_, log_});
}

std::vector<uint64_t> LoadUnit::BecomeOwner(mysql::Connection& db, const StopToken& stop) {
  CheckLoadFence(context_.fence);
  // One more than the pool's: for the statements between the data.
  const auto pool = static_cast<size_t>(std::max(config_.loader.pool_size, 1));
  std::vector<uint64_t> epochs =
      owner_.RaiseAll(db, pool + 1, stop, [this](std::string_view what) { waits().Set(what); });
  load_->right = {&owner_, pool, epochs.back()};
  load_->connections = pool;
  epochs.pop_back();
  return epochs;
}

void LoadUnit::ForgetUnfinished(mysql::Connection& db, const StopToken& stop) {
  if (meta_->HasUnclaimedProgress(db, stop)) throw BegunElsewhere(meta_->checkpoint_table());
  RemoveUnfinishedRows(
      db, *meta_, load_->right, SharedRows::kRefuse, [this] { CheckLoadFence(context_.fence); },
      log_, stop);
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
  progress_.Reset();
  MakeContext(std::nullopt);
  try {
    const auto db = session_->Open(stop);
    if (meta_->Stage(*db, stop) == LoadStage::kInit) {
      const std::vector<uint64_t> epochs = BecomeOwner(*db, stop);
      ProbeLoadData(*load_, *db, stop);
      ForgetUnfinished(*db, stop);
      ahead_ = std::make_unique<LoadAhead>(*load_, epochs, directory_, router_, on_duplicate_,
                                           *channel_, progress_);
      rows_are_current_ = true;
      return;
    }
  } catch (const Error& e) {
    // Better now than after the dump.
    if (IsError(e, ErrorCode::kLoadCheckPointNotMatch)) throw;
    if (IsLossOfRight(e)) throw;
    // A downstream that is away now must not fail the dump.
    log_.Warn("nothing is loaded before the dump is complete", {F("error", e)});
  }
  // Nobody takes the files while the dump runs.
  channel_->Abandon();
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

std::optional<DumpMetadata> LoadUnit::ReadMetadata() {
  std::optional<std::string> text = directory_.Read(kMetadataFile);
  if (!text) return std::nullopt;
  DumpMetadata dump = ParseDumpFacts(*text);
  if (dump.start.file.empty() || dump.start.offset == 0) {
    log_.Warn("the dump has no binlog position", {F("dir", directory_.path())});
  } else {
    progress_.SetBinlog(fmt::format("({}, {})", dump.start.file, dump.start.offset),
                        dump.start.gtid_text);
  }
  return dump;
}

void LoadUnit::CheckMetadata(const std::optional<DumpMetadata>& dump, LoadStage stage,
                             mysql::Connection& db, const StopToken& stop) {
  // A finished load may have removed its files; who comes after it needs the position.
  if (!dump && stage == LoadStage::kFinished && !HasSync(config_.mode)) return;
  const auto known = stage == LoadStage::kInit ? std::nullopt : meta_->DumpId(db, stop);
  // We say in one transaction that loading begins and of which dump.
  if (stage == LoadStage::kRunning && !known) throw BegunElsewhere(meta_->status_table());
  if (dump && (!known || *known == dump->id)) return;
  const auto holder = context_.load_task != nullptr ? context_.load_task->Holder() : std::nullopt;
  if (holder && *holder != context_.worker_name) {
    throw Error(ErrorCode::kLoadTaskWorkerNotMatch,
                fmt::format("different worker in load stage, previous worker: {}, current "
                            "worker: {}",
                            *holder, context_.worker_name))
        .SetWorkaround("Please check if the previous worker is online.");
  }
  if (!dump) {
    ReadDumpMetadata(directory_.path());  // throws: it is not there
    throw Error(ErrorCode::kParseMydumperMeta,
                fmt::format("parse mydumper metadata error: {} has just appeared",
                            directory_.FullPath(kMetadataFile)));
  }
  throw Error(ErrorCode::kLoadCheckPointNotMatch,
              fmt::format("checkpoint and dump do not match: loading began with dump {}, and {} "
                          "holds dump {}",
                          *known, directory_.path(), dump->id));
}

void LoadUnit::Load(const LoadStop& stop) {
  if (ahead_ != nullptr) {
    ahead_->Finish(stop.graceful);
    ahead_.reset();
  }
  if (channel_ != nullptr && directory_.Exists()) channel_->Lock(directory_, stop.graceful);
  const std::optional<DumpMetadata> dump = ReadMetadata();
  MakeContext(dump);
  QuietConnection main(*load_);
  mysql::Connection& db = main.Use(stop);
  const LoadStage stage = meta_->Stage(db, stop.cut);
  CheckMetadata(dump, stage, db, stop.cut);
  if (context_.load_task != nullptr) context_.load_task->Put();
  if (stage != LoadStage::kFinished) Import(main, *dump, stop);
  progress_.finished = true;
  if (context_.load_task != nullptr &&
      (config_.mode == TaskMode::kFull || config_.mode == TaskMode::kLoad)) {
    context_.load_task->Delete();
  }
  if (config_.clean_dump_file) CleanDumpFiles();
}

void LoadUnit::Import(QuietConnection& main, const DumpMetadata& dump, const LoadStop& stop) {
  std::vector<uint64_t> epochs;
  std::vector<LoadFile> files;
  const ImportPlan plan = PlanImport(ListFiles(), router_);
  {
    mysql::Connection& db = main.Use(stop);
    epochs = BecomeOwner(db, stop.cut);
    ProbeLoadData(*load_, db, stop.cut);
    const bool begins = meta_->Stage(db, stop.cut) == LoadStage::kInit;
    // Progress of another dump must not be taken for that of this one.
    if (begins && !rows_are_current_) ForgetUnfinished(db, stop.cut);
    meta_->AddStatus(db, stop.cut);
    // Crash point: the load has the right to write, its status is `init`. Left: to record the dump.
    DM_FAILPOINT("load/before-running");
    if (begins || !meta_->DumpId(db, stop.cut))
      meta_->BeginRunning(db, load_->right, dump.id, stop.cut);
    // Crash point: the load's status is `running`, with the dump's id. Left: files, tables, rows.
    DM_FAILPOINT("load/running");
    progress_.total_bytes = plan.data_bytes;
    files = FilesToLoad(plan, db, stop.cut);
    // Crash point: all files are recorded. Left: tables, rows.
    DM_FAILPOINT("load/files-recorded");
  }
  {
    LoaderPool pool(*load_, epochs, stop);
    MakeSchemas(plan, main, pool, stop);
    ClaimTargets(*meta_, load_->right, plan, main.Use(stop), stop.cut);
    // Crash point: all tables are made and claimed. Left: rows.
    DM_FAILPOINT("load/targets-claimed");
    for (const ImportTable& table : plan.tables) {
      if (!HasSync(config_.mode) || main.Use(stop).server().is_tidb) break;  // none is added later
      if (table.script.empty() || table.data.size() < 2) continue;
      if (!HasPrimaryKey(ReadScript(directory_, table.script))) table.target->in_order = true;
    }
    for (const LoadFile& file : files) {
      pool.Submit(
          [this, file](LoadConnection& connection, const LoadStop& job_stop) {
            FileLoader(*load_, directory_, on_duplicate_, progress_)
                .Load(file, connection, job_stop);
            // Crash point: all pieces of a file are committed. Left: the other files.
            DM_FAILPOINT("load/after-file");
          },
          file.target->in_order ? file.target.get() : nullptr);
    }
    pool.Drain();
  }
  for (const ImportTable& table : plan.tables) {
    if (table.target->skipped_rows == 0) continue;
    log_.Warn("rows skipped because of duplicate keys",
              {F("schema", table.target->schema), F("table", table.target->table),
               F("rows", table.target->skipped_rows.exchange(0))});
  }
  // Crash point: all files are loaded, their records say so. Left: the status `finished`.
  DM_FAILPOINT("load/after-last-chunk");
  CheckLoadFence(context_.fence);
  meta_->Finish(main.Use(stop), load_->right, HasSync(config_.mode), stop.cut);
  size_t data_files = 0;
  for (const ImportTable& table : plan.tables) data_files += table.data.size();
  metrics_.CountTables(plan.tables.size(), data_files);
  // Crash point: the load's status is `finished`. Left: the end of the unit, dump files.
  DM_FAILPOINT("load/finished");
}

void LoadUnit::MakeSchemas(const ImportPlan& plan, QuietConnection& main, LoaderPool& pool,
                           const LoadStop& stop) {
  const SchemaPhase schemas(*load_);
  std::map<std::string, std::string> databases;  // target -> script
  for (const auto& [schema, path] : plan.databases) {
    std::string& script = databases[router_.Route(schema, "").first];
    if (script.empty() && !path.empty()) script = ReadScript(directory_, path);
  }
  std::set<TargetKey> names;
  for (const ImportTable& table : plan.tables) {
    databases.try_emplace(table.target->schema);
    names.insert(meta_->KeyOf(table.target->schema, table.target->table));
  }
  for (const ImportSequence& sequence : plan.sequences) databases.try_emplace(sequence.schema);
  for (const auto& [target, script] : databases) {
    ThrowIfStopped(stop.graceful);
    schemas.CreateDatabase(main.Use(stop), load_->right, target, script, stop.cut);
  }
  // Tables take their defaults from them.
  for (const ImportSequence& sequence : plan.sequences) {
    ThrowIfStopped(stop.graceful);
    if (names.contains(meta_->KeyOf(sequence.schema, sequence.sequence))) {
      log_.Warn("a sequence is left out, a table or view of the dump gets its name downstream",
                {F("schema", sequence.schema), F("sequence", sequence.sequence)});
      continue;
    }
    schemas.CreateSequence(main.Use(stop), load_->right, sequence.schema, sequence.sequence,
                           ReadScript(directory_, sequence.script), sequence.script, stop.cut);
  }
  for (const ImportTable& table : plan.tables) {
    // (A view's -schema.sql file is a table that takes its name for a while.)
    if (table.script.empty() || !table.view_script.empty()) continue;
    pool.Submit([this, &schemas, &table](LoadConnection& connection, const LoadStop& job_stop) {
      mysql::Connection& db = connection.Use(job_stop);
      schemas.CreateTable(db, connection.right(), {table.schema, table.table},
                          {table.target->schema, table.target->table},
                          ReadScript(directory_, table.script), job_stop.cut);
    });
  }
  pool.Drain();
  // A view may need another one that comes later.
  std::vector<const ImportTable*> views;
  for (const ImportTable& table : plan.tables) {
    if (!table.view_script.empty()) views.push_back(&table);
  }
  while (!views.empty()) {
    std::vector<const ImportTable*> later;
    std::optional<Error> missing;
    for (const ImportTable* view : views) {
      ThrowIfStopped(stop.graceful);
      auto refused = schemas.CreateView(main.Use(stop), load_->right, view->schema, view->table,
                                        ReadScript(directory_, view->view_script), stop.cut);
      if (!refused) continue;
      later.push_back(view);
      if (!missing) missing = std::move(refused);
    }
    if (later.size() == views.size()) throw *std::move(missing);
    views = std::move(later);
  }
}

std::vector<LoadFile> LoadUnit::FilesToLoad(const ImportPlan& plan, mysql::Connection& db,
                                            const StopToken& stop) {
  std::vector<LoadCheckpointRow> added;
  std::vector<LoadFile> files = MatchProgress(OrderFiles(plan), meta_->Files(db, stop), &added);
  RestartLostTargets(*load_, db, files, stop);
  meta_->AddFiles(db, load_->right, added, stop);
  int64_t finished = 0;
  for (const LoadFile& file : files) finished += file.offset;
  progress_.finished_bytes = finished;
  progress_.BeginSpeed();
  std::erase_if(files, [](const LoadFile& file) { return file.offset >= file.size; });
  return files;
}

std::vector<StoredFile> LoadUnit::ListFiles() const {
  // Directories inside are part of dumps made elsewhere; those of our own have none, but the next
  // task's directory may lie there ("t" and "t/x").
  return HasDump(config_.mode) ? directory_.ListTop() : directory_.List();
}

void LoadUnit::CleanDumpFiles() {
  log_.Info("clean dump files", {F("dir", directory_.path())});
  // Crash point: finished, the record of the load task is written or deleted. Left: the dump files.
  DM_FAILPOINT("load/before-clean");
  try {
    if (config_.mode == TaskMode::kFull) {
      directory_.RemoveFiles();
      return;
    }
    for (const StoredFile& file : ListFiles()) {
      const std::string name = LowerName(file.path);
      const bool sql =
          name.ends_with(".sql") || name.ends_with(".sql.gz") || name.ends_with(".sql.zst");
      if (sql && !name.ends_with("-schema-create.sql") && !name.ends_with("-schema.sql")) {
        directory_.Remove(file.path);
        // Crash point: some data files are removed. Left: the others.
        DM_FAILPOINT("load/cleaning");
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
  if (channel_ != nullptr) {
    channel_->SetConsumer({});
    channel_->Unlock();
  }
  ahead_.reset();
  // What was loaded is shown as long as the subtask lives.
  if (!HasSync(config_.mode)) metrics_.Remove();
}

void LoadUnit::LogProgress() {
  const LoadStatus status = progress_.Status();
  const std::optional<double> remaining = progress_.RemainingSeconds();
  log_.Info("progress status of lightning",
            {F("finished_bytes", status.finished_bytes), F("total_bytes", status.total_bytes),
             F("progress", status.progress), F("current speed (bytes / seconds)", status.bps),
             F("estimate time to finish",
               remaining ? fmt::format("{:.0f}s", *remaining) : std::string("unknown"))});
}

}  // namespace

std::unique_ptr<Unit> MakeLoadUnit(const SubtaskConfig& config, const UnitContext& context,
                                   std::shared_ptr<DumpFileChannel> channel) {
  return std::make_unique<LoadUnit>(config, context, std::move(channel));
}

}  // namespace dm::migration
