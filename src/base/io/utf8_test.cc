#include "base/io/utf8.h"

#include <gtest/gtest.h>

namespace dm {
namespace {

TEST(Utf8Test, CharactersOfEveryLength) {
  EXPECT_EQ(Characters("aß日😀"), U"aß日😀");
  EXPECT_EQ(Characters(""), U"");
}

TEST(Utf8Test, OtherBytesAreCharactersOfTheirOwn) {
  // Cut off, overlong, a surrogate, beyond the last code point, a lone continuation.
  for (const char* bytes :
       {"\xe6\x97", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xff"}) {
    const std::u32string characters = Characters(bytes);
    EXPECT_EQ(characters.size(), std::string_view(bytes).size());
    for (const char32_t c : characters) EXPECT_GE(c, kRawByte);
  }
}

TEST(Utf8Test, AnyTextComesBack) {
  for (const std::string text : {"aß日😀", "x\xffy\xc3", "\xed\xa0\x80z"}) {
    EXPECT_EQ(FromCharacters(Characters(text)), text);
  }
}

}  // namespace
}  // namespace dm
