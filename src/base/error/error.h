// The product's one failure type: what went wrong, where, how bad, and what to do about it.
#pragma once

#include <fmt/format.h>

#include <array>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error/codes.h"

namespace dm {

// Where a failure happened, as users see it ("upstream", "downstream", ...).
enum class ErrorScope { kNotSet, kUpstream, kDownstream, kInternal };

// low: wrong input to a command; medium: wrong configuration; high: something running needs
// attention.
enum class ErrorLevel { kLow, kMedium, kHigh };

std::string_view ToString(ErrorScope scope);
std::string_view ToString(ErrorLevel level);

// One row of the catalogue. Templates use fmt's `{}` placeholders. Views are static.
struct ErrorEntry {
  ErrorCode code;
  std::string_view name;         // identifier used in documentation, e.g. "ParseSQL"
  std::string_view error_class;  // "sync-unit", "config", ...
  ErrorScope scope;
  ErrorLevel level;
  std::string_view message;  // template
  std::string_view workaround;
};

// The catalogue entry of `code`, or nullptr for a number that no entry has.
const ErrorEntry* FindErrorEntry(int code);

// The whole catalogue, sorted by code.
std::span<const ErrorEntry> ErrorCatalogue();

// A template with its placeholders ({} in order, {N} by index) replaced. Never throws for a wrong
// number of arguments: what no placeholder takes is appended, a placeholder without argument is
// left out.
std::string FillTemplate(std::string_view text, std::span<const std::string> args);

// A failure with its catalogue entry and the facts of this occurrence. Copyable; not shared between
// threads while it is being changed. Two errors are "the same" when their codes are equal.
class Error : public std::exception {
 public:
  // An error of `code` with a given text; class, scope, level and workaround come from the
  // catalogue.
  Error(ErrorCode code, std::string message);

  int code() const { return code_; }
  const std::string& error_class() const { return class_; }
  ErrorScope scope() const { return scope_; }
  ErrorLevel level() const { return level_; }
  // The formatted message alone.
  const std::string& message() const { return message_; }
  // Text of the innermost known reason; empty if there is none.
  const std::string& raw_cause() const { return raw_cause_; }
  const std::string& workaround() const { return workaround_; }
  // Number of the server error that is the innermost reason (1062, 1146, ...); 0 if it was none.
  int server_errno() const { return server_errno_; }

  // The one-line form "[code=..:class=..:scope=..:level=..], Message: .., RawCause: .., Workaround:
  // ..".
  std::string ToString() const;
  // "Message: .., RawCause: .." without bracket and workaround.
  std::string MessageAndCause() const;
  const char* what() const noexcept override;

  Error& SetScope(ErrorScope scope);
  Error& SetClass(std::string error_class);
  Error& SetWorkaround(std::string workaround);
  Error& SetRawCause(std::string text);
  Error& SetServerErrno(int number);
  // Message becomes "<prefix>: <old message>".
  Error& Annotate(std::string_view prefix);

  // Rebuilds an error whose parts came over the wire.
  static Error FromParts(int code, std::string error_class, ErrorScope scope, ErrorLevel level,
                         std::string message, std::string raw_cause, std::string workaround);

 private:
  Error() = default;

  int code_ = 0;
  std::string class_;
  ErrorScope scope_ = ErrorScope::kNotSet;
  ErrorLevel level_ = ErrorLevel::kHigh;
  std::string message_;
  std::string raw_cause_;
  std::string workaround_;
  int server_errno_ = 0;
  mutable std::string what_;
};

// An error of `code` whose template is filled with `args` as FillTemplate does.
template <class... Args>
[[nodiscard]] Error MakeError(ErrorCode code, Args&&... args) {
  const ErrorEntry* entry = FindErrorEntry(static_cast<int>(code));
  const std::array<std::string, sizeof...(Args)> texts = {fmt::format("{}", args)...};
  return Error(code, FillTemplate(entry->message, texts));
}

// Wraps `cause` under `error`: the raw cause becomes the innermost reason, so chains collapse
// (a wrapped product error's own text is lost if it already has a cause).
[[nodiscard]] Error WithCause(Error error, const std::exception& cause);

// The wrapped form in one step: template of `code`, innermost reason of `cause`.
template <class... Args>
[[nodiscard]] Error WrapError(ErrorCode code, const std::exception& cause, Args&&... args) {
  return WithCause(MakeError(code, std::forward<Args>(args)...), cause);
}

// Any exception as a product error: itself if it is one, else code 50000 with its text.
[[nodiscard]] Error ToError(const std::exception& e);

// Text shown for an exception: a product error's string form, else what().
std::string ErrorText(const std::exception& e);

// Thrown by a blocking call that its stop token ended. Not a failure: boundaries turn it into
// "cancelled". Its text is the phrase by which results drop it.
class Cancelled : public std::exception {
 public:
  const char* what() const noexcept override { return "context canceled"; }
};

}  // namespace dm
