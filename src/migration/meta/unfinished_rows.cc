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

bool IsOwnerChanged(const Error& e) {
  return e.code() == static_cast<int>(ErrorCode::kSyncerOwnerChanged);
}

// Rows of the table, counted up to one more than `expected`; nullopt if it is not there, or is a
// view of which no rows are expected.
std::optional<int64_t> CountRows(mysql::Connection& db, const TableClaimRow& target,
                                 int64_t expected, const StopToken& stop) {
  const std::string table = mysql::QuoteTable(target.schema, target.table);
  const auto kind = db.QueryValue(
      fmt::format("SELECT TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND "
                  "TABLE_NAME = {}",
                  mysql::QuoteAnyMode(target.schema), mysql::QuoteAnyMode(target.table)),
      stop);
  if (!kind) return std::nullopt;
  if (kind->find("VIEW") != std::string::npos) {
    if (expected == 0) return std::nullopt;
    throw Mismatch(fmt::format("{} was a table and is a view now", table));
  }
  try {
    const auto text =
        db.QueryValue(fmt::format("SELECT COUNT(*) FROM (SELECT 1 FROM {} LIMIT {}) AS some_rows",
                                  table, expected + 1),
                      stop);
    int64_t rows = 0;
    if (text) std::from_chars(text->data(), text->data() + text->size(), rows);
    return rows;
  } catch (const Error& e) {
    if (e.server_errno() == kNoSuchTable || e.server_errno() == kNoSuchSchema) return std::nullopt;
    throw;
  }
}

void Empty(mysql::Connection& db, const OwnerRight& right, const std::string& table,
           const StopToken& stop) {
  try {
    right.Execute(db, "TRUNCATE TABLE " + table, stop);
  } catch (const Error& e) {
    if (db.broken() || IsOwnerChanged(e)) throw;
    // TRUNCATE needs the privilege to drop, and refuses tables that foreign keys refer to.
    if (e.server_errno() != kNoSuchTable) right.Execute(db, "DELETE FROM " + table, stop);
  }
}

// Of the table that this source's load has made: it goes, so that the next dump makes it as it is
// upstream by then. Kept if its definition is not the one it was made with.
bool Drop(mysql::Connection& db, const OwnerRight& right, const MadeTableRow& made,
          const Logger& log, const StopToken& stop) {
  const std::string table = mysql::QuoteTable(made.schema, made.table);
  const auto definition = DefinitionHash(db, made.schema, made.table, stop);
  if (!definition) return true;
  if (*definition != made.definition) {
    log.Info("a table that the load has made is kept: its definition was changed, or is not known",
             {F("table", table)});
    return false;
  }
  const auto trigger = db.QueryValue(
      fmt::format(
          "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = {} "
          "AND EVENT_OBJECT_TABLE = {} LIMIT 1",
          mysql::QuoteAnyMode(made.schema), mysql::QuoteAnyMode(made.table)),
      stop);
  if (trigger) {
    log.Info("a table that the load has made is kept, since it has a trigger now",
             {F("table", table), F("trigger", *trigger)});
    return false;
  }
  try {
    right.Execute(db, "DROP TABLE IF EXISTS " + table, stop);
    return true;
  } catch (const Error& e) {
    if (db.broken() || IsOwnerChanged(e)) throw;
    log.Warn("a table that an unfinished load had made cannot be dropped, it keeps its definition",
             {F("table", table), F("error", e)});
    return false;
  }
}

struct Target {
  TableClaimRow row;
  bool claimed = false;
  int64_t loaded = 0;  // rows
  std::optional<MadeTableRow> made;
};

// What this source's load has made or written into, by target.
std::map<TargetKey, Target> TargetsOf(mysql::Connection& db, const LoadMeta& meta,
                                      const StopToken& stop) {
  std::map<TargetKey, Target> targets;
  for (MadeTableRow& made : meta.MadeTables(db, stop)) {
    Target& target = targets[meta.KeyOf(made.schema, made.table)];
    target.row = {made.schema, made.table, TableClaim::kOwned};
    target.made = std::move(made);
  }
  for (const TableClaimRow& claim : meta.Claims(db, stop)) {
    Target& target = targets[meta.KeyOf(claim.schema, claim.table)];
    target.row = claim;
    target.claimed = true;
  }
  for (const LoadCheckpointRow& file : meta.Files(db, stop)) {
    const auto target = targets.find(meta.KeyOf(file.schema, file.table));
    if (file.offset > 0 && target != targets.end()) target->second.loaded += file.rows;
  }
  return targets;
}

}  // namespace

void RemoveUnfinishedRows(mysql::Connection& db, const LoadMeta& meta, const OwnerRight& right,
                          SharedRows shared, const std::function<void()>& check_right,
                          const Logger& log, const StopToken& stop) {
  for (const auto& [name, target] : TargetsOf(db, meta, stop)) {
    if (target.row.claim == TableClaim::kUser) continue;
    if (target.loaded == 0 && !target.made) continue;
    const std::string table = mysql::QuoteTable(target.row.schema, target.row.table);
    if (check_right) check_right();
    // The load ended between making the table and claiming it.
    if (!target.claimed && !meta.ClaimOwned(db, right, target.row.schema, target.row.table, stop)) {
      continue;
    }
    // From here on no other source of the task comes to the table.
    if (!meta.ClaimEmptying(db, right, target.row, stop)) {
      if (target.loaded == 0) continue;
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
    // Crash point: a table with rows of an unfinished dump is claimed for being emptied. Left:
    // that.
    DM_FAILPOINT("load/claimed-for-emptying");
    const auto rows = CountRows(db, target.row, target.loaded, stop);
    if (!rows) continue;
    if (*rows > target.loaded) {
      if (target.loaded == 0) continue;  // somebody else's, beside nothing of ours
      throw Mismatch(
          fmt::format("table {} holds {} rows, of which {} come from an unfinished dump that has "
                      "to be undone; the others were written by somebody else. Empty the table, or "
                      "move these rows away",
                      table, *rows, target.loaded));
    }
    log.Info("what an unfinished dump has brought is removed",
             {F("table", table), F("rows", *rows), F("made", target.made.has_value())});
    // Crash point: what an unfinished dump has brought is counted. Left: to remove it.
    DM_FAILPOINT("load/before-remove");
    const bool dropped = target.made && Drop(db, right, *target.made, log, stop);
    if (!dropped && target.loaded > 0) Empty(db, right, table, stop);
    // Crash point: a table is dropped or emptied. Left: the other ones, the records of all.
    DM_FAILPOINT("load/after-empty");
  }
  // Crash point: all that an unfinished dump has brought is removed. Left: the records of it.
  DM_FAILPOINT("load/before-forget");
  meta.DeleteRows(db, right, stop);
  // Crash point: nothing is recorded of the unfinished dump. Left: the new load.
  DM_FAILPOINT("load/after-forget");
}

}  // namespace dm::migration
