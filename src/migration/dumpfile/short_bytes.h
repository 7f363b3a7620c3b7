// Bytes in tuples of a data file, written so that they take little room in a statement.
#pragma once

#include <string>
#include <string_view>

namespace dm::migration {

// The tuple with its x'..' literals as _binary'..' strings, which are about half as long. What has
// the name of a character set before it stays. `backslash_escapes`: how the session reads strings.
std::string WithShortBytes(std::string_view tuple, bool backslash_escapes);

}  // namespace dm::migration
