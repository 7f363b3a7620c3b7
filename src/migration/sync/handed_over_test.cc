#include "migration/sync/handed_over.h"

#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::migration {
namespace {

mysql::Gtid MariaGtid(uint64_t sequence) { return mysql::MariaDbGtid{0, 1, sequence}; }

const mysql::BinlogPosition kPlace{"bin.000001", 200};

int CodeOf(auto work) {
  try {
    work();
  } catch (const Error& e) {
    return e.code();
  }
  return 0;
}

TEST(HandedOver, LeavesOutWhatWasHandedOverAndNoMore) {
  HandedOver over;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(over.LeavesOut(true, false, MariaGtid(7), kPlace));
  over.ReadAgain();
  EXPECT_FALSE(over.LeavesOut(false, false, MariaGtid(7), kPlace));
  EXPECT_TRUE(over.LeavesOut(true, false, MariaGtid(7), kPlace));
  // Lost once more: from the begin again.
  over.ReadAgain();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(over.LeavesOut(true, false, MariaGtid(7), kPlace));
  EXPECT_FALSE(over.LeavesOut(true, false, MariaGtid(7), kPlace));
  EXPECT_EQ(over.count(), 4u);
  EXPECT_FALSE(over.LeavesOut(false, true, MariaGtid(7), kPlace));
  EXPECT_EQ(over.count(), 0u);
  EXPECT_FALSE(over.LeavesOut(true, false, MariaGtid(8), kPlace));
}

TEST(HandedOver, TheLastRowsMayBeTheLostConnectionsLastEvent) {
  HandedOver over;
  over.LeavesOut(true, false, std::nullopt, kPlace);
  over.ReadAgain();
  EXPECT_TRUE(over.LeavesOut(true, false, std::nullopt, kPlace));
  EXPECT_FALSE(over.LeavesOut(false, true, std::nullopt, kPlace));
}

TEST(HandedOver, ATransactionThatEndsEarlyIsAnError) {
  // Without GTIDs only the number of events tells; the rows of the next transaction must not be
  // taken for those that are missing, nor be handed over as if none were.
  for (const std::optional<mysql::Gtid>& gtid :
       {std::optional<mysql::Gtid>(), std::optional<mysql::Gtid>(MariaGtid(7))}) {
    HandedOver over;
    for (int i = 0; i < 3; ++i) over.LeavesOut(true, false, gtid, kPlace);
    over.ReadAgain();
    EXPECT_TRUE(over.LeavesOut(true, false, gtid, kPlace));
    EXPECT_EQ(CodeOf([&] { over.LeavesOut(false, true, gtid, kPlace); }), 36069);
  }
}

TEST(HandedOver, AnotherTransactionIsAnError) {
  HandedOver over;
  over.LeavesOut(true, false, MariaGtid(7), kPlace);
  over.ReadAgain();
  HandedOver without_rows = over;
  EXPECT_EQ(CodeOf([&] { over.LeavesOut(true, false, MariaGtid(8), kPlace); }), 36069);
  // Such as a DDL, or an empty transaction.
  EXPECT_EQ(CodeOf([&] { without_rows.LeavesOut(false, true, MariaGtid(8), kPlace); }), 36069);
}

// A server that lost the end of its log.
TEST(HandedOver, TheSameGtidAtAnotherPlaceIsAnotherTransaction) {
  for (const std::optional<mysql::Gtid>& gtid :
       {std::optional<mysql::Gtid>(), std::optional<mysql::Gtid>(MariaGtid(7))}) {
    HandedOver over;
    over.LeavesOut(true, false, gtid, {"bin.000001", 200});
    over.LeavesOut(true, false, gtid, {"bin.000001", 300});
    over.ReadAgain();
    HandedOver other_file = over;
    HandedOver other_offset = over;
    EXPECT_EQ(CodeOf([&] { other_file.LeavesOut(true, false, gtid, {"bin.000002", 200}); }), 36069);
    EXPECT_EQ(CodeOf([&] {
                other_offset.LeavesOut(true, false, gtid, {"bin.000001", 201});
              }),
              36069);
    // A stream that begins beyond 4 GiB.
    EXPECT_TRUE(over.LeavesOut(true, false, gtid, {"bin.000001", (uint64_t{1} << 32) + 200}));
    EXPECT_TRUE(over.LeavesOut(true, false, gtid, {"bin.000001", 300}));
    EXPECT_FALSE(over.LeavesOut(true, false, gtid, {"bin.000001", 400}));
  }
}

}  // namespace
}  // namespace dm::migration
