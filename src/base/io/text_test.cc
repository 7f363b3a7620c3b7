#include "base/io/text.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace dm {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(DurationTest, Parse) {
  EXPECT_EQ(ParseDuration("1m30s"), Nanoseconds(seconds(90)));
  EXPECT_EQ(ParseDuration("60s"), Nanoseconds(minutes(1)));
  EXPECT_EQ(ParseDuration("100ms"), Nanoseconds(milliseconds(100)));
  EXPECT_EQ(ParseDuration("1.5h"), Nanoseconds(minutes(90)));
  EXPECT_EQ(ParseDuration(".5s"), Nanoseconds(milliseconds(500)));
  EXPECT_EQ(ParseDuration("-2us"), Nanoseconds(-2000));
  EXPECT_EQ(ParseDuration("+1µs"), Nanoseconds(1000));
  EXPECT_EQ(ParseDuration("0"), Nanoseconds(0));
  EXPECT_EQ(ParseDuration("-9223372036854775808ns"), Nanoseconds::min());
  for (const char* bad : {"", "-", "5", "1m5", "s", ".s", "1d", "9223372036854775808ns", "1 s",
                          "3000000h", "99999999999999999999h"}) {
    EXPECT_FALSE(ParseDuration(bad)) << bad;
  }
}

TEST(DurationTest, FaultTexts) {
  auto fault = [](const char* text) -> std::string {
    try {
      (void)ParseDurationOrThrow(text);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(fault("abc"), "time: invalid duration \"abc\"");
  EXPECT_EQ(fault("5"), "time: missing unit in duration \"5\"");
  EXPECT_EQ(fault("5x"), "time: unknown unit \"x\" in duration \"5x\"");
}

TEST(DurationTest, Format) {
  EXPECT_EQ(FormatDuration(Nanoseconds(0)), "0s");
  EXPECT_EQ(FormatDuration(minutes(5)), "5m0s");
  EXPECT_EQ(FormatDuration(hours(1)), "1h0m0s");
  EXPECT_EQ(FormatDuration(seconds(1)), "1s");
  EXPECT_EQ(FormatDuration(milliseconds(100)), "100ms");
  EXPECT_EQ(FormatDuration(milliseconds(1500)), "1.5s");
  EXPECT_EQ(FormatDuration(milliseconds(-90'010)), "-1m30.01s");
  EXPECT_EQ(FormatDuration(Nanoseconds(1500)), "1.5µs");
  EXPECT_EQ(FormatDuration(Nanoseconds(7)), "7ns");
  EXPECT_EQ(FormatDuration(Nanoseconds::min()), "-2562047h47m16.854775808s");
}

TEST(SizeTest, Parse) {
  EXPECT_EQ(ParseSize("64MB"), 64U << 20);
  EXPECT_EQ(ParseSize("0.5g"), 1U << 29);
  EXPECT_EQ(ParseSize("500 m"), 500U << 20);
  EXPECT_EQ(ParseSize("1KiB"), 1024U);
  EXPECT_EQ(ParseSize("17"), 17U);
  EXPECT_EQ(ParseSize("3b"), 3U);
  EXPECT_EQ(ParseSize("1P"), uint64_t{1} << 50);
  for (const char* bad : {"", "m", "-1m", "1x", "1mm", "1.2.3k", "99999999p", "."}) {
    EXPECT_FALSE(ParseSize(bad)) << bad;
  }
}

TEST(SizeTest, Format) {
  EXPECT_EQ(FormatSize(0), "0 B");
  EXPECT_EQ(FormatSize(1536), "1.5 KiB");
  EXPECT_EQ(FormatSize(64U << 20), "64 MiB");
}

TEST(QuoteTest, Escapes) {
  EXPECT_EQ(Quote("a\"b\\c\n\t"), "\"a\\\"b\\\\c\\n\\t\"");
  EXPECT_EQ(Quote(std::string_view("\x00\xff\xc3", 3)), "\"\\x00\\xff\\xc3\"");
  EXPECT_EQ(Quote("é\xe2\x80\xa8"), "\"é\\u2028\"");
}

TEST(TextTest, SplitJoinTrim) {
  EXPECT_EQ(Split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(Split("", ','), std::vector<std::string>{""});
  EXPECT_EQ(Join({"a", "b"}, ", "), "a, b");
  EXPECT_EQ(FewOf({}, 2), "");
  EXPECT_EQ(FewOf({"a", "b"}, 2), "a, b");
  EXPECT_EQ(FewOf({"a", "b", "c", "d"}, 2), "a, b and 2 more");
  EXPECT_EQ(Trim(" \ta b\n"), "a b");
  EXPECT_EQ(Trim("  "), "");
  EXPECT_TRUE(EqualsIgnoreCase("InFo", "iNfO"));
  EXPECT_FALSE(EqualsIgnoreCase("a", "ab"));
}

TEST(TextTest, Numbers) {
  EXPECT_EQ(ParseUint("18446744073709551615"), 18446744073709551615U);
  EXPECT_FALSE(ParseUint("18446744073709551616"));
  EXPECT_FALSE(ParseUint("-1"));
  EXPECT_FALSE(ParseUint("1 "));
  EXPECT_EQ(ParseInt("-5"), -5);
  EXPECT_FALSE(ParseInt(""));
}

TEST(TextTest, Utf8) {
  EXPECT_TRUE(IsValidUtf8("aé日\xf0\x9f\x98\x80"));
  EXPECT_FALSE(IsValidUtf8("\xc0\x80"));
  EXPECT_FALSE(IsValidUtf8("\xed\xa0\x80"));
  EXPECT_FALSE(IsValidUtf8("\xf5\x80\x80\x80"));
  EXPECT_FALSE(IsValidUtf8("\xe6\x97"));
}

TEST(NearestWord, WhatWasMeant) {
  const std::vector<std::string> keys = {"threads",          "rows",     "where", "chunk-filesize",
                                         "block-allow-list", "source-id"};
  EXPECT_EQ(NearestWord("thread", keys), "threads");
  EXPECT_EQ(NearestWord("Threads", keys), "threads");
  EXPECT_EQ(NearestWord("chunkfilesize", keys), "chunk-filesize");
  EXPECT_EQ(NearestWord("block-alow-list", keys), "block-allow-list");
  EXPECT_EQ(NearestWord("sourceid", keys), "source-id");
  EXPECT_EQ(NearestWord("row", keys), "rows");
  EXPECT_EQ(NearestWord("nonsense", keys), std::nullopt);
  EXPECT_EQ(NearestWord("a", keys), std::nullopt);
  EXPECT_EQ(NearestWord("", keys), std::nullopt);
  EXPECT_EQ(DidYouMean("wher", keys), ", did you mean \"where\"?");
  EXPECT_EQ(DidYouMean("nonsense", keys), "");
}

}  // namespace
}  // namespace dm
