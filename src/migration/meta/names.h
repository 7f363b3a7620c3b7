// Names of the tables that a task keeps in its downstream meta schema.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread/stop.h"
#include "migration/config/task.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// Throws Error 20019 (the task's name) or 20071 (the meta schema's) if a table that the task keeps
// there would have a name that no server takes: found out before anything is written, not when the
// load is done.
void CheckMetaNames(const TaskConfig& task);

// A server takes it as the name of a schema or table: 1 to 64 characters, each from the basic plane
// and not NUL, the last one no blank.
bool IsPossibleName(std::string_view name);

// `schema`.`<task><suffix>` in back quotes.
std::string MetaTable(std::string_view meta_schema, std::string_view task, std::string_view suffix);

// Makes the schema (a name in back quotes) unless it is there; an account that may make none needs
// one in which it may do something. Throws Error of the connection.
void CreateMetaSchema(mysql::Connection& connection, const std::string& schema,
                      const StopToken& stop);

// Makes names in these columns (all VARCHAR(length) NOT NULL) compared byte for byte, as they are
// in every table made now: `T` and `t` are two tables. Tables of older versions have the schema's
// default collation. Throws Error of the connection.
struct NameColumn {
  std::string_view name;
  int length;
};
void CompareNamesExactly(mysql::Connection& connection, std::string_view meta_schema,
                         std::string_view task, std::string_view suffix,
                         const std::vector<NameColumn>& columns, const StopToken& stop);

// Of the tables made from now on.
inline constexpr std::string_view kExactNames = "DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";

// Options of a table of metadata, to follow kExactNames: rows and progress are one transaction, and
// keys are long, so neither engine nor row format may be the server's default.
std::string TransactionalOptions(const mysql::ServerInfo& server);

// Makes a table that was made by the server's default transactional, too. `table`: quoted. Throws
// Error of the connection.
void MakeTransactional(mysql::Connection& connection, const std::string& table,
                       const StopToken& stop);

inline constexpr std::string_view kSyncerCheckpointSuffix = "_syncer_checkpoint";
inline constexpr std::string_view kShardingMetaSuffix = "_syncer_sharding_meta";
inline constexpr std::string_view kSyncerDdlSuffix = "_syncer_ddl";
inline constexpr std::string_view kOnlineDdlSuffix = "_onlineddl";
inline constexpr std::string_view kSyncerStateSuffix = "_syncer_state";
inline constexpr std::string_view kOwnerSuffix = "_owner";
inline constexpr std::string_view kLoaderCheckpointSuffix = "_loader_checkpoint";
inline constexpr std::string_view kLightningListSuffix = "_lightning_checkpoint_list";
inline constexpr std::string_view kValidatorCheckpointSuffix = "_validator_checkpoint";
inline constexpr std::string_view kValidatorPendingSuffix = "_validator_pending_change";
inline constexpr std::string_view kValidatorErrorSuffix = "_validator_error_change";
inline constexpr std::string_view kValidatorStatusSuffix = "_validator_table_status";
// All of them; that of the owner rows last.
inline constexpr std::array kMetaSuffixes = {
    kLoaderCheckpointSuffix, kLightningListSuffix,       kSyncerCheckpointSuffix,
    kSyncerStateSuffix,      kShardingMetaSuffix,        kSyncerDdlSuffix,
    kOnlineDdlSuffix,        kValidatorCheckpointSuffix, kValidatorPendingSuffix,
    kValidatorErrorSuffix,   kValidatorStatusSuffix,     kOwnerSuffix};

}  // namespace dm::migration
