#include "mysql/value/quote.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace dm::mysql {
namespace {

// For every byte the letter after the backslash, or 0 if the byte stands for itself.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> table{};
  table[0] = '0';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table[0x1a] = 'Z';
  table['\''] = '\'';
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}();

// Bytes that are looked at together.
using Block = uint8_t __attribute__((vector_size(16)));

// Does a byte of the block have a letter in kEscapes?
bool HasEscaped(const char* bytes) {
  Block block;
  std::memcpy(&block, bytes, sizeof(block));
  const auto found = (block == 0) | (block == '\n') | (block == '\r') | (block == 0x1a) |
                     (block == '\'') | (block == '"') | (block == '\\');
  uint64_t halves[2];
  static_assert(sizeof(halves) == sizeof(found));
  std::memcpy(halves, &found, sizeof(found));
  return (halves[0] | halves[1]) != 0;
}

void AppendDoubled(std::string& out, std::string_view text, char quote) {
  size_t begin = 0;
  for (size_t i = 0; (i = text.find(quote, i)) != std::string_view::npos; ++i) {
    out.append(text, begin, i - begin + 1);
    begin = i;
  }
  out.append(text, begin);
}

}  // namespace

std::string QuoteName(std::string_view name) {
  std::string out;
  out.reserve(name.size() + 2);
  AppendQuotedName(out, name);
  return out;
}

void AppendQuotedName(std::string& out, std::string_view name) {
  out += '`';
  AppendDoubled(out, name, '`');
  out += '`';
}

std::string QuoteTable(std::string_view schema, std::string_view table) {
  std::string out;
  out.reserve(schema.size() + table.size() + 5);
  AppendQuotedName(out, schema);
  out += '.';
  AppendQuotedName(out, table);
  return out;
}

void AppendEscaped(std::string& out, std::string_view bytes, bool no_backslash_escapes) {
  if (no_backslash_escapes) {
    AppendDoubled(out, bytes, '\'');
    return;
  }
  const char* begin = bytes.data();
  const char* const end = begin + bytes.size();
  for (const char* p = begin; p != end;) {
    const bool whole = static_cast<size_t>(end - p) >= sizeof(Block);
    if (whole && !HasEscaped(p)) {
      p += sizeof(Block);
      continue;
    }
    const char* const behind = whole ? p + sizeof(Block) : end;
    for (; p != behind; ++p) {
      const char letter = kEscapes[static_cast<uint8_t>(*p)];
      if (letter == 0) [[likely]]
        continue;
      out.append(begin, p);
      out += '\\';
      out += letter;
      begin = p + 1;
    }
  }
  out.append(begin, end);
}

void AppendQuotedString(std::string& out, std::string_view bytes, bool no_backslash_escapes) {
  out += '\'';
  AppendEscaped(out, bytes, no_backslash_escapes);
  out += '\'';
}

std::string QuoteString(std::string_view bytes, bool no_backslash_escapes) {
  std::string out;
  out.reserve(bytes.size() + 2);
  AppendQuotedString(out, bytes, no_backslash_escapes);
  return out;
}

std::string QuoteAnyMode(std::string_view text) {
  const bool plain = std::none_of(text.begin(), text.end(), [](char c) {
    return c == '\'' || c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
  });
  if (plain) return QuoteString(text);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "_utf8mb4 x'";
  for (const char c : text) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out += '\'';
}

}  // namespace dm::mysql
