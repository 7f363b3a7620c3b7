// Expressions, with the servers' precedence.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "mysql/sql/parser_impl.h"

namespace dm::mysql {
namespace {

constexpr int kMaxDepth = 250;
// Operators in one statement; a chain of them makes a tree as deep.
constexpr int kMaxOperators = 5000;

constexpr std::string_view kUnits[] = {"MICROSECOND",
                                       "SECOND",
                                       "MINUTE",
                                       "HOUR",
                                       "DAY",
                                       "WEEK",
                                       "MONTH",
                                       "QUARTER",
                                       "YEAR",
                                       "SECOND_MICROSECOND",
                                       "MINUTE_MICROSECOND",
                                       "MINUTE_SECOND",
                                       "HOUR_MICROSECOND",
                                       "HOUR_SECOND",
                                       "HOUR_MINUTE",
                                       "DAY_MICROSECOND",
                                       "DAY_SECOND",
                                       "DAY_MINUTE",
                                       "DAY_HOUR",
                                       "YEAR_MONTH",
                                       "SQL_TSI_SECOND",
                                       "SQL_TSI_MINUTE",
                                       "SQL_TSI_HOUR",
                                       "SQL_TSI_DAY",
                                       "SQL_TSI_WEEK",
                                       "SQL_TSI_MONTH",
                                       "SQL_TSI_QUARTER",
                                       "SQL_TSI_YEAR",
                                       "FRAC_SECOND"};

// Functions that may be written without parentheses.
constexpr std::string_view kBareFunctions[] = {
    "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "CURRENT_DATE", "CURRENT_TIME",
    "UTC_DATE",          "UTC_TIME",  "UTC_TIMESTAMP",  "CURRENT_USER", "CURRENT_ROLE"};

constexpr std::string_view kCharsets[] = {
    "armscii8", "ascii",   "big5",   "binary",   "cp1250",  "cp1251", "cp1256",  "cp1257", "cp850",
    "cp852",    "cp866",   "cp932",  "dec8",     "eucjpms", "euckr",  "gb18030", "gb2312", "gbk",
    "geostd8",  "greek",   "hebrew", "hp8",      "keybcs2", "koi8r",  "koi8u",   "latin1", "latin2",
    "latin5",   "latin7",  "macce",  "macroman", "sjis",    "swe7",   "tis620",  "ucs2",   "ujis",
    "utf16",    "utf16le", "utf32",  "utf8",     "utf8mb3", "utf8mb4"};

template <size_t N>
bool In(const std::string_view (&list)[N], std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

std::shared_ptr<Expr> Make(ExprKind kind, std::vector<ExprPtr> args = {}, std::string name = "") {
  auto expr = std::make_shared<Expr>();
  expr->kind = kind;
  expr->args = std::move(args);
  expr->name = std::move(name);
  return expr;
}

// Binary operators below NOT, by level from loose to tight.
struct Operator {
  std::string_view symbol;
  std::string_view name;
  bool word;
};
constexpr Operator kBitOr[] = {{"|", "|", false}};
constexpr Operator kBitAnd[] = {{"&", "&", false}};
constexpr Operator kShift[] = {{"<<", "<<", false}, {">>", ">>", false}};
constexpr Operator kAdd[] = {{"+", "+", false}, {"-", "-", false}};
constexpr Operator kMultiply[] = {{"*", "*", false},
                                  {"/", "/", false},
                                  {"DIV", "DIV", true},
                                  {"MOD", "%", true},
                                  {"%", "%", false}};
constexpr Operator kXor[] = {{"^", "^", false}};
constexpr int kLevels = 6;

std::pair<const Operator*, size_t> Level(int level) {
  switch (level) {
    case 0:
      return {kBitOr, std::size(kBitOr)};
    case 1:
      return {kBitAnd, std::size(kBitAnd)};
    case 2:
      return {kShift, std::size(kShift)};
    case 3:
      return {kAdd, std::size(kAdd)};
    case 4:
      return {kMultiply, std::size(kMultiply)};
    default:
      return {kXor, std::size(kXor)};
  }
}

}  // namespace

void Parser::CountOperator() {
  if (++operators_ > kMaxOperators) Fail("too many operators");
}

void Parser::CheckDepth() const {
  if (depth_ > kMaxDepth) Fail("expression nested too deeply");
}

ExprPtr Parser::Expression() {
  Depth depth(this);
  ExprPtr left = XorExpr();
  while (IsWord("OR") || (IsSymbol("||") && !options_.sql_mode.pipes_as_concat())) {
    Take();
    CountOperator();
    left = Make(ExprKind::kBinary, {left, XorExpr()}, "OR");
  }
  return left;
}

ExprPtr Parser::XorExpr() {
  ExprPtr left = AndExpr();
  while (AcceptWord("XOR")) {
    CountOperator();
    left = Make(ExprKind::kBinary, {left, AndExpr()}, "XOR");
  }
  return left;
}

ExprPtr Parser::AndExpr() {
  ExprPtr left = NotExpr();
  while (AcceptWord("AND") || AcceptSymbol("&&")) {
    CountOperator();
    left = Make(ExprKind::kBinary, {left, NotExpr()}, "AND");
  }
  return left;
}

ExprPtr Parser::NotExpr() {
  if (!options_.sql_mode.high_not_precedence() && AcceptWord("NOT")) {
    Depth depth(this);
    return Make(ExprKind::kUnary, {NotExpr()}, "NOT");
  }
  return BoolPrimary();
}

ExprPtr Parser::BoolPrimary() {
  ExprPtr left = Predicate();
  while (true) {
    if (AcceptWord("IS")) {
      CountOperator();
      auto is = Make(ExprKind::kIs, {left});
      is->negated = AcceptWord("NOT");
      if (!IsAny({"NULL", "TRUE", "FALSE", "UNKNOWN", "JSON"})) {
        Fail("expected NULL, TRUE, FALSE or UNKNOWN");
      }
      is->name = Take().upper;
      left = std::move(is);
      continue;
    }
    std::string name;
    for (std::string_view symbol : {"=", "<=>", ">=", ">", "<=", "<", "!=", "<>"}) {
      if (AcceptSymbol(symbol)) {
        name = symbol == "<>" ? "!=" : symbol;
        break;
      }
    }
    if (name.empty()) return left;
    CountOperator();
    left = Make(ExprKind::kBinary, {left, Predicate()}, std::move(name));
  }
}

ExprPtr Parser::Predicate() {
  ExprPtr left = BitExpr(0);
  if (AcceptWords({"SOUNDS", "LIKE"})) return Make(ExprKind::kSoundsLike, {left, BitExpr(0)});
  if (IsWord("MEMBER") && (IsWord("OF", 1) || IsSymbol("(", 1))) {
    Take();
    AcceptWord("OF");
    ExpectSymbol("(");
    ExprPtr array = BitExpr(0);
    ExpectSymbol(")");
    return Make(ExprKind::kMemberOf, {left, array});
  }
  const bool negated =
      IsWord("NOT") && IsAny({"IN", "BETWEEN", "LIKE", "REGEXP", "RLIKE"}, 1) && AcceptWord("NOT");
  if (AcceptWord("IN")) {
    auto in = Make(ExprKind::kIn, {left});
    in->negated = negated;
    ExpectSymbol("(");
    do {
      in->args.push_back(Expression());
    } while (AcceptSymbol(","));
    ExpectSymbol(")");
    return in;
  }
  if (AcceptWord("BETWEEN")) {
    Depth depth(this);
    ExprPtr low = BitExpr(0);
    ExpectWord("AND");
    auto between = Make(ExprKind::kBetween, {left, low, Predicate()});
    between->negated = negated;
    return between;
  }
  if (AcceptWord("LIKE")) {
    auto like = Make(ExprKind::kLike, {left, Unary()});
    like->negated = negated;
    if (AcceptWord("ESCAPE")) {
      // (Servers show it with a character set in front.)
      const ExprPtr escape = Unary();
      if (escape->kind != ExprKind::kString) Fail("expected an escape character");
      like->text = escape->text;
      like->has_operand = true;
    }
    return like;
  }
  if (AcceptWord("REGEXP") || AcceptWord("RLIKE")) {
    auto regexp = Make(ExprKind::kRegexp, {left, BitExpr(0)});
    regexp->negated = negated;
    return regexp;
  }
  return left;
}

ExprPtr Parser::BitExpr(int level) {
  if (level == kLevels) return Unary();
  const auto [operators, count] = Level(level);
  ExprPtr left = BitExpr(level + 1);
  while (true) {
    const Operator* found = nullptr;
    for (size_t i = 0; i < count && found == nullptr; ++i) {
      const Operator& candidate = operators[i];
      if (candidate.word ? IsWord(candidate.symbol) : IsSymbol(candidate.symbol)) {
        found = &candidate;
      }
    }
    if (found == nullptr) return left;
    Take();
    CountOperator();
    left = Make(ExprKind::kBinary, {left, BitExpr(level + 1)}, std::string(found->name));
  }
}

ExprPtr Parser::Unary() {
  Depth depth(this);
  for (std::string_view symbol : {"-", "+", "~", "!"}) {
    if (AcceptSymbol(symbol)) return Make(ExprKind::kUnary, {Unary()}, std::string(symbol));
  }
  if (options_.sql_mode.high_not_precedence() && AcceptWord("NOT")) {
    return Make(ExprKind::kUnary, {Unary()}, "!");
  }
  if (IsWord("BINARY") && !IsSymbol("(", 1) && !IsSymbol(",", 1) && !IsSymbol(")", 1)) {
    Take();
    return Make(ExprKind::kUnary, {Unary()}, "BINARY");
  }
  ExprPtr left = Postfix();
  while (options_.sql_mode.pipes_as_concat() && AcceptSymbol("||")) {
    CountOperator();
    left = Make(ExprKind::kFunction, {left, Postfix()},
                IsOracle() ? "CONCAT_OPERATOR_ORACLE" : "CONCAT");
  }
  return left;
}

ExprPtr Parser::Postfix() {
  ExprPtr expr = Primary();
  while (true) {
    CountOperator();
    if (AcceptWord("COLLATE")) {
      expr = Make(ExprKind::kCollate, {expr}, CharsetName("a collation"));
    } else if (IsSymbol("->") || IsSymbol("->>")) {
      const bool unquote = Take().text == "->>";
      if (!IsString()) Fail("expected a JSON path");
      expr = Make(ExprKind::kFunction, {expr, StringExpr("")}, "JSON_EXTRACT");
      if (unquote) expr = Make(ExprKind::kFunction, {expr}, "JSON_UNQUOTE");
    } else {
      return expr;
    }
  }
}

ExprPtr Parser::StringExpr(std::string charset) {
  auto expr = Make(ExprKind::kString);
  if (Peek().kind == TokenKind::kNationalString && charset.empty()) charset = "utf8";
  expr->text = StringLiteral("a string");
  if (expr->text.empty() && options_.mariadb && options_.sql_mode.empty_string_is_null()) {
    return Make(ExprKind::kNull);
  }
  expr->charset = std::move(charset);
  return expr;
}

ExprPtr Parser::AsClientWrote(ExprPtr literal) const {
  const bool ascii = std::all_of(literal->text.begin(), literal->text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  std::string bytes;
  if (options_.client_charset == Charset::kUnknown || ascii ||
      !AppendFromUtf8(bytes, literal->text, options_.client_charset))
    return literal;
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::kHex;
  expr->text = std::move(bytes);
  expr->charset = literal->charset;
  return expr;
}

bool Parser::IsIntroducer() const {
  const Token& token = Peek();
  if (token.kind != TokenKind::kWord || token.text.size() < 2 || token.text[0] != '_') return false;
  const TokenKind next = Peek(1).kind;
  if (next != TokenKind::kString && next != TokenKind::kHex && next != TokenKind::kBit) {
    return false;
  }
  std::string charset = token.text.substr(1);
  for (char& c : charset) {
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  }
  return In(kCharsets, charset);
}

ExprPtr Parser::Primary() {
  switch (Peek().kind) {
    case TokenKind::kString:
    case TokenKind::kNationalString:
      return StringExpr("");
    case TokenKind::kInteger:
    case TokenKind::kDecimal:
    case TokenKind::kFloat: {
      const Token& token = Take();
      auto expr = Make(token.kind == TokenKind::kInteger   ? ExprKind::kInteger
                       : token.kind == TokenKind::kDecimal ? ExprKind::kDecimal
                                                           : ExprKind::kFloat);
      expr->text = token.text;
      return expr;
    }
    case TokenKind::kHex:
    case TokenKind::kBit: {
      const Token& token = Take();
      auto expr = Make(token.kind == TokenKind::kHex ? ExprKind::kHex : ExprKind::kBit);
      expr->text = token.text;
      return expr;
    }
    case TokenKind::kVariable:
      return Make(ExprKind::kVariable, {}, Take().text);
    case TokenKind::kQuotedName:
      return ColumnRef();
    case TokenKind::kWord:
      return WordPrimary();
    case TokenKind::kSymbol:
      break;
    default:
      Fail("expected an expression");
  }
  if (AcceptSymbol("?")) return Make(ExprKind::kParameter);
  if (AcceptSymbol("{")) {
    // { d '2020-01-01' }
    if (!IsAny({"D", "T", "TS"})) Fail("expected d, t or ts");
    const std::string kind = Take().upper;
    auto expr = Make(ExprKind::kTemporal, {},
                     kind == "D"   ? "DATE"
                     : kind == "T" ? "TIME"
                                   : "TIMESTAMP");
    expr->text = StringLiteral("a value");
    ExpectSymbol("}");
    return expr;
  }
  if (AcceptSymbol("(")) {
    if (IsWord("SELECT") || IsWord("WITH")) Fail("subqueries are not supported here");
    ExprPtr first = Expression();
    if (AcceptSymbol(")")) return Make(ExprKind::kParen, {first});
    auto row = Make(ExprKind::kRow, {first});
    while (AcceptSymbol(",")) row->args.push_back(Expression());
    ExpectSymbol(")");
    return row;
  }
  Fail("expected an expression");
}

ExprPtr Parser::WordPrimary() {
  const Token& token = Peek();
  const std::string& word = token.upper;
  if (IsIntroducer()) {
    std::string charset = Take().text.substr(1);
    for (char& c : charset) {
      if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
    }
    charset = MeantCharset(std::move(charset));
    if (IsString()) return AsClientWrote(StringExpr(std::move(charset)));
    auto expr = Make(Peek().kind == TokenKind::kHex ? ExprKind::kHex : ExprKind::kBit);
    expr->text = Take().text;
    expr->charset = std::move(charset);
    return expr;
  }
  if (IsSymbol("(", 1)) {
    const Token name = Take();
    return FunctionCall(name, IsOracle());
  }
  // MariaDB names the mode that a function is of where it has no name of its own.
  if (options_.mariadb && (word == "ORACLE_SCHEMA" || word == "MARIADB_SCHEMA") &&
      IsSymbol(".", 1) && Peek(2).kind == TokenKind::kWord && IsSymbol("(", 3)) {
    const bool oracle = word == "ORACLE_SCHEMA";
    pos_ += 2;
    const Token name = Take();
    return FunctionCall(name, oracle);
  }
  if (!IsSymbol(".", 1)) {
    if (word == "NULL") return Take(), Make(ExprKind::kNull);
    if (word == "TRUE") return Take(), Make(ExprKind::kTrue);
    if (word == "FALSE") return Take(), Make(ExprKind::kFalse);
    if (word == "MAXVALUE") return Take(), Make(ExprKind::kMaxValue);
    if (word == "DEFAULT") return Take(), Make(ExprKind::kDefault);
    if (word == "CASE") return CaseExpr();
    if (word == "INTERVAL") {
      Take();
      return IntervalExpr();
    }
    if (word == "EXISTS") Fail("subqueries are not supported here");
    if ((word == "NEXT" || word == "PREVIOUS") && IsWord("VALUE", 1) && IsWord("FOR", 2)) {
      const bool next = word == "NEXT";
      pos_ += 3;
      auto expr = Make(ExprKind::kNextValue, {}, "");
      const TableName sequence = Table();
      expr->schema = sequence.schema;
      expr->name = sequence.name;
      expr->text = next ? "NEXT" : "PREVIOUS";
      return expr;
    }
    if ((word == "DATE" || word == "TIME" || word == "TIMESTAMP") &&
        Peek(1).kind == TokenKind::kString) {
      auto expr = Make(ExprKind::kTemporal, {}, word);
      Take();
      expr->text = StringLiteral("a value");
      return expr;
    }
    if (In(kBareFunctions, word) || (word == "SYSDATE" && options_.sql_mode.oracle())) {
      auto expr = Make(ExprKind::kFunction, {}, Take().text);
      expr->has_parens = false;
      return expr;
    }
  }
  return ColumnRef();
}

ExprPtr Parser::ColumnRef() {
  auto expr = Make(ExprKind::kColumn, {}, Name("a column name"));
  for (int parts = 1; parts < 3 && AcceptSymbol("."); ++parts) {
    expr->schema = std::move(expr->table);
    expr->table = std::move(expr->name);
    expr->name = Name("a column name");
  }
  if (!IsOracle() || expr->table.empty()) return expr;
  // Its mode ORACLE has s.NEXTVAL and s.CURRVAL.
  const std::string last = UpperWord(expr->name);
  if (last != "NEXTVAL" && last != "CURRVAL") return expr;
  auto value = Make(ExprKind::kNextValue, {}, expr->table);
  value->schema = expr->schema;
  value->text = last == "NEXTVAL" ? "NEXT" : "PREVIOUS";
  return value;
}

std::vector<ExprPtr> Parser::Arguments() {
  std::vector<ExprPtr> args;
  ExpectSymbol("(");
  if (AcceptSymbol(")")) return args;
  if (IsWord("SELECT") || IsWord("DISTINCT")) Fail("not supported here");
  do {
    args.push_back(Expression());
  } while (AcceptSymbol(","));
  return args;
}

// At least one.
std::vector<ExprPtr> Parser::SomeArguments() {
  if (IsSymbol("(") && IsSymbol(")", 1)) Fail("expected an expression");
  return Arguments();
}

bool Parser::IsOracle() const { return options_.mariadb && options_.sql_mode.oracle(); }

// MariaDB's mode ORACLE has other functions under some names; these are their own.
Token Parser::OracleFunction(const Token& name) const {
  constexpr std::string_view kOther[] = {
      "CONCAT_OPERATOR", "DECODE", "LPAD", "LTRIM", "REPLACE", "RPAD", "RTRIM", "SUBSTR", "TRIM"};
  Token token = name;
  if (name.upper == "LENGTH") token.upper = "CHAR_LENGTH";
  if (name.upper == "SUBSTRING" || name.upper == "MID") token.upper = "SUBSTR";
  if (name.upper == "CONCAT") token.upper = "CONCAT_OPERATOR";  // NULL counts as ''
  if (In(kOther, token.upper)) token.upper += "_ORACLE";
  if (token.upper != name.upper) token.text = token.upper;
  return token;
}

ExprPtr Parser::FunctionCall(const Token& written, bool oracle) {
  Depth depth(this);
  const Token name = oracle ? OracleFunction(written) : written;
  if (ExprPtr special = SpecialFunction(name)) return special;
  auto call = Make(ExprKind::kFunction, {}, name.text);
  call->args = Arguments();
  // An empty list is closed already.
  if (call->args.empty()) return call;
  // It has no other name; there a NULL counts as ''.
  if (oracle && name.upper == "REGEXP_REPLACE" && call->args.size() == 3 &&
      call->args[2]->kind != ExprKind::kString) {
    auto empty = Make(ExprKind::kString);
    call->args[2] = Make(ExprKind::kFunction, {call->args[2], empty}, "COALESCE");
  }
  // JSON_VALUE(doc, path RETURNING type ON ERROR ...), WEIGHT_STRING(a AS CHAR(3)): kept as text.
  if (IsAny({"RETURNING", "AS"}) ||
      (IsAny({"NULL", "ERROR", "DEFAULT"}) && name.upper == "JSON_VALUE")) {
    const size_t from = pos_;
    while (!IsSymbol(")")) {
      if (AtEnd()) Fail("expected `)`");
      if (IsSymbol("(")) {
        SkipParens();
      } else {
        Take();
      }
    }
    call->text = VerbatimSince(from);
  }
  ExpectSymbol(")");
  const bool next = name.upper == "NEXTVAL";
  if (options_.mariadb && (next || name.upper == "LASTVAL") && call->args.size() == 1 &&
      call->args[0]->kind == ExprKind::kColumn) {
    const Expr& sequence = *call->args[0];
    auto value = Make(ExprKind::kNextValue, {}, sequence.name);
    value->schema = sequence.table;
    value->text = next ? "NEXT" : "PREVIOUS";
    return value;
  }
  return call;
}

ExprPtr Parser::SpecialFunction(const Token& name) {
  const std::string& word = name.upper;
  if (word == "CAST") {
    ExpectSymbol("(");
    auto cast = Make(ExprKind::kCast, {Expression()});
    ExpectWord("AS");
    cast->name = CastType(&cast->array);
    ExpectSymbol(")");
    return cast;
  }
  if (word == "CONVERT") {
    ExpectSymbol("(");
    ExprPtr value = Expression();
    if (AcceptWord("USING")) {
      auto convert = Make(ExprKind::kConvert, {value}, CharsetName("a character set"));
      ExpectSymbol(")");
      return convert;
    }
    ExpectSymbol(",");
    auto cast = Make(ExprKind::kCast, {value});
    cast->name = CastType(&cast->array);
    ExpectSymbol(")");
    return cast;
  }
  if (word == "EXTRACT") {
    ExpectSymbol("(");
    if (Peek().kind != TokenKind::kWord || !In(kUnits, Peek().upper)) Fail("expected a unit");
    auto extract = Make(ExprKind::kExtract, {}, Take().upper);
    ExpectWord("FROM");
    extract->args.push_back(Expression());
    ExpectSymbol(")");
    return extract;
  }
  if (word == "TRIM" || word == "TRIM_ORACLE") {
    ExpectSymbol("(");
    auto trim = Make(ExprKind::kTrim);
    if (word != "TRIM") trim->text = word;
    if (IsAny({"BOTH", "LEADING", "TRAILING"})) trim->name = Take().upper;
    if (!trim->name.empty() && AcceptWord("FROM")) {
      trim->args.push_back(Expression());
    } else {
      ExprPtr first = Expression();
      if (AcceptWord("FROM")) {
        trim->args = {Expression(), first};
      } else {
        trim->args = {first};
      }
    }
    ExpectSymbol(")");
    return trim;
  }
  if (word == "POSITION") {
    ExpectSymbol("(");
    ExprPtr part = BitExpr(0);
    ExpectWord("IN");
    auto position = Make(ExprKind::kPosition, {part, Expression()});
    ExpectSymbol(")");
    return position;
  }
  if (word == "SUBSTRING" || word == "SUBSTR" || word == "MID" || word == "SUBSTR_ORACLE") {
    ExpectSymbol("(");
    auto call = Make(ExprKind::kFunction, {Expression()}, name.text);
    if (AcceptWord("FROM")) {
      call->args.push_back(Expression());
      if (AcceptWord("FOR")) call->args.push_back(Expression());
    } else {
      while (AcceptSymbol(",")) call->args.push_back(Expression());
    }
    ExpectSymbol(")");
    return call;
  }
  if (word == "CHAR") {
    auto call = Make(ExprKind::kCharUsing);
    call->args = SomeArguments();
    if (AcceptWord("USING")) call->name = CharsetName("a character set");
    ExpectSymbol(")");
    return call;
  }
  if (word == "DEFAULT") {
    ExpectSymbol("(");
    auto expr = Make(ExprKind::kDefault, {}, Name("a column name"));
    ExpectSymbol(")");
    return expr;
  }
  if (word == "ROW") {
    auto row = Make(ExprKind::kRow);
    row->args = SomeArguments();
    row->has_operand = true;
    ExpectSymbol(")");
    return row;
  }
  if (word == "INTERVAL") {
    return IntervalExpr();
  }
  if (word == "TIMESTAMPADD" || word == "TIMESTAMPDIFF" || word == "GET_FORMAT") {
    ExpectSymbol("(");
    auto call = Make(ExprKind::kFunction, {}, name.text);
    if (Peek().kind != TokenKind::kWord) Fail("expected a unit");
    // The unit is a bare word; kVariable keeps it so.
    call->args.push_back(Make(ExprKind::kVariable, {}, Take().upper));
    while (AcceptSymbol(",")) call->args.push_back(Expression());
    ExpectSymbol(")");
    return call;
  }
  if (word == "MATCH") {
    auto match = Make(ExprKind::kMatch);
    match->args = SomeArguments();
    ExpectSymbol(")");
    ExpectWord("AGAINST");
    ExpectSymbol("(");
    match->args.push_back(BitExpr(0));
    const size_t from = pos_;
    while (!IsSymbol(")")) {
      if (Peek().kind != TokenKind::kWord) Fail("expected `)`");
      Take();
    }
    match->name = VerbatimSince(from);
    ExpectSymbol(")");
    return match;
  }
  if (word == "EXISTS") Fail("subqueries are not supported here");
  return nullptr;
}

// Behind INTERVAL: a value and a unit, or the arguments of the function INTERVAL().
ExprPtr Parser::IntervalExpr() {
  ExprPtr value = Expression();
  if (Peek().kind == TokenKind::kWord && In(kUnits, Peek().upper)) {
    return Make(ExprKind::kInterval, {value}, Take().upper);
  }
  if (value->kind == ExprKind::kRow && !value->has_operand) {
    return Make(ExprKind::kFunction, value->args, "INTERVAL");
  }
  Fail("expected a unit of time");
}

ExprPtr Parser::CaseExpr() {
  Depth depth(this);
  ExpectWord("CASE");
  auto expr = Make(ExprKind::kCase);
  if (!IsWord("WHEN")) {
    expr->has_operand = true;
    expr->args.push_back(Expression());
  }
  do {
    ExpectWord("WHEN");
    expr->args.push_back(Expression());
    ExpectWord("THEN");
    expr->args.push_back(Expression());
  } while (IsWord("WHEN"));
  if (AcceptWord("ELSE")) {
    expr->has_else = true;
    expr->args.push_back(Expression());
  }
  ExpectWord("END");
  return expr;
}

bool Parser::IsNowWord() const {
  if (IsWord("NOW")) return IsSymbol("(", 1);
  return IsAny({"CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"});
}

// Every spelling is CURRENT_TIMESTAMP in normal form.
ExprPtr Parser::NowFunction() {
  Take();
  auto call = Make(ExprKind::kFunction, {}, "CURRENT_TIMESTAMP");
  if (AcceptSymbol("(")) {
    if (!AcceptSymbol(")")) {
      auto digits = Make(ExprKind::kInteger);
      digits->text = fmt::format("{}", Number("digits of a second"));
      // (0) is the same as none.
      if (digits->text != "0") call->args.push_back(std::move(digits));
      ExpectSymbol(")");
    }
  }
  return call;
}

}  // namespace dm::mysql
