// Values that must not appear in logs and printed configurations.
#pragma once

#include <fmt/format.h>

#include <ostream>
#include <string>
#include <utility>

namespace dm {

inline constexpr std::string_view kHidden = "******";

// A value that prints as "******" whatever it holds; only value() shows it.
template <class T>
class Sensitive {
 public:
  Sensitive() = default;
  Sensitive(T value) : value_(std::move(value)) {}  // NOLINT: meant to be implicit

  [[nodiscard]] const T& value() const { return value_; }
  T& value() { return value_; }
  bool operator==(const Sensitive&) const = default;

 private:
  T value_{};
};

template <class T>
std::ostream& operator<<(std::ostream& out, const Sensitive<T>&) {
  return out << kHidden;
}

// Switch of redact-info-log: row values and statement arguments in logs become "?".
void SetLogRedaction(bool on);
bool LogRedaction();

// `value`, or "?" if redaction is on.
std::string Redacted(std::string_view value);

// The same for a statement that changes rows: each of its literals is a "?".
std::string RedactedStatement(std::string_view statement);

// The same for the text of a server's error or warning `number`: where it quotes a value of a row
// (duplicate key, value that does not fit), what it quotes is a "?".
std::string RedactedMessage(int number, std::string_view message);
// For the life of the process: messages of a duplicate key (1062) that contain this text are about
// a row of ours, and stay as they are. Thread-safe.
void KeepDuplicateEntry(std::string text);

}  // namespace dm

template <class T>
struct fmt::formatter<dm::Sensitive<T>> : fmt::formatter<std::string_view> {
  auto format(const dm::Sensitive<T>&, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(dm::kHidden, context);
  }
};
