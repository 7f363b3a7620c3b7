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

// The line about a column of the type `from` that becomes `to`; empty: the values are the same.
std::string Conversion(const std::string& from, const std::string& to, ServerKind upstream,
                       ServerKind downstream, bool mysql_cuts = false) {
  const ValueDifferences differences{
      .conversions = {.upstream = upstream, .downstream = downstream, .mysql_cuts = mysql_cuts}};
  mysql::ParseOptions options;
  options.mariadb = upstream == ServerKind::kMariaDb;
  const std::vector<std::string> lines =
      OtherValues(*mysql::ParseStatements("ALTER TABLE x MODIFY v " + to, options)
                       .at(0)
                       .As<mysql::AlterTable>(),
                  mysql::ParseCreateTable("CREATE TABLE x (v " + from + ")", options), differences);
  EXPECT_LE(lines.size(), 1u) << from << " " << to;
  return lines.empty() ? "" : lines[0];
}

// Pairs of servers that differ: "my-ma", "my-ti", "ma-ti". The direction does not count.
std::string Pairs(const std::string& from, const std::string& to, bool mysql_cuts = false) {
  constexpr ServerKind kMy = ServerKind::kMySql, kMa = ServerKind::kMariaDb,
                       kTi = ServerKind::kTiDb;
  const auto differ = [&](ServerKind a, ServerKind b) {
    return !Conversion(from, to, a, b, mysql_cuts).empty();
  };
  std::string pairs;
  for (const ServerKind kind : {kMy, kMa, kTi}) EXPECT_FALSE(differ(kind, kind)) << from << to;
  if (differ(kMy, kMa)) pairs += "my-ma ";
  if (differ(kMa, kMy) && !differ(kMy, kMa)) pairs += "ma-my ";
  if (differ(kMy, kTi)) pairs += "my-ti ";
  if (differ(kMa, kTi)) pairs += "ma-ti ";
  return pairs;
}

TEST(OtherValuesTest, ConversionsThatDifferBetweenKindsOfServers) {
  const std::string kMySqlAlone = "my-ma my-ti ", kMariaDbAlone = "my-ma ma-ti ",
                    kTiDbAlone = "my-ti ma-ti ", kAny = "my-ma my-ti ma-ti ";
  EXPECT_EQ(Pairs("DATETIME(6)", "DATE"), kMySqlAlone);
  EXPECT_EQ(Pairs("DATETIME(6)", "DATE", true), "");
  EXPECT_EQ(Pairs("DATETIME", "DATE"), "");
  EXPECT_EQ(Pairs("TIMESTAMP(3)", "BIGINT"), kMariaDbAlone);
  EXPECT_EQ(Pairs("TIMESTAMP(3)", "BIGINT", true), kMariaDbAlone);
  EXPECT_EQ(Pairs("DATETIME", "BIGINT"), "");
  EXPECT_EQ(Pairs("DATETIME(6)", "DATETIME(3)"), "");  // by the modes
  EXPECT_EQ(Pairs("TIME(6)", "TIME(3)"), "my-ti ");
  EXPECT_EQ(Pairs("TIME(6)", "TIME(6) NOT NULL"), "");
  EXPECT_EQ(Pairs("DATE", "YEAR"), kMySqlAlone);
  EXPECT_EQ(Pairs("VARCHAR(40)", "INT"), kMariaDbAlone);
  EXPECT_EQ(Pairs("TEXT", "BIGINT UNSIGNED"), kMariaDbAlone);
  EXPECT_EQ(Pairs("VARCHAR(40)", "VARCHAR(50)"), "");
  EXPECT_EQ(Pairs("INT", "BIGINT"), "");
  EXPECT_EQ(Pairs("DECIMAL(10,4)", "DECIMAL(10,2)"), "");
  EXPECT_EQ(Pairs("DECIMAL(10,4)", "INT"), "");
  EXPECT_EQ(Pairs("DECIMAL(10,4)", "BIGINT UNSIGNED"), kAny);
  EXPECT_EQ(Pairs("INT", "ENUM('a')"), kAny);
  EXPECT_EQ(Pairs("INT", "TIME"), kAny);
  EXPECT_EQ(Pairs("DOUBLE", "DATETIME"), kAny);
  EXPECT_EQ(Pairs("VARCHAR(40)", "DATETIME"), kAny);
  EXPECT_EQ(Pairs("VARCHAR(40)", "DATE"), "");
  EXPECT_EQ(Pairs("INT", "YEAR"), kTiDbAlone);
  EXPECT_EQ(Pairs("DOUBLE", "TEXT"), kTiDbAlone);
  EXPECT_EQ(Pairs("YEAR", "VARCHAR(10)"), kTiDbAlone);
  EXPECT_NE(Conversion("JSON", "TEXT", ServerKind::kMySql, ServerKind::kTiDb), "");
  EXPECT_NE(Conversion("TEXT", "JSON", ServerKind::kMySql, ServerKind::kMariaDb), "");
  // There it stays the text that it is.
  EXPECT_EQ(Conversion("TEXT", "JSON", ServerKind::kMariaDb, ServerKind::kTiDb), "");
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
