// The YAML dialect: what is read, what is refused and how it is said, how values are printed.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"
#include "migration/config/render.h"
#include "migration/config/source.h"
#include "migration/config/task.h"

namespace dm::migration {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string SourceError(std::string_view text) {
  try {
    ParseSourceYaml(text);
  } catch (const Error& e) {
    return e.ToString();
  }
  return "";
}

std::string TaskCause(std::string_view text) {
  try {
    ParseTaskYaml(text);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 20003);
    return e.raw_cause();
  }
  return "";
}

TEST(YamlErrorTest, TextsOfTheReference) {
  EXPECT_EQ(SourceError("source-id: [\n"),
            "[code=20003:class=config:scope=internal:level=medium], Message: decode source config, "
            "RawCause: yaml: line 1: did not find expected node content, Workaround: Please check "
            "the configuration file has correct YAML format.");
  EXPECT_EQ(SourceError("source-id: a\nnonsense: 1\n"),
            "[code=20003:class=config:scope=internal:level=medium], Message: decode source config, "
            "RawCause: yaml: unmarshal errors:\n  line 2: field nonsense not found in type "
            "config.SourceConfig, Workaround: Please check the configuration file has correct YAML "
            "format.");
}

TEST(YamlErrorTest, AllViolationsInOrderOfLines) {
  EXPECT_EQ(TaskCause(R"(name: x
mysql-instances:
- source-id: a
  sauce: b
  meta: {binlog-nam: x}
routes:
  r: {schema-pattern: a, traget-schema: b, extract-table: {colum: c}}
syncers:
  s:
    worker-count: abc
    batch: 12
    batch: 13
name: y
filters: []
)"),
            R"(yaml: unmarshal errors:
  line 4: field sauce not found in type config.MySQLInstance
  line 5: field binlog-nam not found in type config.Meta, did you mean "binlog-name"?
  line 7: field colum not found in type router.Extractor
  line 7: field traget-schema not found in type router.TableRule, did you mean "target-schema"?
  line 10: cannot unmarshal !!str `abc` into int
  line 12: field batch already set in type config.SyncerConfig
  line 13: field name already set in type config.TaskConfig
  line 14: cannot unmarshal !!seq into map)");
  EXPECT_THAT(TaskCause("routes:\n  a: {}\n  a: {}\n"),
              HasSubstr("line 3: key \"a\" already set in map"));
}

TEST(YamlErrorTest, Types) {
  auto cause = [](const std::string& line) { return TaskCause(line); };
  EXPECT_THAT(cause("heartbeat-update-interval: \"1\""), HasSubstr("!!str `1` into int"));
  EXPECT_THAT(cause("heartbeat-update-interval: 1.5"), HasSubstr("!!float `1.5` into int"));
  EXPECT_THAT(cause("heartbeat-update-interval: 99999999999"), HasSubstr("into int"));
  EXPECT_THAT(cause("is-sharding: maybe"), HasSubstr("!!str `maybe` into bool"));
  EXPECT_THAT(cause("is-sharding: \"true\""), HasSubstr("into bool"));
  EXPECT_THAT(cause("name: [a]"), HasSubstr("!!seq into string"));
  EXPECT_THAT(cause("target-database: dm"), HasSubstr("!!str `dm` into dbconfig.DBConfig"));
  EXPECT_THAT(cause("ignore-checking-items: all"), HasSubstr("into list"));
  EXPECT_THAT(cause("mydumpers: {a: {rows: -1}}"), HasSubstr("!!int `-1` into uint64"));
  EXPECT_THAT(cause("loaders: {a: {disk-quota-physical: much}}"),
              HasSubstr("into config.ByteSize"));
  EXPECT_THAT(cause("- a"), HasSubstr("line 1: cannot unmarshal !!seq into config.TaskConfig"));
  EXPECT_THAT(cause("hello world, this is long"), HasSubstr("!!str `hello w...`"));
  EXPECT_THAT(SourceError("checker: {backoff-max: 5}"),
              HasSubstr("missing unit in duration \"5\""));
  EXPECT_THAT(SourceError("from: {security: {ssl-ca-bytes: [1, 256]}}"), HasSubstr("into uint8"));
}

TEST(YamlErrorTest, Syntax) {
  EXPECT_THAT(TaskCause("name: a\n\tb: c\n"), HasSubstr("yaml: line 2"));
  EXPECT_THAT(TaskCause("name: 'a\n"), HasSubstr("yaml: line"));
  EXPECT_THAT(TaskCause("a: b: c\n"), HasSubstr("yaml: line 1"));
  EXPECT_THAT(TaskCause("name: \xff"), HasSubstr("UTF-8"));
  EXPECT_THAT(TaskCause(std::string_view("name: a\0b", 9)), HasSubstr("control characters"));
  EXPECT_THAT(TaskCause("name: a\n---\nname: b\n"), HasSubstr("only one document"));
  EXPECT_EQ(TaskCause("---\nname: a\n"), "");
}

TEST(YamlReadTest, EmptyFileHasDefaults) {
  EXPECT_EQ(ParseTaskYaml(""), TaskConfig());
  EXPECT_EQ(ParseSourceYaml("# nothing\n"), SourceConfig());
  // A key without a value is a key that is not there.
  EXPECT_EQ(ParseTaskYaml("meta-schema:\nroutes:\nclean-dump-file: ~\n"), TaskConfig());
}

TEST(YamlReadTest, Scalars) {
  const TaskConfig task = ParseTaskYaml(R"(name: 007
timezone: off
clean-dump-file: No
heartbeat-update-interval: 0x10
heartbeat-report-interval: 1_0
mydumpers: {a: {chunk-filesize: 64, threads: 010, rows: 0b11}}
syncers: {a: {safe-mode-duration: 60s}}
target-database: {password: 123456}
)");
  EXPECT_EQ(task.name, "007");
  EXPECT_EQ(task.timezone, "off");
  EXPECT_FALSE(task.clean_dump_file);
  EXPECT_EQ(task.heartbeat_update_interval, 16);
  EXPECT_EQ(task.heartbeat_report_interval, 10);
  EXPECT_EQ(task.mydumpers.at("a")->chunk_filesize, "64");
  EXPECT_EQ(task.mydumpers.at("a")->threads, 8);
  EXPECT_EQ(task.mydumpers.at("a")->rows, 3U);
  EXPECT_EQ(task.target_database->password.Reveal(), "123456");
}

TEST(YamlReadTest, SectionsKeepTheirDefaults) {
  const TaskConfig task = ParseTaskYaml(R"(mydumpers:
  whole:
  part: {threads: 8}
mysql-instances:
-
- source-id: a
  loader: {}
)");
  EXPECT_FALSE(task.mydumpers.at("whole").has_value());
  EXPECT_EQ(task.mydumpers.at("part")->threads, 8);
  EXPECT_EQ(task.mydumpers.at("part")->chunk_filesize, "64");
  EXPECT_FALSE(task.mysql_instances[0].has_value());
  EXPECT_EQ(task.mysql_instances[1]->loader, LoaderConfig());
  EXPECT_FALSE(task.mysql_instances[1]->syncer.has_value());
}

TEST(YamlReadTest, MergeKeys) {
  const TaskConfig task = ParseTaskYaml(R"(mydumpers:
  base: &base
    threads: 8
    rows: 100
  more: &more {rows: 5, where: "a > 1"}
  one:
    <<: *base
    rows: 7
  many:
    rows: 9
    <<: [*base, *more]
)");
  EXPECT_EQ(task.mydumpers.at("one")->threads, 8);
  EXPECT_EQ(task.mydumpers.at("one")->rows, 7U);
  EXPECT_EQ(task.mydumpers.at("many")->threads, 8);
  EXPECT_EQ(task.mydumpers.at("many")->rows, 9U);
  EXPECT_EQ(task.mydumpers.at("many")->where, "a > 1");
  EXPECT_THAT(TaskCause("mydumpers: {a: {<<: 5}}"), HasSubstr("map merge requires"));
  EXPECT_THAT(TaskCause("mydumpers:\n  a: &a\n    <<: {thread: 5}\n"),
              HasSubstr("field thread not found"));
}

TEST(YamlReadTest, AliasesThatContainThemselves) {
  EXPECT_THAT(TaskCause("mydumpers:\n  a: &a\n    <<: *a\n"), HasSubstr("line"));
  // Each level would double the work.
  EXPECT_THAT(TaskCause("mydumpers:\n  a: &a\n    <<: [*a, *a, *a]\n"),
              HasSubstr("contains itself"));
}

// Each list is ten times the one before; nothing of it is walked.
TEST(YamlReadTest, AliasesThatStandForVeryMuch) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 20; ++i) {
    text += fmt::format("a{0}: &a{0} [*a{1}", i, i - 1);
    for (int n = 1; n < 10; ++n) text += fmt::format(", *a{}", i - 1);
    text += "]\n";
  }
  EXPECT_THAT(TaskCause(text), HasSubstr("excessive aliasing"));
}

// A long list that many instances name is no attack.
TEST(YamlReadTest, AliasesOfALongList) {
  std::string text = "routes: &routes [r";
  for (int i = 0; i < 2000; ++i) text += fmt::format(", r{}", i);
  text += "]\ninstances:\n";
  for (int i = 0; i < 60; ++i) text += "  - *routes\n";
  EXPECT_THAT(TaskCause(text), ::testing::Not(HasSubstr("excessive aliasing")));
}

// yaml-cpp makes an empty document of it, and again, without end.
TEST(YamlReadTest, CommaBeforeAnything) {
  for (const char* text : {",", ", name: a", "\n  ,\n", "---\n, a"}) {
    EXPECT_THAT(TaskCause(text), HasSubstr("did not find expected node content")) << text;
  }
}

TEST(YamlPrintTest, Strings) {
  TaskConfig task;
  auto printed = [&](const std::string& name) {
    task.name = name;
    const std::string text = TaskToYaml(task, Passwords::kHidden);
    EXPECT_EQ(ParseTaskYaml(text).name, name);
    return text.substr(0, text.find("\ntask-mode"));
  };
  EXPECT_EQ(printed("plain text"), "name: plain text");
  EXPECT_EQ(printed(""), "name: \"\"");
  EXPECT_EQ(printed("64"), "name: \"64\"");
  EXPECT_EQ(printed("0x1F"), "name: \"0x1F\"");
  EXPECT_EQ(printed("1.5"), "name: \"1.5\"");
  EXPECT_EQ(printed("1e3"), "name: \"1e3\"");
  EXPECT_EQ(printed("true"), "name: \"true\"");
  EXPECT_EQ(printed("off"), "name: \"off\"");
  EXPECT_EQ(printed("null"), "name: \"null\"");
  EXPECT_EQ(printed("~"), "name: \"~\"");
  EXPECT_EQ(printed("+00:00"), "name: \"+00:00\"");
  EXPECT_EQ(printed("2020-01-02"), "name: \"2020-01-02\"");
  EXPECT_EQ(printed("127.0.0.1"), "name: 127.0.0.1");
  EXPECT_EQ(printed("0-11-57"), "name: 0-11-57");
  EXPECT_EQ(printed("60s"), "name: 60s");
  EXPECT_EQ(printed("x*"), "name: x*");
  EXPECT_EQ(printed("*x"), "name: '*x'");
  EXPECT_EQ(printed("it: x"), "name: 'it: x'");
  EXPECT_EQ(printed("it's"), "name: it's");
  EXPECT_EQ(printed("'it"), "name: '''it'");
  EXPECT_EQ(printed("a #b"), "name: 'a #b'");
  EXPECT_EQ(printed("a#b"), "name: a#b");
  EXPECT_EQ(printed("- a"), "name: '- a'");
  EXPECT_EQ(printed("-a"), "name: -a");
  EXPECT_EQ(printed("~^a"), "name: ~^a");
  EXPECT_EQ(printed("[a]"), "name: '[a]'");
  EXPECT_EQ(printed("%a"), "name: '%a'");
  EXPECT_EQ(printed(" a"), "name: ' a'");
  EXPECT_EQ(printed("a:"), "name: 'a:'");
  EXPECT_EQ(printed("a:b"), "name: a:b");
  EXPECT_EQ(printed("a\tb"), "name: \"a\\tb\"");
  EXPECT_EQ(printed("a\nb"), "name: |-\n  a\n  b");
  EXPECT_EQ(printed("a\n\nb\n"), "name: |\n  a\n\n  b");
  EXPECT_EQ(printed("\xc2\x85"), "name: \"\\x85\"");
  EXPECT_EQ(printed("Ë商"), "name: Ë商");
  EXPECT_EQ(printed("......"), "name: '......'");
}

TEST(YamlPrintTest, MapsAreSortedWithDigitsAsNumbers) {
  TaskConfig task;
  for (const char* name : {"route-10", "route-2", "b", "Route", "a1b", "a01b", "a-b", "ab", "1"}) {
    task.routes[name] = RouteRule{.schema_pattern = "a", .target_schema = "b"};
  }
  const std::string text = TaskToYaml(task, Passwords::kHidden);
  EXPECT_LT(text.find("route-2:"), text.find("route-10:"));
  EXPECT_LT(text.find("  \"1\":"), text.find("  a-b:"));
  EXPECT_LT(text.find("  a-b:"), text.find("  ab:"));
  EXPECT_EQ(ParseTaskYaml(text).routes, task.routes);
}

TEST(YamlPrintTest, ExtractorsAndLists) {
  TaskConfig task;
  task.routes["r"] = RouteRule{
      .schema_pattern = "a", .target_schema = "b", .extract_table = Extractor{"part", "t_(.*)"}};
  task.block_allow_list["l"] = BlockAllowRules{.do_tables = {{"a", "b"}, {"c", ""}}};
  task.mysql_instances = {std::nullopt,
                          InstanceConfig{.source_id = "s", .mydumper = DumperConfig()}};
  const std::string text = TaskToYaml(task, Passwords::kHidden);
  EXPECT_THAT(text, HasSubstr("    extract-table:\n      target-column: part\n"
                              "      table-regexp: t_(.*)\nfilters: {}\n"));
  EXPECT_THAT(text, HasSubstr("    do-tables:\n    - db-name: a\n      tbl-name: b\n"
                              "    - db-name: c\n      tbl-name: \"\"\n    do-dbs: []\n"));
  EXPECT_THAT(text, HasSubstr("mysql-instances:\n- null\n- source-id: s\n  meta: null\n"));
  EXPECT_THAT(text, HasSubstr("  mydumper:\n    mydumper-path: ./bin/mydumper\n"));
  EXPECT_EQ(ParseTaskYaml(text), task);
}

TEST(ShardingConflictTest, OnlyKeysAtTheBeginningOfALine) {
  auto conflict = [](const char* text) { return ShardingConflict(ParseTaskYaml(text), text); };
  EXPECT_THAT(conflict("is-sharding: false\nshard-mode: optimistic\n"),
              HasSubstr("please use `shard-mode` only."));
  EXPECT_THAT(conflict("name: a\nshard-mode: \"\"\nis-sharding: true\n"), HasSubstr("conflicting"));
  EXPECT_EQ(conflict("shard-mode: optimistic\n"), "");
  EXPECT_EQ(conflict("is-sharding: true\nshard-mode: optimistic\n"), "");
  EXPECT_EQ(conflict("is-sharding: true\n"), "");
}

}  // namespace
}  // namespace dm::migration
