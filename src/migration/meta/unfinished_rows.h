// What a load brought from a dump which was never completed, or whose loading was given up: a later
// dump does not know these rows, so they must go before it is loaded; and the tables may have
// another definition upstream by then, or another name.
#pragma once

#include <functional>

#include "base/log/log.h"
#include "base/thread/stop.h"
#include "migration/meta/load_meta.h"
#include "migration/meta/owner.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// What becomes of a table that another source of the task has loaded into meanwhile.
enum class SharedRows {
  kRefuse,  // Error kLoadCheckPointNotMatch
  kKeep     // its rows stay, with a warning
};

// Drops the tables that the source of `meta` has made and owns, unless their definition was changed
// since, and empties others that it owns and has written rows into; then forgets its progress. A
// table that was there before is left alone unless rows were loaded into it. Throws Error
// kLoadCheckPointNotMatch if a table holds more rows than were loaded (somebody else's), or is no
// base table; Error kSyncerOwnerChanged if another run has the `right` by then: it cannot empty or
// drop a table that this other run fills; the database's error. `check_right` is called before each
// table and throws if nothing may be written any more; may be empty. Repeating it after a failure
// is harmless.
void RemoveUnfinishedRows(mysql::Connection& db, const LoadMeta& meta, const OwnerRight& right,
                          SharedRows shared, const std::function<void()>& check_right,
                          const Logger& log, const StopToken& stop);

}  // namespace dm::migration
