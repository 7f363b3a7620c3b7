#include "migration/config/task.h"

#include <fmt/format.h>

#include <set>
#include <stdexcept>

#include "base/error/error.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "migration/config/checking_items.h"
#include "migration/config/section_rules.h"
#include "migration/config/yaml_read.h"
#include "migration/rules/expression_filter.h"

namespace dm::migration {
namespace {

// "0th", "1st", "2nd", "11th".
std::string Ordinal(size_t n) {
  const size_t tens = n % 100;
  std::string_view ending = "th";
  if (tens < 11 || tens > 13) {
    ending = n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
  }
  return fmt::format("{}{}", n, ending);
}

std::string BracketList(const std::set<std::string>& names) {
  return "[" + Join({names.begin(), names.end()}, " ") + "]";
}

// Sharding, target, online DDL and the other settings of the whole task.
void ValidateTaskLevel(TaskConfig& task) {
  if (task.name.empty()) throw MakeError(ErrorCode::kConfigNeedUniqueTaskName);
  if (!ParseTaskMode(task.task_mode)) throw MakeError(ErrorCode::kConfigInvalidTaskMode);
  if (task.meta_schema.empty()) task.meta_schema = "dm_meta";

  if (!task.shard_mode.empty() && task.shard_mode != "pessimistic" &&
      task.shard_mode != "optimistic") {
    throw MakeError(ErrorCode::kConfigShardModeNotSupport, task.shard_mode);
  }
  if (task.shard_mode.empty() && task.is_sharding) task.shard_mode = "pessimistic";
  if (task.strict_optimistic_shard_mode && task.shard_mode != "optimistic") {
    throw MakeError(ErrorCode::kConfigStrictOptimisticShardMode);
  }

  if (!task.column_mappings.empty()) throw MakeError(ErrorCode::kConfigColumnMappingDeprecated);

  if (task.collation_compatible.empty()) task.collation_compatible = "loose";
  if (task.collation_compatible != "loose" && task.collation_compatible != "strict") {
    throw MakeError(ErrorCode::kCollationCompatibleNotSupport, task.collation_compatible);
  }

  for (const std::string& item : task.ignore_checking_items) CheckCheckingItem(item);

  if (!task.online_ddl_scheme.empty()) {
    if (task.online_ddl_scheme != "gh-ost" && task.online_ddl_scheme != "pt") {
      throw MakeError(ErrorCode::kConfigOnlineSchemeNotSupport, task.online_ddl_scheme);
    }
    task.online_ddl = true;
    Log().Warn("`online-ddl-scheme` is deprecated, use `online-ddl` instead",
               {F("task", task.name)});
  }
  if (task.enable_heartbeat) {
    task.enable_heartbeat = false;
    Log().Warn("`enable-heartbeat` has no effect any more", {F("task", task.name)});
  }
  if (task.remove_meta) {
    Log().Warn("`remove-meta` has no effect, use `start-task ... --remove-meta`",
               {F("task", task.name)});
  }

  if (!task.target_database) throw MakeError(ErrorCode::kConfigNeedTargetDB);
  if (task.mysql_instances.empty()) throw MakeError(ErrorCode::kConfigMySQLInstsAtLeastOne);
}

void ValidateNamedRules(TaskConfig& task) {
  for (const auto& [name, filter] : task.expression_filter) {
    CheckExpressionFilter(name, filter.value_or(ExpressionFilterRule{}));
  }
  for (const auto& [name, route] : task.routes) {
    if (!route) {
      throw MakeError(ErrorCode::kConfigGenTableRouter)
          .SetRawCause(fmt::format("route {} is empty", name));
    }
  }
  for (const auto& [name, filter] : task.filters) {
    if (!filter) {
      throw MakeError(ErrorCode::kConfigBinlogEventFilter)
          .SetRawCause(fmt::format("filter {} is empty", name));
    }
  }
  for (auto& [name, validator] : task.validators) {
    if (!validator) validator.emplace();
    AdjustValidator(*validator);
  }
}

void CheckInstanceAlone(const std::optional<InstanceConfig>& instance) {
  if (!instance) throw MakeError(ErrorCode::kConfigMySQLInstNotFound);
  if (instance->source_id.empty()) throw MakeError(ErrorCode::kConfigEmptySourceID);
  if (instance->meta && instance->meta->binlog_name.empty() &&
      instance->meta->binlog_gtid.empty()) {
    throw MakeError(ErrorCode::kConfigMetaInvalid);
  }
  if (!instance->mydumper_config_name.empty() && instance->mydumper) {
    throw MakeError(ErrorCode::kConfigMydumperCfgConflict);
  }
  if (!instance->loader_config_name.empty() && instance->loader) {
    throw MakeError(ErrorCode::kConfigLoaderCfgConflict);
  }
  if (!instance->syncer_config_name.empty() && instance->syncer) {
    throw MakeError(ErrorCode::kConfigSyncerCfgConflict);
  }
}

// The names of all kinds that instances refer to, as "<kind> <name>".
class References {
 public:
  // Throws `code` for a name that is not defined.
  template <class T>
  void Use(std::string_view kind, const Named<T>& defined, const std::string& name, size_t instance,
           ErrorCode code) {
    if (!defined.contains(name)) throw MakeError(code, instance, name);
    used_.insert(fmt::format("{} {}", kind, name));
  }
  template <class T>
  void CollectUnused(std::string_view kind, const Named<T>& defined,
                     std::set<std::string>& unused) const {
    for (const auto& [name, section] : defined) {
      if (!used_.contains(fmt::format("{} {}", kind, name))) unused.insert(name);
    }
  }

 private:
  std::set<std::string> used_;
};

template <class T>
void WarnIfNotNamed(const TaskConfig& task, const Named<T>& named, const std::string& name,
                    bool in_place, size_t i, std::string_view kind) {
  if (!named.empty() && name.empty() && !in_place) {
    Log().Warn("an instance names no section of this kind, its defaults apply",
               {F("task", task.name), F("instance", i), F("kind", kind)});
  }
}

void ValidateInstances(TaskConfig& task) {
  const TaskMode mode = *ParseTaskMode(task.task_mode);
  const Named<BlockAllowRules>& lists = BlockAllowLists(task);
  std::map<std::string, size_t> sources;
  References references;
  std::string duplicates;
  for (size_t i = 0; i < task.mysql_instances.size(); ++i) {
    try {
      CheckInstanceAlone(task.mysql_instances[i]);
    } catch (Error& e) {
      throw e.Annotate(fmt::format("mysql-instance: {}", Ordinal(i)));
    }
    const InstanceConfig& instance = *task.mysql_instances[i];
    if (auto [other, is_new] = sources.emplace(instance.source_id, i); !is_new) {
      throw MakeError(ErrorCode::kConfigMySQLInstSameSourceID, other->second, i,
                      instance.source_id);
    }
    if (instance.meta && mode != TaskMode::kIncremental && mode != TaskMode::kLoadAndSync) {
      Log().Warn("`meta` has no effect in this task mode",
                 {F("task", task.name), F("mode", task.task_mode), F("instance", i)});
    }
    for (const std::string& name : instance.route_rules) {
      references.Use("route", task.routes, name, i, ErrorCode::kConfigRouteRuleNotFound);
    }
    for (const std::string& name : instance.filter_rules) {
      references.Use("filter", task.filters, name, i, ErrorCode::kConfigFilterRuleNotFound);
    }
    if (const std::string& name = BlockAllowListName(instance); !name.empty()) {
      references.Use("list", lists, name, i, ErrorCode::kConfigBAListNotFound);
    }
    if (const std::string& name = instance.mydumper_config_name; !name.empty()) {
      references.Use("mydumper", task.mydumpers, name, i, ErrorCode::kConfigMydumperCfgNotFound);
    }
    WarnIfNotNamed(task, task.mydumpers, instance.mydumper_config_name,
                   instance.mydumper.has_value(), i, "mydumpers");
    if (HasDump(mode) && ResolveDumper(task, instance).mydumper_path.empty()) {
      throw MakeError(ErrorCode::kConfigMydumperPathNotValid, i);
    }
    if (const std::string& name = instance.loader_config_name; !name.empty()) {
      references.Use("loader", task.loaders, name, i, ErrorCode::kConfigLoaderCfgNotFound);
    }
    WarnIfNotNamed(task, task.loaders, instance.loader_config_name, instance.loader.has_value(), i,
                   "loaders");
    if (IsImportInto(ResolveLoader(task, instance)) &&
        (!task.shard_mode.empty() || task.is_sharding || task.mysql_instances.size() > 1)) {
      throw MakeError(ErrorCode::kConfigImportIntoShardingNotSupport);
    }
    if (const std::string& name = instance.syncer_config_name; !name.empty()) {
      references.Use("syncer", task.syncers, name, i, ErrorCode::kConfigSyncerCfgNotFound);
    }
    WarnIfNotNamed(task, task.syncers, instance.syncer_config_name, instance.syncer.has_value(), i,
                   "syncers");
    SyncerConfig syncer = ResolveSyncer(task, instance);
    AdjustSyncer(syncer);
    if (syncer.disable_detect || syncer.enable_ansi_quotes) {
      Log().Warn("`disable-detect` and `enable-ansi-quotes` have no effect any more",
                 {F("task", task.name), F("instance", i)});
    }
    if (const std::string& name = instance.validator_config_name; !name.empty()) {
      references.Use("validator", task.validators, name, i,
                     ErrorCode::kContinuousValidatorCfgNotFound);
    }
    for (const std::string& name : instance.expression_filters) {
      references.Use("expression", task.expression_filter, name, i,
                     ErrorCode::kConfigExprFilterNotFound);
    }
    for (const auto& [kind, names] :
         {std::pair{"route-rules", &instance.route_rules},
          std::pair{"filter-rules", &instance.filter_rules},
          std::pair{"column-mapping-rules", &instance.column_mapping_rules},
          std::pair{"expression-filters", &instance.expression_filters}}) {
      std::set<std::string> seen, twice;
      for (const std::string& name : *names) {
        if (!seen.insert(name).second) twice.insert(name);
      }
      if (!twice.empty()) {
        duplicates += fmt::format("{}mysql-instance({})'s {}: {}", duplicates.empty() ? "" : "\n",
                                  i, kind, Join({twice.begin(), twice.end()}, ", "));
      }
    }
  }
  if (!duplicates.empty()) throw MakeError(ErrorCode::kConfigDuplicateCfgItem, duplicates);

  for (auto& [name, loader] : task.loaders) {
    if (!loader) loader.emplace();
    LoaderConfig adjusted = *loader;
    AdjustLoader(adjusted, mode);
    loader = adjusted;
  }

  std::set<std::string> unused;
  references.CollectUnused("route", task.routes, unused);
  references.CollectUnused("filter", task.filters, unused);
  references.CollectUnused("mydumper", task.mydumpers, unused);
  references.CollectUnused("loader", task.loaders, unused);
  references.CollectUnused("syncer", task.syncers, unused);
  references.CollectUnused("expression", task.expression_filter, unused);
  references.CollectUnused("validator", task.validators, unused);
  if (!unused.empty()) throw MakeError(ErrorCode::kConfigGlobalConfigsUnused, BracketList(unused));
  std::set<std::string> unused_lists;
  references.CollectUnused("list", lists, unused_lists);
  if (!unused_lists.empty()) {
    Log().Warn("no instance uses these block/allow lists",
               {F("task", task.name), F("lists", BracketList(unused_lists))});
  }
}

}  // namespace

std::string_view ToString(TaskMode mode) {
  switch (mode) {
    case TaskMode::kFull:
      return "full";
    case TaskMode::kAll:
      return "all";
    case TaskMode::kIncremental:
      return "incremental";
    case TaskMode::kDump:
      return "dump";
    case TaskMode::kLoad:
      return "load";
    case TaskMode::kLoadAndSync:
      return "load&sync";
  }
  return "";
}

std::optional<TaskMode> ParseTaskMode(std::string_view text) {
  for (TaskMode mode : {TaskMode::kFull, TaskMode::kAll, TaskMode::kIncremental, TaskMode::kDump,
                        TaskMode::kLoad, TaskMode::kLoadAndSync}) {
    if (ToString(mode) == text) return mode;
  }
  return std::nullopt;
}

bool HasDump(TaskMode mode) {
  return mode == TaskMode::kAll || mode == TaskMode::kFull || mode == TaskMode::kDump;
}

bool HasLoad(TaskMode mode) {
  return mode == TaskMode::kAll || mode == TaskMode::kFull || mode == TaskMode::kLoad ||
         mode == TaskMode::kLoadAndSync;
}

bool HasSync(TaskMode mode) {
  return mode == TaskMode::kAll || mode == TaskMode::kIncremental || mode == TaskMode::kLoadAndSync;
}

TaskConfig ParseTaskYaml(std::string_view text) {
  TaskConfig task;
  try {
    ReadYaml(text, task);
  } catch (const std::invalid_argument& e) {
    throw WithCause(Error(ErrorCode::kConfigYamlTransform, "decode task config failed"), e);
  }
  return task;
}

void ValidateTask(TaskConfig& task) {
  ValidateTaskLevel(task);
  ValidateNamedRules(task);
  ValidateInstances(task);
  CheckTimezone(task.timezone);
}

std::string ShardingConflict(const TaskConfig& task, std::string_view yaml) {
  auto line_begins_with = [&](std::string_view key) {
    return yaml.starts_with(key) || yaml.find("\n" + std::string(key)) != std::string_view::npos;
  };
  const bool conflict =
      (line_begins_with("is-sharding") && !task.is_sharding && !task.shard_mode.empty()) ||
      (line_begins_with("shard-mode") && task.shard_mode.empty() && task.is_sharding);
  if (!conflict) return "";
  return "The behaviour of `is-sharding` and `shard-mode` is conflicting. `is-sharding` is "
         "deprecated, please use `shard-mode` only.";
}

}  // namespace dm::migration
