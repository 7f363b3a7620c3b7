#include "migration/meta/sharding_meta.h"

#include <fmt/format.h>

#include <string>

#include "base/error/error.h"
#include "migration/meta/names.h"
#include "mysql/value/quote.h"

namespace dm::migration {

void RefusePendingShards(mysql::Connection& connection, std::string_view meta_schema,
                         std::string_view task, std::string_view source_id, const StopToken& stop) {
  constexpr int kNoSuchTable = 1146;
  constexpr int kNoSuchSchema = 1049;
  const std::string table = MetaTable(meta_schema, task, kShardingMetaSuffix);
  mysql::ResultSet pending;
  try {
    pending =
        connection.Query(fmt::format("SELECT DISTINCT target_table_id FROM {} WHERE source_id = {}",
                                     table, mysql::QuoteAnyMode(source_id)),
                         stop);
  } catch (const Error& e) {
    if (e.server_errno() == kNoSuchTable || e.server_errno() == kNoSuchSchema) return;
    throw;
  }
  if (pending.rows.empty()) return;
  std::string targets;
  for (const auto& row : pending.rows) {
    targets += fmt::format("{}{}", targets.empty() ? "" : ", ", row.at(0).value_or(""));
  }
  throw MakeError(ErrorCode::kSyncUnitInvalidShardMeta, targets);
}

}  // namespace dm::migration
