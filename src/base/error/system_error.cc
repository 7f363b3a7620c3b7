#include "base/error/system_error.h"

#include <fmt/format.h>

#include <cstring>

namespace dm {

std::string SystemErrorText(int number) {
  char buffer[256];
  std::string text = ::strerror_r(number, buffer, sizeof buffer);
  // Only an ordinary word gets a small letter, not a name such as "RFS specific error".
  if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a') {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  }
  return text;
}

SystemError::SystemError(std::string_view operation, std::string_view object, int number)
    : std::runtime_error(
          object.empty() ? fmt::format("{}: {}", operation, SystemErrorText(number))
                         : fmt::format("{} {}: {}", operation, object, SystemErrorText(number))),
      number_(number) {}

}  // namespace dm
