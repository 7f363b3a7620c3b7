// The keys of every block, in the order of printed files: the one list from which YAML and TOML are
// read and written. Private to the room.
//
// A visitor has these members (F: const or not):
//   void operator()(std::string_view key, F& member)
//   void IfPresent(std::string_view key, F& optional)   left out of printed files if empty
//   void Bytes(std::string_view key, F& string)         content as a list of numbers 0-255
//   void ByteSize(std::string_view key, F& integer)     a number or a size text
//   void AnyContent(std::string_view key)               accepted and dropped
//   void KeysOf(std::string_view key, F& names)         a map of which only the keys are kept
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include "migration/config/source.h"
#include "migration/config/subtask.h"
#include "migration/config/task.h"

namespace dm::migration {

template <class T, class Block>
concept Is = std::same_as<std::remove_const_t<T>, Block>;

// Names of types in messages about unknown keys.
template <class T>
inline constexpr std::string_view kTypeName = "";
template <>
inline constexpr std::string_view kTypeName<SecurityConfig> = "security.Security";
template <>
inline constexpr std::string_view kTypeName<DbConfig> = "dbconfig.DBConfig";
template <>
inline constexpr std::string_view kTypeName<PurgeConfig> = "config.PurgeConfig";
template <>
inline constexpr std::string_view kTypeName<CheckerConfig> = "config.CheckerConfig";
template <>
inline constexpr std::string_view kTypeName<SourceConfig> = "config.SourceConfig";
template <>
inline constexpr std::string_view kTypeName<TablePattern> = "filter.Table";
template <>
inline constexpr std::string_view kTypeName<BlockAllowRules> = "filter.Rules";
template <>
inline constexpr std::string_view kTypeName<RouteRule> = "router.TableRule";
template <>
inline constexpr std::string_view kTypeName<EventFilterRule> = "filter.BinlogEventRule";
template <>
inline constexpr std::string_view kTypeName<ExpressionFilterRule> = "config.ExpressionFilter";
template <>
inline constexpr std::string_view kTypeName<BinlogMeta> = "config.Meta";
template <>
inline constexpr std::string_view kTypeName<DumperConfig> = "config.MydumperConfig";
template <>
inline constexpr std::string_view kTypeName<LoaderConfig> = "config.LoaderConfig";
template <>
inline constexpr std::string_view kTypeName<SyncerConfig> = "config.SyncerConfig";
template <>
inline constexpr std::string_view kTypeName<ValidatorConfig> = "config.ValidatorConfig";
template <>
inline constexpr std::string_view kTypeName<InstanceConfig> = "config.MySQLInstance";
template <>
inline constexpr std::string_view kTypeName<ExperimentalConfig> = "config.Experimental";
template <>
inline constexpr std::string_view kTypeName<TaskConfig> = "config.TaskConfig";

// An extractor's regular expression has another key in each of its three places.
template <class Optional>
struct ExtractorField {
  Optional& extractor;
  std::string_view regexp_key;
};
template <class Optional>
ExtractorField(Optional&, const char*) -> ExtractorField<Optional>;

template <Is<SecurityConfig> T, class V>
void VisitFields(T& c, V& v) {
  v("ssl-ca", c.ssl_ca);
  v("ssl-cert", c.ssl_cert);
  v("ssl-key", c.ssl_key);
  v("cert-allowed-cn", c.cert_allowed_cn);
  v("ssl-ca-base64", c.ssl_ca_base64);
  v("ssl-cert-base64", c.ssl_cert_base64);
  v("ssl-key-base64", c.ssl_key_base64);
  v.Bytes("ssl-ca-bytes", c.ssl_ca_bytes);
  v.Bytes("ssl-cert-bytes", c.ssl_cert_bytes);
  v.Bytes("ssl-key-bytes", c.ssl_key_bytes);
}

template <Is<DbConfig> T, class V>
void VisitFields(T& c, V& v) {
  v("host", c.host);
  v("port", c.port);
  v("user", c.user);
  v("password", c.password);
  v("max-allowed-packet", c.max_allowed_packet);
  v("session", c.session);
  v("security", c.security);
}

template <Is<PurgeConfig> T, class V>
void VisitFields(T& c, V& v) {
  v("interval", c.interval);
  v("expires", c.expires);
  v("remain-space", c.remain_space);
}

template <Is<CheckerConfig> T, class V>
void VisitFields(T& c, V& v) {
  v("check-enable", c.check_enable);
  v("backoff-rollback", c.backoff_rollback);
  v("backoff-max", c.backoff_max);
  v("check-interval", c.check_interval);
  v("backoff-min", c.backoff_min);
  v("backoff-jitter", c.backoff_jitter);
  v("backoff-factor", c.backoff_factor);
}

template <Is<TablePattern> T, class V>
void VisitFields(T& c, V& v) {
  v("db-name", c.schema);
  v("tbl-name", c.table);
}

template <Is<BlockAllowRules> T, class V>
void VisitFields(T& c, V& v) {
  v("do-tables", c.do_tables);
  v("do-dbs", c.do_dbs);
  v("ignore-tables", c.ignore_tables);
  v("ignore-dbs", c.ignore_dbs);
}

template <Is<RouteRule> T, class V>
void VisitFields(T& c, V& v) {
  v("schema-pattern", c.schema_pattern);
  v("table-pattern", c.table_pattern);
  v("target-schema", c.target_schema);
  v("target-table", c.target_table);
  v.IfPresent("extract-table", ExtractorField{c.extract_table, "table-regexp"});
  v.IfPresent("extract-schema", ExtractorField{c.extract_schema, "schema-regexp"});
  v.IfPresent("extract-source", ExtractorField{c.extract_source, "source-regexp"});
}

template <Is<EventFilterRule> T, class V>
void VisitFields(T& c, V& v) {
  v("schema-pattern", c.schema_pattern);
  v("table-pattern", c.table_pattern);
  v("events", c.events);
  v("sql-pattern", c.sql_pattern);
  v("action", c.action);
}

template <Is<ExpressionFilterRule> T, class V>
void VisitFields(T& c, V& v) {
  v("schema", c.schema);
  v("table", c.table);
  v("insert-value-expr", c.insert_value_expr);
  v("update-old-value-expr", c.update_old_value_expr);
  v("update-new-value-expr", c.update_new_value_expr);
  v("delete-value-expr", c.delete_value_expr);
}

template <Is<BinlogMeta> T, class V>
void VisitFields(T& c, V& v) {
  v("binlog-name", c.binlog_name);
  v("binlog-pos", c.binlog_pos);
  v("binlog-gtid", c.binlog_gtid);
}

template <Is<DumperConfig> T, class V>
void VisitFields(T& c, V& v) {
  v("mydumper-path", c.mydumper_path);
  v("threads", c.threads);
  v("chunk-filesize", c.chunk_filesize);
  v("statement-size", c.statement_size);
  v("rows", c.rows);
  v("where", c.where);
  v("skip-tz-utc", c.skip_tz_utc);
  v("extra-args", c.extra_args);
}

template <Is<LoaderConfig> T, class V>
void VisitFields(T& c, V& v) {
  v("pool-size", c.pool_size);
  v("dir", c.dir);
  v("sorting-dir-physical", c.sorting_dir_physical);
  v("import-mode", c.import_mode);
  v("on-duplicate", c.on_duplicate);
  v("on-duplicate-logical", c.on_duplicate_logical);
  v("on-duplicate-physical", c.on_duplicate_physical);
  v.ByteSize("disk-quota-physical", c.disk_quota_physical);
  v("checksum-physical", c.checksum_physical);
  v("analyze", c.analyze);
  v("range-concurrency", c.range_concurrency);
  v("compress-kv-pairs", c.compress_kv_pairs);
  v("pd-addr", c.pd_addr);
}

template <Is<SyncerConfig> T, class V>
void VisitFields(T& c, V& v) {
  v("meta-file", c.meta_file);
  v("worker-count", c.worker_count);
  v("batch", c.batch);
  v("queue-size", c.queue_size);
  v("checkpoint-flush-interval", c.checkpoint_flush_interval);
  v("compact", c.compact);
  v("multiple-rows", c.multiple_rows);
  v("max-retry", c.max_retry);
  v("auto-fix-gtid", c.auto_fix_gtid);
  v("enable-gtid", c.enable_gtid);
  v("disable-detect", c.disable_detect);
  v("safe-mode", c.safe_mode);
  v("safe-mode-duration", c.safe_mode_duration);
  v("enable-ansi-quotes", c.enable_ansi_quotes);
}

// `start_time` is no key of files; the stored form adds it.
template <Is<ValidatorConfig> T, class V>
void VisitFields(T& c, V& v) {
  v("mode", c.mode);
  v("worker-count", c.worker_count);
  v("validate-interval", c.validate_interval);
  v("check-interval", c.check_interval);
  v("row-error-delay", c.row_error_delay);
  v("meta-flush-interval", c.meta_flush_interval);
  v("batch-query-size", c.batch_query_size);
  v("max-pending-row-size", c.max_pending_row_size);
  v("max-pending-row-count", c.max_pending_row_count);
}

template <Is<InstanceConfig> T, class V>
void VisitFields(T& c, V& v) {
  v("source-id", c.source_id);
  v("meta", c.meta);
  v("filter-rules", c.filter_rules);
  v("column-mapping-rules", c.column_mapping_rules);
  v("route-rules", c.route_rules);
  v("expression-filters", c.expression_filters);
  v("black-white-list", c.black_white_list);
  v("block-allow-list", c.block_allow_list);
  v("mydumper-config-name", c.mydumper_config_name);
  v("mydumper", c.mydumper);
  v("mydumper-thread", c.mydumper_thread);
  v("loader-config-name", c.loader_config_name);
  v("loader", c.loader);
  v("loader-thread", c.loader_thread);
  v("syncer-config-name", c.syncer_config_name);
  v("syncer", c.syncer);
  v("syncer-thread", c.syncer_thread);
  v("validator-config-name", c.validator_config_name);
}

template <Is<ExperimentalConfig> T, class V>
void VisitFields(T& c, V& v) {
  v("async-checkpoint-flush", c.async_checkpoint_flush);
}

template <Is<TaskConfig> T, class V>
void VisitFields(T& c, V& v) {
  v("name", c.name);
  v("task-mode", c.task_mode);
  v("is-sharding", c.is_sharding);
  v("shard-mode", c.shard_mode);
  v("strict-optimistic-shard-mode", c.strict_optimistic_shard_mode);
  v("ignore-checking-items", c.ignore_checking_items);
  v("meta-schema", c.meta_schema);
  v("enable-heartbeat", c.enable_heartbeat);
  v("heartbeat-update-interval", c.heartbeat_update_interval);
  v("heartbeat-report-interval", c.heartbeat_report_interval);
  v("timezone", c.timezone);
  v("case-sensitive", c.case_sensitive);
  v("collation_compatible", c.collation_compatible);
  v("target-database", c.target_database);
  v("mysql-instances", c.mysql_instances);
  v("online-ddl", c.online_ddl);
  v("shadow-table-rules", c.shadow_table_rules);
  v("trash-table-rules", c.trash_table_rules);
  v("online-ddl-scheme", c.online_ddl_scheme);
  v("routes", c.routes);
  v("filters", c.filters);
  v.KeysOf("column-mappings", c.column_mappings);
  v("expression-filter", c.expression_filter);
  v("black-white-list", c.black_white_list);
  v("block-allow-list", c.block_allow_list);
  v("mydumpers", c.mydumpers);
  v("loaders", c.loaders);
  v("syncers", c.syncers);
  v("validators", c.validators);
  v("clean-dump-file", c.clean_dump_file);
  v("ansi-quotes", c.ansi_quotes);
  v("remove-meta", c.remove_meta);
  v("experimental", c.experimental);
}

template <Is<SourceConfig> T, class V>
void VisitFields(T& c, V& v) {
  v("enable", c.enable);
  v("enable-gtid", c.enable_gtid);
  v("auto-fix-gtid", c.auto_fix_gtid);
  v("relay-dir", c.relay_dir);
  v("meta-dir", c.meta_dir);
  v("flavor", c.flavor);
  v("charset", c.charset);
  v("enable-relay", c.enable_relay);
  v("relay-binlog-name", c.relay_binlog_name);
  v("relay-binlog-gtid", c.relay_binlog_gtid);
  v("source-id", c.source_id);
  v("from", c.from);
  v("purge", c.purge);
  v("checker", c.checker);
  v("server-id", c.server_id);
  v.AnyContent("tracer");
  v("case-sensitive", c.case_sensitive);
  v("filters", c.filters);
}

// A subtask's record: the sections lie flat between the other keys. Further members of a visitor:
//   void Tables(key, F& list)      a list of tables, shown as [] when empty
//   void Unused(key, text)         a key that holds always this text and is not read
//   void Validator(key, F& block)  the section with its start time
template <Is<SubtaskConfig> T, class V>
void VisitFields(T& c, V& v) {
  v("is-sharding", c.is_sharding);
  v("shard-mode", c.shard_mode);
  v("strict-optimistic-shard-mode", c.strict_optimistic_shard_mode);
  v("online-ddl", c.online_ddl);
  v("shadow-table-rules", c.shadow_table_rules);
  v("trash-table-rules", c.trash_table_rules);
  v("online-ddl-scheme", c.online_ddl_scheme);
  v("case-sensitive", c.case_sensitive);
  v("collation_compatible", c.collation_compatible);
  v("name", c.name);
  v("mode", c.mode);
  v("ignore-checking-items", c.ignore_checking_items);
  v("source-id", c.source_id);
  v("server-id", c.server_id);
  v("flavor", c.flavor);
  v("meta-schema", c.meta_schema);
  v("heartbeat-update-interval", c.heartbeat_update_interval);
  v("heartbeat-report-interval", c.heartbeat_report_interval);
  v("enable-heartbeat", c.enable_heartbeat);
  v("timezone", c.timezone);
  v("relay-dir", c.relay_dir);
  v("use-relay", c.use_relay);
  v("meta", c.meta);
  v("from", c.from);
  v("to", c.to);
  v.Tables("route-rules", c.route_rules);
  v.Tables("filter-rules", c.filter_rules);
  v.Unused("mapping-rule", "[]");
  v.Tables("expression-filter", c.expression_filter);
  v("block-allow-list", c.block_allow_list);
  VisitFields(c.dumper, v);
  VisitFields(c.loader, v);
  VisitFields(c.syncer, v);
  for (std::string_view key :
       {"log-level", "log-file", "log-format", "log-rotate", "pprof-addr", "status-addr"}) {
    v.Unused(key, "\"\"");
  }
  v("security", c.loader_security);
  v.Validator("ValidatorCfg", c.validator);
  v("clean-dump-file", c.clean_dump_file);
  v("ansi-quotes", c.ansi_quotes);
  v("experimental", c.experimental);
}

}  // namespace dm::migration
