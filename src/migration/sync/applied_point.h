// Which of the stream's events a stored point says to be applied already.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "migration/meta/sync_checkpoint.h"
#include "mysql/position/gtid.h"
#include "mysql/position/location.h"

namespace dm::migration {

// Where an event stands; a view.
struct EventPlace {
  const mysql::Location& before;           // its set is that before the event's transaction
  const mysql::Location& end;              // of the event
  const std::optional<mysql::Gtid>& gtid;  // of its transaction
  std::string_view server;                 // whose log it is in
  uint64_t rows_event = 0;  // its number among its transaction's; 0: not a rows event
};

// A point is made by one run and tested by another, which may read from another server, whose log
// has the same transactions at other positions and in another order. So in GTID mode a transaction
// is looked up in the point's set; positions are only compared in the log they belong to. In
// MariaDB's sets a domain has but one transaction, and sequences of several servers have no order:
// there the positions of the same server's log are better, or else the domain's transaction is
// waited for.
class AppliedPoint {
 public:
  AppliedPoint(TablePoint point, bool gtid_mode);

  // Is the event at or before the point? To be asked for events in their order. Throws Error
  // kSyncerTransactionPieceUnknown (36073) if the point is inside a transaction and it cannot be
  // told where on this server.
  bool Covers(const EventPlace& place);
  // Nothing that follows the place asked for last is covered.
  bool passed() const { return passed_; }

 private:
  enum class Way { kPosition, kSet, kDomains };
  void ChooseWay(const EventPlace& place);
  bool CoversTransaction(const EventPlace& place);
  bool CoversPiece(const EventPlace& place);
  // Is the whole transaction that the piece is of before the place, which is of another one?
  bool IsPieceOver(const EventPlace& place) const;

  TablePoint point_;
  const bool by_gtid_;
  std::optional<Way> way_;
  std::string server_;          // for which the way was chosen
  std::set<uint32_t> domains_;  // kDomains: whose transaction has not come yet
  bool transaction_passed_ = false;
  bool passed_ = false;
};

}  // namespace dm::migration
