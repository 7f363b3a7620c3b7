#include "mysql/binlog/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "mysql/binlog/reader.h"

namespace dm::mysql {
namespace {

constexpr size_t kVersionSize = 50;
constexpr size_t kFormatFixedSize = 57;  // before the post-header lengths

// Do events of this server version have checksums (MySQL 5.6.1, MariaDB 5.3)?
bool KnowsChecksums(std::string_view version) {
  int numbers[3] = {0, 0, 0};
  const char* p = version.data();
  const char* const end = p + version.size();
  for (int& number : numbers) {
    const auto [next, error] = std::from_chars(p, end, number);
    if (error != std::errc()) break;
    p = next;
    if (p == end || *p != '.') break;
    ++p;
  }
  const auto parsed = std::make_tuple(numbers[0], numbers[1], numbers[2]);
  const bool mariadb = version.find("MariaDB") != std::string_view::npos;
  return parsed >= (mariadb ? std::make_tuple(5, 3, 0) : std::make_tuple(5, 6, 1));
}

std::string_view ServerVersion(std::span<const uint8_t> field) {
  const auto* text = reinterpret_cast<const char*>(field.data());
  return {text, static_cast<size_t>(std::find(text, text + field.size(), '\0') - text)};
}

std::string_view Trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Post-header lengths of MySQL 8.4, followed up to MariaDB's own types by those of MariaDB 11.8.
constexpr uint8_t kDefaultPostHeaders[] = {56, 13, 0,  8,  0,  18, 0, 4,  4,  4, 4,  18, 0, 0,
                                           0,  0,  4,  26, 8,  0,  0, 0,  8,  8, 8,  2,  0, 0,
                                           0,  10, 10, 10, 42, 42, 0, 18, 52, 0, 10, 40, 0, 0};

}  // namespace

size_t FormatDescription::PostHeaderLength(EventType type) const {
  const size_t index = static_cast<size_t>(type) - 1;
  return index < post_header_lengths.size() ? post_header_lengths[index] : 0;
}

FormatDescription FormatDescription::Default() {
  FormatDescription format;
  format.server_version = "unknown";
  format.post_header_lengths.assign(std::begin(kDefaultPostHeaders), std::end(kDefaultPostHeaders));
  format.post_header_lengths.resize(171);
  const auto set = [&](EventType type, uint8_t length) {
    format.post_header_lengths[static_cast<size_t>(type) - 1] = length;
  };
  set(EventType::kMariaDbBinlogCheckpoint, 4);
  set(EventType::kMariaDbGtid, 19);
  set(EventType::kMariaDbGtidList, 4);
  set(EventType::kMariaDbQueryCompressed, 13);
  for (int type = 166; type <= 168; ++type) set(static_cast<EventType>(type), 8);
  for (int type = 169; type <= 171; ++type) set(static_cast<EventType>(type), 10);
  return format;
}

size_t FormatDescription::OwnChecksumSize(std::span<const uint8_t> bytes) {
  if (bytes.size() < kEventHeaderSize + kFormatFixedSize) return 0;
  return KnowsChecksums(ServerVersion(bytes.subspan(kEventHeaderSize + 2, kVersionSize)))
             ? kChecksumSize
             : 0;
}

FormatDescription FormatDescription::Parse(const RawEvent& event) {
  Reader in(event);
  FormatDescription format;
  if (in.U16() != 4) in.Fail("is not of binlog version 4");
  format.server_version = ServerVersion(in.Take(kVersionSize));
  format.created = in.U32();
  if (in.U8() != kEventHeaderSize) in.Fail("has an unknown header length");
  auto rest = in.Rest();
  if (KnowsChecksums(format.server_version)) {
    // The body ends in the algorithm; its checksum is the event's own.
    if (rest.empty()) in.Fail("has no checksum algorithm");
    format.has_checksum = rest.back() == 1;
    if (rest.back() > 1 && rest.back() != 255) in.Fail("has an unknown checksum algorithm");
    rest = rest.first(rest.size() - 1);
  }
  format.post_header_lengths.assign(rest.begin(), rest.end());
  return format;
}

RotateEvent RotateEvent::Parse(const RawEvent& event) {
  Reader in(event);
  RotateEvent rotate;
  rotate.position = in.U64();
  rotate.file = in.RestText();
  if (rotate.file.empty()) in.Fail("has no file name");
  return rotate;
}

bool QueryEvent::IsBegin() const { return Trim(text) == "BEGIN"; }
bool QueryEvent::IsCommit() const { return Trim(text) == "COMMIT"; }

XidEvent XidEvent::Parse(const RawEvent& event) {
  Reader in(event);
  return {in.U64()};
}

namespace {

// Seven bytes whose top bit tells that the original time follows.
void ParseCommitTimes(Reader& in, GtidEvent& out) {
  constexpr uint64_t kOriginalFollows = uint64_t{1} << 55;
  const uint64_t value = in.Unsigned(7);
  out.immediate_commit_timestamp = value & ~kOriginalFollows;
  out.original_commit_timestamp =
      (value & kOriginalFollows) != 0 ? in.Unsigned(7) : out.immediate_commit_timestamp;
}

GtidEvent ParseMySql(const RawEvent& event) {
  Reader in(event);
  GtidEvent out;
  MySqlGtid gtid;
  in.Skip(1);  // flags
  const auto uuid = in.Take(gtid.uuid.bytes.size());
  std::copy(uuid.begin(), uuid.end(), gtid.uuid.bytes.begin());
  gtid.gno = in.U64();
  out.anonymous = event.type() == EventType::kAnonymousGtid;
  if (!in.at_end() && in.U8() == 2) {
    out.last_committed = static_cast<int64_t>(in.U64());
    out.sequence_number = static_cast<int64_t>(in.U64());
    if (in.left() >= 7) ParseCommitTimes(in, out);
  }
  out.gtid = std::move(gtid);
  return out;
}

GtidEvent ParseTagged(const RawEvent& event) {
  Reader in(event);
  if (in.VarUnsigned() != 1) in.Fail("has an unknown serialization version");
  const uint64_t total = in.VarUnsigned();
  if (total > event.body().size()) in.Fail("is shorter than it says");
  in.VarUnsigned();  // last field that must not be ignored
  GtidEvent out;
  MySqlGtid gtid;
  while (!in.at_end()) {
    const uint64_t field = in.VarUnsigned();
    switch (field) {
      case 0:
        in.VarUnsigned();
        break;  // flags
      case 1:
        for (uint8_t& byte : gtid.uuid.bytes) byte = static_cast<uint8_t>(in.VarUnsigned());
        break;
      case 2:
        gtid.gno = static_cast<uint64_t>(in.VarSigned());
        break;
      case 3:
        gtid.tag = in.Text(in.VarUnsigned());
        break;
      case 4:
        out.last_committed = in.VarSigned();
        break;
      case 5:
        out.sequence_number = in.VarSigned();
        break;
      case 6:
        out.immediate_commit_timestamp = in.VarUnsigned();
        out.original_commit_timestamp = out.immediate_commit_timestamp;
        break;
      case 7:
        out.original_commit_timestamp = in.VarUnsigned();
        break;
      case 8:   // transaction length
      case 9:   // immediate server version
      case 10:  // original server version
      case 11:  // commit group ticket
        in.VarUnsigned();
        break;
      default:
        in.Rest();  // fields of later versions
        break;
    }
  }
  out.gtid = std::move(gtid);
  return out;
}

GtidEvent ParseMariaDb(const RawEvent& event) {
  Reader in(event);
  GtidEvent out;
  MariaDbGtid gtid;
  gtid.server = event.header().server_id;
  gtid.sequence = in.U64();
  gtid.domain = in.U32();
  out.flags2 = in.U8();
  if ((out.flags2 & 2) != 0) in.Skip(8);  // commit id
  if ((out.flags2 & (64 | 128)) != 0) {
    in.Skip(4);  // format id of the XA transaction
    const size_t gtrid = in.U8();
    const size_t bqual = in.U8();
    in.Skip(gtrid + bqual);
  }
  if (!in.at_end()) out.flags_extra = in.U8();
  if ((out.flags_extra & 1) != 0) in.Skip(1);  // extra engines
  if ((out.flags_extra & (4 | 8)) != 0) out.start_alter_sequence = in.U64();
  out.gtid = gtid;
  return out;
}

}  // namespace

GtidEvent GtidEvent::Parse(const RawEvent& event, const FormatDescription& /*format*/) {
  switch (event.type()) {
    case EventType::kMariaDbGtid:
      return ParseMariaDb(event);
    case EventType::kGtidTagged:
      return ParseTagged(event);
    default:
      return ParseMySql(event);
  }
}

GtidSet ParsePreviousGtids(const RawEvent& event) {
  if (event.type() == EventType::kPreviousGtids) return GtidSet::Decode(event.body());
  Reader in(event);
  GtidSet set(Flavor::kMariaDb);
  const uint32_t count = in.U32() & 0x0fffffff;
  for (uint32_t i = 0; i < count; ++i) {
    MariaDbGtid gtid;
    gtid.domain = in.U32();
    gtid.server = in.U32();
    gtid.sequence = in.U64();
    set.Add(gtid);  // the last entry of a domain is its current one
  }
  return set;
}

std::string_view ParseRowsQuery(const RawEvent& event) {
  Reader in(event);
  if (event.type() == EventType::kRowsQuery) in.Skip(1);  // low byte of the length
  return in.RestText();
}

HeartbeatEvent HeartbeatEvent::Parse(const RawEvent& event, Flavor flavor) {
  Reader in(event);
  HeartbeatEvent heartbeat;
  if (event.type() == EventType::kHeartbeatV2) {
    while (!in.at_end()) {
      const uint8_t type = in.U8();
      if (type == 0) break;
      const uint64_t size = in.Packed();
      Reader value(in.Take(size), event.header());
      if (type == 1) heartbeat.file = value.RestText();
      if (type == 2) {
        heartbeat.position = value.Packed();
        heartbeat.full_position = true;
      }
    }
    return heartbeat;
  }
  heartbeat.position = event.header().log_pos;
  if (flavor == Flavor::kMariaDb && heartbeat.position == 0 && in.left() > 8) {
    heartbeat.position = in.U64();
    heartbeat.full_position = true;
  }
  heartbeat.file = in.RestText();
  return heartbeat;
}

XaPrepareEvent XaPrepareEvent::Parse(const RawEvent& event) {
  Reader in(event);
  XaPrepareEvent out;
  out.one_phase = in.U8() != 0;
  out.format_id = in.U32();
  const uint32_t gtrid = in.U32();
  const uint32_t bqual = in.U32();
  out.gtrid = in.Text(gtrid);
  out.bqual = in.Text(bqual);
  return out;
}

std::string XaPrepareEvent::Xid() const {
  const auto hex = [](const std::string& bytes) {
    std::string text = "X'";
    for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<uint8_t>(byte));
    return text + "'";
  };
  return fmt::format("{},{},{}", hex(gtrid), hex(bqual), format_id);
}

IncidentEvent IncidentEvent::Parse(const RawEvent& event) {
  Reader in(event);
  IncidentEvent out;
  out.incident = in.U16();
  if (!in.at_end()) out.message = in.Text(in.U8());
  return out;
}

}  // namespace dm::mysql
