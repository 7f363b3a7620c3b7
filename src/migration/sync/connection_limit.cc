#include "migration/sync/connection_limit.h"

#include <fmt/format.h>

#include "base/io/text.h"
#include "migration/unit/connections.h"

namespace dm::migration {

namespace {

constexpr std::string_view kWorkaround =
    "Please lower `worker-count` in `syncers` of the task, or raise max_connections downstream "
    "(max_user_connections of the account), then execute `resume-task`.";
constexpr int kUnknownVariable = 1193;

uint64_t LimitOf(mysql::Connection& connection, std::string_view variable, const StopToken& stop) {
  try {
    const auto text = connection.QueryValue(fmt::format("SELECT @@{}", variable), stop);
    return ParseUint(text.value_or("0")).value_or(0);
  } catch (const Error& e) {
    if (e.server_errno() != kUnknownVariable) throw;
    return 0;
  }
}

}  // namespace

void CheckConnectionLimit(mysql::Connection& connection, int64_t worker_count,
                          const StopToken& stop) {
  const uint64_t needed = SyncConnections(worker_count);
  for (const std::string_view variable : {"max_connections", "max_user_connections"}) {
    const uint64_t allowed = LimitOf(connection, variable, stop);
    if (allowed == 0 || needed <= allowed) continue;  // 0: no limit
    throw MakeError(ErrorCode::kDBDriverError)
        .SetScope(ErrorScope::kDownstream)
        .SetRawCause(
            fmt::format("`worker-count: {}` needs {} connections, the downstream allows {} ({})",
                        worker_count, needed, allowed, variable))
        .SetWorkaround(std::string(kWorkaround));
  }
}

Error WithConnectionLimit(const Error& e, int64_t worker_count, size_t opened) {
  // Too many of all, of the account, of the account in this hour.
  if (e.server_errno() != 1040 && e.server_errno() != 1203 && e.server_errno() != 1226) return e;
  return Error(e)
      .Annotate(fmt::format("`worker-count: {}` needs {} connections, the downstream gave {}",
                            worker_count, SyncConnections(worker_count), opened))
      .SetWorkaround(std::string(kWorkaround));
}

}  // namespace dm::migration
