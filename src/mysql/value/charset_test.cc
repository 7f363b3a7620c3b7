#include "mysql/value/charset.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace dm::mysql {
namespace {

std::string Utf8(std::string_view bytes, Charset charset) {
  std::string out = "|";
  EXPECT_TRUE(AppendAsUtf8(out, bytes, charset));
  return out.substr(1);
}

TEST(Charset, CollationIds) {
  EXPECT_EQ(CharsetOfCollation(8), Charset::kLatin1);
  EXPECT_EQ(CharsetOfCollation(28), Charset::kGbk);
  EXPECT_EQ(CharsetOfCollation(33), Charset::kUtf8mb3);
  EXPECT_EQ(CharsetOfCollation(45), Charset::kUtf8mb4);
  EXPECT_EQ(CharsetOfCollation(63), Charset::kBinary);
  EXPECT_EQ(CharsetOfCollation(255), Charset::kUtf8mb4);
  EXPECT_EQ(CharsetOfCollation(250), Charset::kGb18030);
  EXPECT_EQ(CharsetOfCollation(1125), Charset::kUtf16);
  EXPECT_EQ(CharsetOfCollation(2048), Charset::kUtf8mb3);
  EXPECT_EQ(CharsetOfCollation(2304), Charset::kUtf8mb4);
  EXPECT_EQ(CharsetOfCollation(3327), Charset::kUtf32);
  EXPECT_EQ(CharsetOfCollation(0), Charset::kUnknown);
  EXPECT_EQ(CharsetOfCollation(60000), Charset::kUnknown);
}

TEST(Charset, Names) {
  EXPECT_EQ(FindCharset("UTF8"), Charset::kUtf8mb3);
  EXPECT_EQ(FindCharset("latin1"), Charset::kLatin1);
  EXPECT_EQ(FindCharset("nonsense"), Charset::kUnknown);
  EXPECT_EQ(CharsetName(Charset::kUtf8mb4), "utf8mb4");
  EXPECT_EQ(CharsetMaxLength(Charset::kUtf8mb3), 3);
  ASSERT_NE(FindCollation("UTF8MB4_0900_AI_CI"), nullptr);
  EXPECT_EQ(FindCollation("utf8mb4_0900_ai_ci")->id, 255);
  EXPECT_EQ(FindCollation("utf8_general_ci")->id, 33);
  EXPECT_EQ(FindCollation(46)->name, "utf8mb4_bin");
  EXPECT_EQ(FindCollation("utf8mb4_uca1400_ai_ci")->charset, Charset::kUtf8mb4);
  EXPECT_EQ(CharsetOfCollationName("gbk_new_ci"), Charset::kGbk);
}

TEST(Charset, ConvertsBothWays) {
  struct {
    std::string_view text;
    std::string_view bytes;
    Charset charset;
  } const pairs[] = {
      {"xü€ÿ", "x\xfc\x80\xff", Charset::kLatin1},
      {"a一二三", "a\xd2\xbb\xb6\xfe\xc8\xfd", Charset::kGbk},
      {"при", "\xef\xf0\xe8", Charset::kCp1251},
      {"日", "\x93\xfa", Charset::kSjis},
      {"a🐬", "a🐬", Charset::kUtf8mb4},
      {"a日", {"\0a\x65\xe5", 4}, Charset::kUcs2},
      {"🐬", "\xd8\x3d\xdc\x2c", Charset::kUtf16},
      {"🐬", "\x3d\xd8\x2c\xdc", Charset::kUtf16le},
      {"🐬", {"\0\x01\xf4\x2c", 4}, Charset::kUtf32},
      {"ÄÖÅ", "[\\]", Charset::kSwe7},
  };
  for (const auto& pair : pairs) {
    EXPECT_EQ(Utf8(pair.bytes, pair.charset), pair.text);
    std::string bytes = "+";
    EXPECT_TRUE(AppendFromUtf8(bytes, pair.text, pair.charset)) << pair.text;
    EXPECT_EQ(bytes, "+" + std::string(pair.bytes));
  }
}

TEST(Charset, TextWithoutBytesInTheSetStaysText) {
  std::string out = "x";
  for (const auto& [text, charset] : std::initializer_list<std::pair<std::string_view, Charset>>{
           {"x日", Charset::kLatin1},
           {"ü", Charset::kAscii},
           {"x🐬", Charset::kUtf8mb3},
           {"🐬", Charset::kUcs2},
           {"日", Charset::kBinary},
           // Three bytes.
           {"丂", Charset::kUjis},
           // No UTF-8: cut off, never a lead byte, longer than need be, beyond the last character.
           {"x\xc3", Charset::kLatin1},
           {"x\xff", Charset::kUtf8mb4},
           {"\xe0\x80\x80", Charset::kUtf8mb4},
           {"\xf4\x90\x80\x80", Charset::kUtf16}}) {
    EXPECT_FALSE(AppendFromUtf8(out, text, charset)) << text;
    EXPECT_EQ(out, "x");
  }
}

TEST(Charset, ConvertsWithMySqlsMappings) {
  // Windows-1252 whose five holes are mapped one to one.
  EXPECT_EQ(Utf8("\x81\x8d\x8f\x90\x9d", Charset::kLatin1),
            "\xc2\x81\xc2\x8d\xc2\x8f\xc2\x90\xc2\x9d");
  EXPECT_EQ(Utf8("\x80\xff", Charset::kLatin1), "€ÿ");
  // Where MySQL differs from iconv.
  EXPECT_EQ(Utf8("a\x81\x5f\x81\x60z", Charset::kSjis), "a\\\xe3\x80\x9cz");
  EXPECT_EQ(Utf8("\xb6\x5c", Charset::kSjis), "ｶ\\");
  EXPECT_EQ(Utf8("\x8f\xa2\xb7\xc6\xfc", Charset::kUjis), "~日");
  EXPECT_EQ(Utf8("\xfe\x59z\xd2\xbb", Charset::kGb18030), "\xee\xa0\x9ez\xe4\xb8\x80");
  EXPECT_EQ(Utf8("\x82\x35\x90\x37", Charset::kGb18030), "\xe9\xbe\xb4");
  EXPECT_EQ(Utf8("\x94\x39\xda\x33", Charset::kGb18030), "\xf0\x9f\x92\xa9");
  EXPECT_EQ(Utf8("\xa1\x45", Charset::kBig5), "\xe2\x80\xa2");
}

TEST(Charset, InvalidBytesConvertToNothing) {
  std::string out = "x";
  EXPECT_FALSE(AppendAsUtf8(out, "\x80", Charset::kAscii));
  EXPECT_FALSE(AppendAsUtf8(out, "a\x98", Charset::kCp1251));
  EXPECT_FALSE(AppendAsUtf8(out, "\x81", Charset::kGbk));
  EXPECT_FALSE(AppendAsUtf8(out, "\xd8\x3d", Charset::kUtf16));
  EXPECT_FALSE(AppendAsUtf8(out, "a", Charset::kUcs2));
  EXPECT_FALSE(AppendAsUtf8(out, "a", Charset::kBinary));
  EXPECT_EQ(out, "x");
}

}  // namespace
}  // namespace dm::mysql
