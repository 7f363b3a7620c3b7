#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/io/text.h"
#include "migration/precheck/items.h"
#include "migration/rules/name_pattern.h"
#include "migration/unit/connections.h"
#include "mysql/client/name_case.h"
#include "mysql/value/quote.h"

namespace dm::migration {
namespace {

// So many names stand in one warning.
constexpr size_t kShownTables = 20;

// Base tables of these schemas whose storage engine has no transactions, with the engine.
std::map<SchemaTable, std::string> TablesWithoutTransactions(mysql::Connection& connection,
                                                             const std::set<std::string>& schemas,
                                                             const StopToken& stop) {
  std::map<SchemaTable, std::string> found;
  if (schemas.empty()) return found;
  std::vector<std::string> names;
  for (const std::string& schema : schemas) names.push_back(mysql::QuoteAnyMode(schema));
  const auto answer = connection.Query(
      fmt::format("SELECT TABLE_SCHEMA, TABLE_NAME, ENGINE FROM information_schema.TABLES WHERE "
                  "TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ({}) AND ENGINE NOT IN (SELECT "
                  "ENGINE FROM information_schema.ENGINES WHERE TRANSACTIONS = 'YES')",
                  fmt::join(names, ",")),
      stop);
  for (const auto& row : answer.rows) {
    found[{row.at(0).value_or(""), row.at(1).value_or("")}] = row.at(2).value_or("");
  }
  return found;
}

std::string Listed(const std::map<SchemaTable, std::string>& tables) {
  std::vector<std::string> names;
  for (const auto& [table, engine] : tables) {
    if (names.size() == kShownTables) {
      names.push_back(fmt::format("and {} more", tables.size() - kShownTables));
      break;
    }
    names.push_back(fmt::format("{} ({})", mysql::QuoteTable(table.first, table.second), engine));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// Target tables of the task that are there, without transactions.
std::map<SchemaTable, std::string> Untransactional(Preparation& preparation,
                                                   const StopToken& stop) {
  std::set<std::string> schemas;
  for (const auto& source : preparation.sources) {
    for (const RoutedTable& table : source->tables) schemas.insert(table.target.first);
  }
  const auto downstream = preparation.downstream->Take(stop);
  const bool any_case = mysql::IgnoresNameCase(*downstream, stop);
  const auto named = [&](const SchemaTable& table) {
    return any_case ? SchemaTable(LowerName(table.first), LowerName(table.second)) : table;
  };
  std::map<SchemaTable, std::string> there;
  for (const auto& [table, engine] : TablesWithoutTransactions(*downstream, schemas, stop)) {
    there.emplace(named(table), engine);
  }
  std::map<SchemaTable, std::string> found;
  for (const auto& source : preparation.sources) {
    for (const RoutedTable& table : source->tables) {
      const auto now = there.find(named(table.target));
      if (now != there.end()) found.emplace(table.target, now->second);
    }
  }
  return found;
}

}  // namespace

ItemTask SyncerConnectionsItem(Preparation& preparation) {
  CheckItem item;
  item.name = "syncer_conn_number_checker";
  item.description = "check if connection concurrency exceeds database's maximum connection limit";
  return {std::move(item), [&preparation](CheckItem& found, const StopToken& stop) {
            uint64_t needed = 0;
            for (const auto& source : preparation.sources) {
              needed += SyncConnections(source->subtask.syncer.worker_count);
            }
            CheckItem judged = found;
            const bool tidb = preparation.downstream->server().is_tidb;
            CheckConnections(*preparation.downstream, "syncer",
                             tidb ? Privilege::kSuper : Privilege::kProcess, needed, judged, stop);
            // That connections cannot be counted is no news of its own.
            const std::string phrase = "the number syncer needs";
            if (std::none_of(judged.entries.begin(), judged.entries.end(), [&](const auto& entry) {
                  return entry.text.find(phrase) != std::string::npos;
                })) {
              return;
            }
            for (CheckEntry& entry : judged.entries) found.Warn(std::move(entry.text));
            found.instruction = std::move(judged.instruction);
          }};
}

ItemTask TransactionsItem(Preparation& preparation) {
  CheckItem item;
  item.name = "target table engine check";
  item.description = "check whether the storage engines of target tables have transactions";
  return {std::move(item), [&preparation](CheckItem& found, const StopToken& stop) {
            if (preparation.downstream->server().is_tidb) return;
            const auto tables = Untransactional(preparation, stop);
            if (tables.empty()) return;
            found.Warn(fmt::format(
                "the storage engine of {} has no transactions: rows and progress are not written "
                "together, so that after a lost connection or a crash rows can be missing, or be "
                "there twice",
                Listed(tables)));
            found.instruction =
                "Give the target tables a storage engine with transactions (`ALTER TABLE ... "
                "ENGINE = InnoDB`).";
          }};
}

}  // namespace dm::migration
