#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>

#include "base/error/error.h"
#include "migration/dump/catalogue.h"
#include "migration/dump/chunk_plan.h"
#include "migration/dump/data_files.h"
#include "migration/dump/key_steps.h"
#include "migration/dump/progress.h"
#include "migration/dump/source_session.h"
#include "migration/dump/table_filter.h"

namespace dm::migration {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

DumpColumn Column(std::string name, std::string type, std::string extra = "",
                  bool nullable = true) {
  return {std::move(name), std::move(type), std::move(extra), nullable};
}

TEST(DumpColumnTest, KnowsGeneratedColumnsOfEveryServer) {
  for (const char* extra : {"STORED GENERATED", "VIRTUAL GENERATED", "STORED GENERATED INVISIBLE",
                            "VIRTUAL GENERATED, INVISIBLE", "PERSISTENT", "VIRTUAL"}) {
    EXPECT_TRUE(Column("a", "int", extra).IsGenerated()) << extra;
  }
  for (const char* extra : {"", "auto_increment", "DEFAULT_GENERATED", "INVISIBLE",
                            "DEFAULT_GENERATED on update CURRENT_TIMESTAMP"}) {
    EXPECT_FALSE(Column("a", "int", extra).IsGenerated()) << extra;
  }
}

TEST(DumpColumnTest, KnowsTypes) {
  EXPECT_TRUE(Column("a", "bigint(20) unsigned").IsInteger());
  EXPECT_TRUE(Column("a", "INT").IsInteger());
  EXPECT_FALSE(Column("a", "int4range").IsInteger());
  EXPECT_FALSE(Column("a", "decimal(10,0)").IsInteger());
  EXPECT_FALSE(Column("a", "interval").IsInteger());
  EXPECT_TRUE(Column("a", "float(7,3) unsigned").IsFloat());
  EXPECT_FALSE(Column("a", "double").IsFloat());
}

TEST(SourceSessionTest, ReadsZerosAndInvalidDates) {
  EXPECT_EQ(ReadingSqlMode(""), "ALLOW_INVALID_DATES");
  EXPECT_EQ(ReadingSqlMode("ANSI_QUOTES,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
                           "PAD_CHAR_TO_FULL_LENGTH,ALLOW_INVALID_DATES,NO_BACKSLASH_ESCAPES"),
            "ALLOW_INVALID_DATES,ANSI_QUOTES");
}

TEST(SourceSessionTest, SeesWholeDefinitions) {
  EXPECT_EQ(ReadingSqlMode("PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ORACLE,NO_KEY_OPTIONS,"
                           "NO_TABLE_OPTIONS,NO_FIELD_OPTIONS,NO_AUTO_CREATE_USER"),
            "ALLOW_INVALID_DATES,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,NO_AUTO_CREATE_USER");
  for (const std::string mode :
       {"ANSI", "MSSQL", "DB2", "MAXDB", "POSTGRESQL", "MYSQL323", "MYSQL40"}) {
    EXPECT_EQ(ReadingSqlMode("REAL_AS_FLOAT," + mode), "ALLOW_INVALID_DATES,REAL_AS_FLOAT");
  }
}

TEST(SplitColumnTest, PrefersPrimaryThenShortUniqueThenSelective) {
  const std::vector<DumpColumn> columns = {Column("id", "int"), Column("a", "bigint"),
                                           Column("b", "int"), Column("s", "varchar(10)")};
  const auto choose = [&](const std::vector<DumpIndex>& indexes) -> std::string {
    const DumpColumn* column = ChooseSplitColumn(columns, indexes);
    return column == nullptr ? "" : column->name;
  };
  EXPECT_EQ(choose({{"u", true, true, {"a"}, 5}, {"PRIMARY", true, true, {"id"}, 5}}), "id");
  EXPECT_EQ(choose({{"PRIMARY", true, true, {"s", "id"}, 5},
                    {"u2", true, true, {"b", "a"}, 5},
                    {"u1", true, true, {"a"}, 5}}),
            "a");
  EXPECT_EQ(choose({{"k1", false, true, {"a"}, 5}, {"k2", false, true, {"b"}, 9}}), "b");
  EXPECT_EQ(choose({{"k1", false, true, {"a"}, 5}, {"k2", false, false, {"b"}, 9}}), "a");
  EXPECT_EQ(choose({{"u", true, true, {"a"}, 1}, {"k2", false, true, {"b"}, 9}}), "a");
  EXPECT_EQ(choose({{"k", false, true, {""}, 9}, {"s", false, true, {"s"}, 9}}), "");
  EXPECT_EQ(choose({}), "");
}

// Every value of [min, max] is in exactly one range.
void ExpectCovers(const std::vector<ChunkRange>& ranges, __int128 min, __int128 max) {
  ASSERT_FALSE(ranges.empty());
  const auto value = [](const std::string& text) {
    __int128 v = 0;
    for (const char c : text) {
      if (c != '-') v = v * 10 + (c - '0');
    }
    return text[0] == '-' ? -v : v;
  };
  EXPECT_TRUE(value(ranges.front().first) == min);
  EXPECT_TRUE(value(ranges.back().end) > max);
  for (size_t i = 1; i < ranges.size(); ++i) EXPECT_EQ(ranges[i].first, ranges[i - 1].end);
}

TEST(CutRangesTest, CoversEveryValueOnce) {
  ExpectCovers(CutRanges("1", "1000000", 1000000, 200000), 1, 1000000);
  EXPECT_EQ(CutRanges("1", "1000000", 1000000, 200000).size(), 5u);
  ExpectCovers(CutRanges("-2", "2", 4, 1), -2, 2);
  ExpectCovers(CutRanges("-9223372036854775808", "9223372036854775807", 10, 3),
               -(static_cast<__int128>(1) << 63), (static_cast<__int128>(1) << 63) - 1);
  const auto wide = CutRanges("0", "18446744073709551615", 4, 2);
  ExpectCovers(wide, 0, (static_cast<__int128>(1) << 64) - 1);
  EXPECT_EQ(wide.size(), 2u);
  // Fewer values than chunks: one chunk a value.
  EXPECT_EQ(CutRanges("5", "7", 1000, 10).size(), 3u);
}

TEST(CutRangesTest, OnePieceWhereCuttingIsImpossible) {
  EXPECT_THAT(CutRanges("1", "10", 5, 10), IsEmpty());
  EXPECT_THAT(CutRanges("a", "b", 100, 10), IsEmpty());
  EXPECT_THAT(CutRanges("", "", 100, 10), IsEmpty());
  EXPECT_THAT(CutRanges("1", "10", 100, 0), IsEmpty());
}

TEST(StepKeyTest, TakesKeysWhoseTextsCompareAsTheIndex) {
  const std::vector<DumpColumn> columns = {
      Column("f", "varchar(31)", "", false), Column("ver", "int(11)", "", false),
      Column("e", "enum('z','a')", "", false), Column("n", "int(11)", "", true),
      Column("b", "binary(16)", "", false)};
  const auto choose = [&](const std::vector<DumpIndex>& indexes) -> std::string {
    const auto key = ChooseStepKey(columns, indexes);
    return key ? key->index : "";
  };
  EXPECT_EQ(choose({{"u", true, true, {"b"}, 1}, {"PRIMARY", true, true, {"f", "ver"}, 1}}),
            "PRIMARY");
  EXPECT_EQ(choose({{"PRIMARY", true, true, {"e", "ver"}, 1},
                    {"u2", true, true, {"f", "ver"}, 1},
                    {"u1", true, true, {"b"}, 1}}),
            "u1");
  EXPECT_EQ(choose({{"u", true, true, {"n"}, 1}}), "");         // NULLs are not unique
  EXPECT_EQ(choose({{"k", false, true, {"f"}, 1}}), "");        // not unique
  EXPECT_EQ(choose({{"u", true, false, {"f"}, 1}}), "");        // invisible
  EXPECT_EQ(choose({{"u", true, true, {"f"}, 1, false}}), "");  // of prefixes
  EXPECT_EQ(choose({{"u", true, true, {""}, 1}}), "");          // of an expression
}

TEST(StepKeyTest, NeedsAnIndexInTheOrderOfComparison) {
  DumpColumn padded = Column("c", "char(5)", "", false);
  padded.collation = "utf8mb4_general_ci";
  DumpColumn bare = Column("n", "char(5)", "", false);
  bare.collation = "utf8mb4_uca1400_nopad_ai_ci";
  DumpColumn varying = Column("v", "varchar(5)", "", false);
  varying.collation = bare.collation;
  const std::vector<DumpColumn> columns = {padded, bare, varying};
  const auto usable = [&](const std::string& column) {
    return ChooseStepKey(columns, {{"PRIMARY", true, true, {column}, 1}}).has_value();
  };
  EXPECT_TRUE(usable("c"));
  EXPECT_FALSE(usable("n"));
  EXPECT_TRUE(usable("v"));
}

TEST(StepKeyTest, KeepsBytesThatUtf8HasNot) {
  DumpColumn k = Column("k", "varchar(20)", "", false);
  k.collation = "cp932_japanese_ci";
  const DumpColumn n = Column("n", "int(11)", "", false);
  const StepKey key{"PRIMARY", {&k, &n}};
  EXPECT_EQ(StepQuery(key, "`d`.`t`", "", {}, 10),
            "SELECT HEX(`k`),`n` FROM `d`.`t` FORCE INDEX (`PRIMARY`) ORDER BY `k`,`n` LIMIT 9,1");
  const std::vector<std::string> bound = {KeyLiteral(k, "FA4A"), KeyLiteral(n, "7")};
  EXPECT_EQ(bound[0], "_cp932 x'FA4A'");
  EXPECT_EQ(StepProbe(key, "`d`.`t`", bound),
            "SELECT 1 FROM `d`.`t` FORCE INDEX (`PRIMARY`) WHERE `k` = _cp932 x'FA4A' AND `n` = 7 "
            "LIMIT 1");
}

TEST(StepKeyTest, WritesRangesOut) {
  const DumpColumn f = Column("f", "varchar(31)", "", false);
  const DumpColumn ver = Column("ver", "int(11)", "", false);
  const DumpColumn b = Column("b", "varbinary(3)", "", false);
  const StepKey single{"PRIMARY", {&ver}};
  EXPECT_EQ(StepCondition(single, {"1"}, {"5"}), "(`ver` > 1) AND (`ver` <= 5)");
  EXPECT_EQ(StepCondition(single, {}, {"5"}), "(`ver` <= 5)");
  const StepKey key{"PRIMARY", {&f, &ver}};
  const std::vector<std::string> bound = {KeyLiteral(f, "it's"), KeyLiteral(ver, "7")};
  EXPECT_EQ(bound[0], "_utf8mb4 x'69742773'");
  EXPECT_EQ(KeyLiteral(b, std::string_view("\0a", 2)), "x'0061'");
  EXPECT_EQ(StepCondition(key, bound, {}),
            "(`f` >= _utf8mb4 x'69742773' AND (`f` > _utf8mb4 x'69742773' OR (`f` = _utf8mb4 "
            "x'69742773' AND `ver` > 7)))");
  EXPECT_EQ(
      StepQuery(single, "`d`.`t`", "x OR y", {"3"}, 100),
      "SELECT `ver` FROM `d`.`t` FORCE INDEX (`PRIMARY`) WHERE (x OR y) AND (`ver` > 3) ORDER "
      "BY `ver` LIMIT 99,1");
  EXPECT_EQ(StepQuery(single, "`d`.`t`", "", {}, 1),
            "SELECT `ver` FROM `d`.`t` FORCE INDEX (`PRIMARY`) ORDER BY `ver` LIMIT 0,1");
}

TEST(CutRangesTest, KnowsSparseKeys) {
  EXPECT_FALSE(IsSparse("1", "1000", 1000));
  EXPECT_FALSE(IsSparse("1", "4000", 1000));
  EXPECT_TRUE(IsSparse("1", "1000000", 1000));
  EXPECT_TRUE(IsSparse("-9223372036854775808", "18446744073709551615", 1000));
  EXPECT_FALSE(IsSparse("a", "b", 1));
}

TEST(WhereClauseTest, KeepsRowsWithoutValue) {
  const DumpColumn id = Column("i`d", "int");
  const DumpColumn key = Column("id", "int", "", false);
  const ChunkRange range{"1", "5"};
  EXPECT_EQ(WhereClause("", nullptr, nullptr, true), "");
  EXPECT_EQ(WhereClause("a > 1 OR b", nullptr, nullptr, true), " WHERE (a > 1 OR b)");
  EXPECT_EQ(WhereClause("", &key, &range, true), " WHERE (`id` >= 1 AND `id` < 5)");
  EXPECT_EQ(WhereClause("", &id, &range, true),
            " WHERE (`i``d` IS NULL OR (`i``d` >= 1 AND `i``d` < 5))");
  EXPECT_EQ(WhereClause("x", &id, &range, true),
            " WHERE (x) AND (`i``d` IS NULL OR (`i``d` >= 1 AND `i``d` < 5))");
  EXPECT_EQ(WhereClause("x", &id, &range, false), " WHERE (x) AND (`i``d` >= 1 AND `i``d` < 5)");
}

TEST(TableFilterTest, FollowsListAndArguments) {
  SubtaskConfig config;
  config.block_allow_list = BlockAllowRules();
  config.block_allow_list->do_tables = {{"shop", "t1"}};
  const TableFilter list(config, {});
  EXPECT_TRUE(list.TakesTable("shop", "t1"));
  EXPECT_FALSE(list.TakesTable("shop", "t2"));
  EXPECT_FALSE(list.TakesSchema("other"));
  EXPECT_FALSE(list.TakesSchema("mysql"));

  DumperArguments arguments;
  arguments.tables_list = {"a.t", "b.t2"};
  const TableFilter tables(config, arguments);
  EXPECT_TRUE(tables.TakesTable("A", "T"));
  EXPECT_FALSE(tables.TakesTable("shop", "t1"));

  arguments.tables_list = {"nodot"};
  EXPECT_THROW(TableFilter(config, arguments), Error);

  arguments.tables_list.clear();
  arguments.filters = {"shop*.*", "!shop2.tmp?"};
  const TableFilter patterns(config, arguments);
  EXPECT_TRUE(patterns.TakesTable("shop2", "tmp"));
  EXPECT_FALSE(patterns.TakesTable("shop2", "tmp1"));
  EXPECT_FALSE(patterns.TakesTable("other", "t"));

  arguments.filters = {"/^shop\\d+$/.*", "!*./tmp|old/"};
  const TableFilter expressions(config, arguments);
  EXPECT_TRUE(expressions.TakesTable("shop12", "t"));
  EXPECT_FALSE(expressions.TakesTable("shop12", "t_old"));
  EXPECT_FALSE(expressions.TakesTable("myshop12", "t"));
  for (const char* bad : {"nodot", "/[/.*", "a./(/", "/open.x"}) {
    arguments.filters = {bad};
    EXPECT_THROW(TableFilter(config, arguments), Error) << bad;
  }

  arguments = {};
  arguments.databases = {"shop"};
  config.block_allow_list.reset();
  const TableFilter databases(config, arguments);
  EXPECT_TRUE(databases.TakesTable("shop", "any"));
  EXPECT_FALSE(databases.TakesSchema("other"));
}

TEST(TableFilterTest, LeavesOutWhatReplicationLeavesOut) {
  SubtaskConfig config;
  config.mode = TaskMode::kAll;
  EXPECT_FALSE(TableFilter(config, {}).TakesTable("shop", "_t_gho"));
  EXPECT_FALSE(TableFilter(config, {}).TakesTable("shop", "_t_old"));
  EXPECT_TRUE(TableFilter(config, {}).TakesTable("shop", "t_old"));
  config.shadow_table_rules = {"^tmp_(.+)$"};
  EXPECT_FALSE(TableFilter(config, {}).TakesTable("shop", "tmp_t"));
  EXPECT_TRUE(TableFilter(config, {}).TakesTable("shop", "_t_gho"));
  config.mode = TaskMode::kFull;
  EXPECT_TRUE(TableFilter(config, {}).TakesTable("shop", "tmp_t"));
  config.mode = TaskMode::kAll;
  config.online_ddl = false;
  EXPECT_TRUE(TableFilter(config, {}).TakesTable("shop", "tmp_t"));
}

class DataFilesTest : public ::testing::Test {
 protected:
  void SetUp() override { directory_.Create(); }
  void TearDown() override { directory_.RemoveAll(); }

  void Write(DataFileOptions options, int rows) {
    DataFiles files(
        directory_, options, "db", "t1", "`i`,`j`", 0,
        [&](const std::string& path) { opened_.push_back(path); },
        [&](const std::string& path, uint64_t size) {
          closed_.push_back(fmt::format("{} {}", path, size));
        });
    for (int i = 0; i < rows; ++i) {
      const mysql::FieldView row[] = {{"1", 1}, {"2", 1}};
      files.AddRow(row, {ValueKind::kNumber, ValueKind::kNumber});
    }
    files.Finish();
  }

  const LocalDirectory directory_{
      (std::filesystem::temp_directory_path() / fmt::format("dump_test.{}", ::getpid())).string()};
  std::vector<std::string> opened_;
  std::vector<std::string> closed_;
};

TEST_F(DataFilesTest, HasTheBytesOfTheReferenceSystem) {
  DataFileOptions options;
  options.file_size = 64 << 20;
  options.statement_size = 1000000;
  Write(options, 2);
  EXPECT_THAT(closed_, ElementsAre("db.t1.0000000000000.sql 114"));
  EXPECT_EQ(*directory_.Read("db.t1.0000000000000.sql"),
            "/*!40014 SET FOREIGN_KEY_CHECKS=0*/;\n/*!40101 SET NAMES binary*/;\n"
            "INSERT INTO `t1` (`i`,`j`) VALUES\n(1,2),\n(1,2);\n");
}

TEST_F(DataFilesTest, ClosesStatementsAndFilesAfterTheRowThatFillsThem) {
  DataFileOptions options;
  options.mariadb = true;
  options.statement_size = 40;  // prefix 34 + one tuple of 7
  Write(options, 2);
  EXPECT_THAT(closed_, ElementsAre(::testing::StartsWith("db.t1.000000000.sql ")));
  EXPECT_EQ(*directory_.Read("db.t1.000000000.sql"),
            "/*!40101 SET NAMES binary*/;\nSET FOREIGN_KEY_CHECKS=0;\n"
            "INSERT INTO `t1` (`i`,`j`) VALUES\n(1,2);\n"
            "INSERT INTO `t1` (`i`,`j`) VALUES\n(1,2);\n");
  closed_.clear();
  options.mariadb = false;
  options.statement_size = 1000;
  options.file_size = 107;
  Write(options, 3);
  EXPECT_THAT(closed_, ElementsAre("db.t1.0000000000000.sql 107", "db.t1.0000000000001.sql 107",
                                   "db.t1.0000000000002.sql 107"));
  EXPECT_EQ(opened_.size(), 4u);
}

TEST_F(DataFilesTest, WritesTextThatUtf8CannotHoldAsBytes) {
  DataFileOptions options;
  options.statement_size = 1000;
  DataFiles files(
      directory_, options, "db", "t1", "`i`,`j`", 0, [](const std::string&) {},
      [](const std::string&, uint64_t) {});
  const auto view = [](std::string_view text) {
    return mysql::FieldView{text.data(), text.size()};
  };
  const std::vector<ValueKind> kinds{ValueKind::kString, ValueKind::kNumber};
  const std::vector<mysql::FieldView> lossy{view("?"), view("2"), view("ED40")};
  const std::vector<mysql::FieldView> exact{view("x"), view("2"), mysql::FieldView{}};
  files.AddRow(lossy, kinds, {"cp932", ""});
  files.AddRow(exact, kinds, {"cp932", ""});
  files.Finish();
  EXPECT_THAT(*directory_.Read("db.t1.000000000.sql"),
              ::testing::EndsWith("VALUES\n(_cp932 x'ED40',2),\n('x',2);\n"));
}

TEST(DumpTableTest, AsksForTheBytesOfTextThatUtf8MayChange) {
  DumpTable table;
  table.columns = {Column("a", "varchar(10)"), Column("b", "float"), Column("c", "text"),
                   Column("e", "enum('x')")};
  table.columns[0].collation = "cp932_japanese_ci";
  table.columns[2].collation = "latin1_swedish_ci";
  table.columns[3].collation = "gbk_bin";
  EXPECT_EQ(table.SelectList(),
            "`a`,`b`*1e0,`c`,`e`,IF(CAST(CONVERT(CONVERT(`a` USING utf8mb4) USING cp932) AS "
            "BINARY)=CAST(`a` AS BINARY),NULL,HEX(`a`))");
  EXPECT_THAT(table.LossyCharsets(), ElementsAre("cp932", "", "", ""));
  table.columns.resize(1);
  table.columns[0].collation = "armscii8_bin";
  EXPECT_EQ(table.SelectList(), "`a`,HEX(`a`)");
}

TEST_F(DataFilesTest, WritesNothingForNoRows) {
  Write({false, true, 100, 100}, 0);
  EXPECT_THAT(directory_.List(), IsEmpty());
}

TEST(DumpErrorTest, NamesTheStatement) {
  const auto failed = [](ErrorCode code, const std::string& message) {
    return Error(code, message).SetServerErrno(1142).SetRawCause("Error 1142 (42000): denied");
  };
  EXPECT_EQ(DumpError(failed(ErrorCode::kDBQueryFailed,
                             "query statement failed: SHOW CREATE TABLE `s`.`t`"))
                .raw_cause(),
            "sql: SHOW CREATE TABLE `s`.`t`: Error 1142 (42000): denied");
  EXPECT_EQ(DumpError(failed(ErrorCode::kDBExecuteFailed, "execute statement failed: LOCK TABLES"))
                .raw_cause(),
            "sql: LOCK TABLES: Error 1142 (42000): denied");
  EXPECT_EQ(DumpError(failed(ErrorCode::kDBQueryFailed, "x"), std::string(1025, 'x')).raw_cause(),
            "sql: " + std::string(1024, 'x') + "...: Error 1142 (42000): denied");
  EXPECT_EQ(DumpError(failed(ErrorCode::kDBInvalidConn, "x")).raw_cause(),
            "Error 1142 (42000): denied");
}

TEST(DumpErrorTest, KeepsWhatSaysAllAndKnowsLostConnections) {
  const Error mismatch(ErrorCode::kLoadCheckPointNotMatch, "x");
  EXPECT_EQ(DumpError(mismatch).code(), 34018);
  EXPECT_EQ(DumpError(Error(ErrorCode::kDumpUnitGlobalLock, "x")).code(), 32004);
  const Error lost = Error(ErrorCode::kDBInvalidConn, "").SetRawCause("invalid connection");
  EXPECT_EQ(DumpError(lost, "SELECT 1").code(), 32001);
  EXPECT_TRUE(IsConnectionFailure(DumpError(lost, "SELECT 1")));
  EXPECT_TRUE(IsConnectionFailure(DumpError(
      Error(ErrorCode::kDBExecuteFailed, "").SetServerErrno(1053).SetRawCause("Error 1053"))));
  EXPECT_TRUE(IsDefinitionChange(
      DumpError(
          Error(ErrorCode::kDBExecuteFailed, "").SetServerErrno(1412).SetRawCause("Error 1412"),
          "X"),
      true));
  EXPECT_TRUE(
      IsDefinitionChange(Error(ErrorCode::kDBExecuteFailed, "").SetServerErrno(1213), true));
  EXPECT_FALSE(IsDefinitionChange(DumpError(lost, "SELECT 1"), false));
  EXPECT_FALSE(IsConnectionFailure(DumpError(
      Error(ErrorCode::kDBExecuteFailed, "").SetServerErrno(1044).SetRawCause("Error 1044"), "X")));
}

TEST(DumpProgressTest, ShowsProgressWhenAllChunksAreKnown) {
  DumpProgress progress;
  EXPECT_EQ(progress.Status().progress, "");
  progress.produced_chunks = 25;
  progress.completed_chunks = 6;
  EXPECT_EQ(progress.Status().progress, "");
  progress.all_produced = true;
  EXPECT_EQ(progress.Status().progress, "24.00 %");
  progress.completed_chunks = 1;
  EXPECT_EQ(progress.Status().progress, " 4.00 %");
  progress.completed_chunks = 25;
  EXPECT_EQ(progress.Status().progress, "100.00 %");
  progress.completed_chunks = 26;
  EXPECT_EQ(progress.Status().progress, "100 %");
  progress.Reset();
  progress.all_produced = true;
  EXPECT_EQ(progress.Status().progress, "100 %");
}

}  // namespace
}  // namespace dm::migration
