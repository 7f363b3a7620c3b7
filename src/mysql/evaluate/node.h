// Parts of a compiled expression: a type known beforehand, and a function that gives the value.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "mysql/evaluate/collation_order.h"
#include "mysql/evaluate/decimal.h"
#include "mysql/value/column.h"

namespace dm::mysql::evaluate {

enum class Kind {
  kNull,      // the literal NULL
  kInteger,   // BIGINT, signed or unsigned; truth values
  kDecimal,   // exact
  kReal,      // double
  kString,    // text in UTF-8, or bytes
  kDate,      // packed (temporal.h)
  kDateTime,  // packed
  kTime,      // microseconds
};

// Who decides when two collations meet; lower ones do.
enum class Derivation { kExplicit, kImplicit, kCoercible, kNumeric };

// `decimals` of numbers without a fixed number of digits behind the point.
inline constexpr int kNotFixed = 31;

struct Type {
  Kind kind = Kind::kNull;
  bool is_unsigned = false;
  // Digits behind the point of DECIMAL (as shown), DOUBLE and times.
  int decimals = 0;
  // A choice between signed and unsigned integers, held as kDecimal: the servers do not agree on
  // its type, only on its value.
  bool mixed_signs = false;
  // Of strings.
  std::string collation = {};
  Derivation derivation = Derivation::kImplicit;

  bool is_number() const {
    return kind == Kind::kInteger || kind == Kind::kDecimal || kind == Kind::kReal;
  }
  bool is_date() const { return kind == Kind::kDate || kind == Kind::kDateTime; }
  bool is_temporal() const { return is_date() || kind == Kind::kTime; }
};

// By the type's kind: int64_t (kInteger as 64 bits, temporal ones), Decimal, double, std::string;
// monostate for NULL.
using Value = std::variant<std::monostate, int64_t, double, Decimal, std::string>;
inline bool IsNull(const Value& value) { return value.index() == 0; }

using Row = std::span<const Cell>;
using Evaluation = std::function<Value(Row)>;

struct Node {
  Type type;
  Evaluation evaluate;
  std::optional<Value> constant = {};  // a literal's value
  bool is_hex = false;                 // 0x12, b'01': bytes that are a number where one is wanted
  bool is_column = false;
  bool is_year = false;
  bool is_enum = false;  // ENUM or SET: a string here
  // MariaDB's quotient of exact numbers, which is rounded when it is compared, but not elsewhere.
  bool is_quotient = false;
  std::vector<std::string> set_elements = {};  // of a SET column
  bool is_timestamp = false;
  // Values that an integer column can have.
  std::optional<std::pair<Decimal, Decimal>> range = {};
};

[[noreturn]] inline void Refuse(const std::string& why) { throw std::invalid_argument(why); }

inline Type IntegerType(bool is_unsigned = false) {
  return {.kind = Kind::kInteger, .is_unsigned = is_unsigned};
}
inline Type DecimalType(int decimals) { return {.kind = Kind::kDecimal, .decimals = decimals}; }
inline Type RealType(int decimals = kNotFixed) {
  return {.kind = Kind::kReal, .decimals = decimals};
}

// `f` of the values; NULL if any of them is.
template <class F>
Evaluation Apply(Evaluation a, F f) {
  return [a = std::move(a), f = std::move(f)](Row row) -> Value {
    const Value x = a(row);
    if (IsNull(x)) return {};
    return f(x);
  };
}
template <class F>
Evaluation Apply(Evaluation a, Evaluation b, F f) {
  return [a = std::move(a), b = std::move(b), f = std::move(f)](Row row) -> Value {
    const Value x = a(row);
    if (IsNull(x)) return {};
    const Value y = b(row);
    if (IsNull(y)) return {};
    return f(x, y);
  };
}

// The same where both are evaluated before either is looked at: an error of the second one counts.
template <class F>
Evaluation ApplyBoth(Evaluation a, Evaluation b, F f) {
  return [a = std::move(a), b = std::move(b), f = std::move(f)](Row row) -> Value {
    const Value x = a(row);
    const Value y = b(row);
    if (IsNull(x) || IsNull(y)) return {};
    return f(x, y);
  };
}

inline int64_t Integer(const Value& value) { return std::get<int64_t>(value); }
inline double Real(const Value& value) { return std::get<double>(value); }
inline const Decimal& Exact(const Value& value) { return std::get<Decimal>(value); }
inline const std::string& Text(const Value& value) { return std::get<std::string>(value); }

// ---- conversions: the node's value as another kind; they refuse what is not certain
// --------------

// 0 or 1.
Evaluation AsTruth(const Node& node);
Evaluation AsReal(const Node& node);
// Refuses what is only known as an operand of a comparison.
void RefuseQuotient(const Node& node);
// Of integers and decimals.
Evaluation AsDecimal(const Node& node);
// Integers only; the bits.
Evaluation AsInteger(const Node& node);
// The text, and what its type is as a string.
Evaluation AsText(const Node& node);
Type TextType(const Node& node);
// A date with time, of dates and of literals that are one.
Evaluation AsDateTime(const Node& node);

// Digits behind the point that a value of this type has as a double.
int RealDecimals(const Type& type);
// The number at the front of a text.
double LeadingReal(std::string_view text);

// ---- comparison ---------------------------------------------------------------------------------

// How two or more values are compared: each converted, then ordered.
struct Comparison {
  std::vector<Evaluation> operands;
  std::function<int(const Value&, const Value&)> order;
};
// `what` names the operator in refusals.
Comparison Comparable(const std::vector<const Node*>& operands, std::string_view what);

// The collation that texts are compared and put together by. Refuses what the server takes for an
// illegal mix, and what cannot be told here.
Type AggregateText(const std::vector<const Node*>& operands, std::string_view what);
// Its order; refuses if it is not known here.
const CollationOrder& OrderOf(const Type& text, std::string_view what);

// The type of values that come from one of several (CASE, IF, COALESCE), and the values as that.
Type AggregateType(const std::vector<const Node*>& nodes, std::string_view what);
Evaluation As(const Node& node, const Type& type);

}  // namespace dm::mysql::evaluate
