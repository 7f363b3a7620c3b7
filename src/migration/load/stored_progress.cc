#include "migration/load/stored_progress.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/failpoint/failpoint.h"
#include "migration/rules/name_pattern.h"
#include "mysql/client/name_case.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

using Target = std::pair<std::string, std::string>;

constexpr int kDuplicateKey = 1062;

Error Mismatch(const std::string& reason) {
  return Error(ErrorCode::kLoadCheckPointNotMatch,
               fmt::format("checkpoint and dump do not match: {}", reason));
}

Target TargetOf(const LoadFile& file) { return {file.target->schema, file.target->table}; }

// Names of the tables of a schema, in lower case where the server does not tell them apart.
std::set<std::string> TablesOf(mysql::Connection& db, const std::string& schema, bool any_case,
                               const StopToken& stop) {
  std::set<std::string> tables;
  const auto answer = db.Query(
      fmt::format("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}",
                  mysql::QuoteAnyMode(schema)),
      stop);
  for (const auto& row : answer.rows) {
    const std::string name = row[0].value_or("");
    tables.insert(any_case ? LowerName(name) : name);
  }
  return tables;
}

bool HasRows(mysql::Connection& db, const Target& target, const StopToken& stop) {
  return db
      .QueryValue("SELECT 1 FROM " + mysql::QuoteTable(target.first, target.second) + " LIMIT 1",
                  stop)
      .has_value();
}

}  // namespace

Error BegunElsewhere(const std::string& table) {
  return Mismatch(fmt::format("by {} another version of DM has begun to load and has not finished; "
                              "how far it has come is not known here, and rows must not come twice",
                              table))
      .SetWorkaround(
          "Please start that version again and let it finish its load, then stop it and start the "
          "task here. Or `stop-task`, empty or drop the target tables, and begin anew with "
          "`start-task --remove-meta`.");
}

std::vector<LoadFile> MatchProgress(std::vector<LoadFile> files,
                                    const std::vector<LoadCheckpointRow>& rows,
                                    std::vector<LoadCheckpointRow>* added) {
  std::map<std::string, const LoadCheckpointRow*> known;
  for (const LoadCheckpointRow& row : rows) known.emplace(row.file, &row);
  for (LoadFile& file : files) {
    const Target target = TargetOf(file);
    const auto found = known.find(CheckpointFileName(file.path));
    if (found == known.end()) {
      added->push_back({file.path, target.first, target.second, 0, file.size});
      continue;
    }
    const LoadCheckpointRow& row = *found->second;
    known.erase(found);
    if (row.end != file.size) {
      throw Mismatch(fmt::format("{} had {} bytes when its loading began and has {} now", file.path,
                                 row.end, file.size));
    }
    if (Target(row.schema, row.table) != target) {
      if (row.offset > 0) {
        throw Mismatch(fmt::format("rows of {} have been loaded into {}, and now go to {}",
                                   file.path, mysql::QuoteTable(row.schema, row.table),
                                   mysql::QuoteTable(target.first, target.second)));
      }
      added->push_back({file.path, target.first, target.second, 0, file.size});
    }
    file.offset = row.offset;
    file.rows = row.rows;
  }
  for (const auto& [path, row] : known) {
    if (row->offset < row->end) throw Mismatch(path + " is gone before it was loaded");
  }
  return files;
}

void RestartLostTargets(const LoadContext& context, mysql::Connection& db,
                        std::vector<LoadFile>& files, const StopToken& stop) {
  std::map<Target, int64_t> progressed;  // rows written
  for (const LoadFile& file : files) {
    if (file.offset > 0) progressed[TargetOf(file)] += file.rows;
  }
  if (progressed.empty()) return;
  const bool any_case = mysql::IgnoresNameCase(db, stop);
  std::map<std::string, std::set<std::string>> tables;  // by schema
  for (const auto& [target, rows] : progressed) {
    auto schema = tables.find(target.first);
    if (schema == tables.end()) {
      schema = tables.emplace(target.first, TablesOf(db, target.first, any_case, stop)).first;
    }
    const bool there = schema->second.contains(any_case ? LowerName(target.second) : target.second);
    if (there && (rows == 0 || HasRows(db, target, stop))) continue;
    const std::string name = mysql::QuoteTable(target.first, target.second);
    const auto others = context.meta.OthersAt(db, target.first, target.second, stop);
    if (!others.empty()) {
      throw Mismatch(
          fmt::format("target table {} was dropped or emptied after rows of several "
                      "sources (also {}) had been loaded into it; start the task again "
                      "with --remove-meta",
                      name, fmt::join(others, ", ")));
    }
    context.log.Warn("the target table was dropped or emptied, its rows are loaded again",
                     {F("table", name), F("rows", rows)});
    // Crash point: a loaded table is found to be dropped or emptied. Left: its files' records, its
    // rows.
    DM_FAILPOINT("load/before-restart");
    context.meta.RestartFiles(db, context.right, target.first, target.second, stop);
    // Crash point: the records of the table's files begin at zero. Left: its rows.
    DM_FAILPOINT("load/after-restart");
    for (LoadFile& file : files) {
      if (TargetOf(file) == target) file.offset = file.rows = 0;
    }
  }
}

void ClaimTargets(const LoadMeta& meta, const OwnerRight& right, const ImportPlan& plan,
                  mysql::Connection& db, const StopToken& stop) {
  std::set<Target> claimed;
  for (const TableClaimRow& claim : meta.Claims(db, stop)) {
    claimed.insert({claim.schema, claim.table});
  }
  std::vector<TableClaimRow> targets;
  for (const ImportTable& table : plan.tables) {
    if (!table.view_script.empty()) continue;
    const Target target{table.target->schema, table.target->table};
    targets.push_back({target.first, target.second, TableClaim::kUser});
    if (!claimed.insert(target).second || HasRows(db, target, stop)) continue;
    try {
      meta.ClaimOwned(db, right, target.first, target.second, stop);
    } catch (const Error& e) {
      if (e.server_errno() != kDuplicateKey) throw;
    }
  }
  meta.ClaimUse(db, right, targets, stop);
}

}  // namespace dm::migration
