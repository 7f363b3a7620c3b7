#include "migration/load/stored_progress.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/failpoint/failpoint.h"
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

// The tables of a schema.
std::set<TargetKey> TablesOf(mysql::Connection& db, const LoadMeta& meta, const std::string& schema,
                             const StopToken& stop) {
  std::set<TargetKey> tables;
  const auto answer = db.Query(
      fmt::format("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}",
                  mysql::QuoteAnyMode(schema)),
      stop);
  for (const auto& row : answer.rows) tables.insert(meta.KeyOf(schema, row[0].value_or("")));
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
  const auto key_of = [&](const LoadFile& file) {
    return context.meta.KeyOf(file.target->schema, file.target->table);
  };
  struct Progressed {
    std::set<Target> names;  // of one table downstream
    int64_t rows = 0;        // written
  };
  std::map<TargetKey, Progressed> progressed;
  for (const LoadFile& file : files) {
    if (file.offset == 0) continue;
    Progressed& target = progressed[key_of(file)];
    target.names.insert(TargetOf(file));
    target.rows += file.rows;
  }
  std::map<std::string, std::set<TargetKey>> tables;  // by schema, of a key
  for (const auto& [key, target_and_rows] : progressed) {
    const auto& [names, rows] = target_and_rows;
    const Target& target = *names.begin();
    auto schema = tables.find(key.first);
    if (schema == tables.end()) {
      schema = tables.emplace(key.first, TablesOf(db, context.meta, target.first, stop)).first;
    }
    const bool there = schema->second.contains(key);
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
    for (const Target& each : names) {
      context.meta.RestartFiles(db, context.right, each.first, each.second, stop);
    }
    // Crash point: the records of the table's files begin at zero. Left: its rows.
    DM_FAILPOINT("load/after-restart");
    for (LoadFile& file : files) {
      if (key_of(file) == key) file.offset = file.rows = 0;
    }
  }
}

void ClaimTargets(const LoadMeta& meta, const OwnerRight& right, const ImportPlan& plan,
                  mysql::Connection& db, const StopToken& stop) {
  std::set<TargetKey> claimed;
  for (const TableClaimRow& claim : meta.Claims(db, stop)) {
    claimed.insert(meta.KeyOf(claim.schema, claim.table));
  }
  std::vector<TableClaimRow> targets;
  for (const ImportTable& table : plan.tables) {
    if (!table.view_script.empty()) continue;
    const Target target{table.target->schema, table.target->table};
    targets.push_back({target.first, target.second, TableClaim::kUser});
    if (!claimed.insert(meta.KeyOf(target.first, target.second)).second) continue;
    if (HasRows(db, target, stop)) continue;
    try {
      meta.ClaimOwned(db, right, target.first, target.second, stop);
    } catch (const Error& e) {
      if (e.server_errno() != kDuplicateKey) throw;
    }
  }
  meta.ClaimUse(db, right, targets, stop);
}

}  // namespace dm::migration
