// SQL text of row changes, written straight from the row image.
#pragma once

#include <string>

#include "migration/rows/row_change.h"

namespace dm::migration {

// Appends the statements of `change`, separated by ';' and without a final one, and returns how
// many they are. Normally one:
//   INSERT INTO `d`.`t` (`id`,`a`) VALUES (1,'x')
//   UPDATE `d`.`t` SET `id` = 1, `a` = 'y' WHERE `id` = 1 LIMIT 1
//   DELETE FROM `d`.`t` WHERE `id` = 1 LIMIT 1
// In safe mode INSERT is REPLACE; an update is a REPLACE of the new values, after a DELETE of the
// old ones if it changes a unique key. A row that lacks columns gets DEFAULT for them when it is
// inserted; an update assigns those that are there, in safe mode too. Throws Error if a value
// cannot be written.
int AppendChange(std::string& out, const RowChange& change);

// As AppendChange, with `safe` in place of the change's own.
int AppendChange(std::string& out, const RowChange& change, bool safe);

// By what the downstream is asked for the row that a change finds: "`id` = 12", cut after 200
// bytes; for logs.
std::string DescribeRow(const RowChange& change);

}  // namespace dm::migration
