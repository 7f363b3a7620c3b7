// host:port texts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dm {

struct HostPort {
  std::string host;  // may be empty; IPv6 without brackets
  std::string port;  // text; may be empty

  bool operator==(const HostPort&) const = default;
  // Throws std::invalid_argument if it is not a number up to 65535.
  [[nodiscard]] uint16_t PortNumber() const;
};

// Splits "host:port", "[::1]:port", ":port". Throws std::invalid_argument with the texts users
// know: "address xyz: missing port in address", "address a:b:c: too many colons in address".
HostPort SplitHostPort(std::string_view text);

// The reverse; brackets around an IPv6 host.
std::string JoinHostPort(std::string_view host, std::string_view port);
std::string JoinHostPort(std::string_view host, uint16_t port);

// Without a leading "http://" or "https://".
std::string_view StripScheme(std::string_view text);

// Every comma-separated item gets `scheme` ("http" or "https"); an existing scheme is replaced;
// empty items stay empty.
std::string WithScheme(std::string_view list, std::string_view scheme);

}  // namespace dm
