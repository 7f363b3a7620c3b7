#include "mysql/schema/schema_tracker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/error/error.h"
#include "mysql/schema/build.h"
#include "mysql/schema/modify_event.h"
#include "mysql/schema/show_create.h"
#include "mysql/schema/table_info_json.h"
#include "mysql/schema/tracked_schema_test.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"

namespace dm::mysql {
namespace {

class TrackerTest : public TrackedSchema {
 protected:
  // "a int, b varchar(5) | PRIMARY(a) k(b:3)"
  std::string Shape(std::string_view table) {
    const TablePtr info = tracker_.GetTable("s", table);
    if (info == nullptr) return "none";
    std::string out;
    for (const ColumnInfo& column : info->columns) {
      if (column.hidden) continue;
      if (!out.empty()) out += " ";
      out += column.name;
      if (column.not_null()) out += "!";
    }
    out += " |";
    for (const IndexInfo& index : info->indexes) {
      out += " " + std::string(index.unique ? "*" : "") + index.name + "(";
      for (size_t i = 0; i < index.columns.size(); ++i) {
        const IndexColumn& part = index.columns[i];
        if (i > 0) out += ",";
        out += part.name;
        EXPECT_EQ(info->columns[part.offset].name, part.name);
        if (part.length >= 0) out += ":" + std::to_string(part.length);
      }
      out += ")";
    }
    return out;
  }

  // Raw cause of the refusal.
  std::string Refusal(std::string_view sql) {
    const TablePtr before = tracker_.GetTable("s", "t");
    try {
      Run(sql);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), static_cast<int>(ErrorCode::kSchemaTrackerCannotExecDDL));
      EXPECT_EQ(tracker_.GetTable("s", "t"), before);
      return error.raw_cause();
    }
    return "accepted";
  }
};

// Rows of a sequence are tracked under its name.
TEST_F(TrackerTest, NameOfASequenceIsFreeAgain) {
  for (const char* end :
       {"drop sequence q", "drop sequence if exists other, q", "create or replace sequence q"}) {
    Run("create table if not exists q (next_not_cached_value bigint not null)");
    Run("alter sequence q restart 7");
    EXPECT_EQ(Shape("q"), "next_not_cached_value! |") << end;
    Run(end);
    EXPECT_EQ(Shape("q"), "none") << end;
  }
}

TEST_F(TrackerTest, ColumnsAreAddedMovedAndDropped) {
  Run("create table t (a int primary key, b varchar(10), c int, key k (b(3), c))");
  EXPECT_EQ(Shape("t"), "a! b c | k(b:3,c) *PRIMARY(a)");
  Run("alter table t add d int first, add (e int, f int), add g int after b");
  EXPECT_EQ(Shape("t"), "d a! b g c e f | k(b:3,c) *PRIMARY(a)");
  Run("alter table t modify c bigint not null first, change b bb varchar(20) after f");
  EXPECT_EQ(Shape("t"), "c! d a! g e f bb | k(bb:3,c) *PRIMARY(a)");
  Run("alter table t drop c, drop column e");
  EXPECT_EQ(Shape("t"), "d a! g f bb | k(bb:3) *PRIMARY(a)");
  Run("alter table t drop bb");
  EXPECT_EQ(Shape("t"), "d a! g f | *PRIMARY(a)");
  Run("alter table t rename column A to B, drop F");
  EXPECT_EQ(Shape("t"), "d B! g | *PRIMARY(B)");
}

TEST_F(TrackerTest, DependentAndSwappingListsAreOneStep) {
  Run("create table t (a int, b varchar(5), key (a))");
  Run("alter table t rename column a to b, rename column b to a");
  EXPECT_EQ(Shape("t"), "b a | a(b)");
  EXPECT_EQ(tracker_.GetTable("s", "t")->columns[0].type, FieldType::kLong);
  Run("alter table t drop column a, add column a date, drop key a, add key a (a)");
  EXPECT_EQ(Shape("t"), "b a | a(a)");
  EXPECT_EQ(tracker_.GetTable("s", "t")->columns[1].type, FieldType::kDate);
  Run("alter table t add column id int auto_increment, add primary key (id)");
  EXPECT_EQ(Shape("t"), "b a id! | a(a) *PRIMARY(id)");
}

TEST_F(TrackerTest, RenamesReachEveryExpression) {
  Run("create table t (a int, b int as (a + 1) stored, c int default (a * 2), check (a > 0), key f "
      "((a + 5)), foreign key x (a) references p (id)) partition by range (a) (partition p0 values "
      "less than (5))");
  Run("alter table t change a z bigint");
  const TablePtr table = tracker_.GetTable("s", "t");
  EXPECT_EQ(table->FindColumn("b")->generated_expr, "`z` + 1");
  EXPECT_EQ(table->FindColumn("b")->dependences, std::vector<std::string>{"z"});
  EXPECT_EQ(table->FindColumn("c")->default_value, "`z` * 2");
  EXPECT_EQ(table->checks[0].expr, "`z` > 0");
  EXPECT_EQ(table->foreign_keys[0].columns[0], "z");
  EXPECT_EQ(table->partition->text,
            "PARTITION BY RANGE (`z`) (PARTITION `p0` VALUES LESS THAN (5))");
  EXPECT_EQ(table->columns.back().generated_expr, "`z` + 5");
  EXPECT_TRUE(table->columns.back().hidden);
}

TEST_F(TrackerTest, KeysAndTheirFlags) {
  Run("create table t (a int, b int, c int, unique (a), unique u2 (b, c), key (b))");
  EXPECT_EQ(Shape("t"), "a b c | *a(a) *u2(b,c) b(b)");
  TablePtr table = tracker_.GetTable("s", "t");
  EXPECT_EQ(table->columns[0].flags, column_flag::kUniqueKey);
  EXPECT_EQ(table->columns[1].flags, column_flag::kMultipleKey);
  EXPECT_EQ(table->columns[2].flags, 0u);
  Run("alter table t add primary key (c), add unique (a), add key (a)");
  EXPECT_EQ(Shape("t"), "a b c! | *a(a) *u2(b,c) b(b) *PRIMARY(c) *a_2(a) a_3(a)");
  Run("alter table t drop primary key, drop index a, rename index a_2 to a9");
  EXPECT_EQ(Shape("t"), "a b c! | *u2(b,c) b(b) *a9(a) a_3(a)");
  Run("create index i on t (c desc); drop index a_3 on t; drop index a9 on t");
  EXPECT_EQ(Shape("t"), "a b c! | *u2(b,c) b(b) i(c)");
  EXPECT_EQ(tracker_.GetTable("s", "t")->columns[0].flags, 0u);
  Run("alter table t add primary key (a, c)");
  Run("alter table t drop primary key");
  Run("alter table t add primary key (a)");
  EXPECT_EQ(Shape("t"), "a! b c! | *u2(b,c) b(b) i(c) *PRIMARY(a)");
  Run("drop index `PRIMARY` on t");
  EXPECT_EQ(Shape("t"), "a! b c! | *u2(b,c) b(b) i(c)");
}

TEST_F(TrackerTest, FunctionalIndexesHaveHiddenColumns) {
  Run("create table t (a int, key ((a + 1)), key ((a + 2), a))");
  TablePtr table = tracker_.GetTable("s", "t");
  EXPECT_EQ(table->columns.size(), 3u);
  EXPECT_EQ(table->RowColumns().size(), 1u);
  EXPECT_NE(table->FindIndex("functional_index"), nullptr);
  EXPECT_NE(table->FindIndex("functional_index_2"), nullptr);
  Run("alter table t add b int");
  EXPECT_EQ(Shape("t").substr(0, 3), "a b");
  Run("alter table t drop index functional_index");
  EXPECT_EQ(tracker_.GetTable("s", "t")->columns.size(), 3u);
}

TEST_F(TrackerTest, Conditions) {
  Run("create table t (a int)");
  Run("alter table t add column if not exists a bigint, drop column if exists zz, drop index if "
      "exists k, modify column if exists yy int, add column if not exists b int");
  EXPECT_EQ(Shape("t"), "a b |");
  EXPECT_EQ(tracker_.GetTable("s", "t")->columns[0].type, FieldType::kLong);
  Run("create table if not exists t (only_one int)");
  EXPECT_EQ(Shape("t"), "a b |");
  Run("drop table if exists nonsense; drop database if exists nonsense");
  // What is gone already is passed over.
  Run("alter table t drop column zz");
  Run("drop index zz on t");
  EXPECT_EQ(Shape("t"), "a b |");
}

TEST_F(TrackerTest, RefusalsNameTheReasonAndChangeNothing) {
  Run("create table t (a int, b int as (a) virtual)");
  EXPECT_EQ(Refusal("alter table t add a int"), "[schema:1060]Duplicate column name 'a'");
  EXPECT_EQ(Refusal("alter table t add c int, add c int"),
            "[schema:1060]Duplicate column name 'c'");
  EXPECT_EQ(Refusal("alter table t add c int after zz"), "[schema:1054]Unknown column 'zz' in 't'");
  EXPECT_EQ(Refusal("alter table t modify zz int"), "[schema:1054]Unknown column 'zz' in 't'");
  EXPECT_EQ(Refusal("alter table t add key (zz)"),
            "[schema:1072]Key column 'zz' doesn't exist in table");
  EXPECT_EQ(Refusal("alter table t drop a"),
            "[schema:3108]Column 'a' has a generated column dependency.");
  EXPECT_EQ(Refusal("alter table t drop a, drop b"),
            "[schema:1090]You can't delete all columns with ALTER TABLE; use DROP TABLE instead");
  EXPECT_EQ(Refusal("alter table zz add a int"), "[schema:1146]Table 's.zz' doesn't exist");
  EXPECT_EQ(Refusal("create table nowhere.x (a int)"), "[schema:1049]Unknown database 'nowhere'");
  Run("create table u (a int)");
  EXPECT_EQ(Refusal("rename table t to u"), "[schema:1050]Table 's.u' already exists");
  EXPECT_EQ(Refusal("alter table t add key k (a), add key K (a)"),
            "[schema:1061]Duplicate key name 'K'");
}

// As MariaDB shows them.
TEST(SchemaTracker, ConstraintsOfTheDownstreamMayHaveOtherNamesUpstream) {
  SchemaTracker tracker{TrackerOptions{}};
  TableInfo table = ParseCreateTable("CREATE TABLE t (a INT, CONSTRAINT t_chk_1 CHECK (a > 0))");
  const auto drop = [&](bool named_downstream, std::string_view text) {
    table.named_downstream = named_downstream;
    tracker.PutTable("s", "t", std::make_shared<TableInfo>(table));
    Statement statement;
    EXPECT_TRUE(ParseFirst(text, {}, &statement));
    tracker.Exec("s", statement);
    EXPECT_EQ(tracker.GetTable("s", "t")->named_downstream, named_downstream);
    return tracker.GetTable("s", "t")->checks.size();
  };
  for (const std::string_view text :
       {"ALTER TABLE t DROP CHECK o_chk_1", "ALTER TABLE t DROP FOREIGN KEY o_ibfk_1",
        "ALTER TABLE t DROP CONSTRAINT o_chk_1"}) {
    EXPECT_EQ(drop(true, text), 1U) << text;
  }
  EXPECT_THROW(drop(false, "ALTER TABLE t DROP CHECK o_chk_1"), Error);
  EXPECT_EQ(drop(true, "ALTER TABLE t DROP CHECK t_chk_1"), 0U);
}

TEST(SchemaTracker, DefaultsOfSequences) {
  SchemaTracker tracker({});
  tracker.CreateSchemaIfNotExists("s");
  ParseOptions mariadb;
  mariadb.mariadb = true;
  Apply(tracker,
        "create table t (a int default (nextval(q)), b int default next value for x.q, c int "
        "default 1); alter table t alter c set default previous value for `q``r`",
        mariadb);
  const TablePtr table = tracker.GetTable("s", "t");
  ASSERT_NE(table, nullptr);
  const char* const expected[] = {"nextval(`s`.`q`)", "nextval(`x`.`q`)", "lastval(`s`.`q``r`)"};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(table->columns[i].default_value, expected[i]);
    EXPECT_TRUE(table->columns[i].default_is_expr);
  }
  mariadb.sql_mode = SqlMode::Parse("ORACLE");
  Apply(tracker, "create table o (a int default q.nextval, b int default x.q.currval)", mariadb);
  const TablePtr oracle = tracker.GetTable("s", "o");
  ASSERT_NE(oracle, nullptr);
  EXPECT_EQ(oracle->columns[0].default_value, "nextval(`s`.`q`)");
  EXPECT_EQ(oracle->columns[1].default_value, "lastval(`x`.`q`)");
}

TEST_F(TrackerTest, TablesMoveBetweenSchemas) {
  Run("create database x character set latin1");
  Run("create table t (a varchar(10))");
  Run("rename table t to x.u");
  EXPECT_EQ(tracker_.GetTable("s", "t"), nullptr);
  EXPECT_EQ(tracker_.GetTable("x", "u")->name, "u");
  Run("create table x.w (a varchar(10))");
  EXPECT_EQ(tracker_.GetTable("x", "w")->columns[0].charset, "latin1");
  Run("create table y like x.u; rename table y to tmp, x.u to y, tmp to x.u");
  EXPECT_NE(tracker_.GetTable("s", "y"), nullptr);
  Run("drop database x");
  EXPECT_FALSE(tracker_.HasSchema("x"));
  EXPECT_EQ(tracker_.GetTable("x", "u"), nullptr);
  Run("create or replace table y (only int)");
  EXPECT_EQ(Shape("y"), "only |");
}

TEST_F(TrackerTest, PlansAreInvisibleUntilCommitted) {
  Run("create table t (a int)");
  std::vector<Statement> statements = {
      SplitDdl(ParseStatements("alter table t add b int", {}).front(), "s").front()};
  TrackerChange change = tracker_.Plan("s", statements);
  EXPECT_EQ(Shape("t"), "a |");
  EXPECT_EQ(tracker_.GetTable(change, "s", "t")->columns.size(), 2u);
  tracker_.Commit(std::move(change));
  EXPECT_EQ(Shape("t"), "a b |");
}

TEST_F(TrackerTest, NamesFollowLowerCaseTableNames) {
  Run("create table T (a int)");
  EXPECT_EQ(tracker_.GetTable("s", "t"), nullptr);
  TrackerOptions folded;
  folded.lower_case_table_names = 1;
  SchemaTracker other(folded);
  other.CreateSchemaIfNotExists("S");
  Apply(other, "create table T (a int); rename table t to T");
  EXPECT_NE(other.GetTable("s", "t"), nullptr);
  EXPECT_NE(other.GetTable("S", "T"), nullptr);
}

TEST_F(TrackerTest, CharsetsOfColumns) {
  Run("create table t (a varchar(10), b varchar(10) charset latin1, c text collate "
      "utf8mb4_unicode_ci, "
      "d varchar(5) binary, e char(3) charset binary, f text charset latin1) charset utf8mb4 "
      "collate "
      "utf8mb4_general_ci");
  TablePtr table = tracker_.GetTable("s", "t");
  const auto collation = [&](int i) { return table->columns[i].collation; };
  EXPECT_EQ(collation(0), "utf8mb4_general_ci");
  EXPECT_EQ(collation(1), "latin1_bin");
  EXPECT_EQ(collation(2), "utf8mb4_unicode_ci");
  EXPECT_EQ(collation(3), "utf8mb4_bin");
  EXPECT_EQ(collation(4), "binary");
  Run("alter table t charset latin1");
  table = tracker_.GetTable("s", "t");
  EXPECT_EQ(table->charset, "latin1");
  EXPECT_EQ(collation(0), "utf8mb4_general_ci");
  Run("alter table t convert to character set utf8mb4 collate utf8mb4_unicode_ci");
  table = tracker_.GetTable("s", "t");
  EXPECT_EQ(collation(1), "utf8mb4_unicode_ci");
  EXPECT_EQ(collation(4), "binary");
  EXPECT_EQ(table->columns[2].type, FieldType::kBlob);
  EXPECT_EQ(table->columns[5].type, FieldType::kMediumBlob);
}

TEST_F(TrackerTest, Defaults) {
  Run("create table t (a decimal(5,2) default 1.5, b int default '7', c year not null, d "
      "datetime(3) "
      "default '2020-01-01', e time default '1:2:3', f binary(3) default 'x', g enum('A','b') "
      "default "
      "'a', h date default 20200229, i varchar(36) default (uuid()), j timestamp default "
      "'0000-00-00 "
      "00:00:00', k double default 1.50, l bit(9) default 257, m char(3) default null)");
  const TablePtr table = tracker_.GetTable("s", "t");
  const std::vector<std::optional<std::string>> expected = {"1.50",      "7",
                                                            "0000",      "2020-01-01 00:00:00.000",
                                                            "01:02:03",  std::string("x\0\0", 3),
                                                            "A",         "2020-02-29",
                                                            "uuid()",    "0000-00-00 00:00:00",
                                                            "1.5",       std::string("\1\1"),
                                                            std::nullopt};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(table->columns[i].default_value, expected[i]) << table->columns[i].name;
  }
  EXPECT_TRUE(table->FindColumn("i")->default_is_expr);
  Run("alter table t alter b drop default, alter m set default 'z'");
  EXPECT_TRUE(tracker_.GetTable("s", "t")->FindColumn("b")->has_no_default());
  EXPECT_EQ(tracker_.GetTable("s", "t")->FindColumn("m")->default_value, "z");
  // MODIFY without NOT NULL makes a column nullable.
  Run("alter table t modify c year");
  EXPECT_FALSE(tracker_.GetTable("s", "t")->FindColumn("c")->not_null());
}

TEST_F(TrackerTest, Partitions) {
  Run("create table t (a int) partition by range (a) (partition p0 values less than (5), partition "
      "p1 "
      "values less than (9))");
  Run("alter table t add partition (partition p2 values less than maxvalue)");
  Run("alter table t drop partition p0");
  Run("alter table t reorganize partition p2 into (partition p3 values less than (20), partition "
      "p4 "
      "values less than maxvalue)");
  EXPECT_EQ(
      tracker_.GetTable("s", "t")->partition->text,
      "PARTITION BY RANGE (`a`) (PARTITION `p1` VALUES LESS THAN (9),PARTITION `p3` VALUES LESS "
      "THAN (20),PARTITION `p4` VALUES LESS THAN (MAXVALUE))");
  Run("alter table t truncate partition p1");
  Run("alter table t remove partitioning");
  EXPECT_FALSE(tracker_.GetTable("s", "t")->partition.has_value());
  Run("alter table t partition by hash (a) partitions 4");
  Run("alter table t coalesce partition 1");
  EXPECT_EQ(tracker_.GetTable("s", "t")->partition->num, 3u);
}

TEST_F(TrackerTest, ForeignKeysAndTheirIndexes) {
  Run("create table t (a int, b int, constraint fk foreign key (a) references p (id), foreign key "
      "(b) "
      "references q.p (id) on delete set null)");
  TablePtr table = tracker_.GetTable("s", "t");
  ASSERT_EQ(table->foreign_keys.size(), 2u);
  EXPECT_EQ(table->foreign_keys[0].ref_schema, "s");
  EXPECT_EQ(table->foreign_keys[1].name, "t_ibfk_1");
  EXPECT_EQ(table->foreign_keys[1].ref_schema, "q");
  EXPECT_EQ(Shape("t"), "a b | fk(a) b(b)");
  Run("alter table t add key mine (a, b)");
  EXPECT_EQ(Shape("t"), "a b | b(b) mine(a,b)");
  Run("alter table t drop foreign key fk");
  EXPECT_EQ(tracker_.GetTable("s", "t")->foreign_keys.size(), 1u);
}

TEST_F(TrackerTest, RulesOfDownstreamsAndModes) {
  TrackerOptions tidb;
  tidb.downstream_tidb = true;
  SchemaTracker to_tidb(tidb);
  to_tidb.CreateSchemaIfNotExists("s");
  Apply(to_tidb, "create table t (a int) row_format=compact; alter table t comment 'x'");
  try {
    Apply(to_tidb, "alter table t row_format=dynamic");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.raw_cause().find("This type of ALTER TABLE is currently unsupported"),
              std::string::npos);
  }
  TrackerOptions shard;
  shard.shard_mode = true;
  SchemaTracker sharded(shard);
  sharded.CreateSchemaIfNotExists("s");
  Apply(sharded, "create table t (a int); alter table t add b int unique");
  EXPECT_TRUE(sharded.GetTable("s", "t")->indexes.empty());
  EXPECT_TRUE(sharded.GetTable("s", "t")->columns[1].flags & column_flag::kUniqueKey);
  Apply(sharded, "alter table t add c int");
  EXPECT_TRUE(sharded.GetTable("s", "t")->columns[1].flags & column_flag::kUniqueKey);
  const TableInfo stored = TableInfoFromJson(TableInfoToJson(*sharded.GetTable("s", "t")));
  EXPECT_TRUE(stored.columns[1].sticky_key_flags & column_flag::kUniqueKey);
}

TEST_F(TrackerTest, ClosedTrackersSaySo) {
  tracker_.Close();
  try {
    tracker_.GetTable("s", "t");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), static_cast<int>(ErrorCode::kSchemaTrackerIsClosed));
  }
  tracker_.Reset();
  EXPECT_EQ(tracker_.GetTable("s", "t"), nullptr);
}

TEST_F(TrackerTest, ReadersSeeWholeDefinitionsWhileTheyChange) {
  Run("create table t (a int, key (a))");
  std::atomic<bool> done = false;
  std::atomic<int> reads = 0;
  std::thread reader([&] {
    while (!done || reads == 0) {
      const TablePtr table = tracker_.GetTable("s", "t");
      ASSERT_NE(table, nullptr);
      ASSERT_EQ(table->columns[table->indexes[0].columns[0].offset].name, "a");
      ++reads;
    }
  });
  for (int i = 0; i < 50; ++i) {
    Run("alter table t add x" + std::to_string(i) + " int first");
  }
  done = true;
  reader.join();
  EXPECT_GT(reads, 0);
}

TEST(ModifyEvents, SequenceOfThePage) {
  const TableInfo table = ParseCreateTable(
      "create table t1 (id int primary key auto_increment, m mediumint(7), s smallint(6), d "
      "decimal(7,2), c int, u int, v varchar(10), e enum('a','b'), k char(4), x text, j json, b "
      "binary(4), i int unsigned, unique key (u))");
  const auto name = [&](const std::string& change) {
    const Statement statement =
        SplitDdl(ParseStatements("alter table t1 " + change, {}).front(), "s").front();
    return std::string(EventNameOf(statement, &table, {}));
  };
  EXPECT_EQ(name("modify m smallint(6)"), "value range decrease");
  EXPECT_EQ(name("modify s mediumint(7)"), "alter table");
  EXPECT_EQ(name("modify d decimal(7,1)"), "precision decrease");
  EXPECT_EQ(name("modify d decimal(8,2)"), "precision decrease");
  EXPECT_EQ(name("modify m varchar(10)"), "modify column");
  EXPECT_EQ(name("change c c_new int"), "rename column");
  EXPECT_EQ(name("change id id int primary key"), "remove auto increment");
  EXPECT_EQ(name("change id id int auto_increment"), "drop primary key");
  EXPECT_EQ(name("change c c int default 1"), "modify default value");
  EXPECT_EQ(name("change u u int"), "drop unique key");
  EXPECT_EQ(name("change s s smallint(6) after j"), "modify columns order");
  EXPECT_EQ(name("modify k char(4) charset latin1"), "modify charset");
  EXPECT_EQ(name("modify x text collate utf8mb4_unicode_ci"), "modify collation");
  EXPECT_EQ(name("modify v char(10)"), "modify column");
  EXPECT_EQ(name("modify v varchar(5)"), "value range decrease");
  EXPECT_EQ(name("modify v varchar(50)"), "alter table");
  EXPECT_EQ(name("modify e enum('a','b','c')"), "alter table");
  EXPECT_EQ(name("modify e enum('b','a')"), "value range decrease");
  EXPECT_EQ(name("modify k char(2)"), "alter table");
  EXPECT_EQ(name("modify b binary(5)"), "precision decrease");
  EXPECT_EQ(name("modify i int"), "precision decrease");
  EXPECT_EQ(name("modify i bigint"), "value range decrease");
  EXPECT_EQ(name("modify v text"), "alter table");
  EXPECT_EQ(name("modify unknown int"), "alter table");
  EXPECT_EQ(name("drop column c"), "drop column");
}

TEST(ShowCreate, Layout) {
  const TableInfo table = ParseCreateTable(
      "create table t (a int unsigned not null auto_increment comment 'it''s', b varchar(20) "
      "charset "
      "latin1 default 'x', c timestamp(3) null default current_timestamp(3) on update "
      "current_timestamp(3), d bit(4) default b'101', e int as (a + 1) stored, f int not null, "
      "primary "
      "key (a), unique key u (b), key p (b(3)) comment 'c', constraint fk foreign key (f) "
      "references "
      "s2.p (id) on delete cascade) comment 'tc'");
  EXPECT_EQ(ShowCreateTable(table, "s"),
            "CREATE TABLE `t` (\n"
            "  `a` int(10) unsigned NOT NULL AUTO_INCREMENT COMMENT 'it''s',\n"
            "  `b` varchar(20) CHARACTER SET latin1 DEFAULT 'x',\n"
            "  `c` timestamp(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),\n"
            "  `d` bit(4) DEFAULT b'101',\n"
            "  `e` int(11) GENERATED ALWAYS AS (`a` + 1) STORED,\n"
            "  `f` int(11) NOT NULL,\n"
            "  PRIMARY KEY (`a`) /*T![clustered_index] NONCLUSTERED */,\n"
            "  UNIQUE KEY `u` (`b`),\n"
            "  KEY `p` (`b`(3)) COMMENT 'c',\n"
            "  KEY `fk` (`f`),\n"
            "  CONSTRAINT `fk` FOREIGN KEY (`f`) REFERENCES `s2`.`p` (`id`) ON DELETE CASCADE\n"
            ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='tc'");
  EXPECT_EQ(ShowCreateTableOneLine(table, "s").substr(0, 30), "CREATE TABLE `t` ( `a` int(10)");
}

TEST(ParseCreate, ErrorsHaveCodesAndPlaces) {
  try {
    ParseCreateTable("CREATE nonsense");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), static_cast<int>(ErrorCode::kSchemaTrackerInvalidCreateTableStmt));
    EXPECT_EQ(error.raw_cause().substr(0, 33), "line 1 column 15 near \"nonsense\" ");
  }
  for (const auto& [text, code] : std::vector<std::pair<const char*, ErrorCode>>{
           {"DROP TABLE t", ErrorCode::kSchemaTrackerInvalidCreateTableStmt},
           {"", ErrorCode::kSchemaTrackerInvalidCreateTableStmt},
           {"CREATE TABLE t LIKE u", ErrorCode::kSchemaTrackerInvalidCreateTableStmt},
           {"CREATE TABLE t (a INT, a INT)", ErrorCode::kSchemaTrackerRestoreStmtFail}}) {
    try {
      ParseCreateTable(text);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), static_cast<int>(code)) << text;
    }
  }
}

TEST(ParseCreate, DefinitionsOfServers) {
  // MySQL 8
  const TableInfo mysql = ParseCreateTable(
      "CREATE TABLE `t` (\n  `id` int NOT NULL AUTO_INCREMENT,\n  `j` json DEFAULT NULL,\n  `p` "
      "point "
      "NOT NULL /*!80003 SRID 4326 */,\n  `inv` int DEFAULT NULL /*!80023 INVISIBLE */,\n  "
      "`my_row_id` "
      "bigint unsigned NOT NULL,\n  `e` varchar(36) DEFAULT (uuid()),\n  PRIMARY KEY (`id`),\n  "
      "UNIQUE "
      "KEY `f` ((lower(`e`))) /*!80000 INVISIBLE */,\n  KEY `m` "
      "((cast(json_extract(`j`,_utf8mb4'$.a') "
      "as unsigned array))),\n  SPATIAL KEY `s` (`p`),\n  CONSTRAINT `c` CHECK ((`id` > 0)) "
      "/*!80016 NOT "
      "ENFORCED */\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 "
      "COLLATE=utf8mb4_0900_ai_ci\n/*!50100 PARTITION BY RANGE (`id`)\n(PARTITION p0 VALUES LESS "
      "THAN "
      "(10) ENGINE = InnoDB,\n PARTITION p1 VALUES LESS THAN MAXVALUE ENGINE = InnoDB) */");
  EXPECT_EQ(mysql.collation, "utf8mb4_0900_ai_ci");
  EXPECT_TRUE(mysql.FindColumn("INV")->invisible);
  EXPECT_TRUE(mysql.FindIndex("m")->multi_valued);
  EXPECT_FALSE(mysql.checks[0].enforced);
  EXPECT_EQ(mysql.partition->definitions.size(), 2u);
  // TiDB
  const TableInfo tidb = ParseCreateTable(
      "CREATE TABLE `t` (\n  `id` bigint(20) NOT NULL /*T![auto_rand] AUTO_RANDOM(5) */,\n  `v` "
      "vector(3) DEFAULT NULL,\n  PRIMARY KEY (`id`) /*T![clustered_index] CLUSTERED */\n) "
      "ENGINE=InnoDB "
      "DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin /*T![auto_id_cache] AUTO_ID_CACHE=1 */ /*T! "
      "SHARD_ROW_ID_BITS=4 PRE_SPLIT_REGIONS=2 */ /*T![placement] PLACEMENT POLICY=`p` */ "
      "/*T![ttl] "
      "TTL=`d` + INTERVAL 1 YEAR */ /*T![ttl] TTL_ENABLE='ON' */");
  EXPECT_NE(tidb.primary_key(), nullptr);
  // MariaDB
  ParseOptions maria;
  maria.mariadb = true;
  BuildOptions build;
  build.mariadb = true;
  const TableInfo mariadb = ParseCreateTable(
      "CREATE TABLE `t` (\n  `id` int(11) NOT NULL DEFAULT 5,\n  `u` uuid DEFAULT "
      "uuid(),\n  `j` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK "
      "(json_valid(`j`)),\n  `c` varchar(10) /*M!100301 COMPRESSED*/ CHARACTER SET latin1 COLLATE "
      "latin1_bin DEFAULT NULL,\n  `x` text /*M!100301 COMPRESSED*/ CHARACTER SET latin2 COLLATE "
      "latin2_bin DEFAULT NULL,\n  KEY `i` "
      "(`u`) "
      "IGNORED\n) ENGINE=Aria DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci PAGE_CHECKSUM=1 "
      "TRANSACTIONAL=1",
      maria, build);
  EXPECT_EQ(mariadb.FindColumn("u")->type_word, "uuid");
  EXPECT_EQ(mariadb.FindColumn("x")->charset, "latin2");
}

TEST_F(TrackerTest, DefaultCollationOfASchemaIsKnownOnceToldOf) {
  EXPECT_EQ(tracker_.SchemaCollation("s"), std::nullopt);
  EXPECT_EQ(tracker_.SchemaCollation("gone"), std::nullopt);
  EXPECT_TRUE(tracker_.SchemaCollations().empty());

  tracker_.SetSchemaCollation("s", "latin1_german1_ci");
  EXPECT_EQ(tracker_.SchemaCollation("s"), "latin1_german1_ci");
  Run("create table t (a varchar(9), b varchar(9) charset utf8mb4)");
  EXPECT_EQ(tracker_.GetTable("s", "t")->columns[0].charset, "latin1");
  EXPECT_EQ(tracker_.GetTable("s", "t")->columns[0].collation, "latin1_german1_ci");
  EXPECT_EQ(tracker_.GetTable("s", "t")->columns[1].charset, "utf8mb4");

  // One that no server known here has: its name says the character set.
  tracker_.SetSchemaCollation("new", "utf8mb4_from_the_future_ci");
  EXPECT_TRUE(tracker_.HasSchema("new"));
  Run("create table new.t (a varchar(9))");
  EXPECT_EQ(tracker_.GetTable("new", "t")->columns[0].charset, "utf8mb4");

  const std::map<std::string, std::string> all = {{"new", "utf8mb4_from_the_future_ci"},
                                                  {"s", "latin1_german1_ci"}};
  EXPECT_EQ(tracker_.SchemaCollations(), all);
}

TEST_F(TrackerTest, DefaultCollationOfASchemaFollowsStatements) {
  Run("create database d collate utf8mb4_bin");
  EXPECT_EQ(tracker_.SchemaCollation("d"), "utf8mb4_bin");
  Run("alter database d collate latin1_bin");
  EXPECT_EQ(tracker_.SchemaCollation("d"), "latin1_bin");
  Run("alter database s collate utf8mb4_unicode_ci");
  EXPECT_EQ(tracker_.SchemaCollation("s"), "utf8mb4_unicode_ci");
  tracker_.SetSchemaCollation("s", "utf8mb4_bin");
  EXPECT_EQ(tracker_.SchemaCollation("s"), "utf8mb4_bin");
  Run("drop database d");
  EXPECT_EQ(tracker_.SchemaCollation("d"), std::nullopt);
  EXPECT_EQ(tracker_.SchemaCollations().size(), 1u);
}

}  // namespace
}  // namespace dm::mysql
