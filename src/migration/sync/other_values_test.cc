#include "migration/sync/other_values.h"

#include <gtest/gtest.h>

#include "mysql/sql/parser.h"

namespace dm::migration {
namespace {

mysql::TableInfo Before() {
  mysql::TableInfo table;
  const auto add = [&](const char* name, mysql::FieldType type, int64_t decimals,
                       const char* word = "", uint32_t flags = 0) {
    mysql::ColumnInfo column;
    column.SetName(name);
    column.type = type;
    column.decimals = decimals;
    column.type_word = word;
    column.flags = flags;
    table.columns.push_back(std::move(column));
  };
  add("d", mysql::FieldType::kDateTime, 6);
  add("t", mysql::FieldType::kTime, 0);
  add("c", mysql::FieldType::kString, 0);
  add("u", mysql::FieldType::kString, 0, "uuid");
  add("n", mysql::FieldType::kString, 0, "inet6", mysql::column_flag::kNotNull);
  return table;
}

size_t Lines(const std::string& text, const ValueDifferences& differences) {
  mysql::ParseOptions options;
  options.mariadb = true;
  const std::vector<mysql::Statement> parsed = mysql::ParseStatements(text, options);
  return OtherValues(*parsed.at(0).As<mysql::AlterTable>(), Before(), differences).size();
}

TEST(OtherValuesTest, FewerDigitsOfASecond) {
  const ValueDifferences differ{.fractions = true, .text_types = true};
  EXPECT_EQ(Lines("ALTER TABLE x MODIFY d DATETIME", differ), 1u);
  EXPECT_EQ(Lines("ALTER TABLE x CHANGE d e TIMESTAMP(3), MODIFY t TIME(2)", differ), 1u);
  EXPECT_EQ(Lines("ALTER TABLE x MODIFY d DATE", differ), 1u);
  EXPECT_EQ(Lines("ALTER TABLE x MODIFY d DATETIME(6) NOT NULL, MODIFY t TIME", differ), 0u);
  EXPECT_EQ(Lines("ALTER TABLE x MODIFY d VARCHAR(40), MODIFY gone TIME, ADD y TIME", differ), 0u);
  EXPECT_EQ(Lines("ALTER TABLE x MODIFY d DATETIME", {.text_types = true}), 0u);
}

TEST(OtherValuesTest, TypesThatAreTextDownstream) {
  const ValueDifferences differ{.fractions = false, .text_types = true};
  EXPECT_EQ(Lines("ALTER TABLE x MODIFY c UUID", differ), 1u);
  EXPECT_EQ(Lines("ALTER TABLE x CHANGE c v INET6 NOT NULL", differ), 1u);
  EXPECT_EQ(Lines("ALTER TABLE x MODIFY u UUID NOT NULL", differ), 1u);
  EXPECT_EQ(Lines("ALTER TABLE x MODIFY u UUID, MODIFY n INET6 NOT NULL", differ), 0u);
  EXPECT_EQ(Lines("ALTER TABLE x MODIFY u CHAR(36) NOT NULL", differ), 0u);
  EXPECT_EQ(Lines("ALTER TABLE x MODIFY c UUID", {.fractions = true}), 0u);
}

}  // namespace
}  // namespace dm::migration
