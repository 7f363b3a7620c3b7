#include "mysql/sql/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/error/error.h"
#include "mysql/sql/parser_impl.h"
#include "mysql/sql/restore.h"
#include "mysql/value/quote.h"

namespace dm::mysql {

Parser::Parser(std::string_view text, const ParseOptions& options)
    : text_(text), options_(options), tokens_(Tokenize(text, options)) {}

// ---- cursor -----------------------------------------------------------------------------------

const Token& Parser::Peek(size_t ahead) const {
  const size_t index = std::min(pos_ + ahead, tokens_.size() - 1);
  const Token& token = tokens_[index];
  if (ahead == 0 && token.kind == TokenKind::kError) FailAt(token, token.text);
  return token;
}

const Token& Parser::Take() {
  const Token& token = Peek();
  if (token.kind != TokenKind::kEnd) ++pos_;
  return token;
}

bool Parser::AtEnd() const { return Peek().kind == TokenKind::kEnd || IsSymbol(";"); }

bool Parser::IsWord(std::string_view word, size_t ahead) const {
  const Token& token = Peek(ahead);
  return token.kind == TokenKind::kWord && token.upper == word;
}

bool Parser::IsAny(std::initializer_list<std::string_view> words, size_t ahead) const {
  const Token& token = Peek(ahead);
  return token.kind == TokenKind::kWord &&
         std::find(words.begin(), words.end(), token.upper) != words.end();
}

bool Parser::IsSymbol(std::string_view symbol, size_t ahead) const {
  const Token& token = Peek(ahead);
  return token.kind == TokenKind::kSymbol && token.text == symbol;
}

bool Parser::AcceptWord(std::string_view word) {
  if (!IsWord(word)) return false;
  ++pos_;
  return true;
}

bool Parser::AcceptWords(std::initializer_list<std::string_view> words) {
  size_t ahead = 0;
  for (std::string_view word : words) {
    if (!IsWord(word, ahead++)) return false;
  }
  pos_ += words.size();
  return true;
}

bool Parser::AcceptPhrase(std::string_view phrase) {
  size_t ahead = 0;
  while (!phrase.empty()) {
    const size_t blank = std::min(phrase.find(' '), phrase.size());
    if (!IsWord(phrase.substr(0, blank), ahead++)) return false;
    phrase.remove_prefix(std::min(blank + 1, phrase.size()));
  }
  pos_ += ahead;
  return true;
}

bool Parser::AcceptSymbol(std::string_view symbol) {
  if (!IsSymbol(symbol)) return false;
  ++pos_;
  return true;
}

void Parser::ExpectWord(std::string_view word) {
  if (!AcceptWord(word)) Fail(fmt::format("expected {}", word));
}

void Parser::ExpectSymbol(std::string_view symbol) {
  if (!AcceptSymbol(symbol)) Fail(fmt::format("expected `{}`", symbol));
}

bool Parser::IsName(size_t ahead) const {
  const TokenKind kind = Peek(ahead).kind;
  return kind == TokenKind::kWord || kind == TokenKind::kQuotedName;
}

std::string Parser::Name(std::string_view what) {
  if (!IsName()) Fail(fmt::format("expected {}", what));
  return Take().text;
}

bool Parser::IsString() const {
  const TokenKind kind = Peek().kind;
  return kind == TokenKind::kString || kind == TokenKind::kNationalString;
}

std::string Parser::StringLiteral(std::string_view what) {
  if (Peek().kind == TokenKind::kHex) return Take().text;
  if (!IsString()) Fail(fmt::format("expected {}", what));
  std::string value = Take().text;
  while (Peek().kind == TokenKind::kString) value += Take().text;
  return value;
}

std::string Parser::CharsetName(std::string_view what) {
  return MeantCharset(IsString() ? StringLiteral(what) : Name(what));
}

std::string Parser::MeantCharset(std::string name) const {
  // They are written without quotes.
  const auto belongs = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty() || (name[0] >= '0' && name[0] <= '9') ||
      !std::all_of(name.begin(), name.end(), belongs)) {
    Fail("expected the name of a character set or collation");
  }
  constexpr size_t kWord = 4;  // "utf8"
  if (!options_.utf8_is_utf8mb4 || UpperWord(std::string_view(name).substr(0, kWord)) != "UTF8") {
    return name;
  }
  if (name.size() == kWord || name[kWord] == '_') name.insert(kWord, "mb4");
  return name;
}

uint64_t Parser::Number(std::string_view what) {
  const Token& token = Peek();
  uint64_t value = 0;
  if (token.kind != TokenKind::kInteger) Fail(fmt::format("expected {}", what));
  const char* end = token.text.data() + token.text.size();
  const auto [ptr, error] = std::from_chars(token.text.data(), end, value);
  if (error != std::errc() || ptr != end) Fail("number out of range");
  ++pos_;
  return value;
}

TableName Parser::Table() {
  TableName table;
  // `.t` is a table of the default database.
  if (AcceptSymbol(".")) {
    table.name = Name("a table name");
    return table;
  }
  table.name = Name("a table name");
  if (AcceptSymbol(".")) {
    table.schema = std::move(table.name);
    table.name = Name("a table name");
  }
  return table;
}

bool Parser::IfExists() { return AcceptWords({"IF", "EXISTS"}); }
bool Parser::IfNotExists() { return AcceptWords({"IF", "NOT", "EXISTS"}); }

std::string Parser::VerbatimSince(size_t from) const {
  std::string result;
  for (size_t i = from; i < pos_; ++i) {
    const Token& token = tokens_[i];
    if (i > from && !IsTight(tokens_[i - 1], token)) result += ' ';
    switch (token.kind) {
      case TokenKind::kWord:
        result += token.upper;
        break;
      // Written for what they are in a mode with backslash escapes; Restore writes them for others.
      case TokenKind::kQuotedName:
        result += QuoteName(token.text);
        break;
      case TokenKind::kNationalString:
        result += 'N' + QuoteText(token.text);
        break;
      case TokenKind::kString:
        result += QuoteText(token.text);
        break;
      default:
        result += text_.substr(token.begin, token.end - token.begin);
    }
  }
  return result;
}

// Does a kept text have nothing between the two? Whatever it is, they are read as the same tokens
// again: a number or a variable takes for its own a dot that follows at once; a dot that follows a
// name at once makes a name of the digits behind it, any other dot makes a number of them.
bool Parser::IsTight(const Token& before, const Token& token) const {
  const auto is = [](const Token& symbol, std::string_view text) {
    return symbol.kind == TokenKind::kSymbol && symbol.text == text;
  };
  if (is(token, ")") || is(token, ",") || is(before, "(")) return true;
  if (is(token, ".")) {
    return before.kind != TokenKind::kInteger && before.kind != TokenKind::kDecimal &&
           before.kind != TokenKind::kFloat && before.kind != TokenKind::kVariable;
  }
  if (!is(before, ".")) return false;
  const char first = text_[token.begin];
  return first < '0' || first > '9' || before.end == token.begin;
}

void Parser::SkipParens() {
  ExpectSymbol("(");
  for (int depth = 1; depth > 0;) {
    if (AtEnd()) Fail("expected `)`");
    if (IsSymbol("(")) ++depth;
    if (IsSymbol(")")) --depth;
    Take();
  }
}

void Parser::Fail(std::string_view expected) const { FailAt(Peek(), expected); }

void Parser::FailAt(const Token& token, std::string_view expected) const {
  std::string cause = DescribePlace(text_, token);
  if (!expected.empty()) cause += fmt::format("({})", expected);
  throw MakeError(ErrorCode::kParseSQL, text_).SetRawCause(std::move(cause));
}

// ---- statements -------------------------------------------------------------------------------

bool Parser::NextStatement(Statement* out) {
  while (AcceptSymbol(";")) {
  }
  if (Peek().kind == TokenKind::kEnd) return false;
  *out = Statement();
  const size_t begin = Peek().begin;
  ParseBody(out);
  if (!AtEnd()) Fail("the statement should end here");
  const size_t end = pos_ > 0 ? tokens_[pos_ - 1].end : begin;
  out->text = std::string(text_.substr(begin, std::max(end, begin) - begin));
  AcceptSymbol(";");
  return true;
}

void Parser::Other(Statement* out, OtherStatement::Kind kind, size_t words) {
  OtherStatement other;
  other.kind = kind;
  for (size_t i = 0; i < words && Peek(i).kind == TokenKind::kWord; ++i) {
    if (!other.verb.empty()) other.verb += ' ';
    other.verb += Peek(i).upper;
  }
  // Bodies of routines, triggers and events hold `;` themselves.
  const bool has_body =
      kind == OtherStatement::Kind::kSkipped && (IsAny({"CREATE", "ALTER"}) || IsWord("BEGIN"));
  while (tokens_[pos_].kind != TokenKind::kEnd && (has_body || !IsSymbol(";"))) Take();
  out->body = std::move(other);
}

void Parser::ParseBody(Statement* out) {
  size_t words = 0;
  // MariaDB logs `SET STATEMENT a=1 FOR <statement>` as it was sent.
  if (IsWord("SET") && IsWord("STATEMENT", 1) && !IsSymbol("=", 2)) {
    while (!IsWord("FOR")) {
      if (AtEnd()) Fail("expected FOR");
      if (IsSymbol("(")) {
        SkipParens();
      } else {
        Take();
      }
    }
    Take();
  }
  if (const auto kind = ClassifyOther(tokens_, pos_, &words)) {
    if (*kind == OtherStatement::Kind::kSkipped && IsOneExecutableComment(text_)) {
      Fail("this statement inside an executable comment is not supported");
    }
    Other(out, *kind, words);
    return;
  }
  if (AcceptWord("CREATE")) return ParseCreate(out);
  if (AcceptWord("ALTER")) return ParseAlter(out);
  if (AcceptWord("DROP")) return ParseDrop(out);
  if (AcceptWord("TRUNCATE")) {
    AcceptWord("TABLE");
    out->body = TruncateTable{Table()};
    // MariaDB: how long to wait for the lock.
    if (AcceptWord("WAIT")) {
      Number("a number of seconds");
    } else {
      AcceptWord("NOWAIT");
    }
    return;
  }
  if (AcceptWord("RENAME")) {
    out->body = ParseRename();
    return;
  }
  Fail("not a statement that is known");
}

void Parser::ParseCreate(Statement* out) {
  const bool or_replace = AcceptWords({"OR", "REPLACE"});
  if (AcceptWord("DATABASE") || AcceptWord("SCHEMA")) {
    CreateDatabase create;
    create.or_replace = or_replace;
    create.if_not_exists = IfNotExists();
    create.name = Name("a database name");
    create.options = DatabaseOptions();
    out->body = std::move(create);
    return;
  }
  if (AcceptWord("TABLE")) {
    out->body = ParseCreateTable(or_replace);
    return;
  }
  if (AcceptWord("SEQUENCE")) {
    out->body = ParseSequence("CREATE", or_replace);
    return;
  }
  CreateIndex create = ParseCreateIndex();
  create.or_replace = or_replace;
  out->body = std::move(create);
}

void Parser::ParseAlter(Statement* out) {
  if (AcceptWord("DATABASE") || AcceptWord("SCHEMA")) {
    AlterDatabase alter;
    const bool option_first = IsAny({"DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "ENCRYPTION",
                                     "READ", "COMMENT", "PLACEMENT", "CHAR"}) &&
                              !(IsAny({"ENCRYPTION", "READ", "COMMENT", "PLACEMENT"}) &&
                                IsAny({"DEFAULT", "CHARACTER", "CHARSET", "COLLATE"}, 1));
    if (!option_first) alter.name = Name("a database name");
    if (AcceptWords({"UPGRADE", "DATA", "DIRECTORY", "NAME"})) {
      Option upgrade;
      upgrade.name = "UPGRADE DATA DIRECTORY NAME";
      alter.options.push_back(std::move(upgrade));
    } else {
      alter.options = DatabaseOptions();
      if (alter.options.empty()) Fail("expected a database option");
    }
    out->body = std::move(alter);
    return;
  }
  if (AcceptWord("SEQUENCE")) {
    out->body = ParseSequence("ALTER", false);
    return;
  }
  out->body = ParseAlterTable();
}

void Parser::ParseDrop(Statement* out) {
  if (AcceptWord("DATABASE") || AcceptWord("SCHEMA")) {
    DropDatabase drop;
    drop.if_exists = IfExists();
    drop.name = Name("a database name");
    out->body = std::move(drop);
    return;
  }
  if (AcceptWord("SEQUENCE")) {
    out->body = ParseSequence("DROP", false);
    return;
  }
  if (AcceptWord("TABLE") || AcceptWord("TABLES")) {
    DropTable drop;
    drop.if_exists = IfExists();
    do {
      drop.tables.push_back(Table());
    } while (AcceptSymbol(","));
    if (AcceptWord("WAIT")) {
      Number("a number of seconds");
    } else {
      AcceptWord("NOWAIT");
    }
    if (!AcceptWord("RESTRICT")) AcceptWord("CASCADE");
    out->body = std::move(drop);
    return;
  }
  if (!AcceptWord("ONLINE")) AcceptWord("OFFLINE");
  if (AcceptWord("INDEX")) {
    out->body = ParseDropIndex();
    return;
  }
  Fail("not a kind of object that is known");
}

RenameTable Parser::ParseRename() {
  if (!AcceptWord("TABLE") && !AcceptWord("TABLES")) Fail("expected TABLE");
  RenameTable rename;
  rename.if_exists = IfExists();
  do {
    RenameTable::Pair pair;
    pair.from = Table();
    if (AcceptWord("WAIT")) {
      Number("a number of seconds");
    } else {
      AcceptWord("NOWAIT");
    }
    ExpectWord("TO");
    pair.to = Table();
    rename.pairs.push_back(std::move(pair));
  } while (AcceptSymbol(","));
  return rename;
}

SequenceStatement Parser::ParseSequence(std::string_view verb, bool or_replace) {
  SequenceStatement statement;
  statement.verb = verb;
  statement.or_replace = or_replace;
  statement.if_exists = verb == "CREATE" ? IfNotExists() : IfExists();
  statement.sequence = Table();
  while (verb == "DROP" && AcceptSymbol(",")) statement.more.push_back(Table());
  const size_t from = pos_;
  while (!AtEnd()) {
    if (Peek().kind != TokenKind::kWord && Peek().kind != TokenKind::kInteger && !IsSymbol("=") &&
        !IsSymbol("-") && Peek().kind != TokenKind::kString) {
      Fail("not a sequence option that is known");
    }
    Take();
  }
  statement.rest = VerbatimSince(from);
  return statement;
}

std::vector<Option> Parser::LockOptions() {
  std::vector<Option> options;
  while (IsAny({"ALGORITHM", "LOCK", "WAIT", "NOWAIT"})) {
    Option option;
    option.name = Take().upper;
    if (option.name == "NOWAIT") {
      continue;
    }
    if (option.name == "WAIT") {
      Number("a number of seconds");
      continue;
    }
    AcceptSymbol("=");
    option.kind = Option::Value::kWord;
    option.value = UpperWord(Name("a value"));
    options.push_back(std::move(option));
    AcceptSymbol(",");
  }
  return options;
}

CreateIndex Parser::ParseCreateIndex() {
  CreateIndex create;
  if (!AcceptWord("ONLINE")) AcceptWord("OFFLINE");
  if (AcceptWord("UNIQUE")) {
    create.index.kind = ConstraintKind::kUnique;
  } else if (AcceptWord("FULLTEXT")) {
    create.index.kind = ConstraintKind::kFullText;
  } else if (AcceptWord("SPATIAL")) {
    create.index.kind = ConstraintKind::kSpatial;
  } else if (AcceptWord("VECTOR")) {
    create.index.kind = ConstraintKind::kVector;
  }
  if (!AcceptWord("INDEX")) Fail("not a kind of object that is known");
  create.index.if_not_exists = IfNotExists();
  if (!IsWord("ON") || IsWord("ON", 1)) create.index.name = Name("an index name");
  if (AcceptWord("USING") || AcceptWord("TYPE")) {
    create.index.options.using_type = UpperWord(Name("an index type"));
  }
  ExpectWord("ON");
  create.table = Table();
  if (AcceptWord("WAIT")) {
    Number("a number of seconds");
  } else {
    AcceptWord("NOWAIT");
  }
  create.index.parts = IndexParts();
  while (true) {
    const size_t before = pos_;
    ParseIndexOptions(&create.index.options);
    for (Option& option : LockOptions()) create.lock_options.push_back(std::move(option));
    if (pos_ == before) break;
  }
  return create;
}

DropIndex Parser::ParseDropIndex() {
  DropIndex drop;
  drop.if_exists = IfExists();
  drop.name = Name("an index name");
  ExpectWord("ON");
  drop.table = Table();
  drop.lock_options = LockOptions();
  return drop;
}

std::vector<Option> Parser::DatabaseOptions() {
  std::vector<Option> options;
  while (!AtEnd()) {
    const bool had_default = AcceptWord("DEFAULT");
    if (AcceptWord("CHARSET") || AcceptWords({"CHARACTER", "SET"}) ||
        AcceptWords({"CHAR", "SET"})) {
      options.push_back(OptionValue("CHARACTER SET", Option::Value::kWord));
    } else if (AcceptWord("COLLATE")) {
      options.push_back(OptionValue("COLLATE", Option::Value::kWord));
    } else if (AcceptWord("ENCRYPTION")) {
      options.push_back(OptionValue("ENCRYPTION", Option::Value::kString));
    } else if (!had_default && AcceptWord("COMMENT")) {
      options.push_back(OptionValue("COMMENT", Option::Value::kString));
    } else if (!had_default && AcceptWords({"READ", "ONLY"})) {
      AcceptSymbol("=");
      Option option;
      option.name = "READ ONLY";
      option.kind = Option::Value::kWord;
      option.value = Peek().kind == TokenKind::kInteger ? Take().text : UpperWord(Name("0 or 1"));
      options.push_back(std::move(option));
    } else if (AcceptWords({"PLACEMENT", "POLICY"})) {
      if (!AcceptWord("SET")) AcceptSymbol("=");
      Option option;
      option.name = "PLACEMENT POLICY";
      option.kind = Option::Value::kName;
      option.value = Name("a policy");
      options.push_back(std::move(option));
    } else {
      Fail("not a database option that is known");
    }
    AcceptSymbol(",");
  }
  return options;
}

ExprPtr Parser::WholeExpression() {
  ExprPtr expr = Expression();
  if (Peek().kind != TokenKind::kEnd) Fail("the expression should end here");
  return expr;
}

// ---- public -----------------------------------------------------------------------------------

std::vector<Statement> ParseStatements(std::string_view text, const ParseOptions& options) {
  Parser parser(text, options);
  std::vector<Statement> statements;
  Statement statement;
  while (parser.NextStatement(&statement)) statements.push_back(std::move(statement));
  return statements;
}

bool ParseFirst(std::string_view text, const ParseOptions& options, Statement* out) {
  return Parser(text, options).NextStatement(out);
}

ExprPtr ParseExpression(std::string_view text, const ParseOptions& options) {
  return Parser(text, options).WholeExpression();
}

}  // namespace dm::mysql
