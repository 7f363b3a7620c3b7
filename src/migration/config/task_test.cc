// Validation of task files: every rule with its code, and the order of the rules.
#include "migration/config/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/error/error.h"
#include "migration/config/password_cipher.h"
#include "migration/config/subtask.h"

namespace dm::migration {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTarget = "target-database: {host: 127.0.0.1, port: 4000, user: dm}\n";
constexpr const char* kHead = "name: t\ntask-mode: all\n";

// What ValidateTask says to a file; the text "ok" if nothing.
std::string Verdict(const std::string& yaml) {
  try {
    TaskConfig task = ParseTaskYaml(yaml);
    ValidateTask(task);
  } catch (const Error& e) {
    return e.ToString();
  }
  return "ok";
}

// The same for `lines` in an otherwise valid file; `instance`: further keys of its only instance.
std::string VerdictOn(const std::string& lines, const std::string& instance = "") {
  return Verdict(std::string(kHead) + kTarget + lines + "mysql-instances:\n- source-id: s1\n" +
                 instance);
}

testing::Matcher<std::string> HasCode(int code) {
  return HasSubstr("[code=" + std::to_string(code) + ":class=config:");
}

TEST(ValidateTaskTest, GoodFile) { EXPECT_EQ(VerdictOn(""), "ok"); }

TEST(ValidateTaskTest, TextsOfTheReference) {
  EXPECT_EQ(Verdict("task-mode: all"),
            "[code=20019:class=config:scope=internal:level=medium], Message: must specify a unique "
            "task name, Workaround: Please check the `name` config in task configuration file.");
  EXPECT_EQ(Verdict("name: x\n  bad\n"),
            "[code=20020:class=config:scope=internal:level=medium], Message: please specify right "
            "task-mode, support `full`, `incremental`, `all`, `dump`, `load`, Workaround: Please "
            "check the `task-mode` config in task configuration file.");
  EXPECT_EQ(VerdictOn("", "  block-allow-list: nosuch\n"),
            "[code=20026:class=config:scope=internal:level=medium], Message: mysql-instance(0)'s "
            "list nosuch not exist in block allow list, Workaround: Please check the "
            "`block-allow-list` config in task configuration file.");
}

TEST(ValidateTaskTest, TaskLevel) {
  EXPECT_THAT(VerdictOn("shard-mode: both\n"), HasCode(20033));
  EXPECT_THAT(VerdictOn("strict-optimistic-shard-mode: true\nshard-mode: pessimistic\n"),
              HasCode(20066));
  EXPECT_THAT(VerdictOn("column-mappings: {a: {expression: partition id}}\n"), HasCode(20064));
  EXPECT_THAT(VerdictOn("collation_compatible: some\n"), HasCode(20052));
  EXPECT_THAT(VerdictOn("ignore-checking-items: [all, nothing]\n"),
              testing::AllOf(HasCode(20001), HasSubstr("nothing"), HasSubstr("auto_increment_ID")));
  EXPECT_THAT(VerdictOn("online-ddl-scheme: fast\n"), HasCode(20007));
  EXPECT_THAT(Verdict(std::string(kHead) + "mysql-instances: [{source-id: a}]"), HasCode(20021));
  EXPECT_THAT(Verdict(std::string(kHead) + kTarget), HasCode(20013));
  EXPECT_THAT(VerdictOn("timezone: Mars/Base\n"), HasCode(20008));
  EXPECT_EQ(VerdictOn("enable-heartbeat: true\nheartbeat-report-interval: 1\nremove-meta: true\n"),
            "ok");
}

TEST(ValidateTaskTest, Instances) {
  auto instances = [](const std::string& list) {
    return Verdict(std::string(kHead) + kTarget + "mysql-instances:\n" + list);
  };
  EXPECT_THAT(instances("-\n"), HasCode(20012));
  EXPECT_THAT(instances("- source-id: a\n- source-id: \"\"\n"),
              testing::AllOf(HasCode(20005), HasSubstr("mysql-instance: 1st: empty source-id")));
  EXPECT_THAT(
      instances("- {source-id: a, meta: {}}\n"),
      testing::AllOf(HasCode(20011), HasSubstr("mysql-instance: 0th: must specify `binlog-name`")));
  EXPECT_THAT(instances("- {source-id: a}\n- {source-id: b}\n- {source-id: a}\n"),
              testing::AllOf(HasCode(20014), HasSubstr("(0)"), HasSubstr("(2)")));
  EXPECT_THAT(VerdictOn("", "  route-rules: [r]\n"), HasCode(20023));
  EXPECT_THAT(VerdictOn("", "  filter-rules: [f]\n"), HasCode(20024));
  EXPECT_THAT(VerdictOn("", "  black-white-list: l\n"), HasCode(20026));
  EXPECT_THAT(VerdictOn("", "  mydumper-config-name: d\n"), HasCode(20027));
  EXPECT_THAT(VerdictOn("", "  loader-config-name: l\n"), HasCode(20029));
  EXPECT_THAT(VerdictOn("", "  syncer-config-name: s\n"), HasCode(20030));
  EXPECT_THAT(VerdictOn("", "  validator-config-name: v\n"), HasCode(20056));
  EXPECT_THAT(VerdictOn("", "  expression-filters: [e]\n"), HasCode(20040));
  EXPECT_THAT(VerdictOn("mydumpers: {d: {}}\n", "  mydumper-config-name: d\n  mydumper: {}\n"),
              HasCode(20015));
  EXPECT_THAT(VerdictOn("loaders: {d: {}}\n", "  loader-config-name: d\n  loader: {}\n"),
              HasCode(20016));
  EXPECT_THAT(VerdictOn("syncers: {d: {}}\n", "  syncer-config-name: d\n  syncer: {}\n"),
              HasCode(20017));
  EXPECT_THAT(VerdictOn("", "  mydumper: {mydumper-path: \"\"}\n"), HasCode(20028));
}

TEST(ValidateTaskTest, Sections) {
  EXPECT_THAT(VerdictOn("", "  loader: {import-mode: import-into}\n- source-id: s2\n"),
              HasCode(20068));
  EXPECT_THAT(VerdictOn("", "  syncer: {safe-mode-duration: 60}\n"), HasCode(20060));
  EXPECT_THAT(VerdictOn("", "  syncer: {safe-mode-duration: 0s, safe-mode: true}\n"),
              HasCode(20061));
  auto loader = [](const std::string& keys) {
    return VerdictOn("loaders: {l: {" + keys + "}}\n", "  loader-config-name: l\n");
  };
  EXPECT_THAT(loader("import-mode: fast"), HasCode(20053));
  EXPECT_THAT(loader("pool-size: 1025"), HasCode(20071));
  EXPECT_EQ(loader("pool-size: 1024"), "ok");
  EXPECT_THAT(VerdictOn("", "  syncer: {worker-count: 1000000}\n"), HasCode(20071));
  EXPECT_THAT(VerdictOn("", "  syncer: {checkpoint-flush-interval: 2000000000}\n"), HasCode(20071));
  EXPECT_THAT(loader("on-duplicate-logical: merge"), HasCode(20054));
  EXPECT_THAT(loader("on-duplicate-physical: merge"), HasCode(20062));
  EXPECT_THAT(loader("checksum-physical: maybe"), HasCode(20063));
  EXPECT_THAT(loader("analyze: maybe"), HasCode(20065));
  EXPECT_THAT(loader("import-mode: loader, dir: \"s3://b/p\""), HasCode(20059));
  EXPECT_EQ(loader("import-mode: Loader, checksum-physical: OFF, compress-kv-pairs: gz"), "ok");
  auto validator = [](const std::string& keys) {
    return VerdictOn("validators: {v: {" + keys + "}}\n", "  validator-config-name: v\n");
  };
  EXPECT_THAT(validator("mode: deep"), HasCode(20055));
  EXPECT_THROW(validator("max-pending-row-size: much"), std::invalid_argument);
  EXPECT_EQ(validator("mode: fast, worker-count: -1, check-interval: 0s"), "ok");
}

TEST(ValidateTaskTest, ImportModeIsPrintedByItsNewName) {
  for (const char* mode : {"SQL", "Loader", "Logical", ""}) {
    TaskConfig task =
        ParseTaskYaml(std::string(kHead) + kTarget + "loaders: {l: {import-mode: \"" + mode +
                      "\"}}\nmysql-instances: [{source-id: a, " + "loader-config-name: l}]\n");
    ValidateTask(task);
    EXPECT_EQ(task.loaders.at("l")->import_mode, "logical") << mode;
  }
}

TEST(ValidateTaskTest, RulesByName) {
  EXPECT_THAT(VerdictOn("expression-filter: {e: {table: t, insert-value-expr: a}}\n"),
              HasCode(20042));
  EXPECT_THAT(
      VerdictOn("expression-filter: {e: {schema: s, table: t, insert-value-expr: \"f(\"}}\n"),
      HasCode(20041));
  EXPECT_THAT(VerdictOn("expression-filter: {e: {schema: s, table: t}}\n"), HasCode(20039));
  EXPECT_THAT(VerdictOn("expression-filter:\n  e:\n"), HasCode(20042));
  EXPECT_THAT(VerdictOn("routes:\n  r:\n", "  route-rules: [r]\n"), HasCode(20045));
  EXPECT_THAT(VerdictOn("filters:\n  f:\n", "  filter-rules: [f]\n"), HasCode(20037));
  EXPECT_THAT(
      VerdictOn("routes: {r: {schema-pattern: a, target-schema: b}}\n", "  route-rules: [r, r]\n"),
      testing::AllOf(HasCode(20032), HasSubstr("mysql-instance(0)'s route-rules: r")));
}

TEST(ValidateTaskTest, UnusedNames) {
  EXPECT_THAT(VerdictOn("routes: {b: {}, a: {}}\nsyncers: {c: {}}\n"),
              testing::AllOf(HasCode(20038), HasSubstr("[a b c] are set in global configuration")));
  EXPECT_EQ(VerdictOn("block-allow-list: {l: {do-dbs: [a]}}\n"), "ok");
}

TEST(ValidateTaskTest, FirstRuleWins) {
  EXPECT_THAT(Verdict(""), HasCode(20019));
  EXPECT_THAT(Verdict("name: a\nshard-mode: x\n"), HasCode(20020));
  EXPECT_THAT(Verdict(std::string(kHead) + "shard-mode: x\ncolumn-mappings: {a: {}}\n"),
              HasCode(20033));
  EXPECT_THAT(VerdictOn("timezone: x\nroutes: {a: {}}\n"), HasCode(20038));
  EXPECT_THAT(VerdictOn("loaders: {l: {analyze: x}}\n", "  route-rules: [a, a]\n"), HasCode(20023));
}

TEST(ValidateTaskTest, Adjusts) {
  TaskConfig task = ParseTaskYaml(std::string(kHead) + kTarget +
                                  "is-sharding: true\nmeta-schema: \"\"\nonline-ddl: false\n"
                                  "online-ddl-scheme: pt\nenable-heartbeat: true\n"
                                  "mysql-instances: [{source-id: a}]\n");
  ValidateTask(task);
  EXPECT_EQ(task.shard_mode, "pessimistic");
  EXPECT_EQ(task.meta_schema, "dm_meta");
  EXPECT_TRUE(task.online_ddl);
  EXPECT_FALSE(task.enable_heartbeat);
}

TEST(TaskModeTest, Units) {
  EXPECT_EQ(ParseTaskMode("load&sync"), TaskMode::kLoadAndSync);
  EXPECT_EQ(ParseTaskMode("All"), std::nullopt);
  EXPECT_TRUE(HasDump(TaskMode::kDump) && !HasLoad(TaskMode::kDump) && !HasSync(TaskMode::kDump));
  EXPECT_TRUE(HasDump(TaskMode::kAll) && HasLoad(TaskMode::kAll) && HasSync(TaskMode::kAll));
  EXPECT_TRUE(HasDump(TaskMode::kFull) && HasLoad(TaskMode::kFull) && !HasSync(TaskMode::kFull));
  EXPECT_TRUE(!HasDump(TaskMode::kIncremental) && HasSync(TaskMode::kIncremental));
  EXPECT_TRUE(!HasDump(TaskMode::kLoadAndSync) && HasLoad(TaskMode::kLoadAndSync));
}

}  // namespace
}  // namespace dm::migration
