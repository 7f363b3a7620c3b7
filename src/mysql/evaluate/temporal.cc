#include "mysql/evaluate/temporal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace dm::mysql::evaluate {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kDaySeconds = 86400;

// Takes 1 to `most` digits from the front.
std::optional<int> TakeNumber(std::string_view& text, size_t least, size_t most) {
  int value = 0;
  size_t digits = 0;
  while (digits < text.size() && digits < most && text[digits] >= '0' && text[digits] <= '9') {
    value = value * 10 + (text[digits++] - '0');
  }
  if (digits < least) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool Take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// ".678" or nothing, up to the end.
std::optional<int> TakeFraction(std::string_view& text) {
  if (text.empty()) return 0;
  if (!Take(text, '.')) return std::nullopt;
  const size_t digits = text.size();
  std::optional<int> value = TakeNumber(text, 1, 6);
  if (!value || !text.empty()) return std::nullopt;
  for (size_t i = digits; i < 6; ++i) *value *= 10;
  return value;
}

std::string Fraction(int64_t microseconds, int digits) {
  if (digits == 0) return "";
  return fmt::format(".{:06}", microseconds).substr(0, static_cast<size_t>(digits) + 1);
}

// Seconds since the year 0, without the fraction.
int64_t Seconds(const Civil& c) {
  return DayNumber(c.year, c.month, c.day) * kDaySeconds + c.hour * 3600 + c.minute * 60 + c.second;
}

}  // namespace

int64_t Pack(const Civil& c) {
  const int64_t day = (int64_t{c.year} << 9) | (c.month << 5) | c.day;
  const int64_t time = (int64_t{c.hour} << 12) | (c.minute << 6) | c.second;
  return (((day << 17) | time) << 20) | c.microsecond;
}

Civil Unpack(int64_t packed) {
  Civil c;
  c.microsecond = static_cast<int>(packed & 0xfffff);
  packed >>= 20;
  c.second = static_cast<int>(packed & 0x3f);
  c.minute = static_cast<int>((packed >> 6) & 0x3f);
  c.hour = static_cast<int>((packed >> 12) & 0x1f);
  packed >>= 17;
  c.day = static_cast<int>(packed & 0x1f);
  c.month = static_cast<int>((packed >> 5) & 0xf);
  c.year = static_cast<int>(packed >> 9);
  return c;
}

std::optional<Civil> ParseDateTime(std::string_view text) {
  Civil c;
  const auto number = [&](size_t digits, int& out) {
    const std::optional<int> value = TakeNumber(text, digits, digits);
    out = value.value_or(0);
    return value.has_value();
  };
  if (!number(4, c.year) || !Take(text, '-') || !number(2, c.month) || !Take(text, '-') ||
      !number(2, c.day)) {
    return std::nullopt;
  }
  if (c.month > 12 || c.day > 31) return std::nullopt;
  if (text.empty()) return c;
  if (!Take(text, ' ') || !number(2, c.hour) || !Take(text, ':') || !number(2, c.minute) ||
      !Take(text, ':') || !number(2, c.second)) {
    return std::nullopt;
  }
  if (c.hour > 23 || c.minute > 59 || c.second > 59) return std::nullopt;
  const std::optional<int> fraction = TakeFraction(text);
  if (!fraction) return std::nullopt;
  c.microsecond = *fraction;
  return c;
}

std::optional<Civil> ParseExistingDateTime(std::string_view text) {
  std::optional<Civil> c = ParseDateTime(text);
  if (!c || c->has_zero_part() || c->day > DaysOfMonth(c->year, c->month)) return std::nullopt;
  return c;
}

std::optional<int64_t> ParseTime(std::string_view text) {
  const bool negative = Take(text, '-');
  const std::optional<int> hour = TakeNumber(text, 1, 3);
  if (!hour || !Take(text, ':')) return std::nullopt;
  const std::optional<int> minute = TakeNumber(text, 2, 2);
  if (!minute || !Take(text, ':')) return std::nullopt;
  const std::optional<int> second = TakeNumber(text, 2, 2);
  const std::optional<int> fraction = TakeFraction(text);
  if (!second || !fraction || *hour > 838 || *minute > 59 || *second > 59) return std::nullopt;
  const int64_t value = (*hour * 3600 + *minute * 60 + *second) * kSecond + *fraction;
  return negative ? -value : value;
}

int FractionDigits(std::string_view text) {
  const size_t point = text.find('.');
  return point == std::string_view::npos ? 0 : static_cast<int>(text.size() - point - 1);
}

std::string FormatDate(const Civil& c) {
  return fmt::format("{:04}-{:02}-{:02}", c.year, c.month, c.day);
}

std::string FormatDateTime(const Civil& c, int digits) {
  return fmt::format("{} {:02}:{:02}:{:02}{}", FormatDate(c), c.hour, c.minute, c.second,
                     Fraction(c.microsecond, digits));
}

std::string FormatTime(int64_t microseconds, int digits) {
  const int64_t value = microseconds < 0 ? -microseconds : microseconds;
  const int64_t seconds = value / kSecond;
  return fmt::format("{}{:02}:{:02}:{:02}{}", microseconds < 0 ? "-" : "", seconds / 3600,
                     seconds / 60 % 60, seconds % 60, Fraction(value % kSecond, digits));
}

int DaysOfMonth(int year, int month) {
  constexpr std::array kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || (year % 400 == 0 && year != 0));
  return month == 2 && leap ? 29 : kDays[static_cast<size_t>(month - 1)];
}

int64_t DayNumber(int year, int month, int day) {
  if (year == 0 && month == 0) return 0;
  int64_t days = 365 * int64_t{year} + 31 * (month - 1) + day;
  int y = year;
  if (month <= 2) {
    --y;
  } else {
    days -= (month * 4 + 23) / 10;
  }
  return days + y / 4 - ((y / 100 + 1) * 3) / 4;
}

std::optional<Civil> FromDayNumber(int64_t number) {
  constexpr int64_t kFirst = 366;     // before it, servers know no dates
  constexpr int64_t kLast = 3652424;  // 9999-12-31
  if (number < kFirst || number > kLast) return std::nullopt;
  Civil c;
  c.year = static_cast<int>(number * 100 / 36525);
  while (c.year < 9999 && DayNumber(c.year + 1, 1, 1) <= number) ++c.year;
  while (DayNumber(c.year, 1, 1) > number) --c.year;
  int64_t rest = number - DayNumber(c.year, 1, 1);
  c.month = 1;
  while (rest >= DaysOfMonth(c.year, c.month)) rest -= DaysOfMonth(c.year, c.month++);
  c.day = static_cast<int>(rest) + 1;
  return c;
}

std::optional<Unit> ParseUnit(std::string_view word) {
  if (word.starts_with("SQL_TSI_")) word.remove_prefix(8);
  constexpr std::pair<std::string_view, Unit> kUnits[] = {{"MICROSECOND", Unit::kMicrosecond},
                                                          {"SECOND", Unit::kSecond},
                                                          {"MINUTE", Unit::kMinute},
                                                          {"HOUR", Unit::kHour},
                                                          {"DAY", Unit::kDay},
                                                          {"WEEK", Unit::kWeek},
                                                          {"MONTH", Unit::kMonth},
                                                          {"QUARTER", Unit::kQuarter},
                                                          {"YEAR", Unit::kYear}};
  for (const auto& [name, unit] : kUnits) {
    if (name == word) return unit;
  }
  return std::nullopt;
}

bool IsDateUnit(Unit unit) { return unit >= Unit::kDay; }

std::optional<Civil> AddInterval(Civil c, int64_t count, Unit unit) {
  if (c.has_zero_part()) return std::nullopt;
  constexpr int64_t kLargest = 1'000'000'000'000;
  if (count > kLargest || count < -kLargest) return std::nullopt;
  switch (unit) {
    case Unit::kMonth:
    case Unit::kQuarter:
    case Unit::kYear: {
      const int64_t months = unit == Unit::kMonth ? 1 : unit == Unit::kQuarter ? 3 : 12;
      const int64_t period = c.year * 12 + c.month - 1 + count * months;
      if (period < 0 || period >= 120000) return std::nullopt;
      c.year = static_cast<int>(period / 12);
      c.month = static_cast<int>(period % 12) + 1;
      c.day = std::min(c.day, DaysOfMonth(c.year, c.month));
      return c;
    }
    default:
      break;
  }
  int64_t seconds = Seconds(c);
  int64_t micro = c.microsecond;
  switch (unit) {
    case Unit::kMicrosecond:
      micro += count;
      break;
    case Unit::kSecond:
      seconds += count;
      break;
    case Unit::kMinute:
      seconds += count * 60;
      break;
    case Unit::kHour:
      seconds += count * 3600;
      break;
    case Unit::kDay:
      seconds += count * kDaySeconds;
      break;
    default:
      seconds += count * 7 * kDaySeconds;
      break;
  }
  const auto floor = [](int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); };
  const int64_t carry = floor(micro, kSecond);
  seconds += carry;
  micro -= carry * kSecond;
  const int64_t day = floor(seconds, kDaySeconds);
  std::optional<Civil> result = FromDayNumber(day);
  if (!result) return std::nullopt;
  const int64_t time = seconds - day * kDaySeconds;
  result->hour = static_cast<int>(time / 3600);
  result->minute = static_cast<int>(time / 60 % 60);
  result->second = static_cast<int>(time % 60);
  result->microsecond = static_cast<int>(micro);
  return result;
}

int64_t Difference(const Civil& from, const Civil& to, Unit unit) {
  const bool negative = Pack(from) > Pack(to);
  const Civil& first = negative ? to : from;
  const Civil& last = negative ? from : to;
  int64_t count = 0;
  if (unit == Unit::kMonth || unit == Unit::kQuarter || unit == Unit::kYear) {
    int64_t months = (last.year - first.year) * 12 + last.month - first.month;
    const auto within_month = [](Civil c) {
      c.year = 0;
      c.month = 0;
      return Pack(c);
    };
    if (within_month(last) < within_month(first)) --months;
    count = months / (unit == Unit::kMonth ? 1 : unit == Unit::kQuarter ? 3 : 12);
  } else {
    int64_t seconds = Seconds(last) - Seconds(first);
    int64_t micro = last.microsecond - first.microsecond;
    if (micro < 0) {
      --seconds;
      micro += kSecond;
    }
    switch (unit) {
      case Unit::kMicrosecond:
        count = seconds * kSecond + micro;
        break;
      case Unit::kSecond:
        count = seconds;
        break;
      case Unit::kMinute:
        count = seconds / 60;
        break;
      case Unit::kHour:
        count = seconds / 3600;
        break;
      case Unit::kDay:
        count = seconds / kDaySeconds;
        break;
      default:
        count = seconds / (7 * kDaySeconds);
        break;
    }
  }
  return negative ? -count : count;
}

}  // namespace dm::mysql::evaluate
