#include "migration/dumpfile/literals.h"

#include <algorithm>

#include "mysql/value/hex.h"

namespace dm::migration {

using mysql::HexDigit;

size_t EndOfQuoted(std::string_view text, size_t at, bool backslash_escapes) {
  const char quote = text[at];
  for (++at; at < text.size() && text[at] != quote; ++at) {
    if (text[at] == '\\' && backslash_escapes) ++at;
  }
  return std::min(at + 1, text.size());
}

std::optional<std::string> HexLiteralAt(std::string_view text, size_t at, size_t* end) {
  if (at + 1 >= text.size() || (text[at] != 'x' && text[at] != 'X') || text[at + 1] != '\'') {
    return std::nullopt;
  }
  std::string bytes;
  for (at += 2; at + 1 < text.size() && HexDigit(text[at]) >= 0 && HexDigit(text[at + 1]) >= 0;
       at += 2) {
    bytes += static_cast<char>(HexDigit(text[at]) * 16 + HexDigit(text[at + 1]));
  }
  if (at >= text.size() || text[at] != '\'') return std::nullopt;
  *end = at + 1;
  return bytes;
}

}  // namespace dm::migration
