#include "mysql/binlog/location_recorder.h"

#include <gtest/gtest.h>

#include "mysql/binlog/event_vectors.h"

namespace dm::mysql {
namespace {

// Makes events one after another, each ending where it is said to.
class Stream {
 public:
  explicit Stream(Flavor flavor, Location start, bool known = true)
      : recorder_(known && !start.gtid_set ? WithSet(flavor, std::move(start)) : std::move(start)) {
  }

  LocationRecorder& Feed(EventType type, std::vector<uint8_t> body, uint32_t log_pos,
                         uint16_t flags = 0, uint32_t timestamp = 1) {
    std::vector<uint8_t> bytes(kEventHeaderSize);
    const auto put = [&](size_t at, uint32_t value) {
      for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<uint8_t>(value >> (8 * i));
    };
    put(0, timestamp);
    bytes[4] = static_cast<uint8_t>(type);
    put(5, 1);  // server id
    put(9, static_cast<uint32_t>(kEventHeaderSize + body.size()));
    put(13, log_pos);
    bytes[17] = static_cast<uint8_t>(flags);
    bytes.insert(bytes.end(), body.begin(), body.end());
    recorder_.Update(vectors::EventOf(std::move(bytes), 0), FormatDescription::Default());
    return recorder_;
  }
  LocationRecorder& Rotate(std::string_view file, uint32_t position, bool fake) {
    std::vector<uint8_t> body(8);
    body[0] = static_cast<uint8_t>(position);
    body[1] = static_cast<uint8_t>(position >> 8);
    body.insert(body.end(), file.begin(), file.end());
    return Feed(EventType::kRotate, body, 0, fake ? kFlagArtificial : 0, fake ? 0 : 1);
  }
  LocationRecorder& Query(std::string_view text, uint32_t log_pos = 0) {
    std::vector<uint8_t> body(13);
    body.push_back(0);  // end of the empty schema
    body.insert(body.end(), text.begin(), text.end());
    return Feed(EventType::kQuery, body, log_pos);
  }
  LocationRecorder& MariaDbGtid(uint8_t sequence, uint8_t flags2) {
    std::vector<uint8_t> body(19);
    body[0] = sequence;
    body[12] = flags2;
    return Feed(EventType::kMariaDbGtid, body, 0);
  }
  LocationRecorder& MySqlGtid(uint8_t gno, EventType type = EventType::kGtid) {
    std::vector<uint8_t> body(25);
    body[16] = 0xaa;
    body[17] = gno;
    return Feed(type, body, 0);
  }
  LocationRecorder& Xid() { return Feed(EventType::kXid, std::vector<uint8_t>(8), 0); }
  LocationRecorder& Rows() { return Feed(EventType::kWriteRowsV2, std::vector<uint8_t>(10), 0); }
  LocationRecorder& recorder() { return recorder_; }

 private:
  static Location WithSet(Flavor flavor, Location start) {
    start.gtid_set.emplace(flavor);
    return start;
  }

  LocationRecorder recorder_;
};

Location At(std::string file, uint64_t offset) { return {{std::move(file), offset}, {}, 0}; }

// MariaDB does not cut its log at recovery, and gives the GTID to another transaction.
TEST(LocationRecorder, ATransactionWithoutEndIsNotInTheLocations) {
  Location start = At("m.000001", 4);
  start.gtid_set = GtidSet::Parse(Flavor::kMariaDb, "0-0-1");
  Stream s(Flavor::kMariaDb, std::move(start));
  s.Rotate("m.000001", 4, true);
  s.MariaDbGtid(2, 0);
  s.Rows();
  EXPECT_TRUE(s.recorder().in_transaction());
  EXPECT_EQ(s.recorder().end().GtidText(), "0-1-2");
  EXPECT_FALSE(s.recorder().abandoned());
  s.Rotate("m.000002", 4, true);
  EXPECT_TRUE(s.recorder().abandoned());
  EXPECT_FALSE(s.recorder().in_transaction());
  EXPECT_FALSE(s.recorder().current_gtid());
  EXPECT_EQ(s.recorder().end().GtidText(), "0-0-1");
  EXPECT_EQ(s.recorder().transaction_end(), s.recorder().end());
  s.MariaDbGtid(2, 0);
  EXPECT_FALSE(s.recorder().abandoned());
  EXPECT_EQ(s.recorder().start().GtidText(), "0-0-1");
  s.Xid();
  EXPECT_EQ(s.recorder().transaction_end().GtidText(), "0-1-2");
  s.Rotate("m.000003", 4, true);
  EXPECT_FALSE(s.recorder().abandoned());
}

// What came before is not known: the GTIDs since then are no executed set.
TEST(LocationRecorder, WithoutASetItHasNone) {
  for (const Flavor flavor : {Flavor::kMySql, Flavor::kMariaDb}) {
    Stream s(flavor, At("m.000001", 4), false);
    s.Rotate("m.000001", 4, true);
    const auto transaction = [&] {
      if (flavor == Flavor::kMySql) {
        s.MySqlGtid(5);
      } else {
        s.MariaDbGtid(5, 0);
      }
      EXPECT_TRUE(s.recorder().current_gtid());
      s.Rows();
      s.Xid();
      EXPECT_TRUE(s.recorder().at_transaction_end());
      EXPECT_FALSE(s.recorder().start().gtid_set);
      EXPECT_FALSE(s.recorder().end().gtid_set);
      EXPECT_FALSE(s.recorder().transaction_end().gtid_set);
    };
    transaction();
    s.Rotate("m.000002", 4, false);
    transaction();
  }
}

TEST(LocationRecorder, CountsOffsetsWhereEventsHaveNone) {
  Stream s(Flavor::kMariaDb, At("m.000001", 4));
  s.Rotate("m.000001", 4, true);
  s.Feed(EventType::kFormatDescription, std::vector<uint8_t>(100), 123);
  EXPECT_EQ(s.recorder().end().position.offset, 4u);  // moves nothing
  s.MariaDbGtid(1, 4);                                // 38 bytes
  EXPECT_EQ(s.recorder().start().position.offset, 4u);
  EXPECT_EQ(s.recorder().end().position.offset, 123u + 38);
  s.Rows();  // 29 bytes
  EXPECT_EQ(s.recorder().start().position.offset, 123u + 38);
  EXPECT_EQ(s.recorder().end().position.offset, 123u + 38 + 29);
  // The server left out 100 bytes before this one.
  s.Feed(EventType::kXid, std::vector<uint8_t>(8), 123 + 38 + 29 + 100 + 27);
  EXPECT_EQ(s.recorder().end().position.offset, 123u + 38 + 29 + 100 + 27);
  EXPECT_FALSE(s.recorder().duplicate());
  s.Feed(EventType::kXid, std::vector<uint8_t>(8), 200);
  EXPECT_TRUE(s.recorder().duplicate());
}

TEST(LocationRecorder, OffsetsPassFourGigabytes) {
  Stream s(Flavor::kMySql, At("m.000001", 4294967290));
  s.Feed(EventType::kXid, std::vector<uint8_t>(8), 21);
  EXPECT_EQ(s.recorder().end().position.offset, 4294967317u);
  EXPECT_FALSE(s.recorder().duplicate());
}

// A GTID dump begins at the file's head and skips to the first transaction that is wanted.
TEST(LocationRecorder, StreamsSkipMoreThanTwoGigabytes) {
  const uint32_t far = 3'221'225'472;
  for (const EventType first : {EventType::kXid, EventType::kHeartbeat}) {
    Stream s(Flavor::kMySql, At("m.000001", 4));
    s.Rotate("m.000001", 4, true);
    s.Feed(EventType::kFormatDescription, std::vector<uint8_t>(100), 123);
    s.Feed(EventType::kPreviousGtids, std::vector<uint8_t>(8), 150);
    s.Feed(first, std::vector<uint8_t>(8), far);
    s.Feed(EventType::kXid, std::vector<uint8_t>(8), far + 27);
    EXPECT_EQ(s.recorder().end().position.offset, far + 27u);
    EXPECT_FALSE(s.recorder().duplicate());
  }
}

TEST(LocationRecorder, KnowsWhereATransactionBegan) {
  Stream s(Flavor::kMySql, At("m.000001", 4));
  s.MySqlGtid(1);
  s.Query("BEGIN");
  s.Xid();
  const Location first = s.recorder().end();
  s.MySqlGtid(2);
  EXPECT_EQ(s.recorder().transaction_begin(), first);
  // One event that is the whole transaction.
  s.Feed(EventType::kTransactionPayload, std::vector<uint8_t>(40), 0);
  EXPECT_EQ(s.recorder().transaction_begin(), first);
  EXPECT_NE(s.recorder().transaction_end(), first);
  s.MySqlGtid(3);
  EXPECT_EQ(s.recorder().transaction_begin(), s.recorder().transaction_end());
}

TEST(LocationRecorder, RotatesToAnotherFileEndTransactions) {
  Stream s(Flavor::kMySql, At("m.000001", 400));
  s.Rotate("m.000001", 400, true);
  EXPECT_EQ(s.recorder().end().position, (BinlogPosition{"m.000001", 400}));
  s.Rotate("m.000002", 4, false);
  EXPECT_EQ(s.recorder().end().position, (BinlogPosition{"m.000002", 4}));
  EXPECT_EQ(s.recorder().transaction_end().position, (BinlogPosition{"m.000002", 4}));
  s.Rotate("m.000002", 4, true);
  s.Feed(EventType::kFormatDescription, std::vector<uint8_t>(100), 123);
  s.Feed(EventType::kPreviousGtids, std::vector<uint8_t>(8), 150);
  EXPECT_EQ(s.recorder().end().position.offset, 4u);
  s.Query("CREATE TABLE t(a INT)");
  EXPECT_GT(s.recorder().end().position.offset, 150u);
}

TEST(LocationRecorder, MySqlTransactions) {
  Stream s(Flavor::kMySql, At("m.000001", 4));
  s.MySqlGtid(1);
  EXPECT_TRUE(s.recorder().in_transaction());
  EXPECT_EQ(s.recorder().end().GtidText(), "");
  s.Query("BEGIN");
  const std::string one = "00000000-0000-0000-0000-000000000000";
  EXPECT_NE(s.recorder().end().GtidText(), "");
  EXPECT_EQ(s.recorder().start().GtidText(), "");
  s.Query("SAVEPOINT `s`");
  EXPECT_FALSE(s.recorder().at_transaction_end());
  s.Query("CREATE TABLE t (a INT) START TRANSACTION");  // CREATE ... SELECT
  EXPECT_FALSE(s.recorder().at_transaction_end());
  s.Rows();
  s.Xid();
  EXPECT_TRUE(s.recorder().at_transaction_end());
  EXPECT_FALSE(s.recorder().in_transaction());
  EXPECT_EQ(s.recorder().transaction_end(), s.recorder().end());
  EXPECT_EQ(s.recorder().start().GtidText(), "");
  const std::string after_first = s.recorder().end().GtidText();
  // A DDL is a transaction of its own.
  s.MySqlGtid(2);
  EXPECT_EQ(s.recorder().start().GtidText(), after_first);
  EXPECT_EQ(s.recorder().end().GtidText(), after_first);
  s.Query("ALTER TABLE t ADD b INT");
  EXPECT_TRUE(s.recorder().at_transaction_end());
  EXPECT_NE(s.recorder().end().GtidText(), after_first);
  // Anonymous transactions change no set.
  const std::string before = s.recorder().end().GtidText();
  s.MySqlGtid(0, EventType::kAnonymousGtid);
  s.Query("DROP TABLE t");
  EXPECT_EQ(s.recorder().end().GtidText(), before);
}

TEST(LocationRecorder, XaPrepareEndsAGroup) {
  Stream s(Flavor::kMySql, At("m.000001", 4));
  s.MySqlGtid(1);
  s.Query("XA START X'61',X'',1");
  s.Rows();
  s.Query("XA END X'61',X'',1");
  EXPECT_FALSE(s.recorder().at_transaction_end());
  s.Feed(EventType::kXaPrepare, std::vector<uint8_t>(14), 0);
  EXPECT_TRUE(s.recorder().at_transaction_end());
  s.MySqlGtid(2);
  s.Query("XA COMMIT X'61',X'',1");
  EXPECT_TRUE(s.recorder().at_transaction_end());
}

TEST(LocationRecorder, MariaDbGroups) {
  Stream s(Flavor::kMariaDb, At("m.000001", 4));
  s.MariaDbGtid(1, 1 | 32);  // standalone DDL
  s.Query("CREATE TABLE t(a INT)");
  EXPECT_TRUE(s.recorder().at_transaction_end());
  EXPECT_EQ(s.recorder().transaction_end().GtidText(), "0-1-1");
  s.MariaDbGtid(2, 32);  // CREATE ... SELECT: the DDL isn't its end
  s.Query("CREATE TABLE u(a INT)");
  EXPECT_FALSE(s.recorder().at_transaction_end());
  s.Rows();
  s.Xid();
  EXPECT_TRUE(s.recorder().at_transaction_end());
  EXPECT_EQ(s.recorder().transaction_end().GtidText(), "0-1-2");
  s.MariaDbGtid(3, 0);  // MyISAM
  s.Rows();
  s.Query("COMMIT");
  EXPECT_TRUE(s.recorder().at_transaction_end());
  EXPECT_EQ(s.recorder().transaction_end().GtidText(), "0-1-3");
}

TEST(LocationRecorder, ArtificialEventsAndHeartbeatsMoveOnlyTheStream) {
  Stream s(Flavor::kMariaDb, At("m.000001", 4));
  s.Rotate("m.000001", 4, true);
  s.Feed(EventType::kFormatDescription, std::vector<uint8_t>(100), 123);
  s.Feed(EventType::kMariaDbGtidList, std::vector<uint8_t>(4), 1000, kFlagArtificial, 0);
  EXPECT_EQ(s.recorder().end().position.offset, 4u);
  EXPECT_EQ(s.recorder().read_position(), (BinlogPosition{"m.000001", 1000}));
  s.MariaDbGtid(5, 0);
  EXPECT_EQ(s.recorder().end().position.offset, 1038u);
}

}  // namespace
}  // namespace dm::mysql
