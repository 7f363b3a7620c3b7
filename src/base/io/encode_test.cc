#include "base/io/encode.h"

#include <gtest/gtest.h>

namespace dm {
namespace {

std::string Escaped(std::string_view text, JsonEscapes escapes = {}) {
  std::string out;
  AppendJsonString(out, text, escapes);
  return out;
}

TEST(AppendJsonString, Escapes) {
  EXPECT_EQ(Escaped("a\"b\\c\n\r\t\b\f\x01\x7f"), "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\x7f\"");
  EXPECT_EQ(Escaped("\b\f", {.short_controls = false}), R"("\u0008\u000c")");
  EXPECT_EQ(Escaped("=> <&"), R"("=\u003e \u003c\u0026")");
  EXPECT_EQ(Escaped("=> <&", {.html = false}), R"("=> <&")");
  EXPECT_EQ(Escaped("表\xE2\x80\xA8\xE2\x80\xA9"), "\"表\\u2028\\u2029\"");
  EXPECT_EQ(Escaped(std::string_view("\0", 1)), R"("\u0000")");
  EXPECT_EQ(Escaped(""), R"("")");
}

TEST(AppendJsonString, MarksEveryInvalidByte) {
  EXPECT_EQ(Escaped("\xC4\xE3"), R"("\ufffd\ufffd")");            // GBK
  EXPECT_EQ(Escaped("\xC0\x80"), R"("\ufffd\ufffd")");            // overlong
  EXPECT_EQ(Escaped("\xED\xA0\x80"), R"("\ufffd\ufffd\ufffd")");  // surrogate
  EXPECT_EQ(Escaped("\xE8\xA1"), R"("\ufffd\ufffd")");            // cut off
  EXPECT_EQ(Escaped("\xF4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");
  EXPECT_EQ(Escaped("\xF0\x9F\x98\x80"), "\"\xF0\x9F\x98\x80\"");
}

TEST(QuoteToml, Escapes) {
  EXPECT_EQ(QuoteToml("a\"b\\c\n\r\t\x01\x7f é"), R"("a\"b\\c\n\r\t\u0001\u007f é")");
}

TEST(Base64, BothWays) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},      {"f", "Zg=="},  {"fo", "Zm8="},  {"foo", "Zm9v"},
      {"a", "YQ=="}, {"ab", "YWI="}, {"abc", "YWJj"}, {"\xff\xef", "/+8="}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(EncodeBase64(bytes), text);
    EXPECT_EQ(DecodeBase64(text), bytes);
  }
  EXPECT_EQ(DecodeBase64("Z\r\nm8=\n"), "fo");
  for (const char* bad : {"Z", "Zg", "Zg=", "Z===", "Zg=g", "====", "Zm8_", "Zg== ", "=YQ=", "YQ=a",
                          "Y Q=", "YQ==YQ=="}) {
    EXPECT_EQ(DecodeBase64(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace dm
