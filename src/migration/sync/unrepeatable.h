// Statements whose effect on rows that are there is another one on each server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mysql/schema/table_info.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// A column that the statement adds with a default which differs each time it is computed, as
// UUID() or RAND(); MariaDB logs such a statement as it is, MySQL refuses it. nullopt: none.
std::optional<std::string> ColumnWithUnrepeatableDefault(const mysql::Statement& statement);

// Does it add a column whose numbers go by the order that a table without a clustered key has?
// `before`: the table as it is; may be null.
bool NumbersByOrder(const mysql::Statement& statement, const mysql::TableInfo* before);

// How many rows of the table are surely on one page of an index.
int64_t RowsOnOnePage(const mysql::TableInfo& table);

}  // namespace dm::migration
