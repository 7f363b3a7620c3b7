#include "base/io/encode.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/io/text.h"

namespace dm {

namespace {

constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Appends what JSON and TOML escape alike; false: `c` is not of that kind.
bool AppendCommonEscape(std::string& out, char c) {
  constexpr std::string_view kEscaped = "\"\\\n\r\t";
  constexpr std::string_view kLetters = "\"\\nrt";
  const size_t at = kEscaped.find(c);
  if (at == std::string_view::npos) return false;
  out += '\\';
  out += kLetters[at];
  return true;
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text, JsonEscapes escapes) {
  out += '"';
  while (!text.empty()) {
    uint32_t rune = 0;
    const size_t length = RuneLength(text, &rune);
    const char c = text.front();
    const bool control = rune < 0x20;
    const bool html = c == '<' || c == '>' || c == '&';
    if (length == 0) {
      out += "\\ufffd";
    } else if (length == 1 && AppendCommonEscape(out, c)) {
      // Done.
    } else if (escapes.short_controls && (c == '\b' || c == '\f')) {
      out += c == '\b' ? "\\b" : "\\f";
    } else if (control || (html && escapes.html) || rune == 0x2028 || rune == 0x2029) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", rune);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  out += '"';
}

std::string QuoteToml(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (AppendCommonEscape(out, c)) continue;
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

std::string EncodeBase64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group <<= 8;
      if (i + j < bytes.size()) group |= static_cast<unsigned char>(bytes[i + j]);
    }
    for (size_t j = 0; j < 4; ++j) {
      out += i + j <= bytes.size() ? kBase64Digits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return out;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  std::string out;
  uint32_t group = 0;
  size_t digits = 0;
  size_t padding = 0;
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    const size_t digit = kBase64Digits.find(c);
    if (c == '=') {
      ++padding;
    } else if (digit == std::string_view::npos || padding > 0) {
      return std::nullopt;
    }
    group = group << 6 | (c == '=' ? 0 : static_cast<uint32_t>(digit));
    if (++digits % 4 != 0) continue;
    for (int shift : {16, 8, 0}) out += static_cast<char>(group >> shift & 0xff);
    group = 0;
  }
  if (digits % 4 != 0 || padding > 2) return std::nullopt;
  for (; padding > 0; --padding) out.pop_back();
  return out;
}

}  // namespace dm
