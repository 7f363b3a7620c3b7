#include "migration/dumpfile/introducer.h"

#include <optional>

#include "mysql/value/charset.h"
#include "mysql/value/quote.h"

namespace dm::migration {

using mysql::Charset;

namespace {

// TiDB has columns in gbk, but does not take the name here.
bool IsKnownToTiDb(Charset charset) {
  return charset == Charset::kBinary || charset == Charset::kLatin1 ||
         mysql::IsUtf8Compatible(charset);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The bytes of `x'..'` at the start of `text`, whose size goes to `*size`.
std::optional<std::string> HexAt(std::string_view text, size_t* size) {
  if (!text.starts_with("x'") && !text.starts_with("X'")) return std::nullopt;
  std::string bytes;
  size_t at = 2;
  while (at + 1 < text.size() && HexDigit(text[at]) >= 0 && HexDigit(text[at + 1]) >= 0) {
    bytes += static_cast<char>(HexDigit(text[at]) * 16 + HexDigit(text[at + 1]));
    at += 2;
  }
  if (at >= text.size() || text[at] != '\'') return std::nullopt;
  *size = at + 1;
  return bytes;
}

}  // namespace

std::string WithTextForTiDb(std::string_view tuple, bool backslash_escapes) {
  std::string out;
  size_t copied = 0;
  char quote = '\0';
  for (size_t i = 0; i < tuple.size(); ++i) {
    const char c = tuple[i];
    if (quote != '\0') {
      // A doubled quote ends a string and begins the next.
      if (c == '\\' && backslash_escapes) {
        ++i;
      } else if (c == quote) {
        quote = '\0';
      }
      continue;
    }
    if (c == '\'' || c == '"') quote = c;
    if (c != '_') continue;
    const size_t blank = tuple.find(' ', i);
    if (blank == std::string_view::npos) break;
    const Charset charset = mysql::FindCharset(tuple.substr(i + 1, blank - i - 1));
    size_t size = 0;
    const std::optional<std::string> bytes = HexAt(tuple.substr(blank + 1), &size);
    std::string text;
    if (charset == Charset::kUnknown || IsKnownToTiDb(charset) || !bytes ||
        !mysql::AppendAsUtf8(text, *bytes, charset)) {
      continue;
    }
    out += tuple.substr(copied, i - copied);
    mysql::AppendQuotedString(out, text, !backslash_escapes);
    copied = blank + 1 + size;
    i = copied - 1;
  }
  out += tuple.substr(copied);
  return out;
}

}  // namespace dm::migration
