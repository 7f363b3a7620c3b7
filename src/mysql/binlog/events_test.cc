#include "mysql/binlog/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include "base/error/error.h"
#include "mysql/binlog/event_vectors.h"
#include "mysql/binlog/framing.h"
#include "mysql/binlog/rows.h"
#include "mysql/binlog/table_map.h"
#include "mysql/value/literal.h"

namespace dm::mysql {
namespace {

using namespace vectors;

const FormatDescription& MySqlFormat() {
  static const FormatDescription format = FormatDescription::Parse(Event(kMySqlFormat));
  return format;
}

FormatDescription MariaDbFormat() {
  FormatDescription format = FormatDescription::Default();
  format.server_version = "11.8.9-MariaDB-log";
  return format;
}

std::string Literals(std::span<const Cell> cells, std::span<const ColumnMeta> columns) {
  std::string out;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += ',';
    AppendLiteral(out, cells[i], columns[i], {});
  }
  return out;
}

TEST(EventFramer, FollowsTheChecksumAlgorithm) {
  EventFramer framer(/*verify=*/true, /*negotiated_checksum=*/false);
  const auto frame = [&](std::vector<uint8_t> bytes) {
    auto buffer = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
    return framer.Frame(buffer, *buffer);
  };
  // Before the first description: as negotiated, without.
  std::vector<uint8_t> first = Bytes(kFakeRotate);
  first.resize(first.size() - kChecksumSize);
  first[9] = 43;
  EXPECT_EQ(RotateEvent::Parse(frame(first)).file, "mysql-bin.000002");
  frame(Bytes(kMySqlFormat));
  EXPECT_TRUE(framer.format().has_checksum);
  for (const char* hex : {kFakeRotate, kHeartbeatV1, kMySqlGtid, kTaggedGtid, kFullTableMap,
                          kWriteRowsV2, kMariaDbQuery, kTransactionPayload}) {
    EXPECT_EQ(frame(Bytes(hex)).checksum_size(), kChecksumSize);
  }
  std::vector<uint8_t> corrupt = Bytes(kXid);
  corrupt[20] ^= 1;
  EXPECT_THROW(frame(corrupt), Error);
  // On disk the description of an open file has IN_USE, which its checksum leaves out.
  std::vector<uint8_t> in_use = Bytes(kMySqlFormat);
  in_use[17] |= 1;
  frame(in_use);
}

TEST(RawEvent, SizesMustAgree) {
  std::vector<uint8_t> bytes = Bytes(kXid);
  bytes.push_back(0);
  EXPECT_THROW(EventOf(bytes), Error);
  EXPECT_THROW(EventHeader::Parse(std::span(bytes).first(18)), Error);
}

TEST(Events, FormatDescription) {
  EXPECT_EQ(MySqlFormat().server_version, "9.7.4-2");
  EXPECT_TRUE(MySqlFormat().has_checksum);
  EXPECT_EQ(MySqlFormat().post_header_lengths.size(), 42u);
  EXPECT_EQ(MySqlFormat().PostHeaderLength(EventType::kWriteRowsV2), 10u);
  EXPECT_EQ(MySqlFormat().PostHeaderLength(EventType::kMariaDbGtid), 0u);
}

TEST(Events, Rotate) {
  const RotateEvent rotate = RotateEvent::Parse(Event(kRotate));
  EXPECT_EQ(rotate.file, "mysql-bin.000002");
  EXPECT_EQ(rotate.position, 4u);
  EXPECT_FALSE(Event(kRotate).IsFakeRotate());
  EXPECT_TRUE(Event(kFakeRotate).IsFakeRotate());
}

TEST(Events, Query) {
  const QueryEvent query = QueryEvent::Parse(Event(kMariaDbQuery), MariaDbFormat());
  EXPECT_EQ(query.schema, "d1");
  EXPECT_EQ(query.text, "create database if not exists d1");
  EXPECT_EQ(query.thread_id, 6u);
  EXPECT_EQ(query.status.flags2, 0x01000000u);
  EXPECT_EQ(query.status.sql_mode, 0u);
  EXPECT_EQ(query.status.client_collation, 33);
  EXPECT_EQ(query.status.server_collation, 8);
  EXPECT_FALSE(query.status.unknown_code);
  EXPECT_FALSE(query.IsBegin());
}

// What the session decides is kept.
TEST(Events, QueryOfASession) {
  const auto with = [](std::vector<uint8_t> variables, const FormatDescription& format) {
    std::vector<uint8_t> bytes(kEventHeaderSize);
    bytes[4] = 2;  // QUERY
    bytes.resize(bytes.size() + 8);
    bytes.insert(bytes.end(), {1, 0, 0, static_cast<uint8_t>(variables.size()), 0});
    bytes.insert(bytes.end(), variables.begin(), variables.end());
    bytes.insert(bytes.end(), {'d', 0, 'x'});
    bytes.resize(bytes.size() + kChecksumSize);
    bytes[9] = static_cast<uint8_t>(bytes.size());
    return QueryEvent::Parse(EventOf(bytes), format).status;
  };
  for (const uint8_t code : {13, 128}) {
    const QueryStatus status = with({3, 7, 0, 3, 0, code, 0x40, 0xe2, 0x01, 16, 0}, MySqlFormat());
    EXPECT_EQ(status.auto_increment_increment, 7);
    EXPECT_EQ(status.auto_increment_offset, 3);
    EXPECT_EQ(status.microseconds, 123456u);
    EXPECT_EQ(status.explicit_defaults_for_timestamp, false);
  }
  EXPECT_EQ(with({16, 1}, MySqlFormat()).explicit_defaults_for_timestamp, true);
  // MariaDB has a bit for it, since some version of each series.
  const auto of_mariadb = [&](const std::string& version, uint8_t bits) {
    FormatDescription format = MariaDbFormat();
    format.server_version = version;
    return with({0, 0, 0, 0, bits}, format).explicit_defaults_for_timestamp;
  };
  EXPECT_EQ(of_mariadb("10.11.14-MariaDB-log", 1), true);
  EXPECT_EQ(of_mariadb("10.11.14-MariaDB-log", 0), false);
  EXPECT_EQ(of_mariadb("11.4.2-MariaDB", 0), false);
  EXPECT_EQ(of_mariadb("5.5.5-10.5.17-MariaDB", 1), true);
  EXPECT_EQ(of_mariadb("10.5.16-MariaDB", 0), std::nullopt);
  EXPECT_EQ(of_mariadb("10.4.30-MariaDB", 0), std::nullopt);
  EXPECT_EQ(of_mariadb("8.0.30", 0), std::nullopt);
}

TEST(Events, QueryWithUnknownOrBrokenStatus) {
  std::vector<uint8_t> bytes = Bytes(kMariaDbQuery);
  bytes[32] = 200;  // the first status variable's code
  const QueryEvent query = QueryEvent::Parse(EventOf(bytes), MariaDbFormat());
  EXPECT_EQ(query.status.unknown_code, 200);
  EXPECT_EQ(query.text, "create database if not exists d1");
  bytes = Bytes(kMariaDbQuery);
  bytes[47] = 200;  // length of the catalog's name
  try {
    QueryEvent::Parse(EventOf(bytes), MariaDbFormat());
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 11117);
  }
}

TEST(Events, CompressedQuery) {
  const QueryEvent query = QueryEvent::Parse(Event(kQueryCompressed), MariaDbFormat());
  EXPECT_EQ(query.schema, "d2");
  EXPECT_EQ(query.text.size(), 86u);
  EXPECT_TRUE(query.text.starts_with("create table "));
}

TEST(Events, Xid) { EXPECT_EQ(XidEvent::Parse(Event(kXid)).xid, 15u); }

TEST(Events, MySqlGtids) {
  const GtidEvent plain = GtidEvent::Parse(Event(kMySqlGtid), MySqlFormat());
  EXPECT_EQ(ToString(plain.gtid), "988e83a3-e667-11f1-ac56-02fc00000001:37");
  EXPECT_EQ(plain.last_committed, 0);
  EXPECT_EQ(plain.sequence_number, 1);
  EXPECT_EQ(plain.original_commit_timestamp, plain.immediate_commit_timestamp);
  EXPECT_EQ(plain.immediate_commit_timestamp, 0x0660dc9118e253u);
  const GtidEvent tagged = GtidEvent::Parse(Event(kTaggedGtid), MySqlFormat());
  EXPECT_EQ(ToString(tagged.gtid), "988e83a3-e667-11f1-ac56-02fc00000001:tag_a:1");
  EXPECT_EQ(tagged.sequence_number, 1);
}

TEST(Events, MariaDbGtids) {
  const GtidEvent ddl = GtidEvent::Parse(Event(kMariaDbGtidDdl), MariaDbFormat());
  EXPECT_EQ(ToString(ddl.gtid), "0-11-1");
  EXPECT_TRUE(ddl.standalone());
  EXPECT_TRUE(ddl.is_ddl());
  const GtidEvent dml = GtidEvent::Parse(Event(kMariaDbGtidThread), MariaDbFormat());
  EXPECT_EQ(ToString(dml.gtid), "0-21-81750");
  EXPECT_FALSE(dml.standalone());
  const GtidEvent alter = GtidEvent::Parse(Event(kMariaDbCommitAlter), MariaDbFormat());
  EXPECT_EQ(alter.flags_extra & 4, 4);
  EXPECT_EQ(alter.start_alter_sequence, 81751u);
  EXPECT_EQ(ParsePreviousGtids(Event(kGtidList)).ToString(), "0-11-2");
  EXPECT_TRUE(ParsePreviousGtids(Event(kGtidListEmpty)).empty());
}

TEST(Events, Heartbeats) {
  const HeartbeatEvent v1 = HeartbeatEvent::Parse(Event(kHeartbeatV1), Flavor::kMySql);
  EXPECT_EQ(v1.file, "mysql-bin.000003");
  EXPECT_EQ(v1.position, 423u);
  const HeartbeatEvent v2 = HeartbeatEvent::Parse(Event(kHeartbeatV2), Flavor::kMySql);
  EXPECT_EQ(v2.file, "mysql-bin.000006");
  EXPECT_EQ(v2.position, 198u);
  EXPECT_TRUE(v2.full_position);
}

TEST(Events, XaPrepare) {
  const XaPrepareEvent xa = XaPrepareEvent::Parse(Event(kXaPrepare));
  EXPECT_FALSE(xa.one_phase);
  EXPECT_EQ(xa.format_id, 7u);
  EXPECT_EQ(xa.gtrid, "g1");
  EXPECT_EQ(xa.bqual, "b1");
}

TEST(TableMap, FullMetadata) {
  const auto map = TableMap::Parse(Event(kFullTableMap), MySqlFormat());
  EXPECT_EQ(map->schema, "d2");
  EXPECT_EQ(map->table, "v1");
  ASSERT_EQ(map->columns.size(), 5u);
  EXPECT_EQ(map->columns[0].type, ColumnType::kLong);
  EXPECT_FALSE(map->columns[0].is_unsigned);
  EXPECT_EQ(map->columns[1].type, ColumnType::kVarchar);
  EXPECT_EQ(map->columns[1].charset, Charset::kLatin1);
  EXPECT_EQ(map->columns[2].type, ColumnType::kEnum);
  EXPECT_EQ(map->columns[3].type, ColumnType::kVector);
  EXPECT_EQ(map->columns[3].charset, Charset::kBinary);
  EXPECT_EQ(map->columns[4].type, ColumnType::kGeometry);
  EXPECT_EQ(map->column_names, (std::vector<std::string>{"a", "b", "e", "v", "g"}));
  EXPECT_EQ(map->primary_key, (std::vector<uint32_t>{1}));
  EXPECT_EQ(map->visible, std::vector<bool>(5, true));
  EXPECT_EQ(map->collations[2], 8u);
  EXPECT_FALSE(map->columns[1].nullable);
  const RawEvent event = Event(kFullTableMap);
  const auto name = TableMap::ParseName(event, MySqlFormat());
  EXPECT_EQ(name.schema, "d2");
  EXPECT_EQ(name.table, "v1");
  EXPECT_EQ(name.table_id, 0x85u);
}

TEST(TableMap, UnsupportedTypesNameTableAndColumn) {
  std::vector<uint8_t> bytes = Bytes(kFullTableMap);
  bytes[36] = 0x14;  // the first column becomes a TYPED ARRAY
  try {
    TableMap::Parse(EventOf(bytes), MySqlFormat());
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 11076);
    EXPECT_NE(e.message().find("column 1 of table `d2`.`v1`"), std::string::npos) << e.message();
  }
  // Its name can still be told.
  const RawEvent event = EventOf(bytes);
  EXPECT_EQ(TableMap::ParseName(event, MySqlFormat()).table, "v1");
}

TEST(Rows, InsertV2) {
  const auto map = TableMap::Parse(Event(kFullTableMap), MySqlFormat());
  const auto rows = RowBatch::Decode(Event(kWriteRowsV2), MySqlFormat(), map);
  EXPECT_EQ(rows->kind(), RowsKind::kInsert);
  EXPECT_EQ(rows->header().flags, kRowsStatementEnd | kRowsForeignKeysLogged);
  EXPECT_TRUE(rows->complete());
  ASSERT_EQ(rows->row_count(), 1u);
  EXPECT_TRUE(rows->before(0).empty());
  const auto cells = rows->after(0);
  EXPECT_EQ(Literals(cells.first(3), map->columns), "-2,'k',2");
  EXPECT_EQ(cells[3].size, 8u);
  EXPECT_EQ(cells[4].size, 25u);
}

TEST(Rows, MariaDbInsertWithCompressedColumn) {
  const auto map = TableMap::Parse(Event(kMariaDbTableMap), MariaDbFormat());
  const auto rows = RowBatch::Decode(Event(kMariaDbWriteRowsV1), MariaDbFormat(), map);
  ASSERT_EQ(rows->row_count(), 1u);
  EXPECT_EQ(rows->after(0)[4].text(), std::string(40, 'a'));
  EXPECT_EQ(rows->after(0)[0].size, 4u);
}

// TABLE_MAP and rows events of `d`.`t` (a INT, b VARCHAR(10)) in layout v1.
std::vector<uint8_t> BuildEvent(EventType type, const std::vector<uint8_t>& body) {
  std::vector<uint8_t> bytes(kEventHeaderSize);
  bytes[4] = static_cast<uint8_t>(type);
  bytes.insert(bytes.end(), body.begin(), body.end());
  bytes[9] = static_cast<uint8_t>(bytes.size());
  return bytes;
}
std::shared_ptr<const TableMap> SmallTable() {
  const RawEvent event =
      EventOf(BuildEvent(EventType::kTableMap,
                         {7, 0, 0, 0, 0, 0, 1, 0, 1, 'd', 0, 1, 't', 0, 2, 3, 15, 2, 10, 0, 3}),
              0);
  return TableMap::Parse(event, FormatDescription::Default());
}

TEST(Rows, UpdatesAndNulls) {
  const auto map = SmallTable();
  const RawEvent event =
      EventOf(BuildEvent(EventType::kUpdateRowsV1,
                         {7,    0, 0,   0,    0, 0, 1,   0,    2, 0xff, 0xff,     //
                          0xfc, 1, 0,   0,    0, 1, 'x', 0xfe, 1, 0,    0,    0,  //
                          0xfd, 1, 'y', 0xfc, 2, 0, 0,   0,    0}),
              0);
  const auto rows = RowBatch::Decode(event, FormatDescription::Default(), map);
  ASSERT_EQ(rows->row_count(), 2u);
  EXPECT_EQ(Literals(rows->before(0), map->columns), "1,'x'");
  EXPECT_EQ(Literals(rows->after(0), map->columns), "1,NULL");
  EXPECT_EQ(Literals(rows->before(1), map->columns), "NULL,'y'");
  EXPECT_EQ(Literals(rows->after(1), map->columns), "2,''");
}

TEST(Rows, AfterImagesMayLeaveOutWhatIsUnchanged) {
  const auto map = SmallTable();
  // FULL_NODUP: only column b is in the after image.
  const RawEvent event = EventOf(
      BuildEvent(EventType::kUpdateRowsV1,
                 {7, 0, 0, 0, 0, 0, 1, 0, 2, 0xff, 0xfe, 0xfc, 1, 0, 0, 0, 1, 'x', 0xfe, 1, 'y'}),
      0);
  const auto rows = RowBatch::Decode(event, FormatDescription::Default(), map);
  EXPECT_TRUE(rows->complete());
  EXPECT_EQ(Literals(rows->after(0), map->columns), "1,'y'");
  // MINIMAL: the before image has the key alone.
  const RawEvent minimal =
      EventOf(BuildEvent(EventType::kUpdateRowsV1,
                         {7, 0, 0, 0, 0, 0, 1, 0, 2, 0xfd, 0xfe, 0xfe, 1, 0, 0, 0, 0xfe, 1, 'y'}),
              0);
  const auto incomplete = RowBatch::Decode(minimal, FormatDescription::Default(), map);
  EXPECT_FALSE(incomplete->complete());
  EXPECT_EQ(incomplete->absent_columns(), (std::vector<uint32_t>{1}));
}

TEST(Rows, MismatchesAreErrors) {
  const auto map = SmallTable();
  const auto decode = [&](std::vector<uint8_t> body) {
    return RowBatch::Decode(EventOf(BuildEvent(EventType::kDeleteRowsV1, body), 0),
                            FormatDescription::Default(), map);
  };
  EXPECT_EQ(decode({7, 0, 0, 0, 0, 0, 1, 0, 2, 0xff})->row_count(), 0u);
  EXPECT_THROW(decode({7, 0, 0, 0, 0, 0, 1, 0, 3, 0xff}), Error);                 // width
  EXPECT_THROW(decode({7, 0, 0, 0, 0, 0, 1, 0, 2, 0xfc, 0, 0}), Error);           // no columns
  EXPECT_THROW(decode({7, 0, 0, 0, 0, 0, 1, 0, 2, 0xff, 0xfc, 1, 0, 0}), Error);  // cut off
  EXPECT_THROW(decode({7, 0, 0, 0, 0, 0, 1, 0, 2, 0xff, 0xfc, 1, 0, 0, 0, 9, 'x'}), Error);
}

// Changes of a JSON document: REPLACE $.a, INSERT $.b[5], REMOVE $.pad.
TEST(Rows, PartialJsonUpdates) {
  const std::vector<uint8_t> body{
      0x86, 0x00, 0x00, 0x00, 0x00, 0x00, 0x11, 0x00, 0x02, 0x00, 0x02, 0xff, 0xff, 0x00, 0x01,
      0x00, 0x00, 0x00, 0x52, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x51, 0x00, 0x19, 0x00, 0x01,
      0x00, 0x1a, 0x00, 0x01, 0x00, 0x1b, 0x00, 0x03, 0x00, 0x05, 0x01, 0x00, 0x02, 0x1e, 0x00,
      0x0c, 0x28, 0x00, 0x61, 0x62, 0x70, 0x61, 0x64, 0x02, 0x00, 0x0a, 0x00, 0x05, 0x01, 0x00,
      0x05, 0x02, 0x00, 0x28, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x30,
      0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35,
      0x36, 0x37, 0x38, 0x39, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x01,
      0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x1c, 0x00, 0x00, 0x00, 0x00, 0x03, 0x24, 0x2e, 0x61,
      0x03, 0x05, 0x07, 0x00, 0x01, 0x06, 0x24, 0x2e, 0x62, 0x5b, 0x35, 0x5d, 0x03, 0x05, 0x03,
      0x00, 0x02, 0x05, 0x24, 0x2e, 0x70, 0x61, 0x64};
  auto map = std::make_shared<TableMap>();
  map->schema = "d";
  map->table = "t";
  map->columns.resize(2);
  map->columns[0].type = ColumnType::kLong;
  map->columns[1].type = ColumnType::kJson;
  map->columns[1].length_bytes = 4;
  const auto rows = RowBatch::Decode(EventOf(BuildEvent(EventType::kPartialUpdateRows, body), 0),
                                     FormatDescription::Default(), map);
  ASSERT_EQ(rows->row_count(), 1u);
  EXPECT_EQ(Literals(rows->after(0), map->columns), "1,'{\\\"a\\\": 7, \\\"b\\\": [1, 2, 3]}'");
  for (size_t size = 8; size < body.size(); ++size) {
    const std::vector<uint8_t> cut(body.begin(), body.begin() + static_cast<long>(size));
    const RawEvent event = EventOf(BuildEvent(EventType::kPartialUpdateRows, cut), 0);
    if (size == 13) continue;  // an event without rows
    EXPECT_THROW(RowBatch::Decode(event, FormatDescription::Default(), map), Error) << size;
  }
}

std::vector<RawEvent> AllOf(TransactionPayload payload) {
  std::vector<RawEvent> events;
  while (std::optional<RawEvent> event = payload.Next()) events.push_back(*std::move(event));
  return events;
}

TEST(TransactionPayload, Inflates) {
  const auto events = AllOf(TransactionPayload(Event(kTransactionPayload)));
  ASSERT_EQ(events.size(), 4u);
  EXPECT_TRUE(QueryEvent::Parse(events[0], MySqlFormat()).IsBegin());
  const auto map = TableMap::Parse(events[1], MySqlFormat());
  EXPECT_EQ(map->table, "v2");
  const auto rows = RowBatch::Decode(events[2], MySqlFormat(), map);
  EXPECT_EQ(Literals(rows->after(0), map->columns), "2,NULL");
  EXPECT_EQ(events[3].type(), EventType::kXid);
  EXPECT_THROW(AllOf(TransactionPayload(Event(kTransactionPayload), 30)), Error);
}

// An event of `size` bytes filled with `fill`.
std::string Inner(uint32_t size, char fill) {
  std::string bytes(size, fill);
  bytes[4] = static_cast<char>(EventType::kRowsQuery);
  for (int i = 0; i < 4; ++i) bytes[9 + i] = static_cast<char>(size >> (8 * i));
  return bytes;
}

RawEvent Payload(std::string_view content, uint64_t size, int compression) {
  std::vector<uint8_t> bytes(kEventHeaderSize);
  const auto field = [&bytes](uint8_t type, uint64_t value) {
    bytes.insert(bytes.end(), {type, 9, 0xfe});
    for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  };
  field(2, static_cast<uint64_t>(compression));
  field(3, size);
  field(1, content.size());
  bytes.push_back(0);
  bytes.insert(bytes.end(), content.begin(), content.end());
  bytes[4] = static_cast<uint8_t>(EventType::kTransactionPayload);
  for (int i = 0; i < 4; ++i) bytes[9 + i] = static_cast<uint8_t>(bytes.size() >> (8 * i));
  return EventOf(bytes, 0);
}

std::string Compressed(const std::string& content) {
  std::string out(ZSTD_compressBound(content.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 3));
  return out;
}

TEST(TransactionPayload, InflatesOneEventAtATime) {
  // Two frames; the border between them lies within an event.
  std::string content;
  for (int i = 0; i < 300; ++i) content += Inner(40'000 + i, static_cast<char>('a' + i % 26));
  const std::string frames =
      Compressed(content.substr(0, 1'000'000)) + Compressed(content.substr(1'000'000));
  ASSERT_LT(frames.size(), 100'000u);
  TransactionPayload payload(Payload(frames, content.size(), 0));
  size_t at = 0;
  for (int i = 0; i < 300; ++i) {
    const std::optional<RawEvent> event = payload.Next();
    ASSERT_TRUE(event);
    const std::string_view bytes(reinterpret_cast<const char*>(event->bytes().data()),
                                 event->bytes().size());
    ASSERT_EQ(bytes, std::string_view(content).substr(at, 40'000 + i));
    // Holds this event and no other.
    EXPECT_EQ(event->buffer().use_count(), 1);
    at += bytes.size();
  }
  EXPECT_FALSE(payload.Next());
  EXPECT_EQ(AllOf(TransactionPayload(Payload(content, 1, 255))).size(), 300u);
}

TEST(TransactionPayload, WhatIsWrongIsSaid) {
  const std::string content = Inner(100, 'x') + Inner(200, 'y');
  const auto fails = [](const RawEvent& event, const char* why) {
    try {
      AllOf(TransactionPayload(event));
      ADD_FAILURE() << why;
    } catch (const Error& e) {
      EXPECT_THAT(e.message(), testing::HasSubstr(why));
    }
  };
  const std::string packed = Compressed(content);
  fails(Payload(packed, content.size() + 1, 0), "inflates to a wrong size");
  fails(Payload(packed, content.size() - 1, 0), "contains an event that is cut off");
  fails(Payload(packed.substr(0, packed.size() - 3), content.size(), 0), "is cut off");
  fails(Payload(packed, content.size(), 7), "is compressed in an unknown way");
  fails(Payload("garbage", content.size(), 0), "cannot be inflated");
  fails(Payload(Compressed(content.substr(0, 250)), 250, 0), "contains an event that is cut off");
  fails(Payload(Compressed(content.substr(0, 110)), 110, 0), "contains an event that is cut off");
  fails(Payload(content.substr(0, 250), 250, 255), "contains an event that is cut off");
}

// Whatever is cut off an event's end is an error or an event with less in it, never a read beyond
// it (which the sanitizers would report).
TEST(Events, TruncationIsHarmless) {
  const auto map = TableMap::Parse(Event(kFullTableMap), MySqlFormat());
  const auto mariadb_map = TableMap::Parse(Event(kMariaDbTableMap), MariaDbFormat());
  const auto every_cut = [](const char* hex, auto parse) {
    const size_t body = Bytes(hex).size() - kEventHeaderSize - kChecksumSize;
    size_t errors = 0;
    for (size_t cut = 1; cut <= body; ++cut) {
      try {
        parse(Shortened(hex, cut));
      } catch (const Error&) {
        ++errors;
      }
    }
    EXPECT_GT(errors, 0u) << hex;
  };
  every_cut(kMySqlFormat, [](const RawEvent& e) { FormatDescription::Parse(e); });
  every_cut(kRotate, [](const RawEvent& e) { RotateEvent::Parse(e); });
  every_cut(kMariaDbQuery, [](const RawEvent& e) { QueryEvent::Parse(e, MySqlFormat()); });
  every_cut(kQueryCompressed, [](const RawEvent& e) { QueryEvent::Parse(e, MariaDbFormat()); });
  every_cut(kXid, [](const RawEvent& e) { XidEvent::Parse(e); });
  every_cut(kMySqlGtid, [](const RawEvent& e) { GtidEvent::Parse(e, MySqlFormat()); });
  every_cut(kTaggedGtid, [](const RawEvent& e) { GtidEvent::Parse(e, MySqlFormat()); });
  every_cut(kMariaDbGtidDdl, [](const RawEvent& e) { GtidEvent::Parse(e, MariaDbFormat()); });
  every_cut(kGtidList, [](const RawEvent& e) { ParsePreviousGtids(e); });
  every_cut(kXaPrepare, [](const RawEvent& e) { XaPrepareEvent::Parse(e); });
  every_cut(kHeartbeatV2, [](const RawEvent& e) { HeartbeatEvent::Parse(e, Flavor::kMySql); });
  every_cut(kFullTableMap, [](const RawEvent& e) { TableMap::Parse(e, MySqlFormat()); });
  every_cut(kWriteRowsV2, [&](const RawEvent& e) { RowBatch::Decode(e, MySqlFormat(), map); });
  every_cut(kMariaDbWriteRowsV1,
            [&](const RawEvent& e) { RowBatch::Decode(e, MariaDbFormat(), mariadb_map); });
  every_cut(kTransactionPayload, [](const RawEvent& e) { AllOf(TransactionPayload(e)); });
}

}  // namespace
}  // namespace dm::mysql
