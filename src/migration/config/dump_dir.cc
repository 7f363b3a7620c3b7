#include "migration/config/dump_dir.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/error/error.h"
#include "base/io/text.h"

namespace dm::migration {
namespace {

bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The parts of a URI: "scheme://authority" before `path`, "?query" and "#fragment" behind it.
struct Uri {
  std::string scheme;
  std::string head;
  std::string path;
  std::string tail;
};

// nullopt: a plain path. Throws for what is neither.
std::optional<Uri> SplitUri(const std::string& dir) {
  const size_t colon = dir.find(':');
  const size_t slash = dir.find('/');
  if (colon == std::string::npos || (slash != std::string::npos && slash < colon)) {
    return std::nullopt;
  }
  const std::string scheme = dir.substr(0, colon);
  const bool is_scheme = !scheme.empty() && IsAlpha(scheme[0]) &&
                         std::all_of(scheme.begin(), scheme.end(), [](char c) {
                           return IsAlpha(c) || IsDigit(c) || c == '+' || c == '-' || c == '.';
                         });
  if (!is_scheme) {
    throw MakeError(ErrorCode::kConfigLoaderDirInvalid, MaskedDir(dir))
        .SetRawCause(fmt::format("{} is neither a path nor a URI", MaskedDir(dir)));
  }
  Uri uri;
  uri.scheme = scheme;
  size_t begin = colon + 1;
  if (dir.compare(begin, 2, "//") == 0) {
    begin = std::min(dir.find_first_of("/?#", begin + 2), dir.size());
  }
  const size_t end = std::min(dir.find_first_of("?#", begin), dir.size());
  uri.head = dir.substr(0, begin);
  uri.path = dir.substr(begin, end - begin);
  uri.tail = dir.substr(end);
  for (size_t i = 0; i < uri.path.size(); ++i) {
    if (uri.path[i] == '%' && (i + 2 >= uri.path.size() || HexDigit(uri.path[i + 1]) < 0 ||
                               HexDigit(uri.path[i + 2]) < 0)) {
      throw MakeError(ErrorCode::kConfigLoaderDirInvalid, MaskedDir(dir))
          .SetRawCause(fmt::format("invalid URL escape in {}", uri.path));
    }
  }
  return uri;
}

std::string Unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string Escaped(std::string_view text, std::string_view kept) {
  std::string out;
  for (char c : text) {
    if (IsAlpha(c) || IsDigit(c) || kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string EscapedPath(std::string_view path) { return Escaped(path, "-_.~/$&+:=@,;!'()*"); }

std::string TrimSlashes(std::string text) {
  text.erase(text.find_last_not_of('/') + 1);
  return text;
}

std::string Suffix(const std::optional<Uri>& uri, std::string_view task, std::string_view source) {
  if (uri && uri->scheme == "s3") return fmt::format("/{}.{}", task, source);
  return fmt::format(".{}", task);
}

}  // namespace

std::string UrlEscaped(std::string_view text) { return Escaped(text, "-_.~"); }

void CheckDir(const std::string& dir) { SplitUri(dir); }

std::string WithTaskSuffix(const std::string& dir, std::string_view task, std::string_view source) {
  if (dir.empty()) return dir;
  std::optional<Uri> uri = SplitUri(dir);
  const std::string suffix = Suffix(uri, task, source);
  const std::string path = TrimSlashes(uri ? Unescaped(uri->path) : dir);
  if (path.ends_with(suffix)) return dir;
  if (!uri) return path + suffix;
  return uri->head + EscapedPath(path + suffix) + uri->tail;
}

std::string WithoutTaskSuffix(const std::string& dir, std::string_view task,
                              std::string_view source) {
  std::optional<Uri> uri = SplitUri(dir);
  const std::string suffix = Suffix(uri, task, source);
  std::string path = TrimSlashes(uri ? Unescaped(uri->path) : dir);
  if (!path.ends_with(suffix)) return dir;
  path.resize(path.size() - suffix.size());
  if (!uri) return path;
  return uri->head + EscapedPath(path) + uri->tail;
}

std::string MaskedDir(std::string_view dir) {
  constexpr std::string_view kMask = "******";
  // Parameters that are no secrets.
  constexpr std::array<std::string_view, 10> kShown = {"region",
                                                       "endpoint",
                                                       "force-path-style",
                                                       "provider",
                                                       "use-accelerate-endpoint",
                                                       "storage-class",
                                                       "sse",
                                                       "acl",
                                                       "predefined-acl",
                                                       "role-arn"};
  std::string shown(dir.substr(0, dir.find('?')));
  const size_t scheme = shown.find("://");
  const size_t at = scheme == std::string::npos
                        ? std::string::npos
                        : shown.substr(0, shown.find('/', scheme + 3)).rfind('@');
  if (at != std::string::npos) {
    const size_t colon = shown.find(':', scheme + 3);
    if (colon < at) shown.replace(colon + 1, at - colon - 1, kMask);
  }
  if (dir.find('?') == std::string_view::npos) return shown;
  char separator = '?';
  for (const std::string& parameter : Split(dir.substr(dir.find('?') + 1), '&')) {
    shown += std::exchange(separator, '&');
    const size_t equals = parameter.find('=');
    if (equals == std::string::npos) {
      shown += kMask;  // a value whose name was forgotten
      continue;
    }
    std::string key = ToLower(parameter.substr(0, equals));
    std::replace(key.begin(), key.end(), '_', '-');
    const bool secret = std::find(kShown.begin(), kShown.end(), key) == kShown.end();
    shown += parameter.substr(0, equals + 1);
    shown += secret ? kMask : std::string_view(parameter).substr(equals + 1);
  }
  return shown;
}

bool IsUri(const std::string& dir) { return SplitUri(dir).has_value(); }

}  // namespace dm::migration
