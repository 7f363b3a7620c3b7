// Files and records: what the reference system wrote is read and written again byte for byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"
#include "migration/config/golden_texts.h"
#include "migration/config/render.h"
#include "migration/config/source.h"
#include "migration/config/subtask.h"

namespace dm::migration {
namespace {

using ::testing::HasSubstr;

template <class F>
Error Caught(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e;
  }
  return Error(ErrorCode::kNotSet, "nothing was thrown");
}

std::map<std::string, SourceConfig> GoldenSources() {
  SourceConfig source = ParseSourceToml(golden::kSourceRecord);
  return {{source.source_id, source}};
}

// The subtasks of a task file without what this version refuses.
std::vector<SubtaskConfig> Subtasks(std::string_view yaml) {
  TaskConfig task = ParseTaskYaml(yaml);
  ValidateTask(task);
  return ToSubtasks(task, GoldenSources(), PasswordCipher());
}

TEST(SourceFileTest, Record) {
  const SourceConfig source = ParseSourceToml(golden::kSourceRecord);
  EXPECT_EQ(source.source_id, "mysql-replica-01");
  EXPECT_EQ(source.from.password.Reveal(), "dm-Pa55");
  EXPECT_EQ(source.server_id, 429586508U);
  EXPECT_EQ(SourceToToml(source), golden::kSourceRecord);
}

TEST(SourceFileTest, Printed) {
  EXPECT_EQ(SourceToYaml(ParseSourceToml(golden::kSourceRecord), Passwords::kHidden),
            golden::kPrintedSource);
  EXPECT_EQ(SourceToYaml(ParseSourceYaml(golden::kPrintedSource), Passwords::kHidden),
            golden::kPrintedSource);
}

TEST(SourceFileTest, Exported) {
  EXPECT_EQ(SourceToExportYaml(ParseSourceYaml(golden::kExportedSource), PasswordCipher()),
            golden::kExportedSource);
  const PasswordCipher cipher(std::string(32, 'k'));
  const SourceConfig exported =
      ParseSourceYaml(SourceToExportYaml(ParseSourceYaml(golden::kExportedSource), cipher));
  EXPECT_EQ(cipher.Decrypt(exported.from.password.Reveal()), "dm-Pa55");
}

TEST(SourceFileTest, WithEverything) {
  const char* text = R"(source-id: shop-eu-1
enable-gtid: on
from:
  host: 10.1.0.11
  port: 3306
  user: dm
  password: 123456
  session: {net_write_timeout: "600", 'sql_mode': ''}
purge: {expires: 48}
checker: {backoff-max: 2m, backoff-min: 90s, backoff-factor: 3}
tracer: {any: [thing]}
filters:
- schema-pattern: "tmp_*"
  table-pattern: ""
  events: [all]
  action: Ignore
)";
  SourceConfig source = ParseSourceYaml(text);
  AdjustSource(source, PasswordCipher());
  EXPECT_TRUE(source.enable_gtid);
  EXPECT_EQ(source.from.password.Reveal(), "123456");
  EXPECT_EQ(source.relay_dir, "relay-dir");
  EXPECT_EQ(source.checker.backoff_max, std::chrono::minutes(2));
  EXPECT_EQ(source.checker.backoff_min, std::chrono::seconds(1));
  EXPECT_EQ(source.checker.backoff_factor, 2);
  EXPECT_EQ(source.purge.expires, 48);
  EXPECT_EQ(source.purge.interval, 3600);
  ASSERT_EQ(source.filters.size(), 1U);
  EXPECT_EQ(ParseSourceToml(SourceToToml(source)), source);
  EXPECT_EQ(ParseSourceYaml(SourceToYaml(source, Passwords::kPlain)), source);
  // A bundle of CAs is too large for a list.
  SourceConfig bundled = source;
  bundled.from.security.emplace();
  for (int i = 0; i < 220'000; ++i) {
    bundled.from.security->ssl_ca_bytes += static_cast<char>(i * 31 % 251);
  }
  bundled.from.security->ssl_cert_bytes = "short";
  EXPECT_LT(SourceToToml(bundled).size(), 400'000u);
  EXPECT_THAT(SourceToToml(bundled), HasSubstr("ssl-cert-bytes = [115, 104, 111, 114, 116]"));
  EXPECT_EQ(ParseSourceToml(SourceToToml(bundled)), bundled);
  EXPECT_THAT(SourceToToml(source), HasSubstr(R"([from]
  host = "10.1.0.11"
  port = 3306
  user = "dm"
  password = "123456"
  [from.session]
    net_write_timeout = "600"
    sql_mode = ""
)"));
  EXPECT_THAT(SourceToToml(source), HasSubstr(R"(
[[filters]]
  schema-pattern = "tmp_*"
  table-pattern = ""
  events = ["all"]
  action = "Ignore"
)"));
  EXPECT_THAT(SourceToYaml(source, Passwords::kHidden), testing::Not(HasSubstr("123456")));
}

TEST(SourceFileTest, RecordErrors) {
  EXPECT_EQ(Caught([] { ParseSourceToml("enable = "); }).code(), 40003);
  EXPECT_EQ(Caught([] { ParseSourceToml("enable = 1"); }).code(), 40003);
  EXPECT_EQ(Caught([] { ParseSourceToml("enable = true\n[\n"); }).code(), 40003);
  EXPECT_EQ(Caught([] { ParseSourceToml("enable = true\nenable = true"); }).code(), 40003);
  Error unknown = Caught([] { ParseSourceToml("nonsense = 1\n[from]\nhots = \"x\""); });
  EXPECT_EQ(unknown.code(), 40004);
  EXPECT_THAT(unknown.message(), HasSubstr("from.hots,nonsense"));
  // Letter case of keys does not matter in records.
  EXPECT_EQ(ParseSourceToml("Source-ID = \"a\"").source_id, "a");
}

TEST(TaskFileTest, SubtaskRecords) {
  for (const char* text :
       {golden::kSubtaskAll, golden::kSubtaskSharding, golden::kSubtaskValidator}) {
    SubtaskConfig subtask = ParseSubtaskToml(text);
    EXPECT_EQ(SubtaskToToml(subtask), text);
    // Adjusting is idempotent, and these were adjusted.
    AdjustSubtask(subtask, PasswordCipher());
    EXPECT_EQ(SubtaskToToml(subtask), text);
  }
}

TEST(TaskFileTest, SubtaskOfAFile) {
  const std::vector<SubtaskConfig> subtasks = Subtasks(R"(name: t1
task-mode: all
target-database: {host: 127.0.0.1, port: 4000, user: dm, password: dm-Pa55}
mysql-instances:
- source-id: mysql-replica-01
  block-allow-list: bal
block-allow-list:
  bal: {do-dbs: [shop, types]}
)");
  ASSERT_EQ(subtasks.size(), 1U);
  EXPECT_EQ(SubtaskToToml(subtasks[0]), golden::kSubtaskAll);
}

TEST(TaskFileTest, PrintedTask) {
  TaskConfig task = ParseTaskYaml(golden::kTaskFile);
  ValidateTask(task);
  EXPECT_EQ(ToSubtasks(task, GoldenSources(), PasswordCipher()).at(0).filter_rules.size(), 1U);

  TaskConfig printed = ParseTaskYaml(golden::kPrintedTask);
  ValidateTask(printed);
  EXPECT_EQ(TaskToYaml(printed, Passwords::kHidden), golden::kPrintedTask);
}

TEST(TaskFileTest, TaskFromSubtasks) {
  SubtaskConfig subtask = ParseSubtaskToml(golden::kSubtaskAll);
  subtask.name = "cft";
  subtask.loader.dir = "./dumped_data.cft";
  subtask.loader.sorting_dir_physical = "./dumped_data.cft.sorting";
  subtask.block_allow_list = BlockAllowRules{.do_dbs = {"cf"}};
  subtask.route_rules = {{.schema_pattern = "cf", .target_schema = "cf2"}};
  subtask.filter_rules = {{.schema_pattern = "cf",
                           .table_pattern = "x*",
                           .events = {"drop table"},
                           .action = "Ignore"}};
  EXPECT_EQ(TaskToYaml(SubtasksToTask({subtask}), Passwords::kHidden), golden::kPrintedTask);
  EXPECT_EQ(TaskToExportYaml(SubtasksToTask({subtask}), PasswordCipher()), golden::kExportedTask);
  EXPECT_EQ(ParseSubtaskToml(SubtaskToToml(subtask)), subtask);
}

TEST(TaskFileTest, SectionsAreSharedWhenEqual) {
  SubtaskConfig a = ParseSubtaskToml(golden::kSubtaskAll);
  SubtaskConfig b = a, c = a;
  a.source_id = "c-source";
  b.source_id = "a-source";
  b.dumper.threads = 8;
  c.source_id = "b-source";
  c.block_allow_list.reset();
  const TaskConfig task = SubtasksToTask({a, b, c});
  ASSERT_EQ(task.mysql_instances.size(), 3U);
  EXPECT_EQ(task.mysql_instances[0]->source_id, "a-source");
  EXPECT_EQ(task.mysql_instances[0]->mydumper_config_name, "dump-01");
  EXPECT_EQ(task.mysql_instances[1]->mydumper_config_name, "dump-02");
  EXPECT_EQ(task.mysql_instances[2]->mydumper_config_name, "dump-02");
  EXPECT_EQ(task.mysql_instances[1]->block_allow_list, "balist-02");
  EXPECT_THAT(TaskToYaml(task, Passwords::kHidden), HasSubstr("  balist-02: null\n"));
  // What was printed is a valid task file that gives the same print again.
  TaskConfig again = ParseTaskYaml(TaskToYaml(task, Passwords::kPlain));
  ValidateTask(again);
  EXPECT_EQ(TaskToYaml(again, Passwords::kPlain), TaskToYaml(task, Passwords::kPlain));
}

TEST(TaskFileTest, RecordErrors) {
  EXPECT_EQ(Caught([] { ParseSubtaskToml("name = "); }).code(), 20002);
  EXPECT_EQ(Caught([] { ParseSubtaskToml("threads = \"4\""); }).code(), 20002);
  EXPECT_EQ(Caught([] { ParseSubtaskToml("mode = \"none\""); }).code(), 20020);
  EXPECT_EQ(ParseSubtaskToml("name = \"x\"\nfrom-the-future = 1").name, "x");
}

TEST(TaskFileTest, NestedTablesOfARecord) {
  SubtaskConfig subtask = ParseSubtaskToml(golden::kSubtaskAll);
  subtask.block_allow_list = BlockAllowRules{.do_tables = {{"a", "b"}, {"c", "d"}}};
  subtask.to.session = {{"tidb_txn_mode", "optimistic"}, {"odd.name", "it's"}};
  subtask.route_rules = {
      {.schema_pattern = "a", .target_schema = "b", .extract_source = Extractor{"origin", "(.*)"}}};
  subtask.meta = BinlogMeta{"mysql-bin.000001", 4, ""};
  subtask.ignore_checking_items = {"all"};
  const std::string text = SubtaskToToml(subtask);
  EXPECT_EQ(ParseSubtaskToml(text), subtask);
  EXPECT_THAT(text, HasSubstr("\n[block-allow-list]\n\n  [[block-allow-list.do-tables]]\n"
                              "    db-name = \"a\"\n    tbl-name = \"b\"\n\n"
                              "  [[block-allow-list.do-tables]]\n"));
  EXPECT_THAT(text, HasSubstr("  [to.session]\n    \"odd.name\" = \"it's\"\n"));
  EXPECT_THAT(text, HasSubstr("  [route-rules.extract-source]\n    target-column = \"origin\"\n"
                              "    source-regexp = \"(.*)\"\n"));
}

}  // namespace
}  // namespace dm::migration
