// A text that must never be shown: passwords.
#pragma once

#include <fmt/format.h>

#include <ostream>
#include <string>
#include <string_view>

namespace dm::migration {

// What stands in the place of a secret wherever something is printed.
inline constexpr std::string_view kHiddenSecret = "******";

// Prints as ****** everywhere (fmt, streams, logs), also when empty. The text comes out by Reveal
// alone.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  const std::string& Reveal() const { return text_; }
  bool operator==(const Secret&) const = default;

 private:
  std::string text_;
};

inline std::ostream& operator<<(std::ostream& out, const Secret&) { return out << kHiddenSecret; }

}  // namespace dm::migration

template <>
struct fmt::formatter<dm::migration::Secret> : fmt::formatter<std::string_view> {
  auto format(const dm::migration::Secret&, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(dm::migration::kHiddenSecret, context);
  }
};
