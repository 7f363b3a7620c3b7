#include "migration/rules/name_pattern.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace dm::migration {
namespace {

bool Match(std::string_view pattern, std::string_view name, bool case_sensitive = true) {
  return NamePattern(pattern, case_sensitive).Matches(name);
}

std::string Refusal(std::string_view pattern) {
  try {
    NamePattern(pattern, true);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST(NamePatternTest, LiteralCoversTheWholeName) {
  EXPECT_TRUE(Match("shop", "shop"));
  EXPECT_FALSE(Match("shop", "shop1"));
  EXPECT_FALSE(Match("shop", "my_shop"));
  EXPECT_FALSE(Match("shop", ""));
  EXPECT_TRUE(Match("", ""));
  EXPECT_TRUE(Match("a\\b", "a\\b"));  // no escape character
  EXPECT_TRUE(Match("a.b", "a.b"));
  EXPECT_FALSE(Match("a.b", "axb"));
}

TEST(NamePatternTest, Star) {
  EXPECT_TRUE(Match("t_*", "t_"));
  EXPECT_TRUE(Match("t_*", "t_1"));
  EXPECT_FALSE(Match("t_*", "t"));
  EXPECT_TRUE(Match("*", ""));
  EXPECT_TRUE(Match("*", "anything"));
  EXPECT_EQ(Refusal("a*b"), "pattern a*b not valid");
  EXPECT_EQ(Refusal("**"), "pattern ** not valid");
  EXPECT_EQ(Refusal("[*]"), "");
  EXPECT_TRUE(Match("[*]", "*"));
}

TEST(NamePatternTest, QuestionMarkIsOneCharacter) {
  EXPECT_TRUE(Match("t?", "t1"));
  EXPECT_FALSE(Match("t?", "t"));
  EXPECT_FALSE(Match("t?", "t12"));
  EXPECT_TRUE(Match("t?", "t商"));
  EXPECT_TRUE(Match("?*", "x"));
  EXPECT_FALSE(Match("?*", ""));
}

TEST(NamePatternTest, Sets) {
  EXPECT_TRUE(Match("t[a-c]", "tb"));
  EXPECT_FALSE(Match("t[a-c]", "td"));
  EXPECT_TRUE(Match("t[abx-z]", "ta"));
  EXPECT_TRUE(Match("t[abx-z]", "ty"));
  EXPECT_FALSE(Match("t[abx-z]", "tc"));
  EXPECT_TRUE(Match("t[a-]", "t-"));
  EXPECT_TRUE(Match("t[-a]", "t-"));
  EXPECT_FALSE(Match("t[!x]", "tx"));
  EXPECT_TRUE(Match("t[!x]", "ty"));
  EXPECT_FALSE(Match("t[!a-d]", "tc"));
  EXPECT_TRUE(Match("t[!a-d]", "te"));
  EXPECT_TRUE(Match("t[!]", "t!"));
  EXPECT_FALSE(Match("t[!]", "ta"));
  EXPECT_FALSE(Match("t[]", "t"));
  EXPECT_FALSE(Match("t[]", "t[]"));
  EXPECT_TRUE(Match("t[1", "t[1"));
  EXPECT_TRUE(Match("t[0-9]*", "t7_x"));
}

TEST(NamePatternTest, LettersOutsideAscii) {
  EXPECT_TRUE(Match("商*", "商店"));
  EXPECT_TRUE(Match("商店", "商店"));
  EXPECT_TRUE(Match("~^商", "商店"));
  EXPECT_TRUE(Match("[一-龥]x", "商x"));
  EXPECT_TRUE(Match("ÄPFEL", "äpfel", false));
  EXPECT_FALSE(Match("ÄPFEL", "äpfel", true));
}

TEST(NamePatternTest, BytesThatAreNoCharacters) {
  EXPECT_TRUE(Match("t?", "t\xff"));
  EXPECT_TRUE(Match("t\xff", "t\xff"));
  EXPECT_FALSE(Match("t\xff", "t\xfe"));
  EXPECT_EQ(LowerName("A\xff\xc3"), "a\xff\xc3");
}

TEST(NamePatternTest, LetterCase) {
  EXPECT_TRUE(Match("Shop", "sHOP", false));
  EXPECT_FALSE(Match("Shop", "shop", true));
  EXPECT_TRUE(Match("t[A-C]", "tb", false));
  EXPECT_TRUE(Match("~^SHOP$", "shop", false));
  EXPECT_FALSE(Match("~^SHOP$", "shop", true));
  // Escapes of a regular expression keep their letter.
  EXPECT_TRUE(Match("~^\\D+$", "abc", false));
  EXPECT_FALSE(Match("~^\\D+$", "123", false));
}

TEST(NamePatternTest, RegularExpressions) {
  EXPECT_TRUE(Match("~_[0-9]+$", "shop_12"));
  EXPECT_TRUE(Match("~hop", "shops"));  // searched anywhere
  EXPECT_FALSE(Match("~^hop", "shops"));
  EXPECT_TRUE(Refusal("~(?=x)").starts_with("error parsing regexp"));
  EXPECT_TRUE(Refusal("~(").starts_with("error parsing regexp"));
  EXPECT_TRUE(NamePattern("~a", true, NamePattern::Regex::kLiteralTilde).Matches("~a"));
  EXPECT_FALSE(NamePattern("~a", true, NamePattern::Regex::kLiteralTilde).Matches("a"));
}

}  // namespace
}  // namespace dm::migration
