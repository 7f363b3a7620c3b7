// Failures of the operating system.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace dm {

// The usual text of an errno, in lower case: "no such file or directory".
std::string SystemErrorText(int number);

// A failed system call: "<operation> <object>: <reason>", e.g. "open x.yaml: no such file or
// directory". Callers wrap it in the error code of what they were doing: WrapError(code, e, ...).
class SystemError : public std::runtime_error {
 public:
  SystemError(std::string_view operation, std::string_view object, int number);

  int number() const { return number_; }  // errno

 private:
  int number_;
};

}  // namespace dm
