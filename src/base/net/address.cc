#include "base/net/address.h"

#include <stdexcept>

#include "base/io/text.h"

namespace dm {

uint16_t HostPort::PortNumber() const {
  std::optional<uint64_t> number = ParseUint(port);
  if (!number || *number > 65535) throw std::invalid_argument("invalid port " + Quote(port));
  return static_cast<uint16_t>(*number);
}

HostPort SplitHostPort(std::string_view text) {
  auto fail = [&](const char* reason) {
    throw std::invalid_argument("address " + std::string(text) + ": " + reason);
  };
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) fail("missing port in address");
  HostPort result;
  result.port = text.substr(colon + 1);
  std::string_view host = text.substr(0, colon);
  if (text[0] == '[') {
    size_t end = text.find(']');
    if (end == std::string_view::npos) fail("missing ']' in address");
    if (end + 1 == text.size()) fail("missing port in address");
    if (end + 1 != colon) {
      fail(text[end + 1] == ':' ? "too many colons in address" : "missing port in address");
    }
    host = text.substr(1, end - 1);
    if (host.find('[') != std::string_view::npos) fail("unexpected '[' in address");
  } else {
    if (host.find(':') != std::string_view::npos) fail("too many colons in address");
    if (host.find('[') != std::string_view::npos) fail("unexpected '[' in address");
    if (host.find(']') != std::string_view::npos) fail("unexpected ']' in address");
  }
  result.host = host;
  return result;
}

std::string JoinHostPort(std::string_view host, std::string_view port) {
  std::string out;
  if (host.find(':') != std::string_view::npos) {
    out.append("[").append(host).append("]");
  } else {
    out = host;
  }
  return out.append(":").append(port);
}

std::string JoinHostPort(std::string_view host, uint16_t port) {
  return JoinHostPort(host, std::to_string(port));
}

std::string_view StripScheme(std::string_view text) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (text.starts_with(scheme)) return text.substr(scheme.size());
  }
  return text;
}

std::string WithScheme(std::string_view list, std::string_view scheme) {
  std::vector<std::string> items = Split(list, ',');
  for (std::string& item : items) {
    std::string_view rest = Trim(item);
    rest = StripScheme(rest);
    item = rest.empty() ? "" : std::string(scheme) + "://" + std::string(rest);
  }
  return Join(items, ",");
}

}  // namespace dm
