#include "migration/meta/remove.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/meta/load_meta.h"
#include "migration/meta/names.h"
#include "migration/meta/owner.h"
#include "migration/meta/unfinished_rows.h"
#include "mysql/client/name_case.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

bool TableExists(mysql::Connection& connection, std::string_view schema, std::string_view table,
                 const StopToken& stop) {
  return connection
      .QueryValue(fmt::format("SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND "
                              "TABLE_NAME = {}",
                              mysql::QuoteAnyMode(schema), mysql::QuoteAnyMode(table)),
                  stop)
      .has_value();
}

// What loads that were not finished have written would stay beside the rows of the next dump.
void UndoUnfinishedLoads(mysql::Connection& connection, std::string_view meta_schema,
                         std::string_view task, const StopToken& stop) {
  const std::string name(task);
  if (!TableExists(connection, meta_schema, name + std::string(kLoaderCheckpointSuffix), stop)) {
    return;
  }
  OwnerTable(meta_schema, task, "").Create(connection, stop);
  OwnerTable(meta_schema, task, "").RaiseEverySource(connection, stop);
  connection.Execute("SET SESSION foreign_key_checks = 0", stop);
  const auto ids =
      connection.Query(fmt::format("SELECT DISTINCT id FROM {}",
                                   MetaTable(meta_schema, task, kLoaderCheckpointSuffix)),
                       stop);
  const bool folds = mysql::IgnoresNameCase(connection, stop);
  for (const auto& row : ids.rows) {
    const LoadMeta meta(meta_schema, task, row[0].value_or(""), folds);
    meta.Create(connection, stop);
    if (meta.Stage(connection, stop) == LoadStage::kFinished) continue;
    // Who starts the task meanwhile is not to lose what it brings.
    const OwnerTable owner(meta_schema, task, row[0].value_or(""));
    const OwnerRight right{&owner, 0, owner.RaiseAll(connection, 1, stop).at(0)};
    RemoveUnfinishedRows(connection, meta, right, SharedRows::kKeep, {}, Log(), stop);
  }
}

// CRC-32 of IEEE 802.3.
uint32_t Crc32(std::string_view text) {
  uint32_t crc = ~0u;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

bool SchemaExists(mysql::Connection& connection, const std::string& schema, const StopToken& stop) {
  return connection
      .QueryValue(fmt::format("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
                              mysql::QuoteAnyMode(schema)),
                  stop)
      .has_value();
}

// The database of rows that another program's load could not take. A user's may have that name by
// chance ("shop" and "orders"): only one that holds nothing but such tables is dropped.
void DropErrorSchema(mysql::Connection& connection, const std::string& schema,
                     const StopToken& stop) {
  constexpr std::string_view kTheirs[] = {"conflict_", "type_error_", "syntax_error_"};
  const auto tables = connection.Query(
      fmt::format("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}",
                  mysql::QuoteAnyMode(schema)),
      stop);
  if (tables.rows.empty()) return;  // it is not there, or nothing is in it
  for (const auto& row : tables.rows) {
    const std::string name = row[0].value_or("");
    if (std::any_of(std::begin(kTheirs), std::end(kTheirs),
                    [&](std::string_view prefix) { return name.starts_with(prefix); })) {
      continue;
    }
    Log().Warn("a database of the target has the name of one of the task's own and is kept",
               {F("database", schema), F("it has", name)});
    return;
  }
  connection.Execute("DROP DATABASE IF EXISTS " + mysql::QuoteName(schema), stop);
}

}  // namespace

std::string ForeignLoadSchema(std::string_view task, std::string_view source_id) {
  constexpr std::string_view kName = "tidb_lightning_checkpoint";
  constexpr size_t kLimit = 64;
  if (task.empty()) return std::string(kName);
  return fmt::format("{}_{}_{}", task, Crc32(source_id), kName).substr(0, kLimit);
}

void RemoveTaskMeta(mysql::Connection& connection, std::string_view meta_schema,
                    std::string_view task, const StopToken& stop,
                    const std::vector<std::string>& source_ids) {
  UndoUnfinishedLoads(connection, meta_schema, task, stop);
  // The owner rows go last: as long as any other table is there, an old writer is held off.
  for (std::string_view suffix : kMetaSuffixes) {
    // A table with an impossible name never was there, and the server refuses even to look for it.
    if (!IsPossibleName(fmt::format("{}{}", task, suffix))) continue;
    // Crash point: some tables of the task's meta data are dropped. Left: the others.
    DM_FAILPOINT("meta/before-drop");
    connection.Execute("DROP TABLE IF EXISTS " + MetaTable(meta_schema, task, suffix), stop);
  }
  if (const std::string errors = fmt::format("{}_{}", meta_schema, task); IsPossibleName(errors)) {
    DropErrorSchema(connection, errors, stop);
  }
  for (const std::string& source_id : source_ids) {
    const std::string schema = ForeignLoadSchema(task, source_id);
    // Who may write the task's tables need not have any right on what is not there.
    if (!IsPossibleName(schema) || !SchemaExists(connection, schema, stop)) continue;
    connection.Execute("DROP DATABASE IF EXISTS " + mysql::QuoteName(schema), stop);
  }
  // Crash point: the task's meta data are removed. Left: its start.
  DM_FAILPOINT("meta/after-drop");
}

}  // namespace dm::migration
