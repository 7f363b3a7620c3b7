// How a table is cut into chunks that several connections read at the same time. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dm::migration {

// A column as SHOW FULL COLUMNS describes it.
struct DumpColumn {
  std::string name;
  std::string type;   // "int(11) unsigned", "varchar(20)", ...
  std::string extra;  // "STORED GENERATED INVISIBLE", "auto_increment", ...
  bool nullable = true;
  std::string collation = {};  // empty for other than text

  // Character set of a text that may not come back from UTF-8 as it was (cp932 has characters
  // twice; bytes without a character become question marks); empty for all others.
  std::string LossyCharset() const;
  // Is the value computed by the server (and so not dumped)?
  bool IsGenerated() const;
  bool IsInteger() const;
  bool IsFloat() const;  // single precision
};

// An index as SHOW INDEX describes it; columns in index order, empty name for an expression.
struct DumpIndex {
  std::string name;
  bool unique = false;
  bool usable = true;  // not invisible to the optimizer
  std::vector<std::string> columns;
  uint64_t cardinality = 0;  // of its first column
  bool whole = true;         // of whole values, in ascending order
};

// The column whose ranges make the chunks: the first column of PRIMARY, else of the unique index
// with the fewest columns, else of the non-unique index of the highest cardinality; integers only.
// `indexes` in the server's order. nullptr: the table is read in one piece.
const DumpColumn* ChooseSplitColumn(const std::vector<DumpColumn>& columns,
                                    const std::vector<DumpIndex>& indexes);

// A half-open range of a split column's values.
struct ChunkRange {
  std::string first;  // decimal text
  std::string end;
};

// Has the key so many gaps that equal ranges of values would hold very different numbers of rows?
bool IsSparse(std::string_view min, std::string_view max, uint64_t estimate);

// Cuts [min, max] (decimal texts) so that a chunk has about `rows` of the `estimate` rows. Empty if
// one piece will do, or a bound is no integer.
std::vector<ChunkRange> CutRanges(std::string_view min, std::string_view max, uint64_t estimate,
                                  uint64_t rows);

// Text from " WHERE" on: the user's condition (may be empty) and the range of `column`, joined so
// that no row falls between: the first chunk also has the rows without a value.
std::string WhereClause(std::string_view user_condition, const DumpColumn* column,
                        const ChunkRange* range, bool first_chunk);

}  // namespace dm::migration
