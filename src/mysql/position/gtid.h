// One global transaction id of either flavor.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace dm::mysql {

struct Uuid {
  std::array<uint8_t, 16> bytes{};

  auto operator<=>(const Uuid&) const = default;
  // 8-4-4-4-12 hex digits in any case; nullopt for anything else.
  static std::optional<Uuid> Parse(std::string_view text);
  static Uuid Random();
  // Lower case, with dashes.
  std::string ToString() const;
};

// uuid:[tag:]gno.
struct MySqlGtid {
  Uuid uuid;
  std::string tag;  // lower case; empty for none
  uint64_t gno = 0;

  bool operator==(const MySqlGtid&) const = default;
  std::string ToString() const;
};

// domain-server-sequence.
struct MariaDbGtid {
  uint32_t domain = 0;
  uint32_t server = 0;
  uint64_t sequence = 0;

  bool operator==(const MariaDbGtid&) const = default;
  std::string ToString() const;
};

using Gtid = std::variant<MySqlGtid, MariaDbGtid>;
std::string ToString(const Gtid& gtid);

}  // namespace dm::mysql
