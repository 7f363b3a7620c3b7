#include "migration/rows/key_fold.h"

#include <gtest/gtest.h>

namespace dm::migration {
namespace {

std::string Folded(std::string_view text, std::string_view collation) {
  std::string out;
  AppendFolded(out, text, FoldOfCollation(collation));
  return out;
}

TEST(KeyFold, BinaryIsExact) {
  EXPECT_NE(Folded("a", "binary"), Folded("A", "binary"));
  EXPECT_NE(Folded("a", "binary"), Folded("a ", "binary"));
}

TEST(KeyFold, BinCollationsIgnoreTrailingBlanks) {
  EXPECT_EQ(Folded("a", "utf8mb4_bin"), Folded("a  ", "utf8mb4_bin"));
  EXPECT_NE(Folded("a", "utf8mb4_bin"), Folded("A", "utf8mb4_bin"));
}

TEST(KeyFold, UnicodeCollationsIgnoreCaseAccentsAndTrailingBlanks) {
  for (const char* collation :
       {"utf8mb4_general_ci", "utf8mb4_0900_ai_ci", "utf8_unicode_ci", "utf8mb4_uca1400_ai_ci"}) {
    EXPECT_EQ(Folded("M\xc3\xbcller ", collation), Folded("MULLER", collation)) << collation;
    EXPECT_EQ(Folded("stra\xc3\x9f"
                     "e",
                     collation),
              Folded("STRASSE", collation))
        << collation;
    EXPECT_EQ(Folded("stra\xc3\x9f"
                     "e",
                     collation),
              Folded("strase", collation))
        << collation;
    EXPECT_EQ(Folded("\xc3\xa6", collation), Folded("ae", collation)) << collation;
    EXPECT_NE(Folded("one", collation), Folded("two", collation)) << collation;
    EXPECT_NE(Folded("\xe4\xb8\xad", collation), Folded("\xe6\x96\x87", collation)) << collation;
  }
}

// One weight for all characters beyond 16 bits in older collations; in newer ones the mathematical
// A is an A.
TEST(KeyFold, CharactersBeyond16Bits) {
  const char* bold_a = "\xf0\x9d\x90\x80";
  const char* smile = "\xf0\x9f\x98\x80";
  for (const char* collation : {"utf8mb4_general_ci", "utf8mb4_unicode_ci"}) {
    EXPECT_EQ(Folded(bold_a, collation), Folded(smile, collation)) << collation;
  }
  for (const char* collation : {"utf8mb4_unicode_520_ci", "utf8mb4_0900_ai_ci"}) {
    EXPECT_EQ(Folded(bold_a, collation), Folded("a", collation)) << collation;
  }
  // General ones know a base letter where others have two.
  EXPECT_EQ(Folded("\xc4\xbf", "utf8mb4_general_ci"), Folded("L", "utf8mb4_general_ci"));
}

// y equals \xfc in latin1_swedish_ci, aa equals \xe5 in Danish: unknown ones tell no letters apart.
TEST(KeyFold, OtherCollationsTellNoLettersApart) {
  EXPECT_EQ(Folded("y", "latin1_swedish_ci"), Folded("\xc3\xbc", "latin1_swedish_ci"));
  EXPECT_EQ(Folded("aa", "utf8mb4_danish_ci"), Folded("\xc3\xa5", "utf8mb4_danish_ci"));
  EXPECT_NE(Folded("user1", "latin1_swedish_ci"), Folded("user2", "latin1_swedish_ci"));
  EXPECT_EQ(FoldOfCollation("klingon_ci"), KeyFold::kCoarse);
  EXPECT_EQ(FoldOfCollation(""), KeyFold::kCoarse);
}

TEST(KeyFold, PrefixesCountCharacters) {
  EXPECT_EQ(Utf8Prefix("\xc3\xbc"
                       "bc",
                       2),
            "\xc3\xbc"
            "b");
  EXPECT_EQ(Utf8Prefix("ab", 5), "ab");
}

TEST(KeyFold, HashesDependOnSeedLengthAndBytes) {
  EXPECT_NE(HashBytes("", 0), HashBytes(std::string_view("\0", 1), 0));
  EXPECT_NE(HashBytes("12345678", 1), HashBytes("12345678", 2));
  EXPECT_NE(HashBytes("12345678a", 1), HashBytes("12345678b", 1));
  EXPECT_NE(HashInteger(1, 0), HashInteger(2, 0));
}

}  // namespace
}  // namespace dm::migration
