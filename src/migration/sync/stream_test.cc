#include "migration/sync/stream.h"

#include <gtest/gtest.h>

#include <deque>

#include "base/error/error.h"

namespace dm::migration {
namespace {

using mysql::EventType;
using mysql::RawEvent;

struct Server {
  std::string identity;
  std::string file = "m.000001";
  uint32_t created = 1000;
  std::string refuses = {};  // with this text of an error 1236
};

std::vector<uint8_t> Header(EventType type, size_t body, uint32_t timestamp, uint32_t log_pos) {
  std::vector<uint8_t> bytes(mysql::kEventHeaderSize);
  const auto put = [&](size_t at, uint32_t value) {
    for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<uint8_t>(value >> (8 * i));
  };
  put(0, timestamp);
  bytes[4] = static_cast<uint8_t>(type);
  put(9, static_cast<uint32_t>(mysql::kEventHeaderSize + body));
  put(13, log_pos);
  return bytes;
}

RawEvent Event(EventType type, const std::vector<uint8_t>& body, uint32_t timestamp = 1,
               uint32_t log_pos = 0) {
  std::vector<uint8_t> bytes = Header(type, body.size(), timestamp, log_pos);
  bytes.insert(bytes.end(), body.begin(), body.end());
  auto buffer = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
  return RawEvent(buffer, *buffer, 0);
}

RawEvent Rotate(const std::string& file, uint8_t position) {
  std::vector<uint8_t> body(8);
  body[0] = position;
  body.insert(body.end(), file.begin(), file.end());
  return Event(EventType::kRotate, body, 0);
}

RawEvent Gtid(uint8_t sequence) {
  std::vector<uint8_t> body(19);
  body[0] = sequence;
  return Event(EventType::kMariaDbGtid, body);
}

RawEvent AnonymousGtid() { return Event(EventType::kAnonymousGtid, std::vector<uint8_t>(25)); }

RawEvent Begin() {
  std::vector<uint8_t> body(14);
  for (const char c : std::string_view("BEGIN")) body.push_back(static_cast<uint8_t>(c));
  return Event(EventType::kQuery, body);
}

RawEvent Rows() { return Event(EventType::kWriteRowsV2, std::vector<uint8_t>(10)); }
RawEvent Xid() { return Event(EventType::kXid, std::vector<uint8_t>(8)); }

// One dump: what a server sends before its events, then the events, then the connection is lost.
class Dump : public mysql::DumpSource {
 public:
  Dump(const Server& server, std::deque<RawEvent> events)
      : server_(server), events_(std::move(events)) {}
  void StartAt(const mysql::BinlogPosition& position, const StopToken&) override {
    Start(static_cast<uint8_t>(position.offset));
  }
  void StartAfter(const mysql::GtidSet&, const StopToken&) override { Start(4); }
  const std::string& identity() const override { return server_.identity; }
  uint64_t connection_id() const override { return 1; }
  const mysql::FormatDescription& format() const override { return format_; }
  RawEvent Next(const StopToken&) override {
    if (!server_.refuses.empty()) {
      throw Error(ErrorCode::kDBDriverError, "database driver error")
          .SetServerErrno(1236)
          .SetRawCause("Error 1236 (HY000): " + server_.refuses);
    }
    if (events_.empty()) throw Error(ErrorCode::kDBInvalidConn, "lost");
    RawEvent event = events_.front();
    events_.pop_front();
    return event;
  }

 private:
  void Start(uint8_t offset) {
    events_.push_front(
        Event(EventType::kFormatDescription, std::vector<uint8_t>(100), server_.created));
    events_.push_front(Rotate(server_.file, offset));
  }

  const Server server_;
  std::deque<RawEvent> events_;
  const mysql::FormatDescription format_ = mysql::FormatDescription::Default();
};

class StreamTest : public testing::Test {
 protected:
  // The next connection reads this.
  void Connection(const Server& server, std::deque<RawEvent> events) {
    dumps_.push_back(std::make_unique<Dump>(server, std::move(events)));
  }
  std::unique_ptr<Stream> Open(mysql::Flavor flavor, bool gtid_mode = false, UpstreamLog log = {}) {
    StreamOptions options;
    options.flavor = flavor;
    options.gtid_mode = gtid_mode;
    options.log = std::move(log);
    options.connect = [this](uint32_t*, Milliseconds silence, const StopToken&) {
      silences_.push_back(silence);
      if (dumps_.empty()) throw Error(ErrorCode::kDBUnExpect, "no more servers");
      auto dump = std::move(dumps_.front());
      dumps_.pop_front();
      return dump;
    };
    options.is_whole = [](const mysql::BinlogPosition&, const StopToken&) { return true; };
    mysql::Location start;
    start.position = {"m.000001", 4};
    if (gtid_mode) start.gtid_set = mysql::GtidSet::Parse(flavor, "0-0-1");
    return std::make_unique<Stream>(std::move(options), start);
  }
  // The next event, which is of this type.
  void Expect(Stream& stream, EventType type) { EXPECT_EQ(stream.Next({}).type(), type); }
  void ExpectHead(Stream& stream) {
    Expect(stream, EventType::kRotate);
    Expect(stream, EventType::kFormatDescription);
  }
  std::string ErrorOf(Stream& stream) {
    try {
      for (;;) stream.Next({});
    } catch (const Error& e) {
      return e.message();
    }
  }

  std::vector<Milliseconds> silences_;
  std::deque<std::unique_ptr<Dump>> dumps_;
  const Server a_{"1@a:3306", "m.000001", 1000};
  const Server b_{"2@b:3306", "m.000001", 2000};
};

TEST_F(StreamTest, ATransactionIsReadAgainUpToWhatWasHandedOver) {
  Connection(a_, {AnonymousGtid(), Begin(), Rows(), Rows()});
  Connection(a_, {AnonymousGtid(), Begin(), Rows(), Rows(), Rows(), Xid()});
  const auto stream = Open(mysql::Flavor::kMySql);
  ExpectHead(*stream);
  Expect(*stream, EventType::kAnonymousGtid);
  Expect(*stream, EventType::kQuery);
  Expect(*stream, EventType::kWriteRowsV2);
  Expect(*stream, EventType::kWriteRowsV2);
  const mysql::Location reached = stream->end();
  EXPECT_FALSE(stream->reading_again());
  Expect(*stream, EventType::kRotate);
  EXPECT_TRUE(stream->reading_again());
  EXPECT_LT(stream->end().position.offset, reached.position.offset);
  Expect(*stream, EventType::kFormatDescription);
  Expect(*stream, EventType::kAnonymousGtid);
  Expect(*stream, EventType::kQuery);
  EXPECT_TRUE(stream->reading_again());
  Expect(*stream, EventType::kWriteRowsV2);
  EXPECT_FALSE(stream->reading_again());
  EXPECT_GT(stream->end().position.offset, reached.position.offset);
  Expect(*stream, EventType::kXid);
  EXPECT_TRUE(stream->at_transaction_end());
}

TEST_F(StreamTest, AMariaDbsTransactionComesWhenItIsWhole) {
  Connection(a_, {Gtid(2), Rows(), Rows()});
  Connection(a_, {Gtid(2), Rows(), Rotate("m.000002", 4), Gtid(2), Xid()});
  const auto stream = Open(mysql::Flavor::kMariaDb);
  ExpectHead(*stream);
  ExpectHead(*stream);  // after the connection was lost
  EXPECT_FALSE(stream->reading_again());
  Expect(*stream, EventType::kRotate);
  EXPECT_FALSE(stream->abandoned());
  EXPECT_EQ(stream->end().position.file, "m.000002");
  Expect(*stream, EventType::kMariaDbGtid);
  Expect(*stream, EventType::kXid);
}

TEST_F(StreamTest, AnotherServerIsNotReadAtAPosition) {
  Connection(a_, {AnonymousGtid(), Begin(), Xid()});
  Connection(b_, {AnonymousGtid(), Begin(), Rows(), Xid()});
  const auto stream = Open(mysql::Flavor::kMySql);
  EXPECT_NE(ErrorOf(*stream).find("another server answers, 2@b:3306 instead of 1@a:3306"),
            std::string::npos);
}

TEST_F(StreamTest, TheServerIsKnownFromTheRunBefore) {
  const UpstreamLog log{"1@a:3306", "m.000001", 1000};
  for (const auto flavor : {mysql::Flavor::kMySql, mysql::Flavor::kMariaDb}) {
    Connection(b_, {});
    EXPECT_NE(ErrorOf(*Open(flavor, false, log)).find("another server answers"), std::string::npos);
    Connection(a_, {});
    const auto same = Open(flavor, false, log);
    ExpectHead(*same);
    EXPECT_EQ(same->log(), log);
  }
}

TEST_F(StreamTest, AServerMayHaveAnotherNameButNotAnotherLog) {
  const UpstreamLog log{"1@a:3306", "m.000001", 1000};
  Connection({"1@renamed:3306", "m.000001", 1000}, {});
  const auto renamed = Open(mysql::Flavor::kMariaDb, false, log);
  ExpectHead(*renamed);
  EXPECT_EQ(renamed->log().server, "1@renamed:3306");
  Connection({"1@b:3306", "m.000001", 1001}, {});
  EXPECT_NE(ErrorOf(*Open(mysql::Flavor::kMariaDb, false, log)).find("another server answers"),
            std::string::npos);
  Connection({"1@a:3306", "m.000001", 1001}, {});
  EXPECT_NE(ErrorOf(*Open(mysql::Flavor::kMariaDb, false, log)).find("was begun anew"),
            std::string::npos);
}

// (The second of two losses in a short time is an error.)
TEST_F(StreamTest, AServerThatSearchesItsLogIsGivenMoreTimeByTheNextConnection) {
  const RawEvent begin = Event(EventType::kPreviousGtids, std::vector<uint8_t>(8));
  for (const auto& [events, factor] :
       {std::pair(std::deque<RawEvent>{}, 4), std::pair(std::deque<RawEvent>{begin}, 4),
        std::pair(std::deque<RawEvent>{begin, AnonymousGtid()}, 1)}) {
    silences_.clear();
    Connection(a_, events);
    Connection(a_, {AnonymousGtid()});
    const auto stream = Open(mysql::Flavor::kMySql);
    ExpectHead(*stream);
    for (const RawEvent& event : events) Expect(*stream, event.type());
    ExpectHead(*stream);
    ASSERT_EQ(silences_.size(), 2u);
    EXPECT_EQ(silences_[1] / silences_[0], factor);
  }
}

TEST_F(StreamTest, ByGtidAnotherServerGoesOnWithItsOwnPositions) {
  Connection(a_, {Gtid(2), Rows(), Xid()});
  Connection(b_, {Gtid(3), Xid()});
  const auto stream = Open(mysql::Flavor::kMariaDb, true);
  ExpectHead(*stream);
  for (const EventType type : {EventType::kMariaDbGtid, EventType::kWriteRowsV2, EventType::kXid}) {
    Expect(*stream, type);
  }
  const mysql::Location of_a = stream->transaction_end();
  ExpectHead(*stream);
  EXPECT_EQ(stream->identity(), "2@b:3306");
  EXPECT_EQ(stream->end().position.offset, 4u) << "of a file of that name on the other server";
  EXPECT_EQ(stream->end().GtidText(), of_a.GtidText());
  Expect(*stream, EventType::kMariaDbGtid);
  EXPECT_LT(stream->end().position.offset, of_a.position.offset);
}

TEST_F(StreamTest, ToAnUpstreamWithoutGtidModeItSaysWhatToDo) {
  const auto advice_on = [&](const std::string& text) {
    for (int i = 0; i < 2; ++i) Connection({"1@a:3306", "m.000001", 1000, text}, {});
    const auto stream = Open(mysql::Flavor::kMariaDb, /*gtid_mode=*/true);
    std::string advice;
    try {
      for (;;) stream->Next({});
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), static_cast<int>(ErrorCode::kSyncerGetEvent));
      advice = e.workaround();
    }
    dumps_.clear();
    return advice;
  };
  for (const char* text :
       {"The replication sender thread cannot start in AUTO_POSITION mode: this server has "
        "GTID_MODE = OFF_PERMISSIVE instead of ON.",
        "The replication sender thread cannot start in AUTO_POSITION mode: this server has "
        "GTID_MODE = OFF instead of ON.",
        "The master has GTID_MODE=OFF"}) {
    const std::string advice = advice_on(text);
    EXPECT_NE(advice.find("set it to ON again"), std::string::npos) << text << ": " << advice;
    EXPECT_NE(advice.find("`enable-gtid: false`"), std::string::npos) << text << ": " << advice;
  }
  // Then it does not help to set it to ON again.
  const std::string anonymous = advice_on(
      "Cannot replicate anonymous transaction when AUTO_POSITION = 1, at file ./m.000001, position "
      "157.");
  EXPECT_EQ(anonymous.find("ON again"), std::string::npos) << anonymous;
  EXPECT_NE(anonymous.find("`enable-gtid: false`"), std::string::npos) << anonymous;
  // Others have their own.
  EXPECT_EQ(advice_on("Binary log is not open").find("gtid"), std::string::npos);
  const std::string purged = advice_on(
      "The slave is connecting using CHANGE MASTER TO MASTER_AUTO_POSITION = 1, but the "
      "master has purged binary logs containing GTIDs that the slave requires.");
  EXPECT_NE(purged.find("a new full migration"), std::string::npos) << purged;
}

}  // namespace
}  // namespace dm::migration
