// Characters of UTF-8 text. Bytes that are not UTF-8 are characters of their own, so that any text
// can be taken apart and put together again. Pure functions, thread-safe; no errors.
#pragma once

#include <string>
#include <string_view>

namespace dm {

// Above all code points: kRawByte + b is a byte b that is not part of a character.
inline constexpr char32_t kRawByte = 0x110000;

std::u32string Characters(std::string_view text);
// Appends a code point as UTF-8, or a raw byte as it was.
void AppendCharacter(std::string& out, char32_t c);
std::string FromCharacters(std::u32string_view characters);

}  // namespace dm
