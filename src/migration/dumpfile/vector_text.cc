#include "migration/dumpfile/vector_text.h"

#include <algorithm>

#include "migration/dumpfile/literals.h"
#include "mysql/value/vector_text.h"

namespace dm::migration {

std::string WithVectorText(std::string_view tuple, const std::vector<size_t>& positions,
                           bool backslash_escapes) {
  std::string out;
  out.reserve(tuple.size());
  auto next = positions.begin();
  size_t column = 0;
  int depth = 0;
  for (size_t i = 0; i < tuple.size();) {
    const char c = tuple[i];
    size_t end = i + 1;
    next = std::find_if(next, positions.end(), [&](size_t at) { return at >= column; });
    const bool of_vector = (c == 'x' || c == 'X') && next != positions.end() && *next == column;
    const auto bytes = of_vector ? HexLiteralAt(tuple, i, &end) : std::nullopt;
    if (bytes && mysql::IsVector(*bytes)) {
      out += '\'';
      mysql::AppendVectorText(out, *bytes);
      out += '\'';
      i = end;
      continue;
    }
    if (c == '\'' || c == '"') end = EndOfQuoted(tuple, i, backslash_escapes);
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c == ',' && depth == 1) ++column;
    out += tuple.substr(i, end - i);
    i = end;
  }
  return out;
}

}  // namespace dm::migration
