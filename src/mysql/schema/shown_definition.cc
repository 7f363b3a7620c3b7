#include "mysql/schema/shown_definition.h"

#include <string_view>

namespace dm::mysql {

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

}  // namespace dm::mysql
