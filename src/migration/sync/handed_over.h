// What the stream has handed over of the transaction that it reads, and what it leaves out when it
// has to read the transaction again.
#pragma once

#include <cstddef>
#include <optional>

#include "mysql/position/gtid.h"
#include "mysql/position/position.h"

namespace dm::migration {

// Counts rows events of one transaction. One owner thread.
class HandedOver {
 public:
  // The connection was lost: as many rows events as were handed over come once more.
  void ReadAgain() {
    discard_ = count_;
    expected_ = gtid_;
    expected_place_ = place_;
  }

  // Of an event that was read; `gtid`: of its transaction, if it has one; `end`: where the event
  // ends in the server's log; `ends`: it ends the transaction. True: it was handed over before.
  // Throws Error kSyncerGetEvent if this is not the transaction that was being read: rows of it
  // were handed over that are not among these, so what is downstream is no part of what the
  // upstream has now.
  bool LeavesOut(bool rows, bool ends, const std::optional<mysql::Gtid>& gtid,
                 const mysql::BinlogPosition& end);

  // Rows events handed over of the transaction.
  size_t count() const { return count_; }
  // Rows events that still are to be left out.
  size_t discard() const { return discard_; }

 private:
  size_t count_ = 0;
  size_t discard_ = 0;
  std::optional<mysql::Gtid> gtid_;      // of the transaction with `count_`
  std::optional<mysql::Gtid> expected_;  // of the one that is left out
  // Ends of the first rows event of each. A server that lost the end of its log gives the same GTID
  // to another transaction.
  mysql::BinlogPosition place_;
  mysql::BinlogPosition expected_place_;
};

}  // namespace dm::migration
