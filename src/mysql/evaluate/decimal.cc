#include "mysql/evaluate/decimal.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace dm::mysql::evaluate {
namespace {

using Integer = Decimal::Integer;

constexpr int kMaxDigits = 65;
constexpr int kMaxScale = 31;  // of intermediate results
constexpr int kDivisionDigits = 4;
constexpr int kGroup = 9;  // decimal digits that are kept together

Integer PowerOfTen(int exponent) {
  Integer power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

Integer Scaled(const Decimal& value, int scale) {
  return value.unscaled * PowerOfTen(scale - value.scale);
}

// Throws if there are too many digits before the point.
Decimal Checked(Decimal value) {
  if (value.scale > kMaxScale) {
    value.unscaled /= PowerOfTen(value.scale - kMaxScale);
    value.scale = kMaxScale;
  }
  static const Integer kLimit = PowerOfTen(kMaxDigits);
  if (abs(value.unscaled) / PowerOfTen(value.scale) >= kLimit) throw EvaluationError();
  return value;
}

int WholeGroups(int digits) { return (digits + kGroup - 1) / kGroup * kGroup; }

int64_t Narrow(const Integer& value, bool is_unsigned) {
  if (is_unsigned) {
    if (value < 0 || value > std::numeric_limits<uint64_t>::max()) throw EvaluationError();
    return static_cast<int64_t>(static_cast<uint64_t>(value));
  }
  if (value < std::numeric_limits<int64_t>::min() || value > std::numeric_limits<int64_t>::max()) {
    throw EvaluationError();
  }
  return static_cast<int64_t>(value);
}

}  // namespace

Decimal Decimal::FromInteger(int64_t value, bool is_unsigned) {
  if (is_unsigned) return {.unscaled = Integer(static_cast<uint64_t>(value))};
  return {.unscaled = Integer(value)};
}

Decimal Decimal::Parse(std::string_view text) {
  Decimal value;
  bool negative = false;
  bool behind = false;
  for (const char c : text) {
    if (c == '-') negative = true;
    if (c == '.') behind = true;
    if (c < '0' || c > '9') continue;
    value.unscaled = value.unscaled * 10 + (c - '0');
    value.scale += behind;
  }
  if (negative) value.unscaled = -value.unscaled;
  return value;
}

std::string Decimal::ToString() const {
  std::string digits = Integer(abs(unscaled)).str();
  if (static_cast<int>(digits.size()) <= scale) {
    digits.insert(0, static_cast<size_t>(scale) + 1 - digits.size(), '0');
  }
  if (scale > 0) digits.insert(digits.size() - static_cast<size_t>(scale), 1, '.');
  if (unscaled < 0) digits.insert(digits.begin(), '-');
  return digits;
}

double Decimal::ToDouble() const {
  const std::string text = ToString();
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

int64_t Decimal::ToInteger(bool is_unsigned) const {
  return Narrow(Round(*this, 0).unscaled, is_unsigned);
}

int Compare(const Decimal& a, const Decimal& b) {
  const int scale = std::max(a.scale, b.scale);
  const Integer left = Scaled(a, scale);
  const Integer right = Scaled(b, scale);
  if (left != right) return left < right ? -1 : 1;
  return static_cast<int>(b.negative_zero) - static_cast<int>(a.negative_zero);
}

Decimal Add(const Decimal& a, const Decimal& b) {
  const int scale = std::max(a.scale, b.scale);
  return Checked({Scaled(a, scale) + Scaled(b, scale), scale});
}

Decimal Subtract(const Decimal& a, const Decimal& b) {
  const int scale = std::max(a.scale, b.scale);
  return Checked({Scaled(a, scale) - Scaled(b, scale), scale});
}

Decimal Multiply(const Decimal& a, const Decimal& b) {
  return Checked({a.unscaled * b.unscaled, a.scale + b.scale});
}

std::optional<Decimal> Divide(const Decimal& a, const Decimal& b) {
  if (b.IsZero()) return std::nullopt;
  const int left = WholeGroups(a.scale);
  const int right = WholeGroups(b.scale);
  const int more = std::max(0, kDivisionDigits - (left - a.scale) - (right - b.scale));
  const int scale = WholeGroups(left + right + more);
  Decimal result;
  result.unscaled = a.unscaled * PowerOfTen(scale + b.scale - a.scale) / b.unscaled;
  result.scale = scale;
  if (abs(result.unscaled) / PowerOfTen(scale) >= PowerOfTen(kMaxDigits)) throw EvaluationError();
  return result;
}

std::optional<int64_t> DivideToInteger(const Decimal& a, const Decimal& b, bool is_unsigned) {
  if (b.IsZero()) return std::nullopt;
  const int scale = std::max(a.scale, b.scale);
  return Narrow(Scaled(a, scale) / Scaled(b, scale), is_unsigned);
}

std::optional<Decimal> Modulo(const Decimal& a, const Decimal& b) {
  if (b.IsZero()) return std::nullopt;
  const int scale = std::max(a.scale, b.scale);
  return Decimal{Scaled(a, scale) % Scaled(b, scale), scale};
}

Decimal Truncate(const Decimal& value, int scale) {
  if (scale >= value.scale) return value;
  const Integer unit = PowerOfTen(value.scale - scale);
  const Integer kept = value.unscaled / unit;
  if (scale >= 0) return {kept, scale};
  return {kept * PowerOfTen(-scale), 0};
}

Decimal Round(const Decimal& value, int scale) {
  if (scale >= value.scale) return value;
  const Integer unit = PowerOfTen(value.scale - scale);
  Integer kept = value.unscaled / unit;
  const Integer rest = abs(Integer(value.unscaled % unit));
  if (rest * 2 >= unit) kept += value.unscaled < 0 ? -1 : 1;
  if (scale >= 0) return {kept, scale};
  return {kept * PowerOfTen(-scale), 0};
}

Decimal Floor(const Decimal& value) {
  Decimal whole = Truncate(value, 0);
  if (value.unscaled < 0 && Compare(whole, value) != 0) whole.unscaled -= 1;
  return whole;
}

Decimal Ceiling(const Decimal& value) {
  Decimal whole = Truncate(value, 0);
  if (value.unscaled > 0 && Compare(whole, value) != 0) whole.unscaled += 1;
  return whole;
}

}  // namespace dm::mysql::evaluate
