#include "base/error/error.h"

#include <algorithm>
#include <vector>

namespace dm {

std::string_view ToString(ErrorScope scope) {
  switch (scope) {
    case ErrorScope::kNotSet:
      return "not-set";
    case ErrorScope::kUpstream:
      return "upstream";
    case ErrorScope::kDownstream:
      return "downstream";
    case ErrorScope::kInternal:
      return "internal";
  }
  return "not-set";
}

std::string_view ToString(ErrorLevel level) {
  switch (level) {
    case ErrorLevel::kLow:
      return "low";
    case ErrorLevel::kMedium:
      return "medium";
    case ErrorLevel::kHigh:
      return "high";
  }
  return "high";
}

std::string FillTemplate(std::string_view text, std::span<const std::string> args) {
  std::string out;
  std::vector<bool> used(args.size());
  size_t next = 0;
  while (!text.empty()) {
    size_t open = text.find('{');
    size_t close = open == std::string_view::npos ? open : text.find('}', open);
    if (close == std::string_view::npos) break;
    out += text.substr(0, open);
    std::string_view index = text.substr(open + 1, close - open - 1);
    size_t i = index.empty() ? next++ : static_cast<size_t>(index[0] - '0');
    if (i < args.size()) {
      out += args[i];
      used[i] = true;
    }
    text.remove_prefix(close + 1);
  }
  out += text;
  for (size_t i = 0; i < args.size(); ++i) {
    if (!used[i]) out += (out.empty() ? "" : ", ") + args[i];
  }
  return out;
}

Error::Error(ErrorCode code, std::string message)
    : code_(static_cast<int>(code)), message_(std::move(message)) {
  const ErrorEntry* entry = FindErrorEntry(code_);
  class_ = entry->error_class;
  scope_ = entry->scope;
  level_ = entry->level;
  workaround_ = entry->workaround;
}

std::string Error::ToString() const {
  std::string out = fmt::format("[code={}:class={}:scope={}:level={}]", code_, class_,
                                dm::ToString(scope_), dm::ToString(level_));
  if (!message_.empty()) out += ", Message: " + message_;
  if (!raw_cause_.empty()) out += ", RawCause: " + raw_cause_;
  if (!workaround_.empty()) out += ", Workaround: " + workaround_;
  return out;
}

std::string Error::MessageAndCause() const {
  std::string out;
  if (!message_.empty()) out += "Message: " + message_;
  if (!raw_cause_.empty()) out += (out.empty() ? "RawCause: " : ", RawCause: ") + raw_cause_;
  return out;
}

const char* Error::what() const noexcept {
  what_ = ToString();
  return what_.c_str();
}

Error& Error::SetScope(ErrorScope scope) {
  scope_ = scope;
  return *this;
}

Error& Error::SetClass(std::string error_class) {
  class_ = std::move(error_class);
  return *this;
}

Error& Error::SetWorkaround(std::string workaround) {
  workaround_ = std::move(workaround);
  return *this;
}

Error& Error::SetRawCause(std::string text) {
  raw_cause_ = std::move(text);
  return *this;
}

Error& Error::SetServerErrno(int number) {
  server_errno_ = number;
  return *this;
}

Error& Error::Annotate(std::string_view prefix) {
  message_ = fmt::format("{}: {}", prefix, message_);
  return *this;
}

Error Error::FromParts(int code, std::string error_class, ErrorScope scope, ErrorLevel level,
                       std::string message, std::string raw_cause, std::string workaround) {
  Error e;
  e.code_ = code;
  e.class_ = std::move(error_class);
  e.scope_ = scope;
  e.level_ = level;
  e.message_ = std::move(message);
  e.raw_cause_ = std::move(raw_cause);
  e.workaround_ = std::move(workaround);
  return e;
}

Error WithCause(Error error, const std::exception& cause) {
  if (const auto* product = dynamic_cast<const Error*>(&cause)) {
    error.SetRawCause(product->raw_cause().empty() ? product->message() : product->raw_cause());
    error.SetServerErrno(product->server_errno());
  } else {
    error.SetRawCause(cause.what());
  }
  return error;
}

Error ToError(const std::exception& e) {
  if (const auto* product = dynamic_cast<const Error*>(&e)) return *product;
  return Error(ErrorCode::kNotSet, e.what());
}

std::string ErrorText(const std::exception& e) {
  if (const auto* product = dynamic_cast<const Error*>(&e)) return product->ToString();
  return e.what();
}

}  // namespace dm
