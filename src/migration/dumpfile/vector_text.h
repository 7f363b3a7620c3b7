// Vectors in tuples of a data file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dm::migration {

// The tuple with the x'..' literals of the columns at `positions` (from 0, in ascending order) as
// text: '[1,2.5,-3]'. What is not the bytes of a vector stays. `backslash_escapes`: how the session
// reads strings.
std::string WithVectorText(std::string_view tuple, const std::vector<size_t>& positions,
                           bool backslash_escapes);

}  // namespace dm::migration
