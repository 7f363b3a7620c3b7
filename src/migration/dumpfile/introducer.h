// Bytes with the name of their character set in tuples of a data file: _cp932 x'ED40'.
#pragma once

#include <string>
#include <string_view>

namespace dm::migration {

// The tuple as TiDB takes it, which has few character sets: bytes of others become their text in
// UTF-8, which is how TiDB keeps text. Bytes that are no text of their set stay as they are.
std::string WithTextForTiDb(std::string_view tuple, bool backslash_escapes);

}  // namespace dm::migration
