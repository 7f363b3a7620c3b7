#include "migration/config/scalar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/error/error.h"

namespace dm::migration {
namespace {

using ::testing::HasSubstr;

TEST(ChunkSizeTest, BareNumbersAreMiB) {
  EXPECT_EQ(ParseChunkSize("64"), 64U << 20);
  EXPECT_EQ(ParseChunkSize("64MB"), 64U << 20);
  EXPECT_EQ(ParseChunkSize("0"), 0U);
  EXPECT_EQ(ParseChunkSize("50B"), 50U);
  EXPECT_EQ(ParseChunkSize("6qwe4"), std::nullopt);
  EXPECT_EQ(ParseChunkSize(""), std::nullopt);
  EXPECT_EQ(ParseChunkSize("18446744073709551615"), std::nullopt);
}

TEST(TimezoneTest, Accepted) {
  for (const char* zone :
       {"", "+14:00", "-12:59", "+00:00", "Asia/Kolkata", "UTC", "Europe/Berlin"}) {
    EXPECT_NO_THROW(CheckTimezone(zone)) << zone;
  }
  EXPECT_EQ(ParseZoneOffset("-12:59"), std::chrono::minutes(-779));
}

TEST(TimezoneTest, Refused) {
  for (const char* zone :
       {"SYSTEM", "Local", "+15:00", "+14:01", "-13:00", "+1:00", "Mars/Base", "localtime",
        "../etc/passwd", "/etc/localtime", "Fixed/UTC+01:00:00", "+08:60", " UTC"}) {
    try {
      CheckTimezone(zone);
      ADD_FAILURE() << zone;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 20008) << zone;
      EXPECT_THAT(e.message(), HasSubstr(zone));
    }
  }
}

TEST(StartTimeTest, Accepted) {
  StartTime time = ParseStartTime("2006-01-02T15:04:05");
  EXPECT_EQ(time.local.count(), 1136214245);
  EXPECT_EQ(time.offset, std::nullopt);
  EXPECT_EQ(ParseStartTime("2006-01-02 15:04:05Z").offset, std::chrono::minutes(0));
  EXPECT_EQ(ParseStartTime("2006-01-02 15:04:05+0800").offset, std::chrono::minutes(480));
  EXPECT_EQ(ParseStartTime("2006-01-02 15:04:05-05:30").offset, std::chrono::minutes(-330));
  EXPECT_EQ(ParseStartTime("2024-02-29 00:00:00+14:00").offset, std::chrono::minutes(840));
}

TEST(StartTimeTest, Refused) {
  for (const char* text :
       {"", "xyz", "2006-01-02", "2006-01-02 15:04:05.5", "2006-01-02T15:04:05 +08:00",
        "2006-02-30 00:00:00", "2006-01-02 15:04:05-00:00", "2006-01-02 15:04:05+14:30",
        "2006-01-02 24:00:00", "2006-01-02 15:60:05", " 2006-01-02 15:04:05",
        "2006-01-02 15:04:05 ", "2006-01-02 15:04:05CET", "2006/01/02 15:04:05",
        "2006-01-02 15:04:05+08:0", "2006-01-02 15:04:05z"}) {
    try {
      ParseStartTime(text);
      ADD_FAILURE() << text;
    } catch (const std::invalid_argument& e) {
      EXPECT_THAT(e.what(), HasSubstr("error while parse start-time")) << text;
    }
  }
  EXPECT_THAT([] { ParseStartTime("xyz"); }, testing::ThrowsMessage<std::invalid_argument>(
                                                 HasSubstr("unsupported start-time format")));
}

TEST(TaskArgumentDurationTest, Phrases) {
  EXPECT_EQ(ParseSafeModeDuration("1m"), std::chrono::minutes(1));
  EXPECT_THAT([] { ParseSafeModeDuration("x"); },
              testing::ThrowsMessage<std::invalid_argument>(
                  HasSubstr("error while parse safe-mode-duration")));
  EXPECT_THAT([] { ParseStopWaitDuration("x"); },
              testing::ThrowsMessage<std::invalid_argument>(
                  HasSubstr("error while parse stop_wait_timeout_duration")));
}

}  // namespace
}  // namespace dm::migration
