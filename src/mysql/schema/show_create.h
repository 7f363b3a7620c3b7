// SHOW CREATE TABLE of a definition, in TiDB's layout.
#pragma once

#include <string>
#include <string_view>

#include "mysql/schema/table_info.h"

namespace dm::mysql {

// Several lines, without a final newline. `schema`: foreign keys into another one are qualified.
std::string ShowCreateTable(const TableInfo& table, const std::string& schema = "");

// The one-line form of such a text: new lines removed, double blanks made single.
std::string OneLine(std::string_view text);
// As `binlog-schema list` prints it.
std::string ShowCreateTableOneLine(const TableInfo& table, const std::string& schema = "");

}  // namespace dm::mysql
