#include "migration/sync/right_edge.h"

#include <algorithm>

namespace dm::migration {

namespace {

bool IsInteger(mysql::ColumnType type) {
  switch (type) {
    case mysql::ColumnType::kTiny:
    case mysql::ColumnType::kShort:
    case mysql::ColumnType::kInt24:
    case mysql::ColumnType::kLong:
    case mysql::ColumnType::kLongLong:
      return true;
    default:
      return false;
  }
}

}  // namespace

void RightEdge::Note(const TablePlan& plan, std::span<const mysql::Cell> row) {
  if (!plan.identity) return;
  const uint32_t column = plan.keys[*plan.identity].parts.front().column;
  const mysql::ColumnMeta& meta = plan.columns[column].meta;
  if (!IsInteger(meta.type) || !row[column].has_value()) return;
  auto key = static_cast<uint64_t>(mysql::CellInteger(row[column], meta));
  if (!meta.is_unsigned) key ^= uint64_t{1} << 63;
  const bool largest = key > largest_;
  largest_ = std::max(largest_, key);
  score_ = std::clamp(score_ + (largest ? kForLargest : -1), 0, kMost);
}

}  // namespace dm::migration
