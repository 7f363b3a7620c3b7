#include "migration/rows/row_versions.h"

#include <fmt/format.h>

#include "base/error/error.h"

namespace dm::migration {

using mysql::Cell;
using mysql::RowsKind;

namespace {

// A row is current until then, or, from MariaDB 11.5 on, until a later second.
constexpr uint32_t kLastSecond = 2147483647;
constexpr uint32_t kLastMicrosecond = 999999;

// In both layouts of TIMESTAMP(6): four bytes of seconds, three of microseconds.
bool IsCurrent(const TablePlan& plan, const Cell& end) {
  constexpr size_t kBytes = 7;
  if (!end.has_value()) {
    throw Error(ErrorCode::kBinlogNotLogColumn,
                fmt::format("upstream didn't log enough columns in binlog: table {}, column `{}`, "
                            "by which current rows are told from those of the past",
                            plan.source.Quoted(), plan.columns.at(*plan.row_end).name));
  }
  if (end.size != kBytes) {
    throw Error(ErrorCode::kBinlogEventDecode,
                fmt::format("table {}, column `{}`: the end of a row's version takes {} bytes",
                            plan.source.Quoted(), plan.columns.at(*plan.row_end).name, end.size));
  }
  const uint8_t* p = end.data;
  const uint32_t second = uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3];
  const uint32_t microsecond = uint32_t{p[4]} << 16 | uint32_t{p[5]} << 8 | p[6];
  return second > kLastSecond || (second == kLastSecond && microsecond >= kLastMicrosecond);
}

}  // namespace

std::optional<RowsKind> ChangeOfCurrentRows(const TablePlan& plan, RowsKind kind,
                                            std::span<const Cell> before,
                                            std::span<const Cell> after) {
  const uint32_t end = *plan.row_end;
  const bool was = kind != RowsKind::kInsert && IsCurrent(plan, before[end]);
  const bool is = kind != RowsKind::kDelete && IsCurrent(plan, after[end]);
  if (was && is) return RowsKind::kUpdate;
  if (was) return RowsKind::kDelete;
  if (is) return RowsKind::kInsert;
  return std::nullopt;
}

}  // namespace dm::migration
