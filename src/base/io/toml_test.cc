#include "base/io/toml.h"

#include <gtest/gtest.h>

#include <string>

namespace dm {
namespace {

TEST(TomlTest, CutOff) {
  EXPECT_THROW(ParseToml("["), toml::parse_error);
  EXPECT_THROW(ParseToml("a = [1,"), toml::parse_error);
}

// Letters outside texts are errors; in the test for blanks they are the end of nothing.
TEST(TomlTest, LettersThatAreNotAscii) {
  for (const char* letter : {"\u00e9", "\u0416", "\u3002", "\uff21", "\U0001F600"}) {
    const std::string text = letter;
    EXPECT_THROW(ParseToml(text), toml::parse_error) << text;
    EXPECT_THROW(ParseToml(text + " = 1"), toml::parse_error) << text;
    EXPECT_THROW(ParseToml("a = " + text), toml::parse_error) << text;
    EXPECT_THROW(ParseToml("a = 1" + text), toml::parse_error) << text;
    EXPECT_THROW(ParseToml("a = 1 " + text), toml::parse_error) << text;
    EXPECT_THROW(ParseToml("a = [1" + text + "]"), toml::parse_error) << text;
    EXPECT_THROW(ParseToml("[a" + text + "]"), toml::parse_error) << text;

    const toml::table table = ParseToml("# " + text + "\na = '" + text + "' # " + text +
                                        "\nb = \"\"\"x\\\n  " + text + "\"\"\"");
    EXPECT_EQ(table["a"].value<std::string>(), text);
    EXPECT_EQ(table["b"].value<std::string>(), "x" + text);
  }
}

}  // namespace
}  // namespace dm
