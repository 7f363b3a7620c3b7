#include "migration/dump/chunk_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mysql/value/charset.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

using Wide = __int128;

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

std::optional<Wide> ParseWide(std::string_view text) {
  bool negative = false;
  if (text.starts_with('-')) {
    negative = true;
    text.remove_prefix(1);
  }
  if (text.empty() || text.size() > 20) return std::nullopt;
  Wide value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return negative ? -value : value;
}

std::string WideText(Wide value) {
  if (value == 0) return "0";
  const bool negative = value < 0;
  if (negative) value = -value;
  std::string text;
  for (; value > 0; value /= 10) text += static_cast<char>('0' + static_cast<int>(value % 10));
  if (negative) text += '-';
  std::reverse(text.begin(), text.end());
  return text;
}

const DumpColumn* IntegerColumn(const std::vector<DumpColumn>& columns, const DumpIndex& index) {
  if (!index.usable || index.columns.empty()) return nullptr;
  for (const DumpColumn& column : columns) {
    if (Upper(column.name) == Upper(index.columns[0])) {
      return column.IsInteger() ? &column : nullptr;
    }
  }
  return nullptr;
}

}  // namespace

bool DumpColumn::IsGenerated() const {
  const std::string upper = Upper(extra);
  return upper.find("STORED GENERATED") != std::string::npos ||
         upper.find("VIRTUAL GENERATED") != std::string::npos || upper == "PERSISTENT" ||
         upper == "VIRTUAL";
}

std::string DumpColumn::LossyCharset() const {
  using mysql::Charset;
  if (collation.empty() || type.starts_with("enum") || type.starts_with("set")) return "";
  const Charset charset = mysql::CharsetOfCollationName(collation);
  // (Most servers keep bytes above 127 in ASCII columns.)
  const bool exact = charset == Charset::kUnknown || charset == Charset::kBinary ||
                     charset == Charset::kLatin1 || charset == Charset::kUtf8mb3 ||
                     charset == Charset::kUtf8mb4;
  return exact ? "" : std::string(mysql::CharsetName(charset));
}

bool DumpColumn::IsInteger() const {
  constexpr std::array<std::string_view, 5> kTypes = {"TINYINT", "SMALLINT", "MEDIUMINT", "INT",
                                                      "BIGINT"};
  const std::string upper = Upper(type);
  const std::string_view word = std::string_view(upper).substr(0, upper.find_first_of("( "));
  return std::find(kTypes.begin(), kTypes.end(), word) != kTypes.end();
}

bool DumpColumn::IsFloat() const {
  const std::string upper = Upper(type);
  return std::string_view(upper).substr(0, upper.find_first_of("( ")) == "FLOAT";
}

const DumpColumn* ChooseSplitColumn(const std::vector<DumpColumn>& columns,
                                    const std::vector<DumpIndex>& indexes) {
  const DumpColumn* unique = nullptr;
  size_t unique_columns = 0;
  const DumpColumn* other = nullptr;
  uint64_t other_cardinality = 0;
  for (const DumpIndex& index : indexes) {
    const DumpColumn* column = IntegerColumn(columns, index);
    if (column == nullptr) continue;
    if (index.name == "PRIMARY") return column;
    if (index.unique) {
      if (unique == nullptr || index.columns.size() < unique_columns) {
        unique = column;
        unique_columns = index.columns.size();
      }
    } else if (unique == nullptr && (other == nullptr || index.cardinality > other_cardinality)) {
      other = column;
      other_cardinality = index.cardinality;
    }
  }
  return unique != nullptr ? unique : other;
}

bool IsSparse(std::string_view min, std::string_view max, uint64_t estimate) {
  // Values that were deleted one by one leave a key as even as it was.
  constexpr Wide kEven = 4;
  const auto first = ParseWide(min);
  const auto last = ParseWide(max);
  return first && last && *last - *first > kEven * static_cast<Wide>(estimate);
}

std::vector<ChunkRange> CutRanges(std::string_view min, std::string_view max, uint64_t estimate,
                                  uint64_t rows) {
  std::vector<ChunkRange> ranges;
  const auto first = ParseWide(min);
  const auto last = ParseWide(max);
  if (rows == 0 || estimate < rows || !first || !last || *first > *last) return ranges;
  const Wide step = (*last - *first) / static_cast<Wide>(estimate / rows) + 1;
  for (Wide start = *first; start <= *last; start += step) {
    ranges.push_back({WideText(start), WideText(start + step)});
  }
  return ranges;
}

std::string WhereClause(std::string_view user_condition, const DumpColumn* column,
                        const ChunkRange* range, bool first_chunk) {
  std::string clause;
  if (!user_condition.empty()) clause = fmt::format(" WHERE ({})", user_condition);
  if (column == nullptr || range == nullptr) return clause;
  const std::string name = mysql::QuoteName(column->name);
  std::string part = fmt::format("({0} >= {1} AND {0} < {2})", name, range->first, range->end);
  if (first_chunk && column->nullable) part = fmt::format("({} IS NULL OR {})", name, part);
  return clause + (clause.empty() ? " WHERE " : " AND ") + part;
}

}  // namespace dm::migration
