#include "migration/dump/dump_run.h"

#include <algorithm>
#include <ctime>
#include <limits>
#include <tuple>
#include <utility>

#include "base/failpoint/failpoint.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

// How long an idle connection may be silent before it is pinged.
constexpr Milliseconds kKeepAlive{30'000};
constexpr int kChunkAttempts = 3;
constexpr Milliseconds kRetryWait{100};
constexpr uint64_t kRowsPerUpdate = 1000;
// How much longer the lock may be held to read definitions: writes wait meanwhile.
constexpr Milliseconds kDefinitionsUnderLock{500};

std::string LocalTime() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  char text[32];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return std::string(text, size);
}

// Positions of one server: files are numbered, and the number grows in width at most.
bool IsLater(const DumpPosition& a, const DumpPosition& b) {
  if (a.file.size() != b.file.size()) return a.file.size() > b.file.size();
  return std::tie(a.file, a.offset) > std::tie(b.file, b.offset);
}

}  // namespace

// What the chunks of one table have in common.
struct DumpRun::TableJob {
  TableId id;
  std::string column_list;
  std::string select;  // "SELECT ... FROM ..."
  std::string order_by;
  std::vector<bool> floats;
  std::vector<std::string> lossy_charsets;
  std::atomic<uint64_t> remaining{0};
};

struct DumpRun::Chunk {
  std::shared_ptr<TableJob> table;
  uint64_t index = 0;
  std::string where;
};

DumpRun::DumpRun(const DumpRunOptions& options, const SourceSession& session,
                 const TableFilter& filter, const LocalDirectory& directory,
                 DumpFileChannel* channel, DumpProgress& progress, Logger log)
    : options_(options),
      session_(session),
      filter_(filter),
      directory_(directory),
      channel_(channel),
      progress_(progress),
      log_(std::move(log)),
      consistency_(options.consistency),
      // Never full: the producer must end early, so that the number of chunks is known.
      chunks_(SIZE_MAX) {}

DumpRun::~DumpRun() = default;

DumpRecord DumpRun::Run(const StopToken& stop) {
  const LinkedStop linked(stop, failed_.get_token());
  std::vector<std::jthread> writers;
  try {
    Prepare(linked.token());
    for (auto& db : writer_dbs_) {
      writers.emplace_back([this, &db, token = linked.token()] {
        try {
          Work(db, token);
        } catch (...) {
          Fail(std::current_exception());
        }
      });
    }
    Produce(linked.token());
    progress_.all_produced = true;
  } catch (...) {
    Fail(std::current_exception());
  }
  chunks_.Close();
  if (lock_db_ != nullptr) HoldLockUntilWritten(linked.token());
  for (std::jthread& writer : writers) writer.join();
  if (error_) {
    session_.KillConnections(threads_);
    ThrowIfStopped(stop);
    std::rethrow_exception(error_);
  }
  record_.finished_at = LocalTime();
  return std::move(record_);
}

void DumpRun::Fail(std::exception_ptr error) {
  {
    std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
  }
  failed_.request_stop();
  chunks_.Close();
}

std::unique_ptr<mysql::Connection> DumpRun::Open(const StopToken& stop) {
  auto db = session_.Open(stop);
  ServerThread thread = session_.Identify(*db, stop);
  std::lock_guard lock(mutex_);
  threads_.push_back(std::move(thread));
  return db;
}

void DumpRun::Forget(const mysql::Connection& db) {
  std::lock_guard lock(mutex_);
  std::erase_if(threads_,
                [&](const ServerThread& thread) { return thread.id == db.server().connection_id; });
}

void DumpRun::KeepLock(const StopToken& stop) {
  std::lock_guard lock(lock_mutex_);
  if (lock_db_ == nullptr || SteadyClock::now() - lock_used_ < kKeepAlive) return;
  lock_db_->Ping(stop);
  lock_used_ = SteadyClock::now();
}

void DumpRun::HoldLockUntilWritten(const StopToken& stop) {
  constexpr Milliseconds kLook{200};
  try {
    while (progress_.completed_chunks < progress_.produced_chunks) {
      KeepLock(stop);
      WaitFor(kLook, stop);
    }
  } catch (...) {
    Fail(std::current_exception());
  }
}

void DumpRun::Prepare(const StopToken& stop) {
  // Connections that will hold snapshots are made before the lock, so that it is held briefly.
  meta_db_ = Open(stop);
  for (int i = 0; i < options_.threads; ++i) writer_dbs_.push_back(Open(stop));
  TakeLocks(stop);
  session_.BeginSnapshot(*meta_db_, stop);
  record_.started_at = LocalTime();
  CapturePosition(stop);
  if (consistency_ != Consistency::kLock) {
    schemas_ = ListTables(*meta_db_, filter_, options_.with_views, log_, stop);
  }
  for (auto& db : writer_dbs_) session_.BeginSnapshot(*db, stop);
  if (lock_db_ != nullptr && options_.transactional_consistency) {
    ReadDefinitionsUnderLock(stop);
    lock_db_->Execute("UNLOCK TABLES", stop);
    Forget(*lock_db_);
    lock_db_.reset();
    log_.Info("the upstream is unlocked", {F("definitions read", definitions_.size())});
    DM_FAILPOINT("dump/after-unlock");
  }
  if (consistency_ == Consistency::kNone) {
    record_.has_exit = true;
    record_.exit = session_.ReadPosition(*meta_db_, stop);
  }
  if (options_.strict_collation) {
    collations_ = CollationCompleter::Read(*meta_db_, options_.sql_mode, stop);
  }
  int64_t tables = 0;
  for (const DumpSchema& schema : schemas_) tables += static_cast<int64_t>(schema.tables.size());
  progress_.total_tables = tables;
}

void DumpRun::TakeLocks(const StopToken& stop) {
  if (consistency_ == Consistency::kNone) return;
  lock_db_ = Open(stop);
  lock_used_ = SteadyClock::now();
  if (consistency_ != Consistency::kLock) {
    try {
      session_.FlushWithReadLock(*lock_db_, stop);
      consistency_ = Consistency::kFlush;
      return;
    } catch (const Error& e) {
      if (consistency_ == Consistency::kFlush || lock_db_->broken()) throw;
      log_.Warn("no global read lock, locking the tables instead", {F("error", e.raw_cause())});
      consistency_ = Consistency::kLock;
    }
  }
  schemas_ = ListTables(*meta_db_, filter_, options_.with_views, log_, stop);
  std::vector<TableId> tables;
  for (const DumpSchema& schema : schemas_) {
    for (const std::string& table : schema.tables) tables.push_back({schema.name, table});
  }
  const std::vector<TableId> listed = tables;
  session_.LockTables(*lock_db_, tables, stop);
  if (tables.size() != listed.size()) {
    for (DumpSchema& schema : schemas_) {
      std::erase_if(schema.tables, [&](const std::string& table) {
        return std::find(tables.begin(), tables.end(), TableId{schema.name, table}) == tables.end();
      });
    }
  }
}

DumpRun::Definition DumpRun::ReadDefinition(const TableId& id, const StopToken& stop) {
  Definition definition;
  definition.table = DescribeTable(*meta_db_, id, stop);
  definition.create = ShowCreateTable(*meta_db_, id, stop);
  return definition;
}

// Definitions are not part of a snapshot: what changes them after the position is in the binlog,
// and would be applied once more to what was read later.
void DumpRun::ReadDefinitionsUnderLock(const StopToken& stop) {
  const auto until = SteadyClock::now() + kDefinitionsUnderLock;
  size_t missing = 0;
  for (const DumpSchema& schema : schemas_) {
    for (const std::string& table : schema.tables) {
      if (missing > 0 || SteadyClock::now() > until) {
        ++missing;
        continue;
      }
      const TableId id{schema.name, table};
      definitions_.emplace(id, ReadDefinition(id, stop));
    }
  }
  if (missing == 0) return;
  log_.Warn("definitions of some tables are read without the lock; they must not change meanwhile",
            {F("tables", missing)});
}

void DumpRun::CapturePosition(const StopToken& stop) {
  try {
    record_.start = session_.ReadPosition(*meta_db_, stop);
  } catch (const Error& e) {
    // A sync unit could not start: say so now and not after hours.
    if (meta_db_->broken() || options_.position_required) throw;
    log_.Warn("the binlog position cannot be read, the dump goes without", {F("error", e)});
  }
  if (options_.position_required && !record_.start) {
    throw Error(ErrorCode::kDumpUnitRuntime, "mydumper/dumpling runs with error")
        .SetRawCause("the upstream shows no binlog position (is its binlog enabled?)");
  }
  // What the replication protocol can ask for.
  constexpr uint64_t kLargestOffset = std::numeric_limits<uint32_t>::max();
  if (options_.position_required && !options_.gtid_mode && record_.start->offset > kLargestOffset) {
    throw Error(ErrorCode::kDumpUnitRuntime, "mydumper/dumpling runs with error")
        .SetRawCause(fmt::format("replication cannot begin at {} in {}: positions beyond 4 GiB can "
                                 "not be asked for",
                                 record_.start->offset, record_.start->file))
        .SetWorkaround(
            "Please execute FLUSH BINARY LOGS upstream, or set enable-gtid in the source file, and "
            "resume the task.");
  }
  record_.binary_log_status = !meta_db_->server().is_mariadb && !meta_db_->server().is_tidb &&
                              meta_db_->server().AtLeast(8, 4);
  record_.replicas = session_.ReadReplicaPositions(*meta_db_, stop);
}

void DumpRun::AddFile(DumpedFile file) {
  {
    std::lock_guard lock(mutex_);
    files_.push_back(file.path);
  }
  if (channel_ != nullptr) channel_->Publish(std::move(file));
}

void DumpRun::WriteSchemaFile(DumpFileKind kind, const std::string& path, const TableId& id,
                              const std::string& statement, const StopToken& stop) {
  ThrowIfStopped(stop);
  std::string content(DumpFileHeader(meta_db_->server().is_mariadb));
  content += statement;
  FileWriter file = directory_.OpenForWrite(path);
  file.Write(content);
  file.Close();
  AddFile({path, kind, id.schema, id.table, file.size()});
}

void DumpRun::Produce(const StopToken& stop) {
  for (const DumpSchema& schema : schemas_) {
    std::string create = ShowCreateDatabase(*meta_db_, schema.name, stop);
    if (collations_) create = collations_->Complete(create, log_);
    WriteSchemaFile(DumpFileKind::kSchemaCreate, SchemaCreateFileName(schema.name),
                    {schema.name, ""}, create + ";\n", stop);
    for (const std::string& table : schema.tables) ProduceTable({schema.name, table}, stop);
    for (const std::string& view : schema.views) ProduceView({schema.name, view}, stop);
  }
}

void DumpRun::ProduceTable(const TableId& id, const StopToken& stop) {
  KeepLock(stop);
  auto known = definitions_.extract(id);
  const auto [table, described] = known ? std::move(known.mapped()) : ReadDefinition(id, stop);
  std::string create = described;
  if (collations_) create = collations_->Complete(create, log_);
  WriteSchemaFile(DumpFileKind::kTableSchema, TableSchemaFileName(id.schema, id.table), id,
                  create + ";\n", stop);
  const uint64_t estimate = EstimateRows(*meta_db_, table, options_.where, stop);
  progress_.estimated_rows += estimate;
  const ChunkPlan plan =
      PlanChunks(*meta_db_, table, options_.where, estimate, options_.rows, stop);

  auto job = std::make_shared<TableJob>();
  job->id = id;
  job->column_list = table.ColumnList();
  job->select =
      fmt::format("SELECT {} FROM {}", table.SelectList(), mysql::QuoteTable(id.schema, id.table));
  job->floats = table.FloatColumns();
  job->lossy_charsets = table.LossyCharsets();
  // One more than there are chunks, until all are made.
  job->remaining = 1;
  uint64_t chunks = 0;
  const auto produce = [&](std::string where) {
    Chunk chunk;
    chunk.table = job;
    chunk.index = chunks++;
    chunk.where = std::move(where);
    ++job->remaining;
    ++progress_.produced_chunks;
    chunks_.Push(std::move(chunk), 1, stop);
  };
  job->order_by = table.OrderBy(plan.ranges.empty() ? nullptr : plan.column);
  if (plan.steps) {
    ProduceSteps(table, *plan.steps, produce, stop);
  } else if (plan.ranges.empty()) {
    produce(WhereClause(options_.where, nullptr, nullptr, true));
  } else {
    for (size_t i = 0; i < plan.ranges.size(); ++i) {
      produce(WhereClause(options_.where, plan.column, &plan.ranges[i], i == 0));
    }
  }
  if (--job->remaining == 0) ++progress_.completed_tables;
}

void DumpRun::ProduceSteps(const DumpTable& table, const StepKey& key,
                           const std::function<void(std::string)>& produce, const StopToken& stop) {
  const std::string name = mysql::QuoteTable(table.id.schema, table.id.table);
  const std::string user = options_.where.empty() ? "" : fmt::format("({}) AND ", options_.where);
  std::vector<std::string> from;
  for (;;) {
    KeepLock(stop);
    const auto found =
        meta_db_->Query(StepQuery(key, name, options_.where, from, options_.rows), stop);
    std::vector<std::string> to;
    if (!found.rows.empty()) {
      for (size_t i = 0; i < key.columns.size(); ++i) {
        to.push_back(KeyLiteral(*key.columns[i], found.rows[0].at(i).value_or("")));
      }
    }
    if (from.empty() && to.empty()) {
      produce(WhereClause(options_.where, nullptr, nullptr, true));
    } else {
      produce(fmt::format(" WHERE {}{}", user, StepCondition(key, from, to)));
    }
    if (to.empty()) return;
    from = std::move(to);
  }
}

void DumpRun::ProduceView(const TableId& id, const StopToken& stop) {
  const ViewText view = ShowCreateView(*meta_db_, id, stop);
  // (As a view's file: nothing is ever loaded into the placeholder.)
  WriteSchemaFile(DumpFileKind::kViewSchema, TableSchemaFileName(id.schema, id.table), id,
                  view.placeholder, stop);
  WriteSchemaFile(DumpFileKind::kViewSchema, ViewSchemaFileName(id.schema, id.table), id,
                  view.definition, stop);
}

void DumpRun::Work(std::unique_ptr<mysql::Connection>& db, const StopToken& stop) {
  for (;;) {
    std::optional<Chunk> chunk = chunks_.PopFor(kKeepAlive, stop);
    if (!chunk) {
      if (chunks_.closed() && chunks_.size() == 0) return;
      db->Ping(stop);
      continue;
    }
    DumpChunkWithRetry(db, *chunk, stop);
    DM_FAILPOINT("dump/chunk");
    ++progress_.completed_chunks;
    if (--chunk->table->remaining == 0) ++progress_.completed_tables;
    if (channel_ == nullptr) continue;
    while (!channel_->WaitForRoom(kKeepAlive, stop)) db->Ping(stop);
  }
}

void DumpRun::DumpChunkWithRetry(std::unique_ptr<mysql::Connection>& db, const Chunk& chunk,
                                 const StopToken& stop) {
  // The snapshot of a consistent dump cannot be made again.
  const bool retry = consistency_ == Consistency::kNone || !options_.transactional_consistency;
  for (int attempt = 1;; ++attempt) {
    std::vector<std::string> opened;
    try {
      DumpChunk(*db, chunk, opened, stop);
      return;
    } catch (const Error& e) {
      if (!retry || attempt == kChunkAttempts || !db->broken()) {
        throw DumpError(e, chunk.table->select + chunk.where);
      }
      log_.Warn("chunk is read again on a new connection",
                {F("schema", chunk.table->id.schema), F("table", chunk.table->id.table),
                 F("chunk", chunk.index), F("error", e)});
    }
    // The new attempt may need fewer files; what is left of this one would be loaded as well.
    for (const std::string& path : opened) directory_.Remove(path);
    WaitFor(kRetryWait * attempt, stop);
    {
      // A snapshot made without the lock would be later than the position.
      std::lock_guard lock(lock_mutex_);
      if (lock_db_ != nullptr) lock_db_->Ping(stop);
      lock_used_ = SteadyClock::now();
    }
    Forget(*db);
    db = Open(stop);
    session_.BeginSnapshot(*db, stop);
    if (consistency_ == Consistency::kNone) {
      auto position = session_.ReadPosition(*db, stop);
      std::lock_guard lock(mutex_);
      if (!position || !record_.exit || IsLater(*position, *record_.exit)) {
        record_.exit = std::move(position);
      }
    }
  }
}

void DumpRun::DumpChunk(mysql::Connection& db, const Chunk& chunk, std::vector<std::string>& opened,
                        const StopToken& stop) {
  const TableJob& table = *chunk.table;
  const bool may_repeat = consistency_ == Consistency::kNone || !options_.transactional_consistency;
  std::vector<DumpedFile> closed;
  uint64_t rows = 0;
  uint64_t bytes = 0;
  DataFileOptions file_options;
  file_options.mariadb = db.server().is_mariadb;
  file_options.backslash_escapes = options_.backslash_escapes;
  file_options.file_size = options_.file_size;
  file_options.statement_size = options_.statement_size;
  DataFiles files(
      directory_, file_options, table.id.schema, table.id.table, table.column_list, chunk.index,
      [&](const std::string& path) { opened.push_back(path); },
      [&](const std::string& path, uint64_t size) {
        bytes += size;
        progress_.finished_bytes += size;
        DumpedFile file{path, DumpFileKind::kData, table.id.schema, table.id.table, size};
        // A file of a chunk that may be read again is not final before its end.
        if (may_repeat) {
          closed.push_back(std::move(file));
        } else {
          AddFile(std::move(file));
        }
      });
  try {
    mysql::RowStream stream = db.Stream(table.select + chunk.where + table.order_by, stop);
    std::vector<ValueKind> kinds;
    if (!table.column_list.empty()) {
      for (size_t i = 0; i < table.floats.size(); ++i) {
        kinds.push_back(table.floats[i] ? ValueKind::kFloat
                                        : KindOfColumn(stream.columns().at(i).type,
                                                       stream.columns()[i].charset));
      }
    }
    uint64_t unreported = 0;
    while (stream.Next()) {
      files.AddRow(stream.row(), kinds, table.lossy_charsets);
      if (++unreported == kRowsPerUpdate) {
        rows += unreported;
        progress_.finished_rows += std::exchange(unreported, 0);
      }
    }
    files.Finish();
    rows += unreported;
    progress_.finished_rows += unreported;
  } catch (...) {
    progress_.finished_rows -= rows;
    progress_.finished_bytes -= bytes;
    throw;
  }
  for (DumpedFile& file : closed) AddFile(std::move(file));
}

}  // namespace dm::migration
