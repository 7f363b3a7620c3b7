// Statements whose effect on rows that are there is another one on each server.
#pragma once

#include <optional>
#include <string>

#include "mysql/sql/statement.h"

namespace dm::migration {

// A column that the statement adds with a default which differs each time it is computed, as
// UUID() or RAND(); MariaDB logs such a statement as it is, MySQL refuses it. nullopt: none.
std::optional<std::string> ColumnWithUnrepeatableDefault(const mysql::Statement& statement);

}  // namespace dm::migration
