#include "mysql/sql/adapt.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mysql/sql/parser.h"
#include "mysql/sql/rewrite.h"

namespace dm::mysql {
namespace {

struct Adapted {
  std::string text;  // "nothing" if nothing is left
  std::vector<std::string> left_out;
};

Adapted Adapt(std::string_view text, SqlTarget target, bool from_mariadb,
              AdaptOptions options = {}) {
  options.from_mariadb = from_mariadb;
  ParseOptions parse;
  parse.mariadb = from_mariadb;
  Statement statement;
  EXPECT_TRUE(ParseFirst(text, parse, &statement)) << text;
  Adapted out;
  const bool some = AdaptToTarget(
      &statement, target, [&](std::string line) { out.left_out.push_back(std::move(line)); },
      options);
  RestoreOptions restore;
  restore.target = target;
  out.text = some ? Restore(statement, restore) : "nothing";
  return out;
}

TEST(Adapt, ChecksThatMariaDbNamedGetNamesOfMySql) {
  constexpr std::string_view kCreate =
      "CREATE TABLE t (a INT, CONSTRAINT CONSTRAINT_1 CHECK (a > 0), CONSTRAINT CONSTRAINT_x CHECK "
      "(a < 9))";
  EXPECT_EQ(Adapt(kCreate, SqlTarget::kMySql, true).text,
            "CREATE TABLE `t` (`a` INT,CHECK(`a`>0),CONSTRAINT `CONSTRAINT_x` CHECK(`a`<9))");
  const std::string_view kept =
      "CREATE TABLE `t` (`a` INT,CONSTRAINT `CONSTRAINT_1` CHECK(`a`>0),CONSTRAINT `CONSTRAINT_x` "
      "CHECK(`a`<9))";
  EXPECT_EQ(Adapt(kCreate, SqlTarget::kMySql, false).text, kept);
  EXPECT_EQ(Adapt(kCreate, SqlTarget::kTiDb, true).text, kept);
}

TEST(Adapt, WaysToDoTheWorkGoForEveryServer) {
  for (SqlTarget target : {SqlTarget::kMySql, SqlTarget::kMariaDb, SqlTarget::kTiDb}) {
    EXPECT_EQ(Adapt("alter table t add c int, algorithm=instant, lock none", target, false).text,
              "ALTER TABLE `t` ADD COLUMN `c` INT");
    EXPECT_EQ(Adapt("alter table t algorithm=nocopy", target, true).text, "nothing");
    EXPECT_EQ(Adapt("drop index i on t algorithm=inplace lock=none", target, false).text,
              "DROP INDEX `i` ON `t`");
    EXPECT_EQ(Adapt("create index i on t (a) algorithm inplace", target, false).text,
              "CREATE INDEX `i` ON `t` (`a`)");
  }
  EXPECT_EQ(Adapt("alter table t algorithm=copy", SqlTarget::kCanonical, false).text,
            "ALTER TABLE `t` ALGORITHM = COPY");
}

TEST(Adapt, ValidationOfExchangedPartitions) {
  constexpr std::string_view kExchange = "alter table t exchange partition p with table u ";
  AdaptOptions old;
  old.validation_clause = false;
  for (const std::string clause : {"WITH VALIDATION", "WITHOUT VALIDATION"}) {
    const Adapted adapted = Adapt(std::string(kExchange) + clause, SqlTarget::kMariaDb, false, old);
    EXPECT_EQ(adapted.text, "ALTER TABLE `t` EXCHANGE PARTITION `p` WITH TABLE `u`");
    EXPECT_EQ(adapted.left_out, std::vector<std::string>{clause});
    EXPECT_EQ(Adapt(std::string(kExchange) + clause, SqlTarget::kMariaDb, false).text,
              "ALTER TABLE `t` EXCHANGE PARTITION `p` WITH TABLE `u` " + clause);
  }
  EXPECT_TRUE(Adapt(kExchange, SqlTarget::kMariaDb, false, old).left_out.empty());
}

TEST(Adapt, ValidationOfOtherChanges) {
  AdaptOptions old;
  old.validation_clause = false;
  for (const std::string clause : {"WITH VALIDATION", "WITHOUT VALIDATION"}) {
    const std::string list = "alter table t " + clause + ", add c int";
    const std::string alone = "alter table t " + clause;
    constexpr std::string_view kWithout = "ALTER TABLE `t` ADD COLUMN `c` INT";
    // MariaDB has it for partitions alone.
    EXPECT_EQ(Adapt(list, SqlTarget::kMariaDb, false).text, kWithout);
    EXPECT_EQ(Adapt(alone, SqlTarget::kMariaDb, false).text, "nothing");
    EXPECT_EQ(Adapt(list, SqlTarget::kMySql, false, old).text, kWithout);
    EXPECT_EQ(Adapt(list, SqlTarget::kMySql, false).text,
              "ALTER TABLE `t` " + clause + ", ADD COLUMN `c` INT");
    EXPECT_EQ(Adapt(alone, SqlTarget::kTiDb, false).text, "ALTER TABLE `t` " + clause);
  }
}

TEST(Adapt, OptionsOfDatabases) {
  const auto alter = [](const std::string& options, SqlTarget target) {
    return Adapt("alter database d " + options, target, false);
  };
  for (SqlTarget target : {SqlTarget::kMySql, SqlTarget::kMariaDb, SqlTarget::kTiDb}) {
    for (const std::string only : {"read only = 1", "read only 0", "encryption 'y'"}) {
      EXPECT_EQ(alter(only, target).text, "nothing");
      EXPECT_EQ(alter(only, target).left_out.size(), 1u);
      EXPECT_EQ(alter("collate utf8_bin " + only, target).text,
                "ALTER DATABASE `d` COLLATE = utf8_bin");
    }
    EXPECT_TRUE(alter("encryption 'n'", target).left_out.empty());
    EXPECT_EQ(Adapt("create database d encryption 'n'", target, false).text, "CREATE DATABASE `d`");
  }
  EXPECT_EQ(alter("comment 'x'", SqlTarget::kMySql).text, "nothing");
  EXPECT_EQ(alter("comment 'x'", SqlTarget::kMariaDb).text, "ALTER DATABASE `d` COMMENT = 'x'");
  EXPECT_EQ(alter("upgrade data directory name", SqlTarget::kMySql).text, "nothing");
}

TEST(Adapt, FullTextParsersThatTheTargetHasNotGoAlone) {
  AdaptOptions options;
  options.has_parser = [](std::string_view parser) { return parser == "known"; };
  const std::string create = "create table t (a text, fulltext f (a) with parser ";
  EXPECT_EQ(Adapt(create + "known)", SqlTarget::kMariaDb, false, options).text,
            "CREATE TABLE `t` (`a` TEXT,FULLTEXT `f`(`a`) WITH PARSER `known`)");
  const Adapted adapted = Adapt(create + "ngram)", SqlTarget::kMariaDb, false, options);
  EXPECT_EQ(adapted.text, "CREATE TABLE `t` (`a` TEXT,FULLTEXT `f`(`a`))");
  EXPECT_EQ(adapted.left_out, std::vector<std::string>{"WITH PARSER ngram of key `f`"});
  EXPECT_EQ(
      Adapt("create fulltext index f on t (a) with parser ngram", SqlTarget::kMySql, false, options)
          .text,
      "CREATE FULLTEXT INDEX `f` ON `t` (`a`)");
  EXPECT_EQ(
      Adapt("alter table t add fulltext (a) with parser ngram", SqlTarget::kMariaDb, false, options)
          .text,
      "ALTER TABLE `t` ADD FULLTEXT(`a`)");
}

TEST(Adapt, SystemVersionedTablesBecomeOrdinaryOnes) {
  const std::string create =
      "create table t (id int, s timestamp(6) generated always as row start, e timestamp(6) "
      "generated always as row end, period for system_time (s, e), primary key (id, e), key k (s), "
      "key m (s, id)) with system versioning";
  EXPECT_EQ(Adapt(create, SqlTarget::kMySql, true).text,
            "CREATE TABLE `t` (`id` INT,PRIMARY KEY(`id`),INDEX `m`(`id`))");
  EXPECT_EQ(Adapt(create, SqlTarget::kMariaDb, true).left_out.size(), 0u);
  // Current rows may have the same id.
  for (const char* key : {"primary key (id, S)", "unique key u (s, id)"}) {
    EXPECT_EQ(
        Adapt(std::string("create table t (id int, s timestamp(6) generated always as row start, "
                          "e timestamp(6) generated always as row end, period for system_time "
                          "(s, e), ") +
                  key + ") with system versioning",
              SqlTarget::kMySql, true)
            .text,
        "CREATE TABLE `t` (`id` INT)");
  }
  EXPECT_EQ(Adapt("create table t (a int with system versioning, b int without system versioning)",
                  SqlTarget::kTiDb, true)
                .text,
            "CREATE TABLE `t` (`a` INT,`b` INT)");
  AdaptOptions options;
  options.is_row_period = [](std::string_view column) { return column == "s" || column == "e"; };
  options.becomes_row_period = options.is_row_period;
  options.current_partition = "pc";
  for (const char* change :
       {"add system versioning", "drop column s, drop column e, drop period for system_time",
        "rename column s to s2", "change e e2 timestamp(6) generated always as row end",
        "add column x timestamp(6) as row start", "add key (s)", "drop partition p0",
        "add partition (partition p1 history)", "remove partitioning", "truncate partition p0",
        "exchange partition p0 with table h"}) {
    EXPECT_EQ(Adapt(std::string("alter table t ") + change, SqlTarget::kMySql, true, options).text,
              "nothing")
        << change;
  }
  EXPECT_EQ(Adapt("alter table t drop primary key, add primary key (id, e)", SqlTarget::kMySql,
                  true, options)
                .text,
            "ALTER TABLE `t` DROP PRIMARY KEY, ADD PRIMARY KEY(`id`)");
}

TEST(Adapt, PeriodsThatAnAlterChanges) {
  AdaptOptions options;
  options.is_row_period = [](std::string_view column) { return column == "s" || column == "e"; };
  options.becomes_row_period = [](std::string_view column) {
    return column == "s2" || column == "e2";
  };
  const auto alter = [&](const std::string& changes, SqlTarget target = SqlTarget::kMySql) {
    return Adapt("alter table t " + changes, target, true, options).text;
  };
  EXPECT_EQ(alter("rename column s to s2, add key (s2, id), add unique key u (id, e2)"),
            "ALTER TABLE `t` ADD INDEX `s2`(`id`), ADD UNIQUE `u`(`id`)");
  EXPECT_EQ(alter("drop column s, drop column e, add column e int, add unique key (e)"),
            "ALTER TABLE `t` ADD COLUMN `e` INT, ADD UNIQUE(`e`)");
  // An ordinary column would not be written any more.
  EXPECT_EQ(alter("modify s2 timestamp(6) generated always as row start, change x e2 timestamp(6) "
                  "generated always as row end"),
            "ALTER TABLE `t` DROP COLUMN `s2`, DROP COLUMN `x`");
  options.name_of_index = [](const Constraint& index) { return index.parts[0].column + "_2"; };
  EXPECT_EQ(alter("add key (s2, id)"), "ALTER TABLE `t` ADD INDEX `s2_2`(`id`)");
  EXPECT_EQ(alter("add key (s2, id)", SqlTarget::kMariaDb), "ALTER TABLE `t` ADD INDEX(`s2`,`id`)");
}

TEST(Adapt, PartitionsOfCurrentRows) {
  AdaptOptions options;
  options.current_partition = "pc";
  for (const char* partitions : {"PC", "p0, pc", "all"}) {
    const std::string change = std::string("alter table t truncate partition ") + partitions;
    EXPECT_EQ(Adapt(change, SqlTarget::kTiDb, true, options).text, "TRUNCATE TABLE `t`");
    EXPECT_TRUE(
        Adapt(change, SqlTarget::kMariaDb, true, options).text.starts_with("ALTER TABLE `t`"));
  }
  // The rows that go and come are not known.
  for (const char* change : {"exchange partition pc with table h",
                             "exchange partition p0 with table h without validation"}) {
    EXPECT_NE(Adapt(std::string("alter table t ") + change, SqlTarget::kMySql, true, options).text,
              "nothing");
  }
}

TEST(Adapt, MariaDbTypesBecomeText) {
  const Adapted adapted =
      Adapt("create table t (a uuid, b inet6 not null, c inet4)", SqlTarget::kMySql, true);
  EXPECT_EQ(
      adapted.text,
      "CREATE TABLE `t` (`a` CHAR(36) CHARACTER SET ASCII,`b` VARCHAR(45) CHARACTER SET ASCII "
      "NOT NULL,`c` VARCHAR(15) CHARACTER SET ASCII)");
  EXPECT_EQ(adapted.left_out.size(), 3u);
  EXPECT_EQ(adapted.left_out[0], "column `a`: type UUID, CHAR(36) instead");
  EXPECT_EQ(Adapt("alter table t add a uuid", SqlTarget::kTiDb, true).text,
            "ALTER TABLE `t` ADD COLUMN `a` CHAR(36) CHARACTER SET ASCII");
  EXPECT_EQ(Adapt("alter table t add a uuid", SqlTarget::kMariaDb, true).text,
            "ALTER TABLE `t` ADD COLUMN `a` UUID");
}

TEST(Adapt, WhatOnlyMySqlHas) {
  EXPECT_EQ(Adapt("create table t (a int, key k (a), key f ((a + 1)), check (a > 0) not enforced, "
                  "check (a < 9))",
                  SqlTarget::kMariaDb, false)
                .text,
            "CREATE TABLE `t` (`a` INT,INDEX `k`(`a`),CHECK(`a`<9))");
  EXPECT_EQ(Adapt("alter table t alter a set invisible", SqlTarget::kMariaDb, false).text,
            "nothing");
  EXPECT_EQ(Adapt("alter table t alter a set invisible, add b int", SqlTarget::kTiDb, false).text,
            "ALTER TABLE `t` ADD COLUMN `b` INT");
  EXPECT_EQ(Adapt("alter table t drop check c", SqlTarget::kMariaDb, false).text,
            "ALTER TABLE `t` DROP CONSTRAINT IF EXISTS `c`");
  EXPECT_EQ(Adapt("alter table t alter check c not enforced", SqlTarget::kMariaDb, false).text,
            "ALTER TABLE `t` DROP CONSTRAINT IF EXISTS `c`");
  EXPECT_EQ(Adapt("alter table t alter check c enforced", SqlTarget::kMariaDb, false).text,
            "nothing");
  EXPECT_EQ(Adapt("alter table t alter check c enforced", SqlTarget::kMySql, false).text,
            "ALTER TABLE `t` ALTER CHECK `c` ENFORCED");
}

TEST(Adapt, WhatTiDbDoesNotIndex) {
  EXPECT_EQ(Adapt("create table t (a varchar(5), g point not null, spatial index s (g), key l "
                  "((lower(a))), unique key c ((concat(a, 'x'))), key p ((a + 1)))",
                  SqlTarget::kTiDb, false)
                .text,
            "CREATE TABLE `t` (`a` VARCHAR(5),`g` POINT NOT NULL,INDEX `l`((LOWER(`a`))),INDEX "
            "`p`((`a`+1)))");
  EXPECT_EQ(Adapt("create spatial index s on t (g)", SqlTarget::kTiDb, false).text, "nothing");
  EXPECT_EQ(Adapt("alter table t add spatial index s (g)", SqlTarget::kTiDb, false).text,
            "nothing");
}

TEST(Adapt, DefaultsOfSequencesThatTheTargetLacks) {
  const std::string create =
      "create table t (a int not null default nextval(s), b int default (1 + lastval(d.gone)))";
  AdaptOptions options;
  options.has_sequence = [](const TableName& name) { return name.name == "s"; };
  Adapted adapted = Adapt(create, SqlTarget::kMariaDb, true, options);
  EXPECT_EQ(adapted.text, "CREATE TABLE `t` (`a` INT NOT NULL DEFAULT nextval(`s`),`b` INT)");
  EXPECT_EQ(adapted.left_out,
            std::vector<std::string>{"default of column `b`: the downstream has no sequence "
                                     "`d`.`gone`"});
  EXPECT_EQ(Adapt(create, SqlTarget::kMySql, true, options).text,
            "CREATE TABLE `t` (`a` INT NOT NULL,`b` INT)");
  EXPECT_EQ(Adapt(create, SqlTarget::kTiDb, true).text,
            "CREATE TABLE `t` (`a` INT NOT NULL,`b` INT)");
  EXPECT_EQ(Adapt("create table t (a int default nextval(s), b int default (1 + nextval(s)), c int "
                  "default (lastval(s)))",
                  SqlTarget::kTiDb, true, options)
                .text,
            "CREATE TABLE `t` (`a` INT DEFAULT nextval(`s`),`b` INT,`c` INT)");
  const std::string alter = "alter table t alter a set default (next value for s), add c int";
  EXPECT_EQ(Adapt(alter, SqlTarget::kMariaDb, true).text,
            "ALTER TABLE `t` ALTER COLUMN `a` DROP DEFAULT, ADD COLUMN `c` INT");
}

TEST(Adapt, WhatOnlyMariaDbHas) {
  const Adapted adapted = Adapt(
      "create table t (a int, s date, e date, period for p (s, e), unique (a, p without overlaps))",
      SqlTarget::kMySql, true);
  EXPECT_EQ(adapted.text, "CREATE TABLE `t` (`a` INT,`s` DATE,`e` DATE)");
  EXPECT_EQ(adapted.left_out.size(), 2u);
  EXPECT_EQ(Adapt("alter table t drop period for p", SqlTarget::kMySql, true).text, "nothing");
  EXPECT_EQ(Adapt("alter table t drop period for p", SqlTarget::kMariaDb, true).text,
            "ALTER TABLE `t` DROP PERIOD FOR `p`");
  EXPECT_EQ(Adapt("create sequence s", SqlTarget::kMySql, true).text, "nothing");
  EXPECT_EQ(Adapt("create sequence s", SqlTarget::kMariaDb, true).text, "CREATE SEQUENCE `s`");
  EXPECT_EQ(Adapt("create table t (a int) engine=Aria transactional=1 page_checksum=1",
                  SqlTarget::kMySql, true)
                .text,
            "CREATE TABLE `t` (`a` INT) ENGINE = Aria");
}

std::string Routed(std::string_view text, const TableName& target) {
  const auto route = [](const TableName& name) {
    if (name.schema == "shop") return TableName{"store", name.name == "p" ? "parents" : name.name};
    return name;
  };
  Statement statement;
  EXPECT_TRUE(ParseFirst(text, {}, &statement));
  RouteReferences(&statement, {"shop", "c"}, target, route);
  return Restore(statement);
}

TEST(ForeignKeys, PointToTheRoutedTable) {
  const char* create =
      "create table c (a int references p (id), foreign key (a) references p (id))";
  EXPECT_EQ(Routed(create, {"store", "c"}),
            "CREATE TABLE `c` (`a` INT REFERENCES `parents`(`id`),CONSTRAINT FOREIGN KEY (`a`) "
            "REFERENCES `parents`(`id`))");
  EXPECT_EQ(Routed("alter table c add foreign key (a) references p (id)", {"other", "c"}),
            "ALTER TABLE `c` ADD CONSTRAINT FOREIGN KEY (`a`) REFERENCES `store`.`parents`(`id`)");
  EXPECT_EQ(Routed("alter table c add foreign key (a) references hr.p (id)", {"store", "c"}),
            "ALTER TABLE `c` ADD CONSTRAINT FOREIGN KEY (`a`) REFERENCES `hr`.`p`(`id`)");
  Statement statement;
  ParseFirst(create, {}, &statement);
  EXPECT_EQ(ReferencedTables(statement, {"shop", "c"}), (std::vector<TableName>{{"shop", "p"}}));
}

TEST(ForeignKeys, ColumnsOfThePrimaryKeyAreTheDefault) {
  Statement statement;
  ParseFirst("create table c (a int references p, b int references q (x), c int references r)", {},
             &statement);
  CompleteReferences(&statement, {"shop", "c"}, [](const TableName& parent) {
    EXPECT_EQ(parent.schema, "shop");
    if (parent.name == "r") return std::vector<std::string>{};
    return std::vector<std::string>{"id", "n"};
  });
  EXPECT_EQ(
      Restore(statement),
      "CREATE TABLE `c` (`a` INT REFERENCES `p`(`id`,`n`),`b` INT REFERENCES `q`(`x`),`c` INT "
      "REFERENCES `r`)");
}

TEST(ForeignKeys, NamesMadeFromThatOfTheTableFollowIt) {
  const auto routed = [](std::string_view text, const std::string& target) {
    Statement statement;
    EXPECT_TRUE(ParseFirst(text, {}, &statement));
    RouteConstraintNames(&statement, "c", target);
    return Restore(statement);
  };
  constexpr std::string_view kCreate =
      "create table t (a int constraint c_chk_2 check (a > 0), key (a), constraint c_ibfk_1 "
      "foreign "
      "key (a) references p (id), constraint c_ibfk_x foreign key (a) references p (id), "
      "constraint "
      "c_chk_1 check (a < 9), constraint c_chk_ check (a < 8), constraint d_chk_1 check (a < 7))";
  EXPECT_EQ(routed(kCreate, "other"),
            "CREATE TABLE `t` (`a` INT CONSTRAINT `other_chk_2` CHECK(`a`>0),INDEX(`a`),CONSTRAINT "
            "`other_ibfk_1` FOREIGN KEY (`a`) REFERENCES `p`(`id`),CONSTRAINT `c_ibfk_x` FOREIGN "
            "KEY (`a`) REFERENCES `p`(`id`),CONSTRAINT `other_chk_1` CHECK(`a`<9),CONSTRAINT "
            "`c_chk_` CHECK(`a`<8),CONSTRAINT `d_chk_1` CHECK(`a`<7))");
  // 64 characters are a name's limit: 58 + "_chk_1", and one more.
  const std::string longest(58, 'x');
  constexpr std::string_view kCheck = "create table t (a int, constraint c_chk_1 check (a < 9))";
  EXPECT_EQ(routed(kCheck, longest),
            "CREATE TABLE `t` (`a` INT,CONSTRAINT `" + longest + "_chk_1` CHECK(`a`<9))");
  EXPECT_EQ(routed(kCheck, longest + "x"), "CREATE TABLE `t` (`a` INT,CHECK(`a`<9))");
  // The server makes the key that is missing, under the name of the foreign key.
  constexpr std::string_view kKeyless =
      "CREATE TABLE `t` (`a` INT,CONSTRAINT `c_ibfk_1` FOREIGN KEY (`a`) REFERENCES `p`(`id`))";
  EXPECT_EQ(routed(kKeyless, "other"), kKeyless);
  constexpr std::string_view kAlter = "ALTER TABLE `t` ADD CONSTRAINT `c_chk_1` CHECK(`a`<9)";
  EXPECT_EQ(routed(kAlter, "other"), kAlter);
}

TEST(ForeignKeys, LoseNamesThatAreTaken) {
  const auto without = [](std::string_view text, SqlTarget target) {
    Statement statement;
    EXPECT_TRUE(ParseFirst(text, {}, &statement));
    std::string asked;
    KeepConstraintNames(&statement, [&](ConstraintKind kind, const std::string& name) {
      asked += (kind == ConstraintKind::kCheck ? "check " : "key ") + name + ",";
      return name == "kept";
    });
    RestoreOptions options;
    options.target = target;
    return asked + Restore(statement, options);
  };
  constexpr std::string_view kAlter =
      "alter table t add constraint f foreign key (a) references p (id), add constraint kept check "
      "(a > 0), add check (a > 1), add constraint c check (a > 2), add b int constraint d check "
      "(b)";
  EXPECT_EQ(
      without(kAlter, SqlTarget::kMySql),
      "key f,check kept,check c,check d,ALTER TABLE `t` ADD FOREIGN KEY `f` (`a`) REFERENCES "
      "`p`(`id`), ADD CONSTRAINT `kept` CHECK(`a`>0), ADD CHECK(`a`>1), ADD CHECK(`a`>2), ADD "
      "COLUMN `b` INT CHECK(`b`)");
  EXPECT_EQ(without("create table t (a int constraint c check (a), constraint f foreign key i (a) "
                    "references p (id))",
                    SqlTarget::kMariaDb),
            "key f,check c,CREATE TABLE `t` (`a` INT CHECK(`a`),CONSTRAINT FOREIGN KEY (`a`) "
            "REFERENCES `p`(`id`))");
  EXPECT_EQ(without("drop table t", SqlTarget::kMySql), "DROP TABLE `t`");
}

TEST(ForeignKeys, MySqlTakesAnIndexNameForNoMore) {
  Statement statement;
  ParseFirst("create table c (a int, foreign key i (a) references p (id))", {}, &statement);
  RestoreOptions mysql;
  mysql.target = SqlTarget::kMySql;
  EXPECT_EQ(Restore(statement, mysql),
            "CREATE TABLE `c` (`a` INT,FOREIGN KEY `i` (`a`) REFERENCES `p`(`id`))");
  EXPECT_EQ(Restore(statement),
            "CREATE TABLE `c` (`a` INT,CONSTRAINT `i` FOREIGN KEY (`a`) REFERENCES `p`(`id`))");
}

TEST(Adapt, JsonOfMariaDbIsItsText) {
  constexpr std::string_view kTable = "create table t (id int, doc json not null)";
  const Adapted adapted = Adapt(kTable, SqlTarget::kMySql, true);
  EXPECT_EQ(adapted.text,
            "CREATE TABLE `t` (`id` INT,`doc` LONGTEXT CHARACTER SET UTF8MB4 COLLATE utf8mb4_bin "
            "NOT NULL)");
  EXPECT_EQ(adapted.left_out,
            std::vector<std::string>{"column `doc`: type JSON, LONGTEXT instead"});
  EXPECT_EQ(
      Adapt("alter table t add doc json collate utf8mb4_general_ci", SqlTarget::kTiDb, true).text,
      "ALTER TABLE `t` ADD COLUMN `doc` LONGTEXT CHARACTER SET UTF8MB4 COLLATE "
      "utf8mb4_general_ci");
  EXPECT_EQ(Adapt(kTable, SqlTarget::kMariaDb, true).text,
            "CREATE TABLE `t` (`id` INT,`doc` JSON NOT NULL)");
  EXPECT_EQ(Adapt(kTable, SqlTarget::kMySql, false).text,
            "CREATE TABLE `t` (`id` INT,`doc` JSON NOT NULL)");
}

TEST(Adapt, DefaultsThatAreExpressionsAreInParentheses) {
  const std::string create =
      "create table t (a int default -1, b int default a, c varchar(9) default trim(leading 'x' "
      "from 'xxa'), d date default curdate(), e datetime default now(), f char(3) default "
      "_latin1'x', g date default date '2020-01-01', h int default (a), i bit default b'1', j bool "
      "default true, k int default +1.5, l int default null, n int "
      "default case when a then 1 else 2 end)";
  EXPECT_EQ(
      Adapt(create, SqlTarget::kMySql, true).text,
      "CREATE TABLE `t` (`a` INT DEFAULT -1,`b` INT DEFAULT (`a`),`c` VARCHAR(9) DEFAULT "
      "(TRIM(LEADING 'x' FROM 'xxa')),`d` DATE DEFAULT (CURDATE()),`e` DATETIME DEFAULT "
      "CURRENT_TIMESTAMP(),`f` CHAR(3) DEFAULT _latin1'x',`g` DATE DEFAULT DATE "
      "'2020-01-01',`h` INT DEFAULT (`a`),`i` BIT(1) DEFAULT b'1',`j` TINYINT(1) DEFAULT TRUE,"
      "`k` INT DEFAULT +1.5,`l` INT DEFAULT NULL,`n` INT "
      "DEFAULT (CASE WHEN `a` THEN 1 ELSE 2 END))");
  constexpr std::string_view kSome =
      "create table t (a int, b int default a, c char(36) default uuid())";
  EXPECT_EQ(Adapt(kSome, SqlTarget::kMariaDb, true).text,
            "CREATE TABLE `t` (`a` INT,`b` INT DEFAULT `a`,`c` CHAR(36) DEFAULT UUID())");
  EXPECT_EQ(Adapt(kSome, SqlTarget::kTiDb, true).text,
            "CREATE TABLE `t` (`a` INT,`b` INT DEFAULT (`a`),`c` CHAR(36) DEFAULT UUID())");
  // Here MySQL and TiDB want them also around the time.
  constexpr std::string_view kAlter =
      "alter table t alter a set default b, alter c set default uuid(), alter d set default now(), "
      "alter e set default -1, alter f set default (1 + 1)";
  for (SqlTarget target : {SqlTarget::kMySql, SqlTarget::kTiDb}) {
    EXPECT_EQ(Adapt(kAlter, target, true).text,
              "ALTER TABLE `t` ALTER COLUMN `a` SET DEFAULT (`b`), ALTER COLUMN `c` SET DEFAULT "
              "(UUID()), ALTER COLUMN `d` SET DEFAULT (CURRENT_TIMESTAMP()), ALTER COLUMN `e` SET "
              "DEFAULT -1, ALTER COLUMN `f` SET DEFAULT (1+1)");
  }
  EXPECT_EQ(Adapt("alter table t alter a set default b", SqlTarget::kMariaDb, true).text,
            "ALTER TABLE `t` ALTER COLUMN `a` SET DEFAULT `b`");
}

TEST(Adapt, LiteralDefaultsOfTexts) {
  constexpr std::string_view kTable =
      "create table t (a text default 'x', b blob default null, c json default '{}', "
      "d text default uuid(), e varchar(9) default 'y', f text default ('z'))";
  EXPECT_EQ(Adapt(kTable, SqlTarget::kMySql, true).text,
            "CREATE TABLE `t` (`a` TEXT DEFAULT ('x'),`b` BLOB DEFAULT NULL,`c` LONGTEXT CHARACTER "
            "SET UTF8MB4 COLLATE utf8mb4_bin DEFAULT ('{}'),`d` TEXT DEFAULT (UUID()),`e` "
            "VARCHAR(9) DEFAULT 'y',`f` TEXT DEFAULT ('z'))");
  AdaptOptions old;
  old.expression_defaults = false;
  const Adapted adapted =
      Adapt("create table t (a text default 'x' not null)", SqlTarget::kMySql, true, old);
  EXPECT_EQ(adapted.text, "CREATE TABLE `t` (`a` TEXT NOT NULL)");
  EXPECT_EQ(adapted.left_out, std::vector<std::string>{"default of column `a`"});
  EXPECT_EQ(Adapt("create table t (a text default 'x')", SqlTarget::kTiDb, true).text,
            "CREATE TABLE `t` (`a` TEXT)");
  EXPECT_EQ(Adapt("create table t (a text default 'x')", SqlTarget::kMariaDb, true).text,
            "CREATE TABLE `t` (`a` TEXT DEFAULT 'x')");

  AdaptOptions altered;
  altered.is_blob = [](std::string_view column) { return column == "a"; };
  constexpr std::string_view kAlter =
      "alter table t alter a set default 'x', alter b set default 1";
  EXPECT_EQ(
      Adapt(kAlter, SqlTarget::kMySql, true, altered).text,
      "ALTER TABLE `t` ALTER COLUMN `a` SET DEFAULT (CONCAT('x')), ALTER COLUMN `b` SET DEFAULT 1");
  EXPECT_EQ(Adapt(kAlter, SqlTarget::kTiDb, true, altered).text,
            "ALTER TABLE `t` ALTER COLUMN `b` SET DEFAULT 1");
}

TEST(Adapt, EnginesThatTheTargetLacks) {
  AdaptOptions innodb;
  innodb.has_engine = [](std::string_view engine) { return engine == "InnoDB"; };
  const Adapted adapted = Adapt(
      "create table t (a int) engine=Aria row_format=page transactional=1 page_checksum=1 "
      "comment='x' partition by hash (a) (partition p engine=Aria, partition q engine=InnoDB)",
      SqlTarget::kMySql, true, innodb);
  EXPECT_EQ(adapted.text,
            "CREATE TABLE `t` (`a` INT) COMMENT = 'x' PARTITION BY HASH (`a`) (PARTITION "
            "`p`,PARTITION `q` ENGINE = InnoDB)");
  EXPECT_EQ(adapted.left_out.front(), "option ENGINE = Aria");
  EXPECT_EQ(adapted.left_out.size(), 5u);
  // Of options that say something to the engine only those of an engine that stays are kept.
  EXPECT_EQ(Adapt("create table t (a int) engine=connect table_type='dbf' row_format=fixed",
                  SqlTarget::kMariaDb, true, innodb)
                .text,
            "CREATE TABLE `t` (`a` INT)");
  EXPECT_EQ(Adapt("create table t (a int) engine=MyISAM key_block_size=1024 checksum=1",
                  SqlTarget::kMariaDb, true, innodb)
                .text,
            "CREATE TABLE `t` (`a` INT) CHECKSUM = 1");
  EXPECT_EQ(Adapt("create table t (a int) engine=InnoDB row_format=dynamic", SqlTarget::kMySql,
                  true, innodb)
                .text,
            "CREATE TABLE `t` (`a` INT) ENGINE = InnoDB ROW_FORMAT = DYNAMIC");
  EXPECT_EQ(Adapt("alter table t engine=Aria", SqlTarget::kMySql, true, innodb).text, "nothing");
  EXPECT_EQ(Adapt("alter table t add b int, page_checksum=1", SqlTarget::kMySql, true).text,
            "ALTER TABLE `t` ADD COLUMN `b` INT");
  EXPECT_EQ(Adapt("alter table t add partition (partition r engine=Aria)", SqlTarget::kMySql, true,
                  innodb)
                .text,
            "ALTER TABLE `t` ADD PARTITION (PARTITION `r`)");
}

TEST(Adapt, PlacesOnTheDisksOfTheUpstream) {
  for (const SqlTarget target : {SqlTarget::kMySql, SqlTarget::kMariaDb}) {
    const bool mariadb = target == SqlTarget::kMariaDb;
    const Adapted adapted = Adapt(
        "create table t (a int) /*!50100 tablespace `ts1` */ engine=InnoDB data directory='/d' "
        "index directory='/i' partition by hash (a) (partition p data directory='/p' "
        "engine=InnoDB)",
        target, mariadb);
    EXPECT_EQ(adapted.text,
              "CREATE TABLE `t` (`a` INT) ENGINE = InnoDB PARTITION BY HASH (`a`) (PARTITION `p` "
              "ENGINE = InnoDB)");
    EXPECT_EQ(adapted.left_out.size(), 4u);
    EXPECT_EQ(Adapt("alter table t tablespace ts2", target, mariadb).text, "nothing");
  }
}

TEST(Adapt, KeysOfTheUpstreamsMachineAreLeftOut) {
  constexpr std::string_view kTable =
      "create table t (a int) tablespace ts1 data directory='/x' index directory='/y' "
      "encryption='Y' comment='c' partition by hash (a) (partition p data directory='/z' "
      "tablespace = ts2)";
  for (SqlTarget target : {SqlTarget::kMySql, SqlTarget::kMariaDb, SqlTarget::kTiDb}) {
    const Adapted adapted = Adapt(kTable, target, false);
    EXPECT_EQ(adapted.text,
              "CREATE TABLE `t` (`a` INT) COMMENT = 'c' PARTITION BY HASH (`a`) (PARTITION `p`)");
    EXPECT_EQ(adapted.left_out.size(), 6u);
    EXPECT_EQ(Adapt("alter table t tablespace ts1", target, false).text, "nothing");
    EXPECT_EQ(Adapt("alter table t encryption='Y', add b int", target, false).text,
              "ALTER TABLE `t` ADD COLUMN `b` INT");
  }
}

TEST(Adapt, ColumnsThatPerconaCompresses) {
  constexpr std::string_view kTable =
      "create table t (a text column_format compressed with compression_dictionary d not null, "
      "b blob column_format compressed, c int column_format fixed)";
  EXPECT_EQ(Adapt(kTable, SqlTarget::kMySql, false).text,
            "CREATE TABLE `t` (`a` TEXT NOT NULL,`b` BLOB,`c` INT COLUMN_FORMAT FIXED)");
  EXPECT_TRUE(MatchesBuiltinSkip("CREATE COMPRESSION_DICTIONARY d ('abc')"));
  EXPECT_TRUE(MatchesBuiltinSkip("DROP COMPRESSION_DICTIONARY IF EXISTS d"));
}

// The text that takes the place of these types has another implicit value.
TEST(Adapt, AddressesAndUuidsForRowsThatAreThere) {
  std::vector<std::string> filled;
  AdaptOptions options;
  options.filled_once = [&](const std::string& column) { filled.push_back(column); };
  constexpr std::string_view kAdd =
      "alter table t add u uuid not null, add s inet6 not null, add f inet4 not null, add n uuid, "
      "add d uuid not null default '6CCD780CBABA10268564005B36F37900', add e inet6 default "
      "'::FFFF:1.2.3.4', add w uuid default 'x'";
  for (SqlTarget target : {SqlTarget::kMySql, SqlTarget::kTiDb}) {
    filled.clear();
    EXPECT_EQ(
        Adapt(kAdd, target, true, options).text,
        "ALTER TABLE `t` ADD COLUMN `u` CHAR(36) CHARACTER SET ASCII NOT NULL DEFAULT "
        "'00000000-0000-0000-0000-000000000000', ADD COLUMN `s` VARCHAR(45) CHARACTER SET ASCII "
        "NOT NULL DEFAULT '::', ADD COLUMN `f` VARCHAR(15) CHARACTER SET ASCII NOT NULL DEFAULT "
        "'0.0.0.0', ADD COLUMN `n` CHAR(36) CHARACTER SET ASCII, ADD COLUMN `d` CHAR(36) CHARACTER "
        "SET ASCII NOT NULL DEFAULT '6ccd780c-baba-1026-8564-005b36f37900', ADD COLUMN `e` "
        "VARCHAR(45) CHARACTER SET ASCII DEFAULT '::ffff:1.2.3.4', ADD COLUMN `w` CHAR(36) "
        "CHARACTER SET ASCII DEFAULT 'x'");
    EXPECT_EQ(filled, (std::vector<std::string>{"u", "s", "f"}));
  }
  filled.clear();
  EXPECT_EQ(Adapt("alter table t add u uuid not null", SqlTarget::kMariaDb, true, options).text,
            "ALTER TABLE `t` ADD COLUMN `u` UUID NOT NULL");
  EXPECT_TRUE(filled.empty());
}

// MySQL gives rows that are there the JSON null, MariaDB an empty text.
TEST(Adapt, JsonForRowsThatAreThere) {
  std::vector<std::string> filled;
  AdaptOptions options;
  options.filled_once = [&](const std::string& column) { filled.push_back(column); };
  EXPECT_EQ(Adapt("alter table t add j json not null, add k json, add l json not null default "
                  "(json_array())",
                  SqlTarget::kMariaDb, false, options)
                .text,
            "ALTER TABLE `t` ADD COLUMN `j` JSON NOT NULL DEFAULT 'null', ADD COLUMN `k` JSON, ADD "
            "COLUMN `l` JSON NOT NULL DEFAULT (JSON_ARRAY())");
  EXPECT_EQ(filled, std::vector<std::string>{"j"});
  EXPECT_EQ(Adapt("alter table t add j json not null", SqlTarget::kMySql, false, options).text,
            "ALTER TABLE `t` ADD COLUMN `j` JSON NOT NULL");
  EXPECT_EQ(Adapt("alter table t add j json not null", SqlTarget::kMariaDb, true, options).text,
            "ALTER TABLE `t` ADD COLUMN `j` JSON NOT NULL");
  EXPECT_EQ(filled.size(), 1u);
}

}  // namespace
}  // namespace dm::mysql
