#include "mysql/position/position.h"

#include <gtest/gtest.h>

#include "base/error/error.h"
#include "mysql/position/location.h"

namespace dm::mysql {
namespace {

TEST(BinlogPosition, ParsesItsTextForms) {
  EXPECT_EQ(ParsePositionArgument("mysql-bin.000003:2345"),
            (BinlogPosition{"mysql-bin.000003", 2345}));
  EXPECT_EQ(ParsePositionText("(mysql-bin.000003, 2345)"),
            (BinlogPosition{"mysql-bin.000003", 2345}));
  EXPECT_EQ(ParsePositionText("mysql-bin.000003, 2345"),
            (BinlogPosition{"mysql-bin.000003", 2345}));
  EXPECT_EQ((BinlogPosition{"mysql-bin.000003", 2345}.ToString()), "(mysql-bin.000003, 2345)");
}

TEST(BinlogPosition, RefusesOtherText) {
  for (const char* text : {"", "a.000001", "a.000001:", "a.000001:x", "a.000001:4294967296",
                           "a.000001:1:2", "a.000001:-4"}) {
    try {
      ParsePositionArgument(text);
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 22003) << text;
    }
  }
  EXPECT_THROW(ParsePositionText("(mysql-bin.000003,2345)"), Error);
}

TEST(BinlogFileName, HasOneDotAndAPositiveNumber) {
  const auto name = ParseBinlogFileName("mysql-bin.000012");
  EXPECT_EQ(name.base, "mysql-bin");
  EXPECT_EQ(name.seq, "000012");
  EXPECT_EQ(name.number, 12u);
  for (const char* bad :
       {"", "mysql-bin", ".000001", "mysql-bin.", "my.bin.000001", "a.0", "a.000000", "a.1x"}) {
    EXPECT_FALSE(TryParseBinlogFileName(bad)) << bad;
  }
  EXPECT_THROW(ParseBinlogFileName("my.bin.000001"), Error);
}

TEST(BinlogFileName, RelaySuffix) {
  EXPECT_EQ(StripRelaySuffix("mysql-bin|000002.000003"), "mysql-bin.000003");
  EXPECT_EQ(RelaySuffix("mysql-bin|000002.000003"), 2u);
  EXPECT_EQ(StripRelaySuffix("mysql-bin.000003"), "mysql-bin.000003");
  EXPECT_FALSE(RelaySuffix("mysql-bin.000003"));
  EXPECT_FALSE(RelaySuffix("mysql-bin|000000.000003"));
  EXPECT_EQ(StripRelaySuffix("mysql-bin|xyz.000003"), "mysql-bin|xyz.000003");
  EXPECT_EQ(WithRelaySuffix("mysql-bin.000003", 2), "mysql-bin|000002.000003");
}

TEST(BinlogFileName, OrderIsNumericAndKnowsRelaySuffixes) {
  EXPECT_LT(CompareFileNames("mysql-bin.999999", "mysql-bin.1000000"), 0);
  EXPECT_LT(CompareFileNames("", "mysql-bin.000001"), 0);
  EXPECT_EQ(CompareFileNames("", ""), 0);
  EXPECT_LT(CompareFileNames("a.000009", "b.000001"), 0);
  EXPECT_LT(CompareFileNames("m|000001.000009", "m|000002.000001"), 0);
  EXPECT_GT(CompareFileNames("m|000001.000009", "m.000001"), 0);
  EXPECT_EQ(CompareFileNames("m|000007.000009", "m.000009"), 0);
  EXPECT_GT(ComparePositions({"m.000001", 5}, {"m.000001", 4}), 0);
}

TEST(Location, TextForm) {
  Location location{{"mysql-bin.000005", 1546}, GtidSet::Parse(Flavor::kMariaDb, "0-1-3"), 0};
  EXPECT_EQ(location.ToString(), "position: (mysql-bin.000005, 1546), gtid-set: 0-1-3");
  location.suffix = 2;
  EXPECT_EQ(location.ToString(), "position: (mysql-bin.000005, 1546), gtid-set: 0-1-3, suffix: 2");
}

TEST(Location, GtidModeComparesSetsThenSuffixes) {
  const std::string u = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
  const auto at = [&](const std::string& set, uint64_t offset, uint32_t suffix = 0) {
    return Location{{"m.000001", offset}, GtidSet::Parse(Flavor::kMySql, set), suffix};
  };
  EXPECT_LT(CompareLocations(at("", 900), at(u + ":1", 4), true), 0);
  EXPECT_EQ(CompareLocations(at(u + ":1-3", 900), at(u + ":1-3", 4), true), 0);
  EXPECT_LT(CompareLocations(at(u + ":1-3", 4, 1), at(u + ":1-3", 4, 2), true), 0);
  EXPECT_GT(CompareLocations(at(u + ":1-4", 4), at(u + ":1-3", 900), true), 0);
  // Neither contains the other: positions decide.
  EXPECT_GT(CompareLocations(at(u + ":1", 900), at(u + ":2", 4), true), 0);
  EXPECT_GT(CompareLocations(at("", 900), at(u + ":1", 4), false), 0);
}

TEST(Location, FreshMeansNothingDone) {
  EXPECT_TRUE(IsFreshLocation({}, true));
  EXPECT_TRUE(IsFreshLocation({}, false));
  EXPECT_FALSE(IsFreshLocation({{"m.000001", 4}, std::nullopt, 0}, true));
  EXPECT_FALSE(IsFreshLocation({{}, GtidSet::Parse(Flavor::kMariaDb, "0-1-3"), 0}, true));
  EXPECT_TRUE(IsFreshLocation({{}, GtidSet::Parse(Flavor::kMariaDb, "0-1-3"), 0}, false));
}

}  // namespace
}  // namespace dm::mysql
