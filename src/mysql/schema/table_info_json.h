// The `table_info` text of checkpoints and shard DDL records: TiDB's table structure as JSON.
#pragma once

#include <string>
#include <string_view>

#include "mysql/schema/table_info.h"

namespace dm::mysql {

// Compact JSON, members in the reference's order. What the reference's members cannot hold (special
// indexes, bytes that are no UTF-8, which are U+FFFD there) stands in members of ours, "dm_...".
std::string TableInfoToJson(const TableInfo& table);

// Reads what DM or we wrote. Unknown members are ignored, missing ones are zero; `pk_is_handle`
// makes a primary key entry. Throws Error kSchemaTrackerInvalidJSON (44001) naming schema and
// table.
TableInfo TableInfoFromJson(std::string_view json, std::string_view schema = "",
                            std::string_view table = "");

}  // namespace dm::mysql
