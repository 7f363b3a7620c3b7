// What TiDB takes otherwise than the servers that statements come from.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "mysql/sql/adapt.h"
#include "mysql/sql/statement.h"

namespace dm::mysql {

// The indexes (kUnique, kIndex, kFullText; only of columns) that a table has before the statement.
using IndexesOf = std::function<std::vector<Constraint>(const TableName&)>;

// Makes of split statements (SplitDdl, routed, each after AdaptToTarget) the list that has the same
// effect on TiDB:
//  - inline UNIQUE and PRIMARY KEY of an added column, and CHECK of a changed one, become
//    statements of their own;
//  - indexes of several columns that lose one are dropped before and made again of the others;
//  - renames of columns that take each other's names go by way of names in between;
//  - literals of character sets that TiDB does not know, and bytes of one of the others, become
//    UTF-8 text, in defaults, generated columns and checks;
//  - options that TiDB cannot change and clauses without a meaning there are left out; `left_out`
//    gets a line for each.
// The result may be empty. Other things TiDB refuses stay, for its own error to say so.
std::vector<Statement> ForTiDb(std::vector<Statement> split, const IndexesOf& indexes_of,
                               const LeftOut& left_out);

// May TiDB alter this table option?
bool TiDbAltersOption(std::string_view name);

}  // namespace dm::mysql
