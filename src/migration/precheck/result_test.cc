#include "migration/precheck/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::migration {
namespace {

using ::testing::HasSubstr;

CheckItem Item(std::string name, CheckState state, int failures, int warnings) {
  CheckItem item{.name = std::move(name), .description = "d"};
  for (int i = 0; i < failures; ++i) item.entries.push_back({true, "failure"});
  for (int i = 0; i < warnings; ++i) item.entries.push_back({false, "warning"});
  item.state = state;
  return item;
}

size_t Entries(const std::vector<CheckItem>& items) {
  size_t count = 0;
  for (const CheckItem& item : items) count += item.entries.size();
  return count;
}

size_t Times(const std::string& text, std::string_view part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

std::string FailureText(const CheckReport& report, const CheckLimits& limits) {
  try {
    ReportText(report, limits);
  } catch (const Error& e) {
    return e.ToString();
  }
  return "no failure";
}

TEST(Shown, LimitsCountEntriesOfTheirSeverity) {
  const std::vector<CheckItem> items = {
      Item("good", CheckState::kSuccess, 0, 0), Item("warned", CheckState::kWarn, 0, 20),
      Item("failed", CheckState::kFail, 3, 2), Item("bare", CheckState::kFail, 0, 0),
      Item("bare warning", CheckState::kWarn, 0, 0)};
  EXPECT_EQ(Shown(items, {.errors = -1, .warnings = -1}).size(), 4u);
  EXPECT_EQ(Entries(Shown(items, {.errors = -1, .warnings = -1})), 25u);
  EXPECT_TRUE(Shown(items, {.errors = 0, .warnings = 0}).empty());
  // A warning with many entries hides no failure.
  const auto one = Shown(items, {.errors = 1, .warnings = 1});
  ASSERT_EQ(one.size(), 2u);
  EXPECT_EQ(one[1].name, "failed");
  EXPECT_EQ(Entries(one), 2u);
  const auto errors = Shown(items, {.errors = 10, .warnings = 0});
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[1].name, "bare");
  EXPECT_EQ(Entries(errors), 3u);
}

TEST(ReportText, SaysWhatTheVerdictIs) {
  EXPECT_EQ(ReportText({}, {}), "");
  EXPECT_EQ(ReportText({.items = {Item("a", CheckState::kSuccess, 0, 0)}}, {}),
            "pre-check is passed. ");
  // The time limit leaves a warning and no pass.
  CheckReport report{.items = {Item("a", CheckState::kWarn, 0, 1)}, .finished = false};
  EXPECT_THAT(ReportText(report, {}), HasSubstr("\"passed\": false"));
  report.finished = true;
  EXPECT_THAT(ReportText(report, {}), HasSubstr("\"passed\": true"));
}

TEST(ReportText, NothingShownIsAnEmptyListAndTheSummaryStays) {
  const CheckReport report{
      .items = {Item("a", CheckState::kFail, 1, 0), Item("b", CheckState::kFail, 1, 0)}};
  const std::string text = FailureText(report, {.errors = 0});
  EXPECT_THAT(text, HasSubstr("\"results\": []"));
  EXPECT_THAT(text, HasSubstr("\"failed\": 2"));
  EXPECT_EQ(Times(text, "\"state\": \"fail\""), 0u);
}

TEST(ReportText, IsWhatScriptsKnow) {
  CheckItem version{
      .id = 3, .name = "mysql_version", .description = "check whether mysql version is satisfied"};
  version.Warn("Migrating from MariaDB is still experimental.");
  version.instruction = "advice";
  version.extra = "address of db instance - 127.0.0.1:3306";
  CheckItem format{.id = 7,
                   .name = "mysql_binlog_format",
                   .description = "check whether mysql binlog_format is ROW"};
  format.Fail("binlog_format is STATEMENT, and should be ROW");
  CheckReport report{.items = {version, format}};
  EXPECT_EQ(FailureText(report, {}),
            "[code=26005:class=dm-master:scope=internal:level=medium], Message: fail to check "
            "synchronization configuration with type: check was failed, please see detail\n"
            " detail: {\n"
            "\t\t\"results\": [\n"
            "\t\t\t{\n"
            "\t\t\t\t\"id\": 3,\n"
            "\t\t\t\t\"name\": \"mysql_version\",\n"
            "\t\t\t\t\"desc\": \"check whether mysql version is satisfied\",\n"
            "\t\t\t\t\"state\": \"warn\",\n"
            "\t\t\t\t\"errors\": [\n"
            "\t\t\t\t\t{\n"
            "\t\t\t\t\t\t\"severity\": \"warn\",\n"
            "\t\t\t\t\t\t\"short_error\": \"Migrating from MariaDB is still experimental.\"\n"
            "\t\t\t\t\t}\n"
            "\t\t\t\t],\n"
            "\t\t\t\t\"instruction\": \"advice\",\n"
            "\t\t\t\t\"extra\": \"address of db instance - 127.0.0.1:3306\"\n"
            "\t\t\t},\n"
            "\t\t\t{\n"
            "\t\t\t\t\"id\": 7,\n"
            "\t\t\t\t\"name\": \"mysql_binlog_format\",\n"
            "\t\t\t\t\"desc\": \"check whether mysql binlog_format is ROW\",\n"
            "\t\t\t\t\"state\": \"fail\",\n"
            "\t\t\t\t\"errors\": [\n"
            "\t\t\t\t\t{\n"
            "\t\t\t\t\t\t\"severity\": \"fail\",\n"
            "\t\t\t\t\t\t\"short_error\": \"binlog_format is STATEMENT, and should be ROW\"\n"
            "\t\t\t\t\t}\n"
            "\t\t\t\t]\n"
            "\t\t\t}\n"
            "\t\t],\n"
            "\t\t\"summary\": {\n"
            "\t\t\t\"passed\": false,\n"
            "\t\t\t\"total\": 2,\n"
            "\t\t\t\"successful\": 0,\n"
            "\t\t\t\"failed\": 1,\n"
            "\t\t\t\"warning\": 1\n"
            "\t\t}\n"
            "\t}");
  report.items.pop_back();
  EXPECT_THAT(ReportText(report, {}),
              ::testing::StartsWith("fail to check synchronization configuration with type: no "
                                    "errors but some warnings\n detail: {\n"));
}

TEST(ReportJson, EscapesTextsAndNamesBothSides) {
  CheckItem item{.name = "a\"b"};
  item.Fail("<x> & \xff\t\x01");
  item.entries[0].self = "s";
  item.entries[0].other = "o";
  item.entries[0].instruction = "i";
  const std::string json = ReportJson({.items = {item}}, {});
  EXPECT_THAT(json, HasSubstr("\"name\": \"a\\\"b\""));
  EXPECT_THAT(json, HasSubstr("\"short_error\": \"\\u003cx\\u003e \\u0026 \\ufffd\\t\\u0001\","
                              "\n\t\t\t\t\t\t\"self\": \"s\",\n\t\t\t\t\t\t\"other\": \"o\","
                              "\n\t\t\t\t\t\t\"instruction\": \"i\"\n"));
}

}  // namespace
}  // namespace dm::migration
