#include "migration/config/key_table.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/error/error.h"
#include "base/io/text.h"
#include "migration/config/dump_dir.h"
#include "migration/config/dumper_arguments.h"
#include "migration/config/source.h"
#include "migration/config/subtask.h"

namespace dm::migration {
namespace {

using enum KeyEffect;

constexpr std::string_view kOld = "a key of older versions";
constexpr std::string_view kRelay = "relay logs are not pulled";
constexpr std::string_view kFixed = "always the default";
constexpr std::string_view kPhysical = "concerns physical import only";
constexpr std::string_view kValidate = "concerns validation only, which is refused";
constexpr std::string_view kExtract = "columns made from names";

constexpr auto kSourceKeys = std::to_array<KeyEntry>({
    {"enable", kWorks, ""},
    {"enable-gtid", kWorks, ""},
    {"auto-fix-gtid", kNoEffect, kOld},
    {"relay-dir", kNoEffect, kRelay},
    {"meta-dir", kNoEffect, kOld},
    {"flavor", kWorks, ""},
    {"charset", kNoEffect, kOld},
    {"enable-relay", kRefused, "pulling relay logs"},
    {"relay-binlog-name", kNoEffect, kRelay},
    {"relay-binlog-gtid", kNoEffect, kRelay},
    {"source-id", kWorks, ""},
    {"from", kWorks, ""},
    {"from.host", kWorks, ""},
    {"from.port", kWorks, ""},
    {"from.user", kWorks, ""},
    {"from.password", kWorks, ""},
    {"from.max-allowed-packet", kNoEffect, "negotiated with the server"},
    {"from.session", kWorks, ""},
    {"from.security", kWorks, ""},
    {"from.security.ssl-ca", kWorks, ""},
    {"from.security.ssl-cert", kWorks, ""},
    {"from.security.ssl-key", kWorks, ""},
    {"from.security.cert-allowed-cn", kWorks, ""},
    {"from.security.ssl-ca-base64", kWorks, ""},
    {"from.security.ssl-cert-base64", kWorks, ""},
    {"from.security.ssl-key-base64", kWorks, ""},
    {"from.security.ssl-ca-bytes", kWorks, ""},
    {"from.security.ssl-cert-bytes", kWorks, ""},
    {"from.security.ssl-key-bytes", kWorks, ""},
    {"purge", kNoEffect, kRelay},
    {"purge.interval", kNoEffect, kRelay},
    {"purge.expires", kNoEffect, kRelay},
    {"purge.remain-space", kNoEffect, kRelay},
    {"checker", kWorks, ""},
    {"checker.check-enable", kWorks, ""},
    {"checker.backoff-rollback", kWorks, ""},
    {"checker.backoff-max", kWorks, ""},
    {"checker.check-interval", kNoEffect, kFixed},
    {"checker.backoff-min", kNoEffect, kFixed},
    {"checker.backoff-jitter", kNoEffect, kFixed},
    {"checker.backoff-factor", kNoEffect, kFixed},
    {"server-id", kWorks, ""},
    {"tracer", kNoEffect, kOld},
    {"case-sensitive", kWorks, ""},
    {"filters", kWorks, ""},
    {"filters[].schema-pattern", kWorks, ""},
    {"filters[].table-pattern", kWorks, ""},
    {"filters[].events", kWorks, ""},
    {"filters[].sql-pattern", kWorks, ""},
    {"filters[].action", kWorks, ""},
});

constexpr auto kTaskKeys = std::to_array<KeyEntry>({
    {"name", kWorks, ""},
    {"task-mode", kWorks, ""},
    {"is-sharding", kRefused, "merging shards"},
    {"shard-mode", kRefused, "merging shards"},
    {"strict-optimistic-shard-mode", kRefused, "merging shards"},
    {"ignore-checking-items", kWorks, ""},
    {"meta-schema", kWorks, ""},
    {"enable-heartbeat", kNoEffect, kOld},
    {"heartbeat-update-interval", kNoEffect, kOld},
    {"heartbeat-report-interval", kNoEffect, kOld},
    {"timezone", kWorks, ""},
    {"case-sensitive", kWorks, ""},
    {"collation_compatible", kWorks, ""},
    {"target-database", kWorks, ""},
    {"target-database.host", kWorks, ""},
    {"target-database.port", kWorks, ""},
    {"target-database.user", kWorks, ""},
    {"target-database.password", kWorks, ""},
    {"target-database.max-allowed-packet", kNoEffect, "negotiated with the server"},
    {"target-database.session", kWorks, ""},
    {"target-database.security", kWorks, ""},
    {"target-database.security.ssl-ca", kWorks, ""},
    {"target-database.security.ssl-cert", kWorks, ""},
    {"target-database.security.ssl-key", kWorks, ""},
    {"target-database.security.cert-allowed-cn", kWorks, ""},
    {"target-database.security.ssl-ca-base64", kWorks, ""},
    {"target-database.security.ssl-cert-base64", kWorks, ""},
    {"target-database.security.ssl-key-base64", kWorks, ""},
    {"target-database.security.ssl-ca-bytes", kWorks, ""},
    {"target-database.security.ssl-cert-bytes", kWorks, ""},
    {"target-database.security.ssl-key-bytes", kWorks, ""},
    {"mysql-instances", kWorks, ""},
    {"mysql-instances[].source-id", kWorks, ""},
    {"mysql-instances[].meta", kWorks, ""},
    {"mysql-instances[].meta.binlog-name", kWorks, ""},
    {"mysql-instances[].meta.binlog-pos", kWorks, ""},
    {"mysql-instances[].meta.binlog-gtid", kWorks, ""},
    {"mysql-instances[].filter-rules", kWorks, ""},
    {"mysql-instances[].column-mapping-rules", kNoEffect, "a removed feature"},
    {"mysql-instances[].route-rules", kWorks, ""},
    {"mysql-instances[].expression-filters", kWorks, ""},
    {"mysql-instances[].black-white-list", kWorks, ""},
    {"mysql-instances[].block-allow-list", kWorks, ""},
    {"mysql-instances[].mydumper-config-name", kWorks, ""},
    {"mysql-instances[].mydumper", kWorks, "keys of mydumpers.*"},
    {"mysql-instances[].mydumper-thread", kWorks, ""},
    {"mysql-instances[].loader-config-name", kWorks, ""},
    {"mysql-instances[].loader", kWorks, "keys of loaders.*"},
    {"mysql-instances[].loader-thread", kWorks, ""},
    {"mysql-instances[].syncer-config-name", kWorks, ""},
    {"mysql-instances[].syncer", kWorks, "keys of syncers.*"},
    {"mysql-instances[].syncer-thread", kWorks, ""},
    {"mysql-instances[].validator-config-name", kWorks, ""},
    {"online-ddl", kWorks, ""},
    {"shadow-table-rules", kWorks, ""},
    {"trash-table-rules", kWorks, ""},
    {"online-ddl-scheme", kWorks, "deprecated; gh-ost or pt switches online-ddl on"},
    {"routes", kWorks, ""},
    {"routes.*.schema-pattern", kWorks, ""},
    {"routes.*.table-pattern", kWorks, ""},
    {"routes.*.target-schema", kWorks, ""},
    {"routes.*.target-table", kWorks, ""},
    {"routes.*.extract-table", kRefused, kExtract},
    {"routes.*.extract-table.target-column", kRefused, kExtract},
    {"routes.*.extract-table.table-regexp", kRefused, kExtract},
    {"routes.*.extract-schema", kRefused, kExtract},
    {"routes.*.extract-schema.target-column", kRefused, kExtract},
    {"routes.*.extract-schema.schema-regexp", kRefused, kExtract},
    {"routes.*.extract-source", kRefused, kExtract},
    {"routes.*.extract-source.target-column", kRefused, kExtract},
    {"routes.*.extract-source.source-regexp", kRefused, kExtract},
    {"filters", kWorks, ""},
    {"filters.*.schema-pattern", kWorks, ""},
    {"filters.*.table-pattern", kWorks, ""},
    {"filters.*.events", kWorks, ""},
    {"filters.*.sql-pattern", kWorks, ""},
    {"filters.*.action", kWorks, ""},
    {"column-mappings", kRefused, "a removed feature"},
    {"expression-filter", kWorks, ""},
    {"expression-filter.*.schema", kWorks, ""},
    {"expression-filter.*.table", kWorks, ""},
    {"expression-filter.*.insert-value-expr", kWorks, ""},
    {"expression-filter.*.update-old-value-expr", kWorks, ""},
    {"expression-filter.*.update-new-value-expr", kWorks, ""},
    {"expression-filter.*.delete-value-expr", kWorks, ""},
    {"black-white-list", kWorks, "used if block-allow-list is empty"},
    {"black-white-list.*.do-tables", kWorks, ""},
    {"black-white-list.*.do-tables[].db-name", kWorks, ""},
    {"black-white-list.*.do-tables[].tbl-name", kWorks, ""},
    {"black-white-list.*.do-dbs", kWorks, ""},
    {"black-white-list.*.ignore-tables", kWorks, ""},
    {"black-white-list.*.ignore-tables[].db-name", kWorks, ""},
    {"black-white-list.*.ignore-tables[].tbl-name", kWorks, ""},
    {"black-white-list.*.ignore-dbs", kWorks, ""},
    {"block-allow-list", kWorks, ""},
    {"block-allow-list.*.do-tables", kWorks, ""},
    {"block-allow-list.*.do-tables[].db-name", kWorks, ""},
    {"block-allow-list.*.do-tables[].tbl-name", kWorks, ""},
    {"block-allow-list.*.do-dbs", kWorks, ""},
    {"block-allow-list.*.ignore-tables", kWorks, ""},
    {"block-allow-list.*.ignore-tables[].db-name", kWorks, ""},
    {"block-allow-list.*.ignore-tables[].tbl-name", kWorks, ""},
    {"block-allow-list.*.ignore-dbs", kWorks, ""},
    {"mydumpers", kWorks, ""},
    {"mydumpers.*.mydumper-path", kNoEffect, "the dumper is built in"},
    {"mydumpers.*.threads", kWorks, ""},
    {"mydumpers.*.chunk-filesize", kWorks, ""},
    {"mydumpers.*.statement-size", kWorks, ""},
    {"mydumpers.*.rows", kWorks, ""},
    {"mydumpers.*.where", kWorks, ""},
    {"mydumpers.*.skip-tz-utc", kNoEffect, "the dumper sets its time zone itself"},
    {"mydumpers.*.extra-args", kWorks, "--snapshot is refused"},
    {"loaders", kWorks, ""},
    {"loaders.*.pool-size", kWorks, ""},
    {"loaders.*.dir", kWorks, "a path; URIs are refused"},
    {"loaders.*.sorting-dir-physical", kNoEffect, kPhysical},
    {"loaders.*.import-mode", kRefused, "any mode but logical"},
    {"loaders.*.on-duplicate", kNoEffect, kOld},
    {"loaders.*.on-duplicate-logical", kWorks, ""},
    {"loaders.*.on-duplicate-physical", kNoEffect, kPhysical},
    {"loaders.*.disk-quota-physical", kNoEffect, kPhysical},
    {"loaders.*.checksum-physical", kNoEffect, kPhysical},
    {"loaders.*.analyze", kNoEffect, kPhysical},
    {"loaders.*.range-concurrency", kNoEffect, kPhysical},
    {"loaders.*.compress-kv-pairs", kNoEffect, kPhysical},
    {"loaders.*.pd-addr", kNoEffect, kPhysical},
    {"syncers", kWorks, ""},
    {"syncers.*.meta-file", kNoEffect, kOld},
    {"syncers.*.worker-count", kWorks, ""},
    {"syncers.*.batch", kWorks, ""},
    {"syncers.*.queue-size", kWorks, ""},
    {"syncers.*.checkpoint-flush-interval", kWorks, ""},
    {"syncers.*.compact", kWorks, ""},
    {"syncers.*.multiple-rows", kWorks, ""},
    {"syncers.*.max-retry", kNoEffect, kOld},
    {"syncers.*.auto-fix-gtid", kNoEffect, kOld},
    {"syncers.*.enable-gtid", kNoEffect, "the source's enable-gtid decides"},
    {"syncers.*.disable-detect", kNoEffect, kOld},
    {"syncers.*.safe-mode", kWorks, ""},
    {"syncers.*.safe-mode-duration", kWorks, ""},
    {"syncers.*.enable-ansi-quotes", kNoEffect, kOld},
    {"validators", kWorks, ""},
    {"validators.*.mode", kRefused, "any mode but none"},
    {"validators.*.worker-count", kNoEffect, kValidate},
    {"validators.*.validate-interval", kNoEffect, kValidate},
    {"validators.*.check-interval", kNoEffect, kValidate},
    {"validators.*.row-error-delay", kNoEffect, kValidate},
    {"validators.*.meta-flush-interval", kNoEffect, kValidate},
    {"validators.*.batch-query-size", kNoEffect, kValidate},
    {"validators.*.max-pending-row-size", kNoEffect, kValidate},
    {"validators.*.max-pending-row-count", kNoEffect, kValidate},
    {"clean-dump-file", kWorks, ""},
    {"ansi-quotes", kNoEffect, "the upstream's sql_mode decides"},
    {"remove-meta", kNoEffect, "use start-task --remove-meta"},
    {"experimental", kWorks, ""},
    {"experimental.async-checkpoint-flush", kNoEffect,
     "checkpoints are always flushed in the background"},
});

[[noreturn]] void Refuse(std::string_view key, std::string_view value) {
  throw MakeError(ErrorCode::kConfigNotSupported, fmt::format("`{}`", key), value);
}

void RefuseTaskLevel(ShardMode shard_mode) {
  if (shard_mode != ShardMode::kNone) Refuse("shard-mode", ToString(shard_mode));
}

}  // namespace

std::span<const KeyEntry> SourceKeys() { return kSourceKeys; }
std::span<const KeyEntry> TaskKeys() { return kTaskKeys; }

void RefuseUnsupported(const SourceConfig& source) {
  if (source.enable_relay) Refuse("enable-relay", "true");
}

void RefuseUnsupported(const SubtaskConfig& subtask) {
  RefuseTaskLevel(subtask.shard_mode);
  for (const RouteRule& route : subtask.route_rules) {
    if (route.extract_table) Refuse("extract-table", route.extract_table->target_column);
    if (route.extract_schema) Refuse("extract-schema", route.extract_schema->target_column);
    if (route.extract_source) Refuse("extract-source", route.extract_source->target_column);
  }
  if (HasDump(subtask.mode)) {
    std::vector<std::string> left_out;
    const bool pass_over = PassesOverDumperArguments(subtask.ignore_checking_items);
    ParseDumperArguments(subtask.dumper.extra_args, pass_over ? &left_out : nullptr);
  }
  if (HasDump(subtask.mode) || HasLoad(subtask.mode)) {
    if (IsUri(subtask.loader.dir)) Refuse("dir", MaskedDir(subtask.loader.dir));
  }
  if (!EqualsIgnoreCase(subtask.loader.import_mode, "logical")) {
    Refuse("import-mode", subtask.loader.import_mode);
  }
  if (subtask.validator.mode != "none") Refuse("validators.mode", subtask.validator.mode);
}

void RefuseUnsupported(const TaskConfig& task) {
  RefuseTaskLevel(ParseShardMode(task.shard_mode).value_or(ShardMode::kNone));
}

}  // namespace dm::migration
