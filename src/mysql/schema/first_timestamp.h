// Which TIMESTAMP column of a table follows the clock by itself where
// explicit_defaults_for_timestamp is off.
#pragma once

#include "mysql/schema/table_info.h"
#include "mysql/sql/implicit_timestamp.h"

namespace dm::mysql {

// For SpellOutImplicitTimestamps of an ALTER TABLE. `table`: as it is after the statement, or as
// much of it as is known; may be null.
OfColumn FirstTimestampOf(TablePtr table);

}  // namespace dm::mysql
