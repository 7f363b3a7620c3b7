#include "migration/dumpfile/load_line.h"

#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace dm::migration {

namespace {

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool IsNumberChar(char c) {
  return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

// First byte that cannot be copied from a string literal into a field as it is.
const char* FindSpecial(const char* p, const char* end) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('\'');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i newline = _mm_set1_epi8('\n');
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const int mask = _mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                     _mm_or_si128(_mm_cmpeq_epi8(bytes, tab), _mm_cmpeq_epi8(bytes, newline))));
    if (mask != 0) return p + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (p != end && *p != '\'' && *p != '\\' && *p != '\t' && *p != '\n') ++p;
  return p;
}

// Reads one tuple. Every function returns false if the text is not what a line can say.
class Transcoder {
 public:
  Transcoder(std::string& out, std::string_view text, bool backslash_escapes)
      : out_(out),
        p_(text.data()),
        end_(text.data() + text.size()),
        backslash_escapes_(backslash_escapes) {}

  bool Tuple(std::span<const LoadField> fields) {
    if (!Take('(')) return false;
    for (size_t i = 0; i < fields.size(); ++i) {
      if (i > 0) {
        if (!Take(',')) return false;
        out_ += '\t';
      }
      SkipBlanks();
      if (!Value(fields[i])) return false;
      SkipBlanks();
    }
    if (!Take(')')) return false;
    out_ += '\n';
    return true;
  }

  const char* position() const { return p_; }

 private:
  bool Take(char c) {
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }

  void SkipBlanks() {
    while (p_ != end_ && IsBlank(*p_)) ++p_;
  }

  bool Word(std::string_view word) {
    if (static_cast<size_t>(end_ - p_) < word.size() ||
        std::memcmp(p_, word.data(), word.size()) != 0) {
      return false;
    }
    p_ += word.size();
    return true;
  }

  bool Value(LoadField field) {
    if (p_ == end_) return false;
    switch (*p_) {
      case '\'':
        ++p_;
        return field == LoadField::kText ? Text() : TextAsHex();
      case 'x':
      case 'X':
        ++p_;
        return field == LoadField::kHex && Take('\'') && Hex() && Take('\'');
      case 'N':
        if (!Word("NULL")) return false;
        out_ += "\\N";
        return true;
      case '0':
        if (field == LoadField::kHex && Word("0x")) return Hex();
        [[fallthrough]];
      default:
        return field == LoadField::kText && Number();
    }
  }

  bool Number() {
    const char* const start = p_;
    while (p_ != end_ && IsNumberChar(*p_)) ++p_;
    out_.append(start, static_cast<size_t>(p_ - start));
    return p_ != start;
  }

  bool Hex() {
    const char* const start = p_;
    while (p_ != end_ && IsHexDigit(*p_)) ++p_;
    out_.append(start, static_cast<size_t>(p_ - start));
    return (p_ - start) % 2 == 0;
  }

  bool Text() {
    for (;;) {
      const char* const special = FindSpecial(p_, end_);
      out_.append(p_, static_cast<size_t>(special - p_));
      p_ = special;
      if (p_ == end_) return false;
      const char c = *p_++;
      if (c == '\'') {
        if (p_ == end_ || *p_ != '\'') return true;
        ++p_;
        out_ += '\'';
      } else if (c != '\\') {
        out_ += '\\';
        out_ += c;
      } else if (!backslash_escapes_) {
        out_ += "\\\\";
      } else {
        if (p_ == end_) return false;
        const char escaped = *p_++;
        switch (escaped) {
          case '0':
          case 'b':
          case 'n':
          case 'r':
          case 't':
          case 'Z':
          case '\\':
          case '\t':
          case '\n':
            out_ += '\\';
            out_ += escaped;
            break;
          case '%':
          case '_':  // these keep their backslash in a literal
            out_ += "\\\\";
            out_ += escaped;
            break;
          default:
            out_ += escaped;
        }
      }
    }
  }

  bool TextAsHex() {
    const auto append = [&](char c) {
      constexpr char kDigits[] = "0123456789abcdef";
      out_ += kDigits[static_cast<unsigned char>(c) >> 4];
      out_ += kDigits[static_cast<unsigned char>(c) & 15];
    };
    while (p_ != end_) {
      const char c = *p_++;
      if (c == '\'') {
        if (p_ == end_ || *p_ != '\'') return true;
        append(*p_++);
      } else if (c != '\\' || !backslash_escapes_) {
        append(c);
      } else {
        if (p_ == end_) return false;
        const char escaped = *p_++;
        switch (escaped) {
          case '0':
            append('\0');
            break;
          case 'b':
            append('\b');
            break;
          case 'n':
            append('\n');
            break;
          case 'r':
            append('\r');
            break;
          case 't':
            append('\t');
            break;
          case 'Z':
            append('\x1a');
            break;
          case '%':
          case '_':
            append('\\');
            append(escaped);
            break;
          default:
            append(escaped);
        }
      }
    }
    return false;
  }

  std::string& out_;
  const char* p_;
  const char* const end_;
  const bool backslash_escapes_;
};

}  // namespace

size_t AppendLoadLine(std::string& out, std::string_view text, std::span<const LoadField> fields,
                      bool backslash_escapes) {
  const size_t before = out.size();
  Transcoder transcoder(out, text, backslash_escapes);
  if (!transcoder.Tuple(fields)) {
    out.resize(before);
    return 0;
  }
  return static_cast<size_t>(transcoder.position() - text.data());
}

}  // namespace dm::migration
