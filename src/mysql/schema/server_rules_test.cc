// What servers do that a statement does not say: names that they make, indexes of foreign keys,
// defaults that follow from elsewhere. Each as MySQL 9 and MariaDB 10.11 do it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error/error.h"
#include "base/io/text.h"
#include "mysql/schema/table_info_json.h"
#include "mysql/schema/tracked_schema_test.h"

namespace dm::mysql {
namespace {

class ServerRulesTest : public TrackedSchema {
 protected:
  explicit ServerRulesTest(bool mariadb = false)
      : TrackedSchema(Options(mariadb), {.sql_mode = {}, .mariadb = mariadb}) {}

  static TrackerOptions Options(bool mariadb) {
    TrackerOptions options;
    options.mariadb = mariadb;
    options.default_collation_of = [](std::string_view charset) {
      return DefaultCollation(charset, false);
    };
    return options;
  }

  const TableInfo& Table(std::string_view name) {
    table_ = tracker_.MustGetTable("s", name);
    // What is stored is what was tracked.
    const std::string json = TableInfoToJson(*table_);
    EXPECT_EQ(TableInfoToJson(TableInfoFromJson(json)), json);
    return *table_;
  }

  template <class Items>
  static std::string Names(const Items& items) {
    std::string out;
    for (const auto& item : items) out += (out.empty() ? "" : " ") + item.name;
    return out;
  }
  std::string Indexes(std::string_view table) { return Names(Table(table).indexes); }
  std::string Checks(std::string_view table) { return Names(Table(table).checks); }
  std::string Keys(std::string_view table) { return Names(Table(table).foreign_keys); }

  TablePtr table_;
};

class MariaDbRulesTest : public ServerRulesTest {
 protected:
  MariaDbRulesTest() : ServerRulesTest(true) {}
};

TEST_F(ServerRulesTest, ChecksAreNumberedInTheOrderOfTheText) {
  Run("create table t (a int check (a > 0), check (a < 9), b int check (b > 0), constraint n check "
      "(a > b))");
  const TableInfo& table = Table("t");
  ASSERT_EQ(table.checks.size(), 4u);
  const auto name_of = [&](std::string_view expr) -> std::string {
    for (const CheckInfo& check : table.checks) {
      if (check.expr == expr) return check.name;
    }
    return "none";
  };
  EXPECT_EQ(name_of("`a` > 0"), "t_chk_1");
  EXPECT_EQ(name_of("`a` < 9"), "t_chk_2");
  EXPECT_EQ(name_of("`b` > 0"), "t_chk_3");
  // Numbers go on behind the last one that stays.
  Run("alter table t drop check t_chk_2, add check (a <> 4)");
  EXPECT_EQ(Table("t").checks.back().name, "t_chk_4");
  Run("alter table t add check (a <> 5), drop check T_CHK_4, add check (a <> 6)");
  EXPECT_EQ(Checks("t"), "n t_chk_1 t_chk_3 t_chk_4 t_chk_5");
  Run("rename table t to u");
  EXPECT_EQ(Table("u").checks.back().name, "u_chk_5");
  Run("create table v like u");
  EXPECT_EQ(Checks("v"), "v_chk_1 v_chk_2 v_chk_3 v_chk_4 v_chk_5");
  // One goes with its column, too. Names that are given do not count.
  Run("create table w (a int, b int, check (b > 0)); alter table w drop b, add constraint w_chk_7 "
      "check (a > 1), add check (a > 2)");
  EXPECT_EQ(Checks("w"), "w_chk_7 w_chk_1");
}

TEST_F(ServerRulesTest, ALastWordCountsOfChecksAndVisibility) {
  Run("create table t (a int, b int invisible visible, c int visible invisible, check (a > 0) not "
      "enforced)");
  const auto enforced = [&] { return Table("t").checks.front().enforced; };
  Run("alter table t alter check t_chk_1 not enforced, alter check t_chk_1 enforced");
  EXPECT_TRUE(enforced());
  // ALTER CONSTRAINT comes behind ALTER CHECK, wherever it stands.
  Run("alter table t alter constraint t_chk_1 not enforced, alter check t_chk_1 enforced");
  EXPECT_FALSE(enforced());
  Run("alter table t alter constraint t_chk_1 enforced, alter check t_chk_1 not enforced");
  EXPECT_TRUE(enforced());
  EXPECT_FALSE(Table("t").columns[1].invisible);
  EXPECT_TRUE(Table("t").columns[2].invisible);
  Run("alter table t modify c int invisible visible");
  EXPECT_FALSE(Table("t").columns[2].invisible);
}

TEST_F(MariaDbRulesTest, ChecksAreConstraintsWithTheFirstFreeNumber) {
  Run("create table t (a int check (a > 0), b int, check (a < 9), check (b > 0))");
  EXPECT_EQ(Checks("t"), "CONSTRAINT_1 CONSTRAINT_2 a");
  Run("alter table t drop constraint CONSTRAINT_1, add check (b > 1)");
  EXPECT_EQ(Checks("t"), "CONSTRAINT_2 a CONSTRAINT_1");
  // MODIFY replaces a column's check, RENAME keeps the names of the others.
  Run("alter table t modify a int");
  EXPECT_EQ(Checks("t"), "CONSTRAINT_2 CONSTRAINT_1");
  Run("rename table t to u; create table v like u");
  EXPECT_EQ(Checks("v"), "CONSTRAINT_2 CONSTRAINT_1");
}

TEST_F(ServerRulesTest, ForeignKeysAndTheirIndexes) {
  Run("create table t (a int, b int, c int, d int, foreign key ia (a) references p (x), constraint "
      "fb foreign key ib (b) references p (x), foreign key (c) references p (x), key late (c, d))");
  EXPECT_EQ(Keys("t"), "t_ibfk_1 fb t_ibfk_2");
  EXPECT_EQ(Indexes("t"), "late ia fb");
  // The number goes on behind the last one.
  Run("alter table t drop foreign key t_ibfk_1, add foreign key (d) references p (x)");
  EXPECT_EQ(Keys("t"), "fb t_ibfk_2 t_ibfk_3");
  EXPECT_EQ(Indexes("t"), "late ia fb d");
  // Another made index takes the place of one that is there; an explicit one of any made one.
  Run("alter table t add constraint again foreign key (a) references p (x)");
  EXPECT_EQ(Indexes("t"), "late fb d again");
  Run("alter table t add unique (a, b)");
  EXPECT_EQ(Indexes("t"), "late fb d a");
  Run("alter table t rename to u");
  EXPECT_EQ(Keys("u"), "fb u_ibfk_2 u_ibfk_3 again");
}

TEST_F(ServerRulesTest, ForeignKeysAreNumberedBehindThoseBeforeTheStatement) {
  Run("create table t (a int, b int, c int, constraint t_ibfk_7 foreign key (a) references p (x), "
      "foreign key (b) references p (x))");
  EXPECT_EQ(Keys("t"), "t_ibfk_7 t_ibfk_1");
  Run("alter table t drop foreign key t_ibfk_7, add constraint t_ibfk_20 foreign key (a) "
      "references "
      "p (x), add foreign key (b) references p (x), add foreign key (c) references p (x)");
  EXPECT_EQ(Keys("t"), "t_ibfk_1 t_ibfk_20 t_ibfk_8 t_ibfk_9");
}

TEST_F(MariaDbRulesTest, IfNotExistsAsksForTheTableAsItWas) {
  Run("create table t (a int, b int, key k (a), unique u (a), constraint f foreign key (a) "
      "references p (x), constraint x check (a > 0), primary key (b))");
  Run("alter table t drop key k, add key if not exists k (b), drop key u, add unique if not exists "
      "u "
      "(b), drop foreign key f, add constraint f foreign key if not exists (b) references p (x), "
      "drop constraint x, add constraint if not exists x check (b > 0), drop primary key, add "
      "primary key if not exists (a)");
  EXPECT_EQ(Indexes("t"), "");
  EXPECT_EQ(Keys("t"), "");
  EXPECT_EQ(Checks("t"), "");
  // And for what the statement has added.
  Run("alter table t add key if not exists k (a), add key if not exists K (b)");
  EXPECT_EQ(Indexes("t"), "k");
  EXPECT_EQ(Table("t").indexes[0].columns[0].name, "a");
}

TEST_F(MariaDbRulesTest, DropConstraintLeavesKeysOfHashValues) {
  Run("create table t (a longblob, b varchar(769), c varchar(20), d varchar(768), unique long_key "
      "(a), unique wide (b), unique asked (c) using hash, unique plain (d), unique part (a(9)))");
  Run("alter table t drop constraint if exists long_key, drop constraint if exists wide, drop "
      "constraint if exists asked, drop constraint if exists plain, drop constraint if exists "
      "part");
  EXPECT_EQ(Indexes("t"), "long_key wide asked");
  // It is asked for once.
  Run("alter table t drop constraint if exists asked");
  EXPECT_EQ(Indexes("t"), "long_key wide");
  Run("alter table t drop index long_key, modify b varchar(20)");
  Run("alter table t drop constraint wide");
  EXPECT_EQ(Indexes("t"), "");
}

TEST_F(MariaDbRulesTest, AnIndexThatGoesWithItsColumnMayBeNamed) {
  Run("create table t (a int, b int, key k (a)); alter table t drop column a, alter index k "
      "ignored");
  EXPECT_EQ(Indexes("t"), "");
}

TEST_F(MariaDbRulesTest, ConvertIsForColumnsAndOptionsAreForTheTable) {
  Run("create table t (a varchar(5), b text) character set latin1");
  const auto collations = [&] {
    std::string out = Table("t").collation + ":";
    for (const ColumnInfo& column : table_->columns) out += " " + column.collation;
    return out;
  };
  Run("alter table t convert to character set utf8mb4, add c varchar(5), character set latin2");
  EXPECT_EQ(collations(),
            "latin2_general_ci: utf8mb4_general_ci utf8mb4_general_ci utf8mb4_general_ci");
  Run("alter table t collate utf8mb4_bin, convert to character set latin1 collate latin1_bin");
  EXPECT_EQ(collations(), "utf8mb4_bin: latin1_bin latin1_bin latin1_bin");
  // It also counts more than what the statement says of a column, unless that is of any set.
  Run("alter table t convert to character set utf8mb3, modify a varchar(5) collate "
      "latin1_german1_ci, "
      "modify b text binary, modify c varchar(5) collate uca1400_as_ci");
  EXPECT_EQ(collations(), "utf8_general_ci: utf8_general_ci utf8_bin utf8_uca1400_as_ci");
}

TEST_F(ServerRulesTest, ConvertIsForColumnsAndWhatFollowsForTheTable) {
  Run("create table t (a varchar(5), b text) character set latin1");
  const auto collations = [&] {
    std::string out = Table("t").collation + ":";
    for (const ColumnInfo& column : table_->columns) out += " " + column.collation;
    return out;
  };
  Run("alter table t convert to character set utf8mb4 collate utf8mb4_bin, collate "
      "utf8mb4_unicode_ci");
  EXPECT_EQ(collations(), "utf8mb4_unicode_ci: utf8mb4_bin utf8mb4_bin");
  Run("alter table t collate utf8mb4_bin, convert to character set utf8mb4 collate "
      "utf8mb4_unicode_ci, character set utf8mb4");
  EXPECT_EQ(collations(), "utf8mb4_unicode_ci: utf8mb4_unicode_ci utf8mb4_unicode_ci");
  Run("alter table t character set latin1, collate latin1_bin, comment 'x', character set latin1");
  EXPECT_EQ(Table("t").collation, "latin1_bin");
}

TEST_F(ServerRulesTest, ConvertMakesTextsAsLongAsTheColumnWas) {
  Run("create table t (a varchar(20), b text, c tinytext, d int, e varchar(300)) character set "
      "utf8mb4");
  Run("alter table t modify a text, modify b mediumtext, modify c text, change d f text, modify e "
      "text, add g text, convert to character set latin1");
  std::string types;
  for (const ColumnInfo& column : Table("t").columns) {
    types += fmt::format("{}{}", types.empty() ? "" : " ", column.length);
  }
  EXPECT_EQ(types, "255 65535 255 255 255 65535");
}

// Members are told apart by `|`.
std::string MembersOf(const TableInfo& table, size_t column = 0) {
  return Join(table.columns[column].elements, "|");
}

TEST_F(ServerRulesTest, ConvertKeepsTheBytesOfMembers) {
  const auto converted = [&](const std::string& members, const std::string& from,
                             const std::string& to) {
    Run("drop table if exists t");
    Run("create table t (a enum(" + members + "), b set(" + members + ")) charset " + from);
    Run("alter table t convert to character set " + to);
    EXPECT_EQ(MembersOf(Table("t"), 0), MembersOf(Table("t"), 1));
    return MembersOf(Table("t"));
  };
  EXPECT_EQ(converted("'a','b'", "latin1", "utf8mb4"), "a|b");
  EXPECT_EQ(converted("'\u00e9','x'", "utf8mb4", "utf8mb3"), "\u00e9|x");
  EXPECT_EQ(converted("'\u00e9','x'", "utf8mb4", "binary"), "\u00e9|x");
  EXPECT_EQ(converted("'\u00e9','x','\u0436'", "utf8mb4", "latin1"), "\u00c3\u00a9|x|\u00d0\u00b6");
  EXPECT_EQ(converted("'\u00e9','x','\u0436'", "utf8mb4", "gbk"), "\u8305|x|\u5378");
  EXPECT_EQ(converted("'\u00e9','x','\u0436'", "utf8mb4", "utf16"), "\uc3a9||\ud0b6");
  EXPECT_EQ(converted("'\u00e9','x'", "utf16", "latin1"), std::string("\0\u00e9|\0x", 6));
  EXPECT_EQ(converted("'\u00e9','\u0436'", "gbk", "latin1"), "\u00a8\u00a6|\u00a7\u00d8");
  // What is no character any more is shown as ?, and half a one at the end not at all.
  EXPECT_EQ(converted("'\u00e9','n\u00e9','\u00e9t\u00e9','f\u00e9e'", "latin1", "utf8mb4"),
            "|n|?t|f");
  EXPECT_EQ(converted("'\u00e9','\u0436'", "gbk", "utf8mb4"), "??|?");
  EXPECT_EQ(converted("'\u00e9x'", "latin1", "ascii"), "?x");
  // Where it is not converted to be shown it is shown as bytes.
  EXPECT_EQ(converted("'\u00e9','x'", "latin1", "binary"), "\xe9|x");
  EXPECT_EQ(converted("'\u00e9','x'", "latin1", "utf8mb3"), "\xe9|x");
  Run("alter table t convert to character set latin1");
  EXPECT_EQ(MembersOf(Table("t")), "\u00e9|x");
}

TEST_F(ServerRulesTest, ConvertRemembersWhatMembersWere) {
  Run("create table t (a enum('n\u00e9','\u597d')) charset utf8mb4");
  Run("alter table t convert to character set gbk");
  EXPECT_EQ(MembersOf(Table("t")), "n\u8305|\u6fc2");
  EXPECT_EQ(Table("t").columns[0].converted_members,
            (std::vector<std::string>{"n\u00e9", "\u597d"}));
  EXPECT_EQ(Table("t").columns[0].converted_from, "utf8mb4");
  Run("alter table t convert to character set latin1");
  EXPECT_EQ(MembersOf(Table("t")), "n\u00c3\u00a9|\u00e5\u00a5\u00bd");
  Run("alter table t convert to character set utf8mb4");
  EXPECT_EQ(MembersOf(Table("t")), "n\u00e9|\u597d");
  EXPECT_TRUE(Table("t").columns[0].converted_members.empty());
  Run("alter table t convert to character set latin1");
  Run("alter table t modify a enum('n\u00e9')");
  EXPECT_TRUE(Table("t").columns[0].converted_members.empty());
}

TEST_F(ServerRulesTest, ConvertConvertsMembersThatTheStatementHas) {
  Run("create table t (a enum('\u00e9')) charset latin1");
  Run("alter table t modify a enum('\u00e9','\u0436'), add b set('\u0436'), "
      "convert to character set utf8mb4");
  EXPECT_EQ(MembersOf(Table("t")), "\u00e9|\u0436");
  EXPECT_EQ(MembersOf(Table("t"), 1), "\u0436");
  Run("alter table t modify a enum('\u00e9','\u0436'), convert to character set latin1");
  EXPECT_EQ(MembersOf(Table("t")), "\u00e9|?");
  EXPECT_EQ(MembersOf(Table("t"), 1), "\u00d0\u00b6");
}

TEST_F(ServerRulesTest, MembersHaveCharactersOfTheirSet) {
  Run("create table t (a enum('\u00e9','\u0436'), b set('\u0436\u0436x') charset utf8mb4) "
      "charset latin1");
  EXPECT_EQ(MembersOf(Table("t")), "\u00e9|?");
  EXPECT_EQ(MembersOf(Table("t"), 1), "\u0436\u0436x");
  Run("alter table t modify b set('\u0436\u0436x'), add c enum('\u0436') charset cp1251");
  EXPECT_EQ(MembersOf(Table("t"), 1), "??x");
  EXPECT_EQ(MembersOf(Table("t"), 2), "\u0436");
}

TEST_F(MariaDbRulesTest, ConvertKeepsTheBytesOfMembers) {
  const auto converted = [&](const std::string& members, const std::string& from,
                             const std::string& to) {
    Run("drop table if exists t");
    Run("create table t (a enum(" + members + ")) charset " + from);
    Run("alter table t convert to character set " + to);
    return MembersOf(Table("t"));
  };
  EXPECT_EQ(converted("'\u00e9','x','\u0436'", "utf8mb4", "latin1"), "\u00c3\u00a9|x|\u00d0\u00b6");
  EXPECT_EQ(converted("'\u00e9','x','\u0436'", "utf8mb4", "utf16"), "\uc3a9|?|\ud0b6");
  // Every byte that belongs to no character is shown as ?.
  EXPECT_EQ(converted("'\u00e9','n\u00e9','\u00e9t\u00e9','f\u00e9e'", "latin1", "utf8mb4"),
            "?|n?|?t?|f?e");
  EXPECT_EQ(converted("'\u00e9','\u0436'", "gbk", "utf8mb4"), "??|??");
  EXPECT_EQ(converted("'\u00e9','x'", "latin1", "binary"), "?|x");
}

TEST_F(ServerRulesTest, KeysOfLabelsThatBecomeStrings) {
  Run("create table t (e enum('x','yyy'), s set('x','y'), w enum('x','y'), u enum('x','yy') "
      "character set utf8mb4, unique e (e), unique es (s, w), key u (u)) character set latin1");
  const auto parts = [&] {
    std::string out;
    for (const IndexInfo& index : Table("t").indexes) {
      for (const IndexColumn& part : index.columns) {
        out += fmt::format(" {}:{}", part.name, part.length);
      }
    }
    return out;
  };
  Run("alter table t modify e enum('x','yyy','z'), comment 'x'");
  EXPECT_EQ(parts(), " e:-1 s:-1 w:-1 u:-1");
  Run("alter table t change e f varchar(5), modify s char(9), modify w varchar(5), modify u "
      "varchar(20)");
  EXPECT_EQ(parts(), " f:1 s:1 w:-1 u:-1");
  Run("alter table t modify f varchar(1)");
  EXPECT_EQ(parts(), " f:-1 s:1 w:-1 u:-1");
}

TEST_F(ServerRulesTest, ConvertToBinaryKeepsTheBytesOfDefaults) {
  Run("create table t (a varchar(5) default 'ü', b char(5) character set utf16 default 'xz', c "
      "char(5) default 'x') character set latin1");
  Run("alter table t convert to character set binary");
  EXPECT_EQ(*Table("t").columns[0].default_value, "\xfc");
  EXPECT_EQ(*Table("t").columns[1].default_value, std::string("\0x\0z\0", 5));
  EXPECT_EQ(*Table("t").columns[2].default_value, std::string("x\0\0\0\0", 5));
}

TEST_F(MariaDbRulesTest, ForeignKeysTakeTheNameOfTheirIndex) {
  Run("create table t (a int, b int references p (x), foreign key ia (a) references p (x))");
  EXPECT_EQ(Keys("t"), "t_ibfk_1 ia");
  EXPECT_EQ(Indexes("t"), "b ia");
}

TEST_F(ServerRulesTest, OnUpdateStaysWithAnotherDefault) {
  Run("create table t (a datetime(3) default now(3) on update now(3))");
  Run("alter table t alter a drop default");
  EXPECT_TRUE(Table("t").columns[0].on_update_now());
}

TEST_F(MariaDbRulesTest, ADefaultThatFollowsTheClockGoesWithOnUpdate) {
  Run("create table t (a datetime(3) default now(3) on update now(3), b datetime default "
      "'2020-01-01' on update now(), c datetime on update now(), d timestamp default now() on "
      "update now())");
  Run("alter table t alter a drop default, alter b drop default, alter c set default '2020-01-01', "
      "alter d set default '2020-01-01'");
  const TableInfo& table = Table("t");
  EXPECT_FALSE(table.columns[0].on_update_now());
  EXPECT_TRUE(table.columns[1].on_update_now());
  EXPECT_TRUE(table.columns[2].on_update_now());
  EXPECT_FALSE(table.columns[3].on_update_now());
}

TEST_F(ServerRulesTest, MadeIndexNamesFollowTheText) {
  Run("create table t (a int, b int, foreign key (a) references p (x), unique (a, b), key (a), b2 "
      "int "
      "unique, key (b2))");
  // The foreign key needs no index of its own, so the name is free for the next one.
  EXPECT_EQ(Indexes("t"), "a a_2 b2_2 b2");
}

TEST_F(ServerRulesTest, NamesFoldBeyondAscii) {
  Run("create table t (`größe` int, `Ωmega` int, `ДА` int)");
  Run("alter table t rename column `GRÖßE` to a, change `ωMEGA` b int, drop column `да`");
  EXPECT_EQ(Names(Table("t").columns), "a b");
}

TEST_F(ServerRulesTest, ADefaultIsNoExpressionWithACollation) {
  Run("create table t (a varchar(5) default 'x' collate utf8mb4_unicode_ci, b varchar(5) collate "
      "utf8mb4_unicode_ci default 'y') collate utf8mb4_bin");
  for (const ColumnInfo& column : Table("t").columns) {
    EXPECT_EQ(column.collation, "utf8mb4_unicode_ci") << column.name;
    EXPECT_FALSE(column.default_is_expr) << column.name;
  }
}

TEST_F(ServerRulesTest, InvisiblePrimaryKeysAreOrdinaryColumns) {
  // As MySQL 9 logs a CREATE TABLE with sql_generate_invisible_primary_key.
  Run("CREATE TABLE `t` (\n  `my_row_id` bigint unsigned NOT NULL AUTO_INCREMENT /*!80023 "
      "INVISIBLE "
      "*/,\n  `a` int DEFAULT NULL,\n  PRIMARY KEY (`my_row_id`)\n)");
  EXPECT_EQ(Table("t").RowColumns().size(), 2u);
  EXPECT_TRUE(Table("t").columns[0].invisible);
  ASSERT_NE(Table("t").primary_key(), nullptr);
  Run("alter table t add c int first, add d int after my_row_id");
  EXPECT_EQ(Names(Table("t").columns), "my_row_id c d a");
}

TEST_F(ServerRulesTest, CreateTableSelectAsItIsLogged) {
  Run("CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `a` int DEFAULT NULL\n) START TRANSACTION");
  EXPECT_EQ(Table("t").columns.size(), 2u);
}

TEST_F(MariaDbRulesTest, JsonIsATextWithACheck) {
  Run("create table t (a json, b json check (b is not null), c longtext)");
  EXPECT_EQ(Checks("t"), "a b");
  Run("alter table t modify a longtext, change c d json");
  EXPECT_EQ(Checks("t"), "b d");
}

TEST_F(MariaDbRulesTest, PeriodsAndKeysWithoutOverlaps) {
  Run("create table t (id int, unique (id, app without overlaps), s date, e date, period for app "
      "(s, "
      "e))");
  const TableInfo& table = Table("t");
  ASSERT_EQ(table.indexes.size(), 1u);
  EXPECT_EQ(Names(table.indexes[0].columns), "id e s");
  EXPECT_TRUE(table.FindColumn("s")->not_null());
  Run("alter table t drop index id, drop period for app, change s start_date date");
  EXPECT_TRUE(Table("t").periods.empty());
  EXPECT_FALSE(Table("t").FindColumn("start_date")->not_null());
}

TEST_F(MariaDbRulesTest, OptionsOfNoMeaningHereAreTaken) {
  Run("create table a (id int primary key) engine=Aria transactional=1 page_checksum=1; create "
      "table "
      "b (id int primary key, c text compressed) page_compressed=1 page_compression_level=5 "
      "encrypted=yes odd_option='x'");
  EXPECT_EQ(Table("b").columns.size(), 2u);
}

TEST_F(MariaDbRulesTest, SystemVersionedTables) {
  const auto period = [&](std::string_view table) {
    const PeriodInfo* found = Table(table).system_period();
    if (found == nullptr) return std::string("none");
    return (table_->has_implicit_period() ? "implicit " : "") + found->start + " " + found->end;
  };
  Run("create table v (id int primary key, x int) with system versioning");
  EXPECT_EQ(period("v"), "implicit row_start row_end");
  EXPECT_EQ(Table("v").columns.size(), 2u);
  Run("create table w (a int with system versioning, b int)");
  EXPECT_EQ(period("w"), "implicit row_start row_end");
  Run("create table n (a int without system versioning)");
  EXPECT_EQ(period("n"), "none");
  Run("create table l like v");
  EXPECT_EQ(period("l"), "implicit row_start row_end");

  Run("alter table v drop system versioning");
  EXPECT_EQ(period("v"), "none");
  Run("alter table v add s timestamp(6) as row start, add e timestamp(6) as row end, add period "
      "for system_time (s, e), add system versioning");
  EXPECT_EQ(period("v"), "s e");
  EXPECT_TRUE(Table("v").FindColumn("s")->is_row_start());
  EXPECT_TRUE(Table("v").FindColumn("e")->is_row_end());
  EXPECT_TRUE(Table("v").FindColumn("e")->is_generated());
  EXPECT_EQ(Table("v").primary_key()->columns.size(), 2u);
  Run("alter table v add key (s), drop primary key, add primary key (e, id)");
  EXPECT_EQ(Table("v").primary_key()->columns.size(), 2u);
  Run("alter table v drop s, drop e, drop period for system_time");
  EXPECT_EQ(period("v"), "implicit row_start row_end");
  EXPECT_EQ(Table("v").primary_key()->columns.size(), 1u);

  const auto refusal = [&](const std::string& statement) {
    try {
      Run(statement);
    } catch (const Error& error) {
      return error.raw_cause();
    }
    return std::string("none");
  };
  Run("create table m (a int, s timestamp(6) as row start, e timestamp(6) as row end, b int, "
      "period "
      "for system_time (s, e)) with system versioning");
  EXPECT_TRUE(refusal("alter table m drop s, drop e, drop period for system_time")
                  .starts_with("[schema:8200]a system-versioned table that loses the columns"));
  Run("alter table m drop s, drop e, drop period for system_time, drop system versioning");
  EXPECT_EQ(period("m"), "none");
  EXPECT_EQ(refusal("create table y (a int, s bigint unsigned as row start, e bigint unsigned as "
                    "row end, period for system_time (s, e)) with system versioning"),
            "[schema:8200]tables that are versioned by transactions are not supported");
  EXPECT_EQ(refusal("create table y (a int, s timestamp(6) as row start, e timestamp(6) as row "
                    "end, period for system_time (s, e), unique k (a, s)) with system versioning"),
            "[schema:8200]a unique key over the column `s` (GENERATED ALWAYS AS ROW START) is not "
            "supported");
}

TEST_F(ServerRulesTest, WhatTheReferenceDoesNotStoreOutlivesARestart) {
  Run("create table t (a int, b text, g geometry not null, fulltext ft (b), spatial sp (g), "
      "foreign "
      "key (a) references p (id))");
  const TableInfo stored = TableInfoFromJson(TableInfoToJson(Table("t")));
  tracker_.PutTable("s", "t", std::make_shared<const TableInfo>(stored));
  Run("alter table t rename index ft to ft2, rename index sp to sp2, add key mine (a)");
  EXPECT_EQ(Indexes("t"), "ft2 sp2 mine");
  EXPECT_EQ(Table("t").FindIndex("ft2")->kind, IndexInfo::Kind::kFullText);
}

TEST_F(ServerRulesTest, KeysOfAnyLengthAreTaken) {
  Run("create table t (c varchar(20000), key (c(20000)))");
  EXPECT_EQ(Indexes("t"), "c");
}

}  // namespace
}  // namespace dm::mysql
