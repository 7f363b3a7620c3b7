#include "mysql/value/quote.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace dm::mysql
