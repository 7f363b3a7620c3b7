#include "migration/meta/names.h"

#include <fmt/format.h>

#include <vector>

#include "base/error/error.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "mysql/client/retry.h"
#include "mysql/client/shown.h"
#include "mysql/value/quote.h"

namespace dm::migration {
namespace {

constexpr size_t kMaxNameCharacters = 64;

// Characters; 0 if there is one that no name may hold.
size_t NameLength(std::string_view name) {
  size_t count = 0;
  while (!name.empty()) {
    uint32_t rune = 0;
    const size_t bytes = RuneLength(name, &rune);
    if (bytes == 0 || rune == 0 || rune > 0xffff) return 0;
    name.remove_prefix(bytes);
    ++count;
  }
  return count;
}

// Of the tables that this task keeps.
std::vector<std::string_view> SuffixesOf(const TaskConfig& task) {
  std::vector<std::string_view> suffixes = {kOwnerSuffix};
  const auto add = [&suffixes](bool wanted, std::initializer_list<std::string_view> more) {
    if (wanted) suffixes.insert(suffixes.end(), more);
  };
  const std::optional<TaskMode> mode = ParseTaskMode(task.task_mode);
  add(mode && HasLoad(*mode), {kLoaderCheckpointSuffix, kLightningListSuffix});
  add(mode && HasSync(*mode), {kSyncerCheckpointSuffix, kOnlineDdlSuffix});
  add(task.is_sharding || !task.shard_mode.empty(), {kShardingMetaSuffix});
  add(!task.validators.empty(), {kValidatorCheckpointSuffix, kValidatorPendingSuffix,
                                 kValidatorErrorSuffix, kValidatorStatusSuffix});
  return suffixes;
}

}  // namespace

bool IsPossibleName(std::string_view name) {
  const size_t length = NameLength(name);
  return length > 0 && length <= kMaxNameCharacters && name.back() != ' ';
}

void CheckMetaNames(const TaskConfig& task) {
  if (!IsPossibleName(task.meta_schema)) {
    throw Error(ErrorCode::kConfigNotSupported,
                fmt::format("`meta-schema` {} cannot be the name of a schema: at most {} "
                            "characters, none beyond U+FFFF, no blank at the end",
                            Quote(task.meta_schema), kMaxNameCharacters))
        .SetWorkaround("Please change `meta-schema` in the task configuration file.");
  }
  std::string_view longest;
  for (std::string_view suffix : SuffixesOf(task)) {
    if (suffix.size() > longest.size()) longest = suffix;
  }
  const size_t length = NameLength(task.name);
  if (length == 0) {
    throw Error(ErrorCode::kConfigNeedUniqueTaskName,
                fmt::format("task name {} holds a character that no table name may hold: NUL, one "
                            "beyond U+FFFF, or broken UTF-8",
                            Quote(task.name)));
  }
  if (length + longest.size() <= kMaxNameCharacters) return;
  throw Error(ErrorCode::kConfigNeedUniqueTaskName,
              fmt::format("task name {} is too long: it has {} characters, and this task keeps the "
                          "table `<name>{}` in the downstream, whose name may have {}",
                          Quote(task.name), length, longest, kMaxNameCharacters))
      .SetWorkaround(fmt::format("Please shorten `name` in the task configuration file to at most "
                                 "{} characters.",
                                 kMaxNameCharacters - longest.size()));
}

std::string MetaTable(std::string_view meta_schema, std::string_view task,
                      std::string_view suffix) {
  return mysql::QuoteName(meta_schema) + "." +
         mysql::QuoteName(std::string(task) + std::string(suffix));
}

void CreateMetaSchema(mysql::Connection& connection, const std::string& schema,
                      const StopToken& stop) {
  constexpr int kNoDatabaseRight = 1044;
  try {
    connection.Execute("CREATE SCHEMA IF NOT EXISTS " + schema, stop);
  } catch (const Error& e) {
    if (e.server_errno() != kNoDatabaseRight || connection.broken()) throw;
    try {
      connection.Query("SHOW TABLES FROM " + schema, stop);
    } catch (const Error&) {
      ThrowIfStopped(stop);
      throw e;  // it is not there, or nothing for this account
    }
  }
}

void CompareNamesExactly(mysql::Connection& connection, std::string_view meta_schema,
                         std::string_view task, std::string_view suffix,
                         const std::vector<NameColumn>& columns, const StopToken& stop) {
  const bool no_backslash = connection.server().no_backslash_escapes;
  const mysql::ResultSet found = connection.Query(
      fmt::format("SELECT COLUMN_NAME, COLLATION_NAME FROM information_schema.COLUMNS WHERE "
                  "TABLE_SCHEMA = {} AND TABLE_NAME = {}",
                  mysql::QuoteString(meta_schema, no_backslash),
                  mysql::QuoteString(std::string(task) + std::string(suffix), no_backslash)),
      stop);
  std::string changes;
  for (const auto& row : found.rows) {
    for (const NameColumn& column : columns) {
      if (row.at(0) != column.name || row.at(1).value_or("").ends_with("_bin")) continue;
      changes +=
          fmt::format("{}MODIFY {} VARCHAR({}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL",
                      changes.empty() ? "" : ", ", column.name, column.length);
    }
  }
  if (changes.empty()) return;
  const std::string table = MetaTable(meta_schema, task, suffix);
  Log().Info("names in a table of meta data are from now on compared exactly", {F("table", table)});
  try {
    connection.Execute("ALTER TABLE " + table + " " + changes, stop);
  } catch (Error& e) {
    if (mysql::IsConnectionLost(e)) throw;
    e.SetWorkaround(fmt::format(
        "The table {} of meta data compares names without case or accents, which mixes up tables "
        "and sources. Please copy it into one with COLLATE utf8mb4_bin and rename that.",
        table));
    throw;
  }
}

std::string TransactionalOptions(const mysql::ServerInfo& server) {
  if (server.is_tidb) return "";
  const bool dynamic = server.is_mariadb || server.AtLeast(5, 7);
  return dynamic ? " ENGINE=InnoDB ROW_FORMAT=DYNAMIC" : " ENGINE=InnoDB";
}

void MakeTransactional(mysql::Connection& connection, const std::string& table,
                       const StopToken& stop) {
  if (connection.server().is_tidb) return;
  const mysql::ResultSet shown =
      mysql::ShowWithoutModes(connection, "SHOW CREATE TABLE " + table, stop);
  if (shown.rows.empty() || shown.rows.front().size() < 2) return;
  const std::string text = shown.rows.front()[1].value_or("");
  // The options are behind the columns.
  const size_t engine = text.rfind("\n) ENGINE=");
  if (engine == std::string::npos || text.find("\n) ENGINE=InnoDB", engine) == engine) return;
  Log().Warn("a table of meta data was not transactional: what a kill has left in it may be wrong",
             {F("table", table)});
  connection.Execute("ALTER TABLE " + table + TransactionalOptions(connection.server()), stop);
}

}  // namespace dm::migration
