// Statements that make other values of the rows that are there downstream than upstream, and that
// cannot be put otherwise: the servers differ, or the values differ each time they are computed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migration/sync/value_conversions.h"
#include "mysql/schema/table_info.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// How both servers differ.
struct ValueDifferences {
  // Where fewer digits are kept of a time, one cuts its fraction, the other rounds it.
  bool fractions = false;
  // UUID, INET6 and INET4 are text downstream.
  bool text_types = false;
  ConversionKinds conversions = {};
};

// One line for each change of `alter`, the upstream's statement; `before` is the upstream's
// definition before it.
std::vector<std::string> OtherValues(const mysql::AlterTable& alter, const mysql::TableInfo& before,
                                     const ValueDifferences& differences);

// A column that the statement adds with a default which differs each time it is computed, as
// UUID(), RAND() or a value of a sequence; MariaDB logs such a statement as it is, MySQL refuses
// it. nullopt: none.
std::optional<std::string> ColumnWithUnrepeatableDefault(const mysql::Statement& statement);

// Does it add a column whose numbers go by the order that a table without a clustered key has?
// `before`: the table as it is; may be null.
bool NumbersByOrder(const mysql::Statement& statement, const mysql::TableInfo* before);

// DISCARD or IMPORT TABLESPACE of a table or of its partitions, as the word says: the rows go, or
// come from a file, outside of the binlog. Empty: neither.
std::string_view TablespaceChange(const mysql::Statement& split);

// How many rows of the table are surely on one page of an index.
int64_t RowsOnOnePage(const mysql::TableInfo& table);

}  // namespace dm::migration
