#include "base/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <stdexcept>
#include <thread>

#include "base/error/error.h"
#include "base/io/file.h"
#include "base/io/text.h"
#include "base/log/line.h"
#include "base/log/log_file.h"
#include "base/log/sensitive.h"

namespace dm {
namespace {

using log_internal::JsonLine;
using log_internal::Line;
using log_internal::TextLine;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

// Local time of the tests is a fixed zone.
class LineTest : public ::testing::Test {
 protected:
  LineTest() {
    ::setenv("TZ", "XXX-05:30", 1);
    ::tzset();
  }
  ~LineTest() override {
    ::unsetenv("TZ");
    ::tzset();
  }

  static Line At(std::string_view message, std::span<const Field> fields) {
    return {
        .time = std::chrono::system_clock::from_time_t(1714521600) + std::chrono::milliseconds(123),
        .level = LogLevel::kInfo,
        .caller = "syncer.cc:123",
        .message = message,
        .context = {},
        .fields = fields};
  }
  static std::string Rest(std::string_view message, std::initializer_list<Field> fields) {
    std::string line = TextLine(At(message, {fields.begin(), fields.size()}));
    std::string head = "[2024/05/01 05:30:00.123 +05:30] [INFO] [syncer.cc:123]";
    EXPECT_EQ(line.substr(0, head.size()), head);
    return line.substr(head.size());
  }
};

TEST_F(LineTest, QuotesWhereNeeded) {
  EXPECT_EQ(Rest("listening", {}), " [listening]\n");
  EXPECT_EQ(Rest("become leader", {F("component", "election")}),
            " [\"become leader\"] [component=election]\n");
  EXPECT_EQ(Rest("get response", {F("current member", "{\"id\":\"m1\"}"), F("n", 12)}),
            " [\"get response\"] [\"current member\"=\"{\\\"id\\\":\\\"m1\\\"}\"] [n=12]\n");
  EXPECT_EQ(Rest("", {F("payload", "op:Pause name:\"mt\" "), F("empty", "")}),
            " [payload=\"op:Pause name:\\\"mt\\\" \"] [empty=]\n");
  EXPECT_EQ(Rest("a=b", {F("k", "x[1]")}), " [\"a=b\"] [k=\"x[1]\"]\n");
  EXPECT_EQ(Rest("two\nlines\t", {F("k", std::string("\x01\xff\0", 3))}),
            " [\"two\\nlines\\t\"] [k=\"\\u0001\\ufffd\\u0000\"]\n");
  EXPECT_EQ(Rest("日本", {F("d", "/x/y")}), " [日本] [d=/x/y]\n");
  EXPECT_EQ(Rest("m", {F("error", Error(ErrorCode::kParseSQL, "bad"))}),
            " [m] [error=\"[code=11006:class=functional:scope=internal:level=high], Message: "
            "bad\"]\n");
}

TEST_F(LineTest, Json) {
  Field fields[] = {F("task", "a \"b\""), F("rows", 12), F("ok", true), F("rate", 0.5),
                    F("inf", std::numeric_limits<double>::infinity())};
  EXPECT_EQ(JsonLine(At("hello world", fields)),
            "{\"level\":\"INFO\",\"time\":\"2024/05/01 05:30:00.123 +05:30\",\"caller\":"
            "\"syncer.cc:123\",\"message\":\"hello world\",\"task\":\"a \\\"b\\\"\",\"rows\":12,"
            "\"ok\":true,\"rate\":0.5,\"inf\":\"inf\"}\n");
}

TEST_F(LineTest, NegativeOffset) {
  ::setenv("TZ", "XXX+03:30", 1);
  ::tzset();
  EXPECT_EQ(log_internal::TimeText(std::chrono::system_clock::from_time_t(1714521600)),
            "2024/04/30 20:30:00.000 -03:30");
}

TEST(LogLevelTest, Names) {
  EXPECT_EQ(ParseLogLevel("WARNING"), LogLevel::kWarn);
  EXPECT_EQ(ParseLogLevel(""), LogLevel::kInfo);
  EXPECT_EQ(ParseLogLevel("Fatal"), LogLevel::kFatal);
  EXPECT_THROW(ParseLogLevel("verbose"), std::invalid_argument);
}

// Puts the process's sink back to where other tests expect it.
class SinkTest : public ::testing::Test {
 protected:
  ~SinkTest() override { InitLog({}); }
  TemporaryDirectory directory_;
};

TEST_F(SinkTest, WritesToTheFileAndFilters) {
  std::string path = JoinPath(directory_.path(), "new/dm.log");
  InitLog({.level = "warn", .file = path});
  Logger logger = Log().With({F("task", "t1")});
  logger.Info("hidden");
  logger.Warn("shown", {F("n", 1)});
  EXPECT_THAT(ReadFile(path),
              MatchesRegex("\\[....*\\] \\[WARN\\] \\[log_test.cc:[0-9]+\\] \\[shown\\] "
                           "\\[task=t1\\] \\[n=1\\]\n"));
  EXPECT_FALSE(LogEnabled(LogLevel::kInfo));
  SetLogLevel(LogLevel::kDebug);
  logger.Debug("now");
  EXPECT_THAT(ReadFile(path), HasSubstr("[DEBUG]"));
}

TEST_F(SinkTest, RefusesWhatItCannotUse) {
  auto fault = [](const LogConfig& config) -> std::string {
    try {
      InitLog(config);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 11104);
      return e.raw_cause();
    }
    return "";
  };
  EXPECT_EQ(fault({.level = "loud"}), "unrecognized level: \"loud\"");
  EXPECT_EQ(fault({.format = "xml"}), "unsupported log format: \"xml\"");
  EXPECT_THAT(fault({.file = directory_.path()}), HasSubstr("is a directory"));
}

TEST_F(SinkTest, LinesOfThreadsDoNotMix) {
  std::string path = JoinPath(directory_.path(), "dm.log");
  InitLog({.file = path});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 100; ++i) Log().Info("line", {F("text", "abcdefghij")});
      });
    }
  }
  std::vector<std::string> lines = Split(ReadFile(path), '\n');
  ASSERT_THAT(lines, SizeIs(401));
  for (size_t i = 0; i < 400; ++i) EXPECT_TRUE(lines[i].ends_with("[line] [text=abcdefghij]"));
}

TEST(LogFileTest, RotatesBeforeTheLimitAndKeepsEverything) {
  TemporaryDirectory directory;
  std::string path = JoinPath(directory.path(), "dm-worker.log");
  log_internal::LogFile file(path, 10, 0, 0);
  file.Write("12345678\n");
  file.Write("x\n");
  file.Write("y\n");
  std::vector<std::string> names = ListDirectory(directory.path());
  ASSERT_THAT(names, SizeIs(2));
  EXPECT_THAT(names[0],
              MatchesRegex("dm-worker-[0-9]+-[0-9]+-[0-9]+T[0-9]+-[0-9]+-[0-9]+\\.[0-9]+\\.log"));
  EXPECT_EQ(ReadFile(path), "x\ny\n");
  EXPECT_EQ(ReadFile(JoinPath(directory.path(), names[0])), "12345678\n");
}

TEST(LogFileTest, KeepsOnlySoManyBackups) {
  TemporaryDirectory directory;
  std::string path = JoinPath(directory.path(), "dm.log");
  WriteFile(JoinPath(directory.path(), "dm-other.log"), "not ours");
  log_internal::LogFile file(path, 1, 0, 2);
  for (int i = 0; i < 6; ++i) file.Write("line\n");
  EXPECT_THAT(ListDirectory(directory.path()), SizeIs(2 + 2));
  EXPECT_TRUE(FileExists(JoinPath(directory.path(), "dm-other.log")));
}

TEST(SensitiveTest, NeverPrints) {
  Sensitive<std::string> password("secret");
  EXPECT_EQ(fmt::format("{}", password), "******");
  std::ostringstream out;
  out << password;
  EXPECT_EQ(out.str(), "******");
  EXPECT_EQ(F("password", password).value, "******");
  EXPECT_EQ(password.value(), "secret");
}

TEST(RedactionTest, SwitchHidesValues) {
  EXPECT_EQ(Redacted("row"), "row");
  SetLogRedaction(true);
  EXPECT_EQ(Redacted("row"), "?");
  EXPECT_EQ(
      RedactedStatement("INSERT INTO `a'1`.`t2` (`b`) VALUES ('it''s', -1.5e-7,_binary'\\'x', "
                        "x'00',0xFF,NULL,\"d\")"),
      "INSERT INTO `a'1`.`t2` (`b`) VALUES (?, -?,_binary?, x?,?,NULL,?)");
  EXPECT_EQ(RedactedStatement("UPDATE t1 SET `a`='never ended"), "UPDATE t1 SET `a`=?");
  EXPECT_EQ(RedactedMessage(1062, "Duplicate entry 'it's 5' for key 't.PRIMARY'"),
            "Duplicate entry ?");
  EXPECT_EQ(RedactedMessage(1366, "Incorrect integer value: 'abc' for column `t`.`a` at row 1"),
            "Incorrect integer value: ? for column `t`.`a` at row 1");
  EXPECT_EQ(RedactedMessage(1526, "Table has no partition for value 7"),
            "Table has no partition for value ?");
  EXPECT_EQ(RedactedMessage(1525, "Incorrect DATE value: 'x'"), "Incorrect DATE value: ?");
  EXPECT_EQ(RedactedMessage(1690, "BIGINT value is out of range in '(5 - 7)'"),
            "BIGINT value is out of range in ?");
  EXPECT_EQ(RedactedMessage(1690, "constant 300 overflows tinyint"),
            "constant ? overflows tinyint");
  EXPECT_EQ(RedactedMessage(1146, "Table 'a.b' doesn't exist"), "Table 'a.b' doesn't exist");
  SetLogRedaction(false);
  EXPECT_EQ(RedactedStatement("VALUES ('x')"), "VALUES ('x')");
  EXPECT_EQ(RedactedMessage(1062, "Duplicate entry 'x'"), "Duplicate entry 'x'");
}

TEST(CutTest, LongTextsEndInDots) {
  EXPECT_EQ(CutForLog("short"), "short");
  EXPECT_EQ(CutForLog(std::string(1025, 'a')), std::string(1024, 'a') + "...");
  EXPECT_EQ(CutForLog(std::string(1023, 'a') + "é"), std::string(1023, 'a') + "...");
}

TEST(RedactedMessageTest, KeptTexts) {
  SetLogRedaction(true);
  KeepDuplicateEntry("entry 'src--1' for key '");
  EXPECT_EQ(RedactedMessage(1062, "Duplicate entry 'src--1' for key 'PRIMARY'"),
            "Duplicate entry 'src--1' for key 'PRIMARY'");
  EXPECT_EQ(RedactedMessage(1062, "Duplicate entry 'other--1' for key 'PRIMARY'"),
            "Duplicate entry ?");
  SetLogRedaction(false);
}

}  // namespace
}  // namespace dm
