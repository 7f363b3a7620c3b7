// VECTOR values of MySQL and MariaDB, which are stored as single precision numbers, little-endian.
#pragma once

#include <string>
#include <string_view>

namespace dm::mysql {

// Are they the bytes of a vector: numbers without a rest?
bool IsVector(std::string_view bytes);

// Appends "[1,2.5,-3]", each number in the fewest digits that read back as the same one. Throws
// Error 11054 if the bytes are no vector.
void AppendVectorText(std::string& out, std::string_view bytes);

}  // namespace dm::mysql
