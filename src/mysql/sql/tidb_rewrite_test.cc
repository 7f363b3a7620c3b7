#include "mysql/sql/tidb_rewrite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"

namespace dm::mysql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Texts = std::vector<std::string>;

struct Result {
  Texts statements;
  Texts warnings;
};

Constraint Index(std::string name, std::vector<std::string> columns, bool unique = false) {
  Constraint index;
  index.kind = unique ? ConstraintKind::kUnique : ConstraintKind::kIndex;
  index.name = std::move(name);
  for (std::string& column : columns) {
    IndexPart part;
    part.column = std::move(column);
    index.parts.push_back(std::move(part));
  }
  return index;
}

Result Rewrite(std::string_view text, bool mariadb = false, std::vector<Constraint> indexes = {},
               Charset client = Charset::kUnknown) {
  ParseOptions parse;
  parse.client_charset = client;
  parse.mariadb = mariadb;
  Statement statement;
  EXPECT_TRUE(ParseFirst(text, parse, &statement)) << text;
  RestoreOptions restore;
  restore.target = SqlTarget::kTiDb;
  Result result;
  const LeftOut left_out = [&](const std::string& what) { result.warnings.push_back(what); };
  std::vector<Statement> adapted;
  for (Statement& one : SplitDdl(statement, "s")) {
    if (AdaptToTarget(&one, SqlTarget::kTiDb, left_out)) adapted.push_back(std::move(one));
  }
  for (const Statement& one : ForTiDb(
           std::move(adapted), [&](const TableName&) { return indexes; }, left_out)) {
    result.statements.push_back(Restore(one, restore));
  }
  return result;
}

TEST(ForTiDb, LiteralsOfOtherCharacterSetsAreText) {
  EXPECT_THAT(
      Rewrite("create table t (a varchar(9) default _latin1 0xE9, b varchar(9) default _gbk "
              "x'C4E3', c varchar(9) default _latin1'x\xC3', d varchar(9) default _latin1 "
              "b'111101001', e binary(2) default _binary 0xE9, f int as (a = _latin1 0xE9), check "
              "(a <> concat(_latin1 0xE8, _utf8mb4 'z')))")
          .statements,
      ElementsAre(
          "CREATE TABLE IF NOT EXISTS `s`.`t` (`a` VARCHAR(9) DEFAULT 'é',`b` VARCHAR(9) "
          "DEFAULT '你',`c` VARCHAR(9) DEFAULT 'xÃ',`d` VARCHAR(9) DEFAULT '\x01é',"
          "`e` BINARY(2) DEFAULT _binary x'e9',`f` INT GENERATED ALWAYS AS(`a`='é') VIRTUAL,"
          "CHECK(`a`!=CONCAT('è', 'z')))"));
  EXPECT_THAT(Rewrite("alter table t alter a set default _latin1 0xE9, add g char default _koi8r "
                      "0xC1, modify a varchar(5) default (_latin1 0xE9)")
                  .statements,
              ElementsAre("ALTER TABLE `s`.`t` ALTER COLUMN `a` SET DEFAULT 'é'",
                          "ALTER TABLE `s`.`t` ADD COLUMN `g` CHAR DEFAULT 'а'",
                          "ALTER TABLE `s`.`t` MODIFY COLUMN `a` VARCHAR(5) DEFAULT ('é')"));
  // As a client in latin1 wrote it.
  EXPECT_THAT(Rewrite("alter table t alter a set default _latin1'é'", false, {}, Charset::kLatin1)
                  .statements,
              ElementsAre("ALTER TABLE `s`.`t` ALTER COLUMN `a` SET DEFAULT 'é'"));
  // No character of the set.
  EXPECT_THAT(Rewrite("alter table t alter a set default _gbk 0xFFFF").statements,
              ElementsAre("ALTER TABLE `s`.`t` ALTER COLUMN `a` SET DEFAULT _gbk x'ffff'"));
}

TEST(ForTiDb, KeysOfAnAddedColumnAreStatementsOfTheirOwn) {
  EXPECT_THAT(Rewrite("alter table t add a int unique default 1, add b int primary key").statements,
              ElementsAre("ALTER TABLE `s`.`t` ADD COLUMN `a` INT DEFAULT 1",
                          "ALTER TABLE `s`.`t` ADD UNIQUE `a`(`a`)",
                          "ALTER TABLE `s`.`t` ADD COLUMN `b` INT NOT NULL",
                          "ALTER TABLE `s`.`t` ADD PRIMARY KEY(`b`)"));
  EXPECT_THAT(Rewrite("alter table t add (a int unique, b int)").statements,
              ElementsAre("ALTER TABLE `s`.`t` ADD COLUMN `a` INT",
                          "ALTER TABLE `s`.`t` ADD UNIQUE `a`(`a`)",
                          "ALTER TABLE `s`.`t` ADD COLUMN `b` INT"));
  EXPECT_THAT(Rewrite("alter table t modify n varchar(40) not null check (n <> '')").statements,
              ElementsAre("ALTER TABLE `s`.`t` MODIFY COLUMN `n` VARCHAR(40) NOT NULL",
                          HasSubstr("ADD CHECK(")));
  EXPECT_THAT(
      Rewrite("alter table t rename index if exists a to b, rename column if exists c to d", true)
          .statements,
      ElementsAre("ALTER TABLE `s`.`t` RENAME INDEX `a` TO `b`",
                  "ALTER TABLE `s`.`t` RENAME COLUMN `c` TO `d`"));
  // Refused by TiDB, in its own words.
  EXPECT_THAT(Rewrite("alter table t add a int auto_increment unique").statements,
              ElementsAre(HasSubstr("UNIQUE")));
}

TEST(ForTiDb, ColumnsThatTakeEachOthersNamesGiveWay) {
  EXPECT_THAT(
      Rewrite("alter table t rename column a to b, add c int, rename column b to a").statements,
      ElementsAre("ALTER TABLE `s`.`t` RENAME COLUMN `a` TO `_dm_renamed_1`",
                  "ALTER TABLE `s`.`t` RENAME COLUMN `b` TO `_dm_renamed_2`",
                  "ALTER TABLE `s`.`t` RENAME COLUMN `_dm_renamed_1` TO `b`",
                  "ALTER TABLE `s`.`t` ADD COLUMN `c` INT",
                  "ALTER TABLE `s`.`t` RENAME COLUMN `_dm_renamed_2` TO `a`"));
  EXPECT_THAT(Rewrite("alter table t change A b int, change b c int").statements,
              ElementsAre("ALTER TABLE `s`.`t` RENAME COLUMN `A` TO `_dm_renamed_1`",
                          "ALTER TABLE `s`.`t` RENAME COLUMN `b` TO `_dm_renamed_2`",
                          "ALTER TABLE `s`.`t` CHANGE COLUMN `_dm_renamed_1` `b` INT",
                          "ALTER TABLE `s`.`t` CHANGE COLUMN `_dm_renamed_2` `c` INT"));
  EXPECT_THAT(Rewrite("alter table t rename column a to b, rename column c to d").statements,
              ElementsAre("ALTER TABLE `s`.`t` RENAME COLUMN `a` TO `b`",
                          "ALTER TABLE `s`.`t` RENAME COLUMN `c` TO `d`"));
}

TEST(ForTiDb, IndexesThatLoseAColumnAreMadeAgain) {
  const std::vector<Constraint> indexes = {Index("ac", {"a", "c"}, true), Index("c", {"c"}),
                                           Index("cb", {"C", "b"}), Index("ab", {"a", "b"})};
  EXPECT_THAT(
      Rewrite("alter table t drop column c", false, indexes).statements,
      ElementsAre("ALTER TABLE `s`.`t` DROP INDEX `ac`", "ALTER TABLE `s`.`t` DROP INDEX `cb`",
                  "ALTER TABLE `s`.`t` DROP COLUMN `c`", "ALTER TABLE `s`.`t` ADD UNIQUE `ac`(`a`)",
                  "ALTER TABLE `s`.`t` ADD INDEX `cb`(`b`)"));
  EXPECT_THAT(
      Rewrite("alter table t drop column c, drop index ac, rename to u, change b d int", false,
              indexes)
          .statements,
      ElementsAre("ALTER TABLE `s`.`t` DROP INDEX `ac`", "ALTER TABLE `s`.`t` DROP INDEX `cb`",
                  "ALTER TABLE `s`.`t` DROP COLUMN `c`", "ALTER TABLE `s`.`t` RENAME AS `s`.`u`",
                  "ALTER TABLE `s`.`u` CHANGE COLUMN `b` `d` INT",
                  "ALTER TABLE `s`.`u` ADD INDEX `cb`(`d`)"));
  EXPECT_THAT(
      Rewrite("alter table t drop column a, drop column b", false, indexes).statements,
      ElementsAre("ALTER TABLE `s`.`t` DROP INDEX `ac`", "ALTER TABLE `s`.`t` DROP INDEX `cb`",
                  "ALTER TABLE `s`.`t` DROP INDEX `ab`", "ALTER TABLE `s`.`t` DROP COLUMN `a`",
                  "ALTER TABLE `s`.`t` DROP COLUMN `b`", "ALTER TABLE `s`.`t` ADD UNIQUE `ac`(`c`)",
                  "ALTER TABLE `s`.`t` ADD INDEX `cb`(`C`)"));
  EXPECT_THAT(
      Rewrite("alter table t add column x int, drop index ac", false, indexes).statements,
      ElementsAre("ALTER TABLE `s`.`t` ADD COLUMN `x` INT", "ALTER TABLE `s`.`t` DROP INDEX `ac`"));
}

TEST(ForTiDb, WhatRowsDoNotDependOnIsLeftOutWithAWarning) {
  const Result options = Rewrite("alter table t row_format=dynamic comment='c', add key (a)");
  EXPECT_THAT(options.statements, ElementsAre("ALTER TABLE `s`.`t` COMMENT = 'c'",
                                              "ALTER TABLE `s`.`t` ADD INDEX(`a`)"));
  EXPECT_THAT(options.warnings, ElementsAre(HasSubstr("ROW_FORMAT")));
  const Result nothing =
      Rewrite("alter table t force, algorithm=inplace, lock=none, stats_persistent=1");
  EXPECT_THAT(nothing.statements, IsEmpty());
  EXPECT_THAT(nothing.warnings, ElementsAre("FORCE", HasSubstr("STATS_PERSISTENT")));
  EXPECT_THAT(Rewrite("alter table t engine=aria", true).statements, IsEmpty());
  EXPECT_THAT(Rewrite("create table t (a int) engine=aria comment='c'", true).statements,
              ElementsAre("CREATE TABLE IF NOT EXISTS `s`.`t` (`a` INT) COMMENT = 'c'"));
  EXPECT_THAT(Rewrite("alter table t add spatial index (g)").statements, IsEmpty());
  EXPECT_THAT(Rewrite("create spatial index g on t (g)").statements, IsEmpty());
  EXPECT_THAT(Rewrite("alter table t alter column a set invisible").statements, IsEmpty());
  EXPECT_THAT(Rewrite("create index k on t (a) algorithm=copy lock=shared").statements,
              ElementsAre("CREATE INDEX `k` ON `s`.`t` (`a`)"));
  EXPECT_THAT(Rewrite("alter table t add system versioning", true).statements, IsEmpty());
  for (const char* work : {"rebuild partition p0", "rebuild partition all",
                           "optimize partition all", "repair partition p0 quick",
                           "check partition p0 for upgrade", "analyze partition p0, p1"}) {
    const Result result = Rewrite(std::string("alter table t ") + work);
    EXPECT_THAT(result.statements, IsEmpty()) << work;
    EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("PARTITION"))) << work;
  }
}

}  // namespace
}  // namespace dm::mysql
