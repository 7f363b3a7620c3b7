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
// old ones if it changes a unique key. An update of a row that a filter may have left out stays an
// UPDATE, which does not make the row, if the table has one unique key and that stays as it is.
// A row that lacks columns gets DEFAULT for them when it is
// inserted; an update assigns those that are there, in safe mode too. Throws Error if a value
// cannot be written.
int AppendChange(std::string& out, const RowChange& change);

// As AppendChange, with `safe` in place of the change's own.
int AppendChange(std::string& out, const RowChange& change, bool safe);

// How changes are written that share a statement.
enum class RowsForm {
  kAlone,    // not at all: AppendChange
  kInsert,   // INSERT INTO `d`.`t` (`id`,`a`) VALUES (1,'x'),(2,'y')
  kReplace,  // REPLACE INTO ... VALUES ...
  kUpsert,   // INSERT INTO ... VALUES ... ON DUPLICATE KEY UPDATE `id`=VALUES(`id`),`a`=VALUES(`a`)
  kDelete,   // DELETE FROM `d`.`t` WHERE (`id` = 1) OR (`id` = 2)
};

// In which form `change` may share a statement with others. Alone are: deletes and updates without
// an identity, since one event is one row; rows with a NULL that the downstream refuses, since only
// a statement of one row fails by it; updates of rows that a filter may have left out, which are
// not to be made; updates in safe mode, and those that change the identity: assignments from left
// to right would read a key that is new already.
RowsForm FormOf(const RowChange& change);

// May `next` share the statement that `first` began in `form`?
bool MayShare(const RowChange& first, RowsForm form, const RowChange& next);

// Appends a statement in one form, row by row. Every change must share it with the first one. After
// End the text is a whole statement.
class SharedStatement {
 public:
  SharedStatement(std::string& out, RowsForm form) : out_(out), form_(form) {}
  // Throws Error if a value cannot be written.
  void Add(const RowChange& change);
  void End();

 private:
  std::string& out_;
  const RowsForm form_;
  const TablePlan* plan_ = nullptr;  // of the first change
};

// May an insert (in safe mode a REPLACE) be executed in bulk: a statement with a marker for each
// value, and the values beside it? And may `next` be with `first`, which may?
bool MayBeBulk(const RowChange& change);
bool MayShareBulk(const RowChange& first, RowsForm form, const RowChange& next);
// INSERT INTO `d`.`t` (`id`,`a`) VALUES (?,?)
std::string BulkStatement(const RowChange& first, RowsForm form);
// Appends the row's values as MariaDB's bulk execution takes them. False, and nothing is appended:
// it has one that is no parameter (AppendParameter). Throws Error if a value cannot be written.
bool AppendBulkRow(std::string& out, const RowChange& change);

// By what the downstream is asked for the row that a change finds: "`id` = 12", cut after 200
// bytes; for logs.
std::string DescribeRow(const RowChange& change);

}  // namespace dm::migration
