#include "base/cli/server_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dm::cli {
namespace {

using ::testing::ElementsAre;

ServerFlags Flags() {
  return ServerFlags(
      "dm-master",
      {{.name = "V", .type = FlagType::kBool, .usage = "prints version and exit"},
       {.name = "config", .usage = "path to config file"},
       {.name = "L", .usage = "log level", .default_value = "info"},
       {.name = "max-txn-ops",
        .type = FlagType::kUint,
        .usage = "most operations of a transaction",
        .default_value = "2048"},
       {.name = "openapi", .type = FlagType::kBool, .usage = "serve the OpenAPI"},
       {.name = "cert-allowed-cn", .type = FlagType::kStrings, .usage = "accepted common names"}});
}

std::string Fault(const std::vector<std::string>& args) {
  try {
    (void)Flags().Parse(args);
  } catch (const CommandError& e) {
    return e.what();
  }
  return "";
}

TEST(ServerFlagsTest, AllSpellings) {
  ServerArguments a = Flags().Parse({"-config", "x", "--max-txn-ops=7", "-V", "--openapi=false",
                                     "-cert-allowed-cn", "a", "-cert-allowed-cn=b", "rest", "-L"});
  EXPECT_EQ(a.flags.GetString("config"), "x");
  EXPECT_EQ(a.flags.GetUint("max-txn-ops"), 7U);
  EXPECT_TRUE(a.flags.GetBool("V"));
  EXPECT_FALSE(a.flags.GetBool("openapi"));
  EXPECT_TRUE(a.flags.Changed("openapi"));
  EXPECT_FALSE(a.flags.Changed("L"));
  EXPECT_EQ(a.flags.GetString("L"), "info");
  EXPECT_THAT(a.flags.GetStrings("cert-allowed-cn"), ElementsAre("a", "b"));
  EXPECT_THAT(a.rest, ElementsAre("rest", "-L"));
  EXPECT_FALSE(a.help);
}

TEST(ServerFlagsTest, StopsAtTheTerminator) {
  EXPECT_THAT(Flags().Parse({"--", "-V"}).rest, ElementsAre("-V"));
  EXPECT_THAT(Flags().Parse({"-"}).rest, ElementsAre("-"));
}

TEST(ServerFlagsTest, Faults) {
  EXPECT_EQ(Fault({"-nonsense"}), "flag provided but not defined: -nonsense");
  EXPECT_EQ(Fault({"--nonsense=1"}), "flag provided but not defined: -nonsense");
  EXPECT_EQ(Fault({"-config"}), "flag needs an argument: -config");
  EXPECT_EQ(Fault({"-max-txn-ops", "a"}), "invalid value \"a\" for flag -max-txn-ops: parse error");
  EXPECT_EQ(Fault({"-max-txn-ops", "99999999999999999999"}),
            "invalid value \"99999999999999999999\" for flag -max-txn-ops: value out of range");
  EXPECT_EQ(Fault({"-openapi=x"}), "invalid boolean value \"x\" for -openapi: parse error");
  EXPECT_EQ(Fault({"---x"}), "bad flag syntax: ---x");
}

TEST(ServerFlagsTest, HelpAndUsage) {
  EXPECT_TRUE(Flags().Parse({"-h"}).help);
  EXPECT_TRUE(Flags().Parse({"--help"}).help);
  EXPECT_EQ(Flags().Usage(),
            "Usage of dm-master:\n"
            "  -L string\n    \tlog level (default \"info\")\n"
            "  -V\tprints version and exit\n"
            "  -cert-allowed-cn value\n    \taccepted common names\n"
            "  -config string\n    \tpath to config file\n"
            "  -max-txn-ops uint\n    \tmost operations of a transaction (default 2048)\n"
            "  -openapi\n    \tserve the OpenAPI\n");
}

}  // namespace
}  // namespace dm::cli
