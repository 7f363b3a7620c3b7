#include "mysql/binlog/whole_transactions.h"

#include <gtest/gtest.h>

#include "mysql/binlog/event_vectors.h"

namespace dm::mysql {
namespace {

// Hands out what it was given.
class Given : public EventSource {
 public:
  void Add(EventType type, std::vector<uint8_t> body, uint32_t timestamp = 1) {
    std::vector<uint8_t> bytes(kEventHeaderSize);
    bytes[0] = static_cast<uint8_t>(timestamp);
    bytes[4] = static_cast<uint8_t>(type);
    const size_t size = kEventHeaderSize + body.size();
    bytes[9] = static_cast<uint8_t>(size);
    bytes[10] = static_cast<uint8_t>(size >> 8);
    bytes.insert(bytes.end(), body.begin(), body.end());
    events_.push_back(vectors::EventOf(std::move(bytes), 0));
  }
  void Gtid(uint8_t sequence, bool standalone = false) {
    std::vector<uint8_t> body(19);
    body[0] = sequence;
    body[12] = standalone ? 1 : 0;
    Add(EventType::kMariaDbGtid, body);
  }
  void Rows(size_t size = 10) { Add(EventType::kWriteRowsV2, std::vector<uint8_t>(size)); }
  void Xid() { Add(EventType::kXid, std::vector<uint8_t>(8)); }
  void Query(std::string_view text) {
    std::vector<uint8_t> body(14);
    body.insert(body.end(), text.begin(), text.end());
    Add(EventType::kQuery, body);
  }
  // `fake`: as a server makes it before each file.
  void Rotate(bool fake) {
    std::vector<uint8_t> body(8);
    body[0] = 4;
    body.push_back('m');
    Add(EventType::kRotate, body, fake ? 0 : 1);
  }

  RawEvent Next(const StopToken&) override {
    if (events_.empty()) throw EndOfLog();
    RawEvent event = events_.front();
    events_.pop_front();
    return event;
  }
  const FormatDescription& format() const override { return format_; }

 private:
  std::deque<RawEvent> events_;
  const FormatDescription format_ = FormatDescription::Default();
};

class WholeTransactionsTest : public testing::Test {
 protected:
  // Types of what comes through, until the end.
  std::vector<EventType> Read() {
    std::vector<EventType> types;
    try {
      for (;;) types.push_back(whole_.Next({}).type());
    } catch (const EndOfLog&) {
      return types;
    }
  }

  Given given_;
  bool complete_ = true;
  int asked_ = 0;
  WholeTransactions whole_{given_, 200, [this](const RawEvent& gtid, const StopToken&) {
                             EXPECT_EQ(gtid.type(), EventType::kMariaDbGtid);
                             ++asked_;
                             return complete_;
                           }};
};

using Types = std::vector<EventType>;

TEST_F(WholeTransactionsTest, WholeOnesComeAsTheyAre) {
  given_.Rotate(true);
  given_.Gtid(1, true);
  given_.Query("CREATE TABLE t (a INT)");
  given_.Gtid(2);
  given_.Rows();
  given_.Query("SAVEPOINT s");
  given_.Xid();
  given_.Gtid(3);
  given_.Query("COMMIT");
  given_.Rotate(false);
  EXPECT_EQ(Read(), (Types{EventType::kRotate, EventType::kMariaDbGtid, EventType::kQuery,
                           EventType::kMariaDbGtid, EventType::kWriteRowsV2, EventType::kQuery,
                           EventType::kXid, EventType::kMariaDbGtid, EventType::kQuery,
                           EventType::kRotate}));
  EXPECT_EQ(asked_, 0);
}

TEST_F(WholeTransactionsTest, OneWithoutEndIsLeftOut) {
  given_.Gtid(1);
  given_.Rows();
  given_.Rotate(true);
  given_.Gtid(1);
  given_.Xid();
  given_.Gtid(2, true);
  given_.Rotate(true);
  EXPECT_EQ(Read(), (Types{EventType::kRotate, EventType::kMariaDbGtid, EventType::kXid,
                           EventType::kRotate}));
}

// A server that dies has no time to close its file.
TEST_F(WholeTransactionsTest, NothingIsLeftOutBeforeAClosedFilesEnd) {
  given_.Gtid(1);
  given_.Rows();
  given_.Gtid(2);
  given_.Rows();
  given_.Rotate(false);
  EXPECT_EQ(Read(), (Types{EventType::kMariaDbGtid, EventType::kWriteRowsV2,
                           EventType::kMariaDbGtid, EventType::kWriteRowsV2, EventType::kRotate}));
}

TEST_F(WholeTransactionsTest, ALargeOneIsHandedOverWhenItsEndIsKnownToBeThere) {
  given_.Gtid(1);
  for (int i = 0; i < 5; ++i) given_.Rows(100);
  given_.Xid();
  EXPECT_EQ(Read().size(), 7u);
  EXPECT_EQ(asked_, 1);
  complete_ = false;
  given_.Gtid(2);
  for (int i = 0; i < 5; ++i) given_.Rows(100);
  given_.Rotate(true);
  given_.Gtid(2);
  given_.Xid();
  EXPECT_EQ(Read(), (Types{EventType::kRotate, EventType::kMariaDbGtid, EventType::kXid}));
  EXPECT_EQ(asked_, 2);
}

TEST_F(WholeTransactionsTest, StatementsBehindRowsAreShownToWhoMayRevise) {
  std::vector<size_t> shown;
  WholeTransactions whole(
      given_, 200, [](const RawEvent&, const StopToken&) { return true; },
      [&](std::vector<RawEvent>& events) {
        shown.push_back(events.size());
        events.erase(events.begin() + 1);
      });
  given_.Gtid(1, true);
  given_.Query("CREATE TABLE t (a INT)");
  given_.Gtid(2);
  given_.Query("CREATE TABLE u (a INT)");
  given_.Rows();
  given_.Xid();
  given_.Gtid(3);
  given_.Rows();
  given_.Query("ROLLBACK");
  given_.Gtid(4);  // a large one
  for (int i = 0; i < 5; ++i) given_.Rows(100);
  given_.Query("ROLLBACK");
  size_t rows = 0;
  try {
    for (;;) rows += whole.Next({}).type() == EventType::kWriteRowsV2 ? 1 : 0;
  } catch (const EndOfLog&) {
  }
  EXPECT_EQ(shown, std::vector<size_t>{3});
  EXPECT_EQ(rows, 6u);
}

}  // namespace
}  // namespace dm::mysql
