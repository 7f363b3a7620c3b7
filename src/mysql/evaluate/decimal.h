// Exact decimal numbers as MySQL and MariaDB compute with them. For the .cc files of this room.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dm::mysql::evaluate {

// What the server answers with an error (a number out of range, ...): the expression has no value.
struct EvaluationError {};

// `unscaled` / 10^scale.
struct Decimal {
  using Integer = boost::multiprecision::number<boost::multiprecision::cpp_int_backend<
      512, 512, boost::multiprecision::signed_magnitude, boost::multiprecision::unchecked, void>>;
  Integer unscaled = 0;
  int scale = 0;
  bool negative_zero = false;  // less than zero, and zero otherwise

  static Decimal FromInteger(int64_t value, bool is_unsigned);
  // "-12.50"; the text is a number.
  static Decimal Parse(std::string_view text);

  bool IsZero() const { return unscaled == 0; }
  std::string ToString() const;
  double ToDouble() const;
  // Rounded to an integer, half away from zero. Throws EvaluationError outside of the type.
  int64_t ToInteger(bool is_unsigned) const;
};

int Compare(const Decimal& a, const Decimal& b);
// Throw EvaluationError beyond 65 digits.
Decimal Add(const Decimal& a, const Decimal& b);
Decimal Subtract(const Decimal& a, const Decimal& b);
Decimal Multiply(const Decimal& a, const Decimal& b);
// nullopt: by zero. Digits behind the point as the servers keep them: whole groups of nine.
std::optional<Decimal> Divide(const Decimal& a, const Decimal& b);
// a DIV b; nullopt: by zero. Throws EvaluationError outside of the type.
std::optional<int64_t> DivideToInteger(const Decimal& a, const Decimal& b, bool is_unsigned);
// The sign is that of `a`; nullopt: by zero.
std::optional<Decimal> Modulo(const Decimal& a, const Decimal& b);
// To `scale` digits behind the point (negative: before it), half away from zero.
Decimal Round(const Decimal& value, int scale);
// The same, towards zero.
Decimal Truncate(const Decimal& value, int scale);
Decimal Floor(const Decimal& value);
Decimal Ceiling(const Decimal& value);

}  // namespace dm::mysql::evaluate
