#include "mysql/value/quote.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace dm::mysql {
namespace {

TEST(Quote, AnyModeNeedsNoEscape) {
  EXPECT_EQ(QuoteAnyMode("plain text"), "'plain text'");
  EXPECT_EQ(QuoteAnyMode("ü"), "'ü'");
  EXPECT_EQ(QuoteAnyMode(""), "''");
  EXPECT_EQ(QuoteAnyMode("it's"), "_utf8mb4 x'69742773'");
  EXPECT_EQ(QuoteAnyMode("a\\b"), "_utf8mb4 x'615c62'");
  EXPECT_EQ(QuoteAnyMode("a\"b"), "_utf8mb4 x'612262'");
  EXPECT_EQ(QuoteAnyMode("a\nb"), "_utf8mb4 x'610a62'");
}

// Whatever is looked at together: every byte at every place of texts of every length around that.
TEST(Quote, EscapesAtEveryPlace) {
  const std::map<char, std::string> escapes = {
      {'\0', "\\0"}, {'\n', "\\n"}, {'\r', "\\r"},  {'\x1a', "\\Z"},
      {'\'', "\\'"}, {'"', "\\\""}, {'\\', "\\\\"},
  };
  for (size_t size = 1; size <= 50; ++size) {
    for (size_t place = 0; place < size; ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, 'x');
        text[place] = static_cast<char>(byte);
        const auto escape = escapes.find(text[place]);
        std::string expected = text;
        if (escape != escapes.end()) expected.replace(place, 1, escape->second);
        std::string out = "=";
        AppendEscaped(out, text, false);
        ASSERT_EQ(out, "=" + expected) << size << " bytes, " << byte << " at " << place;
      }
    }
  }
  std::string all;
  AppendEscaped(all, std::string(40, '\''), false);
  EXPECT_EQ(all.size(), 80u);
}

}  // namespace
}  // namespace dm::mysql
