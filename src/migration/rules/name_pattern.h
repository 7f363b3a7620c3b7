// Patterns for schema and table names, as block/allow lists, routes and event filters use them.
//
//   ~text     regular expression (RE2), searched anywhere in the name   (lists and routes only)
//   *         any text, also none; only as last character
//   ?         exactly one character
//   [a-d]     one character of the set, [!a-d] one outside of it; [!] alone is a literal '!',
//             [] never matches, '[' without a later ']' is a literal '['
//   other     itself; there is no escape character
//
// A wildcard pattern covers the whole name. A character is a UTF-8 character; a byte that is not
// part of one stands for itself.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace dm::migration {

// A compiled pattern. Immutable, thread-safe, cheap to copy.
class NamePattern {
 public:
  enum class Regex { kAllowed, kLiteralTilde };

  // Throws std::invalid_argument with the raw cause for users ("pattern a*b not valid", or why the
  // regular expression does not compile). Without `case_sensitive`, letter case of pattern and name
  // does not matter.
  NamePattern(std::string_view text, bool case_sensitive, Regex regex = Regex::kAllowed);

  bool Matches(std::string_view name) const;

  // Of two wildcard patterns that both match `name`: is this one asked before `other`? The more
  // general one is: at the first place where they differ, a final `*` comes before `?`, that before
  // a set, that before a literal; at the name's end a pattern without `*` before one with it. False
  // both ways for two different sets and for equal patterns.
  bool GoesBefore(const NamePattern& other, std::string_view name) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

// `text` with every letter in lower case (UTF-8; simple one-to-one mapping of the letters).
std::string LowerName(std::string_view text);

}  // namespace dm::migration
