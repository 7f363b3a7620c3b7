#include "mysql/binlog/location_recorder.h"

#include <algorithm>

#include "mysql/binlog/reader.h"

namespace dm::mysql {
namespace {

std::string_view Trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Text of a QUERY event without the rest of its parsing. Compressed text stays compressed: the
// statements that frame transactions are too short for that.
std::string_view StatementOf(const RawEvent& event, const FormatDescription& format) {
  Reader in(event);
  in.Skip(8);
  const uint8_t schema_size = in.U8();
  in.Skip(2);
  const uint16_t status_size = in.U16();
  size_t known = 13;
  if (event.type() == EventType::kExecuteLoadQuery) {
    in.Skip(13);
    known = 26;
  }
  const size_t post_header = format.PostHeaderLength(event.type());
  if (post_header > known) in.Skip(post_header - known);
  in.Skip(uint64_t{status_size} + schema_size + 1);
  return Trim(in.RestText());
}

bool MovesNothing(const RawEvent& event) {
  switch (event.type()) {
    case EventType::kFormatDescription:
    case EventType::kHeartbeat:
    case EventType::kHeartbeatV2:
    case EventType::kIgnorable:
    case EventType::kPreviousGtids:
    case EventType::kMariaDbGtidList:
      return true;
    default:
      return event.header().artificial();
  }
}

// Distance from `from` to the 32-bit position `to`: the nearest, negative if it lies behind; but a
// stream does not come out before `first`, where it began: it has skipped more than 2 GiB then.
int64_t Distance(uint64_t from, uint32_t to, uint64_t first) {
  const uint32_t forward = to - static_cast<uint32_t>(from);
  const auto nearest = static_cast<int32_t>(forward);
  const bool before = nearest < 0 && from < first + static_cast<uint64_t>(-int64_t{nearest});
  return before ? int64_t{forward} : nearest;
}

}  // namespace

FramePart FramePartOf(const RawEvent& event, const FormatDescription& format, bool in_transaction) {
  switch (event.type()) {
    case EventType::kQuery:
    case EventType::kMariaDbQueryCompressed:
    case EventType::kExecuteLoadQuery: {
      const std::string_view text = StatementOf(event, format);
      if (text == "BEGIN" || text.starts_with("XA START")) return FramePart::kBegin;
      const bool ends = !in_transaction || text == "COMMIT" || text == "ROLLBACK";
      return ends ? FramePart::kEnd : FramePart::kNone;
    }
    case EventType::kXid:
    case EventType::kXaPrepare:
    case EventType::kTransactionPayload:
      return FramePart::kEnd;
    default:
      return FramePart::kNone;
  }
}

LocationRecorder::LocationRecorder(Location start) {
  offset_ = first_offset_ = std::max(start.position.offset, kBinlogMinOffset);
  start_ = start;
  end_ = start;
  transaction_end_ = std::move(start);
}

// Counts the event into the 64-bit offset of the stream (binlog offsets on the wire have 32 bits
// and are missing in many events).
void LocationRecorder::TrackOffset(const RawEvent& event) {
  const EventHeader& header = event.header();
  const bool heartbeat =
      header.type == EventType::kHeartbeat || header.type == EventType::kHeartbeatV2;
  if (header.type == EventType::kFormatDescription) {
    // Where a stream begins in mid-file, the description is a copy that isn't at this offset.
    if (offset_ == kBinlogMinOffset) offset_ += header.event_size;
    return;
  }
  if (header.type == EventType::kMariaDbStartEncryption && header.log_pos == 0) return;
  if (header.artificial() || heartbeat) {
    // The end of what the server skipped.
    if (header.log_pos == 0) return;
    const int64_t distance = Distance(offset_, header.log_pos, first_offset_);
    if (distance > 0) offset_ += static_cast<uint64_t>(distance);
    return;
  }
  offset_ += header.event_size;
  if (header.log_pos == 0) return;
  const int64_t distance = Distance(offset_, header.log_pos, first_offset_);
  if (distance < 0) duplicate_ = true;
  offset_ = static_cast<uint64_t>(static_cast<int64_t>(offset_) + distance);
}

void LocationRecorder::EndTransaction() {
  transaction_begin_ = std::move(transaction_end_);
  transaction_end_ = end_;
  at_transaction_end_ = true;
  start_set_follows_ = true;
  in_transaction_ = false;
  in_dml_ = false;
}

void LocationRecorder::Abandon() {
  abandoned_ = true;
  in_transaction_ = false;
  in_dml_ = false;
  current_gtid_.reset();
  pending_gtid_.reset();
  end_.gtid_set = transaction_end_.gtid_set;
  start_.gtid_set = end_.gtid_set;
  start_set_follows_ = false;
}

void LocationRecorder::Update(const RawEvent& event, const FormatDescription& format) {
  at_transaction_end_ = false;
  abandoned_ = false;
  duplicate_ = false;
  if (!in_transaction_) current_gtid_.reset();
  start_.position = end_.position;
  start_.suffix = end_.suffix;
  if (event.type() == EventType::kRotate) {
    const RotateEvent rotate = RotateEvent::Parse(event);
    const bool same_file = StripRelaySuffix(rotate.file) == StripRelaySuffix(end_.position.file);
    const uint64_t position = std::max(rotate.position, kBinlogMinOffset);
    if (event.IsFakeRotate()) {
      offset_ = first_offset_ = position;
    } else if (same_file) {
      TrackOffset(event);
    }
    if (same_file) return;
    if (in_transaction_) Abandon();
    offset_ = first_offset_ = position;
    end_.position = {rotate.file, position};
    end_.suffix = 0;
    transaction_end_ = end_;
    return;
  }
  TrackOffset(event);
  if (MovesNothing(event)) return;
  if (start_set_follows_) {
    start_.gtid_set = end_.gtid_set;
    start_set_follows_ = false;
  }
  if (pending_gtid_) {
    if (end_.gtid_set) end_.gtid_set->Add(*pending_gtid_);
    pending_gtid_.reset();
  }
  end_.position.offset = offset_;
  end_.suffix = 0;
  switch (event.type()) {
    case EventType::kGtid:
    case EventType::kAnonymousGtid:
    case EventType::kGtidTagged:
    case EventType::kMariaDbGtid: {
      GtidEvent gtid = GtidEvent::Parse(event, format);
      in_transaction_ = true;
      in_dml_ = event.type() == EventType::kMariaDbGtid && !gtid.standalone();
      current_gtid_.reset();
      if (!gtid.anonymous) {
        current_gtid_ = gtid.gtid;
        pending_gtid_ = std::move(gtid.gtid);
      }
      break;
    }
    default:
      switch (FramePartOf(event, format, in_dml_)) {
        case FramePart::kBegin:
          in_dml_ = true;
          in_transaction_ = true;
          break;
        case FramePart::kEnd:
          EndTransaction();
          break;
        case FramePart::kNone:
          break;
      }
      break;
  }
}

}  // namespace dm::mysql
