#include "migration/sync/checkpoint.h"

#include <gtest/gtest.h>

#include "migration/sync/ddl_handler.h"
#include "migration/sync/session.h"

namespace dm::migration {
namespace {

mysql::Location At(uint64_t offset) {
  mysql::Location location;
  location.position = {"bin.000001", offset};
  return location;
}

class CheckpointTest : public testing::Test {
 protected:
  Checkpoint checkpoint_{SyncCheckpointTable("m", "t", "s", mysql::Flavor::kMySql, false), false};
};

TEST_F(CheckpointTest, AFreshRunHasItsStartToSave) {
  EXPECT_TRUE(checkpoint_.IsFresh());
  EXPECT_FALSE(checkpoint_.HasSomethingToFlush(0)) << "no run has begun";
  checkpoint_.BeginRun(At(100), false);
  EXPECT_TRUE(checkpoint_.HasSomethingToFlush(0));
}

// The global row is written last: without it a first flush was cut off.
TEST_F(CheckpointTest, PointsOfTablesAloneAreNoProgress) {
  checkpoint_.BeginRun(At(100), false);
  checkpoint_.PutDefinition({"d", "a"}, std::make_shared<const mysql::TableInfo>());
  EXPECT_TRUE(checkpoint_.IsFresh());
}

TEST_F(CheckpointTest, CommittedIsTheNewestLocationBelowTheLowWaterMark) {
  EXPECT_EQ(checkpoint_.Committed(0).position, mysql::BinlogPosition()) << "nothing is known";
  checkpoint_.BeginRun(At(100), false);
  EXPECT_EQ(checkpoint_.Committed(0).position.offset, 100u);
  checkpoint_.Save(0, At(150));  // nothing to apply before it
  for (uint64_t order : {2, 5, 9}) checkpoint_.Save(order, At(100 * order));
  checkpoint_.Save(9, At(950));  // filtered transactions behind the last change
  EXPECT_EQ(checkpoint_.Committed(0).position.offset, 150u);
  EXPECT_EQ(checkpoint_.Committed(1).position.offset, 150u);
  EXPECT_EQ(checkpoint_.Committed(2).position.offset, 200u);
  EXPECT_EQ(checkpoint_.Committed(8).position.offset, 500u);
  EXPECT_EQ(checkpoint_.Committed(9).position.offset, 950u);
  EXPECT_EQ(checkpoint_.Committed(99).position.offset, 950u);
}

TEST_F(CheckpointTest, WhatIsForgottenIsNotMissed) {
  checkpoint_.BeginRun(At(100), false);
  for (uint64_t order : {2, 5, 9}) checkpoint_.Save(order, At(100 * order));
  checkpoint_.Forget(1);
  EXPECT_EQ(checkpoint_.Committed(1).position.offset, 100u);
  checkpoint_.Forget(6);
  EXPECT_EQ(checkpoint_.Committed(6).position.offset, 500u);
  EXPECT_EQ(checkpoint_.Committed(9).position.offset, 900u);
  EXPECT_TRUE(checkpoint_.HasSomethingToFlush(6));
}

// After a failover what was saved before it still is a position in the first server's log.
TEST_F(CheckpointTest, APositionIsOfTheServerWhereItWasSaved) {
  checkpoint_.BeginRun(At(100), false);
  EXPECT_EQ(checkpoint_.UpstreamOf(0), UpstreamLog());
  const UpstreamLog a{"1@a:3306", "bin.000001", 7};
  const UpstreamLog b{"2@b:3306", "bin.000001", 8};
  checkpoint_.SetUpstream(a);
  checkpoint_.Save(3, At(300));
  checkpoint_.Save(5, At(500));
  checkpoint_.SetUpstream(b);
  EXPECT_EQ(checkpoint_.UpstreamOf(9), a) << "the change at 500 is not of b";
  checkpoint_.Save(7, At(120));
  EXPECT_EQ(checkpoint_.UpstreamOf(3), a);
  EXPECT_EQ(checkpoint_.UpstreamOf(6), a);
  EXPECT_EQ(checkpoint_.UpstreamOf(7), b);
}

TEST_F(CheckpointTest, APointAfterADdlIsOfTheServerThatItWasReadFrom) {
  Checkpoint checkpoint{SyncCheckpointTable("m", "t", "s", mysql::Flavor::kMariaDb, true), true};
  checkpoint.BeginRun(At(100), false);
  checkpoint.SetUpstream({"1@a:3306", "", 0});
  DefinitionChange change;
  change.put.push_back({{"d", "b"}, std::make_shared<const mysql::TableInfo>()});
  checkpoint.SaveDdl(5, At(200), change);
  checkpoint.SetUpstream({"2@b:3306", "", 0});
  ASSERT_TRUE(checkpoint.PointOf({"d", "b"}));
  EXPECT_EQ(checkpoint.PointOf({"d", "b"})->server, "1@a:3306");
}

TEST_F(CheckpointTest, ATablePointIsKnownAfterADdl) {
  checkpoint_.BeginRun(At(100), false);
  auto table = std::make_shared<const mysql::TableInfo>();
  checkpoint_.PutDefinition({"d", "a"}, table);
  EXPECT_FALSE(checkpoint_.PointOf({"d", "a"})) << "a definition alone is no point";
  DefinitionChange change;
  change.put.push_back({{"d", "b"}, table});
  change.dropped.push_back({"d", "a"});
  checkpoint_.SaveDdl(5, At(200), change);
  ASSERT_TRUE(checkpoint_.PointOf({"d", "b"}));
  EXPECT_EQ(checkpoint_.PointOf({"d", "b"})->location.position.offset, 200u);
  EXPECT_EQ(checkpoint_.Definitions().size(), 1u);
  change = DefinitionChange();
  change.dropped_schemas.push_back("d");
  checkpoint_.SaveDdl(6, At(300), change);
  EXPECT_TRUE(checkpoint_.Definitions().empty());
}

TEST(SqlMode, IsMadeHarmlessForOldRows) {
  const mysql::ServerInfo any;
  EXPECT_EQ(AdaptSqlMode("STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,"
                         "NO_ENGINE_SUBSTITUTION",
                         any, any),
            "NO_AUTO_VALUE_ON_ZERO,IGNORE_SPACE,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION");
  EXPECT_EQ(AdaptSqlMode("", any, any), "NO_AUTO_VALUE_ON_ZERO,IGNORE_SPACE,ALLOW_INVALID_DATES");
}

// MariaDB's '' that is NULL, a CHAR that is longer than its text, modes no other server knows, and
// combinations that bring strictness back.
TEST(SqlMode, ModesThatChangeValuesOrAreUnknownAreLeftOut) {
  mysql::ServerInfo mysql9;
  mysql9.major = 9;
  EXPECT_EQ(AdaptSqlMode("EMPTY_STRING_IS_NULL,PAD_CHAR_TO_FULL_LENGTH,ORACLE,TRADITIONAL,"
                         "TIME_ROUND_FRACTIONAL,ANSI_QUOTES",
                         mysql9, mysql9),
            "NO_AUTO_VALUE_ON_ZERO,IGNORE_SPACE,ALLOW_INVALID_DATES,ANSI_QUOTES");
}

// MariaDB cuts, MySQL and TiDB round, unless a mode says otherwise.
TEST(SqlMode, FractionsOfSecondsAreCutOrRoundedAsUpstream) {
  const auto server = [](int major, int minor, bool mariadb, bool tidb = false) {
    mysql::ServerInfo info;
    info.major = major;
    info.minor = minor;
    info.is_mariadb = mariadb;
    info.is_tidb = tidb;
    return info;
  };
  const mysql::ServerInfo mysql9 = server(9, 0, false), mysql57 = server(5, 7, false),
                          maria = server(10, 11, true), maria103 = server(10, 3, true),
                          tidb = server(8, 5, false, true);
  const std::string kBase = "NO_AUTO_VALUE_ON_ZERO,IGNORE_SPACE,ALLOW_INVALID_DATES";
  const std::string kCuts = kBase + ",TIME_TRUNCATE_FRACTIONAL";
  const std::string kRounds = kBase + ",TIME_ROUND_FRACTIONAL";
  EXPECT_EQ(AdaptSqlMode("", maria, mysql9), kCuts);
  EXPECT_EQ(AdaptSqlMode("TIME_ROUND_FRACTIONAL", maria, mysql9), kBase);
  EXPECT_EQ(AdaptSqlMode("TIME_ROUND_FRACTIONAL", maria, maria), kRounds);
  EXPECT_EQ(AdaptSqlMode("", maria, maria), kBase);
  EXPECT_EQ(AdaptSqlMode("", mysql9, maria), kRounds);
  EXPECT_EQ(AdaptSqlMode("TIME_TRUNCATE_FRACTIONAL", mysql9, maria), kBase);
  EXPECT_EQ(AdaptSqlMode("TIME_TRUNCATE_FRACTIONAL", mysql9, mysql9), kCuts);
  // They have no such mode.
  EXPECT_EQ(AdaptSqlMode("", maria, mysql57), kBase);
  EXPECT_EQ(AdaptSqlMode("", maria, tidb), kBase);
  EXPECT_EQ(AdaptSqlMode("", mysql57, maria103), kBase);
  EXPECT_TRUE(CutsFractions("STRICT_TRANS_TABLES", maria));
  EXPECT_FALSE(CutsFractions("STRICT_TRANS_TABLES", tidb));
}

TEST(StatementText, IsConvertedAndTrimmed) {
  mysql::QueryEvent query;
  query.text = "\n\x01 CREATE TABLE t (a INT) \x7f\n";
  EXPECT_EQ(StatementText(query), "CREATE TABLE t (a INT)");
  query.text = "ALTER TABLE t COMMENT '\xfc'";
  query.status.client_collation = 8;  // latin1_swedish_ci
  EXPECT_EQ(StatementText(query), "ALTER TABLE t COMMENT '\xc3\xbc'");
}

}  // namespace
}  // namespace dm::migration
