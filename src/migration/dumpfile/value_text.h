// How values are written in the data files of a dump.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dm::migration {

enum class ValueKind {
  kNumber,  // the server's text, unquoted
  kFloat,   // sent as DOUBLE, written with the digits that a FLOAT needs
  kDouble,
  kBytes,   // x'...'
  kString,  // '...'
};

// Kind of a result column by its protocol type code and collation id (63: binary).
ValueKind KindOfColumn(uint8_t type, uint16_t charset);

// Appends one value that is not NULL, as an SQL literal. `backslash_escapes`: the readers' sql_mode
// has no NO_BACKSLASH_ESCAPES.
void AppendValueText(std::string& out, ValueKind kind, std::string_view value,
                     bool backslash_escapes);

// Digits of a floating-point number in the form of data files: shortest text that gives the same
// value again, with an exponent (sign, two digits at least) below 1e-4 and from 1e6. `single`: the
// same FLOAT. Text that is no number is appended as it is.
void AppendFloatText(std::string& out, std::string_view server_text, bool single);

}  // namespace dm::migration
