#include "migration/dump/dump_run.h"

#include <algorithm>
#include <ctime>
#include <limits>
#include <tuple>
#include <utility>

#include "base/failpoint/failpoint.h"
#include "mysql/schema/shown_definition.h"
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
// Times that tables may come, go or be renamed while they are being locked.
constexpr int kLockAttempts = 5;
// The server looks through all of its tables for the id of one.
constexpr size_t kTablesWithIds = 500;
constexpr int kTableDefChanged = 1412;
constexpr int kInvalidView = 1356;
constexpr int kNoSuchDefiner = 1449;
constexpr int kLockWaitTimeout = 1205;
constexpr int kDeadlock = 1213;

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

bool SameTables(const std::vector<DumpSchema>& a, const std::vector<DumpSchema>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const DumpSchema& x, const DumpSchema& y) {
                      return x.name == y.name && x.tables == y.tables;
                    });
}

}  // namespace

// What the chunks of one table have in common.
struct DumpRun::TableJob {
  TableId id;
  std::string identity;
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
  if (lock_db_ != nullptr) {
    try {
      HoldLockUntilWritten(linked.token());
      if (!sequences_left_.empty()) {
        ReleaseLocks(linked.token());
        ProduceSequences(linked.token());
      }
    } catch (...) {
      Fail(std::current_exception());
    }
  }
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
  mysql::ServerThread thread = mysql::ThreadOf(*db, stop);
  std::lock_guard lock(mutex_);
  threads_.push_back(std::move(thread));
  return db;
}

void DumpRun::Forget(const mysql::Connection& db) {
  std::lock_guard lock(mutex_);
  std::erase_if(threads_, [&](const mysql::ServerThread& thread) {
    return thread.id == db.server().connection_id;
  });
}

bool DumpRun::HoldsLock() {
  std::lock_guard lock(lock_mutex_);
  return lock_db_ != nullptr;
}

void DumpRun::KeepLock(const StopToken& stop) {
  std::lock_guard lock(lock_mutex_);
  if (lock_db_ == nullptr || SteadyClock::now() - lock_used_ < kKeepAlive) return;
  lock_db_->Ping(stop);
  lock_used_ = SteadyClock::now();
}

void DumpRun::HoldLockUntilWritten(const StopToken& stop) {
  constexpr Milliseconds kLook{50};
  while (progress_.completed_chunks < progress_.produced_chunks) {
    KeepLock(stop);
    WaitFor(kLook, stop);
  }
}

void DumpRun::Prepare(const StopToken& stop) {
  // Connections that will hold snapshots are made before the lock, so that it is held briefly.
  meta_db_ = Open(stop);
  for (int i = 0; i < options_.threads; ++i) writer_dbs_.push_back(Open(stop));
  if (options_.with_sequences && consistency_ != Consistency::kNone &&
      meta_db_->server().is_mariadb) {
    sequence_db_ = Open(stop);
    // Behind a statement that waits for the lock's end, or for somebody who does, it would wait
    // for ever.
    sequence_db_->Execute("SET SESSION lock_wait_timeout = 0", stop);
  }
  // Crash point: the connections are made, nothing is locked. Left: the dump.
  DM_FAILPOINT("dump/before-lock");
  TakePosition(stop);
  // Under the lock: before it a table could still get such an engine.
  FindTablesWithoutSnapshot(stop);
  for (auto& db : writer_dbs_) session_.BeginSnapshot(*db, stop);
  ReadSequencesUnderLock(stop);
  if (lock_db_ != nullptr && options_.transactional_consistency) {
    ReadDefinitionsUnderLock(stop);
    if (without_snapshot_.empty()) EndLock(stop);
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

void DumpRun::FindTablesWithoutSnapshot(const StopToken& stop) {
  // Without a lock the dump has an exit point for all its tables.
  if (consistency_ == Consistency::kNone) return;
  without_snapshot_ = WithoutSnapshot(*meta_db_, schemas_, stop);
  if (without_snapshot_.empty()) return;
  log_.Warn("tables of engines without transactions are read while the upstream is locked",
            {F("tables", without_snapshot_.size()),
             F("first", mysql::QuoteTable(without_snapshot_.begin()->schema,
                                          without_snapshot_.begin()->table))});
}

void DumpRun::EndLock(const StopToken& stop) {
  if (lock_db_ == nullptr || !options_.transactional_consistency) return;
  ReleaseLocks(stop);
  log_.Info("the upstream is unlocked", {F("definitions read", definitions_.size())});
  // Crash point: position and snapshot are taken, the upstream is unlocked. Left: the files.
  DM_FAILPOINT("dump/after-unlock");
}

void DumpRun::ReleaseLocks(const StopToken& stop) {
  std::lock_guard lock(lock_mutex_);
  lock_db_->Execute("UNLOCK TABLES", stop);
  Forget(*lock_db_);
  lock_db_.reset();
}

void DumpRun::TakePosition(const StopToken& stop) {
  for (int attempt = 1;; ++attempt) {
    TakeLocks(stop);
    // Without a lock the position comes first: the bounds of chunks are read in this snapshot, and
    // a row beyond them that is committed before the position would be in no chunk.
    if (consistency_ == Consistency::kNone) CapturePosition(stop);
    session_.BeginSnapshot(*meta_db_, stop);
    // Crash point: the first snapshot is taken. Left: the other ones, the files.
    DM_FAILPOINT("dump/first-snapshot");
    record_.started_at = LocalTime();
    if (consistency_ != Consistency::kNone) CapturePosition(stop);
    std::vector<DumpSchema> there = List(stop);
    // Locks on tables let others be made and named: whose rows before the position would be in
    // neither dump nor binlog.
    if (consistency_ != Consistency::kLock || SameTables(there, schemas_)) {
      schemas_ = std::move(there);
      return;
    }
    if (attempt == kLockAttempts) {
      throw Error(ErrorCode::kDumpUnitRuntime, "mydumper/dumpling runs with error")
          .SetRawCause("tables are made, dropped or renamed upstream while they are being locked")
          .SetWorkaround("Please resume the task when the upstream's tables stay the same.");
    }
    log_.Warn(
        "tables were made, dropped or renamed while they were being locked, they are locked "
        "again",
        {F("attempt", attempt)});
    ReleaseLocks(stop);
  }
}

std::vector<DumpSchema> DumpRun::List(const StopToken& stop) {
  return ListTables(*meta_db_, filter_,
                    {.views = options_.with_views, .sequences = options_.with_sequences}, log_,
                    stop);
}

void DumpRun::TakeLocks(const StopToken& stop) {
  if (consistency_ == Consistency::kNone) return;
  lock_db_ = Open(stop);
  lock_used_ = SteadyClock::now();
  if (consistency_ != Consistency::kLock) {
    try {
      session_.FlushWithReadLock(*lock_db_, stop);
      consistency_ = Consistency::kFlush;
      // Crash point: the upstream has the global read lock. Left: position, snapshot, files.
      DM_FAILPOINT("dump/locked");
      return;
    } catch (const Error& e) {
      if (consistency_ == Consistency::kFlush || lock_db_->broken()) throw;
      log_.Warn("no global read lock, locking the tables instead", {F("error", e.raw_cause())});
      consistency_ = Consistency::kLock;
    }
  }
  schemas_ = List(stop);
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
  definition.identity = IdentityOf(*meta_db_, id, definition.create, stop);
  return definition;
}

void DumpRun::FindTableIds(size_t tables, const StopToken& stop) {
  if (tables > kTablesWithIds) return;
  const bool old = meta_db_->server().is_mariadb || !meta_db_->server().AtLeast(8, 0);
  const std::string view = fmt::format("information_schema.INNODB_{}TABLES", old ? "SYS_" : "");
  try {
    meta_db_->QueryValue(fmt::format("SELECT 1 FROM {} LIMIT 1", view), stop);
    table_ids_ = view;
  } catch (const Error& e) {
    if (meta_db_->broken()) throw;
    log_.Info("tables are told apart by their definition and age only", {F("error", e)});
  }
}

std::string DumpRun::IdentityOf(mysql::Connection& db, const TableId& id, const std::string& create,
                                const StopToken& stop) const {
  std::string identity = mysql::WithoutAutoIncrement(create);
  const auto created =
      db.QueryValue(fmt::format("SELECT CREATE_TIME FROM information_schema.TABLES WHERE "
                                "TABLE_SCHEMA = {} AND TABLE_NAME = {}",
                                mysql::QuoteAnyMode(id.schema), mysql::QuoteAnyMode(id.table)),
                    stop);
  identity += fmt::format("\n{}", created.value_or(""));
  if (table_ids_.empty()) return identity;
  // (Names with other characters are encoded there: such a row is not found, before and after.)
  // Of a partitioned table its partitions': one may be exchanged with another table.
  const std::string name = fmt::format("{}/{}", id.schema, id.table);
  const auto number = db.QueryValue(
      fmt::format("SELECT CONCAT_WS(' ', COUNT(*), SUM(TABLE_ID), BIT_XOR(TABLE_ID)) FROM {} WHERE "
                  "NAME = {} OR LEFT(NAME, {}) = {}",
                  table_ids_, mysql::QuoteAnyMode(name), name.size() + 3,
                  mysql::QuoteAnyMode(name + "#p#")),
      stop);
  return identity + fmt::format("\n{}", number.value_or(""));
}

void DumpRun::CheckIdentity(mysql::Connection& db, const TableJob& job,
                            const StopToken& stop) const {
  const std::string create = ShowCreateTable(db, job.id, stop);
  if (IdentityOf(db, job.id, create, stop) == job.identity) return;
  throw Error(ErrorCode::kDumpUnitRuntime, "mydumper/dumpling runs with error")
      .SetServerErrno(kTableDefChanged)
      .SetRawCause(fmt::format("table {} was changed, or another table got its name, while it was "
                               "dumped",
                               mysql::QuoteTable(job.id.schema, job.id.table)));
}

void DumpRun::KeepPartitions(const TableId& id, const std::string& create, const StopToken& stop) {
  if (create.find("PARTITION BY") == std::string::npos) return;
  // By all connections: one that came later would wait behind a statement that waits for the
  // others.
  const std::string read =
      fmt::format("SELECT 1 FROM {} LIMIT 0", mysql::QuoteTable(id.schema, id.table));
  meta_db_->Query(read, stop);
  for (auto& db : writer_dbs_) db->Query(read, stop);
}

// Definitions are not part of a snapshot: what changes them after the position is in the binlog,
// and would be applied once more to what was read later.
void DumpRun::ReadDefinitionsUnderLock(const StopToken& stop) {
  const auto until = SteadyClock::now() + kDefinitionsUnderLock;
  size_t missing = 0;
  size_t tables = 0;
  for (const DumpSchema& schema : schemas_) tables += schema.tables.size();
  FindTableIds(tables, stop);
  for (const DumpSchema& schema : schemas_) {
    for (const std::string& table : schema.tables) {
      if (missing > 0 || SteadyClock::now() > until) {
        ++missing;
        continue;
      }
      const TableId id{schema.name, table};
      const auto known = definitions_.emplace(id, ReadDefinition(id, stop)).first;
      if (table_ids_.empty()) KeepPartitions(id, known->second.create, stop);
    }
  }
  if (missing == 0) return;
  log_.Warn("definitions of some tables are read without the lock; they must not change meanwhile",
            {F("tables", missing)});
}

void DumpRun::ReadSequencesUnderLock(const StopToken& stop) {
  const auto until = SteadyClock::now() + kDefinitionsUnderLock;
  for (const DumpSchema& schema : schemas_) {
    for (const std::string& sequence : schema.sequences) {
      sequences_left_.push_back({schema.name, sequence});
      if (HoldsLock() && SteadyClock::now() <= until) ReadSequence(sequences_left_.back(), stop);
    }
  }
}

bool DumpRun::ReadSequence(const TableId& id, const StopToken& stop) {
  if (sequences_.contains(id)) return true;
  // The others are in transactions, which would hold up statements that change it, or can read
  // nothing but locked tables.
  if (sequence_db_ == nullptr) sequence_db_ = Open(stop);
  std::string text;
  try {
    text = ShowCreateSequence(*sequence_db_, id, stop).value_or("");
    if (text.empty()) {
      log_.Warn("a sequence is gone, it is not dumped",
                {F("schema", id.schema), F("sequence", id.table)});
    }
  } catch (const Error& e) {
    ThrowIfStopped(stop);
    if (sequence_db_->broken()) throw;
    const int code = e.server_errno();
    if (HoldsLock() && (code == kLockWaitTimeout || code == kDeadlock)) {
      log_.Info("a statement holds up a sequence, it is read when the upstream is unlocked",
                {F("schema", id.schema), F("sequence", id.table)});
      return false;
    }
    log_.Warn("a sequence that cannot be read is not dumped",
              {F("schema", id.schema), F("sequence", id.table), F("error", e)});
  }
  sequences_.emplace(id, std::move(text));
  return true;
}

void DumpRun::CloseSequenceConnection() {
  if (sequence_db_ == nullptr) return;
  Forget(*sequence_db_);
  sequence_db_.reset();
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
  // Crash point: no file of a definition. Left: it and those behind it.
  DM_FAILPOINT("dump/before-schema-file");
  FileWriter file = directory_.OpenForWrite(path);
  file.Write(content);
  file.Close();
  // Crash point: the file of a definition is written. Left: to hand it to the load; the other
  // files.
  DM_FAILPOINT("dump/after-schema-file");
  AddFile({path, kind, id.schema, id.table, file.size()});
}

void DumpRun::Produce(const StopToken& stop) {
  for (const DumpSchema& schema : schemas_) {
    std::string create = ShowCreateDatabase(*meta_db_, schema.name, stop);
    if (collations_) create = collations_->Complete(create, log_);
    WriteSchemaFile(DumpFileKind::kSchemaCreate, SchemaCreateFileName(schema.name),
                    {schema.name, ""}, create + ";\n", stop);
  }
  // Before all tables: a default may take values of a sequence of any database.
  ProduceSequences(stop);
  for (const DumpSchema& schema : schemas_) {
    for (const std::string& table : schema.tables) {
      const TableId id{schema.name, table};
      if (without_snapshot_.contains(id)) ProduceTable(id, stop);
    }
  }
  if (!without_snapshot_.empty()) {
    HoldLockUntilWritten(stop);
    EndLock(stop);
    if (!HoldsLock()) ProduceSequences(stop);
  }
  for (const DumpSchema& schema : schemas_) {
    for (const std::string& table : schema.tables) {
      const TableId id{schema.name, table};
      if (!without_snapshot_.contains(id)) ProduceTable(id, stop);
    }
    for (const std::string& view : schema.views) ProduceView({schema.name, view}, stop);
  }
}

void DumpRun::ProduceSequences(const StopToken& stop) {
  // That of the time of the lock waits for nothing.
  if (!HoldsLock()) CloseSequenceConnection();
  for (const TableId& id : std::exchange(sequences_left_, {})) {
    KeepLock(stop);
    if (!ReadSequence(id, stop)) {
      sequences_left_.push_back(id);
      continue;
    }
    const std::string text = std::move(sequences_.extract(id).mapped());
    if (text.empty()) continue;
    WriteSchemaFile(DumpFileKind::kSequenceSchema, SequenceSchemaFileName(id.schema, id.table), id,
                    text, stop);
  }
  if (sequences_left_.empty()) CloseSequenceConnection();
}

void DumpRun::ProduceTable(const TableId& id, const StopToken& stop) {
  KeepLock(stop);
  auto known = definitions_.extract(id);
  auto [table, create, identity] = known ? std::move(known.mapped()) : ReadDefinition(id, stop);
  if (collations_) create = collations_->Complete(create, log_);
  WriteSchemaFile(DumpFileKind::kTableSchema, TableSchemaFileName(id.schema, id.table), id,
                  create + ";\n", stop);
  const uint64_t estimate = EstimateRows(*meta_db_, table, options_.where, stop);
  progress_.estimated_rows += estimate;
  const ChunkPlan plan =
      PlanChunks(*meta_db_, table, options_.where, estimate, options_.rows, stop);

  auto job = std::make_shared<TableJob>();
  job->id = id;
  job->identity = std::move(identity);
  job->column_list = table.ColumnList();
  job->select =
      fmt::format("SELECT {} FROM {}", table.SelectList(), mysql::QuoteTable(id.schema, id.table));
  if (table.primary_key.empty() && !table.indexes.empty() && plan.ranges.empty() && !plan.steps &&
      options_.where.empty()) {
    // In the order in which the server has the rows, not that of an index with all columns: the
    // numbers of an AUTO_INCREMENT column that is added later go by it.
    job->select += " USE INDEX ()";
  }
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
  if (--job->remaining != 0) return;
  CheckIdentity(*meta_db_, *job, stop);
  ++progress_.completed_tables;
}

bool DumpRun::IsKey(const StepKey& key, const std::string& table,
                    const std::vector<std::string>& bound, const StopToken& stop) {
  try {
    return !meta_db_->Query(StepProbe(key, table, bound), stop).rows.empty();
  } catch (const Error& e) {
    ThrowIfStopped(stop);
    if (meta_db_->broken()) throw;
    return false;  // bytes that are no characters
  }
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
      if (to == from || !IsKey(key, name, to, stop)) {
        log_.Warn("a key's value has no exact text: the rest of the table is read in one piece",
                  {F("table", name), F("index", key.index)});
        to.clear();
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
  ViewText view;
  try {
    view = ShowCreateView(*meta_db_, id, stop);
  } catch (const Error& e) {
    if (e.server_errno() != kInvalidView && e.server_errno() != kNoSuchDefiner) throw;
    log_.Warn("a view that nobody can read is not dumped",
              {F("schema", id.schema), F("view", id.table), F("error", e)});
    return;
  }
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
    // Crash point: a chunk is written and handed to the load. Left: the other chunks.
    DM_FAILPOINT("dump/chunk");
    ++progress_.completed_chunks;
    if (--chunk->table->remaining == 0) {
      CheckIdentity(*db, *chunk->table, stop);
      ++progress_.completed_tables;
    }
    // (While the upstream is locked nothing waits for a load.)
    if (channel_ == nullptr || HoldsLock()) continue;
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
