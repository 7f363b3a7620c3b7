#include "mysql/evaluate/text.h"

namespace dm::mysql::evaluate {

std::u32string Characters(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const size_t length = first < 0x80                    ? 1
                          : first >= 0xf0 && first < 0xf5 ? 4
                          : first >= 0xe0 && first < 0xf0 ? 3
                          : first >= 0xc2 && first < 0xe0 ? 2
                                                          : 0;
    char32_t value = length <= 1 ? first : first & (0x7f >> length);
    bool valid = length != 0 && i + length <= text.size();
    for (size_t k = 1; valid && k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      valid = (next & 0xc0) == 0x80;
      value = (value << 6) | (next & 0x3f);
    }
    if (length == 3 && (value < 0x800 || (value >= 0xd800 && value < 0xe000))) valid = false;
    if (length == 4 && (value < 0x10000 || value > 0x10ffff)) valid = false;
    out.push_back(valid ? value : kRawByte + first);
    i += valid ? length : 1;
  }
  return out;
}

void AppendCharacter(std::string& out, char32_t c) {
  if (c >= kRawByte) {
    out.push_back(static_cast<char>(c - kRawByte));
  } else if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xc0 | (c >> 6)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | (c >> 12)));
    out.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | (c >> 18)));
    out.push_back(static_cast<char>(0x80 | ((c >> 12) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  }
}

std::string FromCharacters(std::u32string_view characters) {
  std::string out;
  out.reserve(characters.size());
  for (const char32_t c : characters) AppendCharacter(out, c);
  return out;
}

}  // namespace dm::mysql::evaluate
