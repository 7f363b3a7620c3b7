#include "migration/sync/causality.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace dm::migration {
namespace {

// Slots that commit when the test, or a wait, says so.
class FakeOrders : public CommittedOrders {
 public:
  bool IsCommitted(size_t slot, uint64_t order) const override {
    auto it = committed.find(slot);
    return it != committed.end() && it->second >= order;
  }
  void WaitCommitted(size_t slot, uint64_t order, const StopToken&) override {
    waits.emplace_back(slot, order);
    committed[slot] = std::max(committed[slot], order);
  }
  std::map<size_t, uint64_t> committed;
  std::vector<std::pair<size_t, uint64_t>> waits;
};

class CausalityTest : public testing::Test {
 protected:
  size_t Assign(std::vector<uint64_t> keys, size_t preferred) {
    return causality_.Assign(keys, ++order_, preferred, StopToken());
  }
  FakeOrders orders_;
  Causality causality_{orders_};
  uint64_t order_ = 0;
};

TEST_F(CausalityTest, FreeKeysGoWherePreferred) {
  EXPECT_EQ(Assign({1}, 3), 3u);
  EXPECT_EQ(Assign({2}, 4), 4u);
}

TEST_F(CausalityTest, AKeyInFlightKeepsItsSlot) {
  EXPECT_EQ(Assign({1}, 3), 3u);
  EXPECT_EQ(Assign({1, 2}, 4), 3u);
  EXPECT_EQ(Assign({2}, 5), 3u);
  EXPECT_TRUE(orders_.waits.empty());
}

TEST_F(CausalityTest, ACommittedKeyIsFree) {
  Assign({1}, 3);
  orders_.committed[3] = 1;
  EXPECT_EQ(Assign({1}, 4), 4u);
}

TEST_F(CausalityTest, KeysInSeveralSlotsWaitForAllButTheNewest) {
  Assign({1}, 3);  // order 1
  Assign({2}, 4);  // order 2
  Assign({3}, 5);  // order 3
  EXPECT_EQ(Assign({1, 2, 3}, 6), 5u);
  std::vector<std::pair<size_t, uint64_t>> expected = {{3, 1}, {4, 2}};
  EXPECT_EQ(orders_.waits, expected);
}

TEST_F(CausalityTest, ForgetsWhatIsCommitted) {
  for (uint64_t key = 0; key < 200000; ++key) {
    Assign({key}, 0);
    orders_.committed[0] = order_;
  }
  EXPECT_LT(causality_.size(), 70000u);
}

// Whatever the keys: two changes with a common key are in one slot, or the first was committed
// before the second was assigned.
TEST_F(CausalityTest, ChangesWithACommonKeyKeepTheirOrder) {
  std::mt19937 random(7);
  struct Done {
    size_t slot;
    uint64_t order;
  };
  std::map<uint64_t, Done> last;
  for (int i = 0; i < 50000; ++i) {
    std::vector<uint64_t> keys(1 + random() % 3);
    for (uint64_t& key : keys) key = random() % 200;
    if (random() % 4 == 0 && order_ > 10) {
      size_t slot = random() % 8;
      orders_.committed[slot] = std::max(orders_.committed[slot], order_ - random() % 10);
    }
    size_t slot = Assign(keys, random() % 8);
    for (uint64_t key : keys) {
      auto it = last.find(key);
      if (it != last.end() && it->second.order != order_ && it->second.slot != slot) {
        ASSERT_TRUE(orders_.IsCommitted(it->second.slot, it->second.order)) << "change " << i;
      }
      last[key] = {slot, order_};
    }
  }
}

}  // namespace
}  // namespace dm::migration
