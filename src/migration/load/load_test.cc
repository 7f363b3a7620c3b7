#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"
#include "migration/load/grace_period.h"
#include "migration/load/import.h"
#include "migration/load/progress.h"
#include "migration/load/session.h"
#include "migration/meta/load_meta.h"

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
  EXPECT_EQ(AdjustLoadSqlMode("STRICT_ALL_TABLES,FROM_THE_FUTURE"),
            "STRICT_ALL_TABLES,FROM_THE_FUTURE");
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
                                      {"mysql.user.0.sql", 99}},
                                     TableRouter({rule}, true));
  EXPECT_EQ(plan.data_bytes, 157);
  ASSERT_EQ(plan.tables.size(), 2u);
  EXPECT_EQ(plan.tables[0].script, "s1.t-schema.sql");
  EXPECT_EQ(plan.tables[0].target, plan.tables[1].target);
  EXPECT_EQ(plan.tables[0].target->schema, "all");
  EXPECT_EQ(plan.databases.at("s1"), "s1-schema-create.sql");
  EXPECT_EQ(plan.databases.at("s2"), "");
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
}

TEST(LoadMetaTest, NamesAndStatements) {
  const LoadMeta meta("dm_meta", "t`1", "s'1");
  EXPECT_EQ(meta.status_table(), "`dm_meta`.`t``1_lightning_checkpoint_list`");
  EXPECT_EQ(meta.AdvanceStatement("a.b.0.sql", 1, 20),
            "UPDATE `dm_meta`.`t``1_loader_checkpoint` SET `offset` = 20 WHERE id = 's\\'1' AND "
            "filename = 'a.b.0.sql' AND `offset` = 1");
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
