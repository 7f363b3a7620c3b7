// Literals in the tuples of a dump.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dm::migration {

// Where the text that is quoted at `text[at]`, by either quote, ends: behind its closing quote, or
// at the end of `text`. (A doubled quote ends one text and begins the next.)
size_t EndOfQuoted(std::string_view text, size_t at, bool backslash_escapes);

// The bytes of the `x'..'` at `text[at]`, behind which `*end` is then; nullopt if there is none.
std::optional<std::string> HexLiteralAt(std::string_view text, size_t at, size_t* end);

}  // namespace dm::migration
