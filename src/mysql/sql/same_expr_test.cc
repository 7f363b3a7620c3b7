#include "mysql/sql/same_expr.h"

#include <gtest/gtest.h>

namespace dm::mysql {
namespace {

TEST(SameExpression, TheWayItIsWrittenDoesNotCount) {
  EXPECT_TRUE(IsSameStoredExpression("`a` > 0", "((`A`>(0)))"));
  EXPECT_TRUE(IsSameStoredExpression("t.a <> 'x'", "a != _utf8mb4'x'"));
  EXPECT_TRUE(IsSameStoredExpression("(a>0 and b>0) and c", "a>0 AND (b>0 AND c)"));
  EXPECT_TRUE(IsSameStoredExpression("s NOT LIKE 'a%'", "(not((`s` like _utf8mb4'a%')))"));
  EXPECT_TRUE(IsSameStoredExpression("not a > 5", "a <= 5"));
  EXPECT_TRUE(IsSameStoredExpression("s REGEXP 'x'", "regexp_like(`s`,_utf8mb4'x')"));
  EXPECT_TRUE(IsSameStoredExpression("s NOT REGEXP 'x'", "(not(regexp_like(`s`,'x')))"));
  EXPECT_TRUE(IsSameStoredExpression("s LIKE 'a%' ESCAPE '|'", "(s like 'a%' escape _utf8mb4'|')"));
  EXPECT_TRUE(IsSameStoredExpression("not (a is null)", "a IS NOT NULL"));
  EXPECT_TRUE(IsSameStoredExpression("Upper(s) = 'X'", "upper(s) = 'X'"));
  EXPECT_TRUE(IsSameStoredExpression("no expression (", "no expression ("));
}

TEST(SameExpression, WhatItMeansDoes) {
  EXPECT_FALSE(IsSameStoredExpression("(a+b)*c > 0", "a+b*c > 0"));
  EXPECT_FALSE(IsSameStoredExpression("a>0 AND (b>0 OR c>0)", "(a>0 AND b>0) OR c>0"));
  EXPECT_FALSE(IsSameStoredExpression("a-(b-c) > 0", "a-b-c > 0"));
  EXPECT_FALSE(IsSameStoredExpression("s <> '5\\%'", "s <> '5%'"));
  EXPECT_FALSE(IsSameStoredExpression("s = 'X'", "s = 'x'"));
  EXPECT_FALSE(IsSameStoredExpression("a > 0", "a > 1"));
  EXPECT_FALSE(IsSameStoredExpression("a > 0", "b > 0"));
  EXPECT_FALSE(IsSameStoredExpression("not a", "a"));
  EXPECT_FALSE(IsSameStoredExpression("s REGEXP 'x'", "s NOT REGEXP 'x'"));
  EXPECT_FALSE(IsSameStoredExpression("s LIKE 'a%' ESCAPE '|'", "s LIKE 'a%'"));
  EXPECT_FALSE(IsSameStoredExpression("not (a and b)", "a and b"));
  EXPECT_FALSE(IsSameStoredExpression("a in (1, 2)", "a in (1, 2, 3)"));
  EXPECT_FALSE(IsSameStoredExpression("a > 0", "no expression ("));
}

}  // namespace
}  // namespace dm::mysql
