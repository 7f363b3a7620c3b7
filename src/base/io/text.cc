#include "base/io/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <stdexcept>

namespace dm {
namespace {

struct DurationUnit {
  std::string_view name;
  uint64_t nanoseconds;
};

constexpr DurationUnit kDurationUnits[] = {
    {"ns", 1},         {"us", 1'000},        {"µs", 1'000},         {"μs", 1'000},
    {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000},
};

constexpr uint64_t kMaxMagnitude = uint64_t{1} << 63;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Reason why a text is not a duration.
enum class DurationFault { kNone, kInvalid, kMissingUnit, kUnknownUnit };

DurationFault Parse(std::string_view text, Nanoseconds* result, std::string_view* unknown_unit) {
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  *result = Nanoseconds(0);
  if (rest == "0") return DurationFault::kNone;
  if (rest.empty()) return DurationFault::kInvalid;
  uint64_t total = 0;
  while (!rest.empty()) {
    uint64_t whole = 0;
    size_t digits = 0;
    while (digits < rest.size() && IsDigit(rest[digits])) {
      if (whole > kMaxMagnitude / 10) return DurationFault::kInvalid;
      whole = whole * 10 + static_cast<uint64_t>(rest[digits] - '0');
      if (whole > kMaxMagnitude) return DurationFault::kInvalid;
      ++digits;
    }
    rest.remove_prefix(digits);
    // Digits behind the point count only as far as 64 bits carry them.
    uint64_t fraction = 0;
    double scale = 1;
    size_t fraction_digits = 0;
    if (!rest.empty() && rest.front() == '.') {
      rest.remove_prefix(1);
      bool full = false;
      while (fraction_digits < rest.size() && IsDigit(rest[fraction_digits])) {
        if (!full) {
          if (fraction > (kMaxMagnitude - 1) / 10) {
            full = true;
          } else {
            fraction = fraction * 10 + static_cast<uint64_t>(rest[fraction_digits] - '0');
            scale *= 10;
          }
        }
        ++fraction_digits;
      }
      rest.remove_prefix(fraction_digits);
    }
    if (digits == 0 && fraction_digits == 0) return DurationFault::kInvalid;
    size_t unit_size = 0;
    while (unit_size < rest.size() && rest[unit_size] != '.' && !IsDigit(rest[unit_size])) {
      ++unit_size;
    }
    if (unit_size == 0) return DurationFault::kMissingUnit;
    std::string_view name = rest.substr(0, unit_size);
    rest.remove_prefix(unit_size);
    const auto* unit = std::find_if(std::begin(kDurationUnits), std::end(kDurationUnits),
                                    [&](const DurationUnit& u) { return u.name == name; });
    if (unit == std::end(kDurationUnits)) {
      *unknown_unit = name;
      return DurationFault::kUnknownUnit;
    }
    if (whole > kMaxMagnitude / unit->nanoseconds) return DurationFault::kInvalid;
    uint64_t part = whole * unit->nanoseconds;
    if (fraction > 0) {
      part += static_cast<uint64_t>(static_cast<double>(fraction) *
                                    (static_cast<double>(unit->nanoseconds) / scale));
    }
    total += part;
    if (part > kMaxMagnitude || total > kMaxMagnitude) return DurationFault::kInvalid;
  }
  if (!negative && total == kMaxMagnitude) return DurationFault::kInvalid;
  *result = Nanoseconds(static_cast<int64_t>(negative ? 0 - total : total));
  return DurationFault::kNone;
}

// `value / unit` with up to nine decimals, zeros at the end cut.
std::string WithFraction(uint64_t value, uint64_t unit, std::string_view suffix) {
  std::string text = std::to_string(value / unit);
  uint64_t rest = value % unit;
  if (rest != 0) {
    std::string digits;
    for (uint64_t place = unit / 10; place > 0; place /= 10) {
      digits += static_cast<char>('0' + rest / place % 10);
    }
    while (digits.back() == '0') digits.pop_back();
    text += "." + digits;
  }
  return text + std::string(suffix);
}

// Code points that never print: C1 controls, separators, zero-width and private ones.
bool IsUnprintable(uint32_t rune) {
  return (rune >= 0x7f && rune <= 0xa0) || rune == 0xad || (rune >= 0x2000 && rune <= 0x200f) ||
         (rune >= 0x2028 && rune <= 0x202f) || (rune >= 0x205f && rune <= 0x206f) ||
         rune == 0x3000 || (rune >= 0xe000 && rune <= 0xf8ff) || rune == 0xfeff ||
         (rune >= 0xfff0 && rune <= 0xfffb) || (rune & 0xfffe) == 0xfffe || rune >= 0xe0000;
}

}  // namespace

std::optional<Nanoseconds> ParseDuration(std::string_view text) {
  Nanoseconds result{};
  std::string_view unit;
  if (Parse(text, &result, &unit) != DurationFault::kNone) return std::nullopt;
  return result;
}

Nanoseconds ParseDurationOrThrow(std::string_view text) {
  Nanoseconds result{};
  std::string_view unit;
  switch (Parse(text, &result, &unit)) {
    case DurationFault::kNone:
      return result;
    case DurationFault::kMissingUnit:
      throw std::invalid_argument("time: missing unit in duration " + Quote(text));
    case DurationFault::kUnknownUnit:
      throw std::invalid_argument("time: unknown unit " + Quote(unit) + " in duration " +
                                  Quote(text));
    case DurationFault::kInvalid:
      break;
  }
  throw std::invalid_argument("time: invalid duration " + Quote(text));
}

std::string FormatDuration(Nanoseconds duration) {
  bool negative = duration.count() < 0;
  uint64_t value = static_cast<uint64_t>(duration.count());
  if (negative) value = 0 - value;
  if (value == 0) return "0s";
  std::string text;
  if (value < 1'000) {
    text = std::to_string(value) + "ns";
  } else if (value < 1'000'000) {
    text = WithFraction(value, 1'000, "µs");
  } else if (value < 1'000'000'000) {
    text = WithFraction(value, 1'000'000, "ms");
  } else {
    uint64_t minutes = value / 60'000'000'000;
    text = WithFraction(value % 60'000'000'000, 1'000'000'000, "s");
    if (minutes > 0) {
      text.insert(0, std::to_string(minutes % 60) + "m");
      if (minutes >= 60) text.insert(0, std::to_string(minutes / 60) + "h");
    }
  }
  return negative ? "-" + text : text;
}

std::optional<uint64_t> ParseSize(std::string_view text) {
  text = Trim(text);
  size_t digits = 0;
  size_t points = 0;
  while (digits < text.size() && (IsDigit(text[digits]) || text[digits] == '.')) {
    points += text[digits] == '.' ? 1 : 0;
    ++digits;
  }
  if (digits == points || points > 1) return std::nullopt;
  std::string_view number = text.substr(0, digits);
  std::string unit = ToLower(Trim(text.substr(digits)));
  int power = 0;
  if (!unit.empty() && unit != "b") {
    constexpr std::string_view kLetters = "kmgtp";
    size_t letter = kLetters.find(unit[0]);
    std::string_view tail = std::string_view(unit).substr(1);
    if (letter == std::string_view::npos || !(tail.empty() || tail == "b" || tail == "ib")) {
      return std::nullopt;
    }
    power = static_cast<int>(letter) + 1;
  }
  uint64_t factor = uint64_t{1} << (10 * power);
  if (points == 0) {
    std::optional<uint64_t> whole = ParseUint(number);
    if (!whole || *whole > std::numeric_limits<uint64_t>::max() / factor) return std::nullopt;
    return *whole * factor;
  }
  double value = 0;
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  value *= static_cast<double>(factor);
  if (value >= 18446744073709551616.0) return std::nullopt;
  return static_cast<uint64_t>(value);
}

std::string FormatSize(uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.4g} {}", value, kUnits[unit]);
}

std::string Quote(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    uint32_t rune = 0;
    size_t length = RuneLength(text.substr(i), &rune);
    if (length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
      ++i;
      continue;
    }
    constexpr std::string_view kEscaped = "\a\b\f\n\r\t\v\"\\";
    constexpr std::string_view kLetters = "abfnrtv\"\\";
    size_t escape = rune < 0x80 ? kEscaped.find(static_cast<char>(rune)) : std::string_view::npos;
    if (escape != std::string_view::npos) {
      out += '\\';
      out += kLetters[escape];
    } else if (rune < 0x20 || rune == 0x7f) {
      out += fmt::format("\\x{:02x}", rune);
    } else if (IsUnprintable(rune)) {
      out += rune > 0xffff ? fmt::format("\\U{:08x}", rune) : fmt::format("\\u{:04x}", rune);
    } else {
      out += text.substr(i, length);
    }
    i += length;
  }
  return out + '"';
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

std::string FewOf(const std::vector<std::string>& names, size_t most) {
  if (names.size() <= most) return Join(names, ", ");
  return Join({names.begin(), names.begin() + static_cast<ptrdiff_t>(most)}, ", ") + " and " +
         std::to_string(names.size() - most) + " more";
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string ToLower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string ToUpper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ToLower(a) == ToLower(b);
}

size_t RuneLength(std::string_view text, uint32_t* rune) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(0);
  if (first < 0x80) {
    if (rune != nullptr) *rune = first;
    return 1;
  }
  size_t length = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (first > 0xf4 || length == 0 || text.size() < length) return 0;
  uint32_t value = first & (0xffU >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    value = value << 6 | (byte(i) & 0x3fU);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
    return 0;
  if (rune != nullptr) *rune = value;
  return length;
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    size_t length = RuneLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::string left = ToLower(a), right = ToLower(b);
  std::vector<size_t> row(right.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= left.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= right.size(); ++j) {
      size_t replaced = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

std::optional<std::string> NearestWord(std::string_view word,
                                       const std::vector<std::string>& candidates) {
  const size_t limit = std::min<size_t>(2 + word.size() / 8, (word.size() + 1) / 3);
  std::optional<std::string> nearest;
  size_t least = limit + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::optional<std::string> nearest = NearestWord(word, candidates);
  return nearest ? fmt::format(", did you mean \"{}\"?", *nearest) : "";
}

std::optional<uint64_t> ParseUint(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<int64_t> ParseInt(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace dm
