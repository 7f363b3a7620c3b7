#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error/error.h"
#include "mysql/sql/lexer.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"

namespace dm::mysql {
namespace {

TEST(Expressions, PrecedenceAndForm) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"a + 1", "`a`+1"},
      {"a - -1", "`a`- -1"},
      {"- - 1", "- -1"},
      {"not a = b", "NOT `a`=`b`"},
      {"a or b and c xor d", "`a` OR `b` AND `c` XOR `d`"},
      {"a || b", "`a` OR `b`"},
      {"a && b", "`a` AND `b`"},
      {"a mod 3 div 2", "`a`%3 DIV 2"},
      {"(a + b) * c", "(`a`+`b`)*`c`"},
      {"a <> 1", "`a`!=1"},
      {"a is not null", "`a` IS NOT NULL"},
      {"a not in (1, 2)", "`a` NOT IN (1,2)"},
      {"a like 'x%' escape '!'", "`a` LIKE 'x%' ESCAPE '!'"},
      {"a not between 1 and 2 and b", "`a` NOT BETWEEN 1 AND 2 AND `b`"},
      {"a rlike 'x'", "`a` REGEXP 'x'"},
      {"concat(a, 'x', _utf8mb4'y', _latin1'z', N'w')",
       "CONCAT(`a`, 'x', 'y', _latin1'z', _utf8'w')"},
      {"'a' 'b'", "'ab'"},
      {"x'4142'", "x'4142'"},
      {"0x4142", "x'4142'"},
      {"b'01'", "b'01'"},
      {"case when a then 1 else 2 end", "CASE WHEN `a` THEN 1 ELSE 2 END"},
      {"case a when 1 then 'x' when 2 then 'y' end",
       "CASE `a` WHEN 1 THEN 'x' WHEN 2 THEN 'y' END"},
      {"cast(a as signed integer)", "CAST(`a` AS SIGNED)"},
      {"cast(a as char(10) charset utf8)", "CAST(`a` AS CHAR(10) CHARACTER SET UTF8)"},
      {"cast(a as decimal(10,2))", "CAST(`a` AS DECIMAL(10, 2))"},
      {"cast(a->'$.x' as unsigned array)", "CAST(JSON_EXTRACT(`a`, '$.x') AS UNSIGNED ARRAY)"},
      {"convert(a using latin1)", "CONVERT(`a` USING latin1)"},
      {"convert(a, char)", "CAST(`a` AS CHAR)"},
      {"a->>'$.x'", "JSON_UNQUOTE(JSON_EXTRACT(`a`, '$.x'))"},
      {"date_add(a, interval 1 day)", "DATE_ADD(`a`, INTERVAL 1 DAY)"},
      {"a + interval 1 hour", "`a`+INTERVAL 1 HOUR"},
      {"extract(year from a)", "EXTRACT(YEAR FROM `a`)"},
      {"trim(both 'x' from a)", "TRIM(BOTH 'x' FROM `a`)"},
      {"trim(leading from a)", "TRIM(LEADING FROM `a`)"},
      {"substring(a from 2 for 3)", "SUBSTRING(`a`, 2, 3)"},
      {"position('x' in a)", "POSITION('x' IN `a`)"},
      {"timestampdiff(second, a, b)", "TIMESTAMPDIFF(SECOND, `a`, `b`)"},
      {"a collate utf8mb4_bin = b", "`a` COLLATE utf8mb4_bin=`b`"},
      {"binary a", "BINARY `a`"},
      {"date '2020-01-01'", "DATE '2020-01-01'"},
      {"t.a + s.t.b", "`t`.`a`+`s`.`t`.`b`"},
      {"json_value(a, '$.x' returning unsigned)", "JSON_VALUE(`a`, '$.x' RETURNING UNSIGNED)"},
      {"1 member of (a)", "1 MEMBER OF (`a`)"},
      {"(a, b) = (1, 2)", "(`a`,`b`)=(1,2)"},
      {"current_timestamp", "CURRENT_TIMESTAMP()"},
      {"a ^ b | c & d << 1", "`a`^`b`|`c`&`d`<<1"},
      {"!a", "!`a`"},
  };
  for (const auto& [input, expected] : rows) {
    const ExprPtr expr = ParseExpression(input, {});
    EXPECT_EQ(Restore(expr), expected) << input;
    EXPECT_EQ(Restore(ParseExpression(expected, {})), expected) << input;
  }
}

// What a call keeps as text: the tokens of the normal form are those of the text.
TEST(Expressions, KeptTextIsReadAsTheSameTokens) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"a.b", "A.B"},
      {"a . b", "A.B"},
      {"`a`.`b`", "`a`.`b`"},
      {"a.1b.2", "A.1B.2"},
      {"a.1e5.x", "A.1E5.X"},
      {"a. 1", "A. 1"},
      {"a .1", "A .1"},
      {"a . 1b", "A. 1B"},
      {"1 . b", "1 .B"},
      {"1 . 5", "1 . 5"},
      {"1. . 5", "1. . 5"},
      {"'x' . 5", "'x'. 5"},
      {"'x'. 1.5e-3", "'x'. 1.5e-3"},
      {"0b101. 1.5e-3", "0b101. 1.5e-3"},
      {"0x1f . .5", "0x1f..5"},
      {"x'1f'. 0x1f", "x'1f'. 0x1f"},
      {"(a). 5", "(A). 5"},
      {"( .5 , . 5)", "(.5,. 5)"},
      {"@a .b", "@a .B"},
      {"@a.b", "@a.b"},
      {"@ . b", "@ .B"},
      {"@`a`.b", "@`a` .B"},
      {"@ 'b'", "@ 'b'"},
      {"- - 1", "- - 1"},
      {"/ * 1 * /", "/ * 1 * /"},
      {": = 1", ": = 1"},
      {"n 'x' n'y' _utf8'z'", "N 'x' N'y' _UTF8 'z'"},
      {"'a' 'b'", "'a' 'b'"},
      {"\"a'b\"", "'a''b'"},
      {"x 'ab'", "X 'ab'"},
  };
  for (const auto& [input, expected] : rows) {
    const std::string once = Restore(ParseExpression("f(a as " + input + ")", {}));
    EXPECT_EQ(once, "F(`a` AS " + expected + ")") << input;
    EXPECT_EQ(Restore(ParseExpression(once, {})), once) << input;
    const std::vector<Token> from = Tokenize(input, {});
    const std::vector<Token> to = Tokenize(expected, {});
    ASSERT_EQ(from.size(), to.size()) << input;
    for (size_t i = 0; i < from.size(); ++i) {
      EXPECT_EQ(from[i].kind, to[i].kind) << input;
      EXPECT_EQ(UpperWord(from[i].text), UpperWord(to[i].text)) << input;
    }
  }
}

TEST(Expressions, KeptTextMeansTheSameInEverySqlMode) {
  ParseOptions modes;
  modes.sql_mode = SqlMode(SqlMode::kAnsiQuotes | SqlMode::kNoBackslashEscapes);
  EXPECT_EQ(Restore(ParseExpression("f(a as \"b\" 'c\\')", modes)), "F(`a` AS `b` 'c\\\\')");
}

// `--` and a blank begin a comment.
TEST(Expressions, MinusSignsStayApart) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"a - - - 1 * b", "`a`- - -1*`b`"},      {"a - -1 * b", "`a`- -1*`b`"},
      {"a - (- - 1)", "`a`-(- -1)"},           {"- - - a", "- - -`a`"},
      {"a - - b + - - c", "`a`- -`b`+- -`c`"},
  };
  for (const auto& [input, expected] : rows) {
    EXPECT_EQ(Restore(ParseExpression(input, {})), expected) << input;
    EXPECT_EQ(Restore(ParseExpression(expected, {})), expected) << input;
    const std::string stored = Restore(ParseExpression(input, {}), ExprStyle::kStored);
    EXPECT_EQ(Restore(ParseExpression(stored, {})), expected) << input;
  }
}

TEST(Parser, NamesOfCharacterSetsAreWords) {
  for (const char* text : {"a collate 'b*2'", "convert(a using `b)`)", "char(1 using `1`)"}) {
    EXPECT_THROW(ParseExpression(text, {}), Error) << text;
  }
  for (const char* text :
       {"ALTER DATABASE d CHARSET `x'y`", "CREATE TABLE t (a INT) COLLATE ''",
        "CREATE TABLE t (a CHAR(1) CHARSET `x y`)", "ALTER TABLE t CONVERT TO CHARSET 'x y'"}) {
    EXPECT_THROW(ParseStatements(text, {}), Error) << text;
  }
}

TEST(Expressions, CallsThatNeedArguments) {
  for (const char* text : {"char())", "row())", "match() against (a)", "char()", "f(row())"}) {
    EXPECT_THROW(ParseExpression(text, {}), Error) << text;
  }
}

TEST(Expressions, PredicatesBindTighterThanComparison) {
  const ExprPtr expr = ParseExpression("a = b in (1)", {});
  ASSERT_EQ(expr->kind, ExprKind::kBinary);
  EXPECT_EQ(expr->args[1]->kind, ExprKind::kIn);
  const ExprPtr product = ParseExpression("a + b * c - d", {});
  EXPECT_EQ(product->name, "-");
  EXPECT_EQ(product->args[0]->args[1]->name, "*");
}

TEST(Expressions, SqlModesChangeTheMeaning) {
  ParseOptions options;
  options.sql_mode = SqlMode(SqlMode::kPipesAsConcat);
  EXPECT_EQ(Restore(ParseExpression("a || b", options)), "CONCAT(`a`, `b`)");
  options.sql_mode = SqlMode(SqlMode::kHighNotPrecedence);
  EXPECT_EQ(Restore(ParseExpression("not a = b", options)), "!`a`=`b`");
  EXPECT_EQ(ParseExpression("not a = b", options)->kind, ExprKind::kBinary);
}

TEST(Expressions, StoredForm) {
  EXPECT_EQ(Restore(ParseExpression("concat(c_utf8bin,'-',c_int)", {}), ExprStyle::kStored),
            "concat(`c_utf8bin`, _utf8mb4'-', `c_int`)");
  EXPECT_EQ(Restore(ParseExpression("c_int*2", {}), ExprStyle::kStored), "`c_int` * 2");
}

TEST(Expressions, ColumnsAreRenamedWithoutCase) {
  const ExprPtr expr = ParseExpression("abs(A) + b", {});
  EXPECT_EQ(Restore(RenameColumn(expr, "a", "z")), "ABS(`z`)+`b`");
  EXPECT_EQ(RenameColumn(expr, "c", "z"), expr);
}

}  // namespace
}  // namespace dm::mysql
