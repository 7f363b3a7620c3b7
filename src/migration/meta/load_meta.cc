#include "migration/meta/load_meta.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/meta/names.h"
#include "migration/rules/name_pattern.h"
#include "mysql/client/shown.h"
#include "mysql/schema/shown_definition.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

constexpr size_t kNameLimit = 255;  // of the column `filename`
constexpr size_t kRowsPerStatement = 500;
constexpr std::string_view kClaimPrefix = "table:";
constexpr std::string_view kDumpPrefix = "dump:";
// Rows of files: those of no other kind. (No file of a dump has a ':' in its name.)
constexpr std::string_view kIsFile =
    "filename NOT LIKE 'table:%' AND filename NOT LIKE 'dump:%' AND filename NOT LIKE 'ddl:%' AND "
    "filename NOT LIKE 'job:%' AND filename NOT LIKE 'made:%'";
constexpr std::string_view kMadePrefix = "made:";
constexpr int kNoSuchTable = 1146;
constexpr int kNoSuchSchema = 1049;
constexpr int kKeyTooLong = 1071;
constexpr int kDuplicateColumn = 1060;
constexpr int kDuplicateKey = 1062;
// How long a table that another source is emptying is waited for.
constexpr int kEmptyingWaits = 150;
constexpr Milliseconds kEmptyingWait{400};  // shorter than any idle limit

int64_t Number(const std::optional<std::string>& text) {
  int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

// What `prefix` says of a target. A dot in the schema's name is written as in a file's: `a.b`.`c`
// is not `a`.`b.c`.
std::string RowName(std::string_view prefix, std::string_view schema, std::string_view table) {
  std::string name(prefix);
  for (const char c : schema) {
    if (c == '.' || c == '%') {
      name += c == '.' ? "%2E" : "%25";
    } else {
      name += c;
    }
  }
  return CheckpointFileName(fmt::format("{}.{}", name, table));
}

// FNV-1a, 64 bits.
uint64_t Hash(std::string_view text) {
  uint64_t hash = 14695981039346656037ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash;
}

// Runs `work`, which is a transaction; a failure leaves nothing behind.
template <class Work>
auto AsOwner(mysql::Connection& db, const OwnerRight& right, Work work) {
  try {
    return work();
  } catch (const std::exception& failure) {
    if (!db.broken()) {
      try {
        db.Rollback();
      } catch (const Error&) {
        // The first error counts; a broken connection rolls back by itself.
      }
    }
    const auto* e = dynamic_cast<const Error*>(&failure);
    if (e != nullptr && right.owner->IsRefusal(*e)) {
      throw MakeError(ErrorCode::kSyncerOwnerChanged, right.slot);
    }
    throw;
  }
}

// Runs the statements as one transaction, with the proof of the right first.
template <class Work>
void InOwnedTransaction(mysql::Connection& db, const OwnerRight& right, const StopToken& stop,
                        Work work) {
  AsOwner(db, right, [&] {
    db.Begin(stop);
    db.Execute(right.Proof(db.server()), stop);
    work();
    // Crash point: the statements of a change of the load's own records are executed. Left: COMMIT.
    DM_FAILPOINT("meta/before-load-commit");
    db.Commit(stop);
  });
}

// The same for one statement, in one round trip.
void ExecuteAsOwner(mysql::Connection& db, const OwnerRight& right, const std::string& statement,
                    const StopToken& stop) {
  if (DM_FAILPOINT_SET("meta/before-load-commit")) {
    return InOwnedTransaction(db, right, stop, [&] { db.Execute(statement, stop); });
  }
  AsOwner(db, right, [&] {
    db.ExecuteMulti(
        fmt::format("START TRANSACTION;{};{};COMMIT", right.Proof(db.server()), statement), 4, stop,
        statement);
  });
}

}  // namespace

std::string_view ToString(LoadStage stage) {
  switch (stage) {
    case LoadStage::kInit:
      return "init";
    case LoadStage::kRunning:
      return "running";
    case LoadStage::kFinished:
      return "finished";
  }
  return "";
}

std::string CheckpointFileName(std::string_view path) {
  if (path.size() <= kNameLimit) return std::string(path);
  // The hash beside a readable start: paths of one dump differ in table or index.
  size_t keep = kNameLimit - 17;
  while (keep > 0 && (static_cast<unsigned char>(path[keep]) & 0xc0) == 0x80) --keep;
  return fmt::format("{}#{:016x}", path.substr(0, keep), Hash(path));
}

LoadMeta::LoadMeta(std::string_view meta_schema, std::string_view task, std::string_view source_id,
                   bool downstream_folds)
    : folds_(downstream_folds),
      task_(mysql::QuoteAnyMode(task)),
      source_(mysql::QuoteAnyMode(source_id)),
      meta_schema_(mysql::QuoteName(meta_schema)),
      status_table_(MetaTable(meta_schema, task, kLightningListSuffix)),
      checkpoint_table_(MetaTable(meta_schema, task, kLoaderCheckpointSuffix)) {}

TargetKey LoadMeta::KeyOf(std::string_view schema, std::string_view table) const {
  if (folds_) return {LowerName(schema), LowerName(table)};
  return {std::string(schema), std::string(table)};
}

std::string LoadMeta::NameOf(std::string_view prefix, std::string_view schema,
                             std::string_view table) const {
  const TargetKey key = KeyOf(schema, table);
  return RowName(prefix, key.first, key.second);
}

std::string LoadMeta::ClaimName(std::string_view schema, std::string_view table) const {
  return NameOf(kClaimPrefix, schema, table);
}

std::string LoadMeta::MadeName(std::string_view schema, std::string_view table) const {
  return NameOf(kMadePrefix, schema, table);
}

void LoadMeta::Create(mysql::Connection& db, const StopToken& stop) const {
  CreateMetaSchema(db, meta_schema_, stop);
  const std::string transactional = TransactionalOptions(db.server());
  // Names of sources differ in every letter: without a collation the server's would decide.
  const auto create_status = [&](std::string_view options) {
    db.Execute(fmt::format(R"(CREATE TABLE IF NOT EXISTS {} (
		task_name varchar(255) NOT NULL,
		source_name varchar(255) NOT NULL,
		status varchar(10) NOT NULL DEFAULT 'init' COMMENT 'init,running,finished',
		PRIMARY KEY (task_name, source_name)
	){}{})",
                           status_table_, options, transactional),
               stop);
  };
  try {
    create_status(" DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin");
  } catch (const Error& e) {
    if (e.server_errno() != kKeyTooLong) throw;
    create_status("");
  }
  // `offset` is a reserved word of MariaDB.
  db.Execute(fmt::format(R"(CREATE TABLE IF NOT EXISTS {} (
		id varchar(32) NOT NULL,
		filename varchar(255) NOT NULL,
		cp_schema varchar(128) NOT NULL,
		cp_table varchar(128) NOT NULL,
		`offset` bigint NOT NULL,
		end_pos bigint NOT NULL,
		create_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
		update_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
		row_count bigint NOT NULL DEFAULT 0,
		UNIQUE KEY uk_id_f (id, filename),
		KEY k_f (filename)
	) {}{})",
                         checkpoint_table_, kExactNames, transactional),
             stop);
  MakeTransactional(db, status_table_, stop);
  MakeTransactional(db, checkpoint_table_, stop);
  UpgradeTables(db, stop);
  if (folds_) FoldNames(db, stop);
}

void LoadMeta::UpgradeTables(mysql::Connection& db, const StopToken& stop) const {
  // A table of an older version has no row counts.
  if (db.Query(fmt::format("SHOW COLUMNS FROM {} LIKE 'row_count'", checkpoint_table_), stop)
          .rows.empty()) {
    try {
      db.Execute(fmt::format("ALTER TABLE {} ADD COLUMN row_count bigint NOT NULL DEFAULT 0",
                             checkpoint_table_),
                 stop);
    } catch (const Error& e) {
      if (e.server_errno() != kDuplicateColumn) throw;  // another source was quicker
    }
  }
  const auto columns =
      db.Query(fmt::format("SHOW FULL COLUMNS FROM {} LIKE 'source_name'", status_table_), stop);
  const auto collation = columns.ColumnIndex("Collation");
  if (!collation || columns.rows.empty() ||
      columns.rows[0][*collation].value_or("").ends_with("_bin")) {
    return;
  }
  try {
    db.Execute(fmt::format("ALTER TABLE {} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                           status_table_),
               stop);
  } catch (const Error& e) {
    if (db.broken()) throw;
    Log().Warn("sources whose names differ only in letter case or accents share one load status",
               {F("table", status_table_), F("error", e)});
  }
}

void LoadMeta::FoldNames(mysql::Connection& db, const StopToken& stop) const {
  const auto answer =
      db.Query(fmt::format("SELECT id, filename, cp_schema, cp_table FROM {} WHERE filename LIKE "
                           "'{}%' OR filename LIKE '{}%'",
                           checkpoint_table_, kClaimPrefix, kMadePrefix),
               stop);
  if (answer.rows.empty()) return;
  const auto begun = db.Query(
      fmt::format("SELECT source_name FROM {} WHERE task_name = {}", status_table_, task_), stop);
  for (const auto& row : answer.rows) {
    const std::string old_name = row[1].value_or("");
    const bool is_claim = old_name.starts_with(kClaimPrefix);
    const std::string new_name =
        NameOf(is_claim ? kClaimPrefix : kMadePrefix, row[2].value_or(""), row[3].value_or(""));
    if (new_name == old_name) continue;
    const std::string id = mysql::QuoteAnyMode(row[0].value_or(""));
    const std::string from = mysql::QuoteAnyMode(old_name);
    const std::string to = mysql::QuoteAnyMode(new_name);
    // A source that has loaded may have come to the table unseen; its claim may be gone by now.
    const bool is_shared =
        is_claim && std::any_of(begun.rows.begin(), begun.rows.end(),
                                [&](const auto& source) { return source[0] != row[0]; });
    const std::string offset = is_shared ? fmt::format("IF(`offset` = {}, {}, `offset`)",
                                                       static_cast<int64_t>(TableClaim::kOwned),
                                                       static_cast<int64_t>(TableClaim::kShared))
                                         : "`offset`";
    // Before, lest a crash leaves two owners; after, for a source that has come between.
    if (is_claim) ShareIfSeveral(db, from + "," + to, stop);
    try {
      db.Execute(
          fmt::format("UPDATE {} SET `offset` = {}, filename = {} WHERE id = {} AND filename = {}",
                      checkpoint_table_, offset, to, id, from),
          stop);
    } catch (const Error& e) {
      if (e.server_errno() != kDuplicateKey) throw;
      // The source has two rows for one table: what they say is not sure.
      db.Execute(fmt::format("UPDATE {} SET `offset` = {} WHERE id = {} AND filename = {}",
                             checkpoint_table_,
                             is_claim ? static_cast<int64_t>(TableClaim::kShared) : 0, id, to),
                 stop);
      db.Execute(fmt::format("DELETE FROM {} WHERE id = {} AND filename = {}", checkpoint_table_,
                             id, from),
                 stop);
    }
    if (is_claim) ShareIfSeveral(db, to, stop);
  }
}

void LoadMeta::ShareIfSeveral(mysql::Connection& db, const std::string& names,
                              const StopToken& stop) const {
  const auto sources = db.Query(
      fmt::format("SELECT DISTINCT id FROM {} WHERE filename IN ({})", checkpoint_table_, names),
      stop);
  if (sources.rows.size() < 2) return;
  db.Execute(fmt::format("UPDATE {} SET `offset` = {} WHERE filename IN ({}) AND `offset` = {}",
                         checkpoint_table_, static_cast<int64_t>(TableClaim::kShared), names,
                         static_cast<int64_t>(TableClaim::kOwned)),
             stop);
}

LoadStage LoadMeta::Stage(mysql::Connection& db, const StopToken& stop) const {
  const auto status = db.QueryValue(
      fmt::format("SELECT status FROM {} WHERE `task_name` = {} AND `source_name` = {}",
                  status_table_, task_, source_),
      stop);
  if (!status) return LoadStage::kInit;
  for (const LoadStage stage : {LoadStage::kInit, LoadStage::kRunning, LoadStage::kFinished}) {
    if (*status == ToString(stage)) return stage;
  }
  Log().Warn("unknown load status, taken as init", {F("status", *status)});
  return LoadStage::kInit;
}

void LoadMeta::AddStatus(mysql::Connection& db, const StopToken& stop) const {
  db.Execute(fmt::format("INSERT IGNORE INTO {} (`task_name`, `source_name`) VALUES ({}, {})",
                         status_table_, task_, source_),
             stop);
}

void LoadMeta::SetStage(mysql::Connection& db, LoadStage stage, const StopToken& stop) const {
  db.Execute(
      fmt::format("UPDATE {} set status = '{}' WHERE `task_name` = {} AND `source_name` = {}",
                  status_table_, ToString(stage), task_, source_),
      stop);
}

void LoadMeta::BeginRunning(mysql::Connection& db, const OwnerRight& right,
                            std::string_view dump_id, const StopToken& stop) const {
  InOwnedTransaction(db, right, stop, [&] {
    db.Execute(fmt::format("DELETE FROM {} WHERE id = {} AND filename LIKE '{}%'",
                           checkpoint_table_, source_, kDumpPrefix),
               stop);
    db.Execute(
        fmt::format("INSERT INTO {} (id, filename, cp_schema, cp_table, `offset`, end_pos) VALUES "
                    "({}, {}, '', '', 0, 0)",
                    checkpoint_table_, source_,
                    mysql::QuoteAnyMode(fmt::format("{}{}", kDumpPrefix, dump_id))),
        stop);
    SetStage(db, LoadStage::kRunning, stop);
  });
}

std::optional<std::string> LoadMeta::DumpId(mysql::Connection& db, const StopToken& stop) const {
  auto name =
      db.QueryValue(fmt::format("SELECT filename FROM {} WHERE id = {} AND filename LIKE '{}%'",
                                checkpoint_table_, source_, kDumpPrefix),
                    stop);
  if (name) name->erase(0, kDumpPrefix.size());
  return name;
}

std::vector<LoadCheckpointRow> LoadMeta::Files(mysql::Connection& db, const StopToken& stop) const {
  const auto answer = db.Query(
      fmt::format("SELECT filename, cp_schema, cp_table, `offset`, end_pos, row_count FROM {} "
                  "WHERE id = {} AND {}",
                  checkpoint_table_, source_, kIsFile),
      stop);
  std::vector<LoadCheckpointRow> files;
  files.reserve(answer.rows.size());
  for (const auto& row : answer.rows) {
    files.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or(""), Number(row[3]),
                     Number(row[4]), Number(row[5])});
  }
  return files;
}

bool LoadMeta::HasUnclaimedProgress(mysql::Connection& db, const StopToken& stop) const {
  std::set<TargetKey> claimed;
  for (const TableClaimRow& claim : Claims(db, stop)) {
    claimed.insert(KeyOf(claim.schema, claim.table));
  }
  const std::vector<LoadCheckpointRow> files = Files(db, stop);
  return std::any_of(files.begin(), files.end(), [&](const LoadCheckpointRow& file) {
    return file.offset > 0 && !claimed.contains(KeyOf(file.schema, file.table));
  });
}

void LoadMeta::AddFiles(mysql::Connection& db, const OwnerRight& right,
                        const std::vector<LoadCheckpointRow>& files, const StopToken& stop) const {
  const auto statement_of = [&](size_t begin, size_t end) {
    std::string statement =
        fmt::format("INSERT INTO {} (id, filename, cp_schema, cp_table, `offset`, end_pos) VALUES ",
                    checkpoint_table_);
    for (size_t i = begin; i < end; ++i) {
      const LoadCheckpointRow& file = files[i];
      statement += fmt::format("{}({},{},{},{},{},{})", i > begin ? "," : "", source_,
                               mysql::QuoteAnyMode(CheckpointFileName(file.file)),
                               mysql::QuoteAnyMode(file.schema), mysql::QuoteAnyMode(file.table),
                               file.offset, file.end);
    }
    // Routes may have changed before the first row of a file was written, and the dump too.
    return statement +
           " ON DUPLICATE KEY UPDATE cp_schema = IF(`offset` = 0, VALUES(cp_schema), cp_schema), "
           "cp_table = IF(`offset` = 0, VALUES(cp_table), cp_table), "
           "end_pos = IF(`offset` = 0, VALUES(end_pos), end_pos)";
  };
  if (files.empty()) return;
  if (files.size() <= kRowsPerStatement) {
    return ExecuteAsOwner(db, right, statement_of(0, files.size()), stop);
  }
  InOwnedTransaction(db, right, stop, [&] {
    for (size_t begin = 0; begin < files.size(); begin += kRowsPerStatement) {
      db.Execute(statement_of(begin, std::min(files.size(), begin + kRowsPerStatement)), stop);
    }
  });
}

void LoadMeta::RestartFiles(mysql::Connection& db, const OwnerRight& right,
                            const std::string& schema, const std::string& table,
                            const StopToken& stop) const {
  InOwnedTransaction(db, right, stop, [&] {
    db.Execute(fmt::format("UPDATE {} SET `offset` = 0, row_count = 0 WHERE id = {} AND cp_schema "
                           "= {} AND cp_table = {} AND {}",
                           checkpoint_table_, source_, mysql::QuoteAnyMode(schema),
                           mysql::QuoteAnyMode(table), kIsFile),
               stop);
  });
}

void LoadMeta::DeleteRows(mysql::Connection& db, const OwnerRight& right,
                          const StopToken& stop) const {
  InOwnedTransaction(db, right, stop, [&] {
    db.Execute(fmt::format("DELETE FROM {} WHERE id = {}", checkpoint_table_, source_), stop);
  });
}

void LoadMeta::Finish(mysql::Connection& db, const OwnerRight& right, bool keep_dump_id,
                      const StopToken& stop) const {
  InOwnedTransaction(db, right, stop, [&] {
    db.Execute(fmt::format("DELETE FROM {} WHERE id = {}{}", checkpoint_table_, source_,
                           keep_dump_id ? fmt::format(" AND filename NOT LIKE '{}%'", kDumpPrefix)
                                        : std::string()),
               stop);
    SetStage(db, LoadStage::kFinished, stop);
  });
}

std::string LoadMeta::AdvanceStatement(const std::string& file, int64_t from, int64_t to,
                                       size_t rows) const {
  return fmt::format(
      "UPDATE {} SET `offset` = {}, row_count = row_count + {} WHERE id = {} AND filename = {} AND "
      "`offset` = {}",
      checkpoint_table_, to, rows, source_, mysql::QuoteAnyMode(CheckpointFileName(file)), from);
}

int64_t LoadMeta::OffsetOf(mysql::Connection& db, const std::string& file,
                           const StopToken& stop) const {
  const auto offset = db.QueryValue(
      fmt::format("SELECT `offset` FROM {} WHERE id = {} AND filename = {} FOR UPDATE",
                  checkpoint_table_, source_, mysql::QuoteAnyMode(CheckpointFileName(file))),
      stop);
  return offset ? Number(offset) : -1;
}

mysql::ResultSet LoadMeta::TargetRows(mysql::Connection& db, std::string_view prefix,
                                      const StopToken& stop) const {
  return db.Query(fmt::format("SELECT cp_schema, cp_table, `offset` FROM {} WHERE id = {} AND "
                              "filename LIKE '{}%'",
                              checkpoint_table_, source_, prefix),
                  stop);
}

std::vector<TableClaimRow> LoadMeta::Claims(mysql::Connection& db, const StopToken& stop) const {
  std::vector<TableClaimRow> claims;
  for (const auto& row : TargetRows(db, kClaimPrefix, stop).rows) {
    claims.push_back(
        {row[0].value_or(""), row[1].value_or(""), static_cast<TableClaim>(Number(row[2]))});
  }
  return claims;
}

bool LoadMeta::ClaimOwned(mysql::Connection& db, const OwnerRight& right, const std::string& schema,
                          const std::string& table, const StopToken& stop) const {
  const std::string name = mysql::QuoteAnyMode(ClaimName(schema, table));
  // First say so, then look: of two sources that do this at once at least one sees the other.
  ExecuteAsOwner(
      db, right,
      fmt::format("INSERT INTO {} (id, filename, cp_schema, cp_table, `offset`, end_pos) "
                  "VALUES ({},{},{},{},{},0)",
                  checkpoint_table_, source_, name, mysql::QuoteAnyMode(schema),
                  mysql::QuoteAnyMode(table), static_cast<int64_t>(TableClaim::kOwned)),
      stop);
  const auto others =
      db.QueryValue(fmt::format("SELECT COUNT(*) FROM {} WHERE filename = {} AND id <> {}",
                                checkpoint_table_, name, source_),
                    stop);
  if (Number(others) == 0) return true;
  ExecuteAsOwner(
      db, right,
      fmt::format("UPDATE {} SET `offset` = {} WHERE filename = {} AND id = {}", checkpoint_table_,
                  static_cast<int64_t>(TableClaim::kUser), name, source_),
      stop);
  return false;
}

void LoadMeta::ClaimUse(mysql::Connection& db, const OwnerRight& right,
                        const std::vector<TableClaimRow>& targets, const StopToken& stop) const {
  for (size_t begin = 0; begin < targets.size(); begin += kRowsPerStatement) {
    std::string rows;
    std::string names;
    const size_t end = std::min(targets.size(), begin + kRowsPerStatement);
    for (size_t i = begin; i < end; ++i) {
      const std::string name = mysql::QuoteAnyMode(ClaimName(targets[i].schema, targets[i].table));
      const char* comma = i > begin ? "," : "";
      rows += fmt::format(
          "{}({},{},{},{},{},0)", comma, source_, name, mysql::QuoteAnyMode(targets[i].schema),
          mysql::QuoteAnyMode(targets[i].table), static_cast<int64_t>(TableClaim::kUser));
      names += comma + name;
    }
    ExecuteAsOwner(
        db, right,
        fmt::format("INSERT IGNORE INTO {} (id, filename, cp_schema, cp_table, `offset`, "
                    "end_pos) VALUES {}",
                    checkpoint_table_, rows),
        stop);
    ExecuteAsOwner(db, right,
                   fmt::format("UPDATE {} SET `offset` = {} WHERE id <> {} AND `offset` = {} AND "
                               "filename IN ({})",
                               checkpoint_table_, static_cast<int64_t>(TableClaim::kShared),
                               source_, static_cast<int64_t>(TableClaim::kOwned), names),
                   stop);
    WaitUntilNotEmptying(db, names, stop);
  }
}

void LoadMeta::WaitUntilNotEmptying(mysql::Connection& db, const std::string& names,
                                    const StopToken& stop) const {
  for (int waits = 0;; ++waits) {
    const auto answer = db.Query(
        fmt::format("SELECT id, cp_schema, cp_table FROM {} WHERE id <> {} AND `offset` = {} AND "
                    "filename IN ({}) LIMIT 1",
                    checkpoint_table_, source_, static_cast<int64_t>(TableClaim::kEmptying), names),
        stop);
    if (answer.rows.empty()) return;
    if (waits == kEmptyingWaits) {
      const auto& row = answer.rows[0];
      throw Error(ErrorCode::kLoadCheckPointNotMatch,
                  fmt::format("source {} is removing the rows of an unfinished dump from {}, and "
                              "nothing can be loaded into it meanwhile",
                              row[0].value_or(""),
                              mysql::QuoteTable(row[1].value_or(""), row[2].value_or(""))));
    }
    WaitFor(kEmptyingWait, stop);
  }
}

bool LoadMeta::ClaimEmptying(mysql::Connection& db, const OwnerRight& right,
                             const TableClaimRow& target, const StopToken& stop) const {
  const std::string name = mysql::QuoteAnyMode(ClaimName(target.schema, target.table));
  const auto is = static_cast<int64_t>(TableClaim::kEmptying);
  ExecuteAsOwner(
      db, right,
      fmt::format("UPDATE {} SET `offset` = {} WHERE filename = {} AND id = {} AND `offset` "
                  "= {}",
                  checkpoint_table_, is, name, source_, static_cast<int64_t>(TableClaim::kOwned)),
      stop);
  return Number(db.QueryValue(
             fmt::format("SELECT `offset` FROM {} WHERE filename = {} AND id = {} FOR UPDATE",
                         checkpoint_table_, name, source_),
             stop)) == is;
}

std::vector<MadeTableRow> LoadMeta::MadeTables(mysql::Connection& db, const StopToken& stop) const {
  std::vector<MadeTableRow> tables;
  for (const auto& row : TargetRows(db, kMadePrefix, stop).rows) {
    tables.push_back({row[0].value_or(""), row[1].value_or(""), Number(row[2])});
  }
  return tables;
}

void LoadMeta::AnnounceMade(mysql::Connection& db, const OwnerRight& right,
                            const std::string& schema, const std::string& table,
                            const StopToken& stop) const {
  ExecuteAsOwner(
      db, right,
      fmt::format("INSERT INTO {} (id, filename, cp_schema, cp_table, `offset`, end_pos) "
                  "VALUES ({},{},{},{},0,0) ON DUPLICATE KEY UPDATE `offset` = 0",
                  checkpoint_table_, source_, mysql::QuoteAnyMode(MadeName(schema, table)),
                  mysql::QuoteAnyMode(schema), mysql::QuoteAnyMode(table)),
      stop);
}

void LoadMeta::ConfirmMade(mysql::Connection& db, const OwnerRight& right, const MadeTableRow& made,
                           const StopToken& stop) const {
  ExecuteAsOwner(
      db, right,
      fmt::format("UPDATE {} SET `offset` = {} WHERE id = {} AND filename = {}", checkpoint_table_,
                  made.definition, source_, mysql::QuoteAnyMode(MadeName(made.schema, made.table))),
      stop);
}

std::optional<int64_t> DefinitionHash(mysql::Connection& db, const std::string& schema,
                                      const std::string& table, const StopToken& stop) {
  std::string text;
  try {
    // The sessions that come here have different modes.
    const auto answer =
        mysql::ShowWithoutModes(db, "SHOW CREATE TABLE " + mysql::QuoteTable(schema, table), stop);
    if (!answer.rows.empty() && answer.columns.at(0) == "Table") {
      text = answer.rows[0].at(1).value_or("");
    }
  } catch (const Error& e) {
    if (db.broken()) throw;
    if (e.server_errno() == kNoSuchTable || e.server_errno() == kNoSuchSchema) return std::nullopt;
    throw;
  }
  if (text.empty()) return std::nullopt;
  const auto hash = static_cast<int64_t>(Hash(mysql::WithoutAutoIncrement(std::move(text))) >> 1);
  return hash == 0 ? 1 : hash;
}

std::vector<std::string> LoadMeta::OthersAt(mysql::Connection& db, const std::string& schema,
                                            const std::string& table, const StopToken& stop) const {
  const auto answer =
      db.Query(fmt::format("SELECT id FROM {} WHERE filename = {} AND id <> {}", checkpoint_table_,
                           mysql::QuoteAnyMode(ClaimName(schema, table)), source_),
               stop);
  std::vector<std::string> others;
  for (const auto& row : answer.rows) others.push_back(row[0].value_or(""));
  return others;
}

}  // namespace dm::migration
