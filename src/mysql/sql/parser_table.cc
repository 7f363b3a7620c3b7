// CREATE TABLE: columns, indexes, constraints.
#include <fmt/format.h>

#include <utility>

#include "mysql/sql/parser_impl.h"

namespace dm::mysql {

CreateTable Parser::ParseCreateTable(bool or_replace) {
  CreateTable create;
  create.or_replace = or_replace;
  create.if_not_exists = IfNotExists();
  create.table = Table();
  if (AcceptWord("LIKE")) {
    create.like = Table();
    return create;
  }
  if (IsSymbol("(") && IsWord("LIKE", 1)) {
    pos_ += 2;
    create.like = Table();
    ExpectSymbol(")");
    return create;
  }
  if (AcceptSymbol("(")) {
    do {
      ParseTableElement(&create);
    } while (AcceptSymbol(","));
    ExpectSymbol(")");
  }
  // MySQL 8.0.21 and later log CREATE TABLE ... SELECT with these words before all options; the
  // rows follow.
  AcceptWords({"START", "TRANSACTION"});
  create.options = TableOptions();
  if (IsWord("PARTITION")) create.partition = ParsePartitionBy();
  if (IsWord("IGNORE") || IsWord("REPLACE") || IsWord("AS") || IsWord("SELECT") || IsWord("WITH") ||
      IsWord("VALUES") || IsWord("TABLE") ||
      (IsSymbol("(") && (IsWord("SELECT", 1) || IsSymbol("(", 1)))) {
    Fail("CREATE TABLE ... SELECT cannot be replicated as a statement: binlog_format must be ROW");
  }
  if (create.columns.empty()) Fail("expected a list of columns");
  if (AcceptWords({"ON", "COMMIT"})) {
    if (!AcceptWord("DELETE")) ExpectWord("PRESERVE");
    ExpectWord("ROWS");
  }
  AcceptWords({"START", "TRANSACTION"});
  return create;
}

void Parser::ParseTableElement(CreateTable* out) {
  if (IsConstraintStart()) {
    out->constraints.push_back(ParseConstraint());
    out->constraints.back().columns_before = out->columns.size();
  } else {
    out->columns.push_back(ParseColumnDef());
  }
}

bool Parser::IsConstraintStart() const {
  if (IsAny({"CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "KEY", "INDEX", "FULLTEXT", "SPATIAL",
             "CHECK"})) {
    return true;
  }
  if (IsWord("VECTOR")) return IsAny({"KEY", "INDEX"}, 1);
  return IsPeriodStart();
}

// A column may be called so, too.
bool Parser::IsPeriodStart() const {
  return IsWord("PERIOD") && (IsWord("FOR", 1) || IsWord("IF", 1));
}

Constraint Parser::ParseConstraint() {
  Constraint out;
  if (AcceptWord("CONSTRAINT")) {
    const bool unnamed = IsAny({"PRIMARY", "UNIQUE", "FOREIGN", "CHECK"}) &&
                         !IsAny({"PRIMARY", "UNIQUE", "FOREIGN", "CHECK"}, 1);
    out.if_not_exists = IfNotExists();
    if (!unnamed) out.name = Name("a constraint name");
    out.symbol = out.name;
    if (!IsAny({"PRIMARY", "UNIQUE", "FOREIGN", "CHECK"})) {
      Fail("expected PRIMARY KEY, UNIQUE, FOREIGN KEY or CHECK");
    }
  }
  if (AcceptWord("CHECK")) {
    out.kind = ConstraintKind::kCheck;
    ExpectSymbol("(");
    out.check = Expression();
    ExpectSymbol(")");
    out.enforced = ParseEnforced();
    return out;
  }
  if (AcceptWord("PERIOD")) {
    out.if_not_exists = IfNotExists();
    ExpectWord("FOR");
    out.kind = ConstraintKind::kPeriod;
    out.period = Name("a period name");
    if (UpperWord(out.period) == "SYSTEM_TIME") out.period = "SYSTEM_TIME";
    out.parts = IndexParts();
    return out;
  }
  if (AcceptWord("FOREIGN")) {
    out.kind = ConstraintKind::kForeign;
    ExpectWord("KEY");
    if (IfNotExists()) out.if_not_exists = true;
    if (!IsSymbol("(")) {
      out.index_name = Name("a foreign key name");
      if (out.name.empty()) out.name = out.index_name;
    }
    out.parts = IndexParts();
    out.reference = ParseReference();
    return out;
  }

  if (AcceptWord("PRIMARY")) {
    out.kind = ConstraintKind::kPrimary;
    ExpectWord("KEY");
  } else if (AcceptWord("UNIQUE")) {
    out.kind = ConstraintKind::kUnique;
    if (!AcceptWord("KEY")) AcceptWord("INDEX");
  } else if (AcceptWord("FULLTEXT")) {
    out.kind = ConstraintKind::kFullText;
    if (!AcceptWord("KEY")) AcceptWord("INDEX");
  } else if (AcceptWord("SPATIAL")) {
    out.kind = ConstraintKind::kSpatial;
    if (!AcceptWord("KEY")) AcceptWord("INDEX");
  } else if (AcceptWord("VECTOR")) {
    out.kind = ConstraintKind::kVector;
    if (!AcceptWord("KEY")) ExpectWord("INDEX");
  } else {
    out.kind = ConstraintKind::kIndex;
    if (!AcceptWord("KEY")) ExpectWord("INDEX");
  }
  if (IfNotExists()) out.if_not_exists = true;
  if (IsName() && !(IsAny({"USING", "TYPE"}) && IsName(1))) {
    std::string name = Name("an index name");
    // The index name wins over the constraint's, as in the servers.
    out.name = std::move(name);
  }
  if (AcceptWord("USING") || AcceptWord("TYPE")) {
    out.options.using_type = UpperWord(Name("an index type"));
  }
  out.parts = IndexParts();
  ParseIndexOptions(&out.options);
  return out;
}

std::vector<IndexPart> Parser::IndexParts() {
  std::vector<IndexPart> parts;
  ExpectSymbol("(");
  do {
    IndexPart part;
    if (IsSymbol("(")) {
      Take();
      part.expr = Expression();
      ExpectSymbol(")");
    } else if (IsName() && IsSymbol("(", 1) && Peek(2).kind != TokenKind::kInteger) {
      // TiDB accepts a function call without its own parentheses.
      part.expr = Expression();
    } else {
      part.column = Name("a column name");
      if (AcceptSymbol("(")) {
        part.length = static_cast<int64_t>(Number("a prefix length"));
        ExpectSymbol(")");
      }
    }
    if (AcceptWord("DESC")) {
      part.descending = true;
    } else {
      AcceptWord("ASC");
    }
    part.without_overlaps = AcceptWords({"WITHOUT", "OVERLAPS"});
    parts.push_back(std::move(part));
  } while (AcceptSymbol(","));
  ExpectSymbol(")");
  return parts;
}

void Parser::ParseIndexOptions(IndexOptions* out) {
  while (true) {
    if (AcceptWord("KEY_BLOCK_SIZE")) {
      AcceptSymbol("=");
      out->key_block_size = Number("a block size");
    } else if (IsAny({"USING", "TYPE"})) {
      Take();
      out->using_type = UpperWord(Name("an index type"));
    } else if (AcceptWords({"WITH", "PARSER"})) {
      out->parser = Name("a parser name");
    } else if (AcceptWord("COMMENT")) {
      AcceptSymbol("=");
      out->comment = StringLiteral("a comment");
    } else if (AcceptWord("VISIBLE")) {
      out->visible = true;
    } else if (AcceptWord("INVISIBLE")) {
      out->visible = false;
    } else if (AcceptWord("IGNORED")) {
      out->visible = false;
      out->ignored_spelling = true;
    } else if (AcceptWords({"NOT", "IGNORED"})) {
      out->visible = true;
      out->ignored_spelling = true;
    } else if (AcceptWord("CLUSTERED")) {
      out->clustered = true;
    } else if (AcceptWord("NONCLUSTERED")) {
      out->clustered = false;
    } else if (AcceptWord("GLOBAL")) {
      out->global = true;
    } else if (AcceptWord("LOCAL")) {
      out->global = false;
    } else if (IsAny({"ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE"})) {
      const std::string word = Take().upper;
      AcceptSymbol("=");
      const size_t value = pos_;
      StringLiteral("an attribute");
      out->verbatim.push_back(word + " = " + VerbatimSince(value));
    } else if (IsName() && IsSymbol("=", 1) && !IsAny({"ALGORITHM", "LOCK"})) {
      // MariaDB: M=8, DISTANCE=cosine, CLUSTERING=YES and options of engines.
      const std::string word = UpperWord(Take().text);
      Take();
      const size_t value = pos_;
      Take();
      out->verbatim.push_back(word + " = " + VerbatimSince(value));
    } else {
      return;
    }
  }
}

Reference Parser::ParseReference() {
  Reference out;
  ExpectWord("REFERENCES");
  out.table = Table();
  if (IsSymbol("(")) out.columns = IndexParts();
  if (AcceptWord("MATCH")) {
    if (!IsAny({"FULL", "PARTIAL", "SIMPLE"})) Fail("expected FULL, PARTIAL or SIMPLE");
    out.match = Take().upper;
  }
  while (IsWord("ON") && IsAny({"DELETE", "UPDATE"}, 1)) {
    Take();
    const bool on_delete = Take().upper == "DELETE";
    (on_delete ? out.on_delete : out.on_update) = ParseAction();
  }
  return out;
}

ReferenceAction Parser::ParseAction() {
  if (AcceptWord("RESTRICT")) return ReferenceAction::kRestrict;
  if (AcceptWord("CASCADE")) return ReferenceAction::kCascade;
  if (AcceptWords({"SET", "NULL"})) return ReferenceAction::kSetNull;
  if (AcceptWords({"NO", "ACTION"})) return ReferenceAction::kNoAction;
  if (AcceptWords({"SET", "DEFAULT"})) return ReferenceAction::kSetDefault;
  Fail("expected RESTRICT, CASCADE, SET NULL, NO ACTION or SET DEFAULT");
}

std::vector<std::string> Parser::ColumnNames() {
  std::vector<std::string> names;
  ExpectSymbol("(");
  if (AcceptSymbol(")")) return names;
  do {
    names.push_back(Name("a column name"));
  } while (AcceptSymbol(","));
  ExpectSymbol(")");
  return names;
}

bool Parser::ParseEnforced() {
  if (AcceptWord("ENFORCED")) return true;
  return !AcceptWords({"NOT", "ENFORCED"});
}

ColumnDef Parser::ParseColumnDef() {
  ColumnDef column;
  column.name = Name("a column name");
  // `t.c` and `s.t.c` in a definition: only the last part counts.
  while (AcceptSymbol(".")) column.name = Name("a column name");
  column.type = ParseColumnType(&column.options);
  while (ParseColumnOption(&column)) {
  }
  return column;
}

ExprPtr Parser::DefaultValue(bool* parens) {
  if (IsSymbol("(")) {
    Take();
    *parens = true;
    ExprPtr expr = Expression();
    ExpectSymbol(")");
    return expr;
  }
  if (IsNowWord()) return NowFunction();
  // A literal with a sign or, in MariaDB, a call: operators need parentheses, and a COLLATE behind
  // it is the column's.
  if (IsSymbol("-") || IsSymbol("+")) {
    const bool minus = Take().text == "-";
    auto sign = std::make_shared<Expr>();
    sign->kind = ExprKind::kUnary;
    sign->name = minus ? "-" : "+";
    sign->args.push_back(Primary());
    return sign;
  }
  return Primary();
}

bool Parser::ParseColumnOption(ColumnDef* out) {
  ColumnOption option{};
  if (IsWord("NOT") && IsWord("NULL", 1)) {
    pos_ += 2;
    option.kind = ColumnOptionKind::kNotNull;
    // MariaDB: NOT NULL ENABLE
    AcceptWord("ENABLE");
  } else if (AcceptWord("NULL")) {
    option.kind = ColumnOptionKind::kNull;
  } else if (AcceptWords({"SERIAL", "DEFAULT", "VALUE"})) {
    for (ColumnOptionKind kind : {ColumnOptionKind::kNotNull, ColumnOptionKind::kAutoIncrement,
                                  ColumnOptionKind::kUniqueKey}) {
      ColumnOption implied{};
      implied.kind = kind;
      out->options.push_back(std::move(implied));
    }
    return true;
  } else if (AcceptWord("DEFAULT")) {
    option.kind = ColumnOptionKind::kDefault;
    option.expr = DefaultValue(&option.parens);
  } else if (AcceptWords({"ON", "UPDATE"})) {
    option.kind = ColumnOptionKind::kOnUpdate;
    if (!IsNowWord()) Fail("expected CURRENT_TIMESTAMP");
    option.expr = NowFunction();
  } else if (AcceptWord("AUTO_INCREMENT")) {
    option.kind = ColumnOptionKind::kAutoIncrement;
  } else if (AcceptWord("AUTO_RANDOM")) {
    option.kind = ColumnOptionKind::kAutoRandom;
    if (IsSymbol("(")) {
      const size_t from = pos_;
      SkipParens();
      option.text = VerbatimSince(from);
    }
  } else if (IsWord("PRIMARY") || IsWord("KEY")) {
    AcceptWord("PRIMARY");
    AcceptWord("KEY");
    option.kind = ColumnOptionKind::kPrimaryKey;
    if (AcceptWord("CLUSTERED")) {
      option.clustered = true;
    } else if (AcceptWord("NONCLUSTERED")) {
      option.clustered = false;
    }
    if (!AcceptWord("GLOBAL")) AcceptWord("LOCAL");
  } else if (AcceptWord("UNIQUE")) {
    option.kind = ColumnOptionKind::kUniqueKey;
    AcceptWord("KEY");
    if (!AcceptWord("GLOBAL")) AcceptWord("LOCAL");
  } else if (AcceptWord("COMMENT")) {
    AcceptSymbol("=");
    option.kind = ColumnOptionKind::kComment;
    option.text = StringLiteral("a comment");
  } else if (AcceptWord("COLLATE")) {
    AcceptSymbol("=");
    option.kind = ColumnOptionKind::kCollate;
    option.text = CharsetName("a collation");
  } else if (AcceptWord("COLUMN_FORMAT")) {
    option.kind = ColumnOptionKind::kColumnFormat;
    if (!IsAny({"FIXED", "DYNAMIC", "DEFAULT", "COMPRESSED"})) {
      Fail("expected FIXED, DYNAMIC or DEFAULT");
    }
    option.text = Take().upper;
    if (option.text == "COMPRESSED" && AcceptWords({"WITH", "COMPRESSION_DICTIONARY"})) {
      const size_t name = pos_;
      Name("a dictionary");
      option.text += " WITH COMPRESSION_DICTIONARY " + VerbatimSince(name);
    }
  } else if (IsWord("STORAGE") && IsAny({"DISK", "MEMORY", "DEFAULT"}, 1)) {
    Take();
    option.kind = ColumnOptionKind::kStorage;
    option.text = Take().upper;
  } else if (IsWord("GENERATED") || IsWord("AS")) {
    if (AcceptWord("GENERATED")) ExpectWord("ALWAYS");
    ExpectWord("AS");
    if (AcceptWord("ROW")) {
      if (!IsAny({"START", "END"})) Fail("expected START or END");
      option.kind = ColumnOptionKind::kGeneratedAsRow;
      option.text = Take().upper;
    } else {
      option.kind = ColumnOptionKind::kGenerated;
      ExpectSymbol("(");
      option.expr = Expression();
      ExpectSymbol(")");
      if (AcceptWord("STORED") || AcceptWord("PERSISTENT")) {
        option.stored = true;
      } else {
        AcceptWord("VIRTUAL");
      }
    }
  } else if (IsWord("CONSTRAINT") || IsWord("CHECK")) {
    option.kind = ColumnOptionKind::kCheck;
    if (AcceptWord("CONSTRAINT") && !(IsWord("CHECK") && IsSymbol("(", 1))) {
      option.text = Name("a constraint name");
    }
    ExpectWord("CHECK");
    ExpectSymbol("(");
    option.expr = Expression();
    ExpectSymbol(")");
    option.enforced = ParseEnforced();
  } else if (IsWord("REFERENCES")) {
    option.kind = ColumnOptionKind::kReference;
    option.reference = ParseReference();
  } else if (AcceptWord("VISIBLE")) {
    option.kind = ColumnOptionKind::kVisible;
  } else if (AcceptWord("INVISIBLE")) {
    option.kind = ColumnOptionKind::kInvisible;
  } else if (IsAny({"WITH", "WITHOUT"}) && IsWord("SYSTEM", 1) && IsWord("VERSIONING", 2)) {
    option.kind = ColumnOptionKind::kSystemVersioning;
    option.text = Peek().upper + " SYSTEM VERSIONING";
    pos_ += 3;
  } else if (AcceptWord("SRID")) {
    option.kind = ColumnOptionKind::kVerbatim;
    option.text = fmt::format("SRID {}", Number("an SRID"));
  } else if (AcceptWord("COMPRESSED")) {
    option.kind = ColumnOptionKind::kVerbatim;
    option.text = "COMPRESSED";
    if (AcceptSymbol("=")) option.text += "=" + Name("a method");
  } else if (AcceptWords({"NOT", "SECONDARY"})) {
    option.kind = ColumnOptionKind::kVerbatim;
    option.text = "NOT SECONDARY";
  } else if (IsAny({"ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE"}) ||
             (IsName() && IsSymbol("=", 1))) {
    // Also MariaDB's REF_SYSTEM_ID = n and options of engines.
    option.kind = ColumnOptionKind::kVerbatim;
    option.text = UpperWord(Take().text);
    AcceptSymbol("=");
    const size_t value = pos_;
    if (AtEnd() || IsSymbol(",") || IsSymbol(")")) Fail("expected a value");
    Take();
    option.text += " = " + VerbatimSince(value);
  } else {
    return false;
  }
  out->options.push_back(std::move(option));
  return true;
}

}  // namespace dm::mysql
