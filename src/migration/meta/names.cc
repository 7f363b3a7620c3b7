#include "migration/meta/names.h"

#include <fmt/format.h>

#include "base/error/error.h"
#include "base/log/log.h"
#include "mysql/client/retry.h"
#include "mysql/value/quote.h"

namespace dm::migration {

std::string MetaTable(std::string_view meta_schema, std::string_view task,
                      std::string_view suffix) {
  return mysql::QuoteName(meta_schema) + "." +
         mysql::QuoteName(std::string(task) + std::string(suffix));
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

}  // namespace dm::migration
