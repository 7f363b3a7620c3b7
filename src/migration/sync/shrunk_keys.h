// Unique keys that lose a column with the column itself.
#pragma once

#include <vector>

#include "mysql/schema/table_info.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// The columns of unique keys.
using UniqueKeys = std::vector<std::vector<mysql::IndexColumn>>;

// Unique keys that `before`, a table of MySQL, has behind `alter` too: without the columns that it
// drops, in the names that the columns have before it.
UniqueKeys KeysBehind(const mysql::AlterTable& alter, const mysql::TableInfo& before);

enum class ShrunkKeys {
  kNone,       // no unique key loses a column and keeps others
  kMadeAgain,  // the statement says what becomes of them
  kRefused,    // one would then ask for more than the upstream's keys do: rows might not fit
};

// MySQL takes a column that is dropped out of the keys that it shares with others; MariaDB refuses
// that for unique keys. Adds to `alter` that those of the MariaDB table `downstream` go and are
// made again of their other columns, and tells what it did; unless that is kMadeAgain `alter` is as
// it was. `upstream`: the unique keys behind the statement there. A key that the statement itself
// drops or renames stays as it says.
ShrunkKeys MakeShrunkKeysAgain(mysql::AlterTable* alter, const mysql::TableInfo& downstream,
                               const UniqueKeys& upstream);

}  // namespace dm::migration
