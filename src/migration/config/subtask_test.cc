// From tasks and sources to subtasks, what is refused there, and changes of running subtasks.
#include "migration/config/subtask.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"
#include "migration/config/connect_options.h"
#include "migration/config/dump_dir.h"
#include "migration/config/key_table.h"

namespace dm::migration {
namespace {

using ::testing::ElementsAre;
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

SubtaskConfig Valid() {
  SubtaskConfig subtask;
  subtask.name = "t1";
  subtask.source_id = "src1";
  return subtask;
}

SubtaskConfig Adjusted(SubtaskConfig subtask) {
  AdjustSubtask(subtask, PasswordCipher());
  return subtask;
}

int CodeOf(const SubtaskConfig& subtask) {
  return Caught([&] { Adjusted(subtask); }).code();
}

std::map<std::string, SourceConfig> Sources() {
  SourceConfig a;
  a.source_id = "a";
  a.from.host = "up-a";
  a.from.password = Secret("pa");
  SourceConfig b = a;
  b.source_id = "b";
  b.from.host = "up-b";
  return {{"a", a}, {"b", b}};
}

std::vector<SubtaskConfig> Make(const std::string& lines, const std::string& instances) {
  TaskConfig task = ParseTaskYaml("name: t\ntask-mode: all\ntarget-database: {host: down}\n" +
                                  lines + "mysql-instances:\n" + instances);
  ValidateTask(task);
  return ToSubtasks(task, Sources(), PasswordCipher());
}

TEST(ToSubtasksTest, OneForEachInstanceInOrder) {
  const auto subtasks = Make(R"(timezone: "+01:00"
meta-schema: other
routes:
  r1: {schema-pattern: "X*", target-schema: Y}
  r2: {schema-pattern: "~^Z", target-schema: Y}
mydumpers: {d: {threads: 2}}
block-allow-list: {l: {do-dbs: [Shop], do-tables: [{db-name: Shop, tbl-name: "~\\D"}]}}
)",
                             R"(- source-id: b
  route-rules: [r2, r1]
  mydumper-config-name: d
  mydumper-thread: 9
  loader: {pool-size: 3}
  loader-thread: 7
  syncer-thread: 5
- source-id: a
  black-white-list: ""
  block-allow-list: l
)");
  ASSERT_EQ(subtasks.size(), 2U);
  const SubtaskConfig& b = subtasks[0];
  EXPECT_EQ(b.source_id, "b");
  EXPECT_EQ(b.from.host, "up-b");
  EXPECT_EQ(b.to.host, "down");
  EXPECT_EQ(b.meta_schema, "other");
  EXPECT_EQ(b.dumper.threads, 9);
  EXPECT_EQ(b.loader.pool_size, 7);
  EXPECT_EQ(b.syncer.worker_count, 5);
  EXPECT_EQ(b.loader.dir, "./dumped_data.t");
  EXPECT_EQ(b.from.session.at("time_zone"), "+01:00");
  EXPECT_EQ(b.to.session.at("time_zone"), "+01:00");
  ASSERT_EQ(b.route_rules.size(), 2U);
  EXPECT_EQ(b.route_rules[0].schema_pattern, "~^Z");
  EXPECT_EQ(b.route_rules[1].schema_pattern, "x*");
  EXPECT_EQ(b.route_rules[1].target_schema, "Y");
  EXPECT_FALSE(b.block_allow_list.has_value());
  const SubtaskConfig& a = subtasks[1];
  EXPECT_EQ(a.dumper.threads, 4);
  EXPECT_THAT(a.block_allow_list->do_dbs, ElementsAre("shop"));
  EXPECT_EQ(a.block_allow_list->do_tables[0].table, "~\\D");
}

TEST(ToSubtasksTest, Errors) {
  Error unknown = Caught([] { Make("", "- source-id: nosuch\n"); });
  EXPECT_EQ(unknown.ToString(),
            "[code=20031:class=config:scope=internal:level=medium], Message: source nosuch in "
            "deployment configuration not found, Workaround: Please use `operate-source create "
            "source-config-file-path` to add source.");
  Error chunk = Caught([] { Make("", "- source-id: a\n  mydumper: {chunk-filesize: 6qwe4}\n"); });
  EXPECT_EQ(chunk.code(), 20047);
  EXPECT_THAT(chunk.message(), HasSubstr("source a: invalid `chunk-filesize` 6qwe4"));
}

TEST(ToSubtasksTest, ImportModesMustBeEqual) {
  Error e = Caught(
      [] { Make("", "- source-id: a\n- source-id: b\n  loader: {import-mode: physical}\n"); });
  EXPECT_EQ(e.code(), 20053);
  EXPECT_THAT(e.message(),
              HasSubstr("invalid load mode physical of source b: source a has logical"));
}

TEST(ToSubtasksTest, PatternsKeepTheirLettersForACaseSensitiveSource) {
  TaskConfig task = ParseTaskYaml(
      "name: t\ntask-mode: all\ntarget-database: {host: down}\nblock-allow-list: {l: {do-dbs: "
      "[Shop]}}\n"
      "mysql-instances: [{source-id: a, block-allow-list: l}]\n");
  ValidateTask(task);
  auto sources = Sources();
  sources.at("a").case_sensitive = true;
  SubtaskConfig subtask = ToSubtasks(task, sources, PasswordCipher())[0];
  EXPECT_THAT(subtask.block_allow_list->do_dbs, ElementsAre("Shop"));
  MergeSource(subtask, sources.at("a"), false);
  EXPECT_EQ(Adjusted(subtask).block_allow_list, subtask.block_allow_list);
}

TEST(AdjustSubtaskTest, Codes) {
  SubtaskConfig s = Valid();
  s.name = "";
  EXPECT_EQ(CodeOf(s), 20004);
  s = Valid();
  s.source_id = "";
  EXPECT_EQ(CodeOf(s), 20005);
  s.source_id = std::string(33, 'x');
  EXPECT_EQ(CodeOf(s), 20006);
  s = Valid();
  s.strict_optimistic_shard_mode = true;
  EXPECT_EQ(CodeOf(s), 20066);
  s = Valid();
  s.loader.import_mode = "Import-Into";
  EXPECT_EQ(CodeOf(s), 20069);
  s.is_sharding = true;
  EXPECT_EQ(CodeOf(s), 20068);
  s = Valid();
  s.online_ddl_scheme = "x";
  EXPECT_EQ(CodeOf(s), 20007);
  s = Valid();
  s.shadow_table_rules = {"x"};
  EXPECT_EQ(CodeOf(s), 20048);
  s = Valid();
  s.loader.dir = "1invalid:";
  EXPECT_EQ(CodeOf(s), 20058);
  s = Valid();
  s.syncer.safe_mode_duration = "x";
  EXPECT_EQ(CodeOf(s), 20060);
  s = Valid();
  s.syncer.safe_mode_duration = "0s";
  s.syncer.safe_mode = true;
  EXPECT_EQ(CodeOf(s), 20061);
  s = Valid();
  s.to.session["FOREIGN_KEY_CHECKS"] = " 'ON' ";
  EXPECT_NO_THROW(Adjusted(s));
  s.syncer.compact = true;
  EXPECT_EQ(CodeOf(s), 20070);
  s = Valid();
  s.timezone = "SYSTEM";
  EXPECT_EQ(CodeOf(s), 20008);
  s = Valid();
  s.block_allow_list = BlockAllowRules{.do_dbs = {"a*b"}};
  EXPECT_EQ(CodeOf(s), 20044);
  s = Valid();
  s.route_rules = {{.schema_pattern = "a"}};
  EXPECT_EQ(CodeOf(s), 20045);
  s = Valid();
  s.filter_rules = {{.schema_pattern = "a", .action = "no"}};
  EXPECT_EQ(CodeOf(s), 20037);
  s = Valid();
  s.loader.on_duplicate_logical = "x";
  EXPECT_EQ(CodeOf(s), 20054);
  s = Valid();
  s.validator.mode = "x";
  EXPECT_EQ(CodeOf(s), 20055);
}

TEST(AdjustSubtaskTest, RecordWithAnUnusableSize) {
  SubtaskConfig s = Valid();
  s.validator.max_pending_row_size = "much";
  try {
    AdjustSubtask(s, PasswordCipher());
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.ToString(), testing::HasSubstr("invalid max-pending-row-size: much"));
  }
}

TEST(AdjustSubtaskTest, Defaults) {
  SubtaskConfig s = Valid();
  s.meta_schema = "";
  s.collation_compatible = "";
  s.loader.pool_size = -1;
  s.syncer.worker_count = 0;
  s.syncer.batch = 0;
  s.syncer.queue_size = 0;
  s.syncer.checkpoint_flush_interval = 0;
  s.syncer.safe_mode_duration = "";
  s.dumper.chunk_filesize = "";
  s.validator.worker_count = 0;
  s = Adjusted(s);
  EXPECT_EQ(s.meta_schema, "dm_meta");
  EXPECT_EQ(s.collation_compatible, "loose");
  EXPECT_EQ(s.loader.pool_size, 16);
  EXPECT_EQ(s.syncer.worker_count, 16);
  EXPECT_EQ(s.syncer.batch, 100);
  EXPECT_EQ(s.syncer.queue_size, 1024);
  EXPECT_EQ(s.syncer.checkpoint_flush_interval, 30);
  EXPECT_EQ(s.syncer.SafeModeDuration(), std::chrono::minutes(1));
  EXPECT_EQ(s.dumper.chunk_filesize, "64");
  EXPECT_EQ(s.validator.worker_count, 4);
  EXPECT_THAT(s.shadow_table_rules, ElementsAre("^_(.+)_(?:new|gho)$"));
  EXPECT_EQ(Adjusted(s), s);
}

TEST(AdjustSubtaskTest, Passwords) {
  const PasswordCipher cipher(std::string(32, 'k'));
  SubtaskConfig s = Valid();
  s.from.password = Secret(cipher.Encrypt("up"));
  s.to.password = Secret("down");
  AdjustSubtask(s, cipher);
  EXPECT_EQ(s.from.password.Reveal(), "up");
  EXPECT_EQ(s.to.password.Reveal(), "down");
}

TEST(DumpDirTest, NothingSecretIsShown) {
  EXPECT_EQ(MaskedDir("/data/dump"), "/data/dump");
  EXPECT_EQ(MaskedDir("s3://b/p?access-key=AK&secret_access_key=SK&region=x&session-token=T"),
            "s3://b/p?access-key=******&secret_access_key=******&region=x&session-token=******");
  EXPECT_EQ(MaskedDir("azure://c/p?account-key=K&endpoint=http://e"),
            "azure://c/p?account-key=******&endpoint=http://e");
  EXPECT_EQ(MaskedDir("s3://user:pass@host/p"), "s3://user:******@host/p");
  for (const char* dir : {"1bad:x?secret-access-key=SK", "s3://b/%zz?secret-access-key=SK"}) {
    try {
      CheckDir(dir);
      ADD_FAILURE() << dir;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 20058);
      EXPECT_EQ(e.ToString().find("SK"), std::string::npos) << e.ToString();
    }
  }
}

TEST(DumpDirTest, Suffix) {
  EXPECT_EQ(WithTaskSuffix("./dump/", "t1", "src1"), "./dump.t1");
  EXPECT_EQ(WithTaskSuffix("./dump.t1", "t1", "src1"), "./dump.t1");
  EXPECT_EQ(WithTaskSuffix("s3://b/p?region=x", "t1", "src1"), "s3://b/p/t1.src1?region=x");
  EXPECT_EQ(WithTaskSuffix("s3://b/p/t1.src1?region=x", "t1", "src1"), "s3://b/p/t1.src1?region=x");
  EXPECT_EQ(WithTaskSuffix("file:///d", "t1", "src1"), "file:///d.t1");
  EXPECT_EQ(WithTaskSuffix("gcs://b/p//", "t?1", "src1"), "gcs://b/p.t%3F1");
  EXPECT_EQ(WithTaskSuffix("./a b", "Ë/?%", "s"), "./a b.Ë/?%");
  EXPECT_EQ(WithTaskSuffix("./a:b", "t", "s"), "./a:b.t");
  EXPECT_THROW(WithTaskSuffix("1invalid:", "t", "s"), Error);
  EXPECT_THROW(WithTaskSuffix("s3://b/%zz", "t", "s"), Error);
  EXPECT_EQ(WithoutTaskSuffix("./dump.t1", "t1", "src1"), "./dump");
  EXPECT_EQ(WithoutTaskSuffix("./dump", "t1", "src1"), "./dump");
  EXPECT_EQ(WithoutTaskSuffix("s3://b/p/t1.src1?region=x", "t1", "src1"), "s3://b/p?region=x");
  EXPECT_TRUE(IsUri("file:///a"));
  EXPECT_TRUE(IsUri("s3:b"));
  EXPECT_FALSE(IsUri("./a:b"));
  EXPECT_FALSE(IsUri("a"));
}

TEST(DumpDirTest, ByMode) {
  SubtaskConfig s = Valid();
  s.loader.dir = "/data/x/";
  EXPECT_EQ(Adjusted(s).loader.dir, "/data/x.t1");
  EXPECT_EQ(Adjusted(s).loader.sorting_dir_physical, "/data/x.t1.sorting");
  s.mode = TaskMode::kLoad;
  EXPECT_EQ(Adjusted(s).loader.dir, "/data/x/");
  s.mode = TaskMode::kIncremental;
  EXPECT_EQ(Adjusted(s).loader.sorting_dir_physical, "");
  s.mode = TaskMode::kFull;
  s.name = "a b";
  s.loader.dir = "s3://b/p";
  EXPECT_EQ(Adjusted(s).loader.dir, "s3://b/p/a%20b.src1");
  EXPECT_EQ(Adjusted(s).loader.sorting_dir_physical, "./sorting.a%20b");
}

TEST(MergeSourceTest, WhatTheSourceDecides) {
  SubtaskConfig s = Valid();
  s.filter_rules = {{.schema_pattern = "A", .action = "Ignore"}};
  SourceConfig source;
  source.from.host = "up";
  source.flavor = "mariadb";
  source.server_id = 7;
  source.relay_dir = "r";
  source.enable_gtid = true;
  source.filters = {{.schema_pattern = "a", .action = "Error"},
                    {.schema_pattern = "b", .action = "Do"}};
  MergeSource(s, source, true);
  EXPECT_EQ(s.from.host, "up");
  EXPECT_EQ(s.flavor, "mariadb");
  EXPECT_EQ(s.server_id, 7U);
  EXPECT_EQ(s.relay_dir, "r");
  EXPECT_TRUE(s.use_relay);
  EXPECT_TRUE(s.syncer.enable_gtid);
  EXPECT_FALSE(s.case_sensitive);
  ASSERT_EQ(s.filter_rules.size(), 2U);
  EXPECT_EQ(s.filter_rules[1].schema_pattern, "b");
  const SubtaskConfig once = s;
  MergeSource(s, source, true);
  EXPECT_EQ(s, once);
  source.case_sensitive = true;
  MergeSource(s, source, true);
  EXPECT_TRUE(s.case_sensitive);
  EXPECT_EQ(s.filter_rules.size(), 3U);  // now A and a are two patterns
}

TEST(TargetSessionTest, OnlyTiDbGetsMore) {
  DbConfig db;
  db.session = {{"Foreign_Key_Checks", "1"}};
  AdjustTargetSession(db, false);
  EXPECT_EQ(db.session.size(), 1U);
  AdjustTargetSession(db, true);
  EXPECT_THAT(db.session, ElementsAre(testing::Pair("foreign_key_checks", "1"),
                                      testing::Pair("tidb_txn_mode", "optimistic")));
  db.session["tidb_txn_mode"] = "pessimistic";
  AdjustTargetSession(db, true);
  EXPECT_EQ(db.session.at("tidb_txn_mode"), "pessimistic");
}

TEST(SubtaskUpdateTest, WhatMayChange) {
  const SubtaskConfig from = Adjusted(Valid());
  auto verdict = [&](auto change) {
    SubtaskConfig to = from;
    change(to);
    const int code = Caught([&] { CheckSubtaskUpdate(from, to); }).code();
    return code == 50000 ? 0 : code;
  };
  EXPECT_EQ(verdict([](SubtaskConfig&) {}), 0);
  EXPECT_EQ(verdict([](SubtaskConfig& s) { s.syncer.worker_count = 1; }), 0);
  EXPECT_EQ(verdict([](SubtaskConfig& s) { s.route_rules = {{.schema_pattern = "a"}}; }), 0);
  EXPECT_EQ(verdict([](SubtaskConfig& s) { s.from.host = "new"; }), 0);
  EXPECT_EQ(verdict([](SubtaskConfig& s) { s.to.session["a"] = "b"; }), 0);
  EXPECT_EQ(verdict([](SubtaskConfig& s) { s.syncer.safe_mode = true; }), 40081);
  EXPECT_EQ(verdict([](SubtaskConfig& s) { s.to.host = "new"; }), 40081);
  EXPECT_EQ(verdict([](SubtaskConfig& s) { s.dumper.threads = 1; }), 40081);
  EXPECT_EQ(verdict([](SubtaskConfig& s) { s.to.session["foreign_key_checks"] = "1"; }), 40081);

  SubtaskConfig with_keys = from;
  with_keys.to.session["foreign_key_checks"] = "1";
  SubtaskConfig changed = with_keys;
  changed.syncer.worker_count = 1;
  EXPECT_EQ(Caught([&] { CheckSubtaskUpdate(with_keys, changed); }).code(), 40081);
  changed.syncer.compact = true;
  EXPECT_EQ(Caught([&] { CheckSubtaskUpdate(with_keys, changed); }).code(), 20070);
}

TEST(ConnectOptionsTest, Everything) {
  DbConfig db;
  db.host = "h";
  db.port = 3307;
  db.user = "u";
  db.password = Secret("p");
  db.session = {{"b", "2"}, {"a", "1"}};
  mysql::ConnectOptions options = ToConnectOptions(db, ErrorScope::kUpstream);
  EXPECT_EQ(options.host, "h");
  EXPECT_EQ(options.port, 3307);
  EXPECT_EQ(options.password, "p");
  EXPECT_EQ(options.scope, ErrorScope::kUpstream);
  EXPECT_THAT(options.session, ElementsAre(testing::Pair("a", "1"), testing::Pair("b", "2")));
  EXPECT_FALSE(options.tls.enabled);
  db.security.emplace();
  EXPECT_FALSE(ToConnectOptions(db, ErrorScope::kUpstream).tls.enabled);
  db.security->cert_allowed_cn = {"cn"};
  db.security->ssl_ca_base64 = "YWJj";
  db.security->ssl_key_bytes = "key";
  options = ToConnectOptions(db, ErrorScope::kUpstream);
  EXPECT_TRUE(options.tls.enabled);
  EXPECT_EQ(options.tls.ca_pem, "abc");
  EXPECT_EQ(options.tls.key_pem, "key");
  EXPECT_THAT(options.tls.allowed_cn, ElementsAre("cn"));
  db.security->ssl_ca_base64 = "!";
  EXPECT_EQ(Caught([&] { ToConnectOptions(db, ErrorScope::kUpstream); }).code(), 48003);
  db.port = 70000;
  EXPECT_EQ(Caught([&] { ToConnectOptions(db, ErrorScope::kUpstream); }).code(), 10001);
}

}  // namespace
}  // namespace dm::migration
