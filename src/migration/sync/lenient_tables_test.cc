#include "migration/sync/lenient_tables.h"

#include <gtest/gtest.h>

namespace dm::migration {
namespace {

const Error kReason(ErrorCode::kDBExecuteFailed, "refused");

TEST(LenientTablesTest, RemembersWhileRowsNeedIt) {
  LenientTables tables;
  const auto plan = std::make_shared<const TablePlan>();
  const auto other = std::make_shared<const TablePlan>();
  EXPECT_FALSE(tables.Contains(*plan));
  tables.Add(plan, kReason);
  EXPECT_TRUE(tables.Contains(*plan));
  EXPECT_FALSE(tables.Contains(*other));
  tables.Committed(*plan, 1, 0);
  tables.Committed(*plan, 0, 9999);
  tables.Committed(*plan, 1, 50);
  tables.Committed(*plan, 0, 9999);
  EXPECT_TRUE(tables.Contains(*plan));
  tables.Committed(*plan, 0, 1);
  EXPECT_FALSE(tables.Contains(*plan));
  tables.Add(plan, kReason);
  tables.Committed(*plan, 0, 1);
  EXPECT_TRUE(tables.Contains(*plan));
}

TEST(LenientTablesTest, AnotherPlanAtTheSameAddress) {
  LenientTables tables;
  const TablePlan place;
  auto first = std::shared_ptr<const TablePlan>(&place, [](const TablePlan*) {});
  tables.Add(first, kReason);
  EXPECT_TRUE(tables.Contains(place));
  first.reset();
  EXPECT_FALSE(tables.Contains(place));
  tables.Committed(place, 1, 0);
  EXPECT_FALSE(tables.Contains(place));
  const auto second = std::shared_ptr<const TablePlan>(&place, [](const TablePlan*) {});
  tables.Add(second, kReason);
  EXPECT_TRUE(tables.Contains(place));
}

}  // namespace
}  // namespace dm::migration
