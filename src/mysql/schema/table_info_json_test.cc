#include "mysql/schema/table_info_json.h"

#include <gtest/gtest.h>

#include "base/error/error.h"
#include "base/io/text.h"
#include "mysql/schema/build.h"
#include "mysql/schema/show_create.h"

namespace dm::mysql {
namespace {

struct Recorded {
  const char* create;
  const char* json;
};

const Recorded kRecorded[] = {
#include "mysql/schema/recorded_tables.inc"
};

ParseOptions MariaDb() {
  ParseOptions options;
  options.mariadb = true;
  return options;
}

TEST(TableInfoJson, RecordedTextsSurviveReadingAndWriting) {
  for (const Recorded& table : kRecorded) {
    EXPECT_EQ(TableInfoToJson(TableInfoFromJson(table.json)), table.json);
  }
}

TEST(TableInfoJson, DefinitionsOfAServerGiveTheRecordedTexts) {
  BuildOptions options;
  for (const Recorded& table : kRecorded) {
    EXPECT_EQ(TableInfoToJson(ParseCreateTable(table.create, MariaDb(), options)), table.json);
  }
}

TEST(TableInfoJson, ShownDefinitionsAreTheSameAgain) {
  for (const Recorded& table : kRecorded) {
    TableInfo info = TableInfoFromJson(table.json);
    info.auto_increment = 0;  // not shown
    EXPECT_EQ(TableInfoToJson(ParseCreateTable(ShowCreateTable(info))), TableInfoToJson(info))
        << ShowCreateTable(info);
  }
}

TEST(TableInfoJson, HandleColumnsBecomePrimaryKeys) {
  const TableInfo table = TableInfoFromJson(
      R"({"name":{"O":"t","L":"t"},"cols":[{"id":1,"name":{"O":"Id","L":"id"},"offset":0,)"
      R"("default":5,"type":{"Tp":3,"Flag":4099,"Flen":11}}],"pk_is_handle":true,"new_member":[1]})");
  ASSERT_NE(table.primary_key(), nullptr);
  EXPECT_EQ(table.primary_key()->columns[0].name, "Id");
  EXPECT_EQ(table.columns[0].default_value, "5");
  // It is written as it was read.
  EXPECT_NE(TableInfoToJson(table).find("\"index_info\":null"), std::string::npos);
  EXPECT_NE(TableInfoToJson(table).find("\"pk_is_handle\":true"), std::string::npos);
}

TEST(TableInfoJson, BrokenTextsAreErrors) {
  for (const char* text :
       {"", "null", "[", "{\"cols\":5",
        "{\"name\":{\"O\":\"t\"},\"cols\":[],\"index_info\":[{"
        "\"idx_name\":{\"O\":\"i\"},\"idx_cols\":[{\"name\":{\"O\":\"gone\"}}]}]}"}) {
    try {
      TableInfoFromJson(text, "s", "t");
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), static_cast<int>(ErrorCode::kSchemaTrackerInvalidJSON));
    }
  }
}

TEST(TableInfoJson, WhatOnlyWeKnowComesBack) {
  TableInfo table = ParseCreateTable(
      "CREATE TABLE t (a INT INVISIBLE, b INET6, c GEOMETRY, d BIT(12) DEFAULT b'101', "
      "e ENUM('x','y') DEFAULT 'y', KEY (d), FOREIGN KEY fk (a) REFERENCES p (id) ON DELETE "
      "CASCADE, "
      "CHECK (a > 1)) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (5) COMMENT 'c', "
      "PARTITION p1 VALUES LESS THAN MAXVALUE)",
      MariaDb());
  EXPECT_FALSE(TableInfoFromJson(TableInfoToJson(table)).named_downstream);
  table.named_downstream = true;
  const TableInfo again = TableInfoFromJson(TableInfoToJson(table));
  EXPECT_TRUE(again.named_downstream);
  EXPECT_TRUE(again.columns[0].invisible);
  EXPECT_EQ(again.columns[1].type_word, "inet6");
  EXPECT_EQ(again.columns[1].length, 16);
  EXPECT_EQ(again.columns[3].default_value, std::string("\0\5", 2));
  EXPECT_EQ(again.partition->text, table.partition->text);
  EXPECT_EQ(TableInfoToJson(again), TableInfoToJson(table));
}

// Names, comments and members of other character sets than the server thinks.
TEST(TableInfoJson, BytesThatAreNoTextComeBack) {
  const std::string create =
      "CREATE TABLE `t\xff` (`a\xff` INT NOT NULL COMMENT 'x\xfe', `a\xfe` "
      "ENUM('\xc3','\xe4','\xef\xbf\xbd'), "
      "s SET('\xf0\x9f','b') COLLATE utf8mb4_bin, d VARCHAR(9) DEFAULT '\x80', "
      "g INT AS (`a\xff` + 1), PRIMARY KEY (`a\xff`), UNIQUE KEY `u\xfd` (`a\xff`, `a\xfe`) "
      "COMMENT '\xfc', "
      "FULLTEXT KEY `f\xfb` (d), CONSTRAINT `c\xfa` CHECK (d <> '\xf9'), "
      "CONSTRAINT `k\xf8` FOREIGN KEY (`a\xff`) REFERENCES `s\xf7`.`p\xf6` (`i\xf5`)) "
      "COMMENT='\xf4' "
      "PARTITION BY LIST COLUMNS (`a\xff`) (PARTITION `p\xc1` VALUES IN (5) COMMENT '\xc2')";
  const TableInfo table = ParseCreateTable(create, MariaDb());
  const std::string json = TableInfoToJson(table);
  EXPECT_TRUE(IsValidUtf8(json));
  const TableInfo again = TableInfoFromJson(json);
  EXPECT_EQ(ShowCreateTable(again), ShowCreateTable(table));
  EXPECT_EQ(TableInfoToJson(again), json);
  EXPECT_EQ(again.columns[1].elements, (std::vector<std::string>{"\xc3", "\xe4", "\xef\xbf\xbd"}));
  EXPECT_EQ(again.columns[1].lower_name, table.columns[1].lower_name);
  EXPECT_EQ(again.columns[4].dependences, table.columns[4].dependences);
  // Texts of another table are not taken over.
  std::string other = json;
  other.replace(other.find("\"comment\":\"x"), 12, "\"comment\":\"y");
  EXPECT_THROW(TableInfoFromJson(other), Error);
}

TEST(TableInfoJson, FlagsOfThePage) {
  const auto flags = [](const std::string& definition) {
    const TableInfo table = ParseCreateTable("CREATE TABLE t (a " + definition + ")");
    return table.columns[0].flags;
  };
  EXPECT_EQ(flags("BLOB"), 128u);
  EXPECT_EQ(flags("DATETIME NOT NULL DEFAULT '2020-01-01 00:00:00'"), 129u);
  EXPECT_EQ(flags("TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"), 8320u);
  EXPECT_EQ(flags("TINYINT UNSIGNED NOT NULL"), 4129u);
  EXPECT_EQ(flags("BIT(12)"), 32u);
  EXPECT_EQ(flags("JSON"), 128u);
  EXPECT_EQ(flags("INT UNSIGNED NOT NULL PRIMARY KEY"), 4131u);
  EXPECT_EQ(flags("VARCHAR(10) CHARACTER SET binary"), 128u);
}

}  // namespace
}  // namespace dm::mysql
