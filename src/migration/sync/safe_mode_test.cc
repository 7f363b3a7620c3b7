#include "migration/sync/safe_mode.h"

#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::migration {
namespace {

using namespace std::chrono_literals;
using Change = SafeMode::Change;

mysql::Location At(const std::string& file, uint64_t offset) {
  mysql::Location location;
  location.position = {file, offset};
  return location;
}

SafeModeStart Start() {
  SafeModeStart start;
  start.duration = 60s;
  start.begin = At("bin.000001", 1000);
  return start;
}

class SafeModeTest : public testing::Test {
 protected:
  Change Event(uint64_t offset, SteadyClock::duration after = 0s, uint32_t timestamp = 100) {
    return mode_.BeforeEvent(timestamp, false, At("bin.000001", offset), now_ + after);
  }
  SteadyClock::time_point now_ = SteadyClock::now();
  SafeModeStart start_ = Start();
  SafeMode mode_;
};

TEST_F(SafeModeTest, LastsForItsDurationWithoutExitPoint) {
  EXPECT_FALSE(mode_.Begin(start_, now_));
  EXPECT_TRUE(mode_.on());
  EXPECT_EQ(Event(2000, 59s), Change::kNone);
  EXPECT_TRUE(mode_.on());
  EXPECT_EQ(Event(2100, 60s), Change::kNone);
  EXPECT_FALSE(mode_.on());
}

// Somebody else has put data there that are younger than the begin.
TEST_F(SafeModeTest, BehindAnInexactBeginItLastsForBothDurationAndExitPoint) {
  start_.unknown_begin = true;
  start_.exit_point = At("bin.000001", 3000);
  EXPECT_FALSE(mode_.Begin(start_, now_));
  EXPECT_EQ(Event(2999, 3600s), Change::kNone);
  EXPECT_TRUE(mode_.on());
  EXPECT_EQ(Event(3000, 3601s), Change::kExitPointReached);
  mode_.LeaveExitPoint();
  EXPECT_FALSE(mode_.on());

  EXPECT_FALSE(mode_.Begin(start_, now_));
  EXPECT_EQ(Event(3000, 1s), Change::kExitPointReached);
  mode_.LeaveExitPoint();
  EXPECT_TRUE(mode_.on()) << "for the duration";
  EXPECT_EQ(Event(3100, 60s), Change::kNone);
  EXPECT_FALSE(mode_.on());
}

TEST_F(SafeModeTest, BehindAnInexactBeginThatIsTheUpstreamsEndItLastsForItsDuration) {
  start_.unknown_begin = true;
  start_.exit_point = start_.begin;
  EXPECT_TRUE(mode_.Begin(start_, now_));
  EXPECT_FALSE(mode_.exit_point());
  EXPECT_TRUE(mode_.on());
  EXPECT_EQ(Event(2000, 60s), Change::kNone);
  EXPECT_FALSE(mode_.on());
}

TEST_F(SafeModeTest, IsOffWithDurationZero) {
  start_.duration = 0s;
  EXPECT_FALSE(mode_.Begin(start_, now_));
  EXPECT_FALSE(mode_.on());
}

TEST_F(SafeModeTest, EndsAtTheExitPoint) {
  start_.exit_point = At("bin.000001", 3000);
  EXPECT_FALSE(mode_.Begin(start_, now_));
  EXPECT_EQ(Event(2999, 3600s), Change::kNone);
  EXPECT_EQ(Event(3000), Change::kExitPointReached);
  EXPECT_TRUE(mode_.on()) << "until the exit point is cleared durably";
  mode_.LeaveExitPoint();
  EXPECT_FALSE(mode_.on());
}

// Another server has other positions, and may have its transactions in another order.
TEST_F(SafeModeTest, InGtidModeAllTransactionsOfTheExitPointMustHaveCome) {
  auto at = [](const std::string& file, uint64_t offset, const std::string& set) {
    mysql::Location location = At(file, offset);
    location.gtid_set =
        mysql::GtidSet::Parse(mysql::Flavor::kMySql, "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa:" + set);
    return location;
  };
  start_.gtid_mode = true;
  start_.begin = at("bin.000009", 100, "1-100");
  start_.exit_point = at("bin.000009", 900, "1-102");
  EXPECT_FALSE(mode_.Begin(start_, now_));
  auto event = [&](const std::string& set) {
    return mode_.BeforeEvent(100, false, at("log.000001", 5000, set), now_);
  };
  EXPECT_EQ(event("1-100:102"), Change::kNone);
  EXPECT_EQ(event("1-100:102-103"), Change::kNone);
  EXPECT_EQ(event("1-103"), Change::kExitPointReached);
}

TEST_F(SafeModeTest, AnExitPointAtTheBeginIsOnlyCleared) {
  start_.exit_point = start_.begin;
  EXPECT_TRUE(mode_.Begin(start_, now_));
  EXPECT_FALSE(mode_.on());
}

TEST_F(SafeModeTest, AnExitPointNeedsADuration) {
  start_.exit_point = At("bin.000001", 3000);
  start_.duration = 0s;
  try {
    mode_.Begin(start_, now_);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 36071);
  }
  start_.configured = true;
  EXPECT_NO_THROW(mode_.Begin(start_, now_));
}

TEST_F(SafeModeTest, IsNotNeededForWhatIsAppliedOnce) {
  start_.each_once = true;
  EXPECT_FALSE(mode_.Begin(start_, now_));
  EXPECT_FALSE(mode_.on());
  start_.duration = 0s;
  start_.exit_point = At("bin.000001", 3000);
  EXPECT_TRUE(mode_.Begin(start_, now_)) << "the exit point is to be cleared";
  EXPECT_FALSE(mode_.on());
}

TEST_F(SafeModeTest, IsNeededBehindAPlaceThatSomebodyGave) {
  start_.each_once = start_.unknown_begin = true;
  EXPECT_FALSE(mode_.Begin(start_, now_));
  EXPECT_TRUE(mode_.on());
  start_.unknown_begin = false;
  start_.configured = true;
  EXPECT_FALSE(mode_.Begin(start_, now_));
  EXPECT_TRUE(mode_.on());
}

TEST_F(SafeModeTest, ConfiguredModeNeverEnds) {
  start_.configured = true;
  start_.exit_point = At("bin.000001", 3000);
  mode_.Begin(start_, now_);
  Event(9000, 3600s);
  mode_.LeaveExitPoint();
  EXPECT_TRUE(mode_.on());
}

TEST_F(SafeModeTest, TheCommandLinesDurationCountsBinlogTime) {
  start_.binlog_duration = 10s;
  EXPECT_FALSE(mode_.Begin(start_, now_));
  EXPECT_EQ(mode_.BeforeEvent(50, true, At("bin.000001", 1100), now_), Change::kNone);
  EXPECT_EQ(Event(1200, 0s, 100), Change::kNone);
  EXPECT_EQ(Event(5000, 3600s, 110), Change::kNone);
  EXPECT_EQ(Event(5100, 3600s, 111), Change::kDurationOver);
  EXPECT_FALSE(mode_.on());
}

TEST_F(SafeModeTest, TheCommandLinesDurationDoesNotCutTheExitPoint) {
  start_.binlog_duration = 10s;
  start_.duration = 0s;
  start_.exit_point = At("bin.000001", 6000);
  EXPECT_FALSE(mode_.Begin(start_, now_));
  EXPECT_EQ(Event(1200, 0s, 100), Change::kNone);
  EXPECT_EQ(Event(5100, 3600s, 111), Change::kDurationOver);
  EXPECT_TRUE(mode_.on());
  EXPECT_EQ(Event(6001, 3600s, 111), Change::kExitPointReached);
  mode_.LeaveExitPoint();
  EXPECT_FALSE(mode_.on());
}

// Another server, which may lag, has said what its exit point is.
TEST_F(SafeModeTest, AnExitPointMayNeedATimeToo) {
  start_.exit_point = At("bin.000001", 3000);
  start_.exit_time = 500;
  EXPECT_FALSE(mode_.Begin(start_, now_));
  EXPECT_EQ(Event(4000, 3600s, 500), Change::kNone);
  EXPECT_EQ(Event(4100, 3600s, 0), Change::kNone);
  EXPECT_EQ(Event(4200, 3600s, 501), Change::kExitPointReached);
  // It may lag by exactly what is saved.
  start_.exit_point = start_.begin;
  EXPECT_FALSE(mode_.Begin(start_, now_));
  EXPECT_TRUE(mode_.on());
  start_.duration = 0s;
  EXPECT_TRUE(mode_.Begin(start_, now_));
}

TEST(ExitPointTest, TheLaterOfTwo) {
  const auto at = [](uint64_t offset, const std::string& set) {
    mysql::Location location = At("bin.000001", offset);
    location.gtid_set = mysql::GtidSet::Parse(mysql::Flavor::kMySql, set);
    return location;
  };
  const std::string a = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa:";
  const std::string b = "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb:";
  EXPECT_EQ(Later(At("bin.000001", 7), At("bin.000001", 9), false).position.offset, 9u);
  EXPECT_EQ(Later(At("bin.000002", 7), At("bin.000001", 9), false).position.offset, 7u);
  EXPECT_EQ(Later(at(900, a + "1-5"), at(100, a + "1-9"), true).GtidText(), a + "1-9");
  EXPECT_EQ(Later(at(100, a + "1-9"), at(900, a + "1-5"), true).GtidText(), a + "1-9");
  // After a failover neither may have all.
  EXPECT_EQ(Later(at(100, a + "1-9"), at(900, a + "1-5," + b + "1"), true).GtidText(),
            a + "1-9," + b + "1");
  EXPECT_TRUE(IsBehind(at(900, a + "1-5"), at(100, a + "1-6"), true));
  EXPECT_FALSE(IsBehind(at(100, a + "1-6"), at(900, a + "1-5," + b + "1"), true));
  EXPECT_TRUE(IsBehind(At("bin.000001", 7), At("bin.000001", 7), false));
}

}  // namespace
}  // namespace dm::migration
