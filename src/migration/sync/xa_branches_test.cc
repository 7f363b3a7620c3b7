#include "migration/sync/xa_branches.h"

#include <gtest/gtest.h>

#include "base/error/error.h"
#include "migration/sync/logged_statement.h"

namespace dm::migration {
namespace {

using mysql::EventType;
using mysql::RawEvent;

RawEvent Event(EventType type, size_t size, uint8_t table) {
  const std::shared_ptr<uint8_t[]> bytes = std::make_shared<uint8_t[]>(size);
  bytes[4] = static_cast<uint8_t>(type);
  for (size_t i = 0; i < 4; ++i) bytes[9 + i] = static_cast<uint8_t>(size >> (8 * i));
  bytes[mysql::kEventHeaderSize] = table;
  return RawEvent(bytes, {bytes.get(), size}, 0);
}

class XaBranchesTest : public testing::Test {
 protected:
  void Branch(std::initializer_list<RawEvent> events) {
    branches_.Open();
    for (const RawEvent& event : events) {
      branches_.Hold(event, event.type() != EventType::kTableMap && event.body()[0] != kOther);
    }
  }
  PreparedBranch Place() { return {"server", {"bin.1", 100}, {"bin.1", 900}, "", false}; }
  // "type of event:size:table" of what a branch brings.
  std::string Committed(const std::string& xid) {
    seen_.clear();
    branches_.Commit(xid, "server", {"bin.1", 1000}, consumer_, {});
    return seen_;
  }

  static constexpr uint8_t kOther = 9;  // a table that is not replicated
  Sessions sessions_;
  XaBranches branches_{sessions_, {}, 2000};
  std::string seen_;
  const XaBranches::Consumer consumer_ = [this](const RawEvent& event) {
    seen_ += std::string(mysql::ToString(event.type())) + ":" +
             std::to_string(event.bytes().size()) + ":" + std::to_string(event.body()[0]) + " ";
  };
};

TEST_F(XaBranchesTest, RowsComeWhenTheBranchIsCommitted) {
  Branch({Event(EventType::kTableMap, 40, 1), Event(EventType::kWriteRowsV2, 300, 1),
          Event(EventType::kWriteRowsV2, 500, kOther)});
  EXPECT_TRUE(branches_.has_rows());
  branches_.Prepare("a", Place());
  EXPECT_FALSE(branches_.open());
  Branch({Event(EventType::kDeleteRowsV2, 60, 2)});
  branches_.Prepare("b", Place());
  EXPECT_EQ(branches_.prepared().size(), 2u);
  EXPECT_TRUE(branches_.prepared().at("a").replicated);
  EXPECT_EQ(Committed("b"), "DELETE_ROWS_V2:60:2 ");
  // Of rows that are not replicated the head is left: they count.
  EXPECT_EQ(Committed("a"), "TABLE_MAP:40:1 WRITE_ROWS_V2:300:1 WRITE_ROWS_V2:27:9 ");
  EXPECT_TRUE(branches_.prepared().empty());
}

TEST_F(XaBranchesTest, ABranchWithoutRowsOfOursIsKnownAllTheSame) {
  Branch({Event(EventType::kTableMap, 40, kOther), Event(EventType::kWriteRowsV2, 60, kOther)});
  branches_.Prepare("a", Place());
  EXPECT_FALSE(branches_.prepared().at("a").replicated);
  EXPECT_EQ(Committed("a"), "");
  EXPECT_TRUE(branches_.prepared().empty());
}

// An earlier run may have left out what this one replicates.
TEST_F(XaBranchesTest, BranchesOfAnEarlierRunAreReadWhateverItsRulesWere) {
  XaBranches later(sessions_, {{"a", Place()}});
  EXPECT_TRUE(later.prepared().at("a").replicated);
  EXPECT_THROW(later.Commit("a", "server", {"bin.1", 1000}, consumer_, {}), Error)
      << "no server to read from";
}

TEST_F(XaBranchesTest, ABranchIsNotCommittedByWhatStandsBeforeIt) {
  Branch({Event(EventType::kWriteRowsV2, 60, 1)});
  branches_.Prepare("a", Place());
  EXPECT_THROW(branches_.Commit("a", "server", {"bin.1", 800}, consumer_, {}), Error)
      << "no server to look for the one before";
  EXPECT_EQ(seen_, "");
  EXPECT_EQ(branches_.prepared().count("a"), 0u) << "it is still to come";
  // Elsewhere positions are others.
  Branch({Event(EventType::kWriteRowsV2, 60, 1)});
  branches_.Prepare("a", Place());
  branches_.Commit("a", "another", {"bin.1", 800}, consumer_, {});
  EXPECT_EQ(seen_, "WRITE_ROWS_V2:60:1 ");
}

TEST_F(XaBranchesTest, RowsOfARolledBackBranchAreGone) {
  Branch({Event(EventType::kWriteRowsV2, 1800, 1)});
  branches_.Prepare("a", Place());
  branches_.Rollback("a");
  branches_.Rollback("never seen");
  // There is room again.
  Branch({Event(EventType::kWriteRowsV2, 1800, 1)});
  branches_.Prepare("b", Place());
  EXPECT_EQ(Committed("b"), "WRITE_ROWS_V2:1800:1 ");
}

TEST_F(XaBranchesTest, WhatDoesNotFitIsReadAgain) {
  Branch({Event(EventType::kWriteRowsV2, 1000, 1)});
  branches_.Prepare("a", Place());
  Branch({Event(EventType::kWriteRowsV2, 500, 1), Event(EventType::kWriteRowsV2, 500, 1)});
  branches_.Prepare("b", Place());
  EXPECT_TRUE(branches_.prepared().at("b").replicated);
  EXPECT_THROW(Committed("b"), Error) << "no server to read from";
  EXPECT_EQ(branches_.prepared().count("b"), 1u) << "it is undecided still";
  EXPECT_EQ(Committed("a"), "WRITE_ROWS_V2:1000:1 ");
}

// After a lost connection another server may send another transaction first.
TEST_F(XaBranchesTest, ABranchWithoutRowsEventsEndsWhereATransactionBegins) {
  Branch({Event(EventType::kTableMap, 40, 1)});
  branches_.BeginTransaction();
  EXPECT_FALSE(branches_.open());
  Branch({Event(EventType::kTableMap, 40, 1), Event(EventType::kWriteRowsV2, 60, 1)});
  branches_.Prepare("a", Place());
  EXPECT_EQ(Committed("a"), "TABLE_MAP:40:1 WRITE_ROWS_V2:60:1 ") << "nothing of the first";
}

// The stream leaves out what it handed over before the connection was lost.
TEST_F(XaBranchesTest, ABranchWithRowsEventsStaysWhenItsTransactionComesAgain) {
  for (const uint8_t table : {uint8_t{1}, kOther}) {
    Branch({Event(EventType::kTableMap, 40, table), Event(EventType::kWriteRowsV2, 60, table)});
    branches_.BeginTransaction();
    EXPECT_TRUE(branches_.open());
    Branch({Event(EventType::kTableMap, 40, 1), Event(EventType::kWriteRowsV2, 70, 1)});
    branches_.Prepare("a", Place());
    EXPECT_EQ(Committed("a"),
              table == 1 ? "TABLE_MAP:40:1 WRITE_ROWS_V2:60:1 TABLE_MAP:40:1 WRITE_ROWS_V2:70:1 "
                         : "TABLE_MAP:40:9 WRITE_ROWS_V2:27:9 TABLE_MAP:40:1 WRITE_ROWS_V2:70:1 ");
    branches_.BeginTransaction();
    EXPECT_FALSE(branches_.open());
  }
  // Also if there was no room for its rows.
  Branch({Event(EventType::kWriteRowsV2, 3000, 1)});
  branches_.BeginTransaction();
  EXPECT_TRUE(branches_.open() && branches_.has_rows());
}

TEST_F(XaBranchesTest, OnePhase) {
  Branch({Event(EventType::kWriteRowsV2, 100, 1)});
  branches_.CommitInOnePhase("a", Place(), consumer_, {});
  EXPECT_EQ(seen_, "WRITE_ROWS_V2:100:1 ");
  EXPECT_TRUE(branches_.prepared().empty());
  Branch({Event(EventType::kWriteRowsV2, 100, 1)});
  branches_.Close();
  EXPECT_FALSE(branches_.has_rows());
}

TEST(Xid, IsReadFromStatements) {
  EXPECT_EQ(XidOf("XA COMMIT X'6131',X'',1"), "X'6131',X'',1");
  EXPECT_EQ(XidOf("xa rollback 'a1'"), "X'6131',X'',1");
  EXPECT_EQ(XidOf("XA COMMIT 'a1','b'"), "X'6131',X'62',1");
  EXPECT_EQ(XidOf("XA COMMIT 0x61,0x62,4294967295"), "X'61',X'62',4294967295");
  EXPECT_EQ(XidOf("XA COMMIT 'a','b',4294967296"), std::nullopt);
  EXPECT_EQ(XidOf("XA RECOVER"), std::nullopt);
  EXPECT_EQ(XidOf(""), std::nullopt);
}

}  // namespace
}  // namespace dm::migration
