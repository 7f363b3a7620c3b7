#include "migration/sync/lag.h"

#include <gtest/gtest.h>

namespace dm::migration {
namespace {

constexpr int64_t kStart = 1'700'000'000'000;
constexpr uint32_t kStartSeconds = 1'700'000'000;

TEST(LagMeter, NothingKnownIsNoLag) {
  LagMeter lag;
  EXPECT_EQ(lag.Seconds(0, kStart), 0);
  EXPECT_FALSE(lag.Connected(kStart));
}

TEST(LagMeter, OldestUncommittedChangeDecides) {
  LagMeter lag;
  lag.OnEvent(kStartSeconds, kStart);
  lag.OnWait();
  EXPECT_EQ(lag.Seconds(kStartSeconds - 600, kStart + 1000), 601);
}

TEST(LagMeter, BetweenBatchesOfAnOldStreamItStaysOld) {
  LagMeter lag;
  lag.OnEvent(kStartSeconds - 600, kStart);
  lag.OnWait();
  // All queues are empty for a moment.
  EXPECT_EQ(lag.Seconds(0, kStart + 100), 600);
  EXPECT_EQ(lag.Seconds(0, kStart + 2000), 600);
}

TEST(LagMeter, AnEventThatIsHandledForLongLetsItGrow) {
  LagMeter lag;
  lag.OnEvent(kStartSeconds, kStart);
  EXPECT_EQ(lag.Seconds(0, kStart + 2500), 2);
  EXPECT_EQ(lag.Seconds(0, kStart + 9000), 9);
  EXPECT_TRUE(lag.Connected(kStart + 60'000));
}

TEST(LagMeter, IdleUpstream) {
  LagMeter lag;
  lag.OnEvent(kStartSeconds, kStart + 300);
  lag.OnWait();
  EXPECT_EQ(lag.Seconds(0, kStart + 2000), 0);
  for (int second = 1; second < 100; ++second) {
    const int64_t now = kStart + 300 + second * 1000;
    EXPECT_EQ(lag.Seconds(0, now), 0);
    lag.OnEvent(0, now);
    lag.OnCaughtUp(now);
    lag.OnWait();
    EXPECT_EQ(lag.Seconds(0, now), 0);
    EXPECT_TRUE(lag.Connected(now));
  }
}

TEST(LagMeter, ALostUpstreamIsBehindSinceItWasLastHeardOf) {
  LagMeter lag;
  lag.OnEvent(0, kStart);
  lag.OnCaughtUp(kStart);
  lag.OnWait();
  EXPECT_EQ(lag.Seconds(0, kStart + 2000), 0);
  EXPECT_EQ(lag.Seconds(0, kStart + 30'000), 30);
  EXPECT_FALSE(lag.Connected(kStart + 30'000));
  lag.OnEnd();
  EXPECT_EQ(lag.Seconds(0, kStart + 1000), 1);
}

TEST(LagMeter, WhoWasSyncedIsBehindSinceThen) {
  LagMeter lag;
  lag.OnEvent(0, kStart);  // no time in it
  lag.OnWait();
  lag.OnSynced(kStart + 100);
  EXPECT_EQ(lag.Seconds(0, kStart + 2000), 0);
  lag.OnEnd();
  EXPECT_EQ(lag.Seconds(0, kStart + 5200), 5);
  lag.OnEvent(kStartSeconds - 600, kStart + 6000);
  EXPECT_EQ(lag.Seconds(0, kStart + 6000), 606);
}

TEST(LagMeter, ClocksThatDiffer) {
  for (int64_t offset : {-7200'000, -1500, 1500, 7200'000}) {
    LagMeter lag;
    lag.SetClockOffset(Milliseconds(offset));
    const int64_t ours = kStart + offset;
    lag.OnEvent(kStartSeconds - 10, ours);
    EXPECT_EQ(lag.Seconds(0, ours + 1000), 11);
    EXPECT_EQ(lag.Seconds(kStartSeconds - 20, ours), 20);
    lag.OnCaughtUp(ours);
    lag.OnWait();
    EXPECT_EQ(lag.Seconds(0, ours + 1000), 0);
  }
}

TEST(LagMeter, AnEventOfTheFutureIsNoLag) {
  LagMeter lag;
  lag.OnEvent(kStartSeconds + 3600, kStart);
  EXPECT_EQ(lag.Seconds(0, kStart), 0);
  EXPECT_EQ(lag.Seconds(kStartSeconds + 3600, kStart), 0);
}

}  // namespace
}  // namespace dm::migration
