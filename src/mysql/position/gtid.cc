#include "mysql/position/gtid.h"

#include <fmt/format.h>

#include <random>

#include "mysql/value/hex.h"

namespace dm::mysql {
namespace {

bool IsDashPlace(size_t digits_before) {
  return digits_before == 8 || digits_before == 12 || digits_before == 16 || digits_before == 20;
}

}  // namespace

std::optional<Uuid> Uuid::Parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid uuid;
  size_t digits = 0;
  bool dashed = false;
  for (const char c : text) {
    if (IsDashPlace(digits) && !dashed) {
      if (c != '-') return std::nullopt;
      dashed = true;
      continue;
    }
    const int value = HexDigit(c);
    if (value < 0 || digits >= 32) return std::nullopt;
    uuid.bytes[digits / 2] = static_cast<uint8_t>(uuid.bytes[digits / 2] << 4 | value);
    ++digits;
    dashed = false;
  }
  return uuid;
}

Uuid Uuid::Random() {
  std::random_device random;
  Uuid uuid;
  for (uint8_t& byte : uuid.bytes) byte = static_cast<uint8_t>(random());
  uuid.bytes[6] = static_cast<uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);  // version 4
  uuid.bytes[8] = static_cast<uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);  // RFC 4122
  return uuid;
}

std::string Uuid::ToString() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(36);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (IsDashPlace(i * 2)) out += '-';
    out += kDigits[bytes[i] >> 4];
    out += kDigits[bytes[i] & 15];
  }
  return out;
}

std::string MySqlGtid::ToString() const {
  if (tag.empty()) return fmt::format("{}:{}", uuid.ToString(), gno);
  return fmt::format("{}:{}:{}", uuid.ToString(), tag, gno);
}

std::string MariaDbGtid::ToString() const {
  return fmt::format("{}-{}-{}", domain, server, sequence);
}

std::string ToString(const Gtid& gtid) {
  return std::visit([](const auto& g) { return g.ToString(); }, gtid);
}

}  // namespace dm::mysql
