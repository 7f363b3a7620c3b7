// Any bytes as a binlog stream: errors or events, never a crash or a read beyond an event; and what
// is decoded can be written as SQL.
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "mysql/binlog/events.h"
#include "mysql/binlog/framing.h"
#include "mysql/binlog/location_recorder.h"
#include "mysql/binlog/rows.h"
#include "mysql/binlog/table_map.h"
#include "mysql/value/literal.h"
#include "target.h"

using namespace dm;         // NOLINT: the whole file is about these rooms
using namespace dm::mysql;  // NOLINT
using dm::fuzz::MayRefuse;
using dm::fuzz::Require;

namespace {

constexpr size_t kInflateLimit = 1 << 20;

using Tables = std::map<uint64_t, std::shared_ptr<const TableMap>>;

void WriteRows(const RawEvent& event, const FormatDescription& format, const Tables& tables,
               uint8_t seed) {
  const auto table = tables.find(RowsHeader::Parse(event, format).table_id);
  if (table == tables.end()) return;
  std::vector<ColumnMeta> columns = table->second->columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    // What a tracked schema might say.
    columns[i].charset = static_cast<Charset>((seed + i) % 42);
    if (columns[i].type == ColumnType::kTime || columns[i].type == ColumnType::kDateTime ||
        columns[i].type == ColumnType::kTimestamp) {
      columns[i].decimals = static_cast<uint8_t>((seed + i) % 7);
    }
  }
  const auto rows = RowBatch::Decode(event, format, table->second, columns);
  std::string out;
  LiteralOptions options;
  options.no_backslash_escapes = (seed & 1) != 0;
  options.for_tidb = (seed & 2) != 0;
  for (size_t row = 0; row < std::min<size_t>(rows->row_count(), 100); ++row) {
    for (const auto& image : {rows->before(row), rows->after(row)}) {
      for (size_t i = 0; i < image.size(); ++i) {
        out.clear();
        MayRefuse([&] { AppendLiteral(out, image[i], columns[i], options); });
        MayRefuse([&] { AppendText(out, image[i], columns[i], options); });
      }
    }
  }
}

void ParseEvent(const RawEvent& event, const FormatDescription& format, Tables& tables,
                uint8_t seed);

void ParseByType(const RawEvent& event, const FormatDescription& format, Tables& tables,
                 uint8_t seed) {
  switch (event.type()) {
    case EventType::kRotate:
      RotateEvent::Parse(event);
      return;
    case EventType::kQuery:
    case EventType::kExecuteLoadQuery:
    case EventType::kMariaDbQueryCompressed:
      QueryEvent::Parse(event, format);
      return;
    case EventType::kXid:
      XidEvent::Parse(event);
      return;
    case EventType::kGtid:
    case EventType::kAnonymousGtid:
    case EventType::kGtidTagged:
    case EventType::kMariaDbGtid:
      GtidEvent::Parse(event, format);
      return;
    case EventType::kPreviousGtids:
    case EventType::kMariaDbGtidList: {
      const GtidSet set = ParsePreviousGtids(event);
      Require(GtidSet::Parse(set.flavor(), set.ToString()) == set, "a set reads back as itself");
      return;
    }
    case EventType::kHeartbeat:
    case EventType::kHeartbeatV2:
      HeartbeatEvent::Parse(event, Flavor::kMariaDb);
      return;
    case EventType::kXaPrepare:
      XaPrepareEvent::Parse(event);
      return;
    case EventType::kIncident:
      IncidentEvent::Parse(event);
      return;
    case EventType::kRowsQuery:
    case EventType::kMariaDbAnnotateRows:
      ParseRowsQuery(event);
      return;
    case EventType::kTableMap: {
      const auto table = TableMap::Parse(event, format);
      TableMap::ParseName(event, format);
      tables[table->table_id] = table;
      return;
    }
    case EventType::kTransactionPayload: {
      TransactionPayload payload(event, kInflateLimit);
      while (const std::optional<RawEvent> inner = payload.Next()) {
        if (inner->type() != EventType::kTransactionPayload) {
          ParseEvent(*inner, format, tables, seed);
        }
      }
      return;
    }
    default:
      if (IsRowsEvent(event.type())) WriteRows(event, format, tables, seed);
      return;
  }
}

void ParseEvent(const RawEvent& event, const FormatDescription& format, Tables& tables,
                uint8_t seed) {
  MayRefuse([&] { ParseByType(event, format, tables, seed); });
}

// A stream of events whose sizes come from the input.
void ParseStream(std::span<const uint8_t> rest, uint8_t seed) {
  EventFramer framer(/*verify=*/false, (seed & 4) != 0);
  Location start;
  if ((seed & 16) != 0) start.gtid_set.emplace((seed & 8) != 0 ? Flavor::kMySql : Flavor::kMariaDb);
  LocationRecorder recorder(start);
  Tables tables;
  while (rest.size() >= kEventHeaderSize) {
    uint32_t size;
    std::memcpy(&size, rest.data() + 9, sizeof(size));
    size = std::clamp<uint32_t>(size, kEventHeaderSize, static_cast<uint32_t>(rest.size()));
    // A buffer of its own: the sanitizer sees a read behind the event.
    auto buffer = std::make_shared<std::vector<uint8_t>>(rest.begin(), rest.begin() + size);
    std::memcpy(buffer->data() + 9, &size, sizeof(size));
    rest = rest.subspan(size);
    MayRefuse([&] {
      const RawEvent event = framer.Frame(buffer, *buffer);
      MayRefuse([&] { recorder.Update(event, framer.format()); });
      ParseEvent(event, framer.format(), tables, seed);
    });
  }
}

}  // namespace

// The first byte: options.
DM_FUZZ_TARGET(binlog) {
  if (!input.empty()) ParseStream(input.subspan(1), input[0]);
}
