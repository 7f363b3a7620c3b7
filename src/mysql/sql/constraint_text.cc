#include "mysql/sql/constraint_text.h"

#include <algorithm>
#include <vector>

#include "mysql/sql/lexer.h"
#include "mysql/sql/restore.h"
#include "mysql/value/quote.h"

namespace dm::mysql {
namespace {

constexpr size_t kMaxNameLength = 64;  // characters

size_t Characters(std::string_view name) {
  return static_cast<size_t>(
      std::count_if(name.begin(), name.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool IsWord(const Token& token, std::string_view word) {
  return token.kind == TokenKind::kWord && token.upper == word;
}

bool IsName(const Token& token) {
  return token.kind == TokenKind::kWord || token.kind == TokenKind::kQuotedName;
}

}  // namespace

std::string ChangeConstraintText(std::string_view text, const ParseOptions& options,
                                 const ConstraintTextChanges& changes) {
  const std::vector<Token> tokens = Tokenize(text, options);
  std::string out;
  size_t copied = 0;
  const auto replace = [&](const Token& first, const Token& last, const std::string& with) {
    out.append(text.substr(copied, first.begin - copied)).append(with);
    copied = last.end;
  };
  // (The last token is none.)
  for (size_t i = 0; i + 2 < tokens.size(); ++i) {
    const Token& next = tokens[i + 1];
    if (IsWord(tokens[i], "CONSTRAINT") && IsName(next) && changes.name) {
      const bool foreign = IsWord(tokens[i + 2], "FOREIGN");
      if (!foreign && !IsWord(tokens[i + 2], "CHECK")) continue;
      const std::string name =
          changes.name(foreign ? ConstraintKind::kForeign : ConstraintKind::kCheck, next.text);
      if (name != next.text) replace(next, next, name.empty() ? "" : QuoteName(name));
    } else if (IsWord(tokens[i], "REFERENCES") && IsName(next) && changes.parent) {
      const bool two = i + 3 < tokens.size() && tokens[i + 2].kind == TokenKind::kSymbol &&
                       tokens[i + 2].text == "." && IsName(tokens[i + 3]);
      const Token& last = two ? tokens[i + 3] : next;
      const TableName named{two ? next.text : "", last.text};
      const TableName parent = changes.parent(named);
      if (parent != named) replace(next, last, QuoteTableName(parent));
    }
  }
  out.append(text.substr(copied));
  return out;
}

std::string RoutedConstraintName(const std::string& name, std::string_view source,
                                 std::string_view target) {
  if (!name.starts_with(source)) return name;
  const std::string_view suffix = std::string_view(name).substr(source.size());
  for (const std::string_view infix : {"_ibfk_", "_chk_"}) {
    if (suffix.size() > infix.size() && suffix.starts_with(infix) &&
        suffix.find_first_not_of("0123456789", infix.size()) == std::string_view::npos) {
      std::string routed = std::string(target) + std::string(suffix);
      return Characters(routed) > kMaxNameLength ? "" : routed;
    }
  }
  return name;
}

}  // namespace dm::mysql
