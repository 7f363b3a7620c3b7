// Conversions and comparisons of compiled expressions.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/io/utf8.h"
#include "mysql/evaluate/node.h"
#include "mysql/evaluate/temporal.h"

namespace dm::mysql::evaluate {
namespace {

std::string_view KindName(const Type& type) {
  switch (type.kind) {
    case Kind::kNull:
      return "NULL";
    case Kind::kInteger:
      return "an integer";
    case Kind::kDecimal:
      return "a decimal number";
    case Kind::kReal:
      return "a floating-point number";
    case Kind::kString:
      return "a text";
    case Kind::kDate:
      return "a date";
    case Kind::kDateTime:
      return "a date with time";
    case Kind::kTime:
      return "a time";
  }
  return "";
}

int Sign(auto a, auto b) { return a < b ? -1 : a > b ? 1 : 0; }

// Value of a 0x or b'' literal as a number.
int64_t HexInteger(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = (value << 8) | static_cast<unsigned char>(c);
  return static_cast<int64_t>(value);
}

Evaluation Constant(Value value) {
  return [value = std::move(value)](Row) { return value; };
}

bool IsNullLiteral(const Node& node) { return node.type.kind == Kind::kNull; }

// Digits of an integer, with a sign.
bool IsIntegerText(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.size() <= 20 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Comparison Integers(const std::vector<const Node*>& operands) {
  Comparison result;
  // As numbers above both types.
  for (const Node* node : operands) {
    if (node->is_hex) {
      result.operands.push_back(
          Constant(Decimal::FromInteger(HexInteger(Text(*node->constant)), true)));
    } else {
      result.operands.push_back(AsDecimal(*node));
    }
  }
  const bool any_hex =
      std::any_of(operands.begin(), operands.end(), [](const Node* node) { return node->is_hex; });
  const bool one_sign = std::all_of(operands.begin(), operands.end(), [&](const Node* node) {
    return IsNullLiteral(*node) || node->type.is_unsigned == operands.front()->type.is_unsigned;
  });
  if (!any_hex && one_sign && !IsNullLiteral(*operands.front())) {
    result.operands.clear();
    for (const Node* node : operands) result.operands.push_back(node->evaluate);
    if (operands.front()->type.is_unsigned) {
      result.order = [](const Value& a, const Value& b) {
        return Sign(static_cast<uint64_t>(Integer(a)), static_cast<uint64_t>(Integer(b)));
      };
    } else {
      result.order = [](const Value& a, const Value& b) { return Sign(Integer(a), Integer(b)); };
    }
    return result;
  }
  result.order = [](const Value& a, const Value& b) { return Compare(Exact(a), Exact(b)); };
  return result;
}

Comparison Reals(const std::vector<const Node*>& operands) {
  Comparison result;
  int decimals = 0;
  for (const Node* node : operands) {
    result.operands.push_back(AsReal(*node));
    decimals = std::max(decimals, RealDecimals(node->type));
  }
  // Two operands with a fixed number of digits are equal within half of the last one.
  if (operands.size() == 2 && decimals < kNotFixed) {
    const double precision = 5 / std::pow(10.0, decimals + 1);
    result.order = [precision](const Value& a, const Value& b) {
      const double x = Real(a);
      const double y = Real(b);
      return x == y || std::fabs(x - y) < precision ? 0 : Sign(x, y);
    };
  } else {
    result.order = [](const Value& a, const Value& b) { return Sign(Real(a), Real(b)); };
  }
  return result;
}

Comparison Temporals(const std::vector<const Node*>& operands, std::string_view what) {
  Comparison result;
  const bool times = std::any_of(operands.begin(), operands.end(),
                                 [](const Node* node) { return node->type.kind == Kind::kTime; });
  for (const Node* node : operands) {
    if (IsNullLiteral(*node)) {
      result.operands.push_back(node->evaluate);
    } else if (!times) {
      result.operands.push_back(AsDateTime(*node));
    } else if (node->type.kind == Kind::kTime) {
      result.operands.push_back(node->evaluate);
    } else if (node->type.kind == Kind::kString && node->constant) {
      const std::optional<int64_t> time = ParseTime(Text(*node->constant));
      if (!time) {
        Refuse(fmt::format("'{}' is compared with a time by {}, write it as 'hh:mm:ss'",
                           Text(*node->constant), what));
      }
      result.operands.push_back(Constant(*time));
    } else {
      Refuse(fmt::format("{} of a time and {} is not supported", what, KindName(node->type)));
    }
  }
  // A literal is rounded to the column's digits in some places and not in others.
  int digits = 6;
  for (const Node* node : operands) {
    if (node->type.is_temporal()) digits = std::min(digits, node->type.decimals);
    if (node->type.kind == Kind::kDate) digits = 6;
  }
  for (const Node* node : operands) {
    if (node->type.kind == Kind::kString && FractionDigits(Text(*node->constant)) > digits) {
      Refuse(fmt::format("'{}' has more digits of a second than what it is compared with",
                         Text(*node->constant)));
    }
  }
  result.order = [](const Value& a, const Value& b) { return Sign(Integer(a), Integer(b)); };
  return result;
}

}  // namespace

int RealDecimals(const Type& type) {
  return type.kind == Kind::kInteger ? 0 : type.kind == Kind::kString ? kNotFixed : type.decimals;
}

namespace {

// The number at the front of a text, without leading blanks or a plus sign; empty if there is none.
std::string LeadingNumber(std::string_view text) {
  size_t i = 0;
  while (i < text.size() && (text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r'))) ++i;
  const size_t begin = i;
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
  const size_t digits = i;
  while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
  size_t count = i - digits;
  if (i < text.size() && text[i] == '.') {
    const size_t point = ++i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    count += i - point;
  }
  if (count == 0) return "";
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    size_t k = i + 1;
    if (k < text.size() && (text[k] == '+' || text[k] == '-')) ++k;
    const size_t exponent = k;
    while (k < text.size() && text[k] >= '0' && text[k] <= '9') ++k;
    if (k > exponent) i = k;
  }
  std::string number(text.substr(begin, i - begin));
  if (number.starts_with('+')) number.erase(0, 1);
  return number;
}

Decimal LeadingDecimal(std::string_view text) {
  const std::string number = LeadingNumber(text);
  const size_t e = std::min(number.find_first_of("eE"), number.size());
  Decimal value = Decimal::Parse(number.substr(0, e));
  if (e == number.size()) return value;
  const std::string exponent = number.substr(e + (number[e + 1] == '+' ? 2 : 1));
  int shift = 0;
  const auto [end, error] =
      std::from_chars(exponent.data(), exponent.data() + exponent.size(), shift);
  if (error != std::errc() || shift > 30 || shift < -20 || value.scale > 20) {
    Refuse(fmt::format("'{}' is compared with an exact number", text));
  }
  value.scale -= shift;
  for (; value.scale < 0; ++value.scale) value.unscaled *= 10;
  return value;
}

}  // namespace

double LeadingReal(std::string_view text) {
  const std::string number = LeadingNumber(text);
  if (number.empty()) return 0;
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error == std::errc::result_out_of_range) {
    const size_t e = number.find_first_of("eE");
    const bool small = e != std::string::npos && e + 1 < number.size() && number[e + 1] == '-';
    const double largest = std::numeric_limits<double>::max();
    return small ? 0 : number.starts_with('-') ? -largest : largest;
  }
  return value;
}

void RefuseQuotient(const Node& node) {
  if (node.is_quotient) {
    Refuse("a quotient is used for anything but a comparison with an exact number; use DIV");
  }
}

Evaluation AsTruth(const Node& node) {
  const Type type = node.type;
  RefuseQuotient(node);
  if (node.is_hex) return Constant(int64_t{HexInteger(Text(*node.constant)) != 0});
  switch (type.kind) {
    case Kind::kNull:
      return node.evaluate;
    case Kind::kDecimal:
      return Apply(node.evaluate, [](const Value& v) { return int64_t{!Exact(v).IsZero()}; });
    case Kind::kReal:
      return Apply(node.evaluate, [](const Value& v) { return int64_t{Real(v) != 0}; });
    case Kind::kString:
      if (node.is_enum) Refuse("an ENUM or SET column is used as a truth value");
      return Apply(node.evaluate,
                   [](const Value& v) { return int64_t{LeadingReal(Text(v)) != 0}; });
    default:
      return Apply(node.evaluate, [](const Value& v) { return int64_t{Integer(v) != 0}; });
  }
}

Evaluation AsReal(const Node& node) {
  if (node.is_hex) {
    return Constant(static_cast<double>(static_cast<uint64_t>(HexInteger(Text(*node.constant)))));
  }
  if (node.is_enum) Refuse("an ENUM or SET column is used as a number");
  RefuseQuotient(node);
  switch (node.type.kind) {
    case Kind::kNull:
    case Kind::kReal:
      return node.evaluate;
    case Kind::kInteger:
      return Apply(node.evaluate, [is_unsigned = node.type.is_unsigned](const Value& v) {
        return is_unsigned ? static_cast<double>(static_cast<uint64_t>(Integer(v)))
                           : static_cast<double>(Integer(v));
      });
    case Kind::kDecimal:
      return Apply(node.evaluate, [](const Value& v) { return Exact(v).ToDouble(); });
    case Kind::kString:
      return Apply(node.evaluate, [](const Value& v) { return LeadingReal(Text(v)); });
    default:
      Refuse(fmt::format("{} is used as a number", KindName(node.type)));
  }
}

Evaluation AsDecimal(const Node& node) {
  switch (node.type.kind) {
    case Kind::kNull:
    case Kind::kDecimal:
      return node.evaluate;
    case Kind::kInteger:
      return Apply(node.evaluate, [is_unsigned = node.type.is_unsigned](const Value& v) {
        return Decimal::FromInteger(Integer(v), is_unsigned);
      });
    default:
      Refuse(fmt::format("{} is used as an exact number", KindName(node.type)));
  }
}

Evaluation AsInteger(const Node& node) {
  if (node.type.kind != Kind::kInteger && node.type.kind != Kind::kNull) {
    Refuse(fmt::format("{} is used where an integer is expected", KindName(node.type)));
  }
  return node.evaluate;
}

Evaluation AsText(const Node& node) {
  const int decimals = node.type.decimals;
  RefuseQuotient(node);
  switch (node.type.kind) {
    case Kind::kNull:
    case Kind::kString:
      return node.evaluate;
    case Kind::kInteger:
      if (node.is_year) Refuse("a YEAR column is used as a text");
      return Apply(node.evaluate, [is_unsigned = node.type.is_unsigned](const Value& v) {
        return is_unsigned ? std::to_string(static_cast<uint64_t>(Integer(v)))
                           : std::to_string(Integer(v));
      });
    case Kind::kDecimal:
      return Apply(node.evaluate, [decimals](const Value& v) {
        Decimal shown = Round(Exact(v), decimals);
        while (shown.scale < decimals) {
          shown.unscaled *= 10;
          ++shown.scale;
        }
        return shown.ToString();
      });
    case Kind::kReal:
      Refuse("a floating-point number is used as a text");
    case Kind::kDate:
      return Apply(node.evaluate, [](const Value& v) { return FormatDate(Unpack(Integer(v))); });
    case Kind::kDateTime:
      return Apply(node.evaluate, [decimals](const Value& v) {
        return FormatDateTime(Unpack(Integer(v)), decimals);
      });
    case Kind::kTime:
      return Apply(node.evaluate,
                   [decimals](const Value& v) { return FormatTime(Integer(v), decimals); });
  }
  return node.evaluate;
}

Type TextType(const Node& node) {
  if (node.type.kind == Kind::kString) return node.type;
  return {.kind = Kind::kString, .derivation = Derivation::kNumeric};
}

Evaluation AsDateTime(const Node& node) {
  if (node.type.is_date() || IsNullLiteral(node)) return node.evaluate;
  if (node.type.kind == Kind::kString && node.constant && !node.is_hex) {
    const std::optional<Civil> date = ParseExistingDateTime(Text(*node.constant));
    if (!date) {
      Refuse(
          fmt::format("'{}' is used as a date, write it as 'YYYY-MM-DD' or 'YYYY-MM-DD hh:mm:ss'",
                      Text(*node.constant)));
    }
    return Constant(Pack(*date));
  }
  Refuse(fmt::format("{} is used as a date, write a date as 'YYYY-MM-DD'", KindName(node.type)));
}

Type AggregateText(const std::vector<const Node*>& operands, std::string_view what) {
  Type result{.kind = Kind::kString, .derivation = Derivation::kNumeric};
  bool any = false;
  const auto mix = [&](const Type& other) {
    Refuse(fmt::format("{} of texts with the collations {} and {} is not supported, add COLLATE",
                       what, result.collation, other.collation));
  };
  for (const Node* node : operands) {
    if (IsNullLiteral(*node)) continue;
    const Type type = TextType(*node);
    if (type.derivation == Derivation::kNumeric) continue;
    if (!any || type.derivation < result.derivation) {
      if (any && result.derivation < Derivation::kCoercible &&
          type.derivation == Derivation::kExplicit &&
          CharsetOfCollationName(result.collation) != CharsetOfCollationName(type.collation)) {
        mix(type);
      }
      result = type;
      any = true;
      continue;
    }
    if (type.derivation > result.derivation || type.collation == result.collation) {
      if (type.derivation == Derivation::kImplicit && type.collation != result.collation &&
          CharsetOfCollationName(result.collation) != CharsetOfCollationName(type.collation)) {
        mix(type);
      }
      continue;
    }
    if (result.derivation == Derivation::kExplicit) mix(type);
    // Two columns, or two literals, of different collations.
    const Charset a = CharsetOfCollationName(result.collation);
    const Charset b = CharsetOfCollationName(type.collation);
    if (a == b && result.collation.ends_with("_bin") && !type.collation.ends_with("_bin")) continue;
    if (a == b && type.collation.ends_with("_bin") && !result.collation.ends_with("_bin")) {
      result = type;
      continue;
    }
    mix(type);
  }
  result.decimals = 0;
  if (!any) {
    result.collation.clear();
    return result;
  }
  // Literals have to have a form in the other's character set.
  const Charset charset = CharsetOfCollationName(result.collation);
  if (charset != Charset::kUtf8mb4 && charset != Charset::kBinary) {
    const CollationOrder* order = CollationOrder::Find(result.collation);
    for (const Node* node : operands) {
      if (node->type.kind != Kind::kString || !node->constant) continue;
      for (const char32_t c : Characters(Text(*node->constant))) {
        const bool fits =
            c < 0x80 ||
            (charset == Charset::kUtf8mb3 ? c < 0x10000 : order != nullptr && order->Knows(c));
        if (!fits) {
          Refuse(fmt::format("the text '{}' cannot be written in the character set {}",
                             Text(*node->constant), CharsetName(charset)));
        }
      }
    }
  }
  return result;
}

const CollationOrder& OrderOf(const Type& text, std::string_view what) {
  const CollationOrder* order =
      CollationOrder::Find(text.collation.empty() ? "utf8mb4_bin" : text.collation);
  if (order == nullptr) {
    Refuse(
        fmt::format("{} by the collation {} is not supported, add COLLATE with the _bin "
                    "collation of its character set",
                    what, text.collation));
  }
  return *order;
}

Comparison Comparable(const std::vector<const Node*>& operands, std::string_view what) {
  size_t temporals = 0, strings = 0, integers = 0, exact = 0, real = 0, hex = 0;
  for (const Node* node : operands) {
    const Kind kind = node->type.kind;
    if (node->is_hex) {
      ++hex;
    } else if (node->type.is_temporal()) {
      ++temporals;
    } else if (kind == Kind::kString) {
      ++strings;
    } else if (kind == Kind::kInteger) {
      ++integers;
    } else if (kind == Kind::kDecimal) {
      ++exact;
    } else if (kind == Kind::kReal) {
      ++real;
    }
  }
  const bool is_operator = what.find_first_of("=<>") != std::string_view::npos;
  for (const Node* node : operands) {
    if (!is_operator) RefuseQuotient(*node);
  }
  const size_t numbers = integers + exact + real;
  for (const Node* node : operands) {
    if (!node->is_year) continue;
    // A year is compared with two digits as with all four.
    for (const Node* other : operands) {
      if (other->is_year || IsNullLiteral(*other)) continue;
      const bool full = other->type.kind == Kind::kInteger && other->constant &&
                        Integer(*other->constant) >= 1000 && Integer(*other->constant) <= 9999;
      if (!full) Refuse(fmt::format("{} of a YEAR column and anything but a full year", what));
    }
  }
  if (temporals > 0) {
    if (numbers + hex > 0) {
      Refuse(fmt::format("{} of a date or time and a number is not supported, write it as a text",
                         what));
    }
    for (const Node* node : operands) {
      if (node->type.kind == Kind::kString && !node->constant) {
        Refuse(fmt::format("{} of a date or time and a text that is no literal is not supported",
                           what));
      }
    }
    return Temporals(operands, what);
  }
  if (hex > 0) {
    if (integers > 0 && numbers == integers && strings == 0) return Integers(operands);
    const bool bytes = std::all_of(operands.begin(), operands.end(), [](const Node* node) {
      return IsNullLiteral(*node) || node->is_hex ||
             (node->type.kind == Kind::kString && node->type.collation == "binary");
    });
    if (!bytes || strings == 0) {
      Refuse(fmt::format("{} of a hexadecimal or bit literal and anything but an integer or bytes",
                         what));
    }
  }
  if (numbers == 0) {
    Comparison result;
    const CollationOrder& order = OrderOf(AggregateText(operands, what), what);
    for (const Node* node : operands) result.operands.push_back(AsText(*node));
    result.order = [&order](const Value& a, const Value& b) {
      return order.Compare(Text(a), Text(b));
    };
    return result;
  }
  if (strings > 0) {
    if (operands.size() > 2) {
      Refuse(
          fmt::format("{} of texts and numbers is not supported, write all of them alike", what));
    }
    // An integer column and digits are compared as integers.
    const bool first = operands[0]->type.kind == Kind::kString;
    const Node& text = *operands[first ? 0 : 1];
    const Node& number = *operands[first ? 1 : 0];
    if (text.constant && number.is_column && number.range && IsIntegerText(Text(*text.constant))) {
      const Decimal value = Decimal::Parse(Text(*text.constant));
      if (Compare(value, number.range->first) >= 0 && Compare(value, number.range->second) <= 0) {
        Comparison result;
        result.operands = {AsDecimal(number), AsDecimal(number)};
        result.operands[first ? 0 : 1] = Constant(value);
        result.order = [](const Value& a, const Value& b) { return Compare(Exact(a), Exact(b)); };
        return result;
      }
    }
    // So are an exact number that is no literal and a literal text.
    if (text.constant && number.type.kind == Kind::kDecimal && !number.constant) {
      Comparison result;
      result.operands = {AsDecimal(number), AsDecimal(number)};
      result.operands[first ? 0 : 1] = Constant(LeadingDecimal(Text(*text.constant)));
      result.order = [](const Value& a, const Value& b) { return Compare(Exact(a), Exact(b)); };
      return result;
    }
    return Reals(operands);
  }
  if (real > 0) return Reals(operands);
  if (exact > 0) {
    Comparison result;
    for (const Node* node : operands) result.operands.push_back(AsDecimal(*node));
    result.order = [](const Value& a, const Value& b) { return Compare(Exact(a), Exact(b)); };
    return result;
  }
  return Integers(operands);
}

Type AggregateType(const std::vector<const Node*>& nodes, std::string_view what) {
  Type result;
  for (const Node* node : nodes) {
    Type type = node->type;
    if (type.kind == Kind::kNull) continue;
    RefuseQuotient(*node);
    if (node->is_hex || node->is_enum || node->is_year) {
      Refuse(fmt::format("{} of {} is not supported", what,
                         node->is_hex    ? "a hexadecimal or bit literal"
                         : node->is_enum ? "an ENUM or SET column"
                                         : "a YEAR column"));
    }
    if (result.kind == Kind::kNull) {
      result = type;
      continue;
    }
    if (result.is_number() && type.is_number()) {
      const bool mixed = result.mixed_signs || type.mixed_signs;
      if (result.kind == Kind::kReal || type.kind == Kind::kReal) {
        result = RealType(std::max(RealDecimals(result), RealDecimals(type)));
      } else if (result.kind == Kind::kDecimal || type.kind == Kind::kDecimal) {
        result = DecimalType(std::max(result.decimals, type.decimals));
        result.mixed_signs = mixed && result.decimals == 0;
      } else if (result.is_unsigned != type.is_unsigned) {
        result = DecimalType(0);
        result.mixed_signs = true;
      }
      continue;
    }
    if (result.kind != type.kind) {
      Refuse(
          fmt::format("{} of {} and {} is not supported", what, KindName(result), KindName(type)));
    }
    result.decimals = std::max(result.decimals, type.decimals);
  }
  if (result.kind == Kind::kString) result = AggregateText(nodes, what);
  return result;
}

Evaluation As(const Node& node, const Type& type) {
  if (node.type.kind == Kind::kNull || node.type.kind == type.kind) return node.evaluate;
  if (type.kind == Kind::kReal) return AsReal(node);
  if (type.kind == Kind::kDecimal) return AsDecimal(node);
  return AsText(node);
}

}  // namespace dm::mysql::evaluate
