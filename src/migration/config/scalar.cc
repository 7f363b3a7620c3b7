#include "migration/config/scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace dm::migration {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Longest units first where one is the beginning of another.
constexpr std::array<std::pair<std::string_view, int64_t>, 8> kUnits = {{
    {"ns", 1},
    {"us", 1'000},
    {"\xc2\xb5s", 1'000},  // micro sign
    {"\xce\xbcs", 1'000},  // Greek mu
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
}};

// Reads digits at `pos`. nullopt if the number does not fit.
std::optional<uint64_t> ReadNumber(std::string_view text, size_t& pos, size_t& digits) {
  uint64_t value = 0;
  digits = 0;
  while (pos < text.size() && IsDigit(text[pos])) {
    if (value > (std::numeric_limits<uint64_t>::max() - 9) / 10) return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(text[pos] - '0');
    ++pos;
    ++digits;
  }
  return value;
}

}  // namespace

std::optional<Duration> ParseDuration(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return Duration::zero();
  if (text.empty()) return std::nullopt;
  constexpr auto kMax = static_cast<__int128>(std::numeric_limits<int64_t>::max());
  __int128 total = 0;
  size_t pos = 0;
  while (pos < text.size()) {
    size_t whole_digits = 0;
    std::optional<uint64_t> whole = ReadNumber(text, pos, whole_digits);
    if (!whole) return std::nullopt;
    // The fraction as numerator and power of ten; digits beyond 18 cannot matter.
    uint64_t numerator = 0, denominator = 1;
    size_t fraction_digits = 0;
    if (pos < text.size() && text[pos] == '.') {
      ++pos;
      while (pos < text.size() && IsDigit(text[pos])) {
        if (fraction_digits < 18) {
          numerator = numerator * 10 + static_cast<uint64_t>(text[pos] - '0');
          denominator *= 10;
        }
        ++fraction_digits;
        ++pos;
      }
    }
    if (whole_digits + fraction_digits == 0) return std::nullopt;
    size_t end = pos;
    while (end < text.size() && !IsDigit(text[end]) && text[end] != '.') ++end;
    std::string_view name = text.substr(pos, end - pos);
    const auto* unit =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& u) { return u.first == name; });
    if (unit == kUnits.end()) return std::nullopt;
    pos = end;
    total += static_cast<__int128>(*whole) * unit->second;
    total += static_cast<__int128>(numerator) * unit->second / denominator;
    if (total > kMax) return std::nullopt;
  }
  auto nanoseconds = static_cast<int64_t>(total);
  return Duration(negative ? -nanoseconds : nanoseconds);
}

std::string FormatDuration(Duration duration) {
  const int64_t count = duration.count();
  const bool negative = count < 0;
  const uint64_t value = negative ? 0 - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
  if (value == 0) return "0s";
  // `number` of `unit` nanoseconds with the fraction's trailing zeros dropped.
  auto with_fraction = [](uint64_t number, uint64_t unit) {
    std::string out = fmt::format("{}", number / unit);
    if (uint64_t rest = number % unit; rest != 0) {
      std::string digits = fmt::format("{}", unit + rest).substr(1);
      digits.erase(digits.find_last_not_of('0') + 1);
      out += "." + digits;
    }
    return out;
  };
  std::string out = negative ? "-" : "";
  if (value < 1'000) return out + fmt::format("{}ns", value);
  if (value < 1'000'000) return out + with_fraction(value, 1'000) + "\xc2\xb5s";
  if (value < 1'000'000'000) return out + with_fraction(value, 1'000'000) + "ms";
  const uint64_t minutes = value / 60'000'000'000;
  if (minutes >= 60) out += fmt::format("{}h", minutes / 60);
  if (minutes > 0) out += fmt::format("{}m", minutes % 60);
  return out + with_fraction(value % 60'000'000'000, 1'000'000'000) + "s";
}

std::optional<uint64_t> ParseSize(std::string_view text) {
  size_t pos = 0;
  while (pos < text.size() && (IsDigit(text[pos]) || text[pos] == '.')) ++pos;
  std::string_view number = text.substr(0, pos);
  std::string_view unit = text.substr(pos);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  while (!unit.empty() && unit.back() == ' ') unit.remove_suffix(1);
  double value = 0;
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (number.empty() || error != std::errc() || end != number.data() + number.size()) {
    return std::nullopt;
  }
  std::string lower(unit);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  });
  double factor = 1;
  if (!lower.empty() && lower != "b") {
    constexpr std::string_view kPrefixes = "kmgtp";
    size_t power = kPrefixes.find(lower[0]);
    std::string_view rest = std::string_view(lower).substr(1);
    if (power == std::string_view::npos || !(rest.empty() || rest == "b" || rest == "ib")) {
      return std::nullopt;
    }
    factor = std::pow(1024.0, static_cast<double>(power + 1));
  }
  value *= factor;
  if (!(value < 18446744073709551616.0)) return std::nullopt;
  return static_cast<uint64_t>(value);
}

std::optional<uint64_t> ParseChunkSize(std::string_view text) {
  uint64_t mib = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mib);
  if (!text.empty() && end == text.data() + text.size()) {
    if (error != std::errc() || mib > (std::numeric_limits<uint64_t>::max() >> 20)) {
      return std::nullopt;
    }
    return mib << 20;
  }
  return ParseSize(text);
}

}  // namespace dm::migration
