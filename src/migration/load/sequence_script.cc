#include "migration/load/sequence_script.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <limits>

#include "base/error/error.h"
#include "migration/dumpfile/schema_script.h"
#include "mysql/sql/lexer.h"
#include "mysql/sql/sql_mode.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

using mysql::Token;
using mysql::TokenKind;

// The largest value that servers without a type of the sequence's own can give.
constexpr int64_t kLargestValue = std::numeric_limits<int64_t>::max() - 1;

std::optional<int64_t> ToInt64(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Reads the tokens of one statement.
class Reader {
 public:
  Reader(const std::string& statement, const mysql::ParseOptions& options)
      : statement_(statement), tokens_(mysql::Tokenize(statement, options)) {}

  bool AtEnd() const { return Peek().kind == TokenKind::kEnd; }

  bool Accept(std::string_view word) {
    if (Peek().kind != TokenKind::kWord || Peek().upper != word) return false;
    ++position_;
    return true;
  }

  bool AcceptSymbol(std::string_view symbol) {
    if (Peek().kind != TokenKind::kSymbol || Peek().text != symbol) return false;
    ++position_;
    return true;
  }

  void Expect(std::string_view word) {
    if (!Accept(word)) Fail(word);
  }

  void ExpectSymbol(std::string_view symbol) {
    if (!AcceptSymbol(symbol)) Fail(symbol);
  }

  // The name without its database.
  std::string Name() {
    std::string name = OnePart();
    return AcceptSymbol(".") ? OnePart() : name;
  }

  std::string Number() {
    const bool negative = AcceptSymbol("-");
    if (Peek().kind != TokenKind::kInteger) Fail("a number");
    return (negative ? "-" : "") + tokens_[position_++].text;
  }

  std::string Word() {
    if (Peek().kind != TokenKind::kWord) Fail("a word");
    return tokens_[position_++].upper;
  }

  std::string String() {
    if (Peek().kind != TokenKind::kString) Fail("a text in quotes");
    return tokens_[position_++].text;
  }

  [[noreturn]] void Fail(std::string_view expected) const {
    throw Error(
        ErrorCode::kLoadUnitParseStatement,
        fmt::format("{}: {} is expected at {}", statement_, expected,
                    AtEnd() ? "the end" : mysql::DescribePlace(statement_, tokens_[position_])));
  }

 private:
  const Token& Peek() const { return tokens_[position_]; }

  std::string OnePart() {
    if (Peek().kind != TokenKind::kQuotedName && Peek().kind != TokenKind::kWord) Fail("a name");
    return tokens_[position_++].text;
  }

  const std::string& statement_;
  const std::vector<Token> tokens_;
  size_t position_ = 0;
};

void ReadOptions(Reader& reader, SequenceOptions* options) {
  const auto number = [&](std::string_view filler) {
    if (!reader.AcceptSymbol("=") && !filler.empty()) reader.Accept(filler);
    return reader.Number();
  };
  while (!reader.AtEnd()) {
    const bool no = reader.Accept("NO");
    if (no && reader.Accept("MINVALUE")) {
      options->minimum.reset();
    } else if (no && reader.Accept("MAXVALUE")) {
      options->maximum.reset();
    } else if (no && reader.Accept("CACHE")) {
      options->cache = "0";
    } else if (no && reader.Accept("CYCLE")) {
      options->cycle = false;
    } else if (no) {
      reader.Fail("MINVALUE, MAXVALUE, CACHE or CYCLE");
    } else if (reader.Accept("NOMINVALUE")) {
      options->minimum.reset();
    } else if (reader.Accept("NOMAXVALUE")) {
      options->maximum.reset();
    } else if (reader.Accept("NOCACHE")) {
      options->cache = "0";
    } else if (reader.Accept("NOCYCLE")) {
      options->cycle = false;
    } else if (reader.Accept("CYCLE")) {
      options->cycle = true;
    } else if (reader.Accept("START")) {
      options->start = number("WITH");
    } else if (reader.Accept("MINVALUE")) {
      options->minimum = number("");
    } else if (reader.Accept("MAXVALUE")) {
      options->maximum = number("");
    } else if (reader.Accept("INCREMENT")) {
      options->increment = number("BY");
    } else if (reader.Accept("CACHE")) {
      options->cache = number("");
    } else if (reader.Accept("AS")) {
      options->type = reader.Word();
      if (reader.Accept("UNSIGNED")) {
        options->type += " UNSIGNED";
      } else {
        reader.Accept("SIGNED");
      }
    } else if (reader.Accept("COMMENT")) {
      reader.AcceptSymbol("=");
      options->comment = reader.String();
    } else if (reader.Accept("ENGINE")) {
      reader.AcceptSymbol("=");
      reader.Name();
    } else {
      reader.Fail("an option of CREATE SEQUENCE");
    }
  }
}

SequenceValue ReadValue(Reader& reader, std::string* name) {
  reader.Expect("SETVAL");
  reader.ExpectSymbol("(");
  *name = reader.Name();
  reader.ExpectSymbol(",");
  SequenceValue value;
  value.value = reader.Number();
  if (reader.AcceptSymbol(",")) {
    if (reader.Accept("FALSE")) {
      value.used = false;
    } else if (!reader.Accept("TRUE")) {
      value.used = reader.Number() != "0";
    }
    if (reader.AcceptSymbol(",")) value.round = reader.Number();
  }
  reader.ExpectSymbol(")");
  if (!reader.AtEnd()) reader.Fail("the end of the statement");
  return value;
}

}  // namespace

SequenceScript ReadSequenceScript(std::string_view script, const mysql::ParseOptions& options) {
  SequenceScript result;
  std::optional<std::string> name;
  ScriptOptions split;
  split.ansi_quotes = options.sql_mode.ansi_quotes();
  for (const std::string& statement : SplitScript(script, split)) {
    Reader reader(statement, options);
    if (reader.Accept("DROP")) {
      reader.Expect("SEQUENCE");
    } else if (reader.Accept("CREATE")) {
      if (name) reader.Fail("one sequence only");
      if (reader.Accept("OR")) reader.Expect("REPLACE");
      reader.Expect("SEQUENCE");
      if (reader.Accept("IF")) {
        reader.Expect("NOT");
        reader.Expect("EXISTS");
      }
      name = reader.Name();
      ReadOptions(reader, &result.options);
    } else if (reader.Accept("SELECT") || reader.Accept("DO")) {
      std::string of;
      SequenceValue value = ReadValue(reader, &of);
      if (of != name) reader.Fail("SETVAL of the sequence that is made before it");
      result.values.push_back(std::move(value));
    } else {
      reader.Fail("CREATE SEQUENCE or SETVAL");
    }
  }
  if (!name) {
    throw Error(ErrorCode::kLoadUnitParseStatement, "there is no CREATE SEQUENCE in it");
  }
  return result;
}

bool HasSequences(const mysql::ServerInfo& server) {
  return server.is_tidb || (server.is_mariadb && server.AtLeast(10, 3));
}

std::string CreateSequenceStatement(const SequenceOptions& options, std::string_view name,
                                    const mysql::ServerInfo& target,
                                    const std::function<void(const std::string&)>& left_out) {
  const bool typed = target.is_mariadb && target.AtLeast(11, 5);
  std::string out = fmt::format("CREATE SEQUENCE {}", name);
  std::optional<std::string> maximum = options.maximum;
  if (!options.type.empty() && typed) {
    out += " AS " + options.type;
  } else if (!options.type.empty()) {
    left_out("type of the sequence: " + options.type);
    if (maximum &&
        ToInt64(*maximum).value_or(std::numeric_limits<int64_t>::max()) > kLargestValue) {
      maximum = std::to_string(kLargestValue);
      left_out("values of the sequence beyond " + *maximum);
    }
  }
  const auto put = [&](std::string_view option, const std::optional<std::string>& value) {
    if (value) out += fmt::format(" {} {}", option, *value);
  };
  put("START WITH", options.start);
  put("MINVALUE", options.minimum);
  put("MAXVALUE", maximum);
  put("INCREMENT BY", options.increment);
  if (options.cache == "0") {
    out += " NOCACHE";
  } else {
    put("CACHE", options.cache);
  }
  if (options.cycle) out += *options.cycle ? " CYCLE" : " NOCYCLE";
  if (target.is_mariadb) out += " ENGINE=InnoDB";
  if (options.comment) out += " COMMENT=" + mysql::QuoteString(*options.comment);
  return out;
}

std::vector<std::string> SetValueStatements(const SequenceOptions& options,
                                            const SequenceValue& value, std::string_view name,
                                            const mysql::ServerInfo& target) {
  if (target.is_mariadb) {
    return {fmt::format("DO SETVAL({}, {}, {}, {})", name, value.value, value.used ? 1 : 0,
                        value.round)};
  }
  if (!value.used && value.value == options.start && value.round == "0") return {};
  std::optional<int64_t> number = ToInt64(value.value);
  if (!number) return {fmt::format("DO SETVAL({}, {})", name, value.value)};
  // TiDB knows only values that have been given, and no rounds.
  const bool down = options.increment && options.increment->starts_with('-');
  if (!value.used) {
    // (Its parser cannot read the smallest number; no sequence of its own begins there.)
    const int64_t end =
        down ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min() + 1;
    if (down ? *number >= end : *number <= end) return {};
    *number += down ? 1 : -1;
  }
  std::vector<std::string> statements;
  // It takes what lies before zero for a step back unless the sequence has given a value since the
  // server's start.
  if (down ? *number >= 0 : *number <= 0) statements.push_back(fmt::format("DO NEXTVAL({})", name));
  statements.push_back(fmt::format("DO SETVAL({}, {})", name, *number));
  return statements;
}

}  // namespace dm::migration
