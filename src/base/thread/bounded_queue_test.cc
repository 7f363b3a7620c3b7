#include "base/thread/bounded_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace dm {
namespace {

TEST(BoundedQueueTest, FirstInFirstOut) {
  BoundedQueue<int> queue(10);
  EXPECT_TRUE(queue.Push(1, 1, {}));
  EXPECT_TRUE(queue.Push(2, 4, {}));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.weight(), 5U);
  EXPECT_EQ(queue.Pop({}), 1);
  EXPECT_EQ(queue.TryPop(), 2);
  EXPECT_EQ(queue.TryPop(), std::nullopt);
  EXPECT_EQ(queue.weight(), 0U);
}

TEST(BoundedQueueTest, MovesElements) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  queue.Push(std::make_unique<int>(7), 1, {});
  EXPECT_EQ(**queue.Pop({}), 7);
}

TEST(BoundedQueueTest, PushBlocksWhileFull) {
  BoundedQueue<int> queue(2);
  queue.Push(1, 2, {});
  std::atomic<bool> pushed{false};
  std::jthread producer([&] {
    queue.Push(2, 1, {});
    pushed = true;
  });
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_FALSE(pushed);
  EXPECT_EQ(queue.Pop({}), 1);
  EXPECT_EQ(queue.Pop({}), 2);  // comes only after the producer was let in
}

TEST(BoundedQueueTest, AnElementHeavierThanTheCapacityPassesAlone) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.Push(1, 100, {}));
  StopSource stop;
  stop.request_stop();
  EXPECT_THROW(queue.Push(2, 1, stop.get_token()), Cancelled);
  EXPECT_EQ(queue.Pop({}), 1);
  EXPECT_TRUE(queue.Push(2, 1, {}));
}

TEST(BoundedQueueTest, StopEndsBothWaits) {
  BoundedQueue<int> queue(1);
  StopSource stop;
  std::atomic<int> cancelled{0};
  {
    std::jthread consumer([&] {
      try {
        (void)queue.Pop(stop.get_token());
      } catch (const Cancelled&) {
        ++cancelled;
      }
    });
    stop.request_stop();
  }
  EXPECT_EQ(cancelled, 1);
  queue.Push(1, 1, {});
  EXPECT_THROW(queue.Push(2, 1, stop.get_token()), Cancelled);
  EXPECT_THROW((void)queue.Pop(stop.get_token()), Cancelled);
}

TEST(BoundedQueueTest, CloseLetsWhatIsInsideOut) {
  BoundedQueue<int> queue(10);
  queue.Push(1, 1, {});
  queue.Close();
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.Push(2, 1, {}));
  EXPECT_EQ(queue.Pop({}), 1);
  EXPECT_EQ(queue.Pop({}), std::nullopt);
}

TEST(BoundedQueueTest, CloseWakesEveryWaiter) {
  BoundedQueue<int> queue(1);
  queue.Push(1, 1, {});
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> producers;
    for (int i = 0; i < 3; ++i) {
      producers.emplace_back([&] { refused += queue.Push(2, 1, {}) ? 0 : 1; });
    }
    queue.Close();
  }
  EXPECT_EQ(refused, 3);
}

TEST(BoundedQueueTest, PopForGivesUp) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.PopFor(Milliseconds(1), {}), std::nullopt);
  EXPECT_FALSE(queue.closed());
  queue.Push(1, 1, {});
  EXPECT_EQ(queue.PopFor(Milliseconds(1), {}), 1);
}

TEST(BoundedQueueTest, ManyThreadsLoseAndDoubleNothing) {
  constexpr int kProducers = 4, kEach = 2000;
  BoundedQueue<int> queue(16);
  std::vector<std::atomic<int>> seen(kProducers * kEach);
  {
    std::vector<std::jthread> consumers;
    for (int c = 0; c < 3; ++c) {
      consumers.emplace_back([&] {
        while (std::optional<int> value = queue.Pop({})) ++seen[static_cast<size_t>(*value)];
      });
    }
    {
      std::vector<std::jthread> producers;
      for (int p = 0; p < kProducers; ++p) {
        producers.emplace_back([&queue, p] {
          for (int i = 0; i < kEach; ++i) queue.Push(p * kEach + i, 1 + i % 5, {});
        });
      }
    }
    queue.Close();
  }
  for (const std::atomic<int>& count : seen) EXPECT_EQ(count, 1);
  EXPECT_EQ(queue.weight(), 0U);
}

}  // namespace
}  // namespace dm
