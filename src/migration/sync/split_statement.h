// Split statements: which they are, and such as are made of parts.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "migration/rows/table_plan.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// Does it give a table another name, and nothing else?
bool IsRename(const mysql::Statement& split);

// The table that it makes or gives a name to, by its index among its references (TableRefs).
std::optional<size_t> ProducedTable(const mysql::Statement& split);

// DROP TABLE IF EXISTS, and an ALTER TABLE of one part. `text`: of the statement that they come
// from.
mysql::Statement DropOf(const TableId& table, const std::string& text);
mysql::Statement AlterOf(const TableId& table, mysql::AlterSpec spec, const std::string& text);

}  // namespace dm::migration
