#include "migration/config/subtask.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/error/error.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "migration/config/dump_dir.h"
#include "migration/config/key_table.h"
#include "migration/config/section_rules.h"
#include "migration/rules/block_allow_list.h"
#include "migration/rules/event_filter.h"
#include "migration/rules/name_pattern.h"
#include "migration/rules/online_ddl_names.h"
#include "migration/rules/table_router.h"

namespace dm::migration {
namespace {

constexpr size_t kMaxSourceIdLength = 32;

void SetTimezone(const SubtaskConfig& subtask, DbConfig& db) {
  for (auto& [name, value] : db.session) {
    if (!EqualsIgnoreCase(Trim(name), "time_zone")) continue;
    if (value != subtask.timezone) {
      Log().Warn("`timezone` of the task overwrites the session variable time_zone",
                 {F("task", subtask.name), F("source", subtask.source_id), F("was", value),
                  F("is", subtask.timezone)});
      value = subtask.timezone;
    }
    return;
  }
  db.session["time_zone"] = subtask.timezone;
}

// Patterns are shown in lower case where letter case does not matter; regular expressions keep
// theirs, since \D is not \d.
void LowerPattern(std::string& pattern) {
  if (!pattern.starts_with('~')) pattern = LowerName(pattern);
}

void LowerPatterns(SubtaskConfig& subtask) {
  if (subtask.block_allow_list) {
    BlockAllowRules& list = *subtask.block_allow_list;
    for (auto* patterns : {&list.do_dbs, &list.ignore_dbs}) {
      for (std::string& pattern : *patterns) LowerPattern(pattern);
    }
    for (auto* tables : {&list.do_tables, &list.ignore_tables}) {
      for (TablePattern& table : *tables) {
        LowerPattern(table.schema);
        LowerPattern(table.table);
      }
    }
  }
  for (RouteRule& route : subtask.route_rules) {
    LowerPattern(route.schema_pattern);
    LowerPattern(route.table_pattern);
  }
  for (EventFilterRule& filter : subtask.filter_rules) {
    filter.schema_pattern = LowerName(filter.schema_pattern);
    filter.table_pattern = LowerName(filter.table_pattern);
  }
}

void CheckRules(SubtaskConfig& subtask) {
  BlockAllowList(subtask.block_allow_list.value_or(BlockAllowRules{}), subtask.case_sensitive);
  TableRouter(subtask.route_rules, subtask.case_sensitive);
  if (subtask.dumper.chunk_filesize.empty()) subtask.dumper.chunk_filesize = "64";
  if (!ParseChunkSize(subtask.dumper.chunk_filesize)) {
    throw MakeError(ErrorCode::kConfigInvalidChunkFileSize, subtask.dumper.chunk_filesize);
  }
  for (const std::string& warning :
       CheckEventFilters(subtask.filter_rules, subtask.case_sensitive)) {
    Log().Warn(warning, {F("task", subtask.name), F("source", subtask.source_id)});
  }
}

void CheckForeignKeyOptions(const SubtaskConfig& subtask) {
  if (!ForeignKeyChecksOn(subtask.to)) return;
  if (subtask.syncer.compact) {
    throw MakeError(ErrorCode::kConfigUnsupportedForeignKeyChecksOption, "compact");
  }
  if (subtask.syncer.multiple_rows) {
    throw MakeError(ErrorCode::kConfigUnsupportedForeignKeyChecksOption, "multiple-rows");
  }
}

template <class T>
std::vector<T> Resolve(const Named<T>& named, const std::vector<std::string>& names) {
  std::vector<T> rules;
  for (const std::string& name : names) rules.push_back(*named.at(name));
  return rules;
}

SubtaskConfig MakeSubtask(const TaskConfig& task, const InstanceConfig& instance,
                          const SourceConfig& source) {
  SubtaskConfig subtask;
  subtask.is_sharding = task.is_sharding;
  subtask.shard_mode = ParseShardMode(task.shard_mode).value_or(ShardMode::kNone);
  subtask.strict_optimistic_shard_mode = task.strict_optimistic_shard_mode;
  subtask.online_ddl = task.online_ddl;
  subtask.shadow_table_rules = task.shadow_table_rules;
  subtask.trash_table_rules = task.trash_table_rules;
  subtask.online_ddl_scheme = task.online_ddl_scheme;
  subtask.case_sensitive = task.case_sensitive;
  subtask.collation_compatible = task.collation_compatible;
  subtask.name = task.name;
  subtask.mode = *ParseTaskMode(task.task_mode);
  subtask.ignore_checking_items = task.ignore_checking_items;
  subtask.source_id = instance.source_id;
  subtask.meta_schema = task.meta_schema;
  subtask.heartbeat_update_interval = task.heartbeat_update_interval;
  subtask.heartbeat_report_interval = task.heartbeat_report_interval;
  subtask.enable_heartbeat = task.enable_heartbeat;
  subtask.timezone = task.timezone;
  subtask.meta = instance.meta;
  subtask.from = source.from;
  subtask.to = *task.target_database;
  subtask.route_rules = Resolve(task.routes, instance.route_rules);
  subtask.filter_rules = Resolve(task.filters, instance.filter_rules);
  subtask.expression_filter = Resolve(task.expression_filter, instance.expression_filters);
  if (const std::string& name = BlockAllowListName(instance); !name.empty()) {
    subtask.block_allow_list = BlockAllowLists(task).at(name).value_or(BlockAllowRules{});
  }
  subtask.dumper = ResolveDumper(task, instance);
  subtask.loader = ResolveLoader(task, instance);
  subtask.syncer = ResolveSyncer(task, instance);
  subtask.validator = ResolveValidator(task, instance);
  subtask.clean_dump_file = task.clean_dump_file;
  subtask.ansi_quotes = task.ansi_quotes;
  subtask.experimental = task.experimental;
  return subtask;
}

}  // namespace

std::string_view ToString(ShardMode mode) {
  switch (mode) {
    case ShardMode::kNone:
      return "";
    case ShardMode::kPessimistic:
      return "pessimistic";
    case ShardMode::kOptimistic:
      return "optimistic";
  }
  return "";
}

std::optional<ShardMode> ParseShardMode(std::string_view text) {
  for (ShardMode mode : {ShardMode::kNone, ShardMode::kPessimistic, ShardMode::kOptimistic}) {
    if (ToString(mode) == text) return mode;
  }
  return std::nullopt;
}

void AdjustSubtask(SubtaskConfig& subtask, const PasswordCipher& cipher) {
  if (subtask.name.empty()) throw MakeError(ErrorCode::kConfigTaskNameEmpty);
  if (subtask.source_id.empty()) throw MakeError(ErrorCode::kConfigEmptySourceID);
  if (subtask.source_id.size() > kMaxSourceIdLength) {
    throw MakeError(ErrorCode::kConfigTooLongSourceID);
  }

  if (subtask.shard_mode == ShardMode::kNone && subtask.is_sharding) {
    subtask.shard_mode = ShardMode::kPessimistic;
  }
  if (subtask.strict_optimistic_shard_mode && subtask.shard_mode != ShardMode::kOptimistic) {
    throw MakeError(ErrorCode::kConfigStrictOptimisticShardMode);
  }
  if (IsImportInto(subtask.loader)) {
    if (subtask.shard_mode != ShardMode::kNone) {
      throw MakeError(ErrorCode::kConfigImportIntoShardingNotSupport);
    }
    if (IsLocalDir(subtask.loader.dir)) {
      throw MakeError(ErrorCode::kConfigImportIntoRequiresSharedStorage, subtask.loader.dir);
    }
  }

  if (!subtask.online_ddl_scheme.empty()) {
    if (subtask.online_ddl_scheme != "gh-ost" && subtask.online_ddl_scheme != "pt") {
      throw MakeError(ErrorCode::kConfigOnlineSchemeNotSupport, subtask.online_ddl_scheme);
    }
    subtask.online_ddl = true;
  }
  subtask.shadow_table_rules = CompleteOnlineDdlRules(
      "shadow-table-rules", subtask.shadow_table_rules, DefaultShadowTableRules());
  subtask.trash_table_rules = CompleteOnlineDdlRules("trash-table-rules", subtask.trash_table_rules,
                                                     DefaultTrashTableRules());
  if (subtask.meta_schema.empty()) subtask.meta_schema = "dm_meta";
  if (subtask.collation_compatible.empty()) subtask.collation_compatible = "loose";

  if (HasLoad(subtask.mode) || HasDump(subtask.mode)) {
    LoaderConfig& loader = subtask.loader;
    if (loader.dir.empty()) loader.dir = LoaderConfig().dir;
    CheckDir(loader.dir);
    if (subtask.mode == TaskMode::kAll || subtask.mode == TaskMode::kFull) {
      loader.dir = WithTaskSuffix(loader.dir, subtask.name, subtask.source_id);
    }
    if (HasLoad(subtask.mode) && loader.sorting_dir_physical.empty()) {
      loader.sorting_dir_physical = IsLocalDir(loader.dir)
                                        ? loader.dir + ".sorting"
                                        : "./sorting." + UrlEscaped(subtask.name);
    }
  }

  AdjustSyncer(subtask.syncer);
  CheckForeignKeyOptions(subtask);
  CheckTimezone(subtask.timezone);
  if (!subtask.timezone.empty()) {
    SetTimezone(subtask, subtask.from);
    SetTimezone(subtask, subtask.to);
  }
  for (DbConfig* db : {&subtask.from, &subtask.to}) {
    db->password = Secret(cipher.DecryptOrPlain(db->password.Reveal()));
  }
  CheckRules(subtask);
  AdjustLoader(subtask.loader, subtask.mode);
  try {
    AdjustValidator(subtask.validator);
  } catch (const std::invalid_argument& e) {
    // The worker, which has no user to tell, knows product errors only.
    throw ToError(e);
  }
}

void MergeSource(SubtaskConfig& subtask, const SourceConfig& source, bool use_relay) {
  subtask.from = source.from;
  subtask.flavor = source.flavor;
  subtask.server_id = source.server_id;
  subtask.relay_dir = source.relay_dir;
  subtask.use_relay = use_relay;
  subtask.syncer.enable_gtid = source.enable_gtid;
  if (subtask.case_sensitive != source.case_sensitive) {
    Log().Warn("`case-sensitive` of task and source differ, names are case-sensitive",
               {F("task", subtask.name), F("source", subtask.source_id)});
  }
  subtask.case_sensitive = subtask.case_sensitive || source.case_sensitive;
  auto patterns = [&](const EventFilterRule& rule) {
    if (subtask.case_sensitive) return std::pair(rule.schema_pattern, rule.table_pattern);
    return std::pair(LowerName(rule.schema_pattern), LowerName(rule.table_pattern));
  };
  std::set<std::pair<std::string, std::string>> of_task;
  for (const EventFilterRule& rule : subtask.filter_rules) of_task.insert(patterns(rule));
  for (const EventFilterRule& rule : source.filters) {
    if (of_task.contains(patterns(rule))) {
      // Also the case when the source was merged in before.
      if (std::find(subtask.filter_rules.begin(), subtask.filter_rules.end(), rule) ==
          subtask.filter_rules.end()) {
        Log().Warn(
            "a filter of the source is dropped, the task has one with the same patterns",
            {F("task", subtask.name), F("source", subtask.source_id),
             F("schema-pattern", rule.schema_pattern), F("table-pattern", rule.table_pattern)});
      }
      continue;
    }
    subtask.filter_rules.push_back(rule);
  }
}

void AdjustTargetSession(DbConfig& target, bool is_tidb_3_or_newer) {
  if (!is_tidb_3_or_newer) return;
  std::map<std::string, std::string> lower;
  for (const auto& [name, value] : target.session) lower.emplace(ToLower(name), value);
  lower.emplace("tidb_txn_mode", "optimistic");
  target.session = std::move(lower);
}

std::vector<SubtaskConfig> ToSubtasks(const TaskConfig& task,
                                      const std::map<std::string, SourceConfig>& sources,
                                      const PasswordCipher& cipher) {
  auto annotated = [](const SubtaskConfig& subtask, auto step) {
    try {
      step();
    } catch (Error& e) {
      throw e.Annotate(fmt::format("source {}", subtask.source_id));
    }
  };
  std::vector<SubtaskConfig> subtasks;
  std::vector<const SourceConfig*> source_of;
  for (const auto& instance : task.mysql_instances) {
    auto source = sources.find(instance->source_id);
    if (source == sources.end()) {
      throw MakeError(ErrorCode::kConfigSourceIDNotFound, instance->source_id);
    }
    subtasks.push_back(MakeSubtask(task, *instance, source->second));
    source_of.push_back(&source->second);
  }
  for (size_t i = 0; i < subtasks.size(); ++i) {
    annotated(subtasks[i], [&] { AdjustSubtask(subtasks[i], cipher); });
    // The worker will judge by the letter case of task or source.
    if (!subtasks[i].case_sensitive && !source_of[i]->case_sensitive) LowerPatterns(subtasks[i]);
  }
  const SubtaskConfig& first = subtasks.front();
  for (const SubtaskConfig& subtask : subtasks) {
    if (subtask.loader.import_mode != first.loader.import_mode) {
      throw MakeError(ErrorCode::kConfigInvalidLoadMode,
                      fmt::format("{} of source {}: source {} has {}", subtask.loader.import_mode,
                                  subtask.source_id, first.source_id, first.loader.import_mode));
    }
  }
  for (const SubtaskConfig& subtask : subtasks) {
    annotated(subtask, [&] { RefuseUnsupported(subtask); });
  }
  return subtasks;
}

void CheckSubtaskUpdate(const SubtaskConfig& from, const SubtaskConfig& to) {
  CheckForeignKeyOptions(to);
  auto refuse = [&](std::string_view why) {
    throw Error(ErrorCode::kWorkerUpdateSubTaskConfig,
                fmt::format("cannot update subtask {} in place: {}", to.name, why));
  };
  if (from.syncer.safe_mode != to.syncer.safe_mode) refuse("`safe-mode` differs");
  if (ForeignKeyChecksOn(from.to) != ForeignKeyChecksOn(to.to)) {
    refuse("`foreign_key_checks` differs");
  }
  if (ForeignKeyChecksOn(to.to) && (from.syncer.worker_count > 1 || to.syncer.worker_count > 1) &&
      (from.syncer.worker_count != to.syncer.worker_count ||
       from.case_sensitive != to.case_sensitive || from.route_rules != to.route_rules ||
       from.block_allow_list.value_or(BlockAllowRules{}) !=
           to.block_allow_list.value_or(BlockAllowRules{}) ||
       from.filter_rules != to.filter_rules)) {
    refuse(
        "with foreign_key_checks=1 and several executors, worker-count, case-sensitive, routes, "
        "lists and filters must stay");
  }
  // Everything else must be equal, but for what may change.
  SubtaskConfig same = to;
  same.block_allow_list = from.block_allow_list;
  same.route_rules = from.route_rules;
  same.filter_rules = from.filter_rules;
  same.syncer = from.syncer;
  same.to.session = from.to.session;
  same.from = from.from;
  same.flavor = from.flavor;
  same.server_id = from.server_id;
  same.relay_dir = from.relay_dir;
  same.use_relay = from.use_relay;
  same.case_sensitive = from.case_sensitive;
  if (same != from) {
    refuse(
        "only block-allow-list, routes, filters, syncer settings and the target's session may "
        "change");
  }
}

}  // namespace dm::migration
