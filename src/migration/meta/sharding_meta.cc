#include "migration/meta/sharding_meta.h"

#include <fmt/format.h>

#include <string>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/meta/names.h"
#include "mysql/value/quote.h"

namespace dm::migration {

void RefusePendingShards(mysql::Connection& connection, std::string_view meta_schema,
                         std::string_view task, std::string_view source_id, const StopToken& stop) {
  constexpr int kNoSuchTable = 1146;
  constexpr int kNoSuchSchema = 1049;
  constexpr int kNoTableRight = 1142;
  const std::string table = MetaTable(meta_schema, task, kShardingMetaSuffix);
  mysql::ResultSet pending;
  try {
    pending =
        connection.Query(fmt::format("SELECT DISTINCT target_table_id FROM {} WHERE source_id = {}",
                                     table, mysql::QuoteAnyMode(source_id)),
                         stop);
  } catch (const Error& e) {
    if (e.server_errno() == kNoSuchTable || e.server_errno() == kNoSuchSchema) return;
    if (e.server_errno() != kNoTableRight || connection.broken()) throw;
    // An account with rights on single tables. Servers say so of a table that is not there, too;
    // one that is there was written by an account that could read it.
    Log().Info("shard groups of another version cannot be looked for",
               {F("table", table), F("error", e)});
    return;
  }
  if (pending.rows.empty()) return;
  std::string targets;
  for (const auto& row : pending.rows) {
    targets += fmt::format("{}{}", targets.empty() ? "" : ", ", row.at(0).value_or(""));
  }
  throw MakeError(ErrorCode::kSyncUnitInvalidShardMeta, targets);
}

}  // namespace dm::migration
