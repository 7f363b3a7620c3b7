#include "mysql/value/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/error/error.h"
#include "mysql/value/json_binary.h"
#include "mysql/value/render.h"

namespace dm::mysql {
namespace {

using namespace json_binary;

using Bytes = std::span<const uint8_t>;

[[noreturn]] void Fail(std::string_view why) {
  throw Error(ErrorCode::kBinlogEventDecode, fmt::format("malformed JSON document: {}", why));
}

Bytes Sub(Bytes bytes, size_t offset, size_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) Fail("data are cut off");
  return bytes.subspan(offset, size);
}

uint64_t Load(Bytes bytes, size_t offset, size_t width) {
  const Bytes part = Sub(bytes, offset, width);
  uint64_t value = 0;
  for (size_t i = width; i-- > 0;) value = value << 8 | part[i];
  return value;
}

// A length of 7 bits a byte, low group first, at most five bytes; moves `bytes` behind it.
size_t TakeLength(Bytes* bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < 5; ++i) {
    const uint8_t byte = Sub(*bytes, i, 1)[0];
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      *bytes = bytes->subspan(i + 1);
      return value;
    }
  }
  Fail("a length is too long");
}

std::string_view Text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// With a line break, escaped, after every 76 characters, as MySQL writes it.
void AppendBase64(std::string& out, Bytes bytes) {
  constexpr size_t kBytesPerLine = 57;
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes.size(); i += 3) {
    if (i > 0 && i % kBytesPerLine == 0) out += "\\n";
    const size_t left = std::min<size_t>(3, bytes.size() - i);
    uint32_t word = static_cast<uint32_t>(bytes[i]) << 16;
    if (left > 1) word |= static_cast<uint32_t>(bytes[i + 1]) << 8;
    if (left > 2) word |= bytes[i + 2];
    out += kDigits[word >> 18];
    out += kDigits[word >> 12 & 63];
    out += left > 1 ? kDigits[word >> 6 & 63] : '=';
    out += left > 2 ? kDigits[word & 63] : '=';
  }
}

// As MySQL's own printer: shortest round-trip digits; fixed notation unless that takes too many
// zeros; integral values keep ".0" so that they stay doubles.
void AppendJsonDouble(std::string& out, double value) {
  if (value == 0) {
    out += std::signbit(value) ? "-0.0" : "0.0";
    return;
  }
  char buffer[40];
  char* const end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  const char* p = buffer;
  if (*p == '-') {
    out += '-';
    ++p;
  }
  char digits[24];
  int n = 0;
  for (; p < end && *p != 'e'; ++p) {
    if (*p == '.') continue;
    if (*p < '0' || *p > '9') Fail("a double is not a number");
    digits[n++] = *p;
  }
  if (p == end) Fail("a double is not a number");
  int exponent = 0;
  std::from_chars(p[1] == '+' ? p + 2 : p + 1, end, exponent);
  while (n > 1 && digits[n - 1] == '0') --n;
  const int point = exponent + 1;  // value = 0.digits * 10^point
  if (point < -14 || (point > 15 && point >= n)) {
    out += digits[0];
    if (n > 1) {
      out += '.';
      out.append(digits + 1, static_cast<size_t>(n - 1));
    }
    out += 'e';
    AppendInteger(out, point - 1);
    return;
  }
  if (point <= 0) {
    out += "0.";
    out.append(static_cast<size_t>(-point), '0');
    out.append(digits, static_cast<size_t>(n));
  } else if (point >= n) {
    out.append(digits, static_cast<size_t>(n));
    out.append(static_cast<size_t>(point - n), '0');
    out += ".0";
  } else {
    out.append(digits, static_cast<size_t>(point));
    out += '.';
    out.append(digits + point, static_cast<size_t>(n - point));
  }
}

void AppendOpaque(std::string& out, Bytes value) {
  const uint8_t type = Sub(value, 0, 1)[0];
  value = value.subspan(1);
  const size_t size = TakeLength(&value);
  const Bytes content = Sub(value, 0, size);
  const auto packed = [&] { return static_cast<int64_t>(Load(content, 0, 8)); };
  switch (static_cast<ColumnType>(type)) {
    case ColumnType::kNewDecimal: {
      const Bytes head = Sub(content, 0, 2);
      if (head[1] > head[0]) Fail("a decimal has more fraction digits than digits");
      AppendDecimal(out, content.subspan(2), head[0], head[1]);
      return;
    }
    case ColumnType::kDate:
      out += '"';
      AppendPackedDateTime(out, packed(), /*date_only=*/true);
      out += '"';
      return;
    case ColumnType::kDateTime:
    case ColumnType::kTimestamp:
      out += '"';
      AppendPackedDateTime(out, packed(), /*date_only=*/false);
      out += '"';
      return;
    case ColumnType::kTime:
      out += '"';
      AppendPackedTime(out, packed());
      out += '"';
      return;
    default:
      out += "\"base64:type";
      AppendUnsigned(out, type);
      out += ':';
      AppendBase64(out, content);
      out += '"';
      return;
  }
}

void AppendValue(std::string& out, uint8_t type, Bytes value, int depth);

// element count | total size | key entries | value entries | keys | values; all offsets count from
// the first byte of `bytes`.
void AppendContainer(std::string& out, uint8_t type, Bytes bytes, int depth) {
  if (depth > kMaxDepth) Fail("nested too deeply");
  const bool is_object = type == kSmallObject || type == kLargeObject;
  const size_t width = type == kSmallObject || type == kSmallArray ? 2 : 4;
  const uint64_t count = Load(bytes, 0, width);
  const uint64_t size = Load(bytes, width, width);
  if (size > bytes.size()) Fail("a container is larger than its document");
  bytes = bytes.first(size);
  const uint64_t key_entry = is_object ? width + 2 : 0;
  const uint64_t value_entry = width + 1;
  const uint64_t tables_end = 2 * width + count * (key_entry + value_entry);
  if (tables_end > size) Fail("entries are cut off");
  out += is_object ? '{' : '[';
  for (uint64_t i = 0; i < count; ++i) {
    if (i > 0) out += ", ";
    if (is_object) {
      const size_t entry = 2 * width + i * key_entry;
      const size_t offset = Load(bytes, entry, width);
      const size_t length = Load(bytes, entry + width, 2);
      if (offset < tables_end) Fail("a key lies in the entries");
      AppendJsonString(out, Text(Sub(bytes, offset, length)));
      out += ": ";
    }
    const size_t entry = 2 * width + count * key_entry + i * value_entry;
    const uint8_t value_type = bytes[entry];
    const bool inlined = value_type == kLiteral || value_type == kInt16 || value_type == kUint16 ||
                         (width == 4 && (value_type == kInt32 || value_type == kUint32));
    if (inlined) {
      AppendValue(out, value_type, bytes.subspan(entry + 1, width), depth);
    } else {
      const size_t offset = Load(bytes, entry + 1, width);
      if (offset < tables_end || offset >= size) Fail("a value lies outside its container");
      AppendValue(out, value_type, bytes.subspan(offset), depth);
    }
  }
  out += is_object ? '}' : ']';
}

void AppendValue(std::string& out, uint8_t type, Bytes value, int depth) {
  switch (type) {
    case kSmallObject:
    case kLargeObject:
    case kSmallArray:
    case kLargeArray:
      return AppendContainer(out, type, value, depth + 1);
    case kLiteral:
      switch (Load(value, 0, 1)) {
        case 0:
          out += "null";
          return;
        case 1:
          out += "true";
          return;
        case 2:
          out += "false";
          return;
        default:
          Fail("an unknown literal");
      }
    case kInt16:
      return AppendInteger(out, static_cast<int16_t>(Load(value, 0, 2)));
    case kUint16:
      return AppendUnsigned(out, Load(value, 0, 2));
    case kInt32:
      return AppendInteger(out, static_cast<int32_t>(Load(value, 0, 4)));
    case kUint32:
      return AppendUnsigned(out, Load(value, 0, 4));
    case kInt64:
      return AppendInteger(out, static_cast<int64_t>(Load(value, 0, 8)));
    case kUint64:
      return AppendUnsigned(out, Load(value, 0, 8));
    case kDoubleType: {
      const uint64_t bits = Load(value, 0, 8);
      double number;
      std::memcpy(&number, &bits, sizeof(number));
      return AppendJsonDouble(out, number);
    }
    case kStringType: {
      const size_t size = TakeLength(&value);
      return AppendJsonString(out, Text(Sub(value, 0, size)));
    }
    case kOpaque:
      return AppendOpaque(out, value);
    default:
      Fail(fmt::format("unknown type 0x{:02x}", type));
  }
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') [[likely]]
      continue;
    out.append(text, begin, i - begin);
    begin = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
        break;
    }
  }
  out.append(text, begin);
  out += '"';
}

void AppendJson(std::string& out, std::span<const uint8_t> document) {
  if (document.empty()) {
    out += "null";
    return;
  }
  AppendValue(out, document[0], document.subspan(1), 0);
}

}  // namespace dm::mysql
