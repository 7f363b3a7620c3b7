#include "migration/rows/row_versions.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error/error.h"

namespace dm::migration {
namespace {

using mysql::Cell;
using mysql::CellState;
using mysql::RowsKind;

using Bytes = std::array<uint8_t, 7>;

// 2147483647.999999, as up to MariaDB 11.4; 4294967295.999999, as behind it; a moment of 2026; the
// last second without its last microsecond.
constexpr Bytes kMax = {0x7f, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3f};
constexpr Bytes kLaterMax = {0xff, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3f};
constexpr Bytes kEnded = {0x69, 0x55, 0x00, 0x00, 0x00, 0x00, 0x01};
constexpr Bytes kAlmostMax = {0x7f, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3e};

Cell At(const Bytes& bytes) {
  return {bytes.data(), static_cast<uint32_t>(bytes.size()), CellState::kValue};
}

class RowVersionsTest : public ::testing::Test {
 protected:
  RowVersionsTest() {
    plan_.row_end = 1;
    plan_.columns.resize(2);
    plan_.columns[1].name = "row_end";
  }

  std::optional<RowsKind> Change(RowsKind kind, Cell before, Cell after) const {
    const std::array<Cell, 2> old_image = {Cell(), before};
    const std::array<Cell, 2> new_image = {Cell(), after};
    return ChangeOfCurrentRows(plan_, kind, old_image, new_image);
  }

  TablePlan plan_;
};

TEST_F(RowVersionsTest, WhatTheLogHasAndWhatItMeans) {
  for (const Bytes& max : {kMax, kLaterMax}) {
    EXPECT_EQ(Change(RowsKind::kInsert, {}, At(max)), RowsKind::kInsert);
    EXPECT_EQ(Change(RowsKind::kInsert, {}, At(kEnded)), std::nullopt);
    EXPECT_EQ(Change(RowsKind::kUpdate, At(max), At(max)), RowsKind::kUpdate);
    EXPECT_EQ(Change(RowsKind::kUpdate, At(max), At(kEnded)), RowsKind::kDelete);
    EXPECT_EQ(Change(RowsKind::kUpdate, At(kEnded), At(max)), RowsKind::kInsert);
    EXPECT_EQ(Change(RowsKind::kUpdate, At(kEnded), At(kEnded)), std::nullopt);
    EXPECT_EQ(Change(RowsKind::kDelete, At(max), {}), RowsKind::kDelete);
    EXPECT_EQ(Change(RowsKind::kDelete, At(kEnded), {}), std::nullopt);
  }
  EXPECT_EQ(Change(RowsKind::kInsert, {}, At(kAlmostMax)), std::nullopt);
}

TEST_F(RowVersionsTest, WithoutTheColumnNothingCanBeTold) {
  try {
    Change(RowsKind::kDelete, {}, {});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), static_cast<int>(ErrorCode::kBinlogNotLogColumn));
  }
  constexpr std::array<uint8_t, 4> kShort = {0x7f, 0xff, 0xff, 0xff};
  EXPECT_THROW(Change(RowsKind::kInsert, {}, {kShort.data(), 4, CellState::kValue}), Error);
}

}  // namespace
}  // namespace dm::migration
