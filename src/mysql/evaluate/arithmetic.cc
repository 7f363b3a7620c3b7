// Operators and functions of numbers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "mysql/evaluate/compile.h"

namespace dm::mysql::evaluate {
namespace {

constexpr size_t kAny = std::numeric_limits<size_t>::max();
constexpr int kMaxScale = 30;
constexpr int kDivisionDigits = 4;

using Wide = __int128;

Wide Widen(const Value& value, bool is_unsigned) {
  return is_unsigned ? Wide{static_cast<uint64_t>(Integer(value))} : Wide{Integer(value)};
}

// Throws if `value` is not one of the type.
int64_t Narrow(Wide value, bool is_unsigned) {
  const Wide least = is_unsigned ? Wide{0} : Wide{std::numeric_limits<int64_t>::min()};
  const Wide most = is_unsigned ? Wide{std::numeric_limits<uint64_t>::max()}
                                : Wide{std::numeric_limits<int64_t>::max()};
  if (value < least || value > most) throw EvaluationError();
  return static_cast<int64_t>(value);
}

double Finite(double value) {
  if (!std::isfinite(value)) throw EvaluationError();
  return value;
}

enum class Numbers { kIntegers, kDecimals, kReals };

Numbers KindOf(const Node& a, const Node& b) {
  Numbers kind = Numbers::kIntegers;
  for (const Node* node : {&a, &b}) {
    if (node->is_hex) Refuse("arithmetic with a hexadecimal or bit literal");
    if (node->type.is_temporal()) Refuse("arithmetic with a date or time, other than INTERVAL");
    RefuseQuotient(*node);
    if (node->type.mixed_signs) {
      Refuse("arithmetic with a choice between signed and unsigned integers; use CAST");
    }
    if (node->type.kind == Kind::kString || node->type.kind == Kind::kReal) {
      kind = Numbers::kReals;
    } else if (node->type.kind == Kind::kDecimal && kind == Numbers::kIntegers) {
      kind = Numbers::kDecimals;
    }
  }
  return kind;
}

int LargerDecimals(const Node& a, const Node& b) {
  return std::max(RealDecimals(a.type), RealDecimals(b.type));
}

double Rounded(double value, int digits, bool truncate) {
  const double unit = std::pow(10.0, std::abs(digits));
  if (digits < 0 && std::isinf(unit)) return 0;
  const volatile double divided = value / unit;
  const volatile double multiplied = value * unit;
  if (digits >= 0 && !std::isfinite(multiplied)) return value;
  if (truncate) {
    if (value >= 0) return digits < 0 ? std::floor(divided) * unit : std::floor(multiplied) / unit;
    return digits < 0 ? std::ceil(divided) * unit : std::ceil(multiplied) / unit;
  }
  return digits < 0 ? std::rint(divided) * unit : std::rint(multiplied) / unit;
}

void RefuseHex(const Node& node, const Expr& expr) {
  if (node.is_hex) Refuse(fmt::format("{} of a hexadecimal or bit literal", expr.name));
  if (node.type.is_temporal()) Refuse(fmt::format("{} of a date or time", expr.name));
  RefuseQuotient(node);
  if (node.type.mixed_signs) {
    Refuse(fmt::format("{} of a choice between signed and unsigned integers; use CAST", expr.name));
  }
}

Node RoundTo(Compiler& compiler, const Expr& expr, bool truncate) {
  const std::vector<Node> nodes = compiler.CompileAll(expr.args);
  RefuseHex(nodes[0], expr);
  int digits = 0;
  if (nodes.size() > 1) {
    if (!nodes[1].constant || nodes[1].type.kind != Kind::kInteger ||
        Integer(*nodes[1].constant) < 0 || Integer(*nodes[1].constant) > kMaxScale) {
      Refuse(fmt::format("{} to a number of digits that is no literal from 0 to 30", expr.name));
    }
    digits = static_cast<int>(Integer(*nodes[1].constant));
  }
  Node node = nodes[0];
  node.constant.reset();
  node.is_column = false;
  node.range.reset();
  if (node.type.kind == Kind::kInteger || node.type.kind == Kind::kNull) return node;
  if (node.type.kind == Kind::kDecimal) {
    node.type = DecimalType(std::min(digits, node.type.decimals));
    node.evaluate = Apply(nodes[0].evaluate, [digits, truncate](const Value& v) {
      return truncate ? Truncate(Exact(v), digits) : Round(Exact(v), digits);
    });
    return node;
  }
  return {.type = RealType(digits),
          .evaluate = Apply(AsReal(nodes[0]), [digits, truncate](const Value& v) {
            return Rounded(Real(v), digits, truncate);
          })};
}

Node FloorOf(Compiler& compiler, const Expr& expr, bool ceiling) {
  const Node operand = compiler.Compile(*expr.args[0]);
  RefuseHex(operand, expr);
  if (operand.type.kind == Kind::kNull) return operand;
  if (operand.type.kind == Kind::kInteger) {
    return {.type = operand.type, .evaluate = operand.evaluate};
  }
  if (operand.type.kind == Kind::kDecimal) {
    return {.type = DecimalType(0), .evaluate = Apply(operand.evaluate, [ceiling](const Value& v) {
                                      return ceiling ? Ceiling(Exact(v)) : Floor(Exact(v));
                                    })};
  }
  return {.type = RealType(0), .evaluate = Apply(AsReal(operand), [ceiling](const Value& v) {
                                 return ceiling ? std::ceil(Real(v)) : std::floor(Real(v));
                               })};
}

Node Abs(Compiler& compiler, const Expr& expr) {
  const Node operand = compiler.Compile(*expr.args[0]);
  RefuseHex(operand, expr);
  switch (operand.type.kind) {
    case Kind::kNull:
      return operand;
    case Kind::kInteger:
      if (operand.type.is_unsigned) return {.type = operand.type, .evaluate = operand.evaluate};
      return {.type = IntegerType(), .evaluate = Apply(operand.evaluate, [](const Value& v) {
                                       const Wide value = Integer(v);
                                       return Narrow(value < 0 ? -value : value, false);
                                     })};
    case Kind::kDecimal:
      return {.type = operand.type,
              .evaluate = Apply(operand.evaluate, [](const Value& v) {
                return Decimal{Decimal::Integer(abs(Exact(v).unscaled)), Exact(v).scale};
              })};
    default:
      return {
          .type = RealType(RealDecimals(operand.type)),
          .evaluate = Apply(AsReal(operand), [](const Value& v) { return std::fabs(Real(v)); })};
  }
}

Node SignOf(Compiler& compiler, const Expr& expr) {
  const Node operand = compiler.Compile(*expr.args[0]);
  RefuseHex(operand, expr);
  return {.type = IntegerType(), .evaluate = Apply(AsReal(operand), [](const Value& v) {
                                   return int64_t{Real(v) < 0 ? -1 : Real(v) > 0 ? 1 : 0};
                                 })};
}

// ---- control flow -------------------------------------------------------------------------------

Node If(Compiler& compiler, const Expr& expr) {
  const std::vector<Node> nodes = compiler.CompileAll(expr.args);
  Node node;
  node.type = AggregateType({&nodes[1], &nodes[2]}, "IF");
  node.evaluate = [c = AsTruth(nodes[0]), a = As(nodes[1], node.type),
                   b = As(nodes[2], node.type)](Row row) -> Value {
    const Value met = c(row);
    return !IsNull(met) && Integer(met) != 0 ? a(row) : b(row);
  };
  return node;
}

Node Coalesce(Compiler& compiler, const Expr& expr) {
  const std::vector<Node> nodes = compiler.CompileAll(expr.args);
  std::vector<const Node*> all;
  for (const Node& node : nodes) all.push_back(&node);
  Node result;
  result.type = AggregateType(all, Upper(expr.name));
  std::vector<Evaluation> values;
  for (const Node& node : nodes) values.push_back(As(node, result.type));
  result.evaluate = [values](Row row) -> Value {
    for (const Evaluation& value : values) {
      Value found = value(row);
      if (!IsNull(found)) return found;
    }
    return {};
  };
  return result;
}

Node NullIf(Compiler& compiler, const Expr& expr) {
  const std::vector<Node> nodes = compiler.CompileAll(expr.args);
  const Comparison comparison = Comparable({&nodes[0], &nodes[1]}, "NULLIF");
  Node node;
  node.type = AggregateType({&nodes[0]}, "NULLIF");
  node.evaluate = [comparison, value = nodes[0].evaluate](Row row) -> Value {
    const Value a = comparison.operands[0](row);
    if (IsNull(a)) return {};
    const Value b = comparison.operands[1](row);
    if (!IsNull(b) && comparison.order(a, b) == 0) return {};
    return value(row);
  };
  return node;
}

Node IsNullOf(Compiler& compiler, const Expr& expr) {
  const Node operand = compiler.Compile(*expr.args[0]);
  return {.type = IntegerType(),
          .evaluate = [a = operand.evaluate](Row row) -> Value { return int64_t{IsNull(a(row))}; }};
}

Node Extreme(Compiler& compiler, const Expr& expr, bool greatest) {
  const std::vector<Node> nodes = compiler.CompileAll(expr.args);
  std::vector<const Node*> all;
  for (const Node& node : nodes) {
    if (node.type.is_temporal()) Refuse(fmt::format("{} of dates and times", expr.name));
    all.push_back(&node);
  }
  Node result;
  result.type = AggregateType(all, Upper(expr.name));
  std::function<int(const Value&, const Value&)> order;
  switch (result.type.kind) {
    case Kind::kInteger:
      order = [is_unsigned = result.type.is_unsigned](const Value& a, const Value& b) {
        const Wide x = Widen(a, is_unsigned);
        const Wide y = Widen(b, is_unsigned);
        return x < y ? -1 : x > y ? 1 : 0;
      };
      break;
    case Kind::kDecimal:
      order = [](const Value& a, const Value& b) { return Compare(Exact(a), Exact(b)); };
      break;
    case Kind::kReal:
      order = [](const Value& a, const Value& b) {
        return Real(a) < Real(b) ? -1 : Real(a) > Real(b) ? 1 : 0;
      };
      break;
    default: {
      const CollationOrder& by = OrderOf(result.type, Upper(expr.name));
      order = [&by](const Value& a, const Value& b) { return by.Compare(Text(a), Text(b)); };
      break;
    }
  }
  std::vector<Evaluation> values;
  for (const Node& node : nodes) values.push_back(As(node, result.type));
  result.evaluate = [values, order, greatest](Row row) -> Value {
    Value best;
    for (const Evaluation& value : values) {
      Value found = value(row);
      if (IsNull(found)) return {};
      if (IsNull(best) || (greatest ? order(found, best) > 0 : order(found, best) < 0)) {
        best = std::move(found);
      }
    }
    return best;
  };
  return result;
}

constexpr FunctionEntry kFunctions[] = {
    {"ABS", 1, 1, Abs},
    {"SIGN", 1, 1, SignOf},
    {"FLOOR", 1, 1, [](Compiler& c, const Expr& e) { return FloorOf(c, e, false); }},
    {"CEIL", 1, 1, [](Compiler& c, const Expr& e) { return FloorOf(c, e, true); }},
    {"CEILING", 1, 1, [](Compiler& c, const Expr& e) { return FloorOf(c, e, true); }},
    {"ROUND", 1, 2, [](Compiler& c, const Expr& e) { return RoundTo(c, e, false); }},
    {"TRUNCATE", 2, 2, [](Compiler& c, const Expr& e) { return RoundTo(c, e, true); }},
    {"MOD", 2, 2,
     [](Compiler& c, const Expr& e) {
       return Remainder(c.Compile(*e.args[0]), c.Compile(*e.args[1]), c.options().mariadb);
     }},
    {"IF", 3, 3, If},
    {"IFNULL", 2, 2, Coalesce},
    {"COALESCE", 1, kAny, Coalesce},
    {"NULLIF", 2, 2, NullIf},
    {"ISNULL", 1, 1, IsNullOf},
    {"GREATEST", 2, kAny, [](Compiler& c, const Expr& e) { return Extreme(c, e, true); }},
    {"LEAST", 2, kAny, [](Compiler& c, const Expr& e) { return Extreme(c, e, false); }},
};

}  // namespace

std::span<const FunctionEntry> NumberFunctions() { return kFunctions; }

Node Add(const Node& a, const Node& b, std::string_view op, bool mariadb) {
  const char sign = op.front();
  switch (KindOf(a, b)) {
    case Numbers::kIntegers: {
      const bool is_unsigned = a.type.is_unsigned || b.type.is_unsigned;
      return {.type = IntegerType(is_unsigned),
              .evaluate = ApplyBoth(AsInteger(a), AsInteger(b),
                                    [sign, is_unsigned, mariadb, left = a.type.is_unsigned,
                                     right = b.type.is_unsigned](const Value& v, const Value& w) {
                                      const Wide x = Widen(v, left);
                                      const Wide y = Widen(w, right);
                                      Wide result = 0;
                                      const bool over =
                                          sign == '+'   ? __builtin_add_overflow(x, y, &result)
                                          : sign == '-' ? __builtin_sub_overflow(x, y, &result)
                                                        : __builtin_mul_overflow(x, y, &result);
                                      if (over) throw EvaluationError();
                                      // MySQL does not find the least product but by 1.
                                      if (!mariadb && sign == '*' && x != 1 && y != 1 &&
                                          result == std::numeric_limits<int64_t>::min()) {
                                        throw EvaluationError();
                                      }
                                      return Narrow(result, is_unsigned);
                                    })};
    }
    case Numbers::kDecimals: {
      const int decimals = sign == '*' ? std::min(a.type.decimals + b.type.decimals, kMaxScale)
                                       : std::max(a.type.decimals, b.type.decimals);
      return {.type = DecimalType(decimals),
              .evaluate = Apply(AsDecimal(a), AsDecimal(b), [sign](const Value& v, const Value& w) {
                return sign == '+'   ? Add(Exact(v), Exact(w))
                       : sign == '-' ? Subtract(Exact(v), Exact(w))
                                     : Multiply(Exact(v), Exact(w));
              })};
    }
    case Numbers::kReals:
      break;
  }
  return {.type = RealType(LargerDecimals(a, b)),
          .evaluate = ApplyBoth(AsReal(a), AsReal(b), [sign](const Value& v, const Value& w) {
            const double x = Real(v);
            const double y = Real(w);
            return Finite(sign == '+' ? x + y : sign == '-' ? x - y : x * y);
          })};
}

Node Divide(const Node& a, const Node& b) {
  if (KindOf(a, b) != Numbers::kReals) {
    const int decimals = std::min(a.type.decimals + kDivisionDigits, kMaxScale);
    return {.type = DecimalType(decimals),
            .evaluate = Apply(AsDecimal(a), AsDecimal(b),
                              [decimals](const Value& v, const Value& w) -> Value {
                                std::optional<Decimal> result = Divide(Exact(v), Exact(w));
                                if (!result) return {};
                                return Round(*result, decimals);
                              })};
  }
  return {.type = RealType(std::min(LargerDecimals(a, b) + kDivisionDigits, kNotFixed)),
          .evaluate = ApplyBoth(AsReal(a), AsReal(b), [](const Value& v, const Value& w) -> Value {
            if (Real(w) == 0) return {};
            return Finite(Real(v) / Real(w));
          })};
}

Node DivideInteger(const Node& a, const Node& b) {
  const Numbers kind = KindOf(a, b);
  if (kind == Numbers::kReals) Refuse("DIV of a text or a floating-point number");
  const bool is_unsigned = a.type.is_unsigned || b.type.is_unsigned;
  return {.type = IntegerType(is_unsigned),
          .evaluate = ApplyBoth(AsDecimal(a), AsDecimal(b),
                                [is_unsigned](const Value& v, const Value& w) -> Value {
                                  const std::optional<int64_t> result =
                                      DivideToInteger(Exact(v), Exact(w), is_unsigned);
                                  if (!result) return {};
                                  return *result;
                                })};
}

Node Remainder(const Node& a, const Node& b, bool mariadb) {
  switch (KindOf(a, b)) {
    case Numbers::kIntegers:
      return {.type = IntegerType(a.type.is_unsigned),
              .evaluate = ApplyBoth(AsInteger(a), AsInteger(b),
                                    [left = a.type.is_unsigned, right = b.type.is_unsigned](
                                        const Value& v, const Value& w) -> Value {
                                      const Wide y = Widen(w, right);
                                      if (y == 0) return {};
                                      return static_cast<int64_t>(Widen(v, left) % y);
                                    })};
    case Numbers::kDecimals:
      return {.type = DecimalType(std::max(a.type.decimals, b.type.decimals)),
              .evaluate = Apply(
                  AsDecimal(a), AsDecimal(b), [mariadb](const Value& v, const Value& w) -> Value {
                    std::optional<Decimal> result = Modulo(Exact(v), Exact(w));
                    if (!result) return {};
                    // MariaDB's zero keeps the sign, and is less than zero then.
                    result->negative_zero = mariadb && result->IsZero() && Exact(v).unscaled < 0;
                    return *std::move(result);
                  })};
    case Numbers::kReals:
      break;
  }
  return {.type = RealType(LargerDecimals(a, b)),
          .evaluate = ApplyBoth(AsReal(a), AsReal(b), [](const Value& v, const Value& w) -> Value {
            if (Real(w) == 0) return {};
            return std::fmod(Real(v), Real(w));
          })};
}

Node Bits(const Node& a, const Node& b, std::string_view op, bool mariadb) {
  const std::string name(op);
  if (name != "&" && name != "|" && name != "^" && name != "<<" && name != ">>") {
    Refuse(fmt::format("the operator {} is not supported", op));
  }
  return {.type = IntegerType(true),
          .evaluate =
              Apply(AsInteger(a), AsInteger(b), [name, mariadb](const Value& v, const Value& w) {
                const auto x = static_cast<uint64_t>(Integer(v));
                auto y = static_cast<uint64_t>(Integer(w));
                uint64_t result = 0;
                if (name == "&") {
                  result = x & y;
                } else if (name == "|") {
                  result = x | y;
                } else if (name == "^") {
                  result = x ^ y;
                } else {
                  // MariaDB takes 32 bits of the count.
                  if (mariadb) y &= 0xffffffff;
                  if (y >= 64) return int64_t{0};
                  result = name == "<<" ? x << y : x >> y;
                }
                return static_cast<int64_t>(result);
              })};
}

Node Negate(const Node& a) {
  switch (KindOf(a, a)) {
    case Numbers::kIntegers:
      return {.type = IntegerType(),
              .evaluate = Apply(AsInteger(a), [is_unsigned = a.type.is_unsigned](const Value& v) {
                return Narrow(-Widen(v, is_unsigned), false);
              })};
    case Numbers::kDecimals:
      return {.type = a.type,
              .evaluate = Apply(a.evaluate, [](const Value& v) {
                return Decimal{Decimal::Integer(-Exact(v).unscaled), Exact(v).scale};
              })};
    case Numbers::kReals:
      break;
  }
  return {.type = RealType(RealDecimals(a.type)),
          .evaluate = Apply(AsReal(a), [](const Value& v) { return -Real(v); })};
}

Node Invert(const Node& a) {
  if (a.is_hex) Refuse("~ of a hexadecimal or bit literal");
  return {.type = IntegerType(true),
          .evaluate = Apply(AsInteger(a), [](const Value& v) { return ~Integer(v); })};
}

}  // namespace dm::mysql::evaluate
