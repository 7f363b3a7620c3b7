// Rows in the binlog that their transaction undoes itself.
#pragma once

#include <cstddef>
#include <vector>

#include "mysql/binlog/events.h"
#include "mysql/binlog/raw_event.h"

namespace dm::migration {

// Puts events without meaning in the place of the rows events that a ROLLBACK undoes which stands
// behind them; of a ROLLBACK to a savepoint, in the place of the statement as well. (Maps of tables
// stay: rows behind may be of them.) `events` is a whole transaction of a MariaDB. Returns how many
// rows events there were. Changes nothing, and returns 0, if it is a branch of XA, which is read in
// other ways too, or if it is not sure which rows are undone: the name of a savepoint is not plain
// ASCII, or it was set twice with rows between (one may be that of a stored function, which hides
// the other for a while; the log does not tell). Then the ROLLBACK stays.
//
// The server logs such a transaction as a whole if it has also changed what cannot be rolled back,
// temporary tables for example. Rows of tables of a non-transactional engine are in transactions of
// their own in the log (MariaDB 10.11, 11.8).
size_t LeaveOutUndone(std::vector<mysql::RawEvent>& events, const mysql::FormatDescription& format);

}  // namespace dm::migration
