#include "migration/dumpfile/value_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

namespace dm::migration {

namespace {

// MySQL protocol type codes (MySQL internals, Column Definition).
enum : uint8_t {
  kTypeDecimal = 0,
  kTypeTiny = 1,
  kTypeShort = 2,
  kTypeLong = 3,
  kTypeFloat = 4,
  kTypeDouble = 5,
  kTypeLongLong = 8,
  kTypeInt24 = 9,
  kTypeVarchar = 15,
  kTypeBit = 16,
  kTypeVector = 242,
  kTypeNewDecimal = 246,
  kTypeTinyBlob = 249,
  kTypeMediumBlob = 250,
  kTypeLongBlob = 251,
  kTypeBlob = 252,
  kTypeVarString = 253,
  kTypeString = 254,
  kTypeGeometry = 255,
};
constexpr uint16_t kBinaryCollation = 63;

// What follows the backslash for a byte that needs one; 0 for all others.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> table{};
  table[0] = '0';
  table[static_cast<unsigned char>('\n')] = 'n';
  table[static_cast<unsigned char>('\r')] = 'r';
  table[static_cast<unsigned char>('\\')] = '\\';
  table[static_cast<unsigned char>('\'')] = '\'';
  table[static_cast<unsigned char>('"')] = '"';
  table[0x1a] = 'Z';
  return table;
}();

void AppendBackslashEscaped(std::string& out, std::string_view value) {
  const char* run = value.data();
  const char* const end = run + value.size();
  for (const char* p = run; p != end; ++p) {
    const char escape = kEscapes[static_cast<unsigned char>(*p)];
    if (escape == 0) continue;
    out.append(run, static_cast<size_t>(p - run));
    out += '\\';
    out += escape;
    run = p + 1;
  }
  out.append(run, static_cast<size_t>(end - run));
}

void AppendQuotesDoubled(std::string& out, std::string_view value) {
  for (;;) {
    const size_t quote = value.find('\'');
    if (quote == std::string_view::npos) break;
    out.append(value.substr(0, quote + 1));
    out += '\'';
    value.remove_prefix(quote + 1);
  }
  out.append(value);
}

void AppendHex(std::string& out, std::string_view value) {
  constexpr char kDigits[] = "0123456789abcdef";
  const size_t start = out.size();
  out.resize(start + value.size() * 2);
  char* p = out.data() + start;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    *p++ = kDigits[byte >> 4];
    *p++ = kDigits[byte & 15];
  }
}

}  // namespace

ValueKind KindOfColumn(uint8_t type, uint16_t charset) {
  switch (type) {
    case kTypeDecimal:
    case kTypeTiny:
    case kTypeShort:
    case kTypeLong:
    case kTypeLongLong:
    case kTypeInt24:
    case kTypeNewDecimal:
      return ValueKind::kNumber;
    case kTypeFloat:
      return ValueKind::kFloat;
    case kTypeDouble:
      return ValueKind::kDouble;
    case kTypeBit:
    case kTypeGeometry:
    case kTypeVector:
      return ValueKind::kBytes;
    case kTypeVarchar:
    case kTypeTinyBlob:
    case kTypeMediumBlob:
    case kTypeLongBlob:
    case kTypeBlob:
    case kTypeVarString:
    case kTypeString:
      return charset == kBinaryCollation ? ValueKind::kBytes : ValueKind::kString;
    default:
      return ValueKind::kString;
  }
}

void AppendValueText(std::string& out, ValueKind kind, std::string_view value,
                     bool backslash_escapes) {
  switch (kind) {
    case ValueKind::kNumber:
      out.append(value);
      return;
    case ValueKind::kFloat:
    case ValueKind::kDouble:
      AppendFloatText(out, value, kind == ValueKind::kFloat);
      return;
    case ValueKind::kBytes:
      out += "x'";
      AppendHex(out, value);
      out += '\'';
      return;
    case ValueKind::kString:
      out += '\'';
      if (backslash_escapes) {
        AppendBackslashEscaped(out, value);
      } else {
        AppendQuotesDoubled(out, value);
      }
      out += '\'';
      return;
  }
}

void AppendFloatText(std::string& out, std::string_view server_text, bool single) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(server_text.data(), server_text.data() + server_text.size(), value);
  if (error != std::errc() || end != server_text.data() + server_text.size()) {
    out.append(server_text);
    return;
  }
  char text[64];
  const auto form = [&](std::chars_format format) {
    return single ? std::to_chars(text, text + sizeof text, static_cast<float>(value), format).ptr
                  : std::to_chars(text, text + sizeof text, value, format).ptr;
  };
  const char* scientific_end = form(std::chars_format::scientific);
  const char* mark =
      static_cast<const char*>(std::memchr(text, 'e', static_cast<size_t>(scientific_end - text)));
  int exponent = 0;
  const char* digits = mark + 1;
  if (*digits == '+') ++digits;
  std::from_chars(digits, scientific_end, exponent);
  if (value == 0 && std::signbit(value)) {
    out.append("-0e+00");  // as an integer it would lose its sign
    return;
  }
  if (exponent >= -4 && exponent < 6) {
    out.append(text, static_cast<size_t>(form(std::chars_format::fixed) - text));
    return;
  }
  out.append(text, static_cast<size_t>(scientific_end - text));
}

}  // namespace dm::migration
