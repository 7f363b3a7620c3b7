// SHOW CREATE TABLE of a definition, in TiDB's layout.
#pragma once

#include <string>

#include "mysql/schema/table_info.h"

namespace dm::mysql {

// Several lines, without a final newline. `schema`: foreign keys into another one are qualified.
std::string ShowCreateTable(const TableInfo& table, const std::string& schema = "");

// The one-line form that `binlog-schema list` prints: new lines removed, double blanks made single.
std::string ShowCreateTableOneLine(const TableInfo& table, const std::string& schema = "");

}  // namespace dm::mysql
