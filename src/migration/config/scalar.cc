#include "migration/config/scalar.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "base/error/error.h"

namespace dm::migration {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The number made of `count` digits at `pos`; nullopt if they are not all digits.
std::optional<int> DigitsAt(std::string_view text, size_t pos, size_t count) {
  if (pos + count > text.size()) return std::nullopt;
  int value = 0;
  for (size_t i = pos; i < pos + count; ++i) {
    if (!IsDigit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

bool InOffsetRange(int minutes, int lowest) { return minutes >= lowest && minutes <= 14 * 60; }

}  // namespace

std::optional<uint64_t> ParseChunkSize(std::string_view text) {
  const bool bare = !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
  if (!bare) return ParseSize(text);
  std::optional<uint64_t> mib = ParseUint(text);
  if (!mib || *mib > (std::numeric_limits<uint64_t>::max() >> 20)) return std::nullopt;
  return *mib << 20;
}

std::optional<std::chrono::minutes> ParseZoneOffset(std::string_view text) {
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  std::optional<int> hours = DigitsAt(text, 1, 2), minutes = DigitsAt(text, 4, 2);
  if (!hours || !minutes || *minutes > 59) return std::nullopt;
  int total = *hours * 60 + *minutes;
  if (text[0] == '-') total = -total;
  if (!InOffsetRange(total, -(12 * 60 + 59))) return std::nullopt;
  return std::chrono::minutes(total);
}

void CheckTimezone(const std::string& text) {
  if (text.empty() || ParseZoneOffset(text)) return;
  // Names only: nothing that a library reads as a path or as a setting of this machine.
  const bool is_name = text.front() != '/' && text.find("..") == std::string::npos &&
                       text != "localtime" && !text.starts_with("Fixed/") &&
                       std::all_of(text.begin(), text.end(), [](char c) {
                         return IsDigit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                                c == '_' || c == '/' || c == '+' || c == '-';
                       });
  absl::TimeZone zone;
  if (!is_name || text == "SYSTEM" || text == "Local" || !absl::LoadTimeZone(text, &zone)) {
    throw MakeError(ErrorCode::kConfigInvalidTimezone, text);
  }
}

StartTime ParseStartTime(std::string_view text) {
  constexpr std::string_view kPhrase =
      "error while parse start-time, expected in the format like '2006-01-02 15:04:05' or "
      "'2006-01-02T15:04:05'";
  auto unsupported = [&] {
    return std::invalid_argument(
        fmt::format("{}: unsupported start-time format {}", kPhrase, Quote(text)));
  };
  auto year = DigitsAt(text, 0, 4), month = DigitsAt(text, 5, 2), day = DigitsAt(text, 8, 2);
  auto hour = DigitsAt(text, 11, 2), minute = DigitsAt(text, 14, 2), second = DigitsAt(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || text[4] != '-' || text[7] != '-' ||
      (text[10] != ' ' && text[10] != 'T') || text[13] != ':' || text[16] != ':') {
    throw unsupported();
  }
  StartTime time;
  std::string_view zone = text.substr(19);
  if (zone == "Z") {
    time.offset = std::chrono::minutes(0);
  } else if (!zone.empty()) {
    const bool colon = zone.size() == 6 && zone[3] == ':';
    std::optional<int> hours = DigitsAt(zone, 1, 2), minutes = DigitsAt(zone, colon ? 4 : 3, 2);
    if ((zone[0] != '+' && zone[0] != '-') || !(colon || zone.size() == 5) || !hours || !minutes) {
      throw unsupported();
    }
    const int total = (*hours * 60 + *minutes) * (zone[0] == '-' ? -1 : 1);
    if (*minutes > 59 || !InOffsetRange(total, -14 * 60) || (total == 0 && zone[0] == '-')) {
      throw std::invalid_argument(
          fmt::format("{}: offset {} of {} is out of range", kPhrase, zone, Quote(text)));
    }
    time.offset = std::chrono::minutes(total);
  }
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) {
    throw std::invalid_argument(
        fmt::format("{}: {} is not a valid date and time", kPhrase, Quote(text)));
  }
  time.local = std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(*hour) +
               std::chrono::minutes(*minute) + std::chrono::seconds(*second);
  return time;
}

Duration ParseSafeModeDuration(std::string_view text) {
  try {
    return ParseDurationOrThrow(text);
  } catch (const std::invalid_argument& e) {
    throw std::invalid_argument(fmt::format("error while parse safe-mode-duration: {}", e.what()));
  }
}

Duration ParseStopWaitDuration(std::string_view text) {
  try {
    return ParseDurationOrThrow(text);
  } catch (const std::invalid_argument& e) {
    throw std::invalid_argument(
        fmt::format("error while parse stop_wait_timeout_duration: {}", e.what()));
  }
}

}  // namespace dm::migration
