#include "migration/dump/dump_unit.h"

#include <array>
#include <chrono>
#include <random>
#include <utility>

#include "base/failpoint/failpoint.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "migration/config/connect_options.h"
#include "migration/config/dumper_arguments.h"
#include "migration/config/scalar.h"
#include "migration/config/subtask.h"
#include "migration/dump/dump_run.h"
#include "migration/dump/metrics.h"
#include "migration/dumpfile/channel.h"
#include "migration/dumpfile/metadata.h"
#include "migration/dumpfile/session_time_zone.h"
#include "mysql/client/data_size.h"
#include "mysql/sql/sql_mode.h"

namespace dm::migration {

namespace {

// Files of other versions' dumps and loads that a dump may remove from its directory.
bool IsKnownFile(const std::string& path) {
  return IsDumpFile(path) || path.ends_with("tidb_lightning_checkpoint.pb") ||
         path == std::string(kMetadataFile) + ".tmp";
}

Consistency ParseConsistency(const std::string& text) {
  if (text == "auto") return Consistency::kAuto;
  if (text == "flush") return Consistency::kFlush;
  if (text == "lock") return Consistency::kLock;
  if (text == "none") return Consistency::kNone;
  throw Error(ErrorCode::kDumpUnitRuntime, "mydumper/dumpling runs with error")
      .SetRawCause(fmt::format("{} consistency is not supported", text));
}

// Before a dump whose upstream was lost is made again.
constexpr std::array<std::chrono::minutes, 3> kRunWaits = {
    std::chrono::minutes(1), std::chrono::minutes(5), std::chrono::minutes(15)};

// Before one that met a changed definition: the next statement of the same kind may be under way.
constexpr Milliseconds kRedefinedWait{2000};
constexpr size_t kRedefinedRuns = 20;
// Errors that may come twice with the same text for two reasons.
bool NamesNothing(const Error& e) { return e.server_errno() == 1412 || e.server_errno() == 1213; }

std::string RandomId() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) id += fmt::format("{:08x}", random());
  return id;
}

class DumpUnit : public Unit {
 public:
  DumpUnit(const SubtaskConfig& config, const UnitContext& context,
           std::shared_ptr<DumpFileChannel> channel)
      : config_(config),
        started_by_(
            context.start_revision == 0
                ? ""
                : fmt::format("{} {} {}", config.name, config.source_id, context.start_revision)),
        channel_(std::move(channel)),
        directory_(config.loader.dir),
        log_(Log().With({F("task", config.name), F("unit", "dumpling")})),
        metrics_(config.name, config.source_id) {}

  UnitType Type() const override { return UnitType::kDump; }
  void Init(const StopToken& stop) override;
  bool IsFresh(const StopToken& stop) override;
  UnitResult Run(EndingRequest& ending) override;
  void Update(const SubtaskConfig&) override {}  // a dump keeps what it began with
  void Close() noexcept override {
    metrics_.Remove();
    // The load unit, if there is one, goes on in the directory.
    if (channel_ != nullptr && !HasLoad(config_.mode)) channel_->Unlock();
  }
  UnitStatus Status() const override {
    DumpStatus status = progress_.Status();
    // It begins when the load has become the owner.
    if (channel_ != nullptr) {
      status.progress = WithWait(std::move(status.progress), channel_->waits.After(kSlowWait));
    }
    return status;
  }
  void RefreshMetrics() override { metrics_.Update(progress_); }
  void LogProgress() override;

 private:
  void ReadUpstreamSqlMode(const StopToken& stop);
  void EmptyDirectory();
  // Whether this very subtask has made the dump that is there, in this or an earlier process.
  bool HasOwnDump() const;
  void Dump(const StopToken& stop);
  void WarnOfLittleSpace(const StopToken& stop);

  const SubtaskConfig config_;
  const std::string started_by_;  // as in the dump's metadata
  const std::shared_ptr<DumpFileChannel> channel_;
  const LocalDirectory directory_;
  const Logger log_;

  DumpRunOptions options_;
  mysql::ConnectOptions upstream_;
  std::optional<TableFilter> filter_;
  std::string time_zone_;
  DumpProgress progress_;
  DumpMetrics metrics_;
};

void DumpUnit::Init(const StopToken& stop) {
  std::vector<std::string> left_out;
  const DumperArguments arguments = ParseDumperArguments(config_.dumper.extra_args, &left_out);
  for (const std::string& reason : left_out) {
    log_.Warn("parsed some unsupported arguments", {F("reason", reason)});
  }
  for (const std::string& word : arguments.idle) {
    log_.Warn("a word of extra-args belongs to no option and has no effect", {F("word", word)});
  }
  const DumpSettings settings = EffectiveDumpSettings(config_.dumper, arguments);
  options_ = DumpRunOptions();
  options_.threads = settings.threads;
  options_.file_size = settings.filesize;
  options_.statement_size = settings.statement_size;
  options_.rows = settings.rows;
  options_.where = settings.where;
  options_.consistency = ParseConsistency(settings.consistency);
  options_.with_views = !settings.no_views;
  options_.with_sequences = !settings.no_sequences;
  options_.transactional_consistency = settings.transactional_consistency;
  options_.backslash_escapes = settings.escape_backslash;
  options_.strict_collation = config_.collation_compatible == "strict";
  options_.position_required = HasSync(config_.mode);
  options_.gtid_mode = config_.syncer.enable_gtid;
  filter_.emplace(config_, arguments);

  DbConfig from = config_.from;
  from.session.clear();  // only the dump's own variables apply
  upstream_ = ToConnectOptions(from, ErrorScope::kUpstream);
  upstream_.read_timeout = std::chrono::minutes(15);
  upstream_.write_timeout = std::chrono::seconds(30);
  if (arguments.ca || arguments.cert || arguments.key) {
    upstream_.tls.enabled = true;
    const auto instead = [](const std::optional<std::string>& argument, std::string& path,
                            std::string& content) {
      if (!argument) return;
      path = *argument;
      content.clear();
    };
    instead(arguments.ca, upstream_.tls.ca_path, upstream_.tls.ca_pem);
    instead(arguments.cert, upstream_.tls.cert_path, upstream_.tls.cert_pem);
    instead(arguments.key, upstream_.tls.key_path, upstream_.tls.key_pem);
  }
  time_zone_ = config_.timezone;
  if (!time_zone_.empty() && !ParseZoneOffset(time_zone_)) {
    // In a named zone two moments may have one text: the hour that comes twice in autumn.
    time_zone_ = "+00:00";
  }
  if (time_zone_.empty()) {
    const auto downstream =
        mysql::Connection::Connect(ToConnectOptions(config_.to, ErrorScope::kDownstream), stop);
    time_zone_ = DownstreamTimeZone(*downstream, stop);
  }
  if (channel_ != nullptr) channel_->SetTimeZone(time_zone_);
  ReadUpstreamSqlMode(stop);
}

void DumpUnit::ReadUpstreamSqlMode(const StopToken& stop) {
  try {
    const auto db = mysql::Connection::Connect(upstream_, stop);
    const auto answer = db->Query("SHOW GLOBAL VARIABLES LIKE 'sql_mode'", stop);
    if (!answer.rows.empty()) options_.sql_mode = answer.rows[0].at(1).value_or("");
    options_.backslash_escapes = !mysql::SqlMode::Parse(options_.sql_mode).no_backslash_escapes();
  } catch (const Error& e) {
    log_.Warn("sql_mode of the upstream cannot be read", {F("error", e)});
  }
  if (channel_ != nullptr) channel_->SetUpstreamSqlMode(options_.sql_mode);
}

bool DumpUnit::IsFresh(const StopToken&) { return !directory_.Read(kMetadataFile).has_value(); }

void DumpUnit::EmptyDirectory() {
  // A directory named by the user for a later load may be one that holds something else.
  if (config_.mode == TaskMode::kDump) {
    const bool dump = directory_.Read(kMetadataFile).has_value();
    for (const StoredFile& file : directory_.List()) {
      // A load of the directory would take files of directories inside for this dump's.
      const bool inside = file.path.find('/') != std::string::npos;
      if (!inside && (dump || IsKnownFile(file.path))) continue;
      throw Error(ErrorCode::kDumpUnitRuntime, "mydumper/dumpling runs with error")
          .SetRawCause(fmt::format("output directory {} holds {}, which is no file of a dump: it "
                                   "is not emptied",
                                   directory_.path(), file.path));
    }
  }
  directory_.Create();
  // (Not the directory itself: it is locked.)
  // What is left after a crash must not look like a dump.
  directory_.Remove(kMetadataFile);
  for (const StoredFile& file : directory_.ListTop()) {
    // Crash point: a former dump has lost its metadata, maybe files. Left: its other files.
    DM_FAILPOINT("dump/emptying");
    directory_.Remove(file.path);
  }
  // Crash point: the directory is there and empty. Left: the dump.
  DM_FAILPOINT("dump/emptied");
}

void DumpUnit::WarnOfLittleSpace(const StopToken& stop) {
  try {
    const auto db = mysql::Connection::Connect(upstream_, stop);
    const uint64_t bytes = mysql::DataBytes(
        *db,
        [this](std::string_view schema, std::string_view table) {
          return filter_->TakesTable(schema, table);
        },
        stop);
    const uint64_t free = directory_.FreeBytes();
    if (bytes < free) return;
    log_.Warn("the dump directory may be too small for the dump",
              {F("dir", directory_.path()), F("free", FormatSize(free)),
               F("data of the selected tables", FormatSize(bytes))});
  } catch (const Error& e) {
    log_.Info("the size of the dump is not known beforehand", {F("error", e)});
  }
}

bool DumpUnit::HasOwnDump() const {
  const std::optional<std::string> metadata = directory_.Read(kMetadataFile);
  return metadata && !started_by_.empty() && ParseDumpFacts(*metadata).started_by == started_by_;
}

void DumpUnit::Dump(const StopToken& stop) {
  progress_.Reset();
  if (channel_ != nullptr) channel_->Lock(directory_, stop);
  // A worker that is started again must not throw away what it has dumped for somebody else's use.
  if (config_.mode == TaskMode::kDump && HasOwnDump()) {
    log_.Info("the dump is complete already", {F("dir", directory_.path())});
    progress_.all_produced = true;
    return;
  }
  EmptyDirectory();
  WarnOfLittleSpace(stop);
  if (channel_ != nullptr) channel_->Begin(stop);
  const SourceSession session(upstream_, time_zone_, log_);
  DumpRun run(options_, session, *filter_, directory_, channel_.get(), progress_, log_);
  DumpRecord record = run.Run(stop);
  record.id = RandomId();
  record.started_by = started_by_;
  record.time_zone = time_zone_;
  record.sql_mode = options_.sql_mode;
  // Crash point: all files are written. Left: to make them durable, `metadata`.
  DM_FAILPOINT("dump/after-last-chunk");
  directory_.Sync(run.files(), stop);
  // Crash point: all files are durable. Left: `metadata`.
  DM_FAILPOINT("dump/before-metadata");
  directory_.WriteDurable(kMetadataFile, FormatDumpMetadata(record));
  // Crash point: `metadata` is there: the dump is complete. Left: the load.
  DM_FAILPOINT("dump/after-metadata");
  if (channel_ != nullptr) channel_->Complete();
}

UnitResult DumpUnit::Run(EndingRequest& ending) {
  UnitResult result;
  const auto begin = SteadyClock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(SteadyClock::now() - begin).count();
  };
  metrics_.Begin();
  size_t lost = 0;       // times that the upstream was
  size_t redefined = 0;  // times that a table was
  std::string last_change;
  for (;;) {
    try {
      try {
        Dump(ending.graceful());
        metrics_.Update(progress_);
        log_.Info("dump data finished", {F("cost time", fmt::format("{:.3f}s", seconds()))});
        return result;
      } catch (const Error& e) {
        // The snapshot went with the connection, or is older than a table's definition: a new dump,
        // from the beginning.
        Milliseconds wait{0};
        const bool changed = IsDefinitionChange(e, !options_.where.empty());
        // A table that is listed and never there does not come by waiting.
        const bool again = NamesNothing(e) || e.raw_cause() != last_change;
        if (changed && again && redefined < kRedefinedRuns) {
          last_change = e.raw_cause();
          ++redefined;
          wait = kRedefinedWait;
        } else if (IsConnectionFailure(e) && lost < kRunWaits.size()) {
          // Switch: short waits before a dump is made again.
          wait = DM_FAILPOINT_HIT("dump/short-waits") ? Milliseconds(3000) : kRunWaits[lost];
          ++lost;
        } else {
          throw;
        }
        if (channel_ != nullptr) channel_->Abort(ending.ending() == Ending::kKill);
        log_.Warn(changed ? "a definition was changed upstream, the dump is going to begin again"
                          : "the upstream was lost, the dump is going to begin again",
                  {F("wait", FormatDuration(wait)), F("error", e)});
        WaitFor(wait, ending.graceful());
      }
    } catch (const Cancelled&) {
      result.is_canceled = true;
      break;
    } catch (const std::exception& e) {
      const Error error = DumpError(e);
      log_.Error("dump data exits with error",
                 {F("cost time", fmt::format("{:.3f}s", seconds())), F("error", error)});
      metrics_.CountError();
      result.errors.push_back(error);
      break;
    }
  }
  if (channel_ != nullptr) channel_->Abort(ending.ending() == Ending::kKill);
  return result;
}

void DumpUnit::LogProgress() {
  const DumpStatus status = progress_.Status();
  const std::optional<double> remaining = progress_.RemainingSeconds();
  log_.Info("progress status of dumpling",
            {F("total_tables", status.total_tables), F("finished_tables", status.completed_tables),
             F("estimated_total_rows", status.estimate_total_rows),
             F("finished_rows", status.finished_rows), F("estimated_progress", status.progress),
             F("bps", status.bps),
             F("estimate time to finish",
               remaining ? fmt::format("{:.0f}s", *remaining) : std::string("unknown"))});
}

}  // namespace

std::unique_ptr<Unit> MakeDumpUnit(const SubtaskConfig& config, const UnitContext& context,
                                   std::shared_ptr<DumpFileChannel> channel) {
  return std::make_unique<DumpUnit>(config, context, std::move(channel));
}

}  // namespace dm::migration
