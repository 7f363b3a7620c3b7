#include "migration/dumpfile/insert_reader.h"

#include <algorithm>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/error/error.h"

namespace dm::migration {

namespace {

bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'; }

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

bool EqualWord(std::string_view word, std::string_view upper) {
  return word.size() == upper.size() &&
         std::equal(word.begin(), word.end(), upper.begin(), [](char a, char b) {
           return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
         });
}

}  // namespace

const char* FindEither(const char* begin, const char* end, char a, char b) {
  const char* p = begin;
#ifdef __SSE2__
  const __m128i want_a = _mm_set1_epi8(a);
  const __m128i want_b = _mm_set1_epi8(b);
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const int mask = _mm_movemask_epi8(
        _mm_or_si128(_mm_cmpeq_epi8(bytes, want_a), _mm_cmpeq_epi8(bytes, want_b)));
    if (mask != 0) return p + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (p != end && *p != a && *p != b) ++p;
  return p;
}

InsertReader::InsertReader(std::string_view file, bool backslash_escapes)
    : file_(file), backslash_escapes_(backslash_escapes) {
  if (FindTuple()) Seek(0);
}

void InsertReader::Fail(std::string_view reason) const {
  throw Error(ErrorCode::kLoadUnitInvalidInsertSQL,
              fmt::format("invalid insert statement at offset {}: {}", position_, reason));
}

void InsertReader::Seek(size_t offset) {
  position_ = std::min(offset, file_.size());
  // A saved position is a tuple's start, so it lies inside a statement, or the end.
  in_statement_ = position_ > 0 && position_ < file_.size();
  behind_tuple_ = false;
}

void InsertReader::SkipBlanks() {
  while (position_ < file_.size()) {
    const char c = file_[position_];
    const std::string_view rest = file_.substr(position_);
    if (IsBlank(c)) {
      ++position_;
    } else if (c == '#' || rest.starts_with("--")) {
      position_ = std::min(file_.find('\n', position_), file_.size());
    } else if (rest.starts_with("/*")) {
      const size_t end = file_.find("*/", position_ + 2);
      if (end == std::string_view::npos) Fail("a comment has no end");
      position_ = end + 2;
    } else {
      return;
    }
  }
}

std::string_view InsertReader::PeekWord() const {
  size_t end = position_;
  while (end < file_.size() && IsWordChar(file_[end])) ++end;
  return file_.substr(position_, end - position_);
}

std::string InsertReader::ReadName() {
  SkipBlanks();
  if (position_ >= file_.size()) Fail("a name is missing");
  const char quote = file_[position_];
  if (quote != '`' && quote != '"') {
    const std::string_view word = PeekWord();
    if (word.empty()) Fail("a name is missing");
    position_ += word.size();
    return std::string(word);
  }
  std::string name;
  for (++position_; position_ < file_.size(); ++position_) {
    if (file_[position_] == quote) {
      if (position_ + 1 < file_.size() && file_[position_ + 1] == quote) {
        ++position_;
      } else {
        ++position_;
        return name;
      }
    }
    name += file_[position_];
  }
  Fail("a quoted name has no end");
}

void InsertReader::SkipStatement() {
  while (position_ < file_.size() && file_[position_] != ';') {
    const char c = file_[position_];
    if (c == '\'' || c == '"' || c == '`') {
      const size_t end = file_.find(c, position_ + 1);
      if (end == std::string_view::npos) Fail("a quoted text has no end");
      position_ = end;
    }
    ++position_;
  }
}

void InsertReader::ReadHead(std::vector<std::string>& columns) {
  const auto skip_word = [&](std::string_view upper) {
    SkipBlanks();
    const std::string_view word = PeekWord();
    if (!EqualWord(word, upper)) return false;
    position_ += word.size();
    return true;
  };
  if (!skip_word("INSERT") && !skip_word("REPLACE")) Fail("INSERT or REPLACE expected");
  skip_word("IGNORE");
  skip_word("INTO");
  ReadName();
  SkipBlanks();
  if (position_ < file_.size() && file_[position_] == '.') {
    ++position_;
    ReadName();
    SkipBlanks();
  }
  if (position_ < file_.size() && file_[position_] == '(') {
    ++position_;
    for (;;) {
      columns.push_back(ReadName());
      SkipBlanks();
      if (position_ >= file_.size()) Fail("the column list has no end");
      const char c = file_[position_++];
      if (c == ')') break;
      if (c != ',') Fail("the column list is malformed");
    }
  }
  if (!skip_word("VALUES") && !skip_word("VALUE")) Fail("VALUES expected");
}

bool InsertReader::FindTuple() {
  for (;;) {
    SkipBlanks();
    if (position_ >= file_.size()) {
      position_ = file_.size();
      if (!in_statement_) return false;
      // Every dumper writes it: without it nobody knows whether there were more rows.
      throw Error(ErrorCode::kLoadUnitInvalidFileEnding,
                  "corresponding ending of sql: ';' not found at the end of the file");
    }
    const char c = file_[position_];
    if (c == ';') {
      in_statement_ = false;
      behind_tuple_ = false;
      ++position_;
    } else if (in_statement_) {
      if (c == '(' && !behind_tuple_) return true;
      if (c != ',' || !behind_tuple_) Fail("a bracket is expected");
      behind_tuple_ = false;
      ++position_;
    } else if (EqualWord(PeekWord(), "SET")) {
      SkipStatement();
    } else {
      std::vector<std::string> columns;
      ReadHead(columns);
      if (!has_columns_) {
        columns_ = std::move(columns);
        has_columns_ = true;
      } else if (columns != columns_) {
        Fail("the statements of one file have different columns");
      }
      in_statement_ = true;
      behind_tuple_ = false;
    }
  }
}

std::string_view InsertReader::TakeTuple() {
  const char* const begin = file_.data() + position_;
  const char* const end = file_.data() + file_.size();
  int depth = 0;
  for (const char* p = begin; p != end; ++p) {
    switch (*p) {
      case '(':
        ++depth;
        break;
      case ')':
        if (--depth == 0) {
          const size_t size = static_cast<size_t>(p + 1 - begin);
          const std::string_view tuple = file_.substr(position_, size);
          SkipTo(position_ + size);
          return tuple;
        }
        break;
      case '\'':
      case '"': {
        const char quote = *p;
        for (++p;; ++p) {
          p = backslash_escapes_ ? FindEither(p, end, quote, '\\')
                                 : FindEither(p, end, quote, quote);
          if (p >= end) {
            throw Error(ErrorCode::kLoadUnitParseQuoteValues,
                        fmt::format("a quoted value has no end, tuple at offset {}", position_));
          }
          if (*p == quote) break;
          if (++p == end) --p;  // a backslash at the very end: reported above
        }
        break;
      }
      case '/':
        if (end - p > 1 && p[1] == '*') {
          const size_t close = file_.find("*/", static_cast<size_t>(p - file_.data()) + 2);
          if (close == std::string_view::npos) Fail("a comment has no end");
          p = file_.data() + close + 1;
        }
        break;
      default:
        break;
    }
  }
  throw Error(
      ErrorCode::kLoadUnitInvalidFileEnding,
      fmt::format("corresponding ending of sql: ')' not found, tuple at offset {}", position_));
}

}  // namespace dm::migration
