#include "migration/meta/online_ddl.h"

#include <gtest/gtest.h>

namespace dm::migration {
namespace {

OnlineDdlRecord Record() {
  OnlineDdlRecord record;
  record.ghost_schema = "shop";
  record.ghost_table = "_pkuk_new";
  record.schema = "shop";
  record.table = "pkuk";
  record.ddls = {"ALTER TABLE `shop`.`_pkuk_new` ADD COLUMN `pt` INT",
                 "ALTER TABLE `shop`.`_pkuk_new` ADD INDEX `ipt`(`pt`)"};
  record.lists = {2};
  return record;
}

// As DM wrote them.
TEST(OnlineDdlTableTest, RecordedStatements) {
  const OnlineDdlTable table("dm_meta", "t8", "mysql-replica-01", false);
  EXPECT_EQ(table.PutStatement(Record()),
            R"(REPLACE INTO `dm_meta`.`t8_onlineddl`(`id`,`ghost_schema`, `ghost_table`, `ddls`) )"
            R"(VALUES ('mysql-replica-01', 'shop', '_pkuk_new', '{\"schema\":\"shop\",\"table\":\")"
            R"(pkuk\",\"ddls\":[\"ALTER TABLE `shop`.`_pkuk_new` ADD COLUMN `pt` INT\",)"
            R"(\"ALTER TABLE `shop`.`_pkuk_new` ADD INDEX `ipt`(`pt`)\"]}'))");
  EXPECT_EQ(table.DeleteStatement("shop", "_pkuk_new"),
            "DELETE FROM `dm_meta`.`t8_onlineddl` WHERE `id` = 'mysql-replica-01' and "
            "`ghost_schema` = 'shop' and `ghost_table` = '_pkuk_new'");
}

TEST(OnlineDdlTableTest, WhatTheLayoutHasNoPlaceFor) {
  const OnlineDdlTable table("dm_meta", "t8", "s", true);
  const std::string none =
      "DELETE FROM `dm_meta`.`t8_syncer_state` WHERE id = 's' AND name = 'online_ddl'";
  OnlineDdlState state;
  EXPECT_EQ(table.StateStatement(state), none);
  state.records.push_back(Record());
  state.records.front().lists = {1, 1};
  EXPECT_EQ(table.StateStatement(state), none);
  state.records.front().lists = {2};
  state.aside.push_back({"shop", "o'rders", true, "", ""});
  EXPECT_EQ(table.StateStatement(state),
            R"(REPLACE INTO `dm_meta`.`t8_syncer_state` (id, name, value) VALUES ('s', )"
            R"('online_ddl', '{"lists":[{"schema":"shop","table":"_pkuk_new","lists":[2]}],)"
            R"("aside":[{"schema":"shop","table":"o''rders","dropped":true}]}'))");
  state.records.clear();
  state.aside = {{"shop", "t", false, "attic", "_t_old"}};
  EXPECT_EQ(table.StateStatement(state),
            R"(REPLACE INTO `dm_meta`.`t8_syncer_state` (id, name, value) VALUES ('s', )"
            R"('online_ddl', '{"lists":[],"aside":[{"schema":"shop","table":"t","dropped":false,)"
            R"("trash":{"schema":"attic","table":"_t_old"}}]}'))");
  EXPECT_EQ(
      table.DeleteAllStatements(),
      (std::vector<std::string>{"DELETE FROM `dm_meta`.`t8_onlineddl` WHERE `id` = 's'", none}));
}

TEST(OnlineDdlTableTest, SessionsOfLists) {
  const OnlineDdlTable table("dm_meta", "t8", "s", true);
  OnlineDdlState state;
  state.records.push_back(Record());
  state.records.front().sessions = {{"+05:00", 7, 3, true, false}};
  EXPECT_EQ(table.StateStatement(state),
            R"(REPLACE INTO `dm_meta`.`t8_syncer_state` (id, name, value) VALUES ('s', )"
            R"('online_ddl', '{"lists":[{"schema":"shop","table":"_pkuk_new","lists":[2],)"
            R"("sessions":[{"time_zone":"+05:00","auto_increment":[7,3],"keeps_zeros":true,)"
            R"("explicit_defaults_for_timestamp":false}]}],"aside":[]}'))");
}

TEST(OnlineDdlTableTest, LongRecordsAndBrokenText) {
  OnlineDdlRecord record = Record();
  EXPECT_FALSE(OnlineDdlTable::NeedsWidening(record));
  record.ddls.emplace_back(70000, 'x');
  EXPECT_TRUE(OnlineDdlTable::NeedsWidening(record));
  record.ddls = {"a\xff\xfe"};
  EXPECT_NE(OnlineDdlTable("m", "t", "s", false).PutStatement(record).find("a\xef\xbf\xbd"),
            std::string::npos);
}

}  // namespace
}  // namespace dm::migration
