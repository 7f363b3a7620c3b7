#include "migration/rows/value_warning.h"

#include "migration/rows/rows_fixture_test.h"

namespace dm::migration {
namespace {

const std::vector<ValueColumn> kColumns = {{.name = "v"},
                                           {.name = "g", .generated = true},
                                           {.name = "e", .error_value = true},
                                           {.name = "f", .rounded_float = true},
                                           {.name = "it's"},
                                           {.name = "my column 'v"}};

bool Changes(int code, std::string_view text) {
  return ChangesValue(code, text, kColumns, WarningTexts::kNameTheColumn);
}

TEST(ValueWarningTest, WhatWasSentIsNotWhatIsThere) {
  EXPECT_TRUE(Changes(1265, "Data truncated for column 'v' at row 1"));
  EXPECT_TRUE(Changes(1406, "Data too long for column 'v' at row 12"));
  EXPECT_TRUE(Changes(1264, "Out of range value for column 'v' at row 1"));
  EXPECT_TRUE(Changes(1366, "Incorrect string value: '\\xE6' for column `s`.`t`.`v` at row 1"));
  EXPECT_TRUE(Changes(1366, "Incorrect string value '\\xFF' for column 'v'"));
  EXPECT_TRUE(Changes(1292, "Incorrect date value: 'abc' for column 'v' at row 1"));
  EXPECT_TRUE(Changes(1299, "Invalid TIMESTAMP value in column 'v' at row 1"));
  EXPECT_TRUE(Changes(1048, "Column 'v' cannot be null"));
  EXPECT_TRUE(
      Changes(1263, "Column set to default value; NULL supplied to NOT NULL column 'v' at row 1"));
  // A literal with an introducer keeps its bytes; if the column cannot hold them, 1366 follows.
  EXPECT_FALSE(Changes(1300, "Invalid utf8mb4 character string: 'FF'"));
}

TEST(ValueWarningTest, WhichErrorsAreOfAStrictSession) {
  EXPECT_TRUE(
      DependsOnStrictness(1406, "Error 1406 (22001): Data too long for column 'c' at row 1"));
  EXPECT_TRUE(
      DependsOnStrictness(1265, "Error 1265 (01000): Data truncated for column 'c' at row 1"));
  EXPECT_TRUE(
      DependsOnStrictness(1364, "Error 1364 (HY000): Field 'c' doesn't have a default value"));
  EXPECT_TRUE(DependsOnStrictness(1048, "Error 1048 (23000): Column 'c' cannot be null"));
  EXPECT_TRUE(DependsOnStrictness(1366, "Error 1366 (HY000): Incorrect integer value"));
  EXPECT_FALSE(DependsOnStrictness(1062, "Error 1062 (23000): Duplicate entry '(22' for key"));
  EXPECT_FALSE(DependsOnStrictness(1452, "Error 1452 (23000): Cannot add or update a child row"));
  EXPECT_FALSE(DependsOnStrictness(1205, "Error 1205 (HY000): Lock wait timeout exceeded"));
  EXPECT_FALSE(DependsOnStrictness(1290, "Error 1290 (HY000): The server is read-only (22)"));
  EXPECT_FALSE(DependsOnStrictness(1317, "Error 1317 (70100): Query execution was interrupted"));
  EXPECT_FALSE(DependsOnStrictness(0, "packet for query is too large"));
  EXPECT_FALSE(DependsOnStrictness(0, ""));
}

TEST(ValueWarningTest, WhatTheServerMakesOrComparesItself) {
  EXPECT_FALSE(Changes(1265, "Data truncated for column 'g' at row 1"));
  EXPECT_FALSE(Changes(1366, "Incorrect integer value: 'x' for column `s`.`t`.`g` at row 1"));
  EXPECT_FALSE(Changes(1292, "Truncated incorrect DOUBLE value: 'abc'"));
  EXPECT_FALSE(Changes(1364, "Field 'v' doesn't have a default value"));
  EXPECT_FALSE(Changes(1681, "Integer display width is deprecated"));
}

TEST(ValueWarningTest, ErrorValueAndLargestFloat) {
  EXPECT_FALSE(Changes(1265, "Data truncated for column 'e' at row 1"));
  EXPECT_TRUE(Changes(1366, "Incorrect string value: 'x' for column 'e' at row 1"));
  EXPECT_FALSE(Changes(1264, "Out of range value for column 'f' at row 1"));
  EXPECT_TRUE(Changes(1265, "Data truncated for column 'f' at row 1"));
}

TEST(ValueWarningTest, OddNamesAndValues) {
  EXPECT_TRUE(Changes(1265, "Data truncated for column 'it's' at row 1"));
  EXPECT_TRUE(Changes(1265, "Data truncated for column 'my column 'v' at row 1"));
  EXPECT_TRUE(Changes(
      1366, "Incorrect integer value: 'x' for column 'g' at row 1' for column 'v' at row 1"));
  EXPECT_FALSE(Changes(
      1366, "Incorrect integer value: 'x' for column 'v' at row 1' for column 'g' at row 1"));
  EXPECT_TRUE(Changes(1265, "Data truncated for column 'unknown' at row 1"));
  EXPECT_TRUE(Changes(1265, "Data truncated for column 'eg' at row 1"));
  EXPECT_TRUE(Changes(1265, "Data truncated for column '"));
  EXPECT_FALSE(Changes(1265, ""));
}

TEST(ValueWarningTest, TextsWithoutAColumn) {
  const auto changes = [](int code, std::string_view text, const ValueColumn& column = {}) {
    const std::vector<ValueColumn> columns = {{.name = "v"}, column};
    EXPECT_FALSE(ChangesValue(code, text, columns, WarningTexts::kNameTheColumn) &&
                 text.find("column ") == std::string_view::npos)
        << text;
    return ChangesValue(code, text, columns, WarningTexts::kMayNameNoColumn);
  };
  EXPECT_TRUE(changes(1406, "Data Too Long, field len 3, data len 6"));
  EXPECT_TRUE(changes(1690, "constant 300 overflows tinyint"));
  EXPECT_TRUE(changes(1690, "DECIMAL value is out of range in '(4, 1)'"));
  EXPECT_TRUE(changes(1292, "Incorrect datetime value: '2020-13-45'"));
  for (const char* text : {"Truncated incorrect INTEGER value: 'abc'",
                           "Truncated incorrect time value: '999:99:99'"}) {
    EXPECT_TRUE(changes(1292, text, {.name = "n", .text_as_other = true}));
    EXPECT_FALSE(changes(1292, text));
  }
  EXPECT_TRUE(changes(1264, "Out of range value for column '%s' at row %d"));
  EXPECT_FALSE(changes(1292, "Truncated incorrect DOUBLE value: 'abc'"));
  EXPECT_TRUE(changes(1292, "Truncated incorrect DOUBLE value: 'abc'",
                      {.name = "n", .text_as_other = true}));
  // Of what the server computes, if all that is sent fits.
  const std::vector<ValueColumn> computed = {{.name = "v", .fits = true},
                                             {.name = "g", .generated = true}};
  EXPECT_FALSE(ChangesValue(1406, "Data Too Long, field len 3, data len 6", computed,
                            WarningTexts::kMayNameNoColumn));
  EXPECT_TRUE(
      changes(1406, "Data Too Long, field len 3, data len 6", {.name = "g", .generated = true}));
  constexpr std::string_view kMember = "Data truncated for column '%s' at row %d";
  EXPECT_TRUE(changes(1265, kMember));
  EXPECT_FALSE(changes(1265, kMember, {.name = "e", .error_value = true}));
  EXPECT_TRUE(changes(1265, kMember, {.name = "e", .error_value = true, .other_members = true}));
  EXPECT_FALSE(changes(1364, "Field 'v' doesn't have a default value"));
}

class ValueWarningOfRowTest : public RowsTest {};

TEST_F(ValueWarningOfRowTest, ByTheRow) {
  Table("t", "id INT PRIMARY KEY, v VARCHAR(20)",
        "id INT PRIMARY KEY, v VARCHAR(3), g VARCHAR(2) AS (v), e ENUM('a')");
  const auto insert = Batch(mysql::EventType::kWriteRowsV2, map_, {{1, "abcdef"}});
  RowChange change{plan_.get(), insert.get(), 0};
  EXPECT_TRUE(ChangesValue(1265, "Data truncated for column 'v' at row 1", change,
                           WarningTexts::kNameTheColumn));
  EXPECT_FALSE(ChangesValue(1265, "Data truncated for column 'g' at row 1", change,
                            WarningTexts::kNameTheColumn));
  EXPECT_TRUE(ChangesValue(1265, "Data truncated for column 'e' at row 1", change,
                           WarningTexts::kNameTheColumn));
  const auto gone = Batch(mysql::EventType::kDeleteRowsV2, map_, {{1, "abcdef"}});
  change.batch = gone.get();
  EXPECT_FALSE(ChangesValue(1265, "Data truncated for column 'v' at row 1", change,
                            WarningTexts::kNameTheColumn));
}

// ENUM cells of the fixture are INTs on the wire; what counts is their number.
TEST_F(ValueWarningOfRowTest, ErrorValueOfThisRow) {
  Table("t", "id INT PRIMARY KEY, e ENUM('a','b')", "id INT PRIMARY KEY, e ENUM('a')");
  map_.columns[1].length_bytes = 4;
  const auto info = [](const char* text) {
    return std::make_shared<const mysql::TableInfo>(mysql::ParseCreateTable(text));
  };
  plan_ = BuildTablePlan({"shop", "t"}, {"shop", "t"}, map_,
                         info("CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a','b'))"),
                         info("CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a'))"), {});
  const auto rows = Batch(mysql::EventType::kWriteRowsV2, map_, {{1, 0}, {2, 2}, {3, nullptr}});
  const auto changes = [&](uint32_t row) {
    const RowChange change{plan_.get(), rows.get(), row};
    return ChangesValue(1265, "Data truncated for column 'e' at row 1", change,
                        WarningTexts::kNameTheColumn);
  };
  EXPECT_FALSE(changes(0));
  EXPECT_TRUE(changes(1));
  EXPECT_TRUE(changes(2));
}

}  // namespace
}  // namespace dm::migration
