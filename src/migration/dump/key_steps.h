// How a table is cut into chunks of equal size along any unique key: for keys that are no integers,
// and for integers with large gaps. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migration/dump/chunk_plan.h"

namespace dm::migration {

// A unique key of NOT NULL columns whose values can be written as literals that compare as the
// index orders them.
struct StepKey {
  std::string index;
  std::vector<const DumpColumn*> columns;  // in the order of the index
};

// PRIMARY if it will do, else the unique index with the fewest columns that does.
std::optional<StepKey> ChooseStepKey(const std::vector<DumpColumn>& columns,
                                     const std::vector<DumpIndex>& indexes);

// A value of the column, as StepQuery selects it, inside SQL. The same in every sql_mode.
std::string KeyLiteral(const DumpColumn& column, std::string_view value);

// The rows behind the key `from` up to the key `to`, with it; literals as KeyLiteral makes them. An
// empty vector: no such bound. At least one bound is there.
std::string StepCondition(const StepKey& key, const std::vector<std::string>& from,
                          const std::vector<std::string>& to);

// "SELECT <key> FROM ... ": finds the last key of the next `rows` rows behind `from`. No row: fewer
// are left. Texts that may not come back from UTF-8 are selected as HEX.
std::string StepQuery(const StepKey& key, std::string_view table, std::string_view user_condition,
                      const std::vector<std::string>& from, uint64_t rows);

// Finds a row whose key is `bound`. No row, or an error: the literals are not the key that they
// were made of, and no chunk may begin or end there.
std::string StepProbe(const StepKey& key, std::string_view table,
                      const std::vector<std::string>& bound);

}  // namespace dm::migration
