#include "programs/master/record_size.h"

#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::master {
namespace {

constexpr size_t kLimit = 1'572'864;

std::string RefusalOf(const migration::SubtaskConfig& subtask) {
  try {
    CheckRecordSize(subtask, kLimit);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 20071);
    return e.message() + " / " + e.workaround();
  }
  return "";
}

TEST(RecordSize, NamesTheLargestPart) {
  migration::SubtaskConfig subtask;
  subtask.name = "t";
  subtask.source_id = "s";
  subtask.from.security.emplace().ssl_ca_bytes = std::string(300'000, 'a');
  subtask.to.security.emplace().ssl_ca_bytes = std::string(300'000, 'a');
  EXPECT_EQ(RefusalOf(subtask), "");
  subtask.to.security->ssl_ca_bytes = std::string(1'200'000, 'a');
  const std::string text = RefusalOf(subtask);
  EXPECT_NE(text.find("task t for source s"), std::string::npos) << text;
  EXPECT_NE(text.find("target-database.security.ssl-ca is 1200000 bytes"), std::string::npos)
      << text;
  EXPECT_NE(text.find("max-request-bytes"), std::string::npos) << text;

  migration::SourceConfig source;
  source.source_id = "s";
  CheckRecordSize(source, kLimit);
  source.from.security.emplace().ssl_ca_bytes = std::string(1'200'000, 'a');
  EXPECT_THROW(CheckRecordSize(source, kLimit), Error);
}

TEST(RecordSize, RulesCanBeTooLargeToo) {
  migration::SubtaskConfig subtask;
  subtask.meta_schema = std::string(kLimit, 'x');
  const std::string text = RefusalOf(subtask);
  EXPECT_NE(text.find("Please shorten the rules"), std::string::npos) << text;
}

}  // namespace
}  // namespace dm::master
