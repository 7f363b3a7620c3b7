#include "migration/meta/sync_checkpoint.h"

#include <gtest/gtest.h>

#include "base/error/error.h"
#include "migration/meta/owner.h"

namespace dm::migration {
namespace {

mysql::Location At(const std::string& file, uint64_t offset, const std::string& gtid) {
  mysql::Location location;
  location.position = {file, offset};
  location.gtid_set = mysql::GtidSet::Parse(mysql::Flavor::kMariaDb, gtid);
  return location;
}

class SyncCheckpointTableTest : public testing::Test {
 protected:
  SyncCheckpointTable table_{"dm_meta", "t2", "mysql-replica-01", mysql::Flavor::kMariaDb, false};
};

// As DM wrote it.
TEST_F(SyncCheckpointTableTest, GlobalRow) {
  GlobalPoint point;
  point.location = At("mysql-bin.000001", 71734, "0-1-240");
  EXPECT_EQ(table_.GlobalStatement(point), R"(INSERT INTO `dm_meta`.`t2_syncer_checkpoint`
		(id, cp_schema, cp_table, binlog_name, binlog_pos, binlog_gtid, exit_safe_binlog_name, exit_safe_binlog_pos, exit_safe_binlog_gtid, table_info, is_global) VALUES
		('mysql-replica-01', '', '', 'mysql-bin.000001', 71734, '0-1-240', '', 0, '', 'null', 1)
		ON DUPLICATE KEY UPDATE
			binlog_name = VALUES(binlog_name),
			binlog_pos = VALUES(binlog_pos),
			binlog_gtid = VALUES(binlog_gtid),
			exit_safe_binlog_name = VALUES(exit_safe_binlog_name),
			exit_safe_binlog_pos = VALUES(exit_safe_binlog_pos),
			exit_safe_binlog_gtid = VALUES(exit_safe_binlog_gtid),
			table_info = VALUES(table_info),
			is_global = VALUES(is_global))");
}

TEST_F(SyncCheckpointTableTest, ExitPoint) {
  GlobalPoint point;
  point.location = At("mysql-bin.000001", 32921, "0-1-84");
  point.exit_point = At("mysql-bin.000001", 33127, "0-1-85");
  EXPECT_NE(
      table_.GlobalStatement(point).find(
          "'mysql-bin.000001', 32921, '0-1-84', 'mysql-bin.000001', 33127, '0-1-85', 'null', 1)"),
      std::string::npos);
}

TEST_F(SyncCheckpointTableTest, UpstreamLog) {
  EXPECT_EQ(table_.UpstreamStatement({"11@db1:3306", "bin.000009", 1795000000}),
            "REPLACE INTO `dm_meta`.`t2_syncer_state` (id, name, value) VALUES "
            "('mysql-replica-01', 'upstream', '1795000000|bin.000009|11@db1:3306')");
  EXPECT_EQ(table_.UpstreamStatement({}),
            "DELETE FROM `dm_meta`.`t2_syncer_state` WHERE id = 'mysql-replica-01' AND name = "
            "'upstream'");
}

TEST_F(SyncCheckpointTableTest, DatabaseCollations) {
  EXPECT_EQ(table_.DatabaseCollationsStatement({{"d", "utf8mb4_bin"}, {"it's", "latin1_bin"}}),
            "REPLACE INTO `dm_meta`.`t2_syncer_state` (id, name, value) VALUES "
            "('mysql-replica-01', 'database_collations', "
            R"('{\"d\":\"utf8mb4_bin\",\"it\'s\":\"latin1_bin\"}'))");
  EXPECT_EQ(table_.DatabaseCollationsStatement({}),
            "DELETE FROM `dm_meta`.`t2_syncer_state` WHERE id = 'mysql-replica-01' AND name = "
            "'database_collations'");
  // A name that is no UTF-8 is not found again, the others are.
  const std::string replaced =
      table_.DatabaseCollationsStatement({{"a\xff", "latin1_bin"}, {"b", "utf8mb4_bin"}});
  EXPECT_NE(replaced.find(R"("b\":\"utf8mb4_bin)"), std::string::npos) << replaced;
  EXPECT_NE(replaced.find("a\xef\xbf\xbd"), std::string::npos) << replaced;
}

TEST_F(SyncCheckpointTableTest, PreparedBranches) {
  migration::PreparedBranches branches;
  branches["X'61',X'',1"] = {
      "11@db1:3306", {"bin.000009", 5'000'000'000}, {"bin.000010", 4}, "0-1-7", true};
  branches["X'62',X'63',7"] = {"", {"bin.000010", 4}, {"bin.000010", 900}, "", false};
  EXPECT_EQ(ReadPreparedBranches(WritePreparedBranches(branches)), branches);
  EXPECT_EQ(table_.PreparedStatement({}),
            "DELETE FROM `dm_meta`.`t2_syncer_state` WHERE id = 'mysql-replica-01' AND name = "
            "'prepared'");
  EXPECT_TRUE(ReadPreparedBranches("").empty());
}

// What each statement leaves alone in a row that is there.
TEST_F(SyncCheckpointTableTest, PartsOfATableRow) {
  TablePoint point;
  point.schema = "shop";
  point.table = "it's";
  point.location = At("mysql-bin.000001", 70684, "0-1-237");
  point.table_info = R"({"name":"a\\b"})";
  auto updates = [](const std::string& statement, const char* column) {
    return statement.find(std::string("\t\t\t") + column + " = VALUES") != std::string::npos;
  };
  std::string all = table_.TableStatement(point);
  EXPECT_NE(all.find(R"('shop', 'it\'s', 'mysql-bin.000001', 70684)"), std::string::npos) << all;
  EXPECT_NE(all.find(R"('{\"name\":\"a\\\\b\"}')"), std::string::npos) << all;
  EXPECT_TRUE(updates(all, "binlog_pos") && updates(all, "table_info"));

  std::string definition = table_.DefinitionStatement(point);
  EXPECT_TRUE(updates(definition, "table_info"));
  EXPECT_FALSE(updates(definition, "binlog_pos") || updates(definition, "exit_safe_binlog_pos"));

  std::string location = table_.LocationStatement(point);
  EXPECT_TRUE(updates(location, "binlog_pos") && updates(location, "exit_safe_binlog_pos"));
  EXPECT_FALSE(updates(location, "table_info"));

  point.piece = PiecePoint{{"mysql-bin.000001", 99}, "0-1-238", 7};
  point.server = "server-1";
  std::string piece = table_.LocationStatement(point);
  EXPECT_NE(piece.find("'mysql-bin.000001', 99, 'server-1|0-1-238|event=7'"), std::string::npos)
      << piece;
  EXPECT_TRUE(updates(piece, "exit_safe_binlog_pos"));
  EXPECT_FALSE(updates(piece, "table_info"));
}

// The columns have 32 bits; a table's point must stay exact.
TEST_F(SyncCheckpointTableTest, OffsetsThatDoNotFit) {
  TablePoint point;
  point.schema = "d";
  point.table = "t";
  point.location = At("bin.000001", 4'500'000'000, "0-1-2");
  EXPECT_NE(table_.LocationStatement(point).find(
                "'bin.000001', 4294967295, '0-1-2', '', 0, '||offset=4500000000'"),
            std::string::npos);
  point.location = At("bin.000001", 400, "0-1-2");
  point.piece = PiecePoint{{"bin.000001", 5'000'000'000}, "", 900};
  point.server = "s";
  const std::string piece = table_.LocationStatement(point);
  EXPECT_NE(piece.find("'bin.000001', 4294967295, 's||event=900|piece=5000000000'"),
            std::string::npos)
      << piece;
}

TEST_F(SyncCheckpointTableTest, ASetThatDoesNotFitIsRefused) {
  TablePoint point;
  std::string set;
  for (int domain = 0; domain < 5000; ++domain) {
    set += (domain == 0 ? "" : ",") + std::to_string(domain) + "-4000000000-1";
  }
  point.location = At("bin.000001", 4, set);
  EXPECT_TRUE(table_.NeedsWidening(point.location));
  EXPECT_THROW(table_.LocationStatement(point), Error);
}

TEST_F(SyncCheckpointTableTest, LiteralsFollowTheSession) {
  SyncCheckpointTable plain("dm_meta", "t2", "s", mysql::Flavor::kMySql, true, true);
  EXPECT_EQ(
      plain.DeleteTableStatement("a\\b", "c'd"),
      "DELETE FROM `dm_meta`.`t2_syncer_checkpoint` WHERE id = 's' AND cp_schema = 'a\\b' AND "
      "cp_table = 'c''d'");
}

TEST(OwnerTable, AWrongEpochCollidesWithTheGuardRow) {
  OwnerTable owner("dm_meta", "t`2", "s1");
  mysql::ServerInfo server;
  EXPECT_EQ(owner.ProofStatement(3, 7, server),
            "UPDATE `dm_meta`.`t``2_owner` SET slot = IF(epoch = 7, slot, -1) WHERE id = 's1' AND "
            "slot = 3");
  server.is_tidb = true;
  EXPECT_EQ(owner.ProofStatement(3, 7, server),
            "UPDATE `dm_meta`.`t``2_owner` SET slot = IF(epoch = 7, slot, -1), transactions = "
            "transactions + 1 WHERE id = 's1' AND slot = 3");
}

TEST(OwnerTable, KnowsItsRefusalAmongOtherDuplicates) {
  OwnerTable owner("dm_meta", "t", "s1");
  Error error(ErrorCode::kDBExecuteFailed, "");
  error.SetServerErrno(1062).SetRawCause(
      "Error 1062 (23000): Duplicate entry 's1--1' for key 't_owner.PRIMARY'");
  EXPECT_TRUE(owner.IsRefusal(error));
  error.SetRawCause("Error 1062 (23000): Duplicate entry 's1--1' for key 'PRIMARY'");
  EXPECT_TRUE(owner.IsRefusal(error));
  error.SetRawCause("Error 1062 (23000): Duplicate entry '1' for key 't.PRIMARY'");
  EXPECT_FALSE(owner.IsRefusal(error));
  error.SetRawCause("Error 1062 (23000): Duplicate entry 'bs1--1' for key 't.PRIMARY'");
  EXPECT_FALSE(owner.IsRefusal(error));
}

}  // namespace
}  // namespace dm::migration
