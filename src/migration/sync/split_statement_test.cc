#include "migration/sync/split_statement.h"

#include <gtest/gtest.h>

#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"

namespace dm::migration {
namespace {

bool Renames(const std::string& text) {
  return IsRename(mysql::ParseStatements(text, mysql::ParseOptions()).at(0));
}

TEST(SplitStatementTest, WhatGivesATableAnotherNameAlone) {
  EXPECT_TRUE(Renames("RENAME TABLE a TO b"));
  EXPECT_TRUE(Renames("ALTER TABLE a RENAME TO b"));
  EXPECT_FALSE(Renames("ALTER TABLE a ADD c INT, RENAME TO b"));
  EXPECT_FALSE(Renames("ALTER TABLE a RENAME COLUMN c TO d"));
  EXPECT_FALSE(Renames("DROP TABLE a"));
}

TEST(SplitStatementTest, AreMadeOfParts) {
  const mysql::Statement drop = DropOf({"s", "t"}, "the event's");
  EXPECT_EQ(mysql::Restore(drop), "DROP TABLE IF EXISTS `s`.`t`");
  EXPECT_EQ(drop.text, "the event's");

  mysql::AlterSpec spec{};
  spec.kind = mysql::AlterKind::kDropColumn;
  spec.name = "c";
  const mysql::Statement alter = AlterOf({"s", "t"}, spec, "the event's");
  EXPECT_EQ(mysql::Restore(alter), "ALTER TABLE `s`.`t` DROP COLUMN `c`");
  EXPECT_EQ(alter.text, "the event's");
}

}  // namespace
}  // namespace dm::migration
