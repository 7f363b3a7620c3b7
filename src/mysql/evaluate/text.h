// Characters of UTF-8 text. Bytes that are not UTF-8 are characters of their own.
#pragma once

#include <string>
#include <string_view>

namespace dm::mysql::evaluate {

// Above all code points: a byte that is not part of a character.
inline constexpr char32_t kRawByte = 0x110000;

std::u32string Characters(std::string_view text);
void AppendCharacter(std::string& out, char32_t c);
std::string FromCharacters(std::u32string_view characters);

}  // namespace dm::mysql::evaluate
