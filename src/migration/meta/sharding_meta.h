// `<task>_syncer_sharding_meta`: where another version of DM keeps the DDL of shards that it is
// coordinating. Read only, to find out that it was stopped in the middle.
#pragma once

#include <string_view>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// Throws Error kSyncUnitInvalidShardMeta (36007) if DDL of the source's shards is pending; the
// database's error. The table need not be there.
void RefusePendingShards(mysql::Connection& connection, std::string_view meta_schema,
                         std::string_view task, std::string_view source_id, const StopToken& stop);

}  // namespace dm::migration
