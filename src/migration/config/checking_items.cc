#include "migration/config/checking_items.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error/error.h"

namespace dm::migration {
namespace {

constexpr auto kItems = std::to_array<CheckingItem>({
    {"all", "all checking items"},
    {"dump_privilege", "dump privileges of the source"},
    {"replication_privilege", "replication privileges of the source"},
    {"version", "version of the source"},
    {"server_id", "server_id of the source"},
    {"binlog_enable", "whether the source writes a binlog"},
    {"binlog_format", "binlog_format of the source"},
    {"binlog_row_image", "binlog_row_image of the source"},
    {"table_schema", "table structures of the source"},
    {"schema_of_shard_tables", "consistency of the structures of shard tables"},
    {"auto_increment_ID", "conflicts of auto-increment keys of shard tables"},
    {"online_ddl", "an online DDL in progress"},
    {"binlog_db", "whether the binlog contains the migrated databases"},
    {"meta_position", "whether the start position exists"},
    {"conn_number", "connection limits of the source and the target"},
    {"target_privilege", "privileges of the target user"},
    {"empty_region", "empty regions of the target"},
    {"region_distribution", "distribution of the target's regions"},
    {"downstream_version", "version of the target"},
    {"free_space", "free space of the target"},
    {"downstream_mutex_features", "features of the target that exclude physical import"},
    {"downstream_table_empty", "whether the target tables are empty"},
    {"dump_space", "space for the dump on the worker"},
    {"primary_key", "primary keys of the source tables"},
});

}  // namespace

std::span<const CheckingItem> CheckingItems() { return kItems; }

void CheckCheckingItem(std::string_view name) {
  if (std::any_of(kItems.begin(), kItems.end(),
                  [&](const CheckingItem& item) { return item.name == name; })) {
    return;
  }
  std::string list;
  for (const CheckingItem& item : kItems) {
    list += fmt::format("{}{}: {}", list.empty() ? "" : "\n", item.name, item.description);
  }
  throw MakeError(ErrorCode::kConfigCheckItemNotSupport, name, list);
}

}  // namespace dm::migration
