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
    EXPECT_NE(Folded("one", collation), Folded("two", collation)) << collation;
    EXPECT_NE(Folded("\xe4\xb8\xad", collation), Folded("\xe6\x96\x87", collation)) << collation;
  }
  const char* sharp_s = "\xc3\x9f";
  EXPECT_EQ(Folded(sharp_s, "utf8mb4_general_ci"), Folded("s", "utf8mb4_general_ci"));
  EXPECT_EQ(Folded(sharp_s, "utf8mb4_unicode_ci"), Folded("SS", "utf8mb4_unicode_ci"));
  EXPECT_EQ(Folded("\xc3\xa6", "utf8mb4_0900_ai_ci"), Folded("ae", "utf8mb4_0900_ai_ci"));
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
}

// y equals \xfc in latin1_swedish_ci, aa equals \xe5 in Danish: no letters are told apart.
TEST(KeyFold, CollationsOfLanguagesTellNoLettersApart) {
  for (const char* collation : {"latin1_swedish_ci", "utf8mb4_danish_ci", "utf8mb4_da_0900_ai_ci",
                                "utf8mb4_uca1400_danish_ai_ci", "gbk_chinese_ci"}) {
    EXPECT_EQ(Folded("y", collation), Folded("\xc3\xbc", collation)) << collation;
    EXPECT_EQ(Folded("aa", collation), Folded("\xc3\xa5", collation)) << collation;
    EXPECT_NE(Folded("user1", collation), Folded("user2", collation)) << collation;
  }
  EXPECT_EQ(Folded("2", "utf8mb4_danish_ci"), Folded("\xc2\xb2", "utf8mb4_danish_ci"));
  EXPECT_EQ(FoldOfCollation("utf8mb4_zh_0900_as_cs"), KeyFold::kTailored);
  EXPECT_EQ(FoldOfCollation("utf8mb4_myanmar_ci"), KeyFold::kTailored);
  EXPECT_EQ(FoldOfCollation("utf8mb3_spanish2_ci"), KeyFold::kTailored400);
}

TEST(KeyFold, UnknownCollationsTellNothingApart) {
  for (const char* collation : {"klingon_ci", "utf8mb4_klingon_ci", "utf8mb4_", "latin1", ""}) {
    EXPECT_EQ(FoldOfCollation(collation), KeyFold::kIncomparable) << collation;
    EXPECT_EQ(Folded("user1", collation), Folded("user2", collation)) << collation;
  }
}

TEST(KeyFold, WhatServersIgnoreIsDropped) {
  for (const char* collation : {"utf8mb4_unicode_ci", "utf8mb4_0900_ai_ci", "uca1400_ai_ci"}) {
    for (const char* ignored : {"\x01", "\x7f", "\xc2\x80", "\xcc\x81", "\xe2\x80\x8d"}) {
      EXPECT_EQ(Folded(std::string("a") + ignored, collation), Folded("a", collation)) << collation;
    }
  }
  EXPECT_NE(Folded("a\x01", "utf8mb4_general_ci"), Folded("a", "utf8mb4_general_ci"));
}

// Digits of other scripts, stroked letters, kana, width, compatible forms, and blanks.
TEST(KeyFold, CharactersOfOneWeight) {
  const std::pair<const char*, const char*> alike[] = {
      {"1", "\xd9\xa1"},
      {"1", "\xe2\x91\xa0"},
      {"o", "\xc3\xb8"},
      {"\xe3\x81\x82", "\xe3\x82\xa2"},
      {"\xe3\x81\x8b", "\xe3\x81\x8c"},
      {"a", "\xef\xbc\xa1"},
      {"a ", "a\xc2\xa0"},
      {"\xea\xb0\x80", "\xe1\x84\x80\xe1\x85\xa1"},
      {"\xd0\xb8\xcc\x86", "\xd0\xb9"},
      {"\xe0\xb9\x80\xe0\xb8\x81", "\xe0\xb8\x81\xe0\xb9\x80"},
  };
  for (const auto& [a, b] : alike) {
    EXPECT_EQ(Folded(a, "utf8mb4_0900_ai_ci"), Folded(b, "utf8mb4_0900_ai_ci")) << a << " " << b;
  }
}

TEST(KeyFold, StrayBytesAreIgnored) {
  for (const char* stray : {"a\x80", "a\xc3", "a\xf5", "a\xe4\xb8",
                            "\xff"
                            "a"}) {
    EXPECT_EQ(Folded(stray, "utf8mb4_general_ci"), Folded("a", "utf8mb4_general_ci"));
  }
}

TEST(KeyFold, ZerosAtTheEndOfBinary) {
  std::string out;
  AppendFolded(out, std::string_view("a\0b\0\0", 5), KeyFold::kZeroPadded);
  EXPECT_EQ(out, std::string("a\0b", 3));
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
