#include "migration/sync/other_values.h"

#include <gtest/gtest.h>

#include "mysql/schema/build.h"
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

mysql::ParseOptions MariaDb() {
  mysql::ParseOptions options;
  options.mariadb = true;
  return options;
}

mysql::Statement Parsed(const std::string& text) {
  return mysql::ParseStatements(text, MariaDb()).at(0);
}

size_t Lines(const std::string& text, const ValueDifferences& differences) {
  return OtherValues(*Parsed(text).As<mysql::AlterTable>(), Before(), differences).size();
}

std::string Unrepeatable(const std::string& text) {
  return ColumnWithUnrepeatableDefault(Parsed(text)).value_or("");
}

// `table`: the parts of its definition.
mysql::TableInfo Table(const std::string& parts) {
  return mysql::ParseCreateTable("CREATE TABLE x (" + parts + ")", MariaDb());
}

bool Numbers(const std::string& text, const std::string& table) {
  const mysql::TableInfo before = Table(table);
  return NumbersByOrder(Parsed(text), &before);
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

TEST(OtherValuesTest, DefaultsThatDifferEachTime) {
  EXPECT_EQ(Unrepeatable("ALTER TABLE x ADD a INT, ADD c CHAR(36) DEFAULT (uuid())"), "c");
  EXPECT_EQ(Unrepeatable("ALTER TABLE x ADD c DOUBLE DEFAULT (1 + ABS(rand() * 3))"), "c");
  EXPECT_EQ(Unrepeatable("ALTER TABLE x ADD (a INT, c INT DEFAULT (connection_id()))"), "c");
  // The clock is the statement's.
  EXPECT_EQ(Unrepeatable("ALTER TABLE x ADD c DATETIME DEFAULT NOW()"), "");
  EXPECT_EQ(Unrepeatable("ALTER TABLE x ADD c VARCHAR(9) DEFAULT 'uuid()', ADD d INT"), "");
  // The rows that are there keep what they have.
  EXPECT_EQ(Unrepeatable("ALTER TABLE x MODIFY c CHAR(36) DEFAULT (uuid())"), "");
  EXPECT_EQ(Unrepeatable("CREATE TABLE x (c CHAR(36) DEFAULT (uuid()))"), "");
}

TEST(OtherValuesTest, NumbersThatGoByTheOrderOfRows) {
  const std::string add = "ALTER TABLE x ADD n INT AUTO_INCREMENT UNIQUE";
  EXPECT_TRUE(Numbers(add, "a INT"));
  EXPECT_TRUE(Numbers(add, "a INT, KEY (a)"));
  EXPECT_TRUE(Numbers(add, "a INT, UNIQUE (a)"));                     // NULL is no key
  EXPECT_TRUE(Numbers(add, "a VARCHAR(9) NOT NULL, UNIQUE (a(3))"));  // nor is a prefix
  EXPECT_TRUE(Numbers(add, "a INT NOT NULL, b INT, UNIQUE k (a, b)"));
  EXPECT_FALSE(Numbers(add, "a INT NOT NULL, UNIQUE (a)"));
  EXPECT_FALSE(Numbers(add, "a INT PRIMARY KEY"));
  EXPECT_FALSE(Numbers(add, "a VARCHAR(9), PRIMARY KEY (a)"));
  EXPECT_FALSE(Numbers("ALTER TABLE x ADD n INT UNIQUE", "a INT"));
  EXPECT_FALSE(Numbers("ALTER TABLE x MODIFY a INT AUTO_INCREMENT", "a INT, KEY (a)"));
  EXPECT_FALSE(Numbers("TRUNCATE TABLE x", "a INT"));
  // Of a table that is not known.
  EXPECT_TRUE(NumbersByOrder(Parsed(add), nullptr));
  EXPECT_FALSE(NumbersByOrder(Parsed("ALTER TABLE x ADD n INT"), nullptr));
}

TEST(OtherValuesTest, RowsOfOnePage) {
  EXPECT_EQ(RowsOnOnePage(Table("a BLOB")), 1);
  EXPECT_EQ(RowsOnOnePage(Table("a TEXT, b INT")), 1);
  EXPECT_EQ(RowsOnOnePage(Table("a VARCHAR(4000)")), 1);
  // At the most 30 + 4 * 100 + 4 * 100 bytes of 8000.
  EXPECT_EQ(RowsOnOnePage(Table("a VARCHAR(100), b CHAR(100)")), 9);
  EXPECT_GT(RowsOnOnePage(Table("a INT")), 50);
  EXPECT_LT(RowsOnOnePage(Table("a INT")), 300);
}

}  // namespace
}  // namespace dm::migration
