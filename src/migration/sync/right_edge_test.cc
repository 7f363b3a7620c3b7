#include "migration/sync/right_edge.h"

#include <random>

#include "migration/rows/rows_fixture_test.h"

namespace dm::migration {
namespace {

class RightEdgeTest : public RowsTest {
 protected:
  // A row with this id was inserted.
  void Insert(int id) {
    auto batch = Batch(mysql::EventType::kWriteRowsV2, map_, {{id, "x"}});
    edge_.Note(*plan_, batch->after(0));
  }

  RightEdge edge_;
};

TEST_F(RightEdgeTest, RisingKeys) {
  Table("t", "id INT PRIMARY KEY, v VARCHAR(20)");
  for (int id = -5; id < -2; ++id) Insert(id);
  EXPECT_TRUE(edge_.is_hit());
}

TEST_F(RightEdgeTest, ClientsThatCommitInAnotherOrder) {
  Table("t", "id INT PRIMARY KEY, v VARCHAR(20)");
  for (int id = 0; id < 1000; id += 4) {
    for (const int next : {id + 3, id + 1, id + 4, id + 2}) Insert(next);
  }
  EXPECT_TRUE(edge_.is_hit());
}

TEST_F(RightEdgeTest, KeysInNoOrder) {
  Table("t", "id INT PRIMARY KEY, v VARCHAR(20)");
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) Insert(static_cast<int>(random()));
  EXPECT_FALSE(edge_.is_hit());
}

TEST_F(RightEdgeTest, TheOrderEndsAtSomeTime) {
  Table("t", "id INT PRIMARY KEY, v VARCHAR(20)");
  for (int id = 1000; id < 1100; ++id) Insert(id);
  EXPECT_TRUE(edge_.is_hit());
  for (int id = 0; id < 20; ++id) Insert(id);
  EXPECT_FALSE(edge_.is_hit());
}

TEST_F(RightEdgeTest, OtherKeysTellNothing) {
  Table("t", "id INT, v VARCHAR(20) PRIMARY KEY");
  for (int id = 0; id < 100; ++id) Insert(id);
  EXPECT_FALSE(edge_.is_hit());
  Table("n", "id INT, v VARCHAR(20)");
  for (int id = 0; id < 100; ++id) Insert(id);
  EXPECT_FALSE(edge_.is_hit());
}

}  // namespace
}  // namespace dm::migration
