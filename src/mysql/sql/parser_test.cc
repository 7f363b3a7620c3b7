#include "mysql/sql/parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error/error.h"
#include "mysql/sql/lexer.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"

namespace dm::mysql {
namespace {

Statement One(std::string_view text, const ParseOptions& options = {}) {
  Statement statement;
  EXPECT_TRUE(ParseFirst(text, options, &statement)) << text;
  return statement;
}

std::vector<std::string> Split(std::string_view text, std::string_view schema = "shop",
                               const ParseOptions& options = {}) {
  std::vector<std::string> out;
  for (const Statement& statement : SplitDdl(One(text, options), schema)) {
    out.push_back(Restore(statement));
  }
  return out;
}

// Text after one trip, which must not change on a second one.
std::string Normal(std::string_view text, const ParseOptions& options = {}) {
  const std::string once = Restore(One(text, options));
  ParseOptions plain;
  plain.mariadb = options.mariadb;
  EXPECT_EQ(Restore(One(once, plain)), once) << text;
  return once;
}

std::string Failure(std::string_view text, const ParseOptions& options = {}) {
  try {
    ParseStatements(text, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), static_cast<int>(ErrorCode::kParseSQL));
    return error.raw_cause();
  }
  ADD_FAILURE() << "parsed: " << text;
  return "";
}

using Texts = std::vector<std::string>;

// The rows of the worked examples: default database `shop`.
TEST(NormalForm, WorkedExamples) {
  const std::vector<std::pair<std::string, Texts>> rows = {
      {"create table Orders (id int primary key, n varchar(10) default 'x')",
       {"CREATE TABLE IF NOT EXISTS `shop`.`Orders` (`id` INT PRIMARY KEY,`n` VARCHAR(10) DEFAULT "
        "'x')"}},
      {"create table c (a int, foreign key (a) references p(id))",
       {"CREATE TABLE IF NOT EXISTS `shop`.`c` (`a` INT,CONSTRAINT FOREIGN KEY (`a`) REFERENCES "
        "`p`(`id`))"}},
      {"create table n like o", {"CREATE TABLE IF NOT EXISTS `shop`.`n` LIKE `shop`.`o`"}},
      {"alter schema charset utf8mb4", {"ALTER DATABASE `shop` CHARACTER SET = utf8mb4"}},
      {"drop table x, hr.y", {"DROP TABLE IF EXISTS `shop`.`x`", "DROP TABLE IF EXISTS `hr`.`y`"}},
      {"drop index k on x", {"DROP INDEX /*T! IF EXISTS  */`k` ON `shop`.`x`"}},
      {"create index if not exists k on x(a)",
       {"CREATE INDEX /*T! IF NOT EXISTS  */`k` ON `shop`.`x` (`a`)"}},
      {"alter table x add b int first, drop c, rename y, add key (b)",
       {"ALTER TABLE `shop`.`x` ADD COLUMN `b` INT FIRST", "ALTER TABLE `shop`.`x` DROP COLUMN `c`",
        "ALTER TABLE `shop`.`x` RENAME AS `shop`.`y`", "ALTER TABLE `shop`.`y` ADD INDEX(`b`)"}},
      {"alter table x add (p int, q int)",
       {"ALTER TABLE `shop`.`x` ADD COLUMN `p` INT", "ALTER TABLE `shop`.`x` ADD COLUMN `q` INT"}},
      {"alter table x add column if not exists p int",
       {"ALTER TABLE `shop`.`x` ADD COLUMN /*T! IF NOT EXISTS  */`p` INT"}},
      {"alter table x add index if not exists (a) using btree comment 'c'",
       {"ALTER TABLE `shop`.`x` ADD INDEX/*T!  IF NOT EXISTS */(`a`) USING BTREE COMMENT 'c'"}},
      {"alter table x drop column if exists p",
       {"ALTER TABLE `shop`.`x` DROP COLUMN /*T! IF EXISTS  */`p`"}},
      {"alter table x drop partition if exists p9",
       {"ALTER TABLE `shop`.`x` DROP PARTITION /*T! IF EXISTS  */`p9`"}},
      {"alter table x add partition if not exists (partition p9 values less than maxvalue)",
       {"ALTER TABLE `shop`.`x` ADD PARTITION/*T!  IF NOT EXISTS */ (PARTITION `p9` VALUES LESS "
        "THAN (MAXVALUE))"}},
      {"alter table x partition by hash(a)",
       {"ALTER TABLE `shop`.`x` PARTITION BY HASH (`a`) PARTITIONS 1"}},
      {"alter table x add d int as (a+1) stored",
       {"ALTER TABLE `shop`.`x` ADD COLUMN `d` INT GENERATED ALWAYS AS(`a`+1) STORED"}},
      {"alter table x partition by list columns (a,b) (partition p values in ((1,2)))",
       {"ALTER TABLE `shop`.`x` PARTITION BY LIST COLUMNS (`a`,`b`) (PARTITION `p` VALUES IN ((1, "
        "2)))"}},
  };
  for (const auto& [input, expected] : rows) EXPECT_EQ(Split(input), expected) << input;
}

// What DM 8.1 sent to a MariaDB downstream.
TEST(NormalForm, RecordedStatements) {
  const std::vector<std::pair<std::string, Texts>> rows = {
      {"CREATE TABLE d1 (id INT PRIMARY KEY, a INT) COMMENT='x'",
       {"CREATE TABLE IF NOT EXISTS `shop`.`d1` (`id` INT PRIMARY KEY,`a` INT) COMMENT = 'x'"}},
      {"CREATE TABLE d3 (id INT PRIMARY KEY, c VARCHAR(10) CHARACTER SET utf8mb4) DEFAULT "
       "CHARSET=utf8mb4",
       {"CREATE TABLE IF NOT EXISTS `shop`.`d3` (`id` INT PRIMARY KEY,`c` VARCHAR(10) CHARACTER "
        "SET UTF8MB4) DEFAULT CHARACTER SET = UTF8MB4"}},
      {"ALTER TABLE d1 ADD COLUMN b VARCHAR(10) NOT NULL DEFAULT 'q' COMMENT 'it''s' AFTER id",
       {"ALTER TABLE `shop`.`d1` ADD COLUMN `b` VARCHAR(10) NOT NULL DEFAULT 'q' COMMENT 'it''s' "
        "AFTER `id`"}},
      {"ALTER TABLE d1 ADD c1 INT, ADD COLUMN (c2 INT, c3 INT), ADD INDEX ic1 (c1), DROP COLUMN "
       "a, ALGORITHM=INPLACE",
       {"ALTER TABLE `shop`.`d1` ADD COLUMN `c1` INT",
        "ALTER TABLE `shop`.`d1` ADD COLUMN `c2` INT",
        "ALTER TABLE `shop`.`d1` ADD COLUMN `c3` INT",
        "ALTER TABLE `shop`.`d1` ADD INDEX `ic1`(`c1`)", "ALTER TABLE `shop`.`d1` DROP COLUMN `a`",
        "ALTER TABLE `shop`.`d1` ALGORITHM = INPLACE"}},
      {"ALTER TABLE d1 MODIFY c1 BIGINT, CHANGE c2 c22 INT",
       {"ALTER TABLE `shop`.`d1` MODIFY COLUMN `c1` BIGINT",
        "ALTER TABLE `shop`.`d1` CHANGE COLUMN `c2` `c22` INT"}},
      {"CREATE UNIQUE INDEX uc ON d1 (c1)", {"CREATE UNIQUE INDEX `uc` ON `shop`.`d1` (`c1`)"}},
      {"ALTER TABLE d1 RENAME COLUMN c22 TO c2",
       {"ALTER TABLE `shop`.`d1` RENAME COLUMN `c22` TO `c2`"}},
      {"ALTER TABLE d1 RENAME INDEX ic1 TO ic2",
       {"ALTER TABLE `shop`.`d1` RENAME INDEX `ic1` TO `ic2`"}},
      {"ALTER TABLE d1 ALTER c1 SET DEFAULT 5",
       {"ALTER TABLE `shop`.`d1` ALTER COLUMN `c1` SET DEFAULT 5"}},
      {"ALTER TABLE d1 COMMENT='new'", {"ALTER TABLE `shop`.`d1` COMMENT = 'new'"}},
      {"RENAME TABLE d1 TO d1x, d2 TO d2x",
       {"RENAME TABLE `shop`.`d1` TO `shop`.`d1x`", "RENAME TABLE `shop`.`d2` TO `shop`.`d2x`"}},
      {"TRUNCATE d3", {"TRUNCATE TABLE `shop`.`d3`"}},
      {"CREATE DATABASE shop2", {"CREATE DATABASE IF NOT EXISTS `shop2`"}},
      {"ALTER DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
       {"ALTER DATABASE `shop` CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin"}},
      {"DROP DATABASE shop2", {"DROP DATABASE IF EXISTS `shop2`"}},
      {"/* c */ ALTER TABLE d1 ADD COLUMN z1 INT /* after */",
       {"ALTER TABLE `shop`.`d1` ADD COLUMN `z1` INT"}},
      {"ALTER TABLE d1 /*!50000 ADD COLUMN z2 INT */",
       {"ALTER TABLE `shop`.`d1` ADD COLUMN `z2` INT"}},
      {"CREATE TABLE `d4` (\n  `id` int(11) NOT NULL,\n  PRIMARY KEY (`id`)\n)",
       {"CREATE TABLE IF NOT EXISTS `shop`.`d4` (`id` INT(11) NOT NULL,PRIMARY KEY(`id`))"}},
      {"CREATE TABLE d5 (id INT PRIMARY KEY) PARTITION BY RANGE(id) (PARTITION p0 VALUES LESS THAN "
       "(10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
       {"CREATE TABLE IF NOT EXISTS `shop`.`d5` (`id` INT PRIMARY KEY) PARTITION BY RANGE (`id`) "
        "(PARTITION `p0` VALUES LESS THAN (10),PARTITION `p1` VALUES LESS THAN (MAXVALUE))"}},
      {"ALTER TABLE d5 TRUNCATE PARTITION p0", {"ALTER TABLE `shop`.`d5` TRUNCATE PARTITION `p0`"}},
      {"CREATE TABLE d6 (id INT PRIMARY KEY, p INT, g INT AS (id+1) STORED, FOREIGN KEY fk1 (p) "
       "REFERENCES pk1(id) ON DELETE CASCADE)",
       {"CREATE TABLE IF NOT EXISTS `shop`.`d6` (`id` INT PRIMARY KEY,`p` INT,`g` INT GENERATED "
        "ALWAYS AS(`id`+1) STORED,CONSTRAINT `fk1` FOREIGN KEY (`p`) REFERENCES `pk1`(`id`) ON "
        "DELETE CASCADE)"}},
      {"ALTER TABLE nokey ADD COLUMN pk BIGINT AUTO_INCREMENT PRIMARY KEY",
       {"ALTER TABLE `shop`.`nokey` ADD COLUMN `pk` BIGINT AUTO_INCREMENT PRIMARY KEY"}},
  };
  for (const auto& [input, expected] : rows) EXPECT_EQ(Split(input), expected) << input;
}

TEST(NormalForm, MariaDbTargetHasPlainConditions) {
  const auto split = SplitDdl(One("ALTER TABLE d1 ADD COLUMN IF NOT EXISTS c1 INT"), "shop");
  RestoreOptions options;
  options.target = SqlTarget::kMariaDb;
  EXPECT_EQ(Restore(split.front(), options),
            "ALTER TABLE `shop`.`d1` ADD COLUMN IF NOT EXISTS `c1` INT");
  const auto drop = SplitDdl(One("DROP INDEX uc ON d1"), "shop");
  EXPECT_EQ(Restore(drop.front(), options), "DROP INDEX /*T! IF EXISTS  */`uc` ON `shop`.`d1`");
}

TEST(NormalForm, SplittingLeavesTheStatementAlone) {
  const Statement statement = One("ALTER TABLE x ADD (a INT, b INT), RENAME TO y");
  const std::string before = Restore(statement);
  EXPECT_EQ(before, "ALTER TABLE `x` ADD COLUMN (`a` INT, `b` INT), RENAME AS `y`");
  SplitDdl(statement, "shop");
  EXPECT_EQ(Restore(statement), before);
}

TEST(NormalForm, QualifiedNamesNeedNoDefaultDatabase) {
  EXPECT_EQ(Split("alter table a.b add c int", "").front(),
            "ALTER TABLE `a`.`b` ADD COLUMN `c` INT");
}

TEST(NormalForm, ListsAreJoinedAgain) {
  const auto split = SplitDdl(
      One("ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a, RENAME TO u, DROP c"), "shop");
  ASSERT_EQ(split.size(), 4u);
  const auto joined = JoinAlters(split);
  ASSERT_EQ(joined.size(), 2u);
  EXPECT_EQ(
      Restore(joined[0]),
      "ALTER TABLE `shop`.`t` RENAME COLUMN `a` TO `b`, RENAME COLUMN `b` TO `a`, DROP COLUMN "
      "`c`");
  EXPECT_EQ(Restore(joined[1]), "ALTER TABLE `shop`.`t` RENAME AS `shop`.`u`");
}

TEST(NormalForm, ANewNameComesAfterTheOtherChanges) {
  const auto joined =
      JoinAlters(SplitDdl(One("ALTER TABLE t RENAME TO u, DROP CHECK t_chk_1, DROP c"), "shop"));
  ASSERT_EQ(joined.size(), 2u);
  EXPECT_EQ(Restore(joined[0]), "ALTER TABLE `shop`.`t` DROP CHECK `t_chk_1`, DROP COLUMN `c`");
  EXPECT_EQ(Restore(joined[1]), "ALTER TABLE `shop`.`t` RENAME AS `shop`.`u`");
}

TEST(NormalForm, OfSeveralNewNamesTheLastCounts) {
  EXPECT_EQ(Split("alter table t rename to u, add a int, rename to v, add b int"),
            (Texts{"ALTER TABLE `shop`.`t` ADD COLUMN `a` INT",
                   "ALTER TABLE `shop`.`t` RENAME AS `shop`.`v`",
                   "ALTER TABLE `shop`.`v` ADD COLUMN `b` INT"}));
}

// As MySQL logs CREATE TABLE ... SELECT.
TEST(NormalForm, StartTransactionGoes) {
  EXPECT_EQ(Split("create table t (a int) start transaction"),
            (Texts{"CREATE TABLE IF NOT EXISTS `shop`.`t` (`a` INT)"}));
  EXPECT_EQ(
      Split("create table t (a int) START TRANSACTION ENGINE=InnoDB COMMENT='x'"),
      (Texts{"CREATE TABLE IF NOT EXISTS `shop`.`t` (`a` INT) ENGINE = InnoDB COMMENT = 'x'"}));
  EXPECT_EQ(Split("create table t (a int) START TRANSACTION\n/*!50100 PARTITION BY HASH (a)\n"
                  "PARTITIONS 2 */"),
            (Texts{"CREATE TABLE IF NOT EXISTS `shop`.`t` (`a` INT) PARTITION BY HASH (`a`) "
                   "PARTITIONS 2"}));
}

TEST(NormalForm, CreateOrReplaceIsDropAndCreate) {
  EXPECT_EQ(Split("DROP SEQUENCE `a`,`d`.`b` /* generated by server */"),
            (std::vector<std::string>{"DROP SEQUENCE `shop`.`a`", "DROP SEQUENCE `d`.`b`"}));
  EXPECT_EQ(Split("create or replace table t (a int)"),
            (Texts{"DROP TABLE IF EXISTS `shop`.`t`",
                   "CREATE TABLE IF NOT EXISTS `shop`.`t` (`a` INT)"}));
}

TEST(NormalForm, StringsAreEscapedForTheDownstreamSession) {
  ParseOptions raw;
  raw.sql_mode = SqlMode(SqlMode::kNoBackslashEscapes);
  const Statement from_raw = One(R"(alter table t comment 'a\b')", raw);
  const Statement from_escaped = One(R"(alter table t comment 'a\\b')");
  EXPECT_EQ(Restore(from_raw), R"(ALTER TABLE `t` COMMENT = 'a\\b')");
  EXPECT_EQ(Restore(from_escaped), R"(ALTER TABLE `t` COMMENT = 'a\\b')");
  RestoreOptions options;
  options.no_backslash_escapes = true;
  EXPECT_EQ(Restore(from_raw, options), R"(ALTER TABLE `t` COMMENT = 'a\b')");
  // Texts that are kept as they are.
  for (
      const auto& [text, wanted] : std::vector<std::pair<const char*, const char*>>{
          {R"(alter table t attributes 'a\\b"x"', attributes = 'it''s\\')",
           R"(ALTER TABLE `t` ATTRIBUTES 'a\b"x"', ATTRIBUTES = 'it''s\')"},
          {R"(alter table t add index i (a) engine_attribute '{"a":"\\n"}')",
           R"(ALTER TABLE `t` ADD INDEX `i`(`a`) ENGINE_ATTRIBUTE = '{"a":"\n"}')"},
          {R"(alter table t add c int default (json_value(d, '$.a' default 'a\\b' on empty)))",
           R"(ALTER TABLE `t` ADD COLUMN `c` INT DEFAULT (JSON_VALUE(`d`, '$.a' DEFAULT 'a\b' ON EMPTY)))"},
          {R"(alter table t add c int default (json_value(d, '$.a' default N'\\' on error)))",
           R"(ALTER TABLE `t` ADD COLUMN `c` INT DEFAULT (JSON_VALUE(`d`, '$.a' DEFAULT N'\' ON ERROR)))"}}) {
    EXPECT_EQ(Restore(One(text), options), wanted);
  }
}

// Statements of all kinds: their normal form parses to itself.
TEST(NormalForm, IsAFixedPoint) {
  const std::vector<std::string> statements = {
      "create table t (a tinyint unsigned zerofill, b smallint(5), c mediumint, d int1, e bool, f "
      "boolean default true, g int8, h integer, i middleint)",
      "create table t (a decimal, b numeric(10), c dec(10,2), d fixed(5,1) unsigned, e float, f "
      "float(10), g float(30), h float(7,3), i double precision, j real, k float8(10,2))",
      "create table t (a bit, b bit(12) default b'101', c date, d time(3), e datetime(6) default "
      "now(6) on update current_timestamp(6), f timestamp null default current_timestamp on update "
      "localtimestamp(), g year(4), h year)",
      "create table t (a char, b char(5) binary, c varchar(10) character set latin1 collate "
      "latin1_bin, d nchar(3), e national varchar(5), f nvarchar(6), g character varying(7), h "
      "char byte, i varchar(3) ascii, j long varchar, k long varbinary, l long)",
      "create table t (a binary(5), b varbinary(20) default x'4142', c tinyblob, d blob, e "
      "blob(100), f text(200) charset utf8, g mediumtext, h longtext, i json, j longblob)",
      "create table t (a enum('a','b''c','ü ') default 'a', b set('x','y') not null default 'x,y')",
      "create table t (a geometry not null srid 4326, b point srid 0 not null, c linestring, d "
      "geomcollection, e multipolygon)",
      "create table t (a serial, b bigint serial default value, c vector(3))",
      "create table t (a int comment 'x' column_format dynamic storage disk, b int invisible, c "
      "int visible, d int check (d > 1), e int constraint ce check (e <> 3) not enforced)",
      "create table t (a int references p(id) on delete set null on update no action)",
      "create table t (a int generated always as (b * 2 + c) virtual, b int as (abs(c)) stored "
      "not null, c int as (if(d, 1, 2)) persistent unique, d int)",
      "create table t (a int default (1 + 2), b varchar(36) default (uuid()), c int default -5, d "
      "double default 1.5e3, e char(1) default null, f json default (json_array()))",
      "create table t (a int, primary key (a) using btree, unique key u (a, b desc), key (b(10)), "
      "index i using hash (a) key_block_size=8 comment 'c' invisible, fulltext key f (c) with "
      "parser ngram, spatial index s (g), key fx ((a + b), (lower(c)) desc), b text, c text, g "
      "geometry not null)",
      "create table t (a int, constraint pk primary key (a), constraint u unique (a), constraint "
      "fk "
      "foreign key ix (a) references s.p (x, y) match full on update cascade, constraint chk check "
      "(a in (1, 2, 3)), check (a between 1 and 5 or not a is null))",
      "create table t (a int) engine=InnoDB auto_increment=5 avg_row_length 10 default charset "
      "utf8mb4 collate=utf8mb4_bin checksum=1 comment 'x' compression='zlib' data directory '/d' "
      "index directory='/i' delay_key_write=1 insert_method=last max_rows=10 min_rows 1 "
      "pack_keys=default password='p' row_format=compressed stats_persistent=0 stats_auto_recalc "
      "default stats_sample_pages=5 tablespace ts storage disk union=(a, b.c)",
      "create table t (a int) transactional=1 page_checksum=1 page_compressed=1 "
      "encryption_key_id=2 my_engine_option='v'",
      "create table t (a int) partition by linear hash (a + 1) partitions 4",
      "create table t (a int) partition by key algorithm=2 (a) partitions 3",
      "create table t (a int) partition by key () partitions 2",
      "create table t (a int, b date) partition by range columns (b, a) subpartition by hash (a) "
      "subpartitions 2 (partition p0 values less than ('2020-01-01', 5) comment 'c' engine=InnoDB "
      "(subpartition s0, subpartition s1), partition p1 values less than (maxvalue, maxvalue))",
      "create table t (a int) partition by list (a) (partition p values in (1, 2, null), partition "
      "d values in (7))",
      "create table if not exists t like s.u",
      "create table t (like u)",
      "alter table t modify a bigint not null default 1 first, change b c varchar(20) after a",
      "alter table t add column a int after b, add unique index u (a), add primary key (a), add "
      "constraint fk foreign key (a) references p (id), add check (a > 0)",
      "alter table t drop index i, drop key k, drop primary key, drop foreign key f, drop check c, "
      "drop constraint d, drop column e, drop f",
      "alter table t alter a drop default, alter column b set default 'x', alter c set default "
      "(now()), alter d set invisible",
      "alter table t alter index i invisible, rename index a to b, rename key c to d, rename "
      "column e to f, alter check c not enforced",
      "alter table t convert to character set utf8mb4 collate utf8mb4_unicode_ci",
      "alter table t convert to charset default",
      "alter table t default character set latin1 collate latin1_bin, engine=MyISAM, "
      "auto_increment=100, row_format=dynamic",
      "alter table t order by a, b desc",
      "alter table t force, disable keys, enable keys, algorithm=instant, lock none, discard "
      "tablespace",
      "alter table t add partition (partition p1 values less than (10))",
      "alter table t add partition partitions 3",
      "alter table t drop partition p1, p2",
      "alter table t coalesce partition 2",
      "alter table t reorganize partition p1, p2 into (partition p3 values less than (5))",
      "alter table t exchange partition p with table u without validation",
      "alter table t rebuild partition all",
      "alter table t analyze partition p1",
      "alter table t remove partitioning",
      "alter table t add column a int partition by hash (a) partitions 2",
      "create unique index i using btree on t (a(5), b desc) comment 'c' algorithm=inplace "
      "lock=none",
      "create fulltext index i on t (a)",
      "drop index `PRIMARY` on t algorithm=copy",
      "create database d default character set utf8 collate utf8_bin encryption 'y'",
      "alter database d read only = 1",
      "rename table a to b, c.d to e.f",
      "alter table t add period for p(a, b)",
      "create sequence if not exists s start with 1 increment by 2 cache 10",
      "drop sequence if exists `a`,d.`b`",
  };
  for (const std::string& statement : statements) {
    ParseOptions options;
    options.mariadb = true;
    Normal(statement, options);
  }
}

TEST(ParseErrors, NamePlaceAndText) {
  EXPECT_EQ(Failure("CREATE nonsense").substr(0, 34), "line 1 column 15 near \"nonsense\" (");
  EXPECT_EQ(Failure("ALTER TABLE bl.t ADD COLUMN g 5").substr(0, 27),
            "line 1 column 31 near \"5\" (");
  // The reference counts one more on later lines.
  EXPECT_EQ(
      Failure("CREATE TABLE `t` (\n  `id` int(11) NOT NULL,\n  `h` 77 DEFAULT\n)").substr(0, 20),
      "line 3 column 9 near");
  EXPECT_EQ(Failure("ALTER TABLE t ADD COLUMN a INT garbage"),
            "line 1 column 38 near \"garbage\" (the statement should end here)");
  EXPECT_NE(Failure("CREATE TABLE t (a INT) AS SELECT 1").find("CREATE TABLE ... SELECT"),
            std::string::npos);
  EXPECT_NE(Failure("CREATE TABLE t (a INT").find("near \"\""), std::string::npos);
  EXPECT_NE(Failure("CREATE TABLE t (a VARCHAR(10) DEFAULT 'x)").find("closing quote"),
            std::string::npos);
  EXPECT_NE(Failure("/* open").find("comment without end"), std::string::npos);
  EXPECT_NE(Failure("ALTER TABLE t ADD COLUMN").find("column name"), std::string::npos);
  EXPECT_NE(Failure("ALTER TABLE t ADD g INT AS (SELECT 1)"), "");
  EXPECT_NE(Failure("ALTER TABLE t ADD COLUMN a INT,"), "");
  EXPECT_NE(Failure("ALTER TABLE t DROP COLUMN a b"), "");
  EXPECT_NE(Failure("WHATEVER x"), "");
  EXPECT_NE(Failure("DROP TABLE"), "");
  EXPECT_NE(Failure("ALTER TABLE t ADD INDEX (a"), "");
  EXPECT_NE(Failure("CREATE TABLE t (a INT DEFAULT (1)"), "");
}

TEST(ParseErrors, DeepNestingIsRefusedNotACrash) {
  EXPECT_NE(Failure("ALTER TABLE t ADD CHECK (" + std::string(100000, '(')), "");
  EXPECT_NE(Failure("ALTER TABLE t ADD CHECK (" + std::string(100000, '-') + "1)"), "");
  std::string chain = "ALTER TABLE t ADD CHECK (1";
  for (int i = 0; i < 100000; ++i) chain += "+1";
  EXPECT_NE(Failure(chain + ")"), "");
  std::string between = "ALTER TABLE t ADD CHECK (1";
  for (int i = 0; i < 100000; ++i) between += " BETWEEN 1 AND 1";
  EXPECT_NE(Failure(between + ")"), "");
}

TEST(Lexing, CommentsAndModes) {
  ParseOptions ansi;
  ansi.sql_mode = SqlMode(SqlMode::kAnsiQuotes);
  EXPECT_EQ(Restore(One("alter table \"t\" add column \"c\" int", ansi)),
            "ALTER TABLE `t` ADD COLUMN `c` INT");
  EXPECT_NE(Failure("alter table \"t\" add column \"c\" int"), "");

  EXPECT_TRUE(ParseStatements("/* only a comment */", {}).empty());
  EXPECT_TRUE(ParseStatements("# Dummy event replacing event type 29", {}).empty());
  EXPECT_TRUE(ParseStatements("-- x\n;;", {}).empty());
  EXPECT_EQ(Restore(One(std::string("drop table t\0", 13))), "DROP TABLE `t`");
  EXPECT_EQ(Restore(One("drop table t\n")), "DROP TABLE `t`");
  EXPECT_EQ(Restore(One("-- c\n/* d */ # e\n drop table t -- x")), "DROP TABLE `t`");

  const char* maria = "create table t (a int /*M!100100 default 5 */)";
  EXPECT_EQ(Restore(One(maria)), "CREATE TABLE `t` (`a` INT)");
  ParseOptions mariadb;
  mariadb.mariadb = true;
  EXPECT_EQ(Restore(One(maria, mariadb)), "CREATE TABLE `t` (`a` INT DEFAULT 5)");
  EXPECT_EQ(Restore(One("create table t (a int, primary key (a) /*T![clustered_index] CLUSTERED */ "
                        "/*T![unknown_thing] NONSENSE */)")),
            "CREATE TABLE `t` (`a` INT,PRIMARY KEY(`a`) /*T![clustered_index] CLUSTERED */)");
  // Bad executable comments inside a text value do not count.
  EXPECT_EQ(Restore(One("alter table t comment '/*!50000 x */ -- # '")),
            "ALTER TABLE `t` COMMENT = '/*!50000 x */ -- # '");
}

// A megabyte of them: each looks no further than its own end.
TEST(NormalForm, WhatUtf8Means) {
  ParseOptions four;
  four.mariadb = four.utf8_is_utf8mb4 = true;
  const auto same = [&](std::string_view text, std::string_view meant) {
    EXPECT_EQ(Restore(One(text, four)), Restore(One(meant, four))) << text;
    EXPECT_EQ(Restore(One(text)).find("utf8mb4"), std::string::npos) << text;
  };
  same("create table t (a char(9) charset utf8 collate utf8_bin) charset 'UTF8' collate=utf8_bin",
       "create table t (a char(9) charset utf8mb4 collate utf8mb4_bin) charset utf8mb4 "
       "collate=utf8mb4_bin");
  same("create table utf8 (utf8 int default (convert(_utf8'x' using utf8) collate utf8_bin))",
       "create table utf8 (utf8 int default (convert(_utf8mb4'x' using utf8mb4) collate "
       "utf8mb4_bin))");
  same("alter table t convert to character set utf8 collate utf8_bin",
       "alter table t convert to character set utf8mb4 collate utf8mb4_bin");
  same("create database utf8 character set utf8", "create database utf8 character set utf8mb4");
  same("create table t (a char(9) charset utf8mb3)", "create table t (a char(9) charset utf8mb3)");
}

TEST(Lexing, CommentsThatNameNoFeature) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "/*T![*/";
  EXPECT_EQ(Restore(One(text + "drop table t")), "DROP TABLE `t`");
}

TEST(Lexing, NamesThatLookLikeNumbers) {
  EXPECT_EQ(Restore(One("alter table 1a add 2b int, add `3` int")),
            "ALTER TABLE `1a` ADD COLUMN `2b` INT, ADD COLUMN `3` INT");
  EXPECT_EQ(Restore(One("drop table s.5e1")), "DROP TABLE `s`.`5e1`");
  EXPECT_EQ(Restore(One("drop table 1a")), "DROP TABLE `1a`");
}

TEST(Classes, SkippedAndNotDdl) {
  const auto kind = [](std::string_view text) {
    const Statement statement = One(text);
    const auto* other = statement.As<OtherStatement>();
    EXPECT_NE(other, nullptr) << text;
    return other == nullptr ? OtherStatement::Kind::kUnknownDdl : other->kind;
  };
  using Kind = OtherStatement::Kind;
  for (const char* text :
       {"CREATE OR REPLACE VIEW v AS SELECT 1", "DROP VIEW v",
        "CREATE DEFINER=`root`@`%` TRIGGER tr BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a=1; SET "
        "@b=2; END",
        "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END", "GRANT CREATE TABLESPACE ON *.* TO u",
        "CREATE ROLE r", "DROP TEMPORARY TABLE IF EXISTS t", "DROP /*!40005 TEMPORARY */ TABLE t",
        "CREATE TEMPORARY TABLE t (a INT)", "CREATE TEMPORARY SEQUENCE s", "ANALYZE TABLE t",
        "FLUSH TABLES", "SET PASSWORD = 'x'", "XA START 'x'", "INSTALL PLUGIN p SONAME 'x'",
        "CREATE SERVER s FOREIGN DATA WRAPPER w "
        "OPTIONS (USER 'u')",
        "RENAME USER a TO b",
        "/* c */ CREATE EVENT e ON SCHEDULE EVERY 1 "
        "DAY DO SELECT 1; SELECT 2"}) {
    EXPECT_EQ(kind(text), Kind::kSkipped) << text;
    EXPECT_TRUE(MatchesBuiltinSkip(text)) << text;
  }
  for (const char* text : {"BEGIN", "INSERT INTO t VALUES (1)", "update t set a = 1", "SET @a = 1",
                           "USE x", "COMMIT", "SELECT 1"}) {
    EXPECT_EQ(kind(text), Kind::kNotDdl) << text;
    EXPECT_FALSE(MatchesBuiltinSkip(text)) << text;
  }
  EXPECT_EQ(kind("LOCK TABLES t READ"), Kind::kUnknownDdl);
  for (const char* text :
       {"ALTER TABLE t ADD a INT", "DROP TABLE user", "CREATE TABLE event (a INT)"}) {
    EXPECT_FALSE(MatchesBuiltinSkip(text)) << text;
  }
}

TEST(Classes, AWholeExecutableCommentKeepsItsError) {
  EXPECT_NE(Failure("/*!50003 drop function x */"), "");
  EXPECT_FALSE(MatchesBuiltinSkip("/*!50003 drop function x */"));
  EXPECT_EQ(Restore(One("/*!50003 drop table x */")), "DROP TABLE `x`");
}

TEST(Classes, SetStatementIsSeenThrough) {
  EXPECT_EQ(Restore(One("SET STATEMENT max_statement_time=1 FOR ALTER TABLE t ADD a INT")),
            "ALTER TABLE `t` ADD COLUMN `a` INT");
}

TEST(Names, ReferencesAndRouting) {
  const auto refs = [](std::string_view text, bool fold = false) {
    std::string out;
    for (const TableName& name : TableRefs(SplitDdl(One(text), "Shop").front(), "Shop", fold)) {
      out += name.schema + "." + name.name + " ";
    }
    return out;
  };
  EXPECT_EQ(refs("create database X", true), "x. ");
  EXPECT_EQ(refs("create database X"), "X. ");
  EXPECT_EQ(refs("create table T (a int, foreign key (a) references P (a))"), "Shop.T ");
  EXPECT_EQ(refs("create table T like H.U"), "Shop.T H.U ");
  EXPECT_EQ(refs("create table T like H.U", true), "shop.t h.u ");
  EXPECT_EQ(refs("rename table a to b"), "Shop.a Shop.b ");
  EXPECT_EQ(refs("alter table a rename to c.b"), "Shop.a c.b ");
  EXPECT_EQ(refs("alter table a exchange partition p with table b"), "Shop.a Shop.b ");
  EXPECT_EQ(refs("alter schema charset utf8"), "Shop. ");

  const Statement rename = SplitDdl(One("rename table a to b"), "s").front();
  const std::vector<TableName> routed = {{"x", "y"}, {"x", "z"}};
  EXPECT_EQ(Restore(RenameTables(rename, routed)), "RENAME TABLE `x`.`y` TO `x`.`z`");
  try {
    RenameTables(rename, std::vector<TableName>{{"x", "y"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), static_cast<int>(ErrorCode::kRewriteSQL));
  }
  try {
    TableRefs(One("INSERT INTO t VALUES (1)"), "s", false);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), static_cast<int>(ErrorCode::kUnknownTypeDDL));
  }
}

TEST(Collations, AreCompletedFromTheUpstreamsDefaults) {
  const CollationLookup lookup = [](std::string_view charset) -> std::string {
    if (charset == "utf8mb4") return "utf8mb4_general_ci";
    if (charset == "latin1") return "latin1_swedish_ci";
    return "";
  };
  std::vector<std::string> warnings;
  const auto complete = [&](std::string_view text, std::string_view server = "") {
    Statement statement = One(text);
    CompleteCollations(&statement, lookup, server,
                       [&](std::string line) { warnings.push_back(std::move(line)); });
    return Restore(statement);
  };
  EXPECT_EQ(complete("create table t (a char(1) charset latin1) charset utf8mb4"),
            "CREATE TABLE `t` (`a` CHAR(1) CHARACTER SET LATIN1 COLLATE latin1_swedish_ci) DEFAULT "
            "CHARACTER SET = UTF8MB4 DEFAULT COLLATE = UTF8MB4_GENERAL_CI");
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(complete("create table t (a char(1))"), "CREATE TABLE `t` (`a` CHAR(1))");
  EXPECT_EQ(warnings.size(), 1u);
  EXPECT_EQ(complete("create database d", "utf8mb4_general_ci"),
            "CREATE DATABASE `d` COLLATE = utf8mb4_general_ci");
  EXPECT_EQ(complete("create database d charset latin1"),
            "CREATE DATABASE `d` CHARACTER SET = latin1 COLLATE = latin1_swedish_ci");
}

TEST(Collations, ShortNamesAreOfTheCharacterSetInForce) {
  std::string table = "utf8";
  const auto complete = [&](std::string_view text) {
    Statement statement = One(text);
    CompleteShortCollations(&statement, [&](std::string_view column) {
      return column == "known" ? std::string("ucs2") : table;
    });
    return Restore(statement);
  };
  EXPECT_EQ(complete("create table t (a char(1) charset ucs2 collate uca1400_ai_ci, b char(1) "
                     "collate UCA1400_as_ci, c char(1) collate utf8mb4_uca1400_ai_ci, d char(1) "
                     "charset utf8mb4 collate uca1400_ai_ci) charset utf16 collate uca1400_ai_cs"),
            "CREATE TABLE `t` (`a` CHAR(1) CHARACTER SET UCS2 COLLATE ucs2_uca1400_ai_ci,`b` "
            "CHAR(1) COLLATE utf16_UCA1400_as_ci,`c` CHAR(1) COLLATE utf8mb4_uca1400_ai_ci,`d` "
            "CHAR(1) CHARACTER SET UTF8MB4 COLLATE uca1400_ai_ci) DEFAULT CHARACTER SET = UTF16 "
            "DEFAULT COLLATE = UTF16_UCA1400_AI_CS");
  EXPECT_EQ(complete("create table t (a char(1) collate uca1400_ai_ci) collate utf32_bin"),
            "CREATE TABLE `t` (`a` CHAR(1) COLLATE utf32_uca1400_ai_ci) DEFAULT COLLATE = "
            "UTF32_BIN");
  EXPECT_EQ(complete("create table t (a char(1) collate uca1400_ai_ci, known char(1) collate "
                     "uca1400_ai_ci) charset default collate uca1400_ai_ci"),
            "CREATE TABLE `t` (`a` CHAR(1) COLLATE utf8mb3_uca1400_ai_ci,`known` CHAR(1) COLLATE "
            "ucs2_uca1400_ai_ci) DEFAULT CHARACTER SET = DEFAULT DEFAULT COLLATE = "
            "UTF8MB3_UCA1400_AI_CI");
  EXPECT_EQ(complete("alter table t modify known char(1) collate uca1400_ai_ci, add a char(1) "
                     "collate uca1400_ai_ci, collate uca1400_as_cs, convert to charset utf32 "
                     "collate uca1400_ai_ci"),
            "ALTER TABLE `t` MODIFY COLUMN `known` CHAR(1) COLLATE ucs2_uca1400_ai_ci, ADD COLUMN "
            "`a` CHAR(1) COLLATE utf8mb3_uca1400_ai_ci, DEFAULT COLLATE = UTF8MB3_UCA1400_AS_CS, "
            "CONVERT TO CHARACTER SET UTF32 COLLATE UTF32_UCA1400_AI_CI");
  EXPECT_EQ(complete("alter database d collate uca1400_ai_ci"),
            "ALTER DATABASE `d` COLLATE = utf8mb3_uca1400_ai_ci");
  EXPECT_EQ(complete("create database d charset ucs2 collate uca1400_ai_ci"),
            "CREATE DATABASE `d` CHARACTER SET = ucs2 COLLATE = ucs2_uca1400_ai_ci");
  for (const std::string other : {"", "utf8mb4", "latin1"}) {
    table = other;
    EXPECT_EQ(complete("alter database d collate uca1400_ai_ci"),
              "ALTER DATABASE `d` COLLATE = uca1400_ai_ci");
  }
}

TEST(Events, NamesOfSplitStatements) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"create database d", "create database"},
      {"drop database d", "drop database"},
      {"create table t (a int)", "create table"},
      {"drop table t", "drop table"},
      {"truncate t", "truncate table"},
      {"rename table a to b", "rename table"},
      {"create index i on t (a)", "create index"},
      {"drop index i on t", "drop index"},
      {"alter table t rename to u", "rename table"},
      {"alter table t rename column a to b", "rename column"},
      {"alter table t rename index a to b", "rename index"},
      {"alter table t drop a", "drop column"},
      {"alter table t drop index a", "drop index"},
      {"alter table t drop primary key", "drop primary key"},
      {"alter table t alter a set default 1", "modify default value"},
      {"alter table t add unique (a)", "modify constraint"},
      {"alter table t comment 'x' engine=InnoDB charset utf8", "modify storage engine"},
      {"alter table t collate utf8_bin", "modify collation"},
      {"alter table t charset utf8", "modify charset"},
      {"alter table t convert to character set latin1", "modify charset"},
      {"alter table t convert to character set utf8mb4 collate utf8mb4_bin", "modify charset"},
      {"alter table t reorganize partition", "reorganize table partition"},
      {"alter table t truncate partition p", "truncate table partition"},
      {"alter table t rebuild partition p", "rebuild table partition"},
      {"alter table t exchange partition p with table u", "exchange table partition"},
      {"alter table t coalesce partition 1", "coalesce table partition"},
      {"alter table t drop partition p", "drop table partition"},
      {"alter table t add a int", "alter table"},
      {"alter table t drop foreign key f", "alter table"},
      {"create sequence s", ""},
  };
  for (const auto& [text, name] : rows) {
    EXPECT_EQ(EventName(SplitDdl(One(text), "s").front()), name) << text;
  }
}

TEST(Targets, PartsATargetLacksAreLeftOut) {
  RestoreOptions tidb;
  tidb.target = SqlTarget::kTiDb;
  RestoreOptions mysql;
  mysql.target = SqlTarget::kMySql;
  RestoreOptions mariadb;
  mariadb.target = SqlTarget::kMariaDb;
  const Statement table =
      One("create table t (a int invisible, g point not null srid 4326) engine=InnoDB "
          "page_compressed=1 autoextend_size=4M odd_option=3");
  EXPECT_EQ(Restore(table, tidb), "CREATE TABLE `t` (`a` INT,`g` POINT NOT NULL) ENGINE = InnoDB");
  EXPECT_EQ(Restore(table, mysql),
            "CREATE TABLE `t` (`a` INT INVISIBLE,`g` POINT NOT NULL SRID 4326) ENGINE = InnoDB "
            "AUTOEXTEND_SIZE = 4M ODD_OPTION = 3");
  EXPECT_EQ(Restore(table, mariadb),
            "CREATE TABLE `t` (`a` INT INVISIBLE,`g` POINT NOT NULL) ENGINE = InnoDB "
            "PAGE_COMPRESSED = 1 ODD_OPTION = 3");
}

TEST(SqlModes, WordsMeanWhatTheModeSays) {
  ParseOptions options;
  options.sql_mode = SqlMode::Parse("MAXDB");
  EXPECT_EQ(Normal("create table t (a timestamp, b timestamp(3) not null)", options),
            "CREATE TABLE `t` (`a` DATETIME,`b` DATETIME(3) NOT NULL)");

  options.mariadb = true;
  options.sql_mode = SqlMode::Parse("MSSQL");
  EXPECT_EQ(Normal("create table [m x] ([a]]b] int)", options), "CREATE TABLE `m x` (`a]b` INT)");
  options.sql_mode = SqlMode(SqlMode::kEmptyStringIsNull);
  EXPECT_EQ(Normal("create table t (a varchar(9) default '' comment '')", options),
            "CREATE TABLE `t` (`a` VARCHAR(9) DEFAULT NULL COMMENT '')");
  options.sql_mode = SqlMode::Parse("ORACLE");
  const auto function = [&](const std::string& text) {
    return Restore(ParseExpression(text, options));
  };
  EXPECT_EQ(function("a || b"), "CONCAT_OPERATOR_ORACLE(`a`, `b`)");
  EXPECT_EQ(function("substring(a, 0, length(b))"), "SUBSTR_ORACLE(`a`, 0, CHAR_LENGTH(`b`))");
  EXPECT_EQ(function("trim(both 'x' from a)"), "TRIM_ORACLE(BOTH 'x' FROM `a`)");
  EXPECT_EQ(function("concat(a, b)"), "CONCAT_OPERATOR_ORACLE(`a`, `b`)");
  EXPECT_EQ(function("mid(a, 0, 2)"), "SUBSTR_ORACLE(`a`, 0, 2)");
  EXPECT_EQ(function("decode(a, b, c)"), "DECODE_ORACLE(`a`, `b`, `c`)");
  EXPECT_EQ(function("regexp_replace(a, 'b', c)"), "REGEXP_REPLACE(`a`, 'b', COALESCE(`c`, ''))");
  EXPECT_EQ(function("regexp_replace(a, 'b', 'c')"), "REGEXP_REPLACE(`a`, 'b', 'c')");
  EXPECT_EQ(function("mariadb_schema.regexp_replace(a, 'b', c)"), "REGEXP_REPLACE(`a`, 'b', `c`)");
  options.sql_mode = SqlMode();
  EXPECT_EQ(function("oracle_schema.regexp_replace(a, 'b', c)"),
            "REGEXP_REPLACE(`a`, 'b', COALESCE(`c`, ''))");
  EXPECT_EQ(function("oracle_schema.concat(a, b)"), "CONCAT_OPERATOR_ORACLE(`a`, `b`)");
  EXPECT_EQ(function("regexp_replace(a, 'b', c)"), "REGEXP_REPLACE(`a`, 'b', `c`)");
  EXPECT_EQ(function("trim_oracle(a)"), "TRIM_ORACLE(`a`)");
  EXPECT_EQ(function("concat_operator_oracle(a, b)"), "CONCAT_OPERATOR_ORACLE(`a`, `b`)");
  EXPECT_EQ(function("length(a)"), "LENGTH(`a`)");
}

TEST(SqlModes, Parse) {
  EXPECT_TRUE(SqlMode::Parse("STRICT_TRANS_TABLES,ansi_quotes").ansi_quotes());
  EXPECT_TRUE(SqlMode::Parse("ANSI").pipes_as_concat());
  EXPECT_FALSE(SqlMode::Parse("").ansi_quotes());
}

TEST(Parser, IgnoreOfAnAlterTable) {
  ParseOptions options;
  options.mariadb = true;
  for (const auto& [text, ignore] :
       {std::pair("alter ignore table t add unique (a), add c int", true),
        std::pair("alter online ignore table t add unique (a)", true),
        std::pair("alter table t add ignore int", false)}) {
    Statement statement;
    ASSERT_TRUE(ParseFirst(text, options, &statement)) << text;
    for (const Statement& part : SplitDdl(statement, "s")) {
      EXPECT_EQ(part.As<AlterTable>()->ignore, ignore) << text;
    }
  }
}

}  // namespace
}  // namespace dm::mysql
