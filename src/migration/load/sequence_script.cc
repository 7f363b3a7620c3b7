#include "migration/load/sequence_script.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <limits>
#include <set>

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

// 64 bits with or without a sign, and one step more.
__extension__ using Number = __int128;

std::optional<Number> ToNumber(std::string_view text) {
  constexpr size_t kDigits = 30;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > kDigits) return std::nullopt;
  Number number = 0;
  for (const char c : text) number = number * 10 + (c - '0');
  return negative ? -number : number;
}

bool GoesDown(const SequenceOptions& options) {
  return options.increment && options.increment->starts_with('-');
}

std::string MinimumOf(const SequenceOptions& options) {
  return options.minimum.value_or(GoesDown(options) ? std::to_string(-kLargestValue - 1) : "1");
}

std::string MaximumOf(const SequenceOptions& options) {
  return options.maximum.value_or(GoesDown(options) ? "-1" : std::to_string(kLargestValue));
}

bool HasTypes(const mysql::ServerInfo& target) {
  return target.is_mariadb && target.AtLeast(11, 5);
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

  // An option of tables with its value, of which nothing is needed. The word before the value may
  // be the second one: DATA DIRECTORY. Where "=" is missing it must be an engine's, in quotes, or
  // known.
  void TableOption() {
    const size_t begin = position_;
    while (Peek().kind == TokenKind::kWord || Peek().kind == TokenKind::kQuotedName) {
      static const std::set<std::string, std::less<>> kKnown = {
          "CHARSET", "CHECKSUM", "COLLATE", "CONNECTION", "DIRECTORY", "ROW_FORMAT"};
      const bool known = Peek().kind == TokenKind::kQuotedName || kKnown.contains(Peek().upper);
      ++position_;
      if (!AcceptSymbol("=") && !known) continue;
      if (Peek().kind == TokenKind::kString || Peek().kind == TokenKind::kInteger ||
          Peek().kind == TokenKind::kWord || Peek().kind == TokenKind::kQuotedName) {
        ++position_;
        return;
      }
      Fail("a value");
    }
    position_ = begin;
    Fail("an option of CREATE SEQUENCE");
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
    } else if (!reader.AcceptSymbol(",")) {
      reader.TableOption();
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
      // Dump tools remove what may have the name.
      if (!reader.Accept("TABLE") && !reader.Accept("VIEW")) reader.Expect("SEQUENCE");
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

bool AdaptSequence(SequenceScript* script, const mysql::ServerInfo& target,
                   const std::function<void(const std::string&)>& left_out) {
  if (HasTypes(target)) return true;
  SequenceOptions& options = script->options;
  for (const auto* number : {&options.start, &options.minimum, &options.increment}) {
    if (*number && !ToInt64(**number)) return false;
  }
  if (options.maximum) {
    const auto maximum = ToInt64(*options.maximum);
    if (!maximum || (!options.type.empty() && *maximum > kLargestValue)) {
      options.maximum = std::to_string(kLargestValue);
      left_out("values of the sequence beyond " + *options.maximum);
    }
  }
  if (!options.type.empty()) {
    left_out("type of the sequence: " + options.type);
    options.type.clear();
  }
  for (SequenceValue& value : script->values) {
    if (ToInt64(value.value)) continue;
    left_out("value of the sequence, which has none left therefore: " + value.value);
    value.value = GoesDown(options) ? MinimumOf(options) : MaximumOf(options);
    value.used = true;
  }
  return true;
}

std::string StartOf(const SequenceOptions& options) {
  return options.start.value_or(GoesDown(options) ? MaximumOf(options) : MinimumOf(options));
}

std::optional<std::string> NextValue(const SequenceScript& script) {
  const SequenceOptions& options = script.options;
  // (Limits that a type has are not known here.)
  if (script.values.size() != 1 ||
      (!options.type.empty() && (!options.minimum || !options.maximum))) {
    return std::nullopt;
  }
  auto next = ToNumber(script.values[0].value);
  const auto step = ToNumber(options.increment.value_or("1"));
  const auto minimum = ToNumber(MinimumOf(options));
  const auto maximum = ToNumber(MaximumOf(options));
  if (!next || !step || !minimum || !maximum) return std::nullopt;
  if (script.values[0].used) {
    if (*step == 0) return std::nullopt;
    *next += *step;
  }
  if (*next < *minimum || *next > *maximum) return std::nullopt;
  return fmt::format("{}", *next);
}

bool GivesSameValues(const SequenceOptions& wanted, const SequenceOptions& there) {
  return StartOf(wanted) == StartOf(there) && MinimumOf(wanted) == MinimumOf(there) &&
         MaximumOf(wanted) == MaximumOf(there) &&
         wanted.increment.value_or("1") == there.increment.value_or("1") &&
         wanted.cycle.value_or(false) == there.cycle.value_or(false);
}

std::string CreateSequenceStatement(const SequenceOptions& options, std::string_view name,
                                    const mysql::ServerInfo& target) {
  std::string out = fmt::format("CREATE SEQUENCE {}", name);
  if (!options.type.empty()) out += " AS " + options.type;
  const auto put = [&](std::string_view option, const std::optional<std::string>& value) {
    if (value) out += fmt::format(" {} {}", option, *value);
  };
  put("START WITH", options.start);
  put("MINVALUE", options.minimum);
  put("MAXVALUE", options.maximum);
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
    // Behind the smallest number that its parser can read: that one is the last value of all.
    const bool ended = ToInt64(value.value) == std::numeric_limits<int64_t>::min();
    const std::string number = ended ? std::to_string(-kLargestValue - 1) : value.value;
    return {fmt::format("DO SETVAL({}, {}, {}, {})", name, number, value.used || ended ? 1 : 0,
                        value.round)};
  }
  std::optional<int64_t> number = ToInt64(value.value);
  if (!number) return {fmt::format("DO SETVAL({}, {})", name, value.value)};
  // TiDB knows only values that have been given, and no rounds.
  const bool down = GoesDown(options);
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
