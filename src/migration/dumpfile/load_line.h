// From tuples of a data file to lines for LOAD DATA.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace dm::migration {

// How a column gets its value from a line's field.
enum class LoadField {
  kText,  // directly
  kHex,   // the field has hexadecimal digits, the statement says UNHEX
};

// The FIELDS and LINES clauses for lines of AppendLoadLine; valid in every sql_mode.
inline constexpr std::string_view kLoadLineFormat =
    "FIELDS TERMINATED BY x'09' ESCAPED BY x'5C' LINES TERMINATED BY x'0A'";

// Appends the tuple at the start of `text` as one line; `fields` has an element for each of its
// values. Returns the size of the tuple. 0: the tuple has something that only an INSERT can say (or
// is malformed), and `out` is as before.
size_t AppendLoadLine(std::string& out, std::string_view text, std::span<const LoadField> fields,
                      bool backslash_escapes);

}  // namespace dm::migration
