#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"
#include "migration/load/grace_period.h"
#include "migration/load/import.h"
#include "migration/load/progress.h"
#include "migration/load/session.h"
#include "migration/load/stored_progress.h"
#include "migration/meta/load_meta.h"
#include "migration/meta/remove.h"

namespace dm::migration {
namespace {

using ::testing::ElementsAre;

TEST(LoadSqlModeTest, TakesOutChecksAndKeepsTheRest) {
  EXPECT_EQ(AdjustLoadSqlMode(""), "IGNORE_SPACE,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES");
  EXPECT_EQ(AdjustLoadSqlMode("STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,"
                              "NO_ENGINE_SUBSTITUTION"),
            "NO_ENGINE_SUBSTITUTION,IGNORE_SPACE,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES");
  EXPECT_EQ(AdjustLoadSqlMode("ansi_quotes, NO_BACKSLASH_ESCAPES,IGNORE_SPACE"),
            "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,IGNORE_SPACE,NO_AUTO_VALUE_ON_ZERO,"
            "ALLOW_INVALID_DATES");
  EXPECT_EQ(AdjustLoadSqlMode("EMPTY_STRING_IS_NULL"),
            "IGNORE_SPACE,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES");
  EXPECT_EQ(AdjustLoadSqlMode("STRICT_ALL_TABLES,FROM_THE_FUTURE"),
            "FROM_THE_FUTURE,IGNORE_SPACE,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES");
}

TEST(LoadSqlModeTest, ZerosAreValuesInTheUsersModeToo) {
  EXPECT_EQ(WithZerosKept(""), "NO_AUTO_VALUE_ON_ZERO");
  EXPECT_EQ(WithZerosKept("STRICT_TRANS_TABLES"), "STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO");
  EXPECT_EQ(WithZerosKept("no_auto_value_on_zero,ANSI"), "NO_AUTO_VALUE_ON_ZERO,ANSI");
}

TEST(LoadErrorTest, HasNoTextButTheCause) {
  Error cause(ErrorCode::kDBExecuteFailed, "execute statement failed: X");
  cause.SetRawCause("Error 1366 (HY000): Incorrect value").SetServerErrno(1366);
  const Error error = LoadError(cause, "here");
  EXPECT_EQ(error.code(), 34019);
  EXPECT_EQ(error.message(), "");
  EXPECT_EQ(error.raw_cause(), "here: Error 1366 (HY000): Incorrect value");
  EXPECT_EQ(error.server_errno(), 1366);
}

TEST(ImportPlanTest, SortsFilesAndSharesTargets) {
  RouteRule rule;
  rule.schema_pattern = "s?";
  rule.target_schema = "all";
  const ImportPlan plan = PlanImport({{"metadata", 10},
                                      {"s1-schema-create.sql", 10},
                                      {"s1.t-schema.sql", 10},
                                      {"s1.t.0000000000000.sql", 100},
                                      {"s1.t.0000000000001.sql", 50},
                                      {"s2.t-schema.sql", 10},
                                      {"s2.t.0000000000000.sql", 7},
                                      {"s3.q-schema-sequence.sql", 10},
                                      {"mysql.user.0.sql", 99}},
                                     TableRouter({rule}, true));
  EXPECT_EQ(plan.data_bytes, 157);
  ASSERT_EQ(plan.tables.size(), 2u);
  EXPECT_EQ(plan.tables[0].script, "s1.t-schema.sql");
  EXPECT_EQ(plan.tables[0].target, plan.tables[1].target);
  EXPECT_EQ(plan.tables[0].target->schema, "all");
  EXPECT_EQ(plan.databases.at("s1"), "s1-schema-create.sql");
  EXPECT_EQ(plan.databases.at("s2"), "");
  EXPECT_EQ(plan.databases.at("s3"), "");
  ASSERT_EQ(plan.sequences.size(), 1u);
  EXPECT_EQ(plan.sequences[0].schema, "all");
  EXPECT_EQ(plan.sequences[0].sequence, "q");
  EXPECT_EQ(plan.sequences[0].script, "s3.q-schema-sequence.sql");
  std::vector<std::string> order;
  for (const LoadFile& file : OrderFiles(plan)) order.push_back(file.path);
  EXPECT_THAT(order, ElementsAre("s1.t.0000000000000.sql", "s2.t.0000000000000.sql",
                                 "s1.t.0000000000001.sql"));
}

TEST(ImportPlanTest, RefusesFormatsItCannotRead) {
  for (const char* path : {"s.t.0.csv", "s.t.0.sql.zst"}) {
    try {
      PlanImport({{path, 1}}, TableRouter());
      ADD_FAILURE() << path;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 34019);
      EXPECT_THAT(e.raw_cause(), ::testing::HasSubstr(path));
    }
  }
}

// Cut off at its beginning.
TEST(ImportPlanTest, RefusesDataFilesWithoutContent) {
  const std::vector<StoredFile> files = {{"s.t-schema.sql", 0}, {"s.t.0.sql", 5}};
  EXPECT_EQ(PlanImport(files, TableRouter()).data_bytes, 5);
  try {
    PlanImport({{"s.t.0.sql", 5}, {"s.t.1.sql", 0}}, TableRouter());
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 34019);
    EXPECT_THAT(e.raw_cause(), ::testing::HasSubstr("s.t.1.sql"));
  }
}

TEST(ImportPlanTest, KnowsTheSchemaFileOfADataFile) {
  const ImportPlan plan = PlanImport(
      {{"part/s.t-schema.sql", 10}, {"part/s.t.0.sql", 5}, {"s.u.0.sql", 5}}, TableRouter());
  const std::vector<LoadFile> files = OrderFiles(plan);
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].script, "part/s.t-schema.sql");
  EXPECT_EQ(files[1].script, "");
}

TEST(ImportPlanTest, KnowsAPrimaryKeyOfASchemaFile) {
  EXPECT_TRUE(HasPrimaryKey("CREATE TABLE `t` (\n  `a` int NOT NULL,\n  PRIMARY KEY (`a`)\n)"));
  EXPECT_TRUE(HasPrimaryKey(
      "CREATE TABLE `t` (\n  `a` int,\n  PRIMARY KEY (`a`) /*T![clustered_index] CLUSTERED */\n)"));
  EXPECT_FALSE(HasPrimaryKey("CREATE TABLE `t` (\n  `a` int,\n  UNIQUE KEY `a` (`a`)\n)"));
  EXPECT_FALSE(HasPrimaryKey(""));
  EXPECT_TRUE(HasPrimaryKey("create table t (a int primary  key)"));
  EXPECT_TRUE(
      HasPrimaryKey("/*!40101 SET NAMES binary*/;\nCREATE TABLE `t` (`a` int,PRIMARY KEY"
                    "(`a`)) /*!50100 PARTITION BY KEY () */;\n"));
  for (const char* definition : {"`a` int COMMENT 'once the PRIMARY KEY'",
                                 "`a` int COMMENT 'it''s \\\\', `b` char(20) "
                                 "DEFAULT 'PRIMARY KEY'",
                                 "`PRIMARY KEY` int", "`a` int /* PRIMARY KEY */"}) {
    EXPECT_FALSE(HasPrimaryKey(std::string("CREATE TABLE `t` (") + definition + ")")) << definition;
  }
}

TEST(ImportPlanTest, RefusesViewsThatAreRenamed) {
  RouteRule rule;
  rule.schema_pattern = "s";
  rule.target_schema = "other";
  const std::vector<StoredFile> files = {{"s.t-schema.sql", 10}, {"s.v-schema-view.sql", 10}};
  EXPECT_EQ(PlanImport(files, TableRouter()).tables.size(), 2u);
  try {
    PlanImport(files, TableRouter({rule}, true));
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 34019);
    EXPECT_THAT(e.raw_cause(), ::testing::HasSubstr("`s`.`v`"));
  }
}

TEST(LoadProgressTest, ShowsShares) {
  LoadProgress progress;
  EXPECT_EQ(progress.Status().progress, "0.00 %");
  progress.finished = true;
  EXPECT_EQ(progress.Status().progress, "100.00 %");
  progress.total_bytes = 300;
  progress.finished_bytes = 100;
  EXPECT_EQ(progress.Status().progress, "33.33 %");
  progress.SetBinlog("(b.000003, 4)", "0-1-2");
  EXPECT_EQ(progress.Status().meta_binlog, "(b.000003, 4)");
  EXPECT_GT(progress.Status().bps, 0);
  progress.Reset();
  EXPECT_EQ(progress.Status().bps, 0);
  progress.finished_bytes = 1;
  EXPECT_GT(progress.Status().bps, 0);
}

TEST(LoadMetaTest, NamesAndStatements) {
  const LoadMeta meta("dm_meta", "t`1", "s'1", false);
  EXPECT_EQ(meta.status_table(), "`dm_meta`.`t``1_lightning_checkpoint_list`");
  EXPECT_EQ(
      meta.AdvanceStatement("a.b.0.sql", 1, 20, 3),
      "UPDATE `dm_meta`.`t``1_loader_checkpoint` SET `offset` = 20, row_count = row_count + 3 "
      "WHERE id = _utf8mb4 x'732731' AND filename = 'a.b.0.sql' AND `offset` = 1");
}

// The load's sessions have the upstream's NO_BACKSLASH_ESCAPES: a literal must not depend on it.
TEST(LoadMetaTest, LiteralsNeedNoEscapes) {
  const LoadMeta meta("dm_meta", "t", "s", false);
  for (const char* file : {"d.it's.0.sql", "d.a\\b.0.sql", "d.\"x\".0.sql", "d.a\nb.0.sql"}) {
    const std::string statement = meta.AdvanceStatement(file, 0, 1, 1);
    EXPECT_EQ(statement.find('\\'), std::string::npos) << statement;
    EXPECT_THAT(statement, ::testing::HasSubstr("filename = _utf8mb4 x'"));
  }
}

TEST(LoadMetaTest, KeysAreOfTheTargetsLetterCase) {
  const LoadMeta exact("dm_meta", "t", "s", false);
  EXPECT_EQ(exact.KeyOf("App", "Orders"), TargetKey("App", "Orders"));
  EXPECT_NE(exact.KeyOf("App", "Orders"), exact.KeyOf("app", "orders"));
  const LoadMeta folding("dm_meta", "t", "s", true);
  EXPECT_EQ(folding.KeyOf("App", "Orders"), TargetKey("app", "orders"));
  EXPECT_EQ(folding.KeyOf("ÄPP", "ORDERS"), folding.KeyOf("äpp", "orders"));
  EXPECT_NE(folding.KeyOf("a.b", "c"), folding.KeyOf("a", "b.c"));
}

TEST(RemoveMetaTest, NamesTheSchemaOfOtherVersions) {
  EXPECT_EQ(ForeignLoadSchema("task123", "source123"),
            "task123_2067118723_tidb_lightning_checkpoint");
  EXPECT_EQ(ForeignLoadSchema("", "source123"), "tidb_lightning_checkpoint");
  EXPECT_EQ(ForeignLoadSchema(std::string(70, 'x'), "s"), std::string(64, 'x'));
}

class MatchProgressTest : public ::testing::Test {
 protected:
  LoadFile File(const std::string& path, int64_t size, const std::string& table = "t") {
    LoadFile file;
    file.path = path;
    file.size = size;
    file.target = std::make_shared<LoadTarget>();
    file.target->schema = "d";
    file.target->table = table;
    return file;
  }
  std::string Mismatch(const std::vector<LoadFile>& files,
                       const std::vector<LoadCheckpointRow>& rows) {
    try {
      MatchProgress(files, rows, &added_);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 34018);
      return e.message();
    }
    return "";
  }
  std::vector<LoadCheckpointRow> added_;
};

TEST_F(MatchProgressTest, GoesOnWhereTheRowsSay) {
  const auto files =
      MatchProgress({File("a", 10), File("b", 20), File("c", 5)},
                    {{"a", "d", "t", 10, 10, 3}, {"b", "d", "t", 7, 20, 2}}, &added_);
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[0].offset, 10);
  EXPECT_EQ(files[1].offset, 7);
  EXPECT_EQ(files[1].rows, 2);
  EXPECT_EQ(files[2].offset, 0);
  ASSERT_EQ(added_.size(), 1u);
  EXPECT_EQ(added_[0].file, "c");
  EXPECT_EQ(added_[0].table, "t");
}

TEST_F(MatchProgressTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(Mismatch({File("a", 11)}, {{"a", "d", "t", 4, 10, 1}}),
              ::testing::HasSubstr("had 10 bytes"));
  EXPECT_THAT(Mismatch({}, {{"a", "d", "t", 4, 10, 1}}), ::testing::HasSubstr("is gone"));
  EXPECT_EQ(Mismatch({}, {{"a", "d", "t", 10, 10, 1}}), "");
  // A changed route would split the table over two targets.
  EXPECT_THAT(Mismatch({File("a", 10, "u")}, {{"a", "d", "t", 4, 10, 1}}),
              ::testing::HasSubstr("loaded into `d`.`t`, and now go to `d`.`u`"));
  EXPECT_THAT(Mismatch({File("a", 10, "u")}, {{"a", "d", "t", 10, 10, 1}}),
              ::testing::HasSubstr("now go to"));
  added_.clear();
  EXPECT_EQ(Mismatch({File("a", 10, "u")}, {{"a", "d", "t", 0, 10, 0}}), "");
  ASSERT_EQ(added_.size(), 1u);
  EXPECT_EQ(added_[0].table, "u");
}

TEST(OutageTest, KnowsWhatPasses) {
  const auto error = [](ErrorCode code, int number, std::string cause) {
    return Error(code, "").SetServerErrno(number).SetRawCause(std::move(cause));
  };
  for (const int number : {1040, 1053, 1203}) {
    EXPECT_TRUE(IsOutage(error(ErrorCode::kDBDriverError, number, "Error"))) << number;
  }
  EXPECT_TRUE(IsOutage(error(ErrorCode::kDBBadConn, 0, "driver: bad connection")));
  EXPECT_TRUE(IsOutage(error(ErrorCode::kDBDriverError, 0, "dial tcp: i/o timeout")));
  EXPECT_FALSE(IsOutage(error(ErrorCode::kDBDriverError, 1045, "Error 1045")));
  EXPECT_FALSE(IsOutage(error(ErrorCode::kDBExecuteFailed, 1064, "Error 1064")));
}

TEST(LoadErrorTest, LostFenceIsAnErrorThatIsResumed) {
  struct Shut : Fence {
    bool MayWrite() const override { return false; }
  } shut;
  try {
    CheckLoadFence(&shut);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 36075);
    EXPECT_EQ(e.error_class(), "load-unit");
  }
  CheckLoadFence(nullptr);
}

TEST(LoadMetaTest, LongPathsKeepApart) {
  const std::string a = std::string(300, 'x') + "1";
  const std::string b = std::string(300, 'x') + "2";
  EXPECT_LE(CheckpointFileName(a).size(), 255u);
  EXPECT_NE(CheckpointFileName(a), CheckpointFileName(b));
  EXPECT_EQ(CheckpointFileName("short"), "short");
}

TEST(GracePeriodTest, KillCutsAtOnceAndAQuietRunIsNotCut) {
  StopSource graceful, kill;
  {
    const GracePeriod grace(graceful.get_token(), kill.get_token());
    EXPECT_FALSE(grace.cut().stop_requested());
    kill.request_stop();
    EXPECT_TRUE(grace.cut().stop_requested());
  }
  StopSource no_kill;
  const GracePeriod grace(graceful.get_token(), no_kill.get_token());
  graceful.request_stop();
  EXPECT_FALSE(grace.cut().stop_requested());
}

}  // namespace
}  // namespace dm::migration
