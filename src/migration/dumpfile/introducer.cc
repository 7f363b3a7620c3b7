#include "migration/dumpfile/introducer.h"

#include <optional>

#include "migration/dumpfile/literals.h"
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

}  // namespace

std::string WithTextForTiDb(std::string_view tuple, bool backslash_escapes) {
  std::string out;
  size_t copied = 0;
  for (size_t i = 0; i < tuple.size(); ++i) {
    const char c = tuple[i];
    if (c == '\'' || c == '"') i = EndOfQuoted(tuple, i, backslash_escapes) - 1;
    if (c != '_') continue;
    const size_t blank = tuple.find(' ', i);
    if (blank == std::string_view::npos) break;
    const Charset charset = mysql::FindCharset(tuple.substr(i + 1, blank - i - 1));
    size_t end = 0;
    const std::optional<std::string> bytes = HexLiteralAt(tuple, blank + 1, &end);
    std::string text;
    if (charset == Charset::kUnknown || IsKnownToTiDb(charset) || !bytes ||
        !mysql::AppendAsUtf8(text, *bytes, charset)) {
      continue;
    }
    out += tuple.substr(copied, i - copied);
    mysql::AppendQuotedString(out, text, !backslash_escapes);
    copied = end;
    i = copied - 1;
  }
  out += tuple.substr(copied);
  return out;
}

}  // namespace dm::migration
