#include "migration/sync/handed_over.h"

#include <fmt/format.h>

#include "base/error/error.h"

namespace dm::migration {

namespace {

Error AnotherTransaction(std::string_view what) {
  return Error(ErrorCode::kSyncerGetEvent, fmt::format("get binlog event error: {}", what))
      .SetScope(ErrorScope::kUpstream)
      .SetWorkaround(
          "Please find out whether the upstream has lost a part of its binlog (a crash with "
          "sync_binlog other than 1, another server behind the same address). Rows of the lost "
          "transaction may be in the downstream: compare its tables with the upstream's, or "
          "migrate them anew with `start-task --remove-meta`.");
}

// Of the same server's log. Of places beyond 4 GiB a stream may know the lower half only.
bool IsSamePlace(const mysql::BinlogPosition& a, const mysql::BinlogPosition& b) {
  return a.file == b.file && static_cast<uint32_t>(a.offset) == static_cast<uint32_t>(b.offset);
}

}  // namespace

bool HandedOver::LeavesOut(bool rows, bool ends, const std::optional<mysql::Gtid>& gtid,
                           const mysql::BinlogPosition& end) {
  bool left_out = false;
  if (discard_ > 0 && (rows || ends)) {
    const bool first = discard_ == count_;
    if ((expected_ && gtid != expected_) || (rows && first && !IsSamePlace(end, expected_place_))) {
      throw AnotherTransaction(
          "after a reconnect the upstream sent another transaction than the one that was being "
          "read");
    }
    if (rows) {
      --discard_;
      left_out = true;
    }
    if (ends && (discard_ > 0 || left_out)) {
      throw AnotherTransaction(
          fmt::format("after a reconnect the transaction that was being read ends earlier than "
                      "before: {} of its {} rows events are not there",
                      discard_, count_));
    }
  }
  if (ends) {
    *this = HandedOver();
  } else if (rows && !left_out) {
    if (count_++ == 0) place_ = end;
    gtid_ = gtid;
  }
  return left_out;
}

}  // namespace dm::migration
