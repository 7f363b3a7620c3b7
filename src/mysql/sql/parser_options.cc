// Table options and partitioning.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "mysql/sql/parser_impl.h"

namespace dm::mysql {
namespace {

using Value = Option::Value;

struct KnownOption {
  std::string_view name;
  Value kind;
};

constexpr KnownOption kOptions[] = {
    {"AUTOEXTEND_SIZE", Value::kWord},
    {"AUTO_INCREMENT", Value::kNumber},
    {"AVG_ROW_LENGTH", Value::kNumber},
    {"CHECKSUM", Value::kNumber},
    {"TABLE_CHECKSUM", Value::kNumber},
    {"COMMENT", Value::kString},
    {"COMPRESSION", Value::kString},
    {"CONNECTION", Value::kString},
    {"DELAY_KEY_WRITE", Value::kNumber},
    {"ENCRYPTION", Value::kString},
    {"ENGINE_ATTRIBUTE", Value::kString},
    {"SECONDARY_ENGINE_ATTRIBUTE", Value::kString},
    {"SECONDARY_ENGINE", Value::kWord},
    {"INSERT_METHOD", Value::kWord},
    {"KEY_BLOCK_SIZE", Value::kNumber},
    {"MAX_ROWS", Value::kNumber},
    {"MIN_ROWS", Value::kNumber},
    {"PACK_KEYS", Value::kWord},
    {"PASSWORD", Value::kString},
    {"ROW_FORMAT", Value::kWord},
    {"STATS_AUTO_RECALC", Value::kWord},
    {"STATS_PERSISTENT", Value::kWord},
    {"STATS_SAMPLE_PAGES", Value::kWord},
    {"PAGE_COMPRESSED", Value::kWord},
    {"PAGE_COMPRESSION_LEVEL", Value::kNumber},
    {"PAGE_CHECKSUM", Value::kNumber},
    {"TRANSACTIONAL", Value::kNumber},
    {"SEQUENCE", Value::kNumber},
    {"ENCRYPTED", Value::kWord},
    {"ENCRYPTION_KEY_ID", Value::kNumber},
    {"IETF_QUOTES", Value::kWord},
    {"AUTO_ID_CACHE", Value::kNumber},
    {"AUTO_RANDOM_BASE", Value::kNumber},
    {"SHARD_ROW_ID_BITS", Value::kNumber},
    {"PRE_SPLIT_REGIONS", Value::kNumber},
    {"STATS_BUCKETS", Value::kNumber},
    {"STATS_TOPN", Value::kNumber},
    {"STATS_SAMPLE_RATE", Value::kNumber},
    {"STATS_COL_CHOICE", Value::kString},
    {"STATS_COL_LIST", Value::kString},
    {"TTL_ENABLE", Value::kString},
    {"TTL_JOB_INTERVAL", Value::kString},
    {"NODEGROUP", Value::kNumber},
    {"START", Value::kWord},
};

}  // namespace

// Behind the option's name.
Option Parser::OptionValue(std::string name, Value kind) {
  Option option;
  option.name = std::move(name);
  AcceptSymbol("=");
  const Token& token = Peek();
  switch (token.kind) {
    case TokenKind::kString:
    case TokenKind::kNationalString:
      option.kind = kind == Value::kWord ? Value::kString : kind;
      option.value = StringLiteral("a value");
      // CHARACTER SET 'utf8' is a name in quotes.
      if (option.name == "CHARACTER SET" || option.name == "COLLATE" || option.name == "ENGINE") {
        option.kind = Value::kWord;
      }
      break;
    case TokenKind::kInteger:
    case TokenKind::kDecimal:
      option.kind = Value::kNumber;
      option.value = Take().text;
      break;
    case TokenKind::kWord:
      if (kind == Value::kString) Fail("expected a string");
      // MySQL's 4M is a word; DEFAULT and `0`/`1` words are kept too.
      option.kind = Value::kWord;
      option.value = Take().text;
      break;
    case TokenKind::kQuotedName:
      option.kind = kind == Value::kWord ? Value::kWord : Value::kName;
      option.value = Take().text;
      break;
    default:
      Fail("expected a value");
  }
  if (kind == Value::kNumber && option.kind == Value::kWord &&
      UpperWord(option.value) != "DEFAULT" && UpperWord(option.value) != "YES" &&
      UpperWord(option.value) != "NO" && UpperWord(option.value) != "ON" &&
      UpperWord(option.value) != "OFF") {
    Fail("expected a number");
  }
  if (option.name == "CHARACTER SET" || option.name == "COLLATE") {
    option.value = MeantCharset(std::move(option.value));
  }
  if (kind == Value::kString && option.kind != Value::kString) Fail("expected a string");
  return option;
}

std::vector<Option> Parser::TableOptions() {
  std::vector<Option> options;
  while (!AtEnd()) {
    const size_t before = pos_;
    if (!TableOption(&options)) break;
    // A comma between options is allowed; in ALTER it may also end the list.
    if (IsSymbol(",")) {
      const size_t comma = pos_;
      Take();
      std::vector<Option> probe;
      const size_t start = pos_;
      if (!TableOption(&probe)) {
        pos_ = comma;
        break;
      }
      pos_ = start;
    }
    if (pos_ == before) break;
  }
  return options;
}

bool Parser::TableOption(std::vector<Option>* out) {
  // MariaDB prints options of engines with their names in quotes.
  if (Peek().kind == TokenKind::kQuotedName && IsSymbol("=", 1)) {
    const std::string name = UpperWord(Take().text);
    const auto known = std::find_if(std::begin(kOptions), std::end(kOptions),
                                    [&](const KnownOption& option) { return option.name == name; });
    Option option = OptionValue(name, Value::kWord);
    option.known = known != std::end(kOptions);
    out->push_back(std::move(option));
    return true;
  }
  if (Peek().kind != TokenKind::kWord) return false;
  const auto add_flag = [&](std::string name) {
    Option option;
    option.name = std::move(name);
    out->push_back(std::move(option));
    return true;
  };
  const bool has_default = IsWord("DEFAULT");
  const size_t at = has_default ? 1 : 0;
  if (IsAny({"CHARSET", "CHARACTER", "CHAR", "COLLATE"}, at)) {
    if (IsAny({"CHARACTER", "CHAR"}, at) && !IsWord("SET", at + 1)) return false;
    if (has_default) Take();
    if (AcceptWord("COLLATE")) {
      out->push_back(OptionValue("COLLATE", Value::kWord));
      return true;
    }
    if (!AcceptWord("CHARSET")) pos_ += 2;
    out->push_back(OptionValue("CHARACTER SET", Value::kWord));
    return true;
  }
  if (has_default) return false;
  if (IsAny({"ENGINE", "TYPE"})) {
    Take();
    out->push_back(OptionValue("ENGINE", Value::kWord));
    return true;
  }
  if (IsAny({"DATA", "INDEX"}) && IsWord("DIRECTORY", 1)) {
    const std::string name = Take().upper + " DIRECTORY";
    Take();
    out->push_back(OptionValue(name, Value::kString));
    return true;
  }
  if (AcceptWord("TABLESPACE")) {
    AcceptSymbol("=");
    Option option;
    option.name = "TABLESPACE";
    option.kind = Value::kName;
    option.value = Name("a tablespace");
    out->push_back(std::move(option));
    return true;
  }
  if (IsWord("STORAGE") && IsAny({"DISK", "MEMORY"}, 1)) {
    Take();
    return add_flag("STORAGE " + Take().upper);
  }
  if (AcceptWord("UNION")) {
    AcceptSymbol("=");
    Option option;
    option.name = "UNION";
    option.kind = Value::kTables;
    ExpectSymbol("(");
    if (!AcceptSymbol(")")) {
      do {
        option.tables.push_back(Table());
      } while (AcceptSymbol(","));
      ExpectSymbol(")");
    }
    out->push_back(std::move(option));
    return true;
  }
  if (AcceptWords({"WITH", "SYSTEM", "VERSIONING"})) return add_flag("WITH SYSTEM VERSIONING");
  if (AcceptWords({"PLACEMENT", "POLICY"})) {
    if (!AcceptWord("SET")) AcceptSymbol("=");
    Option option;
    option.name = "PLACEMENT POLICY";
    option.kind = Value::kName;
    option.value = Name("a policy");
    out->push_back(std::move(option));
    return true;
  }
  if (IsWord("TTL") && IsSymbol("=", 1)) {
    pos_ += 2;
    const size_t from = pos_;
    Expression();
    Option option;
    option.name = "TTL";
    option.kind = Value::kWord;
    option.value = VerbatimSince(from);
    out->push_back(std::move(option));
    return true;
  }
  // MariaDB: PAGE_COMPRESSED alone means 1.
  for (const KnownOption& known : kOptions) {
    if (Peek().upper != known.name) continue;
    const TokenKind next = Peek(1).kind;
    const bool has_value = IsSymbol("=", 1) || next == TokenKind::kWord ||
                           next == TokenKind::kInteger || next == TokenKind::kString ||
                           next == TokenKind::kQuotedName;
    // START TRANSACTION is no option.
    if (known.name == "START" && !IsSymbol("=", 1)) return false;
    if (!has_value) return false;
    Take();
    out->push_back(OptionValue(std::string(known.name), known.kind));
    return true;
  }
  if (IsSymbol("=", 1)) {
    // Options of engines and of newer servers are kept as they are.
    const std::string name = Take().upper;
    Option option = OptionValue(name, Value::kWord);
    option.known = false;
    out->push_back(std::move(option));
    return true;
  }
  return false;
}

// ---- partitions -------------------------------------------------------------------------------

PartitionBy Parser::ParsePartitionBy() {
  PartitionBy out;
  ExpectWord("PARTITION");
  ExpectWord("BY");
  out.method = ParsePartitionMethod(false);
  if (AcceptWord("PARTITIONS")) out.count = Number("a number of partitions");
  if (AcceptWords({"SUBPARTITION", "BY"})) {
    out.sub_method = ParsePartitionMethod(true);
    if (AcceptWord("SUBPARTITIONS")) out.sub_count = Number("a number of subpartitions");
  }
  if (IsSymbol("(") && IsWord("PARTITION", 1)) out.definitions = PartitionDefinitions();
  // TiDB: UPDATE INDEXES (i GLOBAL).
  if (AcceptWords({"UPDATE", "INDEXES"})) SkipParens();
  return out;
}

PartitionMethod Parser::ParsePartitionMethod(bool sub) {
  using Kind = PartitionMethod::Kind;
  PartitionMethod method;
  method.linear = AcceptWord("LINEAR");
  if (AcceptWord("HASH")) {
    method.kind = Kind::kHash;
    ExpectSymbol("(");
    method.expr = Expression();
    ExpectSymbol(")");
    return method;
  }
  if (AcceptWord("KEY")) {
    method.kind = Kind::kKey;
    if (AcceptWord("ALGORITHM")) {
      ExpectSymbol("=");
      method.key_algorithm = static_cast<int64_t>(Number("1 or 2"));
    }
    method.column_names = ColumnNames();
    return method;
  }
  if (sub || method.linear) Fail("expected HASH or KEY");
  if (AcceptWord("SYSTEM_TIME")) {
    method.kind = Kind::kSystemTime;
    const size_t from = pos_;
    while (!AtEnd() && !IsSymbol("(") && !IsWord("PARTITIONS") && !IsWord("SUBPARTITION")) Take();
    method.verbatim = VerbatimSince(from);
    return method;
  }
  if (AcceptWord("RANGE")) {
    method.kind = Kind::kRange;
  } else if (AcceptWord("LIST")) {
    method.kind = Kind::kList;
  } else {
    Fail("expected RANGE, LIST, HASH or KEY");
  }
  if (AcceptWord("COLUMNS")) {
    method.columns = true;
    method.column_names = ColumnNames();
  } else {
    ExpectSymbol("(");
    method.expr = Expression();
    ExpectSymbol(")");
  }
  if (IsWord("INTERVAL")) {
    // TiDB: INTERVAL (10) FIRST PARTITION LESS THAN (..) LAST PARTITION LESS THAN (..)
    const size_t from = pos_;
    Take();
    SkipParens();
    while (IsAny({"FIRST", "LAST", "NULL", "MAXVALUE"})) {
      Take();
      ExpectWord("PARTITION");
      if (AcceptWords({"LESS", "THAN"})) SkipParens();
    }
    method.verbatim = VerbatimSince(from);
  }
  return method;
}

std::vector<PartitionDef> Parser::PartitionDefinitions() {
  std::vector<PartitionDef> definitions;
  ExpectSymbol("(");
  do {
    definitions.push_back(PartitionDefinition(false));
  } while (AcceptSymbol(","));
  ExpectSymbol(")");
  return definitions;
}

PartitionDef Parser::PartitionDefinition(bool sub) {
  PartitionDef out;
  ExpectWord(sub ? "SUBPARTITION" : "PARTITION");
  out.name = Name("a partition name");
  if (!sub) PartitionValues(&out);
  while (true) {
    if (IsSymbol("(") || IsSymbol(",") || IsSymbol(")")) break;
    AcceptWord("STORAGE");
    if (!TableOption(&out.options)) break;
  }
  if (!sub && IsSymbol("(") && IsWord("SUBPARTITION", 1)) {
    Take();
    do {
      out.subpartitions.push_back(PartitionDefinition(true));
    } while (AcceptSymbol(","));
    ExpectSymbol(")");
  }
  return out;
}

void Parser::PartitionValues(PartitionDef* out) {
  using Values = PartitionDef::Values;
  if (AcceptWord("DEFAULT")) {
    out->values = Values::kDefault;
    return;
  }
  if (AcceptWord("HISTORY")) {
    out->values = Values::kHistory;
    return;
  }
  if (AcceptWord("CURRENT")) {
    out->values = Values::kCurrent;
    return;
  }
  if (!AcceptWord("VALUES")) return;
  if (AcceptWords({"LESS", "THAN"})) {
    out->values = Values::kLessThan;
    if (AcceptWord("MAXVALUE")) {
      // Not by Expression: subpartitions may follow in parentheses.
      auto bound = std::make_shared<Expr>();
      bound->kind = ExprKind::kMaxValue;
      out->less_than.push_back(std::move(bound));
      return;
    }
    ExpectSymbol("(");
    do {
      out->less_than.push_back(Expression());
    } while (AcceptSymbol(","));
    ExpectSymbol(")");
    return;
  }
  ExpectWord("IN");
  out->values = Values::kIn;
  ExpectSymbol("(");
  do {
    std::vector<ExprPtr> tuple;
    if (AcceptSymbol("(")) {
      do {
        tuple.push_back(Expression());
      } while (AcceptSymbol(","));
      ExpectSymbol(")");
    } else {
      tuple.push_back(Expression());
    }
    out->in.push_back(std::move(tuple));
  } while (AcceptSymbol(","));
  ExpectSymbol(")");
}

}  // namespace dm::mysql
