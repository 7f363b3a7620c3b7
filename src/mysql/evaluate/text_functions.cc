// Functions of texts.
#include <fmt/format.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <limits>

#include "mysql/evaluate/compile.h"

#include "base/io/utf8.h"

namespace dm::mysql::evaluate {
namespace {

constexpr size_t kAny = std::numeric_limits<size_t>::max();

// Texts that a function works on.
struct Texts {
  std::vector<Node> nodes;
  std::vector<Evaluation> values;
  Type type;  // of the result
  bool bytes = false;

  std::u32string Parts(const std::string& text) const {
    return bytes ? std::u32string(ByteParts(text)) : Characters(text);
  }
  std::string Joined(std::u32string_view parts) const {
    if (!bytes) return FromCharacters(parts);
    std::string out;
    for (const char32_t c : parts) out.push_back(static_cast<char>(c));
    return out;
  }

 private:
  static std::u32string ByteParts(const std::string& text) {
    std::u32string out;
    for (const char c : text) out.push_back(static_cast<unsigned char>(c));
    return out;
  }
};

// The first `count` arguments, which have to be texts or become them.
Texts TextArguments(Compiler& compiler, const Expr& expr, size_t count) {
  Texts texts;
  std::vector<const Node*> all;
  for (size_t i = 0; i < std::min(count, expr.args.size()); ++i) {
    texts.nodes.push_back(compiler.Compile(*expr.args[i]));
  }
  for (const Node& node : texts.nodes) {
    if (node.is_hex) Refuse(fmt::format("{} of a hexadecimal or bit literal", expr.name));
    texts.values.push_back(AsText(node));
    all.push_back(&node);
  }
  texts.type = AggregateText(all, Upper(expr.name));
  if (texts.type.collation.empty()) {
    texts.type.collation = compiler.ConnectionCollation();
    texts.type.derivation = Derivation::kCoercible;
  }
  texts.bytes = texts.type.collation == "binary";
  if (texts.bytes) {
    for (const Node& node : texts.nodes) {
      const Charset charset = CharsetOfCollationName(node.type.collation);
      if (node.type.kind == Kind::kString && charset != Charset::kBinary &&
          charset != Charset::kUtf8mb4 && charset != Charset::kUtf8mb3 &&
          charset != Charset::kAscii) {
        Refuse(fmt::format("{} of bytes and a text in {}", expr.name, CharsetName(charset)));
      }
    }
  }
  return texts;
}

Evaluation IntegerArgument(Compiler& compiler, const Expr& expr, size_t index) {
  const Node node = compiler.Compile(*expr.args.at(index));
  if (node.type.is_unsigned && !node.constant) {
    return Apply(AsInteger(node), [](const Value& v) {
      const auto value = static_cast<uint64_t>(Integer(v));
      return static_cast<int64_t>(std::min<uint64_t>(value, std::numeric_limits<int64_t>::max()));
    });
  }
  return AsInteger(node);
}

Node Concat(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, kAny);
  return {.type = texts.type, .evaluate = [values = texts.values](Row row) -> Value {
            std::string out;
            for (const Evaluation& value : values) {
              const Value part = value(row);
              if (IsNull(part)) return {};
              out += Text(part);
            }
            return out;
          }};
}

Node ConcatWithSeparator(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, kAny);
  return {.type = texts.type, .evaluate = [values = texts.values](Row row) -> Value {
            const Value separator = values[0](row);
            if (IsNull(separator)) return {};
            std::string out;
            bool first = true;
            for (size_t i = 1; i < values.size(); ++i) {
              const Value part = values[i](row);
              if (IsNull(part)) continue;
              if (!first) out += Text(separator);
              first = false;
              out += Text(part);
            }
            return out;
          }};
}

Node Length(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, 1);
  const Charset charset = CharsetOfCollationName(texts.type.collation);
  const bool utf8 = charset == Charset::kUtf8mb4 || charset == Charset::kUtf8mb3 || texts.bytes;
  if (!utf8 && CharsetMaxLength(charset) != 1) {
    Refuse(fmt::format("LENGTH of a text in {}", CharsetName(charset)));
  }
  return {.type = IntegerType(),
          .evaluate = Apply(texts.values[0], [utf8](const Value& v) {
            return static_cast<int64_t>(utf8 ? Text(v).size() : Characters(Text(v)).size());
          })};
}

Node CharLength(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, 1);
  return {.type = IntegerType(), .evaluate = Apply(texts.values[0], [texts](const Value& v) {
                                   return static_cast<int64_t>(texts.Parts(Text(v)).size());
                                 })};
}

Node ChangeCase(Compiler& compiler, const Expr& expr, bool upper) {
  const Texts texts = TextArguments(compiler, expr, 1);
  if (texts.bytes) return {.type = texts.type, .evaluate = texts.values[0]};
  const Charset charset = CharsetOfCollationName(texts.type.collation);
  const CollationOrder* order = CollationOrder::Find(texts.type.collation);
  if (charset != Charset::kUtf8mb4 && charset != Charset::kUtf8mb3 && order == nullptr) {
    Refuse(
        fmt::format("{} of a text with the collation {}", Upper(expr.name), texts.type.collation));
  }
  return {.type = texts.type,
          .evaluate = Apply(texts.values[0], [upper, order](const Value& v) {
            std::u32string characters = Characters(Text(v));
            for (char32_t& c : characters) {
              if (c >= kRawByte) continue;
              const auto code = static_cast<UChar32>(c);
              const auto other = static_cast<char32_t>(upper ? u_toupper(code) : u_tolower(code));
              if (order == nullptr || order->Knows(other)) c = other;
            }
            return FromCharacters(characters);
          })};
}

// `count` characters from `begin` on.
std::u32string Cut(const std::u32string& parts, int64_t begin, int64_t count) {
  if (begin < 0 || count <= 0 || begin >= static_cast<int64_t>(parts.size())) return {};
  return parts.substr(static_cast<size_t>(begin),
                      static_cast<size_t>(std::min<int64_t>(count, parts.size())));
}

Node LeftOf(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, 1);
  return {.type = texts.type,
          .evaluate = Apply(texts.values[0], IntegerArgument(compiler, expr, 1),
                            [texts](const Value& v, const Value& n) {
                              return texts.Joined(Cut(texts.Parts(Text(v)), 0, Integer(n)));
                            })};
}

Node RightOf(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, 1);
  return {.type = texts.type,
          .evaluate = Apply(texts.values[0], IntegerArgument(compiler, expr, 1),
                            [texts](const Value& v, const Value& n) {
                              const std::u32string parts = texts.Parts(Text(v));
                              const int64_t count =
                                  std::min<int64_t>(std::max<int64_t>(Integer(n), 0), parts.size());
                              return texts.Joined(
                                  Cut(parts, static_cast<int64_t>(parts.size()) - count, count));
                            })};
}

Node Substring(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, 1);
  Evaluation length = [](Row) -> Value { return std::numeric_limits<int64_t>::max(); };
  if (expr.args.size() > 2) length = IntegerArgument(compiler, expr, 2);
  return {.type = texts.type,
          .evaluate = [texts, text = texts.values[0], from = IntegerArgument(compiler, expr, 1),
                       length](Row row) -> Value {
            const Value v = text(row);
            const Value start = from(row);
            const Value count = length(row);
            if (IsNull(v) || IsNull(start) || IsNull(count)) return {};
            const std::u32string parts = texts.Parts(Text(v));
            int64_t begin = Integer(start);
            if (begin == 0) return std::string();
            begin = begin > 0 ? begin - 1 : begin + static_cast<int64_t>(parts.size());
            return texts.Joined(Cut(parts, begin, Integer(count)));
          }};
}

std::string Trimmed(std::string text, std::string_view what, bool leading, bool trailing) {
  if (what.empty()) return text;
  std::string_view view = text;
  while (leading && view.starts_with(what)) view.remove_prefix(what.size());
  while (trailing && view.ends_with(what)) view.remove_suffix(what.size());
  return std::string(view);
}

Node TrimBlanks(Compiler& compiler, const Expr& expr, bool leading, bool trailing) {
  const Texts texts = TextArguments(compiler, expr, 1);
  return {.type = texts.type,
          .evaluate = Apply(texts.values[0], [leading, trailing](const Value& v) {
            return Trimmed(Text(v), " ", leading, trailing);
          })};
}

Node Replace(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, 3);
  return {.type = texts.type, .evaluate = [values = texts.values](Row row) -> Value {
            const Value v = values[0](row), from = values[1](row), to = values[2](row);
            if (IsNull(v) || IsNull(from) || IsNull(to)) return {};
            if (Text(from).empty()) return v;
            std::string out;
            std::string_view rest = Text(v);
            for (size_t at = rest.find(Text(from)); at != std::string_view::npos;
                 at = rest.find(Text(from))) {
              out += rest.substr(0, at);
              out += Text(to);
              rest.remove_prefix(at + Text(from).size());
            }
            out += rest;
            return out;
          }};
}

Node Reverse(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, 1);
  return {.type = texts.type, .evaluate = Apply(texts.values[0], [texts](const Value& v) {
                                std::u32string parts = texts.Parts(Text(v));
                                std::reverse(parts.begin(), parts.end());
                                return texts.Joined(parts);
                              })};
}

// Place of `part` in `text` from character `from` (0..) on, counted from 1; 0: not there. Servers
// compare parts of as many bytes.
int64_t Find(const CollationOrder& order, const std::string& text, const std::string& part,
             int64_t from) {
  const bool single = CharsetMaxLength(order.charset()) == 1;
  const std::u32string characters = Characters(text);
  const std::u32string wanted = Characters(part);
  for (size_t i = static_cast<size_t>(from); i <= characters.size(); ++i) {
    size_t count = 0, bytes = 0;
    const size_t goal = single ? wanted.size() : part.size();
    while (bytes < goal && i + count < characters.size()) {
      const char32_t c = characters[i + count++];
      bytes += single || c >= kRawByte || c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    }
    if (bytes != goal) continue;
    if (order.SamePart(FromCharacters(std::u32string_view(characters).substr(i, count)), part)) {
      return static_cast<int64_t>(i) + 1;
    }
  }
  return 0;
}

Node FindText(const Texts& texts, size_t text, size_t part, Evaluation from) {
  const CollationOrder& order = OrderOf(texts.type, "LOCATE");
  if (texts.bytes) Refuse("LOCATE of bytes");
  return {
      .type = IntegerType(),
      .evaluate = [&order, a = texts.values[text], b = texts.values[part], from](Row row) -> Value {
        const Value x = a(row), y = b(row), start = from(row);
        if (IsNull(x) || IsNull(y) || IsNull(start)) return {};
        const int64_t begin = Integer(start) - 1;
        if (begin < 0 || begin > static_cast<int64_t>(Characters(Text(x)).size())) {
          return int64_t{0};
        }
        return Find(order, Text(x), Text(y), begin);
      }};
}

Evaluation One() {
  return [](Row) -> Value { return int64_t{1}; };
}

Node Locate(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, 2);
  return FindText(texts, 1, 0, expr.args.size() > 2 ? IntegerArgument(compiler, expr, 2) : One());
}

Node Instr(Compiler& compiler, const Expr& expr) {
  return FindText(TextArguments(compiler, expr, 2), 0, 1, One());
}

Node StrCmp(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, 2);
  const CollationOrder& order = OrderOf(texts.type, "STRCMP");
  return {
      .type = IntegerType(),
      .evaluate = Apply(texts.values[0], texts.values[1], [&order](const Value& a, const Value& b) {
        return int64_t{order.Compare(Text(a), Text(b))};
      })};
}

Node FindInSet(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, 2);
  if (texts.nodes[0].is_enum) Refuse("FIND_IN_SET of an ENUM column");
  const CollationOrder& order = OrderOf(texts.type, "FIND_IN_SET");
  const Node& list = texts.nodes[1];
  if (!list.set_elements.empty() && texts.nodes[0].constant) {
    // The place in the definition of the column, by ASCII letters without case.
    for (size_t i = 0; i < list.set_elements.size(); ++i) {
      if (Upper(list.set_elements[i]) != Upper(Text(*texts.nodes[0].constant))) continue;
      return {
          .type = IntegerType(),
          .evaluate = Apply(texts.values[1], [element = fmt::format(",{},", list.set_elements[i]),
                                              place = static_cast<int64_t>(i + 1)](const Value& v) {
            const std::string all = fmt::format(",{},", Text(v));
            return all.find(element) == std::string::npos ? int64_t{0} : place;
          })};
    }
  } else if (list.is_enum) {
    Refuse("FIND_IN_SET in an ENUM column, or of anything but a literal in a SET column");
  }
  return {
      .type = IntegerType(),
      .evaluate = Apply(texts.values[0], texts.values[1], [&order](const Value& a, const Value& b) {
        const std::string& part = Text(a);
        std::string_view rest = Text(b);
        if (rest.empty() || part.find(',') != std::string::npos) {
          return int64_t{0};
        }
        for (int64_t i = 1;; ++i) {
          const size_t end = std::min(rest.find(','), rest.size());
          if (order.SamePart(rest.substr(0, end), part)) {
            return i;
          }
          if (end == rest.size()) return int64_t{0};
          rest.remove_prefix(end + 1);
        }
      })};
}

Node Field(Compiler& compiler, const Expr& expr) {
  const std::vector<Node> nodes = compiler.CompileAll(expr.args);
  std::vector<const Node*> all;
  for (const Node& node : nodes) {
    if (node.is_hex || node.type.kind != nodes[0].type.kind || node.type.is_temporal()) {
      Refuse("FIELD of values that are not all texts or all numbers of one kind");
    }
    all.push_back(&node);
  }
  const Comparison comparison = Comparable(all, "FIELD");
  return {.type = IntegerType(), .evaluate = [comparison](Row row) -> Value {
            const Value wanted = comparison.operands[0](row);
            if (IsNull(wanted)) return int64_t{0};
            for (size_t i = 1; i < comparison.operands.size(); ++i) {
              const Value value = comparison.operands[i](row);
              if (!IsNull(value) && comparison.order(wanted, value) == 0) {
                return static_cast<int64_t>(i);
              }
            }
            return int64_t{0};
          }};
}

Node SubstringIndex(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, 2);
  return {.type = texts.type,
          .evaluate = [values = texts.values,
                       number = IntegerArgument(compiler, expr, 2)](Row row) -> Value {
            const Value v = values[0](row), by = values[1](row), n = number(row);
            if (IsNull(v) || IsNull(by) || IsNull(n)) return {};
            const std::string& text = Text(v);
            const std::string& separator = Text(by);
            int64_t count = Integer(n);
            if (count == 0 || separator.empty() || text.empty()) return std::string();
            if (count > 0) {
              size_t at = 0;
              for (;; at += separator.size()) {
                at = text.find(separator, at);
                if (at == std::string::npos) return text;
                if (--count == 0) return text.substr(0, at);
              }
            }
            size_t end = text.size();
            for (;;) {
              if (end < separator.size()) return text;
              const size_t at = text.rfind(separator, end - separator.size());
              if (at == std::string::npos) return text;
              if (++count == 0) return text.substr(at + separator.size());
              end = at;
            }
          }};
}

constexpr FunctionEntry kFunctions[] = {
    {"CONCAT", 1, kAny, Concat},
    {"CONCAT_WS", 2, kAny, ConcatWithSeparator},
    {"LENGTH", 1, 1, Length},
    {"OCTET_LENGTH", 1, 1, Length},
    {"CHAR_LENGTH", 1, 1, CharLength},
    {"CHARACTER_LENGTH", 1, 1, CharLength},
    {"UPPER", 1, 1, [](Compiler& c, const Expr& e) { return ChangeCase(c, e, true); }},
    {"UCASE", 1, 1, [](Compiler& c, const Expr& e) { return ChangeCase(c, e, true); }},
    {"LOWER", 1, 1, [](Compiler& c, const Expr& e) { return ChangeCase(c, e, false); }},
    {"LCASE", 1, 1, [](Compiler& c, const Expr& e) { return ChangeCase(c, e, false); }},
    {"LEFT", 2, 2, LeftOf},
    {"RIGHT", 2, 2, RightOf},
    {"SUBSTRING", 2, 3, Substring},
    {"SUBSTR", 2, 3, Substring},
    {"MID", 3, 3, Substring},
    {"LTRIM", 1, 1, [](Compiler& c, const Expr& e) { return TrimBlanks(c, e, true, false); }},
    {"RTRIM", 1, 1, [](Compiler& c, const Expr& e) { return TrimBlanks(c, e, false, true); }},
    {"REPLACE", 3, 3, Replace},
    {"REVERSE", 1, 1, Reverse},
    {"LOCATE", 2, 3, Locate},
    {"INSTR", 2, 2, Instr},
    {"STRCMP", 2, 2, StrCmp},
    {"FIND_IN_SET", 2, 2, FindInSet},
    {"FIELD", 2, kAny, Field},
    {"SUBSTRING_INDEX", 3, 3, SubstringIndex},
};

}  // namespace

std::span<const FunctionEntry> TextFunctions() { return kFunctions; }

Node Trim(Compiler& compiler, const Expr& expr) {
  const Texts texts = TextArguments(compiler, expr, 2);
  const bool leading = expr.name != "TRAILING";
  const bool trailing = expr.name != "LEADING";
  if (texts.values.size() == 1) {
    return {.type = texts.type,
            .evaluate = Apply(texts.values[0], [leading, trailing](const Value& v) {
              return Trimmed(Text(v), " ", leading, trailing);
            })};
  }
  return {.type = texts.type,
          .evaluate = Apply(texts.values[0], texts.values[1],
                            [leading, trailing](const Value& v, const Value& w) {
                              return Trimmed(Text(v), Text(w), leading, trailing);
                            })};
}

Node Position(Compiler& compiler, const Expr& expr) {
  return FindText(TextArguments(compiler, expr, 2), 1, 0, One());
}

}  // namespace dm::mysql::evaluate
