// What the binlog itself says of a table, where the upstream logs it in full.
#pragma once

#include <optional>
#include <string>

#include "mysql/binlog/table_map.h"
#include "mysql/schema/table_info.h"

namespace dm::migration {

// A table map with full metadata (binlog_row_metadata=FULL) names the columns of the rows that
// follow. If `tracked` has other columns, or the same with other signs, character sets or another
// primary key, returns the definition that the rows have: columns of `tracked` of the same name and
// kind stay as they are, others are made from the map. nullopt if they agree, or if the map names
// no columns. `why` gets the first difference: "column 2 is `b`, not `c`".
std::optional<mysql::TableInfo> LoggedDefinition(const mysql::TableInfo& tracked,
                                                 const mysql::TableMap& map, std::string* why);

}  // namespace dm::migration
