#include "migration/unit/rate_meter.h"

#include <gtest/gtest.h>

namespace dm::migration {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RateMeter, MeanOfTheWindow) {
  const auto begin = SteadyClock::now();
  RateMeter rate;
  EXPECT_EQ(rate.PerSecond(), 0);
  rate.Reset(1000, begin);
  EXPECT_EQ(rate.PerSecond(), 0);
  for (int i = 1; i <= 60; ++i) rate.Update(1000 + i * 50, begin + seconds(i));
  EXPECT_DOUBLE_EQ(rate.PerSecond(), 50);
}

TEST(RateMeter, AsksDoNotChangeWhatTheNextOneSees) {
  const auto begin = SteadyClock::now();
  RateMeter rate;
  rate.Reset(0, begin);
  rate.Update(800, begin + seconds(8));
  for (int i = 0; i < 100; ++i) {
    rate.Update(800, begin + seconds(8) + milliseconds(i));
    EXPECT_NEAR(rate.PerSecond(), 100, 2);
  }
}

TEST(RateMeter, AStandstillShows) {
  const auto begin = SteadyClock::now();
  RateMeter rate;
  rate.Reset(0, begin);
  rate.Update(1000, begin + seconds(1));
  for (int i = 2; i < 30; ++i) rate.Update(1000, begin + seconds(i));
  EXPECT_EQ(rate.PerSecond(), 0);
}

TEST(RateMeter, RareAsksUseTheWholeTimeBetween) {
  const auto begin = SteadyClock::now();
  RateMeter rate;
  rate.Reset(0, begin);
  rate.Update(3000, begin + seconds(30));
  EXPECT_DOUBLE_EQ(rate.PerSecond(), 100);
  rate.Update(3000 + 6000, begin + seconds(60));
  EXPECT_DOUBLE_EQ(rate.PerSecond(), 200);
}

TEST(RateMeter, ACountThatFallsBeginsAnew) {
  const auto begin = SteadyClock::now();
  RateMeter rate;
  rate.Reset(0, begin);
  rate.Update(1000, begin + seconds(5));
  rate.Update(10, begin + seconds(6));
  EXPECT_EQ(rate.PerSecond(), 0);
  rate.Update(30, begin + seconds(7));
  EXPECT_DOUBLE_EQ(rate.PerSecond(), 20);
}

}  // namespace
}  // namespace dm::migration
