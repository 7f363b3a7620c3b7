// Names of the tables that a task keeps in its downstream meta schema.
#pragma once

#include <string>
#include <string_view>

namespace dm::migration {

// `schema`.`<task><suffix>` in back quotes.
std::string MetaTable(std::string_view meta_schema, std::string_view task, std::string_view suffix);

inline constexpr std::string_view kSyncerCheckpointSuffix = "_syncer_checkpoint";
inline constexpr std::string_view kShardingMetaSuffix = "_syncer_sharding_meta";
inline constexpr std::string_view kSyncerDdlSuffix = "_syncer_ddl";
inline constexpr std::string_view kOnlineDdlSuffix = "_onlineddl";
inline constexpr std::string_view kOwnerSuffix = "_owner";
inline constexpr std::string_view kLoaderCheckpointSuffix = "_loader_checkpoint";
inline constexpr std::string_view kLightningListSuffix = "_lightning_checkpoint_list";
inline constexpr std::string_view kValidatorCheckpointSuffix = "_validator_checkpoint";
inline constexpr std::string_view kValidatorPendingSuffix = "_validator_pending_change";
inline constexpr std::string_view kValidatorErrorSuffix = "_validator_error_change";
inline constexpr std::string_view kValidatorStatusSuffix = "_validator_table_status";

}  // namespace dm::migration
