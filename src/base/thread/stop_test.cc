#include "base/thread/stop.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/error/error.h"

namespace dm {
namespace {

TEST(StopTest, ThrowIfStopped) {
  ThrowIfStopped({});
  StopSource stop;
  ThrowIfStopped(stop.get_token());
  stop.request_stop();
  EXPECT_THROW(ThrowIfStopped(stop.get_token()), Cancelled);
  EXPECT_STREQ(Cancelled().what(), "context canceled");
}

TEST(StopTest, WaitForElapses) {
  auto start = SteadyClock::now();
  WaitFor(Milliseconds(20), {});
  EXPECT_GE(SteadyClock::now() - start, Milliseconds(20));
}

TEST(StopTest, WaitForEndsAtTheStop) {
  StopSource stop;
  bool cancelled = false;
  auto start = SteadyClock::now();
  {
    std::jthread waiter([&] {
      try {
        WaitFor(Milliseconds(60'000), stop.get_token());
      } catch (const Cancelled&) {
        cancelled = true;
      }
    });
    stop.request_stop();
  }
  EXPECT_TRUE(cancelled);
  EXPECT_LT(SteadyClock::now() - start, Milliseconds(30'000));
}

TEST(LinkedStopTest, EitherParentStopsIt) {
  StopSource a, b;
  LinkedStop linked(a.get_token(), b.get_token());
  EXPECT_FALSE(linked.token().stop_requested());
  b.request_stop();
  EXPECT_TRUE(linked.token().stop_requested());
  LinkedStop late(a.get_token(), b.get_token());
  EXPECT_TRUE(late.token().stop_requested());
}

TEST(LinkedStopTest, StopsAloneWithoutItsParents) {
  StopSource a;
  LinkedStop linked(a.get_token(), {});
  linked.RequestStop();
  EXPECT_TRUE(linked.token().stop_requested());
  EXPECT_FALSE(a.stop_requested());
}

}  // namespace
}  // namespace dm
