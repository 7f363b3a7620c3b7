// How servers keep keys: lengths of their parts, keys of hash values.
#include <algorithm>
#include <string>

#include "base/io/utf8.h"
#include "mysql/schema/edit.h"

namespace dm::mysql {
namespace {

constexpr int64_t kMaxKeyBytes = 3072;  // InnoDB

int64_t Length(const std::string& text) { return static_cast<int64_t>(Characters(text).size()); }

}  // namespace

int64_t KeyPartOfLabels(const ColumnInfo& column) {
  const auto count = static_cast<int64_t>(column.elements.size());
  int64_t stored = 0;   // bytes of a value
  int64_t longest = 0;  // characters
  if (column.type == FieldType::kEnum) {
    stored = count < 256 ? 1 : 2;
    for (const std::string& label : column.elements) {
      longest = std::max(longest, Length(label));
    }
  } else {
    stored = count > 32 ? 8 : (count + 7) / 8;
    longest = count - 1;  // commas
    for (const std::string& label : column.elements) longest += Length(label);
  }
  const int64_t width = BytesPerCharacter(column.charset);
  const int64_t kept = longest * width == stored ? 0 : stored / width;
  return kept > 0 ? kept : -1;
}

int64_t KeyPartLength(const ColumnInfo& column, int64_t length, bool unique,
                      const BuildOptions& options) {
  const int64_t kept = PrefixLength(column, length);
  if (!options.mariadb || !IsLongStringType(column.type) || kept >= 0 || unique) return kept;
  return std::min(column.length, kMaxKeyBytes) / BytesPerCharacter(column.charset);
}

bool IsHashedUnique(const TableInfo& table, const IndexInfo& index) {
  if (!index.unique || index.primary) return false;
  if (index.type == IndexInfo::kHash) return true;
  int64_t bytes = 0;
  for (const IndexColumn& part : index.columns) {
    const ColumnInfo* column = table.FindColumn(part.name);
    if (column == nullptr || !column->is_string()) continue;
    if (part.length < 0 && IsLongStringType(column->type)) return true;
    bytes += (part.length < 0 ? column->length : part.length) * BytesPerCharacter(column->charset);
  }
  return bytes > kMaxKeyBytes;
}

void ForgetHash(TableInfo* table, const BuildOptions& options) {
  if (!options.mariadb) return;
  for (IndexInfo& index : table->indexes) {
    if (index.unique && index.type == IndexInfo::kHash) index.type = IndexInfo::kBTree;
  }
}

int64_t PrefixLength(const ColumnInfo& column, int64_t length) {
  const bool prefixable =
      (column.is_string() && (column.type_word.empty() || !column.type_understood)) ||
      column.type == FieldType::kGeometry;
  return !prefixable || (column.length >= 0 && length >= column.length) ? -1 : length;
}

}  // namespace dm::mysql
