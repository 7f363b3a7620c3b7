#include "migration/meta/remove.h"

#include <fmt/format.h>

#include <string>

#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/meta/load_meta.h"
#include "migration/meta/names.h"
#include "migration/meta/owner.h"
#include "migration/meta/unfinished_rows.h"
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
  for (const auto& row : ids.rows) {
    const LoadMeta meta(meta_schema, task, row[0].value_or(""));
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
  for (std::string_view suffix :
       {kLoaderCheckpointSuffix, kLightningListSuffix, kSyncerCheckpointSuffix, kSyncerStateSuffix,
        kShardingMetaSuffix, kSyncerDdlSuffix, kOnlineDdlSuffix, kValidatorCheckpointSuffix,
        kValidatorPendingSuffix, kValidatorErrorSuffix, kValidatorStatusSuffix, kOwnerSuffix}) {
    // A table with an impossible name never was there, and the server refuses even to look for it.
    if (!IsPossibleName(fmt::format("{}{}", task, suffix))) continue;
    // Crash point: some tables of the task's meta data are dropped. Left: the others.
    DM_FAILPOINT("meta/before-drop");
    connection.Execute("DROP TABLE IF EXISTS " + MetaTable(meta_schema, task, suffix), stop);
  }
  std::vector<std::string> schemas = {fmt::format("{}_{}", meta_schema, task)};
  for (const std::string& source_id : source_ids) {
    schemas.push_back(ForeignLoadSchema(task, source_id));
  }
  for (const std::string& schema : schemas) {
    if (!IsPossibleName(schema)) continue;
    // Who may write the task's tables need not have any right on what is not there.
    const bool there =
        connection
            .QueryValue(fmt::format("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = "
                                    "{}",
                                    mysql::QuoteAnyMode(schema)),
                        stop)
            .has_value();
    if (!there) continue;
    connection.Execute("DROP DATABASE IF EXISTS " + mysql::QuoteName(schema), stop);
  }
  // Crash point: the task's meta data are removed. Left: its start.
  DM_FAILPOINT("meta/after-drop");
}

}  // namespace dm::migration
