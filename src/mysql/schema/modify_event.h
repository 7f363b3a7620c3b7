// Names of MODIFY and CHANGE for the binlog filter.
#pragma once

#include <string_view>

#include "mysql/schema/build.h"
#include "mysql/schema/table_info.h"
#include "mysql/sql/rewrite.h"

namespace dm::mysql {

// Event name of any split statement. For MODIFY and CHANGE the tracked table is compared with the
// new definition; without it (nullptr, or the column is unknown) they are "alter table".
std::string_view EventNameOf(const Statement& split, const TableInfo* tracked,
                             const BuildOptions& options);

}  // namespace dm::mysql
