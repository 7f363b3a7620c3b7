#include "mysql/schema/shown_definition.h"

#include <cstddef>

namespace dm::mysql {

namespace {

// Behind the end of the text that begins with the quote at `begin`; a doubled quote is part of it.
size_t EndOfQuoted(std::string_view text, size_t begin, bool backslash_escapes) {
  const char quote = text[begin];
  for (size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\' && backslash_escapes) {
      ++i;
    } else if (text[i] == quote) {
      if (i + 1 == text.size() || text[i + 1] != quote) return i + 1;
      ++i;
    }
  }
  return text.size();
}

bool IsListOfMembers(std::string_view before) {
  return before.ends_with("` enum(") || before.ends_with("` set(");
}

}  // namespace

std::string WithoutAutoIncrement(std::string shown) {
  constexpr std::string_view kOption = " AUTO_INCREMENT=";
  // The options stand behind the list of columns, and before partitions on lines of their own. (A
  // line break in a text is written as \n.)
  const size_t options = shown.rfind("\n)");
  const size_t begin = shown.find(kOption, options == std::string::npos ? 0 : options);
  if (begin == std::string::npos) return shown;
  size_t end = begin + kOption.size();
  while (end < shown.size() && shown[end] >= '0' && shown[end] <= '9') ++end;
  return shown.erase(begin, end - begin);
}

std::string WithBackslashesDoubled(std::string_view shown) {
  constexpr std::string_view kPartitions = "\nPARTITION BY ";
  std::string out;
  out.reserve(shown.size());
  bool members = false, partitions = false;
  for (size_t i = 0; i < shown.size();) {
    const std::string_view before = shown.substr(0, i);
    const char c = shown[i];
    if (c != '\'' && c != '`') {
      members = members && c == ',';
      partitions = partitions || shown.substr(i).starts_with(kPartitions);
      out += c;
      ++i;
      continue;
    }
    members = c == '\'' && (members || IsListOfMembers(before));
    const bool plain = members || (partitions && before.ends_with(" COMMENT "));
    const size_t end = EndOfQuoted(shown, i, c == '\'' && !plain);
    for (const char part : shown.substr(i, end - i)) {
      out += part;
      if (plain && part == '\\') out += part;
    }
    i = end;
  }
  return out;
}

}  // namespace dm::mysql
