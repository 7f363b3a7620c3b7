#include "migration/rows/logged_definition.h"

#include <gtest/gtest.h>

#include "mysql/schema/build.h"
#include "mysql/value/charset.h"

namespace dm::migration {
namespace {

using mysql::ColumnType;

class LoggedDefinitionTest : public ::testing::Test {
 protected:
  void Add(std::string name, ColumnType type, bool is_unsigned = false, uint32_t length = 0,
           std::string_view collation = "") {
    mysql::ColumnMeta meta;
    meta.type = type;
    meta.is_unsigned = is_unsigned;
    meta.length = length;
    meta.length_bytes = 2;
    map_.columns.push_back(meta);
    map_.column_names.push_back(std::move(name));
    const mysql::Collation* found = mysql::FindCollation(collation);
    map_.collations.push_back(found == nullptr ? 0 : found->id);
  }

  std::optional<mysql::TableInfo> Compare(std::string_view create) {
    map_.has_signedness = map_.has_charsets = true;
    return LoggedDefinition(mysql::ParseCreateTable(create), map_, &why_);
  }

  mysql::TableMap map_;
  std::string why_;
};

TEST_F(LoggedDefinitionTest, AgreesWithWhatIsTracked) {
  Add("id", ColumnType::kLong, true);
  Add("A", ColumnType::kVarchar, false, 40, "utf8mb4_general_ci");
  Add("t", ColumnType::kBlob, false, 0, "latin1_swedish_ci");
  Add("d", ColumnType::kDateTime2);
  Add("e", ColumnType::kEnum);
  map_.primary_key = {0};
  EXPECT_FALSE(
      Compare("create table t (id int unsigned primary key, a varchar(10), t text charset "
              "latin1, d datetime, e enum('x'))"))
      << why_;
  // Without names there is nothing to compare.
  map_.column_names.clear();
  EXPECT_FALSE(Compare("create table t (other int)"));
}

TEST_F(LoggedDefinitionTest, RepairsColumnsAndKey) {
  Add("id", ColumnType::kLongLong);
  Add("added", ColumnType::kVarchar, false, 40, "utf8mb4_bin");
  Add("a", ColumnType::kLong);
  map_.primary_key = {0};
  const auto table =
      Compare("create table t (id bigint, a int default 7, gone int, key (a), key (gone))");
  ASSERT_TRUE(table);
  EXPECT_EQ(why_, "column 2 is `added`, not `a`");
  ASSERT_EQ(table->columns.size(), 3u);
  EXPECT_EQ(table->columns[1].length, 10);
  EXPECT_EQ(table->columns[1].collation, "utf8mb4_bin");
  EXPECT_EQ(table->columns[2].default_value, "7");
  ASSERT_NE(table->primary_key(), nullptr);
  EXPECT_EQ(table->primary_key()->columns[0].name, "id");
  EXPECT_NE(table->FindIndex("a"), nullptr);
  EXPECT_EQ(table->FindIndex("gone"), nullptr);
}

TEST_F(LoggedDefinitionTest, SignsTypesCharsetsAndKeysCount) {
  Add("id", ColumnType::kLong, true);
  Add("a", ColumnType::kVarchar, false, 10, "latin1_swedish_ci");
  EXPECT_TRUE(Compare("create table t (id int, a varchar(10) charset latin1)"));
  EXPECT_EQ(why_, "column `id` is unsigned");
  EXPECT_TRUE(Compare("create table t (id int unsigned, a varchar(10) charset utf8mb4)"));
  EXPECT_EQ(why_, "column `a` has collation latin1_swedish_ci");
  EXPECT_TRUE(Compare("create table t (id date, a varchar(10) charset latin1)"));
  EXPECT_EQ(why_, "column `id` has another type");
  EXPECT_TRUE(
      Compare("create table t (id int unsigned primary key, a varchar(10) charset latin1)"));
  EXPECT_EQ(why_, "the primary key is another one");
  EXPECT_TRUE(Compare("create table t (id int unsigned, a varchar(10) charset latin1, b int)"));
  EXPECT_EQ(why_, "the rows have 2 columns, not 3");
}

TEST_F(LoggedDefinitionTest, PeriodsOfSystemVersionedTables) {
  Add("id", ColumnType::kLong);
  Add("row_start", ColumnType::kTimestamp2);
  Add("row_end", ColumnType::kTimestamp2);
  map_.primary_key = {0, 2};
  EXPECT_FALSE(Compare("create table t (id int primary key) with system versioning")) << why_;
  EXPECT_FALSE(
      Compare("create table t (id int primary key, row_start timestamp(6) generated "
              "always as row start, row_end timestamp(6) generated always as row end, "
              "period for system_time (row_start, row_end)) with system versioning"))
      << why_;
  // They are ordinary columns of another table.
  EXPECT_TRUE(Compare("create table t (id int primary key)"));
  const auto table = Compare("create table t (other int) with system versioning");
  ASSERT_TRUE(table);
  EXPECT_EQ(table->columns.size(), 1u);
  EXPECT_EQ(table->primary_key()->columns.size(), 1u);
  EXPECT_TRUE(table->has_implicit_period());
}

TEST_F(LoggedDefinitionTest, HiddenHashColumnsBelongToNoDefinition) {
  Add("id", ColumnType::kLong);
  Add("DB_ROW_HASH_1", ColumnType::kLongLong);
  EXPECT_FALSE(Compare("create table t (id int)"));
}

}  // namespace
}  // namespace dm::migration
