#include "migration/meta/remove.h"

#include <string>

#include "migration/meta/names.h"
#include "mysql/value/quote.h"

namespace dm::migration {

void RemoveTaskMeta(mysql::Connection& connection, std::string_view meta_schema,
                    std::string_view task, const StopToken& stop) {
  // The owner rows go last: as long as any other table is there, an old writer is held off.
  for (std::string_view suffix :
       {kLoaderCheckpointSuffix, kLightningListSuffix, kSyncerCheckpointSuffix, kShardingMetaSuffix,
        kSyncerDdlSuffix, kOnlineDdlSuffix, kValidatorCheckpointSuffix, kValidatorPendingSuffix,
        kValidatorErrorSuffix, kValidatorStatusSuffix, kOwnerSuffix}) {
    connection.Execute("DROP TABLE IF EXISTS " + MetaTable(meta_schema, task, suffix), stop);
  }
  connection.Execute("DROP DATABASE IF EXISTS " +
                         mysql::QuoteName(std::string(meta_schema) + "_" + std::string(task)),
                     stop);
}

}  // namespace dm::migration
