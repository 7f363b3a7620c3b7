#include "migration/load/file_loader.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/failpoint/failpoint.h"
#include "base/log/sensitive.h"
#include "migration/dumpfile/introducer.h"
#include "migration/dumpfile/schema_script.h"
#include "migration/dumpfile/short_bytes.h"
#include "migration/dumpfile/vector_text.h"
#include "migration/load/vector_columns.h"
#include "migration/rules/name_pattern.h"
#include "mysql/client/retry.h"
#include "mysql/client/shown.h"
#include "mysql/schema/shown_definition.h"
#include "mysql/sql/shown_mode.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

// Large enough that the round trips and the log flush of a transaction cost nothing beside its
// rows, small enough that a pause waits less than a second for its end.
constexpr size_t kTransactionBytes = size_t{8} << 20;
// Of the transactions that all connections have in hand at once.
constexpr size_t kAllTransactionsBytes = size_t{16} << 20;
constexpr size_t kMinTransactionBytes = size_t{256} << 10;
constexpr size_t kStatementBytes = size_t{1} << 20;
// TiDB keeps a transaction in memory and limits its size.
constexpr size_t kTiDbBytes = size_t{96} << 10;
constexpr size_t kStatementRows = 65536;
constexpr int kAttempts = 3;
// Who loses against other writers has lost nothing but time, and its rollback lets the others go
// on.
constexpr int kConflictAttempts = 30;
constexpr Milliseconds kConflictWait{50};
constexpr int kLostAttempts = 10;  // of one transaction, each on a new connection
// After so many refused batches a table is loaded by INSERT alone.
constexpr int kLoadDataFailures = 3;

constexpr const char* kVectorType = "vector";

constexpr int kDuplicateKey = 1062;
// Servers count no further.
constexpr uint32_t kCountedWarnings = 65535;

// LOAD DATA took rows otherwise than an INSERT might have: the batch is to be done again.
struct LinesRefused {
  std::string reason;
};

// A statement had more warnings than the server shows: the batch is to be done again with fewer
// rows a statement.
struct WarningsHidden {
  uint32_t count = 0;
  size_t shown = 0;
};

bool IsLoadDataForbidden(const Error& e) {
  return e.server_errno() == 1148 || e.server_errno() == 3948 || e.server_errno() == 4166;
}

// A deadlock, or a write conflict that TiDB finds at COMMIT.
bool IsConflict(const Error& e) {
  const int code = e.server_errno();
  return code == 1213 || code == 8002 || code == 8005 || code == 8022 || code == 9007;
}

bool IsBytesType(const std::string& type) {
  static const std::vector<std::string> kTypes = {
      "binary",         "varbinary",  "tinyblob",        "blob",         "mediumblob",
      "longblob",       "bit",        "geometry",        "point",        "linestring",
      "polygon",        "multipoint", "multilinestring", "multipolygon", "geometrycollection",
      "geomcollection", kVectorType};
  return std::find(kTypes.begin(), kTypes.end(), LowerName(type)) != kTypes.end();
}

// Throws the warning that says that a value was changed, if there is one; WarningsHidden if there
// may be one.
void CheckWarnings(mysql::Connection& db, std::span<const ValueColumn> columns,
                   const StopToken& stop) {
  const uint32_t count = db.warning_count();
  if (count == 0) return;
  const WarningTexts texts =
      db.server().is_tidb ? WarningTexts::kMayNameNoColumn : WarningTexts::kNameTheColumn;
  const auto shown = db.Query("SHOW WARNINGS", stop);
  for (const auto& row : shown.rows) {
    if (row.size() < 3 || row[0].value_or("") == "Note") continue;
    const int code = std::atoi(row[1].value_or("0").c_str());
    const std::string text = row[2].value_or("");
    if (!ChangesValue(code, text, columns, texts)) continue;
    throw Error(ErrorCode::kDBExecuteFailed, "the target cannot hold a value")
        .SetRawCause(fmt::format("Error {} (01000): {}", code, RedactedMessage(code, text)))
        .SetServerErrno(code)
        .SetScope(ErrorScope::kDownstream);
  }
  if (shown.rows.size() < count || count >= kCountedWarnings) {
    throw WarningsHidden{count, shown.rows.size()};
  }
}

bool IsGeneratedColumn(const std::string& extra) {
  const std::string lower = LowerName(extra);
  return lower.find("stored generated") != std::string::npos ||
         lower.find("virtual generated") != std::string::npos || lower == "persistent" ||
         lower == "virtual";
}

// Ends a transaction that failed; a broken connection needs nothing.
void RollBack(mysql::Connection& db, const StopToken& stop) {
  if (db.broken()) return;
  try {
    db.Rollback(stop);
  } catch (const Error& e) {
    if (!db.broken()) throw;
  }
}

}  // namespace

const LoadTarget::Column* LoadTarget::Find(const std::string& column) const {
  const std::string lower = LowerName(column);
  const auto it = std::find_if(columns.begin(), columns.end(),
                               [&](const Column& c) { return LowerName(c.name) == lower; });
  return it == columns.end() ? nullptr : &*it;
}

FileLoader::Limits FileLoader::DefaultLimits(const mysql::Connection& db) const {
  if (db.server().is_tidb) return {kTiDbBytes, kTiDbBytes, SIZE_MAX, kStatementRows, false, true};
  const uint64_t packet = db.server().max_allowed_packet;
  const size_t statement =
      packet == 0 ? kStatementBytes : std::min<uint64_t>(kStatementBytes, packet / 2);
  const size_t share = kAllTransactionsBytes / std::max<size_t>(context_.connections, 1);
  const size_t transaction = std::clamp(share, kMinTransactionBytes, kTransactionBytes);
  return {transaction, std::min(statement, transaction), SIZE_MAX, kStatementRows};
}

void FileLoader::ReadColumns(mysql::Connection& db, LoadTarget& target,
                             const StopToken& stop) const {
  const bool raw_backslash = !context_.session.backslash_escapes();
  const auto answer =
      db.Query(fmt::format("SELECT COLUMN_NAME, DATA_TYPE, EXTRA, COLUMN_DEFAULT, COLUMN_TYPE FROM "
                           "information_schema.COLUMNS WHERE "
                           "TABLE_SCHEMA = {} AND TABLE_NAME = {} ORDER BY ORDINAL_POSITION",
                           mysql::QuoteString(target.schema, raw_backslash),
                           mysql::QuoteString(target.table, raw_backslash)),
               stop);
  target.columns.clear();
  for (const auto& row : answer.rows) {
    if (LowerName(row[2].value_or("")).find("auto_increment") != std::string::npos) {
      target.auto_increment = true;
    }
    const std::string type = LowerName(row[1].value_or(""));
    const bool now =
        type == "datetime" && LowerName(row[3].value_or("")).starts_with("current_timestamp");
    target.columns.push_back({row[0].value_or(""), type, IsBytesType(type),
                              IsGeneratedColumn(row[2].value_or("")), now});
    if (type != "enum") continue;
    const std::string definition =
        fmt::format("CREATE TABLE t ({} {})", mysql::QuoteName(target.columns.back().name),
                    row[4].value_or(""));
    target.enum_members.merge(
        EnumMembersOf(db.server().is_tidb ? mysql::WithBackslashesDoubled(definition) : definition,
                      ParseOptions()));
  }
  if (!db.server().is_mariadb || target.columns.empty()) return;
  const auto shown = mysql::ShowWithoutModes(
      db, "SHOW CREATE TABLE " + mysql::QuoteTable(target.schema, target.table), stop);
  target.without_overlaps = !shown.rows.empty() && shown.rows.front().at(1).value_or("").find(
                                                       "` WITHOUT OVERLAPS") != std::string::npos;
}

mysql::ParseOptions FileLoader::ParseOptions() const {
  mysql::ParseOptions options;
  options.sql_mode = mysql::ModeOfDefinitions(context_.session.sql_mode());
  return options;
}

std::vector<std::string> FileLoader::DumpedStatements(const LoadFile& file,
                                                      mysql::ParseOptions* options) {
  const std::string script = file.script.empty() ? "" : directory_.Read(file.script).value_or("");
  *options = ParseOptions();
  options->mariadb = IsMariaDbScript(script);
  const ScriptOptions split = {.ansi_quotes = context_.session.ansi_quotes()};
  return SplitScript(script, split);
}

void FileLoader::PrepareVectors(const LoadFile& file, const InsertReader& reader) {
  const LoadTarget& target = *file.target;
  mysql::ParseOptions options;
  std::set<std::string> dumped;
  for (const std::string& statement : DumpedStatements(file, &options)) {
    dumped.merge(VectorColumnsOf(statement, options));
  }
  if (dumped.empty()) return;
  const std::vector<std::string> names = NamesOf(target, reader);
  for (size_t i = 0; i < names.size(); ++i) {
    const LoadTarget::Column* const column = target.Find(names[i]);
    if (column == nullptr || !dumped.contains(LowerName(names[i]))) continue;
    // As replication writes them. (TiDB's own vectors take text only.)
    if (!column->bytes || column->type == kVectorType) vectors_.push_back(i);
  }
}

void FileLoader::PrepareWarnings(const LoadFile& file) {
  const LoadTarget& target = *file.target;
  EnumMembers dumped;
  if (!target.enum_members.empty()) {
    mysql::ParseOptions options;
    for (const std::string& statement : DumpedStatements(file, &options)) {
      dumped.merge(EnumMembersOf(statement, options));
    }
  }
  value_columns_.clear();
  for (const LoadTarget::Column& column : target.columns) {
    value_columns_.push_back({.name = column.name,
                              .generated = column.generated,
                              .error_value = column.type == "enum" &&
                                             HoldsMembers(dumped, target.enum_members, column.name),
                              .rounded_float = column.type == "float"});
  }
}

std::vector<std::string> FileLoader::NamesOf(const LoadTarget& target, const InsertReader& reader) {
  std::vector<std::string> names = reader.columns();
  if (names.empty()) {
    for (const LoadTarget::Column& column : target.columns) {
      if (!column.generated) names.push_back(column.name);
    }
  }
  return names;
}

bool FileLoader::PrepareStatements(const LoadTarget& target, const InsertReader& reader) {
  const std::vector<std::string> names = NamesOf(target, reader);
  const bool replace = on_duplicate_ == OnDuplicate::kReplace && !target.without_overlaps;
  bool load_data = replace && !names.empty();
  fields_.clear();
  tuple_tail_.clear();
  std::string list;
  std::string variables;
  std::string assignments;
  for (size_t i = 0; i < names.size(); ++i) {
    const LoadTarget::Column* const column = target.Find(names[i]);
    if (column == nullptr || column->generated) load_data = false;
    const bool bytes = column != nullptr && column->bytes;
    const std::string name = mysql::QuoteName(names[i]);
    const char* comma = i > 0 ? "," : "";
    list += comma + name;
    fields_.push_back(bytes ? LoadField::kHex : LoadField::kText);
    if (bytes) {
      variables += fmt::format("{}@b{}", comma, i);
      assignments += fmt::format("{}{}=UNHEX(@b{})", assignments.empty() ? " SET " : ",", name, i);
    } else {
      variables += comma + name;
    }
  }
  const std::string& zone = context_.session.named_zone();
  for (const LoadTarget::Column& column : target.columns) {
    if (zone.empty() || names.empty() || !column.now) continue;
    if (std::any_of(names.begin(), names.end(), [&](const std::string& name) {
          return LowerName(name) == LowerName(column.name);
        })) {
      continue;
    }
    // A default of the target, in the zone that the task asks for.
    const std::string value =
        fmt::format("CONVERT_TZ(UTC_TIMESTAMP(6),'+00:00',{})", mysql::QuoteAnyMode(zone));
    const std::string name = mysql::QuoteName(column.name);
    list += "," + name;
    tuple_tail_ += "," + value;
    assignments += fmt::format("{}{}={}", assignments.empty() ? " SET " : ",", name, value);
  }
  const std::string table = mysql::QuoteTable(target.schema, target.table);
  insert_head_ = fmt::format("{} INTO {}{} VALUES", replace ? "REPLACE" : "INSERT", table,
                             list.empty() ? "" : "(" + list + ")");
  load_statement_ = fmt::format(
      "LOAD DATA LOCAL INFILE 'dump' REPLACE INTO TABLE {} CHARACTER SET utf8mb4 {} ({}){}", table,
      kLoadLineFormat, variables, assignments);
  return load_data;
}

bool FileLoader::GatherLines(InsertReader& reader, std::string_view content, const Limits& limits,
                             Batch& batch) {
  while (reader.FindTuple()) {
    if (batch.lines.size() >= limits.transaction_bytes || batch.rows >= limits.rows) break;
    const size_t size = AppendLoadLine(batch.lines, content.substr(reader.Position()), fields_,
                                       context_.session.backslash_escapes());
    if (size == 0) {
      batch.to = static_cast<int64_t>(reader.Position());
      return false;
    }
    reader.SkipTo(reader.Position() + size);
    ++batch.rows;
  }
  batch.to = static_cast<int64_t>(reader.Position());
  return true;
}

void FileLoader::GatherStatements(InsertReader& reader, const Limits& limits, Batch& batch) {
  size_t bytes = 0;
  size_t statement_rows = 0;
  while (reader.FindTuple()) {
    if (bytes >= limits.transaction_bytes || batch.rows >= limits.rows) break;
    std::string_view tuple = reader.TakeTuple();
    std::string text;
    if (limits.tidb) tuple = text = WithTextForTiDb(tuple, context_.session.backslash_escapes());
    if (!vectors_.empty()) {
      tuple = text = WithVectorText(tuple, vectors_, context_.session.backslash_escapes());
    }
    if (limits.short_bytes) {
      tuple = text = WithShortBytes(tuple, context_.session.backslash_escapes());
    }
    if (batch.statements.empty() || statement_rows >= limits.statement_rows ||
        batch.statements.back().size() + tuple.size() + 1 > limits.statement_bytes) {
      batch.statements.emplace_back(insert_head_);
      statement_rows = 0;
    } else {
      batch.statements.back() += ',';
    }
    if (tuple_tail_.empty()) {
      batch.statements.back() += tuple;
    } else {
      batch.statements.back() += tuple.substr(0, tuple.rfind(')'));
      batch.statements.back() += tuple_tail_ + ")";
    }
    bytes += tuple.size();
    ++statement_rows;
    ++batch.rows;
  }
  batch.to = static_cast<int64_t>(reader.Position());
}

void FileLoader::WriteRows(mysql::Connection& db, const Batch& batch, const StopToken& stop) {
  if (batch.lines.empty()) {
    for (const std::string& statement : batch.statements) {
      db.Execute(statement, stop, insert_head_);
      CheckWarnings(db, value_columns_, stop);
    }
    return;
  }
  uint64_t affected = 0;
  try {
    affected = db.LoadLocal(load_statement_, batch.lines, stop);
  } catch (const Error& e) {
    if (IsLoadDataForbidden(e)) context_.load_data = false;
    if (db.broken() || IsRetryableLoadError(e)) throw;
    throw LinesRefused{e.raw_cause()};
  }
  // LOCAL turns wrong values into warnings; an INSERT decides what becomes of them.
  if (db.warning_count() > 0 || affected < batch.rows) {
    const auto warnings = db.Query("SHOW WARNINGS LIMIT 1", stop);
    if (warnings.rows.empty()) throw LinesRefused{"fewer rows than sent"};
    const auto& warning = warnings.rows[0];
    throw LinesRefused{RedactedMessage(std::atoi(warning.at(1).value_or("0").c_str()),
                                       warning.at(2).value_or(""))};
  }
}

int64_t FileLoader::OffsetOf(const LoadFile& file, LoadConnection& connection,
                             const LoadStop& stop) const {
  return connection.Run(
      stop, [&](mysql::Connection& db) { return context_.meta.OffsetOf(db, file.path, stop.cut); });
}

int64_t FileLoader::Write(const LoadFile& file, const Batch& batch, LoadConnection& connection,
                          const LoadStop& stop) {
  const std::string advance =
      context_.meta.AdvanceStatement(file.path, batch.from, batch.to, batch.rows);
  const LoadProgress::Writing writing(progress_,
                                      mysql::QuoteTable(file.target->schema, file.target->table));
  int lost = 0;
  for (int attempt = 1;;) {
    mysql::Connection& db = connection.Use(stop);
    try {
      // The progress row goes first: it is locked, and a transaction of an earlier process that
      // still runs is waited for.
      const auto affected = db.ExecuteMulti(
          "START TRANSACTION;" + connection.ProofStatement() + ";" + advance, 3, stop.cut);
      if (affected.at(2) != 1) {
        db.Rollback(stop.cut);
        return OffsetOf(file, connection, stop);
      }
      WriteRows(db, batch, stop.cut);
      // Crash point: the record of a piece of a file and its rows are executed. Left: COMMIT of
      // both.
      DM_FAILPOINT("load/before-commit");
      db.Commit(stop.cut);
      // Crash point: rows and record of a piece of a file are committed. Left: the next piece.
      DM_FAILPOINT("load/after-chunk");
      return batch.to;
    } catch (const LinesRefused&) {
      RollBack(db, stop.cut);
      throw;
    } catch (const WarningsHidden&) {
      RollBack(db, stop.cut);
      throw;
    } catch (const Error& e) {
      if (db.broken()) {
        if (++lost > kLostAttempts) throw;
        context_.log.Warn("connection lost while loading",
                          {F("file", file.path), F("offset", batch.from), F("error", e)});
        const int64_t offset = OffsetOf(file, connection, stop);
        if (offset != batch.from) return offset;
        continue;
      }
      const bool not_owner = (e.server_errno() == kDuplicateKey && db.failed_statement() == 1) ||
                             context_.owner.IsRefusal(e);
      RollBack(db, stop.cut);
      if (not_owner) {
        throw MakeError(ErrorCode::kSyncerOwnerChanged, connection.right().slot);
      }
      const bool conflict = IsConflict(e);
      if (!IsRetryableLoadError(e) || attempt >= (conflict ? kConflictAttempts : kAttempts)) throw;
      context_.log.Warn("batch is written again",
                        {F("file", file.path), F("offset", batch.from), F("error", e)});
      if (conflict) WaitFor(kConflictWait * attempt, stop.graceful);
      ++attempt;
    }
  }
}

void FileLoader::Load(const LoadFile& file, LoadConnection& connection, const LoadStop& stop) {
  LoadTarget& target = *file.target;
  struct Presence {
    explicit Presence(std::atomic<int>& count) : count(count) { ++count; }
    ~Presence() { --count; }
    std::atomic<int>& count;
  } presence(target.loaders);
  int64_t offset = file.offset;
  try {
    const MappedFile mapped(directory_.FullPath(file.path));
    const std::string_view content = mapped.content();
    if (static_cast<int64_t>(content.size()) != file.size) {
      throw Error(ErrorCode::kLoadCheckPointNotMatch,
                  "checkpoint and dump do not match: a file has changed its size");
    }
    std::call_once(target.once, [&] {
      connection.Run(stop, [&](mysql::Connection& db) { ReadColumns(db, target, stop.cut); });
    });
    PrepareWarnings(file);
    mysql::Connection& db = connection.Use(stop);
    InsertReader reader(content, context_.session.backslash_escapes());
    bool lines = PrepareStatements(target, reader) && !db.server().is_tidb;
    vectors_.clear();
    if (db.server().is_tidb) PrepareVectors(file, reader);
    const Limits limits = DefaultLimits(db);
    Limits reduced = limits;
    int64_t insert_until = 0;  // no LOAD DATA before this offset
    int64_t single_until = 0;  // one row a transaction before this offset
    int64_t short_until = 0;   // byte strings in their shortest form before this offset
    while (offset < file.size) {
      ThrowIfStopped(stop.graceful);
      Limits now = reduced;
      if (offset < single_until) now.rows = 1;
      now.short_bytes = offset < short_until;
      Batch batch;
      batch.from = offset;
      reader.Seek(static_cast<size_t>(offset));
      const bool locks_others = target.auto_increment && context_.load_data_locks_auto_increment;
      const bool by_lines = lines && offset >= insert_until && context_.load_data &&
                            target.load_data_failures < kLoadDataFailures &&
                            !(locks_others && target.loaders > 1);
      if (by_lines) {
        batch.lines = std::move(connection.scratch);
        batch.lines.clear();
        lines = GatherLines(reader, content, now, batch);
        if (batch.rows == 0 && !lines) continue;
      } else {
        GatherStatements(reader, now, batch);
      }
      int64_t reached = offset;
      try {
        reached = Write(file, batch, connection, stop);
      } catch (const LinesRefused& refused) {
        context_.log.Info("batch is loaded by INSERT",
                          {F("file", file.path), F("offset", offset), F("reason", refused.reason)});
        ++target.load_data_failures;
        insert_until = batch.to;
      } catch (const WarningsHidden& hidden) {
        const size_t rows = std::min(reduced.statement_rows, batch.rows);
        if (rows <= 1) {
          throw Error(ErrorCode::kDBExecuteFailed, "the target does not show what it changed")
              .SetRawCause(fmt::format(
                  "the target warns {} times of one row and shows {} of the warnings: its "
                  "max_error_count is too small, and the account may not set it",
                  hidden.count, hidden.shown))
              .SetScope(ErrorScope::kDownstream);
        }
        reduced.statement_rows = rows / 2;
        context_.log.Info("batch is written with fewer rows a statement, to see all warnings",
                          {F("file", file.path), F("offset", offset), F("warnings", hidden.count),
                           F("shown", hidden.shown), F("rows", reduced.statement_rows)});
      } catch (const Error& e) {
        const bool duplicate =
            e.server_errno() == kDuplicateKey && on_duplicate_ != OnDuplicate::kReplace;
        if (batch.rows > 1 && duplicate) {
          single_until = batch.to;
        } else if (batch.rows == 1 && duplicate && on_duplicate_ == OnDuplicate::kIgnore) {
          batch.statements.clear();
          batch.rows = 0;
          reached = Write(file, batch, connection, stop);
          ++target.skipped_rows;
        } else if (batch.rows > 1 && IsTooLargeError(e)) {
          reduced.transaction_bytes = std::max<size_t>(reduced.transaction_bytes / 2, 1);
          reduced.statement_bytes = std::max<size_t>(reduced.statement_bytes / 2, 1);
          reduced.rows = std::max<size_t>(batch.rows / 2, 1);
        } else if (IsTooLargeError(e) && !by_lines && !now.short_bytes) {
          short_until = batch.to;
        } else {
          throw;
        }
      }
      if (by_lines) connection.scratch = std::move(batch.lines);
      if (reached < 0) {
        throw Error(ErrorCode::kLoadCheckPointNotMatch,
                    "checkpoint and dump do not match: the progress of a file has vanished");
      }
      progress_.finished_bytes += reached - offset;
      offset = reached;
      mapped.Leave(static_cast<size_t>(offset));
    }
  } catch (const Error& e) {
    if (IsLossOfRight(e) || e.code() == static_cast<int>(ErrorCode::kLoadCheckPointNotMatch)) {
      throw;
    }
    throw LoadError(e,
                    fmt::format("restore table {} from file {} at offset {} failed",
                                mysql::QuoteTable(target.schema, target.table), file.path, offset));
  }
}

}  // namespace dm::migration
