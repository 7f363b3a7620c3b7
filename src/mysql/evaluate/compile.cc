#include "mysql/evaluate/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>

#include "base/io/utf8.h"
#include "mysql/evaluate/temporal.h"
#include "mysql/sql/lexer.h"
#include "mysql/value/literal.h"

namespace dm::mysql::evaluate {
namespace {

bool EqualNoCase(std::string_view a, std::string_view b) { return UpperWord(a) == UpperWord(b); }

Evaluation Constant(Value value) {
  return [value = std::move(value)](Row) { return value; };
}

Node ConstantNode(Type type, Value value) {
  Node node{.type = std::move(type), .evaluate = Constant(value)};
  node.constant = std::move(value);
  return node;
}

Node Null() { return ConstantNode({.kind = Kind::kNull}, {}); }
Node Truth(Evaluation evaluate) { return {.type = IntegerType(), .evaluate = std::move(evaluate)}; }

// Parses digits as the servers do: BIGINT, BIGINT UNSIGNED, else DECIMAL.
Node IntegerLiteral(const std::string& digits) {
  int64_t value = 0;
  const char* end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, value).ec == std::errc()) {
    return ConstantNode(IntegerType(), value);
  }
  uint64_t large = 0;
  if (std::from_chars(digits.data(), end, large).ec == std::errc()) {
    return ConstantNode(IntegerType(true), static_cast<int64_t>(large));
  }
  return ConstantNode(DecimalType(0), Decimal::Parse(digits));
}

std::string BitBytes(const std::string& digits) {
  std::string bytes((digits.size() + 7) / 8, '\0');
  for (size_t i = 0; i < digits.size(); ++i) {
    if (digits[digits.size() - 1 - i] == '1') {
      char& byte = bytes[bytes.size() - 1 - i / 8];
      byte = static_cast<char>(byte | (1 << (i % 8)));
    }
  }
  return bytes;
}

// Does `pattern` cover `text` from `i` and `k` on?
bool LikeMatches(const std::u32string& text, size_t i, const std::u32string& pattern, size_t k,
                 char32_t escape, const CollationOrder& order) {
  // Where to go on if it does not fit: behind the last %, one character later.
  size_t star = std::u32string::npos, star_text = 0;
  while (i < text.size()) {
    if (k < pattern.size() && pattern[k] == U'%' && pattern[k] != escape) {
      star = ++k;
      star_text = i;
      continue;
    }
    bool fits = false;
    size_t next = k;
    if (k < pattern.size()) {
      if (pattern[k] == escape && escape != 0 && k + 1 < pattern.size()) {
        fits = order.SameCharacter(text[i], pattern[k + 1]);
        next = k + 2;
      } else {
        fits = pattern[k] == U'_' || order.SameCharacter(text[i], pattern[k]);
        next = k + 1;
      }
    }
    if (fits) {
      ++i;
      k = next;
    } else if (star != std::u32string::npos) {
      k = star;
      i = ++star_text;
    } else {
      return false;
    }
  }
  while (k < pattern.size() && pattern[k] == U'%' && pattern[k] != escape) ++k;
  return k == pattern.size();
}

std::u32string Bytes(std::string_view text) {
  std::u32string out;
  for (const char c : text) out.push_back(static_cast<unsigned char>(c));
  return out;
}

Decimal Power(int bits, bool minus_one) {
  Decimal value;
  value.unscaled = Decimal::Integer(1) << bits;
  if (minus_one) value.unscaled -= 1;
  return value;
}

std::pair<Decimal, Decimal> RangeOf(FieldType type, bool is_unsigned) {
  const int bits = type == FieldType::kTiny    ? 8
                   : type == FieldType::kShort ? 16
                   : type == FieldType::kInt24 ? 24
                   : type == FieldType::kLong  ? 32
                                               : 64;
  if (is_unsigned) return {Decimal{}, Power(bits, true)};
  Decimal least = Power(bits - 1, false);
  least.unscaled = -least.unscaled;
  return {least, Power(bits - 1, true)};
}

// MySQL compares the bits of integers in some places: for large unsigned and negative numbers.
void RefuseMixedSigns(const std::vector<const Node*>& nodes, std::string_view what) {
  const auto exceeds = [](const Node* node) {
    static const Decimal kMost = RangeOf(FieldType::kLongLong, false).second;
    return node->type.kind == Kind::kInteger && node->type.is_unsigned &&
           !(node->range && Compare(node->range->second, kMost) <= 0);
  };
  const auto negative = [](const Node* node) {
    return node->type.kind == Kind::kInteger && !node->type.is_unsigned &&
           !(node->constant && Integer(*node->constant) >= 0);
  };
  if (std::any_of(nodes.begin(), nodes.end(), exceeds) &&
      std::any_of(nodes.begin(), nodes.end(), negative)) {
    Refuse(fmt::format("{} with signed and unsigned integers; use CAST", what));
  }
}

// The value of a cell as text.
std::string CellText(const Cell& cell, const ColumnMeta& meta, const LiteralOptions& options) {
  std::string text;
  AppendText(text, cell, meta, options);
  return text;
}

template <class F>
Evaluation OfCell(size_t index, F f) {
  return [index, f = std::move(f)](Row row) -> Value {
    const Cell& cell = row[index];
    if (cell.is_null()) return {};
    if (!cell.has_value()) throw AbsentColumn{index};
    return f(cell);
  };
}

}  // namespace

std::string Upper(std::string_view text) { return UpperWord(text); }

const FunctionEntry* FindFunction(std::string_view name) {
  const std::string upper = Upper(name);
  for (const auto& functions : {NumberFunctions(), TextFunctions(), TemporalFunctions()}) {
    for (const FunctionEntry& entry : functions) {
      if (entry.name == upper) return &entry;
    }
  }
  return nullptr;
}

Node Compiler::TextLiteral(std::string text) const {
  return ConstantNode({.kind = Kind::kString,
                       .collation = ConnectionCollation(),
                       .derivation = Derivation::kCoercible},
                      std::move(text));
}

std::vector<Node> Compiler::CompileAll(const std::vector<ExprPtr>& exprs) {
  std::vector<Node> nodes;
  for (const ExprPtr& expr : exprs) nodes.push_back(Compile(*expr));
  return nodes;
}

Node Compiler::Compile(const Expr& expr) {
  Node node = CompileKind(expr);
  // MySQL counts no digits of floating-point numbers when it compares them.
  if (!options_.mariadb && node.type.kind == Kind::kReal) node.type.decimals = kNotFixed;
  return node;
}

Node Compiler::CompileKind(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kColumn:
      return Column(expr);
    case ExprKind::kParen:
      return Compile(*expr.args.at(0));
    case ExprKind::kUnary:
      return Unary(expr);
    case ExprKind::kBinary:
      return Binary(expr);
    case ExprKind::kIs:
      return Is(expr);
    case ExprKind::kIn:
      return In(expr);
    case ExprKind::kBetween:
      return Between(expr);
    case ExprKind::kLike:
      return Like(expr);
    case ExprKind::kCase:
      return Case(expr);
    case ExprKind::kCast:
      return Cast(expr);
    case ExprKind::kCollate:
      return Collate(expr);
    case ExprKind::kTrim:
      return Trim(*this, expr);
    case ExprKind::kPosition:
      return Position(*this, expr);
    case ExprKind::kExtract:
      return Extract(*this, expr);
    case ExprKind::kFunction: {
      const FunctionEntry* function = FindFunction(expr.name);
      if (function == nullptr) Refuse(fmt::format("the function {} is not supported", expr.name));
      return function->make(*this, expr);
    }
    default:
      return Literal(expr);
  }
}

Node Compiler::Literal(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNull:
      return Null();
    case ExprKind::kTrue:
    case ExprKind::kFalse:
      return ConstantNode(IntegerType(), int64_t{expr.kind == ExprKind::kTrue});
    case ExprKind::kInteger:
      return IntegerLiteral(expr.text);
    case ExprKind::kDecimal: {
      const Decimal value = Decimal::Parse(expr.text);
      return ConstantNode(DecimalType(value.scale), value);
    }
    case ExprKind::kFloat:
      return ConstantNode(RealType(), LeadingReal(expr.text));
    case ExprKind::kString:
      if (expr.charset == "binary") {
        return ConstantNode(
            {.kind = Kind::kString, .collation = "binary", .derivation = Derivation::kCoercible},
            expr.text);
      }
      for (const char32_t c : Characters(expr.text)) {
        if (c >= kRawByte) Refuse("a text holds bytes that are not UTF-8");
      }
      return TextLiteral(expr.text);
    case ExprKind::kHex:
    case ExprKind::kBit: {
      Node node = ConstantNode({.kind = Kind::kString,
                                .is_unsigned = true,
                                .collation = "binary",
                                .derivation = Derivation::kCoercible},
                               expr.kind == ExprKind::kHex ? expr.text : BitBytes(expr.text));
      if (Text(*node.constant).size() > 8) Refuse("a hexadecimal literal of more than 8 bytes");
      node.is_hex = true;
      return node;
    }
    case ExprKind::kTemporal: {
      if (expr.name == "TIME") {
        const std::optional<int64_t> time = ParseTime(expr.text);
        if (!time) Refuse(fmt::format("TIME '{}' is no time", expr.text));
        return ConstantNode({.kind = Kind::kTime, .decimals = FractionDigits(expr.text)}, *time);
      }
      const std::optional<Civil> date = ParseExistingDateTime(expr.text);
      if (!date || (expr.name == "DATE") != (expr.text.size() == 10)) {
        Refuse(fmt::format("{} '{}' is none", expr.name, expr.text));
      }
      return ConstantNode({.kind = expr.name == "DATE" ? Kind::kDate : Kind::kDateTime,
                           .decimals = FractionDigits(expr.text)},
                          Pack(*date));
    }
    default:
      Refuse("a part of the expression is not supported");
  }
}

Node Compiler::Column(const Expr& expr) {
  const auto found = std::find_if(
      columns_.begin(), columns_.end(),
      [&](const ConditionColumn& column) { return EqualNoCase(column.name, expr.name); });
  if (found == columns_.end()) {
    throw UnknownColumn(fmt::format("there is no column `{}`", expr.name));
  }
  const auto index = static_cast<size_t>(found - columns_.begin());
  const ConditionColumn& column = *found;
  ColumnMeta meta = column.meta;
  meta.keep_bytes = false;
  LiteralOptions literals;
  literals.time_zone = options_.time_zone;
  Node node;
  node.is_column = true;
  const auto text = [meta, literals](const Cell& cell) { return CellText(cell, meta, literals); };
  const auto refuse = [&](std::string_view type) {
    Refuse(fmt::format("column `{}` is of the type {}, which is not supported in expressions",
                       column.name, type));
  };
  if (!column.type_word.empty()) refuse(column.type_word);
  if (IsStringType(column.type)) {
    node.type = {.kind = Kind::kString, .collation = column.collation};
    node.evaluate = OfCell(index, [text](const Cell& cell) { return text(cell); });
    return node;
  }
  switch (column.type) {
    case FieldType::kTiny:
    case FieldType::kShort:
    case FieldType::kInt24:
    case FieldType::kLong:
    case FieldType::kLongLong:
      node.type = IntegerType(meta.is_unsigned);
      node.range = RangeOf(column.type, meta.is_unsigned);
      node.evaluate = OfCell(index, [meta](const Cell& cell) { return CellInteger(cell, meta); });
      return node;
    case FieldType::kYear:
      node.type = IntegerType(true);
      node.is_year = true;
      node.evaluate = OfCell(index, [meta](const Cell& cell) { return CellInteger(cell, meta); });
      return node;
    case FieldType::kBit:
      node.type = IntegerType(true);
      node.evaluate = OfCell(index, [meta](const Cell& cell) { return CellInteger(cell, meta); });
      return node;
    case FieldType::kDecimal:
    case FieldType::kNewDecimal:
      node.type = DecimalType(meta.decimals);
      node.evaluate =
          OfCell(index, [text](const Cell& cell) { return Decimal::Parse(text(cell)); });
      return node;
    case FieldType::kFloat:
      node.type = RealType(column.decimals < 0 ? kNotFixed : column.decimals);
      node.evaluate = OfCell(index, [](const Cell& cell) {
        float value;
        std::copy_n(cell.data, sizeof value, reinterpret_cast<uint8_t*>(&value));
        return static_cast<double>(value);
      });
      return node;
    case FieldType::kDouble:
      node.type = RealType(column.decimals < 0 ? kNotFixed : column.decimals);
      node.evaluate = OfCell(index, [](const Cell& cell) {
        double value;
        std::copy_n(cell.data, sizeof value, reinterpret_cast<uint8_t*>(&value));
        return value;
      });
      return node;
    case FieldType::kDate:
      node.type = {.kind = Kind::kDate};
      break;
    case FieldType::kDateTime:
    case FieldType::kTimestamp:
      node.type = {.kind = Kind::kDateTime, .decimals = meta.decimals};
      node.is_timestamp = column.type == FieldType::kTimestamp;
      break;
    case FieldType::kTime:
      node.type = {.kind = Kind::kTime, .decimals = meta.decimals};
      node.evaluate = OfCell(index, [text](const Cell& cell) {
        const std::optional<int64_t> time = ParseTime(text(cell));
        if (!time) throw EvaluationError();
        return *time;
      });
      return node;
    case FieldType::kEnum:
    case FieldType::kSet:
      node.type = {.kind = Kind::kString, .collation = column.collation};
      node.is_enum = true;
      if (column.type == FieldType::kSet) node.set_elements = column.elements;
      node.evaluate = OfCell(index, [meta, elements = column.elements,
                                     is_set = column.type == FieldType::kSet](const Cell& cell) {
        const auto value = static_cast<uint64_t>(CellInteger(cell, meta));
        if (!is_set) {
          return value == 0 || value > elements.size() ? std::string() : elements[value - 1];
        }
        std::string out;
        for (size_t i = 0; i < elements.size(); ++i) {
          if (((value >> i) & 1) == 0) continue;
          if (!out.empty()) out += ',';
          out += elements[i];
        }
        return out;
      });
      return node;
    case FieldType::kJson:
      refuse("JSON");
      break;
    default:
      refuse("of geometry, vectors or the like");
      break;
  }
  node.evaluate = OfCell(index, [text](const Cell& cell) {
    const std::optional<Civil> date = ParseDateTime(text(cell));
    if (!date) throw EvaluationError();
    return Pack(*date);
  });
  return node;
}

Node Compiler::Unary(const Expr& expr) {
  const Node operand = Compile(*expr.args.at(0));
  if (expr.name == "-") {
    bool columns = false;
    ForEachColumn(expr.args[0], [&](const Expr&) { columns = true; });
    const bool literal = operand.constant.has_value() && expr.args[0]->kind != ExprKind::kUnary;
    if (!columns && !literal) Refuse("the minus sign of a constant that is no plain number");
    if (operand.constant && operand.type.kind == Kind::kInteger) {
      // -9223372036854775808 is one number.
      const Decimal value =
          Decimal::FromInteger(Integer(*operand.constant), operand.type.is_unsigned);
      const Decimal negative{Decimal::Integer(-value.unscaled), 0};
      if (Compare(negative, RangeOf(FieldType::kLongLong, false).first) < 0) {
        return ConstantNode(DecimalType(0), negative);
      }
      return ConstantNode(IntegerType(), negative.ToInteger(false));
    }
    if (operand.constant && operand.type.kind == Kind::kDecimal) {
      const Decimal& value = Exact(*operand.constant);
      return ConstantNode(operand.type, Decimal{Decimal::Integer(-value.unscaled), value.scale});
    }
    return Negate(operand);
  }
  if (expr.name == "+") return operand;
  if (expr.name == "~") return Invert(operand);
  if (expr.name == "NOT" || expr.name == "!") {
    return Truth(Apply(AsTruth(operand), [](const Value& v) { return int64_t{Integer(v) == 0}; }));
  }
  if (expr.name == "BINARY") {
    Node node = operand;
    const Charset charset = CharsetOfCollationName(operand.type.collation);
    if (operand.type.kind != Kind::kString || operand.is_hex ||
        (charset != Charset::kUtf8mb4 && charset != Charset::kUtf8mb3 &&
         charset != Charset::kBinary && charset != Charset::kAscii)) {
      Refuse("BINARY of anything but a text in UTF-8");
    }
    node.type.collation = "binary";
    node.type.derivation = Derivation::kImplicit;
    node.is_column = false;
    return node;
  }
  Refuse(fmt::format("the operator {} is not supported", expr.name));
}

Node Compiler::Logical(const Expr& expr) {
  const Node left = Compile(*expr.args.at(0));
  const Node right = Compile(*expr.args.at(1));
  Evaluation a = AsTruth(left);
  Evaluation b = AsTruth(right);
  if (expr.name == "XOR") {
    return Truth(Apply(std::move(a), std::move(b), [](const Value& x, const Value& y) {
      return int64_t{Integer(x) != Integer(y)};
    }));
  }
  // The value that decides alone.
  const int64_t decisive = expr.name == "OR" ? 1 : 0;
  return Truth([a, b, decisive](Row row) -> Value {
    const Value x = a(row);
    if (!IsNull(x) && Integer(x) == decisive) return decisive;
    const Value y = b(row);
    if (!IsNull(y) && Integer(y) == decisive) return decisive;
    if (IsNull(x) || IsNull(y)) return {};
    return 1 - decisive;
  });
}

Node Compiler::CompareNode(const Expr& expr) {
  const Node left = Compile(*expr.args.at(0));
  const Node right = Compile(*expr.args.at(1));
  Comparison comparison = Comparable({&left, &right}, expr.name);
  const auto order = comparison.order;
  Evaluation a = std::move(comparison.operands[0]);
  Evaluation b = std::move(comparison.operands[1]);
  if (expr.name == "<=>") {
    return Truth([a, b, order](Row row) -> Value {
      const Value x = a(row);
      const Value y = b(row);
      if (IsNull(x) || IsNull(y)) return int64_t{IsNull(x) && IsNull(y)};
      return int64_t{order(x, y) == 0};
    });
  }
  const std::string& op = expr.name;
  const auto holds = op == "="    ? +[](int c) { return c == 0; }
                     : op == "!=" ? +[](int c) { return c != 0; }
                     : op == "<"  ? +[](int c) { return c < 0; }
                     : op == "<=" ? +[](int c) { return c <= 0; }
                     : op == ">"  ? +[](int c) { return c > 0; }
                                  : +[](int c) { return c >= 0; };
  return Truth(Apply(std::move(a), std::move(b), [order, holds](const Value& x, const Value& y) {
    return int64_t{holds(order(x, y))};
  }));
}

Node Compiler::Binary(const Expr& expr) {
  const std::string& op = expr.name;
  if (op == "AND" || op == "OR" || op == "XOR") return Logical(expr);
  if (op == "=" || op == "<=>" || op == "!=" || op == "<" || op == "<=" || op == ">" ||
      op == ">=") {
    return CompareNode(expr);
  }
  for (size_t i : {size_t{0}, size_t{1}}) {
    if (expr.args.at(i)->kind != ExprKind::kInterval) continue;
    if ((op != "+" && op != "-") || (op == "-" && i == 0)) Refuse("INTERVAL is only added");
    return AddIntervalTo(*this, *expr.args.at(1 - i), *expr.args.at(i), op == "-");
  }
  const Node left = Compile(*expr.args.at(0));
  const Node right = Compile(*expr.args.at(1));
  if (op == "+" || op == "-" || op == "*") return Add(left, right, op, options_.mariadb);
  if (op == "/") {
    Node quotient = Divide(left, right);
    quotient.is_quotient = options_.mariadb && quotient.type.kind == Kind::kDecimal;
    return quotient;
  }
  if (op == "DIV") return DivideInteger(left, right);
  if (op == "%") return Remainder(left, right, options_.mariadb);
  return Bits(left, right, op, options_.mariadb);
}

Node Compiler::Is(const Expr& expr) {
  const Node operand = Compile(*expr.args.at(0));
  const bool negated = expr.negated;
  if (expr.name == "NULL" || expr.name == "UNKNOWN") {
    const Expr* inner = expr.args.at(0).get();
    while (inner->kind == ExprKind::kParen) inner = inner->args.at(0).get();
    if (inner->kind == ExprKind::kIs ||
        (inner->kind == ExprKind::kBinary && inner->name == "<=>")) {
      // Never NULL, which servers know without evaluating it.
      return ConstantNode(IntegerType(), int64_t{negated});
    }
    const bool truth = expr.name == "UNKNOWN";
    return Truth([a = truth ? AsTruth(operand) : operand.evaluate, negated](Row row) -> Value {
      return int64_t{IsNull(a(row)) != negated};
    });
  }
  const int64_t wanted = expr.name == "TRUE" ? 1 : 0;
  return Truth([a = AsTruth(operand), wanted, negated](Row row) -> Value {
    const Value value = a(row);
    return int64_t{(!IsNull(value) && Integer(value) == wanted) != negated};
  });
}

Node Compiler::In(const Expr& expr) {
  const std::vector<Node> nodes = CompileAll(expr.args);
  struct Item {
    Evaluation left;
    Evaluation right;
    std::function<int(const Value&, const Value&)> order;
  };
  bool texts = false, numbers = false;
  for (const Node& node : nodes) {
    texts = texts || (node.type.kind == Kind::kString && !node.is_hex);
    numbers = numbers || node.type.is_number() || node.is_hex;
  }
  if (texts && numbers)
    Refuse("IN with texts and numbers is not supported, write all of them alike");
  std::vector<const Node*> all;
  for (const Node& node : nodes) all.push_back(&node);
  if (texts && !nodes[0].type.is_temporal()) AggregateText(all, "IN");
  if (!options_.mariadb) {
    for (size_t i = 1; i < nodes.size(); ++i) RefuseMixedSigns({&nodes[0], &nodes[i]}, "IN");
  }
  std::vector<Item> items;
  for (size_t i = 1; i < nodes.size(); ++i) {
    Comparison comparison = Comparable({&nodes[0], &nodes[i]}, "IN");
    items.push_back({comparison.operands[0], comparison.operands[1], comparison.order});
  }
  const bool negated = expr.negated;
  return Truth([left = nodes[0].evaluate, items, negated](Row row) -> Value {
    if (IsNull(left(row))) return {};
    bool null = false;
    for (const Item& item : items) {
      const Value y = item.right(row);
      if (IsNull(y)) {
        null = true;
      } else if (item.order(item.left(row), y) == 0) {
        return int64_t{!negated};
      }
    }
    if (null) return {};
    return int64_t{negated};
  });
}

Node Compiler::Between(const Expr& expr) {
  const std::vector<Node> nodes = CompileAll(expr.args);
  const Comparison comparison = Comparable({&nodes[0], &nodes[1], &nodes[2]}, "BETWEEN");
  if (!options_.mariadb) RefuseMixedSigns({&nodes[0], &nodes[1], &nodes[2]}, "BETWEEN");
  const bool negated = expr.negated;
  return Truth([comparison, negated](Row row) -> Value {
    const Value value = comparison.operands[0](row);
    if (IsNull(value)) return {};
    const Value low = comparison.operands[1](row);
    const Value high = comparison.operands[2](row);
    const bool below = !IsNull(low) && comparison.order(value, low) < 0;
    const bool above = !IsNull(high) && comparison.order(value, high) > 0;
    if (below || above) return int64_t{negated};
    if (IsNull(low) || IsNull(high)) return {};
    return int64_t{!negated};
  });
}

Node Compiler::Like(const Expr& expr) {
  const Node text = Compile(*expr.args.at(0));
  const Node pattern = Compile(*expr.args.at(1));
  if (pattern.is_hex || text.is_hex) Refuse("LIKE with a hexadecimal or bit literal");
  const CollationOrder& order = OrderOf(AggregateText({&text, &pattern}, "LIKE"), "LIKE");
  char32_t escape = options_.no_backslash_escapes ? 0 : U'\\';
  if (expr.has_operand) {
    const std::u32string characters = Characters(expr.text);
    if (characters.size() > 1) Refuse("ESCAPE takes one character");
    escape = characters.empty() ? 0 : characters.front();
  }
  const bool negated = expr.negated;
  const bool bytes = order.is_bytes();
  return Truth(Apply(AsText(text), AsText(pattern),
                     [&order, escape, negated, bytes](const Value& a, const Value& b) {
                       const std::u32string x = bytes ? Bytes(Text(a)) : Characters(Text(a));
                       const std::u32string y = bytes ? Bytes(Text(b)) : Characters(Text(b));
                       return int64_t{LikeMatches(x, 0, y, 0, escape, order) != negated};
                     }));
}

Node Compiler::Case(const Expr& expr) {
  std::vector<Node> nodes = CompileAll(expr.args);
  size_t next = expr.has_operand ? 1 : 0;
  std::vector<Evaluation> conditions;
  std::vector<Node> results;
  while (next + 1 < nodes.size()) {
    if (expr.has_operand) {
      Comparison comparison = Comparable({&nodes[0], &nodes[next]}, "CASE");
      conditions.push_back(Apply(comparison.operands[0], comparison.operands[1],
                                 [order = comparison.order](const Value& a, const Value& b) {
                                   return int64_t{order(a, b) == 0};
                                 }));
    } else {
      conditions.push_back(AsTruth(nodes[next]));
    }
    results.push_back(nodes[next + 1]);
    next += 2;
  }
  results.push_back(expr.has_else ? nodes.back() : Null());
  std::vector<const Node*> all;
  for (const Node& node : results) all.push_back(&node);
  Node node;
  node.type = AggregateType(all, "CASE");
  std::vector<Evaluation> values;
  for (const Node& result : results) values.push_back(As(result, node.type));
  node.evaluate = [conditions, values](Row row) -> Value {
    for (size_t i = 0; i < conditions.size(); ++i) {
      const Value met = conditions[i](row);
      if (!IsNull(met) && Integer(met) != 0) return values[i](row);
    }
    return values.back()(row);
  };
  return node;
}

Node Compiler::Collate(const Expr& expr) {
  Node node = Compile(*expr.args.at(0));
  std::string name;
  for (const char c : expr.name) name.push_back(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (node.type.kind != Kind::kString || node.is_hex) Refuse("COLLATE of anything but a text");
  const Charset charset = CharsetOfCollationName(node.type.collation);
  if (CharsetOfCollationName(name) != charset) {
    Refuse(fmt::format("the collation {} is none of the character set {}", name,
                       CharsetName(charset)));
  }
  node.type.collation = name;
  node.type.derivation = Derivation::kExplicit;
  node.is_column = false;
  OrderOf(node.type, "COLLATE");
  return node;
}

Node Compiler::Cast(const Expr& expr) {
  const Node operand = Compile(*expr.args.at(0));
  const std::string& target = expr.name;
  if (operand.is_hex || operand.is_enum || operand.is_year) {
    Refuse("CAST of an ENUM, SET or YEAR column or a hexadecimal or bit literal");
  }
  RefuseQuotient(operand);
  if (target == "SIGNED" || target == "UNSIGNED" || target == "SIGNED INTEGER" ||
      target == "UNSIGNED INTEGER") {
    const bool to_unsigned = target.starts_with("UNSIGNED");
    Node node;
    node.type = IntegerType(to_unsigned);
    if (operand.type.kind == Kind::kInteger || operand.type.kind == Kind::kNull) {
      node.evaluate = operand.evaluate;
      return node;
    }
    if (operand.type.kind == Kind::kDecimal) {
      node.evaluate =
          Apply(operand.evaluate, [to_unsigned, mariadb = options_.mariadb](const Value& v) {
            Decimal value = Round(Exact(v), 0);
            // Numbers out of range become the nearest one; MySQL keeps the bits of negative ones.
            const bool wraps = to_unsigned && !mariadb && value.unscaled < 0;
            const auto [least, most] = RangeOf(FieldType::kLongLong, to_unsigned && !wraps);
            if (Compare(value, least) < 0) value = least;
            if (Compare(value, most) > 0) value = most;
            return value.ToInteger(to_unsigned && !wraps);
          });
      return node;
    }
    Refuse(fmt::format("CAST of anything but an integer or a decimal number to {}", target));
  }
  if (target == "DATE" && operand.type.is_date()) {
    return {.type = {.kind = Kind::kDate}, .evaluate = Apply(operand.evaluate, [](const Value& v) {
                                             Civil c = Unpack(Integer(v));
                                             c.hour = c.minute = c.second = c.microsecond = 0;
                                             return Pack(c);
                                           })};
  }
  if (target == "CHAR") {
    Node node;
    node.evaluate = AsText(operand);
    node.type = {.kind = Kind::kString,
                 .collation = ConnectionCollation(),
                 .derivation = Derivation::kImplicit};
    if (operand.type.kind == Kind::kString && operand.type.collation == "binary") {
      Refuse("CAST of bytes to CHAR");
    }
    return node;
  }
  if (target.starts_with("DECIMAL")) {
    int precision = 10, scale = 0;
    if (const size_t open = target.find('('); open != std::string::npos) {
      precision = std::atoi(target.c_str() + open + 1);
      const size_t comma = target.find(',');
      if (comma != std::string::npos) scale = std::atoi(target.c_str() + comma + 1);
    }
    Decimal limit;
    limit.unscaled = 1;
    for (int i = 0; i < precision; ++i) limit.unscaled *= 10;
    limit.unscaled -= 1;
    limit.scale = scale;
    Node node;
    node.type = DecimalType(scale);
    node.evaluate = Apply(AsDecimal(operand), [limit, scale](const Value& v) {
      Decimal rounded = Round(Exact(v), scale);
      while (rounded.scale < scale) {
        rounded.unscaled *= 10;
        ++rounded.scale;
      }
      if (Compare(rounded, limit) > 0) return limit;
      const Decimal least{Decimal::Integer(-limit.unscaled), limit.scale};
      return Compare(rounded, least) < 0 ? least : rounded;
    });
    return node;
  }
  Refuse(fmt::format("CAST of such a value to {} is not supported", target));
}

}  // namespace dm::mysql::evaluate
