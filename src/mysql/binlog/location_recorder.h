// Locations of a stream of events: start and end of each event, end of the last transaction.
#pragma once

#include <optional>

#include "mysql/binlog/events.h"
#include "mysql/binlog/raw_event.h"
#include "mysql/position/location.h"

namespace dm::mysql {

// What an event is for the transaction around it.
enum class FramePart { kNone, kBegin, kEnd };

// Not of GTID events, which begin one, too. `in_transaction`: after a BEGIN, or a GTID of MariaDB
// that announces a whole transaction; elsewhere any statement is its own end. Throws Error on a
// malformed event.
FramePart FramePartOf(const RawEvent& event, const FormatDescription& format, bool in_transaction);

// Fed with every event of a stream in order, right after it was read; events inside a
// TRANSACTION_PAYLOAD are not fed, they all have the location of the payload. Offsets are 64-bit
// and counted from event sizes (log_pos wraps and is 0 in many MariaDB events); log_pos
// re-synchronises them. One owner thread.
class LocationRecorder {
 public:
  // GTIDs are added to the set of `start`. Without one it is not known what came before, and no
  // location has a set: one of the GTIDs since then would leave out all of that.
  explicit LocationRecorder(Location start);

  // Accounts for one event. Throws Error on a malformed event.
  void Update(const RawEvent& event, const FormatDescription& format);

  // Of the event given last.
  const Location& start() const { return start_; }
  const Location& end() const { return end_; }
  const Location& transaction_end() const { return transaction_end_; }
  // End of the transaction before the one that the event given last belongs to, also if it ended
  // that.
  const Location& transaction_begin() const {
    return at_transaction_end_ ? transaction_begin_ : transaction_end_;
  }
  // Where the stream is: as `end`, but past events that change nothing, too (descriptions and GTID
  // lists at a file's begin).
  BinlogPosition read_position() const { return {end_.position.file, offset_}; }
  uint64_t read_offset() const { return offset_; }
  // Set while inside a transaction: its GTID.
  const std::optional<Gtid>& current_gtid() const { return current_gtid_; }
  // Did the event given last end a transaction (XID, a DDL, COMMIT, XA_PREPARE, ...)?
  bool at_transaction_end() const { return at_transaction_end_; }
  // Is the event given last inside a transaction that has begun and not ended?
  bool in_transaction() const { return in_transaction_; }
  // The event given last begins another file though the transaction before it has not ended: the
  // upstream died while it wrote its log, and has rolled the transaction back. It is not in the
  // locations.
  bool abandoned() const { return abandoned_; }
  // Did the event given last lie before what was already seen (duplicate delivery)?
  bool duplicate() const { return duplicate_; }

 private:
  void TrackOffset(const RawEvent& event);
  void EndTransaction();
  void Abandon();

  Location start_;
  Location end_;
  Location transaction_end_;
  Location transaction_begin_;  // of the transaction that ended last
  std::optional<Gtid> current_gtid_;
  std::optional<Gtid> pending_gtid_;  // enters the end set with the next event
  bool start_set_follows_ = false;    // the next event's start set becomes the end set
  bool in_transaction_ = false;
  bool in_dml_ = false;  // statements are inside a transaction: only COMMIT and the like end it
  bool at_transaction_end_ = false;
  bool abandoned_ = false;
  bool duplicate_ = false;
  uint64_t first_offset_ = kBinlogMinOffset;  // where the stream began in this file
  uint64_t offset_ = kBinlogMinOffset;        // of the stream: end of the event given last
};

}  // namespace dm::mysql
