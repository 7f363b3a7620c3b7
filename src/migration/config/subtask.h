// Everything one worker needs to run one task for one source.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "migration/config/database.h"
#include "migration/config/password_cipher.h"
#include "migration/config/source.h"
#include "migration/config/task.h"
#include "migration/rules/rule_types.h"

namespace dm::migration {

enum class ShardMode { kNone, kPessimistic, kOptimistic };

std::string_view ToString(ShardMode mode);
// "", "pessimistic" or "optimistic"; nullopt for any other text.
std::optional<ShardMode> ParseShardMode(std::string_view text);

// Sections are the values in force: defaults filled in, overrides of the instance applied. Rules
// are resolved from names, in the order of the instance's lists.
struct SubtaskConfig {
  bool is_sharding = false;
  ShardMode shard_mode = ShardMode::kNone;
  bool strict_optimistic_shard_mode = false;
  bool online_ddl = true;
  std::vector<std::string> shadow_table_rules;  // complete (online_ddl_names.h)
  std::vector<std::string> trash_table_rules;
  std::string online_ddl_scheme;
  bool case_sensitive = false;
  std::string collation_compatible = "loose";
  std::string name;  // the task's
  TaskMode mode = TaskMode::kAll;
  std::vector<std::string> ignore_checking_items;
  std::string source_id;
  uint32_t server_id = 0;  // these two: merged in from the source (MergeSource)
  std::string flavor;
  std::string meta_schema = "dm_meta";
  int heartbeat_update_interval = 1;
  int heartbeat_report_interval = 10;
  bool enable_heartbeat = false;
  std::string timezone;  // empty: the target's offset, asked by each unit
  std::string relay_dir;
  bool use_relay = false;
  std::optional<BinlogMeta> meta;
  DbConfig from;
  DbConfig to;
  std::vector<RouteRule> route_rules;
  std::vector<EventFilterRule> filter_rules;
  std::vector<ExpressionFilterRule> expression_filter;
  std::optional<BlockAllowRules> block_allow_list;
  DumperConfig dumper;
  LoaderConfig loader;
  SyncerConfig syncer;
  ValidatorConfig validator;
  bool clean_dump_file = true;
  bool ansi_quotes = false;
  std::optional<SecurityConfig> loader_security;  // TLS towards the placement driver
  ExperimentalConfig experimental;

  bool operator==(const SubtaskConfig&) const = default;
};

// Brings a subtask into its valid form (defaults, suffix of the dump directory, name rules, time
// zone into the sessions, passwords decrypted) and throws the Error of the first broken rule.
// Idempotent; applied when a subtask is made and whenever a stored one is read. Warnings are
// logged.
void AdjustSubtask(SubtaskConfig& subtask, const PasswordCipher& cipher);

// Takes over what the bound source decides: `from`, flavor, server-id, relay-dir, enable-gtid,
// case-sensitive (either of both), filters behind the task's own. Done by the worker, before
// AdjustSubtask.
void MergeSource(SubtaskConfig& subtask, const SourceConfig& source, bool use_relay);

// The record in etcd. Reading ignores unknown keys and throws Error kConfigTomlTransform.
std::string SubtaskToToml(const SubtaskConfig& subtask);
SubtaskConfig ParseSubtaskToml(std::string_view text);

// One subtask for each instance, in file order, adjusted. `task` must have passed ValidateTask;
// `sources` holds the registered sources by id (only `from` is taken from them here). Throws
// kConfigSourceIDNotFound, the errors of AdjustSubtask with the prefix "source <id>",
// kConfigInvalidLoadMode if import modes differ, and what this version cannot do (key_table.h).
std::vector<SubtaskConfig> ToSubtasks(const TaskConfig& task,
                                      const std::map<std::string, SourceConfig>& sources,
                                      const PasswordCipher& cipher);

// Session variables of the target as its version wants them: for TiDB (3.0.0 and newer) names in
// lower case and tidb_txn_mode=optimistic unless set; others unchanged. To be called before
// ToSubtasks.
void AdjustTargetSession(DbConfig& target, bool is_tidb_3_or_newer);

// The task file of stored subtasks of one task (non-empty; any order). Section names are made up;
// equal sections share one. Passwords are hidden.
TaskConfig SubtasksToTask(std::vector<SubtaskConfig> subtasks);

// Whether `to` may replace `from` in place. Throws the error a worker gives (40081, 20070).
void CheckSubtaskUpdate(const SubtaskConfig& from, const SubtaskConfig& to);

}  // namespace dm::migration
