#include "migration/config/dumper_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::migration {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Refusal(const std::string& extra_args) {
  try {
    ParseDumperArguments(extra_args);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 20071);
    return e.message();
  }
  return "";
}

TEST(DumperArgumentsTest, Forms) {
  const DumperArguments a = ParseDumperArguments(
      "--statement-size=100 --where \"t>10\" --threads 8 -F 50B -r5 -B a,b --database c "
      "--no-views=false --transactional-consistency ignored -f 'x.*' -f !x.y");
  EXPECT_EQ(a.statement_size, 100U);
  EXPECT_EQ(a.where, "t>10");
  EXPECT_EQ(a.threads, 8);
  EXPECT_EQ(a.filesize, 50U);
  EXPECT_EQ(a.rows, 5U);
  EXPECT_THAT(a.databases, ElementsAre("a", "b", "c"));
  EXPECT_EQ(a.no_views, false);
  EXPECT_EQ(a.transactional_consistency, true);
  EXPECT_THAT(a.filters, ElementsAre("x.*", "!x.y"));
  EXPECT_THAT(ParseDumperArguments("-T s.t,s.u").tables_list, ElementsAre("s.t", "s.u"));
  EXPECT_EQ(ParseDumperArguments("--no-locks").consistency, "none");
  EXPECT_EQ(ParseDumperArguments("--no-locks --consistency none").consistency, "none");
  EXPECT_EQ(ParseDumperArguments("  ").threads, std::nullopt);
  EXPECT_EQ(ParseDumperArguments("--no-sequences").no_sequences, true);
}

TEST(DumperArgumentsTest, WordsOfNoOptionAreTold) {
  const DumperArguments a = ParseDumperArguments("x --where id < 10 -W false - -t 3");
  EXPECT_THAT(a.idle, ElementsAre("x", "<", "10", "false", "-"));
  EXPECT_EQ(a.where, "id");
  EXPECT_EQ(a.threads, 3);
  EXPECT_THAT(ParseDumperArguments("--where id<10 -t 3").idle, ::testing::IsEmpty());
}

TEST(DumperArgumentsTest, Refusals) {
  EXPECT_THAT(Refusal("--threads 16 --skip-tz-utc"), HasSubstr("--skip-tz-utc is not known"));
  EXPECT_THAT(Refusal("--threads many"), HasSubstr("many is not a number"));
  EXPECT_THAT(Refusal("--threads"), HasSubstr("has no value"));
  EXPECT_THAT(Refusal("-F 5x"), HasSubstr("5x is not a size"));
  EXPECT_THAT(Refusal("-T t"), HasSubstr("db.tbl"));
  EXPECT_THAT(Refusal("-T s.t -f s.*"), HasSubstr("--tables-list and --filter together"));
  EXPECT_THAT(Refusal("--no-locks --consistency flush"), HasSubstr("cannot both specify"));
  EXPECT_THAT(Refusal("--consistency some"), HasSubstr("some is unknown"));
  EXPECT_THAT(Refusal("--consistency snapshot"), HasSubstr("TiDB"));
  EXPECT_THAT(Refusal("--snapshot x"), HasSubstr("--snapshot"));
  EXPECT_EQ(ParseDumperArguments("--ca /c --cert=/d --key /e").ca, "/c");
  EXPECT_EQ(ParseDumperArguments("--ca /c --cert=/d --key /e").cert, "/d");
  EXPECT_EQ(ParseDumperArguments("--ca /c --cert=/d --key /e").key, "/e");
  EXPECT_THAT(Refusal("-W=perhaps"), HasSubstr("neither true nor false"));
}

TEST(DumperArgumentsTest, PassesOverWhatItCannotReadIfItIsTold) {
  std::vector<std::string> left_out;
  const DumperArguments a =
      ParseDumperArguments("--threads 16 --skip-tz-utc -r many --nonsense x -F 5MB", &left_out);
  EXPECT_EQ(a.threads, 16);
  EXPECT_FALSE(a.rows);
  EXPECT_EQ(a.filesize, 5U << 20);
  ASSERT_EQ(left_out.size(), 3u);
  EXPECT_THAT(left_out[0], HasSubstr("--skip-tz-utc"));
  EXPECT_THROW(ParseDumperArguments("-T s.t -f s.*", &left_out), Error);
  EXPECT_TRUE(PassesOverDumperArguments({"table_schema", "all"}));
  EXPECT_FALSE(PassesOverDumperArguments({"dump_privilege"}));
}

TEST(DumpSettingsTest, ArgumentsWinOverKeys) {
  DumperConfig dumper;
  EXPECT_EQ(EffectiveDumpSettings(dumper).filesize, 64U << 20);
  EXPECT_EQ(EffectiveDumpSettings(dumper).rows, 200000U);
  EXPECT_EQ(EffectiveDumpSettings(dumper).statement_size, 1000000U);
  EXPECT_TRUE(EffectiveDumpSettings(dumper).no_views);
  EXPECT_FALSE(EffectiveDumpSettings(dumper).no_sequences);
  dumper.threads = 2;
  dumper.where = "a > 1";
  dumper.chunk_filesize = "0";
  EXPECT_EQ(EffectiveDumpSettings(dumper).threads, 2);
  EXPECT_EQ(EffectiveDumpSettings(dumper).where, "a > 1");
  EXPECT_EQ(EffectiveDumpSettings(dumper).filesize, 0U);
  dumper.extra_args = "-t 7 --where x -s 5 -F 1 --consistency lock --escape-backslash=false";
  const DumpSettings settings = EffectiveDumpSettings(dumper);
  EXPECT_EQ(settings.threads, 7);
  EXPECT_EQ(settings.where, "x");
  EXPECT_EQ(settings.statement_size, 5U);
  EXPECT_EQ(settings.filesize, 1U << 20);
  EXPECT_EQ(settings.consistency, "lock");
  EXPECT_FALSE(settings.escape_backslash);
  dumper.threads = -1;
  dumper.extra_args = "-t 0";
  EXPECT_EQ(EffectiveDumpSettings(dumper).threads, 4);
  dumper.chunk_filesize = "x";
  EXPECT_THROW(EffectiveDumpSettings(dumper), Error);
}

}  // namespace
}  // namespace dm::migration
