#include "programs/master/precheck.h"

#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::master {
namespace {

TEST(JudgeVersion, OnlyAnUnreadableVersionFails) {
  EXPECT_EQ(JudgeVersion("8.0.36").state, CheckItem::State::kSuccess);
  EXPECT_EQ(JudgeVersion("5.6.0-log").state, CheckItem::State::kSuccess);
  EXPECT_EQ(JudgeVersion("5.5.62").entries.at(0).text,
            "version suggested at least 5.6.0 but got 5.5.62");
  EXPECT_EQ(JudgeVersion("9.1.0").entries.at(0).text,
            "version suggested earlier than 8.5.0 but got 9.1.0");
  EXPECT_EQ(JudgeVersion("10.11.6-MariaDB-log").state, CheckItem::State::kWarn);
  EXPECT_EQ(JudgeVersion("None").state, CheckItem::State::kFail);
}

TEST(JudgeVariable, SaysWhatItIsAndShouldBe) {
  const CheckItem bad = JudgeVariable("binlog_format", "STATEMENT", "ROW");
  EXPECT_EQ(bad.name, "mysql_binlog_format");
  EXPECT_EQ(bad.state, CheckItem::State::kFail);
  EXPECT_EQ(bad.entries.at(0).text, "binlog_format is STATEMENT, and should be ROW");
  EXPECT_EQ(JudgeVariable("log_bin", "on", "ON").state, CheckItem::State::kSuccess);
  EXPECT_EQ(JudgeVariable("server_id", "0", "").state, CheckItem::State::kWarn);
  EXPECT_TRUE(JudgeVariable("server_id", "0", "").entries.at(0).fails);
}

TEST(CheckText, SaysWhatTheVerdictIs) {
  EXPECT_EQ(CheckText({}, {}), "");
  CheckItem good = JudgeVersion("8.0.36");
  EXPECT_EQ(CheckText({good}, {}), "pre-check is passed. ");
  CheckItem warned = JudgeVersion("9.1.0");
  warned.id = 1;
  EXPECT_EQ(
      CheckText({good, warned}, {}),
      "fail to check synchronization configuration with type: no errors but some warnings\n"
      " detail: {\n\t\t\"results\": [\n\t\t\t{\n\t\t\t\t\"id\": 1,\n\t\t\t\t\"name\": "
      "\"mysql_version\",\n\t\t\t\t\"desc\": \"check whether mysql version is satisfied\",\n"
      "\t\t\t\t\"state\": \"warn\",\n\t\t\t\t\"errors\": [\n\t\t\t\t\t{\n\t\t\t\t\t\t"
      "\"severity\": \"warn\",\n\t\t\t\t\t\t\"short_error\": \"version suggested earlier than "
      "8.5.0 but got 9.1.0\"\n\t\t\t\t\t}\n\t\t\t\t]\n\t\t\t}\n\t\t],\n\t\t\"summary\": {\n"
      "\t\t\t\"passed\": true,\n\t\t\t\"total\": 2,\n\t\t\t\"successful\": 1,\n\t\t\t"
      "\"failed\": 0,\n\t\t\t\"warning\": 1\n\t\t}\n\t}");
}

TEST(CheckText, FailuresAreAnErrorAndTheLimitsHideEntriesOnly) {
  const CheckItem bad = JudgeVariable("log_bin", "OFF", "ON");
  try {
    CheckText({bad, bad}, {.errors = 0, .warnings = 10});
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 26005);
    EXPECT_EQ(e.error_class(), "dm-master");
    EXPECT_NE(e.message().find("\"results\": []"), std::string::npos);
    EXPECT_NE(e.message().find("\"failed\": 2"), std::string::npos);
  }
}

}  // namespace
}  // namespace dm::master
