// Rows in the binlog that their transaction undoes itself.
#pragma once

#include <cstddef>
#include <vector>

#include "mysql/binlog/events.h"
#include "mysql/binlog/raw_event.h"

namespace dm::migration {

// Removes the rows events, and the maps of their tables, that a ROLLBACK undoes which stands behind
// them, whole or to a savepoint; the statements stay. `events` is a whole transaction. Returns how
// many rows events there were. What a savepoint that is not known undoes stays, and all before it:
// whoever reads the statement decides.
//
// A server logs such a transaction as a whole if it has also changed what cannot be rolled back,
// temporary tables for example. Rows of tables of a non-transactional engine are in transactions of
// their own in the log (MariaDB 10.11, 11.8).
size_t LeaveOutUndone(std::vector<mysql::RawEvent>& events, const mysql::FormatDescription& format);

}  // namespace dm::migration
