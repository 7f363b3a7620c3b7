#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"
#include "migration/rules/expression_filter.h"

namespace dm::migration {
namespace {

template <class F>
Error Caught(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e;
  }
  return Error(ErrorCode::kNotSet, "nothing was thrown");
}

TEST(ExpressionFilterTest, Checks) {
  auto code = [](const ExpressionFilterRule& rule) {
    return Caught([&] { CheckExpressionFilter("f", rule); }).code();
  };
  ExpressionFilterRule good{.schema = "s", .table = "t", .insert_value_expr = "year(c) < 2020"};
  EXPECT_NO_THROW(CheckExpressionFilter("f", good));
  EXPECT_NO_THROW(CheckExpressionFilter("f", {.schema = "s",
                                              .table = "t",
                                              .update_old_value_expr = "a = 'it''s'",
                                              .update_new_value_expr = "b /* ( */ > 1"}));
  EXPECT_EQ(code({.table = "t", .insert_value_expr = "1"}), 20042);
  EXPECT_EQ(code({.schema = "s", .insert_value_expr = "1"}), 20042);
  EXPECT_EQ(code({.schema = "s", .table = "t"}), 20039);
  EXPECT_EQ(code({.schema = "s", .table = "t", .insert_value_expr = "1", .delete_value_expr = "1"}),
            20039);
  for (const char* bad : {"f(", "a)", "'x", "  ", "1; drop table t", "/* x"}) {
    EXPECT_EQ(code({.schema = "s", .table = "t", .insert_value_expr = bad}), 20041) << bad;
  }
}

}  // namespace
}  // namespace dm::migration
