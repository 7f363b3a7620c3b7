// Dates and times as numbers that compare as they do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dm::mysql::evaluate {

// A date with time of day; parts may be zero.
struct Civil {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int microsecond = 0;

  bool has_zero_part() const { return month == 0 || day == 0; }
};

// Order of the numbers is that of the moments.
int64_t Pack(const Civil& civil);
Civil Unpack(int64_t packed);

// "2020-01-02" or "2020-01-02 03:04:05[.678]", as a server writes them; zero parts allowed.
std::optional<Civil> ParseDateTime(std::string_view text);
// The same for an existing day without zero parts.
std::optional<Civil> ParseExistingDateTime(std::string_view text);
// "[-]h:mm:ss[.fraction]" in microseconds.
std::optional<int64_t> ParseTime(std::string_view text);
// Digits behind the point of a text.
int FractionDigits(std::string_view text);

std::string FormatDate(const Civil& civil);
// `digits` behind the point.
std::string FormatDateTime(const Civil& civil, int digits);
std::string FormatTime(int64_t microseconds, int digits);

int DaysOfMonth(int year, int month);
// Days since the year 0, as TO_DAYS counts.
int64_t DayNumber(int year, int month, int day);
// Date of a day number; nullopt outside of the years 0 to 9999.
std::optional<Civil> FromDayNumber(int64_t number);

enum class Unit { kMicrosecond, kSecond, kMinute, kHour, kDay, kWeek, kMonth, kQuarter, kYear };
// By the word of the statement; nullopt for combined units.
std::optional<Unit> ParseUnit(std::string_view word);
bool IsDateUnit(Unit unit);
// nullopt: out of range, or a date with zero parts.
std::optional<Civil> AddInterval(Civil civil, int64_t count, Unit unit);
// Whole units from `from` to `to`, both without zero parts.
int64_t Difference(const Civil& from, const Civil& to, Unit unit);

}  // namespace dm::mysql::evaluate
