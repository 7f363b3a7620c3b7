// Any bytes as SQL text: tokens lie one behind the other within the text, and whoever looks at a
// text before it is parsed bears anything.
#include <string>

#include "mysql/sql/lexer.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"
#include "mysql/sql/sql_mode.h"
#include "target.h"

using namespace dm::mysql;  // NOLINT: the whole file is about this room
using dm::fuzz::Require;

// The first byte: sql_mode and flavor.
DM_FUZZ_TARGET(lexer) {
  if (input.empty()) return;
  const uint8_t flags = input[0];
  const std::string_view text = dm::fuzz::Text(input.subspan(1));
  ParseOptions options;
  options.sql_mode = SqlMode(
      (flags & 1 ? SqlMode::kAnsiQuotes : 0) | (flags & 2 ? SqlMode::kNoBackslashEscapes : 0) |
      (flags & 4 ? SqlMode::kPipesAsConcat : 0) | (flags & 8 ? SqlMode::kHighNotPrecedence : 0));
  options.mariadb = flags & 16;

  const std::vector<Token> tokens = Tokenize(text, options);
  Require(!tokens.empty(), "there is a last token");
  size_t end = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    const bool last = i + 1 == tokens.size();
    Require(last == (token.kind == TokenKind::kEnd || token.kind == TokenKind::kError),
            "kEnd or kError is the last token");
    Require(token.begin <= token.end && token.end <= text.size(), "a token lies in the text");
    Require(token.begin >= end, "tokens do not overlap");
    end = token.end;
    if (i < 8 || last) DescribePlace(text, token);
  }
  IsOneExecutableComment(text);
  MatchesBuiltinSkip(text);
  SqlMode::Parse(text);
  RenameCollations(text, options, [](std::string_view name) { return "x" + std::string(name); });

  ExprPtr expr;
  try {
    expr = ParseExpression(text, options);
  } catch (const dm::Error&) {
    return;  // most inputs are no expression
  }
  Restore(expr, ExprStyle::kStored);
  ParseOptions plain;
  plain.mariadb = options.mariadb;
  const std::string once = Restore(expr);
  ExprPtr again;
  try {
    again = ParseExpression(once, plain);
  } catch (const dm::Error& e) {
    // Operators of the text can be calls in the normal form, which nest.
    Require(e.raw_cause().find("nested too deeply") != std::string::npos ||
                e.raw_cause().find("too many operators") != std::string::npos,
            "the normal form of an expression is an expression");
    return;
  }
  Require(Restore(again) == once, "the normal form of an expression is its own normal form");
}
