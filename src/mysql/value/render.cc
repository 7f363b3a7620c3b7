#include "mysql/value/render.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/error/error.h"

namespace dm::mysql {
namespace {

[[noreturn]] void FailSize(const ColumnMeta& meta, size_t size) {
  throw Error(ErrorCode::kBinlogEventDecode,
              fmt::format("a {} value of {} bytes in the binlog", TypeName(meta.type), size));
}

uint64_t LoadBig(std::span<const uint8_t> bytes) {
  uint64_t value = 0;
  for (const uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

uint64_t LoadLittle(std::span<const uint8_t> bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

constexpr char kPairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546"
    "4748"
    "4950515253545556575859606162636465666768697071727374757677787980818283848586878889909192939495"
    "9697"
    "9899";

char* Put2(char* p, uint32_t value) {
  std::memcpy(p, kPairs + value % 100 * 2, 2);
  return p + 2;
}

char* PutDate(char* p, uint32_t year, uint32_t month, uint32_t day) {
  p = Put2(Put2(p, year / 100), year);
  *p++ = '-';
  p = Put2(p, month);
  *p++ = '-';
  return Put2(p, day);
}

char* PutClock(char* p, uint32_t hour, uint32_t minute, uint32_t second) {
  p = Put2(p, hour);
  *p++ = ':';
  p = Put2(p, minute);
  *p++ = ':';
  return Put2(p, second);
}

// The first `digits` of six digits of microseconds.
char* PutFraction(char* p, uint32_t microseconds, uint32_t digits) {
  if (digits == 0) return p;
  *p++ = '.';
  char all[6];
  Put2(Put2(Put2(all, microseconds / 10000), microseconds / 100), microseconds);
  std::memcpy(p, all, digits);
  return p + digits;
}

constexpr uint32_t kPower10[] = {1, 10, 100, 1000, 10000, 100000, 1000000};

// Fraction of a v2 temporal value in microseconds: 1, 2 or 3 bytes of 10^-2, 10^-4, 10^-6.
uint32_t FractionMicroseconds(uint64_t value, size_t bytes) {
  switch (bytes) {
    case 1:
      return static_cast<uint32_t>(value) * 10000;
    case 2:
      return static_cast<uint32_t>(value) * 100;
    default:
      return static_cast<uint32_t>(value);
  }
}

struct Civil {
  uint32_t year, month, day, hour, minute, second;
};

// Days since 1970-01-01 to the civil date (proleptic Gregorian calendar, March-based years).
Civil ToCivil(int64_t seconds) {
  int64_t days = seconds / 86400;
  int64_t rest = seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<uint32_t>(days - era * 146097);
  const uint32_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const uint32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const uint32_t shifted = (5 * day_of_year + 2) / 153;
  Civil civil;
  civil.day = day_of_year - (153 * shifted + 2) / 5 + 1;
  civil.month = shifted < 10 ? shifted + 3 : shifted - 9;
  civil.year = static_cast<uint32_t>(year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0));
  const auto second_of_day = static_cast<uint32_t>(rest);
  civil.hour = second_of_day / 3600;
  civil.minute = second_of_day / 60 % 60;
  civil.second = second_of_day % 60;
  return civil;
}

void AppendDateTime(std::string& out, const Civil& c, uint32_t microseconds, uint32_t digits) {
  char buffer[32];
  char* p = PutDate(buffer, c.year, c.month, c.day);
  *p++ = ' ';
  p = PutFraction(PutClock(p, c.hour, c.minute, c.second), microseconds, digits);
  out.append(buffer, p);
}

void AppendTimestamp(std::string& out, uint32_t seconds, uint32_t microseconds, uint32_t digits,
                     const TimeZone& zone) {
  Civil civil{};
  if (seconds != 0 || microseconds != 0) {
    civil = ToCivil(static_cast<int64_t>(seconds) + zone.OffsetAt(seconds));
  }
  AppendDateTime(out, civil, microseconds, digits);
}

void AppendClock(std::string& out, bool negative, uint64_t hours, uint32_t minute, uint32_t second,
                 uint32_t microseconds, uint32_t digits) {
  if (negative) out += '-';
  if (hours >= 100) {
    AppendUnsigned(out, hours / 100);
    hours %= 100;
  }
  char buffer[20];
  char* p = PutClock(buffer, static_cast<uint32_t>(hours), minute, second);
  out.append(buffer, PutFraction(p, microseconds, digits));
}

// MariaDB's TIME zero point: 838:59:59.999999 and a second more, in microseconds.
constexpr int64_t kHiresTimeZero = 3020400000000;

void AppendHiresTime(std::string& out, std::span<const uint8_t> bytes, uint32_t digits) {
  const int64_t value =
      static_cast<int64_t>(LoadBig(bytes)) * kPower10[6 - digits] - kHiresTimeZero;
  const auto magnitude = static_cast<uint64_t>(value < 0 ? -value : value);
  const uint64_t seconds = magnitude / 1000000;
  AppendClock(out, value < 0, seconds / 3600, static_cast<uint32_t>(seconds / 60 % 60),
              static_cast<uint32_t>(seconds % 60), static_cast<uint32_t>(magnitude % 1000000),
              digits);
}

void AppendHiresDateTime(std::string& out, std::span<const uint8_t> bytes, uint32_t digits) {
  uint64_t value = LoadBig(bytes);
  const auto take = [&](uint64_t radix) {
    const auto part = static_cast<uint32_t>(value % radix);
    value /= radix;
    return part;
  };
  const uint32_t microseconds = take(kPower10[digits]) * kPower10[6 - digits];
  Civil c{};
  c.second = take(60);
  c.minute = take(60);
  c.hour = take(24);
  c.day = take(32);
  c.month = take(13);
  c.year = static_cast<uint32_t>(value);
  AppendDateTime(out, c, microseconds, digits);
}

void AppendTime2(std::string& out, std::span<const uint8_t> bytes, uint32_t digits) {
  // Sign and fraction belong together: the whole number is offset by half of its range.
  const size_t fraction_bytes = bytes.size() - 3;
  const int bits = static_cast<int>(bytes.size()) * 8;
  const int64_t value = static_cast<int64_t>(LoadBig(bytes)) - (int64_t{1} << (bits - 1));
  const auto magnitude = static_cast<uint64_t>(value < 0 ? -value : value);
  const uint64_t fraction = magnitude & ((uint64_t{1} << (8 * fraction_bytes)) - 1);
  const uint64_t clock = magnitude >> (8 * fraction_bytes);
  AppendClock(out, value < 0, clock >> 12 & 0x3ff, clock >> 6 & 0x3f, clock & 0x3f,
              fraction_bytes == 0 ? 0 : FractionMicroseconds(fraction, fraction_bytes), digits);
}

void AppendDateTime2(std::string& out, std::span<const uint8_t> bytes, uint32_t digits) {
  const uint64_t value = (LoadBig(bytes.first(5)) - (uint64_t{1} << 39)) & 0x7fffffffff;
  const uint64_t year_month = value >> 22 & 0x1ffff;
  const Civil c{
      static_cast<uint32_t>(year_month / 13),    static_cast<uint32_t>(year_month % 13),
      static_cast<uint32_t>(value >> 17 & 0x1f), static_cast<uint32_t>(value >> 12 & 0x1f),
      static_cast<uint32_t>(value >> 6 & 0x3f),  static_cast<uint32_t>(value & 0x3f)};
  const auto fraction = bytes.subspan(5);
  AppendDateTime(out, c,
                 fraction.empty() ? 0 : FractionMicroseconds(LoadBig(fraction), fraction.size()),
                 digits);
}

void AppendOldTime(std::string& out, std::span<const uint8_t> bytes) {
  int64_t value = static_cast<int64_t>(LoadLittle(bytes) << 40) >> 40;
  const bool negative = value < 0;
  if (negative) value = -value;
  AppendClock(out, negative, static_cast<uint64_t>(value / 10000),
              static_cast<uint32_t>(value / 100 % 100), static_cast<uint32_t>(value % 100), 0, 0);
}

void AppendOldDateTime(std::string& out, std::span<const uint8_t> bytes) {
  const uint64_t value = LoadLittle(bytes);
  const uint64_t date = value / 1000000;
  const uint64_t clock = value % 1000000;
  AppendDateTime(
      out,
      {static_cast<uint32_t>(date / 10000 % 10000), static_cast<uint32_t>(date / 100 % 100),
       static_cast<uint32_t>(date % 100), static_cast<uint32_t>(clock / 10000),
       static_cast<uint32_t>(clock / 100 % 100), static_cast<uint32_t>(clock % 100)},
      0, 0);
}

constexpr uint32_t kDigitBytes[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};

}  // namespace

void AppendInteger(std::string& out, int64_t value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
}

void AppendUnsigned(std::string& out, uint64_t value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
}

void AppendDouble(std::string& out, double value) {
  if (value == 0) {
    out += std::signbit(value) ? "-0e0" : "0";
    return;
  }
  char buffer[40];
  char* const end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  // d[.ddd]e±xx
  char* const e = static_cast<char*>(std::memchr(buffer, 'e', static_cast<size_t>(end - buffer)));
  if (e == nullptr) {  // not a number that SQL could write
    out.append(buffer, end);
    return;
  }
  int exponent = 0;
  std::from_chars(e[1] == '+' ? e + 2 : e + 1, end, exponent);
  if (exponent < -4 || exponent >= 6) {
    out.append(buffer, end);
    return;
  }
  char* const fixed =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed).ptr;
  out.append(buffer, fixed);
}

void AppendDecimal(std::string& out, std::span<const uint8_t> bytes, uint32_t precision,
                   uint32_t scale) {
  const uint32_t integer = precision - scale;
  const uint32_t head_digits = integer % 9, tail_digits = scale % 9;
  const size_t size =
      integer / 9 * 4 + kDigitBytes[head_digits] + scale / 9 * 4 + kDigitBytes[tail_digits];
  if (scale > precision || precision > 65 || bytes.size() != size || size == 0) {
    throw Error(ErrorCode::kBinlogEventDecode,
                fmt::format("a DECIMAL({},{}) value of {} bytes in the binlog", precision, scale,
                            bytes.size()));
  }
  // The top bit is set in positive numbers; negative ones have all bits inverted.
  uint8_t copy[40];
  std::memcpy(copy, bytes.data(), size);
  const bool negative = (copy[0] & 0x80) == 0;
  copy[0] ^= 0x80;
  if (negative) {
    for (size_t i = 0; i < size; ++i) copy[i] = static_cast<uint8_t>(~copy[i]);
  }
  const uint8_t* p = copy;
  char buffer[80];
  char* q = buffer;
  const auto group = [&](uint32_t digits) {
    const uint32_t width = kDigitBytes[digits];
    const uint64_t value = LoadBig({p, width});
    p += width;
    char text[10];
    uint64_t rest = value;
    for (uint32_t i = digits; i-- > 0;) {
      text[i] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    }
    if (rest != 0) {
      throw Error(ErrorCode::kBinlogEventDecode, "a DECIMAL value in the binlog has no digits");
    }
    std::memcpy(q, text, digits);
    q += digits;
  };
  if (head_digits > 0) group(head_digits);
  for (uint32_t i = 0; i < integer / 9; ++i) group(9);
  char* first = buffer;
  while (first < q && *first == '0') ++first;
  if (negative) out += '-';
  if (first == q) {
    out += '0';
  } else {
    out.append(first, q);
  }
  if (scale == 0) return;
  out += '.';
  q = buffer;
  for (uint32_t i = 0; i < scale / 9; ++i) group(9);
  if (tail_digits > 0) group(tail_digits);
  out.append(buffer, q);
}

bool IsTemporal(ColumnType type) {
  switch (type) {
    case ColumnType::kDate:
    case ColumnType::kNewDate:
    case ColumnType::kTime:
    case ColumnType::kTime2:
    case ColumnType::kDateTime:
    case ColumnType::kDateTime2:
    case ColumnType::kTimestamp:
    case ColumnType::kTimestamp2:
      return true;
    default:
      return false;
  }
}

void AppendTemporal(std::string& out, std::span<const uint8_t> bytes, const ColumnMeta& meta,
                    const TimeZone& zone) {
  const uint32_t digits = meta.decimals;
  if (digits > 6 || bytes.size() != FixedSize(meta)) FailSize(meta, bytes.size());
  switch (meta.type) {
    case ColumnType::kDate:
    case ColumnType::kNewDate: {
      const uint64_t value = LoadLittle(bytes);
      char buffer[12];
      char* const end =
          PutDate(buffer, static_cast<uint32_t>(value >> 9), static_cast<uint32_t>(value >> 5 & 15),
                  static_cast<uint32_t>(value & 31));
      out.append(buffer, end);
      return;
    }
    case ColumnType::kTime:
      return digits == 0 ? AppendOldTime(out, bytes) : AppendHiresTime(out, bytes, digits);
    case ColumnType::kTime2:
      return AppendTime2(out, bytes, digits);
    case ColumnType::kDateTime:
      return digits == 0 ? AppendOldDateTime(out, bytes) : AppendHiresDateTime(out, bytes, digits);
    case ColumnType::kDateTime2:
      return AppendDateTime2(out, bytes, digits);
    case ColumnType::kTimestamp: {
      if (digits == 0) {
        return AppendTimestamp(out, static_cast<uint32_t>(LoadLittle(bytes)), 0, 0, zone);
      }
      const uint64_t fraction = LoadBig(bytes.subspan(4));
      return AppendTimestamp(out, static_cast<uint32_t>(LoadBig(bytes.first(4))),
                             static_cast<uint32_t>(fraction * kPower10[6 - digits]), digits, zone);
    }
    case ColumnType::kTimestamp2: {
      const auto fraction = bytes.subspan(4);
      return AppendTimestamp(
          out, static_cast<uint32_t>(LoadBig(bytes.first(4))),
          fraction.empty() ? 0 : FractionMicroseconds(LoadBig(fraction), fraction.size()), digits,
          zone);
    }
    default:
      FailSize(meta, bytes.size());
  }
}

void AppendPackedDateTime(std::string& out, int64_t packed, bool date_only) {
  const auto value = static_cast<uint64_t>(packed);
  const uint64_t year_month = value >> 46;
  const Civil c{
      static_cast<uint32_t>(year_month / 13),    static_cast<uint32_t>(year_month % 13),
      static_cast<uint32_t>(value >> 41 & 0x1f), static_cast<uint32_t>(value >> 36 & 0x1f),
      static_cast<uint32_t>(value >> 30 & 0x3f), static_cast<uint32_t>(value >> 24 & 0x3f)};
  if (date_only) {
    char buffer[12];
    out.append(buffer, PutDate(buffer, c.year, c.month, c.day));
    return;
  }
  AppendDateTime(out, c, static_cast<uint32_t>(value & 0xffffff), 6);
}

void AppendPackedTime(std::string& out, int64_t packed) {
  const bool negative = packed < 0;
  const uint64_t value = negative ? -static_cast<uint64_t>(packed) : static_cast<uint64_t>(packed);
  AppendClock(out, negative, value >> 36 & 0x3ff, static_cast<uint32_t>(value >> 30 & 0x3f),
              static_cast<uint32_t>(value >> 24 & 0x3f), static_cast<uint32_t>(value & 0xffffff),
              6);
}

void AppendTextForm(std::string& out, std::span<const uint8_t> bytes, TextForm form) {
  uint8_t content[16] = {};
  const size_t size = form == TextForm::kInet4 ? 4 : 16;
  if (bytes.size() > size) {
    throw Error(ErrorCode::kBinlogEventDecode,
                fmt::format("an address or UUID of {} bytes in the binlog", bytes.size()));
  }
  std::copy(bytes.begin(), bytes.end(), content);
  if (form == TextForm::kUuid) {
    for (size_t i = 0; i < size; ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
      fmt::format_to(std::back_inserter(out), "{:02x}", content[i]);
    }
    return;
  }
  char text[INET6_ADDRSTRLEN];
  inet_ntop(form == TextForm::kInet4 ? AF_INET : AF_INET6, content, text, sizeof(text));
  out += text;
}

}  // namespace dm::mysql
