// A task file: what is migrated from which sources into which target, and how.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migration/config/database.h"
#include "migration/config/scalar.h"
#include "migration/rules/rule_types.h"

namespace dm::migration {

enum class TaskMode { kFull, kAll, kIncremental, kDump, kLoad, kLoadAndSync };

std::string_view ToString(TaskMode mode);
// nullopt for a text that is no mode.
std::optional<TaskMode> ParseTaskMode(std::string_view text);
bool HasDump(TaskMode mode);
bool HasLoad(TaskMode mode);
bool HasSync(TaskMode mode);

// Where replication starts.
struct BinlogMeta {
  std::string binlog_name;
  uint32_t binlog_pos = 0;
  std::string binlog_gtid;
  bool operator==(const BinlogMeta&) const = default;
};

// A block of `mydumpers`.
struct DumperConfig {
  std::string mydumper_path = "./bin/mydumper";  // no effect
  int threads = 4;
  std::string chunk_filesize = "64";  // scalar.h: ParseChunkSize
  uint64_t statement_size = 0;        // bytes of an INSERT; 0: 1000000
  uint64_t rows = 0;                  // rows of a chunk; 0: 200000
  std::string where;
  bool skip_tz_utc = true;  // no effect
  std::string extra_args;   // dumper_arguments.h
  bool operator==(const DumperConfig&) const = default;
};

// A block of `loaders`.
struct LoaderConfig {
  int pool_size = 16;
  std::string dir = "./dumped_data";
  std::string sorting_dir_physical;
  std::string import_mode = "logical";
  std::string on_duplicate;                      // no effect
  std::string on_duplicate_logical = "replace";  // replace, ignore, error
  std::string on_duplicate_physical = "none";    // none, manual
  int64_t disk_quota_physical = 0;               // bytes; 0: no limit
  std::string checksum_physical = "required";    // required, optional, off
  std::string analyze = "optional";              // required, optional, off
  int range_concurrency = 0;
  std::string compress_kv_pairs;
  std::string pd_addr;
  bool operator==(const LoaderConfig&) const = default;
};

// A block of `syncers`.
struct SyncerConfig {
  std::string meta_file;  // no effect
  int worker_count = 16;
  int batch = 100;
  int queue_size = 1024;
  int checkpoint_flush_interval = 30;  // seconds
  bool compact = false;
  bool multiple_rows = false;
  int max_retry = 0;            // no effect
  bool auto_fix_gtid = false;   // no effect
  bool enable_gtid = false;     // overwritten by the source's value
  bool disable_detect = false;  // no effect
  bool safe_mode = false;
  std::string safe_mode_duration = "60s";
  bool enable_ansi_quotes = false;  // no effect
  bool operator==(const SyncerConfig&) const = default;

  // Safe mode after a (re)start: `safe-mode-duration`, or twice the flush interval if that is
  // empty. Throws Error kConfigInvalidSafeModeDuration.
  Duration SafeModeDuration() const;
};

// A block of `validators`.
struct ValidatorConfig {
  std::string mode = "none";  // none, fast, full
  int worker_count = 4;
  Duration validate_interval = std::chrono::seconds(10);
  Duration check_interval = std::chrono::seconds(5);
  Duration row_error_delay = std::chrono::minutes(30);
  Duration meta_flush_interval = std::chrono::minutes(5);
  int batch_query_size = 100;
  std::string max_pending_row_size = "500m";
  int max_pending_row_count = 2147483647;
  std::string start_time;  // set by `validation start` only
  bool operator==(const ValidatorConfig&) const = default;
};

// An entry of `mysql-instances`.
struct InstanceConfig {
  std::string source_id = {};
  std::optional<BinlogMeta> meta = {};
  std::vector<std::string> filter_rules = {};
  std::vector<std::string> column_mapping_rules = {};
  std::vector<std::string> route_rules = {};
  std::vector<std::string> expression_filters = {};
  std::string black_white_list = {};
  std::string block_allow_list = {};
  std::string mydumper_config_name = {};
  std::optional<DumperConfig> mydumper = {};
  int mydumper_thread = 0;  // != 0 overrides `threads`
  std::string loader_config_name = {};
  std::optional<LoaderConfig> loader = {};
  int loader_thread = 0;  // != 0 overrides `pool-size`
  std::string syncer_config_name = {};
  std::optional<SyncerConfig> syncer = {};
  int syncer_thread = 0;  // != 0 overrides `worker-count`
  std::string validator_config_name = {};
  bool operator==(const InstanceConfig&) const = default;
};

struct ExperimentalConfig {
  bool async_checkpoint_flush = false;
  bool operator==(const ExperimentalConfig&) const = default;
};

// Named sections and rules. A name whose value is empty in the file maps to nullopt.
template <class T>
using Named = std::map<std::string, std::optional<T>>;

// Members in the order of keys in printed files.
struct TaskConfig {
  std::string name;
  std::string task_mode;
  bool is_sharding = false;
  std::string shard_mode;
  bool strict_optimistic_shard_mode = false;
  std::vector<std::string> ignore_checking_items;
  std::string meta_schema = "dm_meta";
  bool enable_heartbeat = false;
  int heartbeat_update_interval = 1;
  int heartbeat_report_interval = 10;
  std::string timezone;
  bool case_sensitive = false;
  std::string collation_compatible = "loose";
  std::optional<DbConfig> target_database;
  std::vector<std::optional<InstanceConfig>> mysql_instances;  // nullopt: an empty entry
  bool online_ddl = true;
  std::vector<std::string> shadow_table_rules;
  std::vector<std::string> trash_table_rules;
  std::string online_ddl_scheme;
  Named<RouteRule> routes;
  Named<EventFilterRule> filters;
  // Names only: the feature is gone, a non-empty map is refused.
  std::vector<std::string> column_mappings;
  Named<ExpressionFilterRule> expression_filter;
  Named<BlockAllowRules> black_white_list;
  Named<BlockAllowRules> block_allow_list;
  Named<DumperConfig> mydumpers;
  Named<LoaderConfig> loaders;
  Named<SyncerConfig> syncers;
  Named<ValidatorConfig> validators;
  bool clean_dump_file = true;
  bool ansi_quotes = false;  // no effect
  bool remove_meta = false;  // no effect
  ExperimentalConfig experimental;

  bool operator==(const TaskConfig&) const = default;
};

// Strict parse of a task file with defaults filled in. Throws Error kConfigYamlTransform with the
// line numbers as raw cause. Nothing is validated.
TaskConfig ParseTaskYaml(std::string_view text);

// Brings a parsed task into its valid form and throws the error of the first broken rule, in the
// documented order (20019 ... 20008); std::invalid_argument (a plain error for users) for an
// unusable max-pending-row-size. Logs warnings about settings without effect. Does not refuse what
// this version cannot do (key_table.h).
void ValidateTask(TaskConfig& task);

// What dmctl says before it refuses to send a parsed (not validated) file whose `is-sharding` and
// `shard-mode` contradict each other; empty if all is well. Only keys that stand at the beginning
// of a line of `yaml` count.
std::string ShardingConflict(const TaskConfig& task, std::string_view yaml);

}  // namespace dm::migration
