// SQL text to tokens.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/sql/parser.h"

namespace dm::mysql {

enum class TokenKind {
  kEnd,
  kError,           // text = what is wrong; nothing follows
  kWord,            // unquoted; text as written, upper in upper case
  kQuotedName,      // text without quotes
  kString,          // text = bytes of the value
  kNationalString,  // N'...'
  kInteger,
  kDecimal,
  kFloat,
  kHex,       // text = bytes of the value
  kBit,       // text = binary digits
  kVariable,  // @name, @@name
  kSymbol,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  std::string upper;  // kWord only
  size_t begin = 0;   // offsets in the source
  size_t end = 0;
};

// Tokens of `text`, the last one kEnd or kError. Executable comments are code (see ddl grammar:
// /*! */ always, /*M! */ from MariaDB, /*T! */ with known features); other comments are blanks.
// No more than the first `most`; of a text that has more of them no kEnd or kError is among those.
std::vector<Token> Tokenize(std::string_view text, const ParseOptions& options,
                            size_t most = std::numeric_limits<size_t>::max());

// True if the whole text is one executable comment (with blanks and `;` around it).
bool IsOneExecutableComment(std::string_view text);

// "line 1 column 38 near \"GEOMETRY\" " for a token of `text`.
std::string DescribePlace(std::string_view text, const Token& token);

std::string UpperWord(std::string_view word);

}  // namespace dm::mysql
