#include "mysql/position/gtid_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/error/error.h"

namespace dm::mysql {
namespace {

constexpr char kU[] = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

GtidSet My(std::string text) {
  for (size_t at; (at = text.find('@')) != std::string::npos;) text.replace(at, 1, kU);
  return GtidSet::Parse(Flavor::kMySql, text);
}
GtidSet Maria(std::string_view text) { return GtidSet::Parse(Flavor::kMariaDb, text); }
std::string Full(const std::string& tail) { return kU + tail; }

std::string FromHex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i < hex.size();) {
    if (hex[i] == ' ') {
      ++i;
      continue;
    }
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    i += 2;
  }
  return out;
}
GtidSet DecodeHex(std::string_view hex) {
  const std::string bytes = FromHex(hex);
  return GtidSet::Decode({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

TEST(MySqlGtidSet, NormalForm) {
  EXPECT_EQ(My("3E11FA47-71CA-11E1-9E33-C80AA9429562:1-3:4:6").ToString(), Full(":1-4:6"));
  EXPECT_EQ(My(" @ : 1 - 3 ,\n @:5").ToString(), Full(":1-3:5"));
  EXPECT_EQ(My("@:foo:1-2,@:3").ToString(), Full(":3:foo:1-2"));
  EXPECT_EQ(My("@:1-2:FOO:7:bar:1-9").ToString(), Full(":1-2:bar:1-9:foo:7"));
  EXPECT_EQ(My("").ToString(), "");
  EXPECT_TRUE(My("@:0").empty());
  EXPECT_EQ(My("ffffffff-71ca-11e1-9e33-c80aa9429562:1,@:1").ToString(),
            Full(":1,ffffffff-71ca-11e1-9e33-c80aa9429562:1"));
}

TEST(MySqlGtidSet, RefusesBadText) {
  for (const char* text :
       {"x", "@", "@:", "@:3-1", "@:1,@:0", "@:1:foo", "@:foo:", "@:9223372036854775807", "@:-1",
        "@:1-", "@:a-b:1", ",@:1", "@:1,,", "0-1-2", "3e11fa4771ca11e19e33c80aa9429562:1"}) {
    EXPECT_THROW(My(text), Error) << text;
  }
}

TEST(MySqlGtidSet, Algebra) {
  GtidSet set = My("@:1-5");
  set.Union(My("@:6-9"));
  EXPECT_EQ(set.ToString(), Full(":1-9"));
  set.Subtract(My("@:3-4"));
  EXPECT_EQ(set.ToString(), Full(":1-2:5-9"));
  EXPECT_TRUE(My("@:1-9").Contains(My("@:2-3:9")));
  EXPECT_FALSE(My("@:1-9").Contains(My("@:foo:1")));
  EXPECT_FALSE(My("@:1-3:5-9").Contains(My("@:3-5")));
  EXPECT_TRUE(My("").Contains(My("")));
  EXPECT_FALSE(My("").Contains(My("@:1")));
  set = My("@:1-2");
  const GtidSet copy = set;
  set.Add(MySqlGtid{*Uuid::Parse(kU), "", 3});
  EXPECT_EQ(set.ToString(), Full(":1-3"));
  EXPECT_EQ(copy.ToString(), Full(":1-2"));
  EXPECT_TRUE(set.Contains(Gtid(MySqlGtid{*Uuid::Parse(kU), "", 3})));
  EXPECT_FALSE(set.Contains(Gtid(MySqlGtid{*Uuid::Parse(kU), "", 4})));
}

TEST(MySqlGtidSet, AlgebraAgreesWithPlainSets) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    GtidSet sets[2];
    std::set<uint64_t> plain[2];
    for (int s = 0; s < 2; ++s) {
      for (int i = 0; i < 6; ++i) {
        const uint64_t first = random() % 40 + 1, last = first + random() % 6;
        sets[s].AddInterval({*Uuid::Parse(kU), ""}, first, last);
        for (uint64_t n = first; n <= last; ++n) plain[s].insert(n);
      }
    }
    const auto members = [](const GtidSet& set) {
      std::set<uint64_t> out;
      for (const auto& [source, intervals] : set.intervals()) {
        uint64_t previous = 0;
        for (const auto& [first, last] : intervals) {
          EXPECT_LT(first, last);
          EXPECT_TRUE(previous == 0 || first > previous) << "adjacent or unsorted";
          previous = last;
          for (uint64_t n = first; n < last; ++n) out.insert(n);
        }
      }
      return out;
    };
    GtidSet both = sets[0], left = sets[0];
    both.Union(sets[1]);
    left.Subtract(sets[1]);
    std::set<uint64_t> both_plain = plain[0], left_plain = plain[0];
    both_plain.insert(plain[1].begin(), plain[1].end());
    for (const uint64_t n : plain[1]) left_plain.erase(n);
    EXPECT_EQ(members(both), both_plain);
    EXPECT_EQ(members(left), left_plain);
    EXPECT_EQ(sets[0].Contains(sets[1]),
              std::includes(plain[0].begin(), plain[0].end(), plain[1].begin(), plain[1].end()));
    EXPECT_TRUE(both.Contains(sets[0]) && both.Contains(sets[1]));
    EXPECT_EQ(My(both.ToString()), both);
    const std::string bytes = both.Encode();
    EXPECT_EQ(GtidSet::Decode({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}),
              both);
  }
}

TEST(MySqlGtidSet, BinaryForm) {
  const std::string classic =
      "01 00 00 00 00 00 00 00 39 6e 29 4c 1c a4 11 f1 9a e7 00 15 5d a7 9c 6b "
      "01 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00";
  EXPECT_EQ(DecodeHex(classic).ToString(), "396e294c-1ca4-11f1-9ae7-00155da79c6b:1-4");
  EXPECT_EQ(DecodeHex(classic).Encode(), FromHex(classic));

  const std::string untagged =
      "01 01 00 00 00 00 00 01 89 6e 78 82 18 fe 11 ef ab 88 22 22 2d 34 d4 11 00 "
      "01 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 04 00 00 00 00 00 00 00";
  EXPECT_EQ(DecodeHex(untagged).ToString(), "896e7882-18fe-11ef-ab88-22222d34d411:1-3");

  const std::string tagged =
      "01 01 00 00 00 00 00 01 89 6e 78 82 18 fe 11 ef ab 88 22 22 2d 34 d4 11 "
      "0c 66 6f 6f 62 61 7a "
      "01 00 00 00 00 00 00 00 07 00 00 00 00 00 00 00 08 00 00 00 00 00 00 00";
  EXPECT_EQ(DecodeHex(tagged).ToString(), "896e7882-18fe-11ef-ab88-22222d34d411:foobaz:7");
  EXPECT_EQ(DecodeHex(tagged).Encode(), FromHex(tagged));
}

TEST(MySqlGtidSet, MalformedBytesAreErrors) {
  const std::string good = FromHex(
      "01 01 00 00 00 00 00 01 89 6e 78 82 18 fe 11 ef ab 88 22 22 2d 34 d4 11 "
      "0c 66 6f 6f 62 61 7a "
      "01 00 00 00 00 00 00 00 07 00 00 00 00 00 00 00 08 00 00 00 00 00 00 00");
  for (size_t size = 0; size < good.size(); ++size) {
    const std::vector<uint8_t> cut(good.begin(), good.begin() + static_cast<long>(size));
    EXPECT_THROW(GtidSet::Decode(cut), Error) << size;
  }
  std::string huge = good;
  huge[31] = huge[32] = huge[38] = '\xff';  // number of intervals
  EXPECT_THROW(GtidSet::Decode({reinterpret_cast<const uint8_t*>(huge.data()), huge.size()}),
               Error);
}

TEST(MariaDbGtidSet, CurrentTransactionOfEveryDomain) {
  GtidSet set = Maria("0-1-5");
  set.Add(MariaDbGtid{0, 2, 6});
  EXPECT_EQ(set.ToString(), "0-2-6");
  EXPECT_TRUE(Maria("0-2-6").Contains(Maria("0-1-5")));
  set.Add(MariaDbGtid{10, 1, 1});
  set.Add(MariaDbGtid{3, 1, 1});
  EXPECT_EQ(set.ToString(), "0-2-6,10-1-1,3-1-1");
  EXPECT_TRUE(Maria("0-0-0").empty());
  EXPECT_EQ(Maria("0-1-0,1-1-4").ToString(), "1-1-4");
  set.Add(MariaDbGtid{7, 1, 0});
  EXPECT_EQ(set.ToString(), "0-2-6,10-1-1,3-1-1");
  EXPECT_THROW(Maria("0-1"), Error);
  EXPECT_THROW(Maria("0-1-x"), Error);
  EXPECT_THROW(Maria("4294967296-1-1"), Error);
}

TEST(MariaDbGtidSet, SequencesMayGoBackWhenServersChange) {
  GtidSet before = Maria("0-1-300");
  before.Add(MariaDbGtid{0, 2, 350});
  GtidSet after = before;
  after.Add(MariaDbGtid{0, 1, 301});
  EXPECT_EQ(after.ToString(), "0-1-301");
  EXPECT_TRUE(after.Contains(before));
  EXPECT_FALSE(before.Contains(after));
}

TEST(MariaDbGtidSet, UnionOfOneSequenceOfTwoServers) {
  const GtidSet a = GtidSet::Parse(Flavor::kMariaDb, "0-1-7");
  const GtidSet b = GtidSet::Parse(Flavor::kMariaDb, "0-2-7");
  GtidSet both = a, turned = b;
  both.Union(b);
  turned.Union(a);
  EXPECT_EQ(both, turned);
  EXPECT_EQ(both.ToString(), "0-2-7");
  EXPECT_TRUE(both.domains().at(0).ambiguous);
  EXPECT_TRUE(both.Contains(a) && both.Contains(b));
}

TEST(MariaDbGtidSet, SeveralEntriesOfADomainAreAmbiguous) {
  GtidSet set = Maria("0-1-5,0-2-7,1-1-1");
  EXPECT_TRUE(set.ambiguous());
  EXPECT_EQ(set.ToString(), "0-2-7,1-1-1");
  set.Add(MariaDbGtid{0, 1, 6});
  EXPECT_FALSE(set.ambiguous());
  EXPECT_EQ(set.ToString(), "0-1-6,1-1-1");
}

TEST(GtidSet, UnknownFlavorIsFoundOut) {
  EXPECT_EQ(GtidSet::ParseAny(Full(":1")).flavor(), Flavor::kMySql);
  EXPECT_EQ(GtidSet::ParseAny("0-1-2").flavor(), Flavor::kMariaDb);
  EXPECT_EQ(GtidSet::ParseAny("").flavor(), Flavor::kMySql);
  EXPECT_THROW(GtidSet::ParseAny("nonsense"), Error);
}

TEST(GtidSet, HasPassedCountsADomainByItsServers) {
  GtidSet stream = GtidSet::Parse(Flavor::kMariaDb, "0-1-500");
  const GtidSet other = GtidSet::Parse(Flavor::kMariaDb, "0-2-350");
  EXPECT_TRUE(stream.Contains(other));
  EXPECT_FALSE(stream.HasPassed(other));
  stream.Add(MariaDbGtid{0, 2, 350});
  EXPECT_TRUE(stream.HasPassed(other));
  EXPECT_FALSE(stream.HasPassed(GtidSet::Parse(Flavor::kMariaDb, "0-2-350,1-1-1")));
}

}  // namespace
}  // namespace dm::mysql
