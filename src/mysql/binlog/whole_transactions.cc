#include "mysql/binlog/whole_transactions.h"

#include <utility>

#include "base/log/log.h"
#include "mysql/binlog/events.h"
#include "mysql/binlog/location_recorder.h"

namespace dm::mysql {

namespace {

// Does the event begin another file although nothing has closed the one before it?
bool BeginsFile(const RawEvent& event) {
  return event.IsFakeRotate() || event.type() == EventType::kFormatDescription;
}

bool IsStatement(EventType type) {
  return type == EventType::kQuery || type == EventType::kMariaDbQueryCompressed;
}

// Room for so many is kept.
constexpr size_t kKeptEvents = 1000;

void Tell(const RawEvent& gtid, const FormatDescription& format) {
  Log().Warn(
      "the upstream's log ends inside a transaction, which the upstream rolled back when it came "
      "up again: it is left out",
      {F("gtid", ToString(GtidEvent::Parse(gtid, format).gtid))});
}

}  // namespace

RawEvent WholeTransactions::Next(const StopToken& stop) {
  for (;;) {
    if (next_ < ready_.size()) return std::move(ready_[next_++]);
    if (gtid_) {
      Collect(*std::exchange(gtid_, std::nullopt), stop);
      continue;
    }
    RawEvent event = source_.Next(stop);
    if (leaving_out_) {
      if (!BeginsFile(event)) continue;
      leaving_out_ = false;
    }
    if (event.type() != EventType::kMariaDbGtid) return event;
    gtid_ = std::move(event);
  }
}

void WholeTransactions::Collect(RawEvent gtid, const StopToken& stop) {
  // (Of a failure nothing is left.)
  std::vector<RawEvent> events = std::exchange(ready_, {});
  events.clear();
  next_ = 0;
  size_t bytes = gtid.bytes().size();
  bool in_transaction = !GtidEvent::Parse(gtid, source_.format()).standalone();
  events.push_back(std::move(gtid));
  bool rows = false;
  bool to_revise = false;
  bool whole = false;
  while (!whole) {
    RawEvent event = source_.Next(stop);
    if (BeginsFile(event)) {
      Tell(events.front(), source_.format());
      events.clear();
      events.push_back(std::move(event));
      to_revise = false;
      break;
    }
    const EventType type = event.type();
    if (type == EventType::kMariaDbGtid) {
      // It ended in a way that is not known here.
      gtid_ = std::move(event);
      break;
    }
    bytes += event.bytes().size();
    rows = rows || IsRowsEvent(type);
    to_revise = to_revise || (rows && IsStatement(type));
    switch (FramePartOf(event, source_.format(), in_transaction)) {
      case FramePart::kBegin:
        in_transaction = true;
        break;
      case FramePart::kEnd:
        whole = true;
        break;
      case FramePart::kNone:
        // What closes a file is written by a server that is alive.
        whole =
            type == EventType::kRotate || type == EventType::kStop || type == EventType::kIncident;
        break;
    }
    events.push_back(std::move(event));
    if (whole || bytes <= limit_) continue;
    whole = true;
    to_revise = false;
    if (!is_whole_(events.front(), stop)) {
      Tell(events.front(), source_.format());
      leaving_out_ = true;
      return;
    }
  }
  if (to_revise && revise_) revise_(events);
  ready_ = std::move(events);
  // A large transaction must not take its memory for ever.
  if (ready_.capacity() > kKeptEvents && ready_.size() <= kKeptEvents) ready_.shrink_to_fit();
}

}  // namespace dm::mysql
