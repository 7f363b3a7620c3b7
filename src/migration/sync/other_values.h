// Changes of column definitions that make other values of the rows that are there downstream than
// upstream, and that cannot be put otherwise.
#pragma once

#include <string>
#include <vector>

#include "mysql/schema/table_info.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// How both servers differ.
struct ValueDifferences {
  // Where fewer digits are kept of a time, one cuts its fraction, the other rounds it.
  bool fractions = false;
  // UUID, INET6 and INET4 are text downstream.
  bool text_types = false;
};

// One line for each change of `alter`, the upstream's statement; `before` is the upstream's
// definition before it.
std::vector<std::string> OtherValues(const mysql::AlterTable& alter, const mysql::TableInfo& before,
                                     const ValueDifferences& differences);

}  // namespace dm::migration
