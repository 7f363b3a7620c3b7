// Every documented key stands in the table, the parser knows exactly the keys of the table, and a
// key of the table does what the table says.
#include "migration/config/key_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/error/error.h"
#include "migration/config/connect_options.h"
#include "migration/config/fields.h"
#include "migration/config/subtask.h"

namespace dm::migration {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAreArray;

// The keys that users know, written down independently of the code.
constexpr std::string_view kDocumentedSourceKeys[] = {"enable",
                                                      "enable-gtid",
                                                      "auto-fix-gtid",
                                                      "relay-dir",
                                                      "meta-dir",
                                                      "flavor",
                                                      "charset",
                                                      "enable-relay",
                                                      "relay-binlog-name",
                                                      "relay-binlog-gtid",
                                                      "source-id",
                                                      "from",
                                                      "from.host",
                                                      "from.port",
                                                      "from.user",
                                                      "from.password",
                                                      "from.max-allowed-packet",
                                                      "from.session",
                                                      "from.security",
                                                      "from.security.ssl-ca",
                                                      "from.security.ssl-cert",
                                                      "from.security.ssl-key",
                                                      "from.security.cert-allowed-cn",
                                                      "from.security.ssl-ca-base64",
                                                      "from.security.ssl-cert-base64",
                                                      "from.security.ssl-key-base64",
                                                      "from.security.ssl-ca-bytes",
                                                      "from.security.ssl-cert-bytes",
                                                      "from.security.ssl-key-bytes",
                                                      "purge",
                                                      "purge.interval",
                                                      "purge.expires",
                                                      "purge.remain-space",
                                                      "checker",
                                                      "checker.check-enable",
                                                      "checker.backoff-rollback",
                                                      "checker.backoff-max",
                                                      "checker.check-interval",
                                                      "checker.backoff-min",
                                                      "checker.backoff-jitter",
                                                      "checker.backoff-factor",
                                                      "server-id",
                                                      "tracer",
                                                      "case-sensitive",
                                                      "filters",
                                                      "filters[].schema-pattern",
                                                      "filters[].table-pattern",
                                                      "filters[].events",
                                                      "filters[].sql-pattern",
                                                      "filters[].action"};

constexpr std::string_view kDocumentedTaskKeys[] = {"name",
                                                    "task-mode",
                                                    "is-sharding",
                                                    "shard-mode",
                                                    "strict-optimistic-shard-mode",
                                                    "ignore-checking-items",
                                                    "meta-schema",
                                                    "enable-heartbeat",
                                                    "heartbeat-update-interval",
                                                    "heartbeat-report-interval",
                                                    "timezone",
                                                    "case-sensitive",
                                                    "collation_compatible",
                                                    "target-database",
                                                    "target-database.host",
                                                    "target-database.port",
                                                    "target-database.user",
                                                    "target-database.password",
                                                    "target-database.max-allowed-packet",
                                                    "target-database.session",
                                                    "target-database.security",
                                                    "target-database.security.ssl-ca",
                                                    "target-database.security.ssl-cert",
                                                    "target-database.security.ssl-key",
                                                    "target-database.security.cert-allowed-cn",
                                                    "target-database.security.ssl-ca-base64",
                                                    "target-database.security.ssl-cert-base64",
                                                    "target-database.security.ssl-key-base64",
                                                    "target-database.security.ssl-ca-bytes",
                                                    "target-database.security.ssl-cert-bytes",
                                                    "target-database.security.ssl-key-bytes",
                                                    "mysql-instances",
                                                    "mysql-instances[].source-id",
                                                    "mysql-instances[].meta",
                                                    "mysql-instances[].meta.binlog-name",
                                                    "mysql-instances[].meta.binlog-pos",
                                                    "mysql-instances[].meta.binlog-gtid",
                                                    "mysql-instances[].filter-rules",
                                                    "mysql-instances[].column-mapping-rules",
                                                    "mysql-instances[].route-rules",
                                                    "mysql-instances[].expression-filters",
                                                    "mysql-instances[].black-white-list",
                                                    "mysql-instances[].block-allow-list",
                                                    "mysql-instances[].mydumper-config-name",
                                                    "mysql-instances[].mydumper",
                                                    "mysql-instances[].mydumper-thread",
                                                    "mysql-instances[].loader-config-name",
                                                    "mysql-instances[].loader",
                                                    "mysql-instances[].loader-thread",
                                                    "mysql-instances[].syncer-config-name",
                                                    "mysql-instances[].syncer",
                                                    "mysql-instances[].syncer-thread",
                                                    "mysql-instances[].validator-config-name",
                                                    "online-ddl",
                                                    "shadow-table-rules",
                                                    "trash-table-rules",
                                                    "online-ddl-scheme",
                                                    "routes",
                                                    "routes.*.schema-pattern",
                                                    "routes.*.table-pattern",
                                                    "routes.*.target-schema",
                                                    "routes.*.target-table",
                                                    "routes.*.extract-table",
                                                    "routes.*.extract-table.target-column",
                                                    "routes.*.extract-table.table-regexp",
                                                    "routes.*.extract-schema",
                                                    "routes.*.extract-schema.target-column",
                                                    "routes.*.extract-schema.schema-regexp",
                                                    "routes.*.extract-source",
                                                    "routes.*.extract-source.target-column",
                                                    "routes.*.extract-source.source-regexp",
                                                    "filters",
                                                    "filters.*.schema-pattern",
                                                    "filters.*.table-pattern",
                                                    "filters.*.events",
                                                    "filters.*.sql-pattern",
                                                    "filters.*.action",
                                                    "column-mappings",
                                                    "expression-filter",
                                                    "expression-filter.*.schema",
                                                    "expression-filter.*.table",
                                                    "expression-filter.*.insert-value-expr",
                                                    "expression-filter.*.update-old-value-expr",
                                                    "expression-filter.*.update-new-value-expr",
                                                    "expression-filter.*.delete-value-expr",
                                                    "black-white-list",
                                                    "black-white-list.*.do-tables",
                                                    "black-white-list.*.do-tables[].db-name",
                                                    "black-white-list.*.do-tables[].tbl-name",
                                                    "black-white-list.*.do-dbs",
                                                    "black-white-list.*.ignore-tables",
                                                    "black-white-list.*.ignore-tables[].db-name",
                                                    "black-white-list.*.ignore-tables[].tbl-name",
                                                    "black-white-list.*.ignore-dbs",
                                                    "block-allow-list",
                                                    "block-allow-list.*.do-tables",
                                                    "block-allow-list.*.do-tables[].db-name",
                                                    "block-allow-list.*.do-tables[].tbl-name",
                                                    "block-allow-list.*.do-dbs",
                                                    "block-allow-list.*.ignore-tables",
                                                    "block-allow-list.*.ignore-tables[].db-name",
                                                    "block-allow-list.*.ignore-tables[].tbl-name",
                                                    "block-allow-list.*.ignore-dbs",
                                                    "mydumpers",
                                                    "mydumpers.*.mydumper-path",
                                                    "mydumpers.*.threads",
                                                    "mydumpers.*.chunk-filesize",
                                                    "mydumpers.*.statement-size",
                                                    "mydumpers.*.rows",
                                                    "mydumpers.*.where",
                                                    "mydumpers.*.skip-tz-utc",
                                                    "mydumpers.*.extra-args",
                                                    "loaders",
                                                    "loaders.*.pool-size",
                                                    "loaders.*.dir",
                                                    "loaders.*.sorting-dir-physical",
                                                    "loaders.*.import-mode",
                                                    "loaders.*.on-duplicate",
                                                    "loaders.*.on-duplicate-logical",
                                                    "loaders.*.on-duplicate-physical",
                                                    "loaders.*.disk-quota-physical",
                                                    "loaders.*.checksum-physical",
                                                    "loaders.*.analyze",
                                                    "loaders.*.range-concurrency",
                                                    "loaders.*.compress-kv-pairs",
                                                    "loaders.*.pd-addr",
                                                    "syncers",
                                                    "syncers.*.meta-file",
                                                    "syncers.*.worker-count",
                                                    "syncers.*.batch",
                                                    "syncers.*.queue-size",
                                                    "syncers.*.checkpoint-flush-interval",
                                                    "syncers.*.compact",
                                                    "syncers.*.multiple-rows",
                                                    "syncers.*.max-retry",
                                                    "syncers.*.auto-fix-gtid",
                                                    "syncers.*.enable-gtid",
                                                    "syncers.*.disable-detect",
                                                    "syncers.*.safe-mode",
                                                    "syncers.*.safe-mode-duration",
                                                    "syncers.*.enable-ansi-quotes",
                                                    "validators",
                                                    "validators.*.mode",
                                                    "validators.*.worker-count",
                                                    "validators.*.validate-interval",
                                                    "validators.*.check-interval",
                                                    "validators.*.row-error-delay",
                                                    "validators.*.meta-flush-interval",
                                                    "validators.*.batch-query-size",
                                                    "validators.*.max-pending-row-size",
                                                    "validators.*.max-pending-row-count",
                                                    "clean-dump-file",
                                                    "ansi-quotes",
                                                    "remove-meta",
                                                    "experimental",
                                                    "experimental.async-checkpoint-flush"};

// Walks the field lists as the parser does and notes the path of every key.
class PathCollector {
 public:
  explicit PathCollector(std::string prefix, std::vector<std::string>& paths)
      : prefix_(std::move(prefix)), paths_(paths) {}

  template <class F>
  void operator()(std::string_view key, F& member) {
    paths_.push_back(prefix_ + std::string(key));
    // The inline sections of an instance have the keys of the named ones.
    if (prefix_ == "mysql-instances[]." &&
        (key == "mydumper" || key == "loader" || key == "syncer")) {
      return;
    }
    Inside(paths_.back(), member);
  }
  template <class Optional>
  void IfPresent(std::string_view key, const ExtractorField<Optional>& field) {
    paths_.push_back(prefix_ + std::string(key));
    const std::string inside = paths_.back() + ".";
    paths_.push_back(inside + "target-column");
    paths_.push_back(inside + std::string(field.regexp_key));
  }
  void Bytes(std::string_view key, std::string&) { AnyContent(key); }
  void ByteSize(std::string_view key, int64_t&) { AnyContent(key); }
  void AnyContent(std::string_view key) { paths_.push_back(prefix_ + std::string(key)); }
  void KeysOf(std::string_view key, std::vector<std::string>&) { AnyContent(key); }

 private:
  template <class T>
  void Inside(const std::string& path, const T&) {
    if constexpr (!kTypeName<T>.empty()) {
      T block;
      PathCollector collector(path + ".", paths_);
      VisitFields(block, collector);
    }
  }
  template <class T>
  void Inside(const std::string& path, const std::optional<T>&) {
    Inside(path, T());
  }
  template <class T>
  void Inside(const std::string& path, const std::vector<T>&) {
    Inside(path + "[]", T());
  }
  template <class T>
  void Inside(const std::string& path, const std::map<std::string, T>&) {
    Inside(path + ".*", T());
  }

  std::string prefix_;
  std::vector<std::string>& paths_;
};

template <class T>
std::vector<std::string> ParsedKeys() {
  std::vector<std::string> paths;
  T block;
  PathCollector collector("", paths);
  VisitFields(block, collector);
  return paths;
}

std::vector<std::string> TableKeys(std::span<const KeyEntry> table) {
  std::vector<std::string> paths;
  for (const KeyEntry& entry : table) paths.emplace_back(entry.path);
  return paths;
}

TEST(KeyTableTest, HoldsEveryDocumentedKeyAndTheParserKnowsNoOthers) {
  EXPECT_THAT(TableKeys(SourceKeys()), UnorderedElementsAreArray(kDocumentedSourceKeys));
  EXPECT_THAT(TableKeys(TaskKeys()), UnorderedElementsAreArray(kDocumentedTaskKeys));
  EXPECT_THAT(ParsedKeys<SourceConfig>(), UnorderedElementsAreArray(kDocumentedSourceKeys));
  EXPECT_THAT(ParsedKeys<TaskConfig>(), UnorderedElementsAreArray(kDocumentedTaskKeys));
}

TEST(KeyTableTest, EveryKeyWithoutFullEffectSaysWhy) {
  for (const auto& table : {SourceKeys(), TaskKeys()}) {
    for (const KeyEntry& entry : table) {
      if (entry.effect != KeyEffect::kWorks) {
        EXPECT_NE(entry.note, "") << entry.path;
      }
    }
  }
}

// For every refused key a file that uses it.
struct Use {
  std::string_view key;       // the key, or the beginning of several
  std::string_view lines;     // further top-level keys of a task
  std::string_view instance;  // further keys of the instance
  std::string_view named;     // what the refusal names
};

TEST(KeyTableTest, RefusedKeysOfATask) {
  const std::vector<Use> uses = {
      {"is-sharding", "is-sharding: true", "", "shard-mode"},
      {"shard-mode", "shard-mode: optimistic", "", "shard-mode"},
      {"strict-optimistic-shard-mode", "strict-optimistic-shard-mode: true\nshard-mode: optimistic",
       "", "shard-mode"},
      {"routes.*.extract-table",
       "routes: {r: {schema-pattern: a, target-schema: b, extract-table: {target-column: c, "
       "table-regexp: d}}}",
       "route-rules: [r]", "extract-table"},
      {"routes.*.extract-schema",
       "routes: {r: {schema-pattern: a, target-schema: b, extract-schema: {target-column: c, "
       "schema-regexp: d}}}",
       "route-rules: [r]", "extract-schema"},
      {"routes.*.extract-source",
       "routes: {r: {schema-pattern: a, target-schema: b, extract-source: {target-column: c, "
       "source-regexp: d}}}",
       "route-rules: [r]", "extract-source"},
      {"loaders.*.import-mode", "", "loader: {import-mode: physical}", "import-mode"},
      {"validators.*.mode", "validators: {v: {mode: full}}", "validator-config-name: v",
       "validators.mode"},
      // Values of keys that work otherwise.
      {"loaders.*.dir", "", "loader: {dir: \"s3://b/p\"}", "dir"},
      {"loaders.*.dir", "", "loader: {dir: \"file:///d\"}", "dir"},
      {"mydumpers.*.extra-args", "", "mydumper: {extra-args: \"--snapshot 5\"}", "extra-args"},
      {"mydumpers.*.extra-args", "", "mydumper: {extra-args: \"--nonsense\"}", "extra-args"},
      {"loaders.*.import-mode", "", "loader: {import-mode: import-into, dir: \"s3://b/p\"}", "dir"},
  };
  SourceConfig source;
  source.source_id = "s";
  auto refusal = [&](const std::string& yaml) {
    try {
      TaskConfig task = ParseTaskYaml(yaml);
      ValidateTask(task);
      ToSubtasks(task, {{"s", source}}, PasswordCipher());
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 20071) << e.ToString();
      return e.message();
    }
    ADD_FAILURE() << "accepted: " << yaml;
    return std::string();
  };
  std::set<std::string_view> refused;
  for (const Use& use : uses) {
    std::string yaml = "name: t\ntarget-database: {host: h}\n";
    if (use.key != "task-mode") yaml += "task-mode: all\n";
    yaml += std::string(use.lines) + "\nmysql-instances:\n- source-id: s\n";
    if (!use.instance.empty()) yaml += "  " + std::string(use.instance) + "\n";
    EXPECT_THAT(refusal(yaml), HasSubstr("`" + std::string(use.named) + "`")) << yaml;
    refused.insert(use.key);
  }
  for (const KeyEntry& entry : TaskKeys()) {
    const std::string path(entry.path);
    if (entry.effect != KeyEffect::kRefused) continue;
    if (path == "column-mappings") continue;  // refused by ValidateTask with a code of its own
    const bool tried = std::any_of(refused.begin(), refused.end(), [&](std::string_view key) {
      return path == key || path.starts_with(std::string(key) + ".");
    });
    EXPECT_TRUE(tried) << path;
  }
}

// Any key of a security block asks for TLS; none may be passed over.
TEST(KeyTableTest, EverySecurityKeyAsksForTls) {
  for (const KeyEntry& entry : SourceKeys()) {
    const std::string path(entry.path);
    if (!path.starts_with("from.security.")) continue;
    const std::string key = path.substr(path.rfind('.') + 1);
    const bool is_file = key == "ssl-ca" || key == "ssl-cert" || key == "ssl-key";
    const std::string value = key.ends_with("bytes") ? "[1]" : key.ends_with("cn") ? "[a]" : "YQ==";
    const std::string block = "{host: h, security: {" + key + ": " + value + "}}";
    SourceConfig source = ParseSourceYaml("source-id: s\nfrom: " + block);
    EXPECT_NO_THROW(VerifySource(source)) << key;
    TaskConfig task = ParseTaskYaml(
        "name: t\ntask-mode: all\nmysql-instances: [{source-id: s}]\n"
        "target-database: " +
        block);
    ValidateTask(task);
    std::vector<SubtaskConfig> subtasks = ToSubtasks(task, {{"s", source}}, PasswordCipher());
    MergeSource(subtasks[0], source, false);
    EXPECT_NO_THROW(RefuseUnsupported(subtasks[0])) << key;
    for (const DbConfig& db : {subtasks[0].from, subtasks[0].to}) {
      if (is_file) {
        EXPECT_THROW(ToConnectOptions(db, ErrorScope::kUpstream), Error) << key;
      } else {
        EXPECT_TRUE(ToConnectOptions(db, ErrorScope::kUpstream).tls.enabled) << key;
      }
    }
  }
  SourceConfig empty = ParseSourceYaml("source-id: s\nfrom: {security: {ssl-ca: \"\"}}");
  EXPECT_FALSE(ToConnectOptions(empty.from, ErrorScope::kUpstream).tls.enabled);
}

TEST(KeyTableTest, RefusedKeysOfASource) {
  auto refusal = [](const std::string& line) {
    try {
      VerifySource(ParseSourceYaml("source-id: s\n" + line));
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 20071) << e.ToString();
      return e.message();
    }
    return std::string();
  };
  EXPECT_THAT(refusal("enable-relay: true"), HasSubstr("`enable-relay`"));
  EXPECT_EQ(refusal("filters: [{schema-pattern: a, action: Do}]"), "");
  EXPECT_EQ(refusal("enable-relay: false"), "");
  EXPECT_EQ(refusal("purge: {expires: 1}"), "");
}

TEST(VerifySourceTest, Codes) {
  auto verdict = [](const std::string& yaml) {
    try {
      SourceConfig source = ParseSourceYaml(yaml);
      AdjustSource(source, PasswordCipher());
      VerifySource(source);
    } catch (const Error& e) {
      return std::to_string(e.code()) + " " + e.error_class() + " " + e.message();
    }
    return std::string("ok");
  };
  EXPECT_THAT(verdict("from: {host: a}"), HasSubstr("40005"));
  EXPECT_THAT(verdict("source-id: " + std::string(33, 'x')), HasSubstr("40006"));
  EXPECT_EQ(verdict("source-id: " + std::string(32, 'x')), "ok");
  for (const char* name : {"mysql-binlog", "mysql-bin.", ".000001", "mysql-bin.000000", "a.1b"}) {
    EXPECT_THAT(verdict(std::string("source-id: a\nrelay-binlog-name: ") + name),
                HasSubstr("40007"))
        << name;
  }
  EXPECT_EQ(verdict("source-id: a\nrelay-binlog-name: mysql-bin.000003"), "ok");
  EXPECT_THAT(verdict("source-id: a\nflavor: mariadb\nrelay-binlog-gtid: nonsense"),
              HasSubstr("dm-worker relay-binlog-gtid nonsense"));
  EXPECT_EQ(verdict("source-id: a\nflavor: mariadb\nrelay-binlog-gtid: 0-1-2"), "ok");
  EXPECT_THAT(verdict("source-id: a\nchecker: {backoff-max: 0.1s}"),
              testing::AllOf(HasSubstr("20043"), HasSubstr("100ms"), HasSubstr("1s")));
  EXPECT_THAT(verdict("source-id: a\nfilters: [{schema-pattern: a, action: no}]"),
              HasSubstr("20037"));
}

// docs/configuration.md lists every key with what the table says about it.
TEST(KeyTableTest, UserDocumentationAgrees) {
  std::ifstream in(DM_SOURCE_DIR "/docs/configuration.md");
  ASSERT_TRUE(in.good());
  std::ostringstream content;
  content << in.rdbuf();
  const std::string text = content.str();
  for (const auto& table : {SourceKeys(), TaskKeys()}) {
    for (const KeyEntry& entry : table) {
      const std::string_view effect = entry.effect == KeyEffect::kWorks      ? "works"
                                      : entry.effect == KeyEffect::kNoEffect ? "no effect"
                                                                             : "refused";
      std::string row = "| `" + std::string(entry.path) + "` | " + std::string(effect) + " | " +
                        std::string(entry.note);
      row.erase(row.find_last_not_of(' ') + 1);
      EXPECT_THAT(text, HasSubstr(row));
    }
  }
}

}  // namespace
}  // namespace dm::migration
