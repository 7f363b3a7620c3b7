#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "migration/config/dump_dir.h"
#include "migration/config/subtask.h"

namespace dm::migration {
namespace {

// Gives equal sections one made-up name: "dump-01", "dump-02", ...
template <class T>
class Names {
 public:
  explicit Names(std::string_view kind) : kind_(kind) {}

  std::string NameOf(const T& section) {
    auto it = std::find(sections_.begin(), sections_.end(), section);
    if (it == sections_.end()) it = sections_.insert(sections_.end(), section);
    return fmt::format("{}-{:02}", kind_, it - sections_.begin() + 1);
  }

 private:
  std::string_view kind_;
  std::vector<T> sections_;
};

}  // namespace

TaskConfig SubtasksToTask(std::vector<SubtaskConfig> subtasks) {
  std::sort(subtasks.begin(), subtasks.end(),
            [](const auto& a, const auto& b) { return a.source_id < b.source_id; });
  const SubtaskConfig& first = subtasks.front();
  TaskConfig task;
  task.name = first.name;
  task.task_mode = ToString(first.mode);
  task.is_sharding = first.is_sharding;
  task.shard_mode = ToString(first.shard_mode);
  task.strict_optimistic_shard_mode = first.strict_optimistic_shard_mode;
  task.ignore_checking_items = first.ignore_checking_items;
  task.meta_schema = first.meta_schema;
  task.heartbeat_update_interval = first.heartbeat_update_interval;
  task.heartbeat_report_interval = first.heartbeat_report_interval;
  task.timezone = first.timezone;
  task.case_sensitive = first.case_sensitive;
  task.collation_compatible = first.collation_compatible;
  task.target_database = first.to;
  task.online_ddl = first.online_ddl;
  task.online_ddl_scheme = first.online_ddl_scheme;
  task.clean_dump_file = first.clean_dump_file;
  task.experimental = first.experimental;

  Names<RouteRule> routes("route");
  Names<EventFilterRule> filters("filter");
  Names<ExpressionFilterRule> expressions("expr-filter");
  Names<std::optional<BlockAllowRules>> lists("balist");
  Names<DumperConfig> dumpers("dump");
  Names<LoaderConfig> loaders("load");
  Names<SyncerConfig> syncers("sync");
  Names<ValidatorConfig> validators("validator");
  for (const SubtaskConfig& subtask : subtasks) {
    InstanceConfig instance;
    instance.source_id = subtask.source_id;
    instance.meta = subtask.meta;
    for (const RouteRule& rule : subtask.route_rules) {
      instance.route_rules.push_back(routes.NameOf(rule));
      task.routes.emplace(instance.route_rules.back(), rule);
    }
    for (const EventFilterRule& rule : subtask.filter_rules) {
      instance.filter_rules.push_back(filters.NameOf(rule));
      task.filters.emplace(instance.filter_rules.back(), rule);
    }
    for (const ExpressionFilterRule& rule : subtask.expression_filter) {
      instance.expression_filters.push_back(expressions.NameOf(rule));
      task.expression_filter.emplace(instance.expression_filters.back(), rule);
    }
    instance.block_allow_list = lists.NameOf(subtask.block_allow_list);
    task.block_allow_list.emplace(instance.block_allow_list, subtask.block_allow_list);
    instance.mydumper_config_name = dumpers.NameOf(subtask.dumper);
    task.mydumpers.emplace(instance.mydumper_config_name, subtask.dumper);
    instance.loader_config_name = loaders.NameOf(subtask.loader);
    LoaderConfig loader = subtask.loader;
    if (subtask.mode == TaskMode::kAll || subtask.mode == TaskMode::kFull) {
      loader.dir = WithoutTaskSuffix(loader.dir, subtask.name, subtask.source_id);
    }
    task.loaders.emplace(instance.loader_config_name, loader);
    instance.syncer_config_name = syncers.NameOf(subtask.syncer);
    task.syncers.emplace(instance.syncer_config_name, subtask.syncer);
    instance.validator_config_name = validators.NameOf(subtask.validator);
    task.validators.emplace(instance.validator_config_name, subtask.validator);
    task.mysql_instances.push_back(std::move(instance));
  }
  return task;
}

}  // namespace dm::migration
