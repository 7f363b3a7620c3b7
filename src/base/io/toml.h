// toml++ made safe for any input. Include this instead of <toml++/toml.h>, and in .cc files only:
// it is heavy.
//
// toml++ 3.3 checks some of its assumptions about the text with assert(); a lone "[" at the end of
// a line ends the process. Here such a check throws.
#pragma once

#ifdef TOML_ASSERT
#error "include base/io/toml.h before any header of toml++"
#endif

#include <stdexcept>
#include <string_view>

namespace dm {

// An assumption of toml++ about the text does not hold.
class TomlFault : public std::logic_error {
  using std::logic_error::logic_error;
};

constexpr void RequireToml(bool holds, const char* assumption) {
  if (!holds) throw TomlFault(assumption);
}

}  // namespace dm

#define TOML_ASSERT(expr) ::dm::RequireToml(static_cast<bool>(expr), #expr)
#include <toml++/toml.h>

namespace dm {

// Throws toml::parse_error; its line is 0 if toml++ cannot tell it.
inline toml::table ParseToml(std::string_view text) {
  try {
    return toml::parse(text);
  } catch (const TomlFault&) {
    throw toml::parse_error("a key, a table name or a value is cut off", toml::source_region());
  }
}

// The same for a file; also throws toml::parse_error if it cannot be opened.
inline toml::table ParseTomlFile(std::string_view path) {
  try {
    return toml::parse_file(path);
  } catch (const TomlFault&) {
    throw toml::parse_error("a key, a table name or a value is cut off", toml::source_region());
  }
}

}  // namespace dm
