// A TIMESTAMP column of which a statement says neither NULL nor a default is another thing with
// explicit_defaults_for_timestamp than without.
#pragma once

#include <functional>
#include <string_view>

#include "mysql/sql/statement.h"

namespace dm::mysql {

// Has the statement TIMESTAMP columns that are not spelled out?
bool HasImplicitTimestamps(const Statement& statement);

// A question about a column of the table as it is after the statement.
using OfColumn = std::function<bool(std::string_view column)>;

// Spells out what such columns are where the variable is off: NOT NULL, and without a default of
// its own the table's first TIMESTAMP column follows the clock, the others have a zero. `is_first`
// is asked of ALTER TABLE only.
void SpellOutImplicitTimestamps(Statement* statement, const OfColumn& is_first);

// Spells out what they are where the variable is on, for a server where it is off: NULL; and a zero
// as default of those that are NOT NULL, which would follow the clock otherwise. `in_primary_key`
// is asked of ALTER TABLE only.
void SpellOutExplicitTimestamps(Statement* statement, const OfColumn& in_primary_key);

}  // namespace dm::mysql
