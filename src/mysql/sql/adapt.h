// What a target cannot take is taken out of a statement, or put in its own words.
#pragma once

#include <functional>
#include <string>

#include "mysql/sql/restore.h"
#include "mysql/sql/statement.h"

namespace dm::mysql {

// Gets one line for each thing that is left out or replaced: "index `s` (SPATIAL)".
using LeftOut = std::function<void(std::string)>;

// Changes a routed statement so that `target` can execute it and takes the same rows: keys and
// checks it does not have go (rows that it would refuse upstream never come), types it does not
// have become the text type that holds their values, clauses that only say how to do the work
// (ALGORITHM, LOCK) go. Returns false if nothing is left to execute. kCanonical changes nothing.
// What is invisible in a table (columns, keys, display) is left to Restore, which skips it without
// a word.
bool AdaptToTarget(Statement* statement, SqlTarget target, const LeftOut& left_out);

}  // namespace dm::mysql
