// What servers do that a statement does not say: names that they make, indexes of foreign keys,
// defaults that follow from elsewhere. Each as MySQL 9 and MariaDB 10.11 do it.
#include <gtest/gtest.h>

#include "base/error/error.h"
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
  // Numbers go on behind the last one, also if it goes in the same statement.
  Run("alter table t drop check t_chk_3, add check (a <> 5)");
  EXPECT_EQ(Table("t").checks.back().name, "t_chk_4");
  Run("rename table t to u");
  EXPECT_EQ(Table("u").checks.back().name, "u_chk_4");
  Run("create table v like u");
  EXPECT_EQ(Checks("v"), "v_chk_1 v_chk_2 v_chk_3 v_chk_4");
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
