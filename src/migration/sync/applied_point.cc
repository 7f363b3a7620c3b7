#include "migration/sync/applied_point.h"

#include "base/error/error.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::GtidSet;

namespace {

const GtidSet& SetOf(const mysql::Location& location) {
  static const GtidSet empty;
  return location.gtid_set ? *location.gtid_set : empty;
}

}  // namespace

AppliedPoint::AppliedPoint(TablePoint point, bool gtid_mode)
    : point_(std::move(point)),
      // The switch to GTID mode leaves points that have a position alone.
      by_gtid_(gtid_mode &&
               !(SetOf(point_.location).empty() && !point_.location.position.IsZero())) {}

void AppliedPoint::ChooseWay(const EventPlace& place) {
  server_ = place.server;
  const GtidSet& set = SetOf(point_.location);
  if (!by_gtid_) {
    way_ = Way::kPosition;
  } else if (set.flavor() == mysql::Flavor::kMySql || set.empty()) {
    way_ = Way::kSet;
  } else if (!point_.server.empty() && point_.server == server_) {
    way_ = Way::kPosition;
  } else {
    way_ = Way::kDomains;
    const auto& known = SetOf(place.before).domains();
    for (const auto& [id, domain] : set.domains()) {
      const auto mine = known.find(id);
      if (mine == known.end() || mine->second.current_sequence < domain.current_sequence) {
        domains_.insert(id);
      }
    }
  }
}

bool AppliedPoint::CoversTransaction(const EventPlace& place) {
  if (transaction_passed_) return false;
  if (!way_ || server_ != place.server) ChooseWay(place);
  const GtidSet& set = SetOf(point_.location);
  switch (*way_) {
    case Way::kPosition:
      transaction_passed_ =
          mysql::ComparePositions(place.end.position, point_.location.position) > 0;
      return !transaction_passed_;
    case Way::kSet:
      if (!place.gtid) {
        transaction_passed_ = !set.Contains(SetOf(place.end));
        return !transaction_passed_;
      }
      if (set.Contains(*place.gtid)) return true;
      transaction_passed_ = SetOf(place.end).HasPassed(set);
      return false;
    case Way::kDomains:
      break;
  }
  const auto* gtid = place.gtid ? std::get_if<mysql::MariaDbGtid>(&*place.gtid) : nullptr;
  if (gtid == nullptr || !domains_.contains(gtid->domain)) return false;
  const GtidSet::Domain& wanted = set.domains().at(gtid->domain);
  bool come = gtid->sequence > wanted.current_sequence;
  const auto& known = SetOf(place.before).domains();
  if (const auto mine = known.find(gtid->domain); mine != known.end()) {
    const auto last = mine->second.servers.find(wanted.current_server);
    come = come || (last != mine->second.servers.end() && last->second >= wanted.current_sequence);
  }
  if (!come) return true;
  domains_.erase(gtid->domain);
  transaction_passed_ = domains_.empty();
  return false;
}

bool AppliedPoint::IsPieceOver(const EventPlace& place) const {
  const PiecePoint& piece = *point_.piece;
  if (point_.server == place.server &&
      mysql::ComparePositions(place.end.position, piece.position) > 0) {
    return true;
  }
  const GtidSet& before = SetOf(place.before);
  if (before.flavor() != mysql::Flavor::kMySql || piece.transaction.empty()) return false;
  return before.Contains(GtidSet::Parse(mysql::Flavor::kMySql, piece.transaction));
}

bool AppliedPoint::CoversPiece(const EventPlace& place) {
  if (!point_.piece || place.rows_event == 0) return false;
  const PiecePoint& piece = *point_.piece;
  const std::string transaction = place.gtid ? mysql::ToString(*place.gtid) : "";
  // Nothing is saved behind a transaction of which rows are missing. (The GTID may be the same: a
  // MariaDB that died gives it once more.)
  if (IsPieceOver(place)) return false;
  if (point_.server != place.server || piece.transaction != transaction) {
    throw MakeError(ErrorCode::kSyncerTransactionPieceUnknown,
                    mysql::QuoteTable(point_.schema, point_.table), piece.position.ToString());
  }
  if (piece.event != 0 && !transaction.empty()) return place.rows_event <= piece.event;
  // Events of a compressed transaction have one position.
  const int order = mysql::ComparePositions(place.end.position, piece.position);
  return order < 0 || (order == 0 && (piece.event == 0 || place.rows_event <= piece.event));
}

bool AppliedPoint::Covers(const EventPlace& place) {
  if (CoversTransaction(place) || CoversPiece(place)) return true;
  if (place.rows_event != 0) point_.piece.reset();
  passed_ = transaction_passed_;
  return false;
}

}  // namespace dm::migration
