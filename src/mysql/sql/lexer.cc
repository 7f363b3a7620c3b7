#include "mysql/sql/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mysql/value/hex.h"

namespace dm::mysql {
namespace {

constexpr std::string_view kTidbFeatures[] = {
    "auto_rand", "auto_id_cache", "auto_rand_base", "clustered_index", "force_inc",
    "placement", "ttl",           "global_index",   "pre_split"};
// Longest first among those with a common beginning.
constexpr std::string_view kSymbols[] = {
    "<=>", "->>", "<=", ">=", "<>", "!=", "<<", ">>", "&&", "||", ":=", "->"};
// What an error shows of the remaining text.
constexpr size_t kNearLimit = 2048;
// Version of MariaDB's "/*M!999999\- enable the sandbox mode */": a command to its client.
constexpr std::string_view kSandboxVersion = "999999";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsWordChar(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Bytes of hex digits; an odd number of digits has an implied leading zero.
std::string HexBytes(std::string_view digits) {
  std::string bytes;
  size_t i = 0;
  if (digits.size() % 2 == 1) bytes.push_back(static_cast<char>(HexDigit(digits[i++])));
  for (; i < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(HexDigit(digits[i]) * 16 + HexDigit(digits[i + 1])));
  }
  return bytes;
}

class Lexer {
 public:
  Lexer(std::string_view text, const ParseOptions& options) : text_(text), options_(options) {}

  std::vector<Token> Run(size_t most) {
    while (tokens_.size() < most) {
      if (!SkipBlanks()) break;
      if (pos_ >= text_.size()) {
        if (executable_) {
          Fail(pos_, "executable comment without end");
          break;
        }
        Push(TokenKind::kEnd, "", pos_);
        break;
      }
      if (!Next()) break;
    }
    return std::move(tokens_);
  }

 private:
  char At(size_t pos) const { return pos < text_.size() ? text_[pos] : '\0'; }
  bool StartsWith(std::string_view prefix) const { return text_.substr(pos_).starts_with(prefix); }

  void Push(TokenKind kind, std::string value, size_t begin) {
    Token token;
    token.kind = kind;
    if (kind == TokenKind::kWord) token.upper = UpperWord(value);
    token.text = std::move(value);
    token.begin = begin;
    token.end = pos_;
    tokens_.push_back(std::move(token));
  }

  bool Fail(size_t begin, std::string what) {
    Token token;
    token.kind = TokenKind::kError;
    token.text = std::move(what);
    token.begin = begin;
    token.end = std::max(begin, std::min(pos_, text_.size()));
    tokens_.push_back(std::move(token));
    return false;
  }

  bool SkipBlanks() {
    while (pos_ < text_.size()) {
      const char c = text_[pos_];
      if (IsSpace(c) || c == '\0') {
        ++pos_;
      } else if (c == '#') {
        SkipLine();
      } else if (c == '-' && At(pos_ + 1) == '-' &&
                 (pos_ + 2 >= text_.size() || static_cast<unsigned char>(At(pos_ + 2)) <= ' ')) {
        SkipLine();
      } else if (executable_ && StartsWith("*/")) {
        executable_ = false;
        pos_ += 2;
      } else if (StartsWith("/*")) {
        if (!SkipComment()) return false;
      } else {
        break;
      }
    }
    return true;
  }

  void SkipLine() {
    const size_t end = text_.find('\n', pos_);
    pos_ = end == std::string_view::npos ? text_.size() : end + 1;
  }

  // At "/*". Enters an executable comment or skips the comment.
  bool SkipComment() {
    const size_t begin = pos_;
    if (!executable_ && EnterExecutable()) return true;
    const size_t end = text_.find("*/", begin + 2);
    if (end == std::string_view::npos) {
      pos_ = text_.size();
      return Fail(begin, "comment without end");
    }
    pos_ = end + 2;
    return true;
  }

  bool EnterExecutable() {
    size_t pos = pos_ + 2;
    char dialect = '\0';
    if (At(pos) == 'M' || At(pos) == 'T') dialect = text_[pos++];
    if (At(pos) != '!') return false;
    ++pos;
    if (dialect == 'M' && !options_.mariadb) return false;
    if (dialect == 'T') {
      if (At(pos) == '[') {
        // No further than the comment: every one would search the whole text.
        const size_t close = text_.find_first_of("]*", pos);
        if (close == std::string_view::npos || text_[close] != ']') return false;
        if (!KnownFeatures(text_.substr(pos + 1, close - pos - 1))) return false;
        pos = close + 1;
      }
    } else {
      size_t digits = 0;
      while (digits < 6 && IsDigit(At(pos + digits))) ++digits;
      if (text_.substr(pos, digits) == kSandboxVersion) return false;
      if (digits >= 5) pos += digits;
    }
    executable_ = true;
    pos_ = pos;
    return true;
  }

  static bool KnownFeatures(std::string_view list) {
    while (true) {
      const size_t comma = list.find(',');
      std::string_view feature = list.substr(0, comma);
      while (feature.starts_with(' ')) feature.remove_prefix(1);
      while (feature.ends_with(' ')) feature.remove_suffix(1);
      if (std::find(std::begin(kTidbFeatures), std::end(kTidbFeatures), feature) ==
          std::end(kTidbFeatures)) {
        return false;
      }
      if (comma == std::string_view::npos) return true;
      list.remove_prefix(comma + 1);
    }
  }

  bool Next() {
    const size_t begin = pos_;
    const char c = text_[pos_];
    if (c == '`') return QuotedName('`');
    if (c == '"' && options_.sql_mode.ansi_quotes()) return QuotedName('"');
    if (c == '[' && options_.mariadb && options_.sql_mode.mssql()) return QuotedName(']');
    if (c == '\'' || c == '"') return String(TokenKind::kString, begin);
    if (c == '@') return Variable();
    const bool after_dot = !tokens_.empty() && tokens_.back().kind == TokenKind::kSymbol &&
                           tokens_.back().text == "." && tokens_.back().end == begin;
    if (IsDigit(c) && !after_dot) return Number();
    if (c == '.' && IsDigit(At(pos_ + 1)) && !FollowsName(begin)) return Number();
    if (IsWordChar(c)) return Word();
    for (std::string_view symbol : kSymbols) {
      if (StartsWith(symbol)) {
        pos_ += symbol.size();
        Push(TokenKind::kSymbol, std::string(symbol), begin);
        return true;
      }
    }
    if (std::string_view("()[]{},;.=<>+-*/%^~!&|:?").find(c) != std::string_view::npos) {
      ++pos_;
      Push(TokenKind::kSymbol, std::string(1, c), begin);
      return true;
    }
    ++pos_;
    return Fail(begin, fmt::format("unexpected character 0x{:02X}", static_cast<unsigned char>(c)));
  }

  // True if the previous token is a name that ends right here, so that a dot continues it.
  bool FollowsName(size_t begin) const {
    if (tokens_.empty() || tokens_.back().end != begin) return false;
    const TokenKind kind = tokens_.back().kind;
    return kind == TokenKind::kWord || kind == TokenKind::kQuotedName;
  }

  bool QuotedName(char quote) {
    const size_t begin = pos_++;
    std::string name;
    while (true) {
      if (pos_ >= text_.size()) return Fail(begin, "name without closing quote");
      const char c = text_[pos_++];
      if (c == quote) {
        if (At(pos_) != quote) break;
        ++pos_;
      }
      name.push_back(c);
    }
    if (name.empty()) return Fail(begin, "empty name");
    Push(TokenKind::kQuotedName, std::move(name), begin);
    return true;
  }

  // At the opening quote.
  bool String(TokenKind kind, size_t begin) {
    const char quote = text_[pos_++];
    std::string value;
    while (true) {
      if (pos_ >= text_.size()) return Fail(begin, "string without closing quote");
      const char c = text_[pos_++];
      if (c == quote) {
        if (At(pos_) != quote) break;
        ++pos_;
        value.push_back(quote);
      } else if (c == '\\' && !options_.sql_mode.no_backslash_escapes()) {
        if (pos_ >= text_.size()) return Fail(begin, "string without closing quote");
        const char escaped = text_[pos_++];
        switch (escaped) {
          case '0':
            value.push_back('\0');
            break;
          case 'b':
            value.push_back('\b');
            break;
          case 'n':
            value.push_back('\n');
            break;
          case 'r':
            value.push_back('\r');
            break;
          case 't':
            value.push_back('\t');
            break;
          case 'Z':
            value.push_back('\x1a');
            break;
          case '%':
          case '_':
            value.push_back('\\');
            value.push_back(escaped);
            break;
          default:
            value.push_back(escaped);
        }
      } else {
        value.push_back(c);
      }
    }
    Push(kind, std::move(value), begin);
    return true;
  }

  bool Variable() {
    const size_t begin = pos_++;
    if (At(pos_) == '@') ++pos_;
    const char c = At(pos_);
    if (c == '`' || c == '\'' || c == '"') {
      const size_t close = text_.find(c, pos_ + 1);
      if (close == std::string_view::npos) return Fail(begin, "variable without closing quote");
      pos_ = close + 1;
    } else {
      while (pos_ < text_.size() && (IsWordChar(text_[pos_]) || text_[pos_] == '.')) ++pos_;
    }
    Push(TokenKind::kVariable, std::string(text_.substr(begin, pos_ - begin)), begin);
    return true;
  }

  bool Word() {
    const size_t begin = pos_;
    const char first = text_[pos_];
    if (At(pos_ + 1) == '\'') {
      if (first == 'x' || first == 'X') return QuotedDigits(TokenKind::kHex);
      if (first == 'b' || first == 'B') return QuotedDigits(TokenKind::kBit);
      if (first == 'n' || first == 'N') {
        ++pos_;
        return String(TokenKind::kNationalString, begin);
      }
    }
    while (pos_ < text_.size() && IsWordChar(text_[pos_])) ++pos_;
    Push(TokenKind::kWord, std::string(text_.substr(begin, pos_ - begin)), begin);
    return true;
  }

  // x'...' or b'...'
  bool QuotedDigits(TokenKind kind) {
    const size_t begin = pos_;
    const size_t close = text_.find('\'', pos_ + 2);
    if (close == std::string_view::npos) {
      pos_ = text_.size();
      return Fail(begin, "literal without closing quote");
    }
    const std::string_view digits = text_.substr(pos_ + 2, close - pos_ - 2);
    pos_ = close + 1;
    return Digits(kind, digits, begin, kind == TokenKind::kHex);
  }

  bool Digits(TokenKind kind, std::string_view digits, size_t begin, bool even) {
    const bool hex = kind == TokenKind::kHex;
    for (char c : digits) {
      if (hex ? HexDigit(c) < 0 : (c != '0' && c != '1')) {
        return Fail(begin, hex ? "not a hexadecimal literal" : "not a bit literal");
      }
    }
    if (even && digits.size() % 2 == 1) return Fail(begin, "odd number of hexadecimal digits");
    Push(kind, hex ? HexBytes(digits) : std::string(digits), begin);
    return true;
  }

  // At a digit or at a dot with a digit behind it. A run of word characters that is no number is a
  // name (`1a`).
  bool Number() {
    const size_t begin = pos_;
    size_t word_end = pos_;
    while (word_end < text_.size() && IsWordChar(text_[word_end])) ++word_end;
    const std::string_view word = text_.substr(begin, word_end - begin);
    if (word.size() > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'b')) {
      const bool hex = word[1] == 'x';
      const std::string_view digits = word.substr(2);
      if (std::all_of(digits.begin(), digits.end(),
                      [&](char c) { return hex ? HexDigit(c) >= 0 : c == '0' || c == '1'; })) {
        pos_ = word_end;
        return Digits(hex ? TokenKind::kHex : TokenKind::kBit, digits, begin, false);
      }
    }
    size_t pos = pos_;
    while (IsDigit(At(pos))) ++pos;
    TokenKind kind = TokenKind::kInteger;
    if (At(pos) == '.') {
      kind = TokenKind::kDecimal;
      ++pos;
      while (IsDigit(At(pos))) ++pos;
    }
    if (At(pos) == 'e' || At(pos) == 'E') {
      size_t exponent = pos + 1;
      if (At(exponent) == '+' || At(exponent) == '-') ++exponent;
      if (IsDigit(At(exponent))) {
        while (IsDigit(At(exponent))) ++exponent;
        if (!IsWordChar(At(exponent))) {
          kind = TokenKind::kFloat;
          pos = exponent;
        }
      }
    }
    if (pos < text_.size() && IsWordChar(text_[pos])) {
      if (kind == TokenKind::kInteger) {
        pos_ = word_end;
        Push(TokenKind::kWord, std::string(word), begin);
        return true;
      }
      pos_ = pos;
      return Fail(begin, "number runs into a name");
    }
    pos_ = pos;
    Push(kind, std::string(text_.substr(begin, pos - begin)), begin);
    return true;
  }

  const std::string_view text_;
  const ParseOptions& options_;
  size_t pos_ = 0;
  bool executable_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

std::string UpperWord(std::string_view word) {
  std::string upper(word);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c -= 'a' - 'A';
  }
  return upper;
}

std::vector<Token> Tokenize(std::string_view text, const ParseOptions& options, size_t most) {
  return Lexer(text, options).Run(most);
}

bool IsOneExecutableComment(std::string_view text) {
  while (!text.empty() && (IsSpace(text.front()) || text.front() == ';')) text.remove_prefix(1);
  while (!text.empty() && (IsSpace(text.back()) || text.back() == ';' || text.back() == '\0')) {
    text.remove_suffix(1);
  }
  if (!text.starts_with("/*!") && !text.starts_with("/*M!")) return false;
  return text.find("*/") == text.size() - 2;
}

std::string DescribePlace(std::string_view text, const Token& token) {
  size_t line = 1;
  size_t line_begin = 0;
  for (size_t i = 0; i < token.begin && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++line;
      line_begin = i + 1;
    }
  }
  size_t column = 0;
  for (size_t i = line_begin; i < token.end && i < text.size(); ++i) {
    // Continuation bytes of UTF-8 do not count.
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) ++column;
  }
  // The reference counts the newline before the first column of a later line.
  if (line > 1) ++column;
  const std::string_view rest = text.substr(std::min(token.begin, text.size()));
  size_t length = std::min(rest.size(), kNearLimit);
  // Do not cut a character in two.
  while (length > 0 && length < rest.size() &&
         (static_cast<unsigned char>(rest[length]) & 0xC0) == 0x80) {
    --length;
  }
  const std::string_view near = rest.substr(0, length);
  return fmt::format("line {} column {} near \"{}\" ", line, column, near);
}

}  // namespace dm::mysql
