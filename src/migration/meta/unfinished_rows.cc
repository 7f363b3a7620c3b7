#include "migration/meta/unfinished_rows.h"

#include <charconv>
#include <map>
#include <string>
#include <utility>

#include "base/failpoint/failpoint.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

constexpr int kNoSuchTable = 1146;
constexpr int kNoSuchSchema = 1049;

Error Mismatch(std::string text) {
  return Error(ErrorCode::kLoadCheckPointNotMatch, std::move(text));
}

// Rows of the table; nullopt if it is not there. Throws if it is no table.
std::optional<int64_t> CountRows(mysql::Connection& db, const TableClaimRow& target,
                                 const StopToken& stop) {
  const std::string table = mysql::QuoteTable(target.schema, target.table);
  const auto kind = db.QueryValue(
      fmt::format("SELECT TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND "
                  "TABLE_NAME = {}",
                  mysql::QuoteAnyMode(target.schema), mysql::QuoteAnyMode(target.table)),
      stop);
  if (!kind) return std::nullopt;
  if (kind->find("VIEW") != std::string::npos) {
    throw Mismatch(fmt::format("{} was a table and is a view now", table));
  }
  try {
    const auto text = db.QueryValue("SELECT COUNT(*) FROM " + table, stop);
    int64_t rows = 0;
    if (text) std::from_chars(text->data(), text->data() + text->size(), rows);
    return rows;
  } catch (const Error& e) {
    if (e.server_errno() == kNoSuchTable || e.server_errno() == kNoSuchSchema) return std::nullopt;
    throw;
  }
}

void Empty(mysql::Connection& db, const std::string& table, const StopToken& stop) {
  try {
    db.Execute("TRUNCATE TABLE " + table, stop);
  } catch (const Error& e) {
    if (db.broken()) throw;
    // TRUNCATE needs the privilege to drop, and refuses tables that foreign keys refer to.
    if (e.server_errno() != kNoSuchTable) db.Execute("DELETE FROM " + table, stop);
  }
}

}  // namespace

void RemoveUnfinishedRows(mysql::Connection& db, const LoadMeta& meta, SharedRows shared,
                          const std::function<void()>& check_right, const Logger& log,
                          const StopToken& stop) {
  std::map<std::pair<std::string, std::string>, int64_t> loaded;  // rows by target
  for (const LoadCheckpointRow& file : meta.Files(db, stop)) {
    if (file.offset > 0) loaded[{file.schema, file.table}] += file.rows;
  }
  for (const TableClaimRow& claim : meta.Claims(db, stop)) {
    if (claim.claim == TableClaim::kUser) continue;
    const auto progress = loaded.find({claim.schema, claim.table});
    if (progress == loaded.end()) continue;
    const std::string table = mysql::QuoteTable(claim.schema, claim.table);
    if (check_right) check_right();
    // From here on no other source of the task comes to the table.
    if (!meta.ClaimEmptying(db, claim, stop)) {
      if (shared == SharedRows::kKeep) {
        log.Warn("rows of an unfinished dump are kept: another source has loaded into the table",
                 {F("table", table)});
        continue;
      }
      throw Mismatch(
          fmt::format("table {} holds rows of an unfinished dump of this source, and "
                      "another source has loaded into it since",
                      table));
    }
    const auto rows = CountRows(db, claim, stop);
    if (!rows) continue;
    if (*rows > progress->second) {
      throw Mismatch(
          fmt::format("table {} holds {} rows, of which {} come from an unfinished dump that has "
                      "to be undone; the others were written by somebody else. Empty the table, or "
                      "move these rows away",
                      table, *rows, progress->second));
    }
    log.Info("rows of an unfinished dump are removed", {F("table", table), F("rows", *rows)});
    Empty(db, table, stop);
    DM_FAILPOINT("load/after-empty");
  }
  meta.DeleteRows(db, stop);
}

}  // namespace dm::migration
