#include "migration/precheck/items.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::migration {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Texts(const CheckItem& item) {
  std::vector<std::string> texts;
  for (const CheckEntry& entry : item.entries) texts.push_back(entry.text);
  return texts;
}

// ---- space ----

TEST(JudgeDumpSpace, DataThatDoesNotFitIsAWarning) {
  CheckItem item;
  JudgeDumpSpace("s", 999, {1000, "/data/dump", "w"}, item);
  EXPECT_EQ(item.state, CheckState::kSuccess);
  JudgeDumpSpace("s", 3 << 20, {2 << 20, "/data/dump", "w"}, item);
  EXPECT_EQ(item.state, CheckState::kWarn);
  EXPECT_THAT(Texts(item), ElementsAre(AllOf(HasSubstr("source s"), HasSubstr("/data/dump"),
                                             HasSubstr("dm-worker w"))));
  EXPECT_THAT(item.instruction, HasSubstr("`dir`"));
}

// ---- versions ----

std::string VersionVerdict(const std::string& version) {
  CheckItem item;
  try {
    JudgeVersion(version, item);
  } catch (const Error& e) {
    return "fail: " + e.raw_cause();
  }
  return item.entries.empty() ? "good" : item.entries[0].text;
}

TEST(JudgeVersion, SupportedAreThoseThatAreTested) {
  for (const std::string version :
       {"5.6.0", "5.6.51-log", "5.7.44-48", "8.0.36", "8.1.0", "8.4.7", "9.0.1-debug", "9.7.4",
        "8.0.28-rds", "5.7.mysql_aurora.2.11.1", "10.1.2-MariaDB", "10.6.16-MariaDB-log",
        "10.11.6-MariaDB-0+deb12u1", "11.8.2-MariaDB-ubu2404", "5.5.5-10.4.32-MariaDB"}) {
    if (version == "5.7.mysql_aurora.2.11.1") {
      // What Aurora shows here is no version; it shows 5.7.12 in `version`.
      EXPECT_THAT(VersionVerdict(version), HasSubstr("is not in dotted-tri format"));
      continue;
    }
    EXPECT_EQ(VersionVerdict(version), "good") << version;
  }
}

TEST(JudgeVersion, OthersAreAWarning) {
  EXPECT_EQ(VersionVerdict("5.5.62"), "version suggested at least 5.6.0 but got 5.5.62");
  EXPECT_EQ(VersionVerdict("10.0.1"), "version suggested earlier than 10.0.0 but got 10.0.1");
  EXPECT_EQ(VersionVerdict("12.0.2-MariaDB"),
            "version suggested earlier than 12.0.0 but got 12.0.2");
  EXPECT_EQ(VersionVerdict("10.1.1-MariaDB"), "Migrating from MariaDB is still experimental.");
  EXPECT_EQ(VersionVerdict("mariadb"), "Migrating from MariaDB is still experimental.");
  EXPECT_EQ(VersionVerdict("8.0.11-TiDB-v8.5.0"), "migration from TiDB not supported");
}

TEST(JudgeVersion, OnlyAnUnreadableVersionFails) {
  for (const std::string version : {"", "8", "8.0", "8.0.x", "None", "8.0.1.2"}) {
    EXPECT_EQ(VersionVerdict(version), "fail: " + version + " is not in dotted-tri format");
  }
}

TEST(HasRowImage, SinceThatVersion) {
  EXPECT_FALSE(HasRowImage("5.6.1"));
  EXPECT_TRUE(HasRowImage("5.6.2-log"));
  EXPECT_TRUE(HasRowImage("9.1.0"));
  EXPECT_FALSE(HasRowImage("10.1.5-MariaDB"));
  EXPECT_TRUE(HasRowImage("10.1.6-MariaDB"));
  EXPECT_THROW(HasRowImage("x"), Error);
}

TEST(JudgeRowImage, WhatIsNotWholeIsAWarning) {
  for (const char* whole : {"FULL", "full", "FULL_NODUP"}) {
    CheckItem item;
    JudgeRowImage(whole, item);
    EXPECT_EQ(item.state, CheckState::kSuccess) << whole;
  }
  CheckItem item;
  JudgeRowImage("MINIMAL", item);
  EXPECT_EQ(item.state, CheckState::kWarn);
  EXPECT_EQ(item.entries.at(0).text, "binlog_row_image is MINIMAL, and should be FULL");
  EXPECT_NE(item.instruction.find("SET GLOBAL binlog_row_image = FULL"), std::string::npos);
}

// ---- variables ----

TEST(JudgeVariable, SaysWhatItIsAndShouldBe) {
  CheckItem bad;
  JudgeVariable("binlog_format", "STATEMENT", "ROW", bad);
  EXPECT_EQ(bad.state, CheckState::kFail);
  EXPECT_THAT(Texts(bad), ElementsAre("binlog_format is STATEMENT, and should be ROW"));
  EXPECT_THAT(bad.instruction, HasSubstr("SET GLOBAL binlog_format = ROW;"));
  CheckItem off;
  JudgeVariable("log_bin", "OFF", "ON", off);
  EXPECT_THAT(Texts(off), ElementsAre("log_bin is OFF, and should be ON"));
  CheckItem good;
  JudgeVariable("log_bin", "on", "ON", good);
  EXPECT_EQ(good.state, CheckState::kSuccess);
  EXPECT_TRUE(good.instruction.empty());
}

TEST(JudgeServerId, IsAWarningOnly) {
  for (const auto& [value, text] : {std::pair("0", "server_id is 0"), {"", "server_id not set"}}) {
    CheckItem item;
    JudgeServerId(value, item);
    EXPECT_EQ(item.state, CheckState::kWarn);
    EXPECT_THAT(Texts(item), ElementsAre(text));
    EXPECT_FALSE(item.entries[0].fails);  // takes nothing of the budget of errors
  }
  CheckItem good;
  JudgeServerId("1", good);
  EXPECT_EQ(good.state, CheckState::kSuccess);
}

TEST(JudgeBinlogDb, DoListWinsOverIgnoreList) {
  const auto verdict = [](const std::string& do_db, const std::string& ignore_db,
                          bool case_sensitive) -> std::string {
    CheckItem item;
    JudgeBinlogDb({"Crm", "shop"}, do_db, ignore_db, case_sensitive, item);
    return item.entries.empty() ? "good" : item.entries[0].text;
  };
  EXPECT_EQ(verdict("", "", false), "good");
  EXPECT_EQ(verdict("crm,shop,x", "shop", false), "good");
  EXPECT_EQ(verdict("crm,shop", "", true), "these dbs [Crm] are not in binlog_do_db[crm,shop]");
  EXPECT_EQ(verdict("x", "", false), "these dbs [Crm,shop] are not in binlog_do_db[x]");
  EXPECT_EQ(verdict("", "x,crm", false), "these dbs [Crm] are in binlog_ignore_db[x,crm]");
  EXPECT_EQ(verdict("", "x,crm", true), "good");
}

TEST(JudgeConnections, FailsOnlyIfTheLimitIsTooLow) {
  CheckItem fail;
  JudgeConnections("dumper", 5, 0, 6, fail);
  EXPECT_EQ(fail.state, CheckState::kFail);
  EXPECT_THAT(fail.entries[0].text, HasSubstr("max_connections: 5 is less than the number dumper "
                                              "needs: 6"));
  CheckItem warn;
  JudgeConnections("loader", 20, 16, 5, warn);
  EXPECT_EQ(warn.state, CheckState::kWarn);
  EXPECT_THAT(warn.entries[0].text, HasSubstr("available_connections: 4 is less than"));
  EXPECT_FALSE(warn.entries[0].fails);
  CheckItem over;
  JudgeConnections("loader", 20, 30, 5, over);
  EXPECT_THAT(over.entries[0].text, HasSubstr("available_connections: 0 "));
  CheckItem good;
  JudgeConnections("loader", 20, 15, 5, good);
  EXPECT_EQ(good.state, CheckState::kSuccess);
}

TEST(JudgeRetention, AgainstTheSizeOfTheData) {
  const auto warns = [](uint64_t seconds, uint64_t bytes) {
    CheckItem item;
    JudgeRetention(seconds, bytes, item);
    return item.state == CheckState::kWarn;
  };
  EXPECT_FALSE(warns(0, 1ull << 50));
  EXPECT_TRUE(warns(60, 0));
  EXPECT_FALSE(warns(86400, 10ull << 30));
  EXPECT_TRUE(warns(86400, 1ull << 40));
}

// ---- the account downstream ----

CheckItem Target(const std::vector<std::string>& rows, bool creates_tables = true) {
  AccountGrants grants;
  for (const std::string& row : rows) grants.rows.push_back(ParseGrantRow(row));
  grants.active = grants.rows;
  CheckItem item;
  JudgeTarget(grants, "dm_meta", {"a", "b"}, creates_tables, item);
  return item;
}

TEST(JudgeTarget, GlobalGrants) {
  EXPECT_EQ(Target({"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER ON *.* TO "
                    "`u`@`%`"})
                .state,
            CheckState::kSuccess);
  const CheckItem item = Target(
      {"GRANT SELECT, INSERT, DELETE, CREATE, DROP, INDEX, ALTER, CREATE VIEW ON *.* TO `u`@`%`"});
  EXPECT_EQ(item.state, CheckState::kWarn);
  EXPECT_THAT(Texts(item), ElementsAre("lack of Update global (*.*) privilege; "));
  EXPECT_FALSE(item.entries[0].fails);
}

TEST(JudgeTarget, GrantsOnAllThatIsWrittenAreEnough) {
  const std::string a = "GRANT ALL PRIVILEGES ON `a`.* TO `u`@`%`";
  const std::string b = "GRANT ALL PRIVILEGES ON `b`.* TO `u`@`%`";
  const std::string meta = "GRANT ALL PRIVILEGES ON `dm\\_meta`.* TO `u`@`%`";
  EXPECT_EQ(Target({a, b, meta}).state, CheckState::kSuccess);
  const CheckItem item = Target(
      {a, "GRANT SELECT, CREATE, INSERT, DELETE, ALTER, DROP, INDEX ON `b`.* TO `u`@`%`", meta});
  EXPECT_THAT(Texts(item), ElementsAre("lack of Update privilege: {`b`.*}; "));
  EXPECT_EQ(item.state, CheckState::kWarn);
}

TEST(JudgeTarget, NothingCanBeginWithoutCreate) {
  const CheckItem nothing = Target({"GRANT USAGE ON *.* TO `u`@`%`"});
  EXPECT_EQ(nothing.state, CheckState::kFail);
  EXPECT_EQ(nothing.entries.back().text, "the account cannot create tables in `a`, `b`, `dm_meta`");
  EXPECT_THAT(nothing.entries.front().text, HasSubstr("lack of Create global (*.*) privilege"));
  const std::string all = "GRANT ALL PRIVILEGES ON `a`.* TO `u`@`%`";
  const CheckItem meta = Target({all, "GRANT ALL PRIVILEGES ON `b`.* TO `u`@`%`"});
  EXPECT_EQ(meta.state, CheckState::kFail);
  EXPECT_EQ(meta.entries.back().text, "the account cannot create tables in `dm_meta`");
  // Replication alone may find its tables there.
  EXPECT_EQ(Target({all, "GRANT ALL PRIVILEGES ON `dm_meta`.* TO `u`@`%`"}, false).state,
            CheckState::kWarn);
}

TEST(JudgeGrants, RolesThatANewConnectionDoesNotHave) {
  AccountGrants grants;
  grants.rows = {ParseGrantRow("GRANT RELOAD ON *.* TO `u`@`%`")};
  grants.active = {ParseGrantRow("GRANT USAGE ON *.* TO `u`@`%`")};
  grants.inactive_roles = {"`r`@`%`"};
  CheckItem item;
  EXPECT_TRUE(
      JudgeGrants({{Privilege::kReload, {.global = true}}}, grants, CheckState::kFail, item));
  EXPECT_EQ(item.state, CheckState::kWarn);
  EXPECT_THAT(item.entries.at(0).text, HasSubstr("`r`@`%`"));
  CheckItem unread;
  grants.unread = {"GRANT ~ TO ... has no privilege"};
  EXPECT_FALSE(
      JudgeGrants({{Privilege::kSuper, {.global = true}}}, grants, CheckState::kFail, unread));
  EXPECT_THAT(Texts(unread), ElementsAre("lack of Super global (*.*) privilege; ",
                                         "GRANT ~ TO ... has no privilege", HasSubstr("`r`@`%`")));
  EXPECT_FALSE(unread.entries[1].fails);
}

// ---- running ----

ItemTask Task(std::string name, std::function<void(CheckItem&, const StopToken&)> check) {
  CheckItem item;
  item.name = std::move(name);
  return {std::move(item), std::move(check)};
}

TEST(RunItems, KeepsTheOrderOfCreation) {
  StopSource first_done;
  std::vector<ItemTask> tasks;
  tasks.push_back(Task("waits", [&](CheckItem&, const StopToken&) {
    try {
      WaitFor(std::chrono::minutes(1), first_done.get_token());
    } catch (const Cancelled&) {
      // The second item has run meanwhile.
    }
  }));
  tasks.push_back(Task("second", [&](CheckItem& item, const StopToken&) {
    item.Warn("w");
    first_done.request_stop();
  }));
  tasks.push_back(Task("throws", [](CheckItem&, const StopToken&) {
    throw Error(ErrorCode::kDBQueryFailed, "it failed").SetRawCause("why").SetWorkaround("do this");
  }));
  const CheckReport report = RunItems(std::move(tasks), std::chrono::minutes(1), {});
  ASSERT_EQ(report.items.size(), 3u);
  EXPECT_TRUE(report.finished);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(report.items[i].id, i);
  EXPECT_EQ(report.items[0].state, CheckState::kSuccess);
  EXPECT_EQ(report.items[1].state, CheckState::kWarn);
  EXPECT_EQ(report.items[2].state, CheckState::kFail);
  EXPECT_THAT(report.items[2].entries[0].text, HasSubstr("RawCause: why"));
  EXPECT_EQ(report.items[2].instruction, "do this");
}

TEST(RunItems, TheLimitMakesWarnings) {
  std::vector<ItemTask> tasks;
  tasks.push_back(Task(
      "hangs", [](CheckItem&, const StopToken& stop) { WaitFor(std::chrono::hours(1), stop); }));
  tasks.push_back(Task("found something", [](CheckItem& item, const StopToken& stop) {
    item.Fail("f");
    WaitFor(std::chrono::hours(1), stop);
  }));
  const CheckReport report = RunItems(std::move(tasks), Milliseconds(20), {});
  EXPECT_FALSE(report.finished);
  EXPECT_EQ(report.items[0].state, CheckState::kWarn);
  EXPECT_EQ(report.items[0].entries[0].text, "not finished within 20ms");
  EXPECT_EQ(report.items[1].state, CheckState::kFail);
}

TEST(RunItems, ACallerThatLeavesGetsNoVerdict) {
  StopSource stop;
  std::vector<ItemTask> tasks;
  tasks.push_back(Task("hangs", [&](CheckItem&, const StopToken& token) {
    stop.request_stop();
    WaitFor(std::chrono::hours(1), token);
  }));
  EXPECT_THROW(RunItems(std::move(tasks), std::chrono::hours(1), stop.get_token()), Cancelled);
}

// ---- names that differ in letter case only ----

std::string Collision(const std::vector<RouteRule>& rules, const std::vector<SchemaTable>& tables) {
  try {
    CheckRouteCollisions(rules, tables);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 26001);
    return e.message();
  }
  return "none";
}

RouteRule Rule(std::string schema, std::string table, std::string target_schema,
               std::string target_table) {
  return {.schema_pattern = std::move(schema),
          .table_pattern = std::move(table),
          .target_schema = std::move(target_schema),
          .target_table = std::move(target_table)};
}

TEST(CheckRouteCollisions, OnlyLetterCaseCounts) {
  const std::vector<SchemaTable> tables = {{"db", "T1"}};
  const std::string text =
      Collision({Rule("DB", "t*", "a", "Tgt"), Rule("db", "t1", "a", "tgt")}, tables);
  EXPECT_THAT(text, HasSubstr("same table name in case-insensitive"));
  EXPECT_THAT(text, HasSubstr("same target table `a`.`Tgt` vs `a`.`tgt`"));
  EXPECT_EQ(Collision({Rule("db", "t*", "a", "x"), Rule("db", "t1", "a", "x")}, tables), "none");
  EXPECT_EQ(Collision({Rule("db", "t*", "a", "x"), Rule("db", "t1", "a", "y")}, tables), "none");
  EXPECT_EQ(Collision({Rule("db", "", "a", ""), Rule("db", "", "A", "")}, tables), "none");
  EXPECT_EQ(Collision({Rule("no", "t*", "a", "x"), Rule("no", "t1", "a", "X")}, tables), "none");
  EXPECT_THAT(Collision({Rule("db", "t*", "a", ""), Rule("db", "t1", "a", "t1")}, tables),
              HasSubstr("same target table `a`.`T1` vs `a`.`t1`"));
}

TEST(CheckTargetCollisions, AlsoOfCaseSensitiveInstances) {
  CheckTargetCollisions({{{"d", "a"}, {"d", "a"}}, {{"d", "b"}, {"d", "a"}}});
  try {
    CheckTargetCollisions({{{"d", "A"}, {"d", "A"}}, {{"d", "a"}, {"d", "a"}}});
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 26001);
    EXPECT_THAT(e.message(), HasSubstr("same target table `d`.`A` vs `d`.`a`"));
  }
}

}  // namespace
}  // namespace dm::migration
