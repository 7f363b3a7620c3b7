#include "migration/precheck/precheck.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/precheck/items.h"
#include "migration/precheck/preparation.h"
#include "migration/precheck/run_items.h"

namespace dm::migration {
namespace {

// Items of a task that its `ignore-checking-items` do not name.
class Selection {
 public:
  explicit Selection(const std::vector<std::string>& ignored) : ignored_(ignored) {}
  bool Has(std::string_view name) const {
    return std::find(ignored_.begin(), ignored_.end(), name) == ignored_.end();
  }

 private:
  const std::vector<std::string>& ignored_;
};

void AddSourceItems(Preparation& preparation, CheckedSource& source, const Selection& wanted,
                    const PrecheckOptions& options, std::vector<ItemTask>& items) {
  const TaskMode mode = source.subtask.mode;
  if (wanted.Has("version")) items.push_back(VersionItem(source));
  if (HasDump(mode) && wanted.Has("dump_privilege")) items.push_back(DumpPrivilegeItem(source));
  if (!HasSync(mode)) return;
  if (wanted.Has("meta_position") && HasMetaPosition(source)) {
    items.push_back(options.start_time.empty()
                        ? MetaPositionItem(preparation, source, options.fresh)
                        : StartTimeItem(source, options.start_time));
  }
  if (wanted.Has("server_id")) items.push_back(ServerIdItem(source));
  if (wanted.Has("binlog_enable")) items.push_back(BinlogEnableItem(source));
  if (wanted.Has("binlog_format")) items.push_back(BinlogFormatItem(source));
  if (wanted.Has("binlog_row_image")) items.push_back(BinlogRowImageItem(source));
  if (wanted.Has("replication_privilege")) items.push_back(ReplicationPrivilegeItem(source));
  if (source.subtask.online_ddl && wanted.Has("online_ddl")) items.push_back(OnlineDdlItem(source));
  if (wanted.Has("binlog_db")) items.push_back(BinlogDbItem(source));
}

// In order of their ids; the last `optional` are left out if they find nothing. Items of shard
// groups and of physical import have no features to check.
std::vector<ItemTask> MakeItems(Preparation& preparation, const Selection& wanted,
                                const PrecheckOptions& options, size_t* optional) {
  const TaskMode mode = preparation.sources.front()->subtask.mode;
  std::vector<ItemTask> items;
  if (wanted.Has("conn_number")) {
    if (HasDump(mode)) {
      for (const auto& source : preparation.sources) {
        items.push_back(DumperConnectionsItem(*source));
      }
    }
    if (HasLoad(mode)) items.push_back(LoaderConnectionsItem(preparation));
  }
  if (wanted.Has("target_privilege")) items.push_back(TargetPrivilegeItem(preparation));
  for (const auto& source : preparation.sources) {
    AddSourceItems(preparation, *source, wanted, options, items);
  }
  if (wanted.Has("table_schema")) {
    items.push_back(TableStructureItem(preparation, /*identity_only=*/false));
  } else if (std::any_of(
                 preparation.sources.begin(), preparation.sources.end(), [](const auto& source) {
                   return HasDump(source->subtask.mode) && source->dump.consistency == "none";
                 })) {
    // Rows that would be doubled are no matter of taste: this cannot be ignored.
    items.push_back(TableStructureItem(preparation, /*identity_only=*/true));
  }
  // These last, so that they move no other id when they are left out.
  const size_t numbered = items.size();
  if (HasSync(mode)) {
    if (wanted.Has("conn_number")) items.push_back(SyncerConnectionsItem(preparation));
  }
  if ((HasLoad(mode) || HasSync(mode)) && wanted.Has("table_schema")) {
    items.push_back(TransactionsItem(preparation));
  }
  // Nobody wants rows twice: this cannot be ignored either.
  if (HasLoad(mode) || HasSync(mode)) items.push_back(OwnTargetsItem(preparation));
  items.push_back(RuleEffectItem(preparation));
  if (HasDump(mode) && wanted.Has("table_schema")) items.push_back(ViewsItem(preparation));
  if (HasDump(mode) && options.dump_space && wanted.Has("dump_space")) {
    items.push_back(DumpSpaceItem(preparation, options.dump_space));
  }
  if (HasSync(mode) && wanted.Has("schema_of_shard_tables")) {
    items.push_back(MergedTablesItem(preparation));
  }
  *optional = items.size() - numbered;
  return items;
}

void LogNames(const std::string& task, const std::vector<ItemTask>& items) {
  const std::string marker =
      fmt::format("\n************ task {} checking items ************", task);
  std::string text = marker;
  for (const ItemTask& item : items) {
    text += '\n';
    text += item.item.name;
  }
  text += marker;
  Log().Info(text, {F("unit", "task check")});
}

}  // namespace

CheckReport RunPrecheck(const std::vector<SubtaskConfig>& subtasks, const PrecheckOptions& options,
                        const StopToken& stop) {
  if (subtasks.empty()) return {};
  const Selection wanted(subtasks.front().ignore_checking_items);
  if (!wanted.Has("all")) return {};
  Milliseconds limit = options.limit;
  // Switch: a short limit of the whole check.
  if (DM_FAILPOINT_HIT("precheck/short-limit")) limit = std::chrono::seconds(2);
  Preparation preparation;
  try {
    preparation = Prepare(subtasks, stop);
  } catch (const Error& e) {
    throw Error(e).Annotate("fail to initialize checker").SetClass("dm-master");
  }
  size_t optional = 0;
  std::vector<ItemTask> items = MakeItems(preparation, wanted, options, &optional);
  LogNames(subtasks.front().name, items);
  CheckReport report = RunItems(std::move(items), limit, stop);
  // Users know the number of the other items; these are there if they have something to say.
  const auto first = report.items.end() - static_cast<ptrdiff_t>(optional);
  report.items.erase(
      std::remove_if(first, report.items.end(),
                     [](const CheckItem& item) { return item.state == CheckState::kSuccess; }),
      report.items.end());
  int id = 0;
  for (CheckItem& item : report.items) item.id = id++;
  return report;
}

}  // namespace dm::migration
