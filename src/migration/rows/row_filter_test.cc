#include "migration/rows/row_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"
#include "mysql/schema/build.h"

namespace dm::migration {
namespace {

using mysql::RowsKind;
using testing::HasSubstr;

constexpr const char* kTable =
    "CREATE TABLE t (a BIGINT, b BIGINT, d DATE, s VARCHAR(10) COLLATE utf8mb4_general_ci)";

// Two integers and NULLs, as rows store them.
struct Row {
  std::array<int64_t, 2> values;
  std::array<mysql::Cell, 4> cells;

  Row(int64_t a, int64_t b) : values{a, b} {
    for (size_t i = 0; i < cells.size(); ++i) {
      cells[i].state = i < 2 ? mysql::CellState::kValue : mysql::CellState::kNull;
    }
    for (size_t i = 0; i < values.size(); ++i) {
      cells[i].data = reinterpret_cast<const uint8_t*>(&values[i]);
      cells[i].size = sizeof(int64_t);
    }
  }
  Row(const Row&) = delete;
};

RowFilter Compiled(const std::vector<ExpressionFilterRule>& rules,
                   std::vector<std::string>* warnings = nullptr) {
  std::vector<mysql::ConditionColumn> columns =
      ConditionColumns(mysql::ParseCreateTable(kTable), {});
  for (mysql::ConditionColumn& column : columns) {
    column.meta.type = mysql::ColumnType::kLongLong;
  }
  return RowFilter(rules, columns, {}, [&](const std::string& why) {
    if (warnings == nullptr) ADD_FAILURE() << why;
    if (warnings != nullptr) warnings->push_back(why);
  });
}

bool Inserts(const RowFilter& filter, int64_t a, int64_t b) {
  return filter.Skips(RowsKind::kInsert, {}, Row(a, b).cells);
}
bool Deletes(const RowFilter& filter, int64_t a, int64_t b) {
  return filter.Skips(RowsKind::kDelete, Row(a, b).cells, {});
}
bool Updates(const RowFilter& filter, int64_t a, int64_t b) {  // a: old, new of column `a`
  return filter.Skips(RowsKind::kUpdate, Row(a, 0).cells, Row(b, 0).cells);
}

TEST(RowFilterTest, AColumnThatIsNeededMustBeLogged) {
  const RowFilter filter =
      Compiled({{.schema = "d", .table = "t", .insert_value_expr = "a > 5 AND b > 5"}});
  Row row(6, 6);
  row.cells[1].state = mysql::CellState::kAbsent;
  try {
    filter.Skips(RowsKind::kInsert, {}, row.cells);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 11126);
    EXPECT_THAT(e.message(), HasSubstr("table `d`.`t`, column `b`"));
  }
  // False whatever `b` is.
  Row other(1, 6);
  other.cells[1].state = mysql::CellState::kAbsent;
  EXPECT_FALSE(filter.Skips(RowsKind::kInsert, {}, other.cells));
}

TEST(RowFilterTest, EachKindByItsOwnRules) {
  const RowFilter filter =
      Compiled({{.insert_value_expr = "a % 2 = 0"},
                {.insert_value_expr = "b = 7"},
                {.update_old_value_expr = "1 = 0", .update_new_value_expr = "1"},
                {.delete_value_expr = "a > 10"}});
  EXPECT_TRUE(Inserts(filter, 2, 0));
  EXPECT_TRUE(Inserts(filter, 1, 7));
  EXPECT_FALSE(Inserts(filter, 1, 6));
  EXPECT_FALSE(Updates(filter, 2, 4));
  EXPECT_TRUE(Deletes(filter, 11, 0));
  EXPECT_FALSE(Deletes(filter, 2, 7));
}

TEST(RowFilterTest, UpdatesByBothSides) {
  const RowFilter only_new = Compiled({{.update_new_value_expr = "a = 5"}});
  EXPECT_TRUE(Updates(only_new, 1, 5));
  EXPECT_FALSE(Updates(only_new, 5, 1));
  EXPECT_FALSE(Inserts(only_new, 5, 5));
  EXPECT_FALSE(Deletes(only_new, 5, 5));
  const RowFilter only_old = Compiled({{.update_old_value_expr = "a = 5"}});
  EXPECT_TRUE(Updates(only_old, 5, 1));
  const RowFilter both =
      Compiled({{.update_old_value_expr = "a = 1", .update_new_value_expr = "a = 2"},
                {.update_old_value_expr = "a = 3", .update_new_value_expr = "a = 4"}});
  EXPECT_TRUE(Updates(both, 1, 2));
  EXPECT_TRUE(Updates(both, 3, 4));
  EXPECT_FALSE(Updates(both, 1, 4));
}

TEST(RowFilterTest, NullAndErrorsKeepTheRow) {
  const RowFilter filter = Compiled({{.insert_value_expr = "d = '2020-01-01'"},
                                     {.insert_value_expr = "a + 9223372036854775807"}});
  EXPECT_FALSE(Inserts(filter, 1, 1));
  EXPECT_TRUE(Inserts(filter, 0, 1));
}

TEST(RowFilterTest, UnknownColumnsHaveNoEffect) {
  std::vector<std::string> warnings;
  const RowFilter filter = Compiled(
      {{.schema = "x", .table = "t", .insert_value_expr = "c = 1"}, {.insert_value_expr = "a = 1"}},
      &warnings);
  EXPECT_THAT(warnings, testing::ElementsAre(HasSubstr("`x`.`t`: there is no column `c`")));
  EXPECT_TRUE(Inserts(filter, 1, 0));
  EXPECT_FALSE(filter.empty());
  EXPECT_TRUE(Compiled({{.delete_value_expr = "c = 1"}}, &warnings).empty());
}

TEST(RowFilterTest, WhatCannotBeEvaluatedIsAnError) {
  try {
    Compiled({{.schema = "x", .table = "t", .insert_value_expr = "d > 20200101"}});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 20041);
    EXPECT_THAT(e.message(), HasSubstr("d > 20200101"));
    EXPECT_THAT(e.raw_cause(), HasSubstr("a date or time and a number"));
  }
}

TEST(RowFilterTest, CollationsOfTheUpstreamCount) {
  const mysql::TableInfo table = mysql::ParseCreateTable(
      "CREATE TABLE t (s VARCHAR(10), u VARCHAR(10) CHARACTER SET utf8 COLLATE utf8_bin)");
  const auto known = ConditionColumns(table, {{"s", "utf8mb4_0900_ai_ci"}});
  EXPECT_EQ(known[0].collation, "utf8mb4_0900_ai_ci");
  EXPECT_EQ(known[1].collation, "utf8mb3_bin");
}

}  // namespace
}  // namespace dm::migration
