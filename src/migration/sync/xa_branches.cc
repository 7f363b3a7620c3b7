#include "migration/sync/xa_branches.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/sync/binlog_scan.h"
#include "mysql/binlog/events.h"
#include "mysql/binlog/location_recorder.h"

namespace dm::migration {

using mysql::BinlogPosition;
using mysql::EventType;
using mysql::RawEvent;

namespace {

// Without the buffer that it was read into, which holds others as well.
RawEvent CopyOf(const RawEvent& event) {
  const size_t size = event.bytes().size();
  const std::shared_ptr<uint8_t[]> bytes = std::make_shared_for_overwrite<uint8_t[]>(size);
  std::copy_n(event.bytes().data(), size, bytes.get());
  return RawEvent(bytes, {bytes.get(), size}, event.checksum_size());
}

// The header and the table of a rows event.
RawEvent HeadOf(const RawEvent& event) {
  constexpr size_t kSize = mysql::kEventHeaderSize + 8;
  constexpr size_t kSizeAt = 9;
  const std::shared_ptr<uint8_t[]> bytes = std::make_shared<uint8_t[]>(kSize);
  std::copy_n(event.bytes().data(), std::min(kSize, event.bytes().size()), bytes.get());
  for (size_t i = 0; i < 4; ++i) bytes[kSizeAt + i] = static_cast<uint8_t>(kSize >> (8 * i));
  return RawEvent(bytes, {bytes.get(), kSize}, 0);
}

// Calls `f` with the event, or with those inside a compressed transaction.
template <class F>
void EachPart(const RawEvent& event, F f) {
  if (event.type() != EventType::kTransactionPayload) {
    f(event);
    return;
  }
  mysql::TransactionPayload payload(event);
  while (const std::optional<RawEvent> inner = payload.Next()) f(*inner);
}

Error NotFound(const std::string& xid, const std::string& why) {
  return Error(ErrorCode::kSyncerUnitNotSupportedOperate,
               fmt::format("XA COMMIT {}: the rows that it commits cannot be found: {}", xid, why))
      .SetScope(ErrorScope::kUpstream)
      .SetWorkaround(
          "If the binlog with its XA PREPARE is gone, compare the tables that the transaction may "
          "have changed, repair them, and start the task anew from a position behind the XA "
          "COMMIT (or with a full migration).");
}

}  // namespace

XaBranches::XaBranches(const Sessions& sessions, PreparedBranches prepared, size_t memory)
    : sessions_(sessions), memory_(memory), prepared_(std::move(prepared)) {
  for (auto& [xid, branch] : prepared_) branch.replicated = true;
}

void XaBranches::Drop(Held& held) {
  bytes_ -= held.bytes;
  held.bytes = 0;
  held.events = {};
}

void XaBranches::BeginTransaction() {
  if (!current_.has_events) Close();
}

void XaBranches::Hold(const RawEvent& event, bool replicated) {
  current_.has_rows = current_.has_rows || replicated;
  current_.has_events = current_.has_events || mysql::IsRowsEvent(event.type());
  if (!current_.whole) return;
  const bool whole = replicated || event.type() == EventType::kTableMap;
  // What an event takes in memory beside its bytes.
  constexpr size_t kOverhead = 100;
  const size_t size = (whole ? event.bytes().size() : 0) + kOverhead;
  if (bytes_ + size > memory_) {
    Drop(current_);
    current_.whole = false;
    return;
  }
  current_.events.push_back(whole ? CopyOf(event) : HeadOf(event));
  current_.bytes += size;
  bytes_ += size;
}

void XaBranches::Prepare(const std::string& xid, PreparedBranch place) {
  Rollback(xid);  // an xid that comes again was decided
  place.replicated = current_.has_rows;
  prepared_[xid] = std::move(place);
  if (current_.has_rows && current_.whole) held_[xid] = std::exchange(current_, {});
  Close();
}

void XaBranches::CommitInOnePhase(const std::string& xid, const PreparedBranch& place,
                                  const Consumer& consumer, const StopToken& stop) {
  const Held held = std::exchange(current_, {});
  open_ = false;
  bytes_ -= held.bytes;
  if (!held.has_rows) return;
  if (held.whole) {
    std::for_each(held.events.begin(), held.events.end(), consumer);
  } else {
    Read(xid, place.begin, consumer, stop);
  }
}

void XaBranches::Close() {
  Drop(current_);
  current_ = {};
  open_ = false;
}

void XaBranches::Commit(const std::string& xid, std::string_view identity,
                        const BinlogPosition& place, const Consumer& consumer,
                        const StopToken& stop) {
  auto known = prepared_.find(xid);
  // An xid may be used again, and what is stored may be of a later place than the run's begin: then
  // the stream comes to that branch's XA PREPARE yet.
  if (known != prepared_.end() && known->second.server == identity &&
      mysql::ComparePositions(known->second.end, place) > 0) {
    Rollback(xid);
    known = prepared_.end();
  }
  if (known != prepared_.end() && !known->second.replicated) {
    prepared_.erase(known);
    return;
  }
  const auto held = held_.find(xid);
  if (held != held_.end()) {
    const std::vector<RawEvent> events = held->second.events;
    std::for_each(events.begin(), events.end(), consumer);
  } else if (known != prepared_.end() && known->second.server == identity) {
    Read(xid, known->second.begin, consumer, stop);
  } else {
    // Prepared before the place where the task began, or in another server's log.
    const std::optional<BinlogPosition> begin = Find(xid, place, stop);
    if (!begin) throw NotFound(xid, "none of the upstream's binlogs has its XA PREPARE");
    Read(xid, *begin, consumer, stop);
  }
  Rollback(xid);
}

void XaBranches::Rollback(const std::string& xid) {
  prepared_.erase(xid);
  const auto held = held_.find(xid);
  if (held == held_.end()) return;
  Drop(held->second);
  held_.erase(held);
}

void XaBranches::Read(const std::string& xid, const BinlogPosition& begin, const Consumer& consumer,
                      const StopToken& stop) {
  Log().Info("the rows of an XA transaction are read again from the upstream's binlog",
             {F("xid", xid), F("begin", begin.ToString())});
  auto upstream = mysql::Connection::Connect(sessions_.upstream, stop);
  mysql::Location start;
  start.position = begin;
  // The protocol cannot begin behind 4 GiB of a file.
  if (begin.offset > mysql::LargestShortOffset()) start.position.offset = mysql::kBinlogMinOffset;
  bool reached = start.position.offset == begin.offset;
  std::unique_ptr<mysql::NetworkEventSource> source;
  const auto next = [&] {
    try {
      if (!source) source = OpenScan(start.position, sessions_, *upstream, stop);
      return source->Next(stop);
    } catch (const mysql::EndOfLog&) {
      throw NotFound(xid, "the upstream's binlog ends before its XA PREPARE");
    } catch (const Error& e) {
      if (mysql::ClassifyDumpError(e) == mysql::DumpRefusal::kNone) throw;
      throw NotFound(xid, e.message()).SetRawCause(e.raw_cause());
    }
  };
  mysql::LocationRecorder recorder(start);
  for (;;) {
    const RawEvent event = next();
    recorder.Update(event, source->format());
    if (!reached) {
      reached = recorder.end().position.offset == begin.offset;
      continue;
    }
    bool prepared = false;
    EachPart(event, [&](const RawEvent& part) {
      if (part.type() == EventType::kTableMap || mysql::IsRowsEvent(part.type())) consumer(part);
      if (part.type() != EventType::kXaPrepare) return;
      prepared = mysql::XaPrepareEvent::Parse(part).Xid() == xid;
    });
    if (prepared) return;
    if (recorder.at_transaction_end()) {
      throw NotFound(xid, fmt::format("another transaction begins at {}", begin.ToString()));
    }
  }
}

std::optional<BinlogPosition> XaBranches::Find(const std::string& xid, const BinlogPosition& place,
                                               const StopToken& stop) {
  auto upstream = mysql::Connection::Connect(sessions_.upstream, stop);
  std::vector<std::string> files = BinaryLogs(*upstream, stop);
  std::erase_if(files, [&](const std::string& file) {
    return mysql::CompareFileNames(file, place.file) > 0;
  });
  std::optional<BinlogPosition> found;
  for (auto file = files.rbegin(); file != files.rend() && !found; ++file) {
    Log().Info("looking for the XA PREPARE of a transaction that is committed",
               {F("xid", xid), F("file", *file)});
    mysql::Location start;
    start.position = {*file, mysql::kBinlogMinOffset};
    auto source = OpenScan(start.position, sessions_, *upstream, stop);
    mysql::LocationRecorder recorder(start);
    try {
      for (;;) {
        const RawEvent event = source->Next(stop);
        recorder.Update(event, source->format());
        const BinlogPosition& end = recorder.end().position;
        if (end.file != *file || mysql::ComparePositions(end, place) >= 0) break;
        EachPart(event, [&](const RawEvent& part) {
          if (part.type() != EventType::kXaPrepare) return;
          const mysql::XaPrepareEvent xa = mysql::XaPrepareEvent::Parse(part);
          if (!xa.one_phase && xa.Xid() == xid) found = recorder.transaction_begin().position;
        });
      }
    } catch (const mysql::EndOfLog&) {
      // The newest file.
    }
  }
  return found;
}

}  // namespace dm::migration
