#include "migration/dumpfile/short_bytes.h"

#include <cstddef>

#include "migration/dumpfile/literals.h"
#include "mysql/value/hex.h"

namespace dm::migration {

namespace {

using mysql::HexDigit;

// Appends the literal whose digits begin at `at`; returns where it ends, 0 if it is none.
size_t AppendBytes(std::string& out, std::string_view text, size_t at, bool backslash_escapes) {
  const size_t start = out.size();
  out += "_binary'";
  for (; at + 1 < text.size() && HexDigit(text[at]) >= 0 && HexDigit(text[at + 1]) >= 0; at += 2) {
    const char byte = static_cast<char>(HexDigit(text[at]) * 16 + HexDigit(text[at + 1]));
    if (byte == '\'') out += '\'';
    if (byte == '\\' && backslash_escapes) out += '\\';
    out += byte;
  }
  if (at < text.size() && text[at] == '\'') {
    out += '\'';
    return at + 1;
  }
  out.resize(start);
  return 0;
}

}  // namespace

std::string WithShortBytes(std::string_view tuple, bool backslash_escapes) {
  std::string out;
  out.reserve(tuple.size());
  char before = '\0';  // the last character that is no blank
  for (size_t i = 0; i < tuple.size();) {
    const char c = tuple[i];
    if ((c == 'x' || c == 'X') && (before == '(' || before == ',') && i + 1 < tuple.size() &&
        tuple[i + 1] == '\'') {
      if (const size_t end = AppendBytes(out, tuple, i + 2, backslash_escapes); end != 0) {
        i = end;
        before = '\'';
        continue;
      }
    }
    const bool quoted = c == '\'' || c == '"';
    const size_t end = quoted ? EndOfQuoted(tuple, i, backslash_escapes) : i + 1;
    if (c != ' ') before = c;
    out += tuple.substr(i, end - i);
    i = end;
  }
  return out;
}

}  // namespace dm::migration
