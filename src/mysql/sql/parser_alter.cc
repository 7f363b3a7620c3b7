// ALTER TABLE.
#include <fmt/format.h>

#include <utility>

#include "mysql/sql/parser_impl.h"
#include "mysql/sql/restore.h"

namespace dm::mysql {
namespace {

// Changes without arguments that do not touch the definition.
constexpr std::string_view kPhrases[] = {
    "FORCE",
    "DISABLE KEYS",
    "ENABLE KEYS",
    "WITH VALIDATION",
    "WITHOUT VALIDATION",
    "DISCARD TABLESPACE",
    "IMPORT TABLESPACE",
    "UPGRADE PARTITIONING",
    "SECONDARY_LOAD",
    "SECONDARY_UNLOAD",
    "CACHE",
    "NOCACHE",
    "REMOVE TTL",
};

AlterSpec Spec(AlterKind kind) {
  AlterSpec spec{};
  spec.kind = kind;
  return spec;
}

}  // namespace

AlterTable Parser::ParseAlterTable() {
  AlterTable alter;
  if (!AcceptWord("ONLINE")) AcceptWord("OFFLINE");
  alter.ignore = AcceptWord("IGNORE");
  if (!AcceptWord("TABLE")) Fail("not a kind of object that is known");
  alter.if_exists = IfExists();
  alter.table = Table();
  if (AcceptWord("WAIT")) {
    Number("a number of seconds");
  } else {
    AcceptWord("NOWAIT");
  }
  if (AtEnd()) return alter;
  do {
    ParseAlterSpec(&alter);
    // Partitioning follows without a comma.
    while (IsWord("PARTITION") || (IsWord("REMOVE") && IsWord("PARTITIONING", 1))) {
      ParseAlterSpec(&alter);
    }
  } while (AcceptSymbol(","));
  return alter;
}

void Parser::ParseColumnPosition(AlterSpec* spec) {
  if (AcceptWord("FIRST")) {
    spec->position = AlterSpec::Position::kFirst;
  } else if (AcceptWord("AFTER")) {
    spec->position = AlterSpec::Position::kAfter;
    spec->after = Name("a column name");
  }
}

void Parser::PartitionNames(AlterSpec* spec, bool allow_all) {
  if (allow_all && AcceptWord("ALL")) {
    spec->flag = true;
    return;
  }
  do {
    spec->names.push_back(Name("a partition name"));
  } while (AcceptSymbol(","));
}

void Parser::ParseAlterSpec(AlterTable* out) {
  if (ParsePartitionSpec(out)) return;
  if (AcceptWord("ADD")) return ParseAdd(out);
  if (IsWord("DROP")) return ParseDropSpec(out);
  if (AcceptWord("ALTER")) return ParseAlterColumnOrIndex(out);
  if (AcceptWord("MODIFY")) {
    AlterSpec spec = Spec(AlterKind::kModifyColumn);
    AcceptWord("COLUMN");
    spec.if_exists = IfExists();
    spec.columns.push_back(ParseColumnDef());
    ParseColumnPosition(&spec);
    out->specs.push_back(std::move(spec));
    return;
  }
  if (AcceptWord("CHANGE")) {
    AlterSpec spec = Spec(AlterKind::kChangeColumn);
    AcceptWord("COLUMN");
    spec.if_exists = IfExists();
    spec.name = Name("a column name");
    spec.columns.push_back(ParseColumnDef());
    ParseColumnPosition(&spec);
    out->specs.push_back(std::move(spec));
    return;
  }
  if (AcceptWord("RENAME")) {
    if (IsAny({"COLUMN", "INDEX", "KEY"}) && (IsName(1) || IsWord("IF", 1))) {
      const bool column = Take().upper == "COLUMN";
      AlterSpec spec = Spec(column ? AlterKind::kRenameColumn : AlterKind::kRenameIndex);
      spec.if_exists = IfExists();
      spec.name = Name(column ? "a column name" : "an index name");
      ExpectWord("TO");
      spec.new_name = Name(column ? "a column name" : "an index name");
      out->specs.push_back(std::move(spec));
      return;
    }
    AlterSpec spec = Spec(AlterKind::kRenameTable);
    if (!AcceptWord("TO") && !AcceptWord("AS")) AcceptSymbol("=");
    spec.table = Table();
    out->specs.push_back(std::move(spec));
    return;
  }
  if (AcceptWords({"CONVERT", "TO"})) {
    AlterSpec spec = Spec(AlterKind::kConvertCharset);
    if (!AcceptWord("CHARSET")) {
      if (!AcceptWords({"CHARACTER", "SET"})) ExpectWord("CHARSET");
    }
    AcceptSymbol("=");
    if (IsWord("DEFAULT")) {
      spec.text = Take().upper;
    } else {
      spec.text = CharsetName("a character set");
    }
    if (AcceptWord("COLLATE")) {
      AcceptSymbol("=");
      if (IsWord("DEFAULT")) {
        Take();
      } else {
        spec.new_name = CharsetName("a collation");
      }
    }
    out->specs.push_back(std::move(spec));
    return;
  }
  if (IsWord("CONVERT") && IsAny({"PARTITION", "TABLE"}, 1)) {
    Take();
    if (AcceptWord("PARTITION")) {
      AlterSpec spec = Spec(AlterKind::kConvertPartition);
      spec.names.push_back(Name("a partition name"));
      ExpectWord("TO");
      ExpectWord("TABLE");
      spec.table = Table();
      spec.text = Verbatim();
      out->specs.push_back(std::move(spec));
      return;
    }
    Take();
    AlterSpec spec = Spec(AlterKind::kConvertTable);
    spec.table = Table();
    ExpectWord("TO");
    spec.partitions.push_back(PartitionDefinition(false));
    spec.text = Verbatim();
    out->specs.push_back(std::move(spec));
    return;
  }
  if (AcceptWords({"ORDER", "BY"})) {
    AlterSpec spec = Spec(AlterKind::kVerbatim);
    spec.text = "ORDER BY ";
    while (true) {
      ExprPtr expr = Expression();
      spec.text += Restore(expr);
      if (AcceptWord("DESC")) {
        spec.text += " DESC";
      } else {
        AcceptWord("ASC");
      }
      // A comma may also begin the next change.
      if (!IsSymbol(",") ||
          !(IsName(1) && (IsSymbol(",", 2) || IsSymbol(";", 2) || Peek(2).kind == TokenKind::kEnd ||
                          IsAny({"ASC", "DESC"}, 2)))) {
        break;
      }
      if (IsAny({"FORCE", "SECONDARY_LOAD", "SECONDARY_UNLOAD", "CACHE", "NOCACHE"}, 1)) break;
      Take();
      spec.text += ",";
    }
    out->specs.push_back(std::move(spec));
    return;
  }
  if (IsAny({"ALGORITHM", "LOCK"})) {
    AlterSpec spec = Spec(AlterKind::kVerbatim);
    const std::string name = Take().upper;
    AcceptSymbol("=");
    spec.text = name + " = " + UpperWord(Name("a value"));
    out->specs.push_back(std::move(spec));
    return;
  }
  for (std::string_view phrase : kPhrases) {
    if (AcceptPhrase(phrase)) {
      AlterSpec spec = Spec(AlterKind::kVerbatim);
      spec.text = phrase;
      out->specs.push_back(std::move(spec));
      return;
    }
  }
  if (IsAny({"SET", "ATTRIBUTES", "STATS_OPTIONS", "SPLIT", "MERGE"})) {
    // TiDB: SET TIFLASH REPLICA n ..., ATTRIBUTES = '..', SPLIT PARTITION ...
    AlterSpec spec = Spec(AlterKind::kVerbatim);
    const size_t from = pos_;
    while (!AtEnd() && !IsSymbol(",")) {
      if (IsSymbol("(")) {
        SkipParens();
      } else {
        Take();
      }
    }
    spec.text = VerbatimSince(from);
    out->specs.push_back(std::move(spec));
    return;
  }
  AlterSpec spec = Spec(AlterKind::kOptions);
  // A comma ends a group of options that are one change.
  while (TableOption(&spec.options)) {
  }
  if (spec.options.empty()) Fail("not a change that is known");
  out->specs.push_back(std::move(spec));
}

// What MariaDB allows behind CONVERT: WITH or WITHOUT VALIDATION.
std::string Parser::Verbatim() {
  if (IsAny({"WITH", "WITHOUT"}) && IsWord("VALIDATION", 1)) {
    const size_t from = pos_;
    pos_ += 2;
    return VerbatimSince(from);
  }
  return "";
}

void Parser::ParseAdd(AlterTable* out) {
  if (AcceptWord("PARTITION")) {
    AlterSpec spec = Spec(AlterKind::kAddPartition);
    spec.if_exists = IfNotExists();
    AcceptWord("NO_WRITE_TO_BINLOG");
    AcceptWord("LOCAL");
    if (AcceptWord("PARTITIONS")) {
      spec.count = Number("a number of partitions");
    } else {
      spec.partitions = PartitionDefinitions();
    }
    out->specs.push_back(std::move(spec));
    return;
  }
  if (AcceptWords({"SYSTEM", "VERSIONING"})) {
    AlterSpec spec = Spec(AlterKind::kSystemVersioning);
    spec.text = "ADD";
    out->specs.push_back(std::move(spec));
    return;
  }
  const bool column_word = AcceptWord("COLUMN");
  if (!column_word && IsPeriodStart()) {
    AlterSpec spec = Spec(AlterKind::kAddConstraint);
    spec.constraint = ParseConstraint();
    spec.if_exists = spec.constraint.if_not_exists;
    out->specs.push_back(std::move(spec));
    return;
  }
  if (!column_word && IsConstraintStart()) {
    AlterSpec spec = Spec(AlterKind::kAddConstraint);
    spec.constraint = ParseConstraint();
    spec.if_exists = spec.constraint.if_not_exists;
    out->specs.push_back(std::move(spec));
    return;
  }
  AlterSpec spec = Spec(AlterKind::kAddColumn);
  spec.if_exists = IfNotExists();
  if (AcceptSymbol("(")) {
    spec.in_parens = true;
    std::vector<AlterSpec> constraints;
    do {
      if (IsConstraintStart()) {
        AlterSpec add = Spec(AlterKind::kAddConstraint);
        add.constraint = ParseConstraint();
        add.if_exists = add.constraint.if_not_exists;
        constraints.push_back(std::move(add));
      } else {
        spec.columns.push_back(ParseColumnDef());
      }
    } while (AcceptSymbol(","));
    ExpectSymbol(")");
    if (!spec.columns.empty()) out->specs.push_back(std::move(spec));
    for (AlterSpec& add : constraints) out->specs.push_back(std::move(add));
    return;
  }
  spec.columns.push_back(ParseColumnDef());
  ParseColumnPosition(&spec);
  out->specs.push_back(std::move(spec));
}

void Parser::ParseDropSpec(AlterTable* out) {
  ExpectWord("DROP");
  AlterSpec spec{};
  if (AcceptWord("PARTITION")) {
    spec.kind = AlterKind::kDropPartition;
    spec.if_exists = IfExists();
    PartitionNames(&spec, false);
  } else if (IsWord("PRIMARY") && IsWord("KEY", 1)) {
    pos_ += 2;
    spec.kind = AlterKind::kDropPrimaryKey;
  } else if (IsWord("FOREIGN") && IsWord("KEY", 1)) {
    pos_ += 2;
    spec.kind = AlterKind::kDropForeignKey;
    spec.if_exists = IfExists();
    spec.name = Name("a foreign key name");
  } else if (IsAny({"INDEX", "KEY"}) && (IsName(1) || IsWord("IF", 1))) {
    Take();
    spec.kind = AlterKind::kDropIndex;
    spec.if_exists = IfExists();
    spec.name = Name("an index name");
  } else if (IsAny({"CHECK", "CONSTRAINT"}) && (IsName(1) || IsWord("IF", 1))) {
    spec.kind = Take().upper == "CHECK" ? AlterKind::kDropCheck : AlterKind::kDropConstraint;
    spec.if_exists = IfExists();
    spec.name = Name("a constraint name");
  } else if (IsWord("SYSTEM") && IsWord("VERSIONING", 1)) {
    pos_ += 2;
    spec.kind = AlterKind::kSystemVersioning;
    spec.text = "DROP";
  } else if (IsPeriodStart()) {
    Take();
    spec.kind = AlterKind::kDropPeriod;
    spec.if_exists = IfExists();
    ExpectWord("FOR");
    spec.name = Name("a period name");
  } else {
    AcceptWord("COLUMN");
    spec.kind = AlterKind::kDropColumn;
    spec.if_exists = IfExists();
    spec.name = Name("a column name");
    if (!AcceptWord("RESTRICT")) AcceptWord("CASCADE");
  }
  out->specs.push_back(std::move(spec));
}

void Parser::ParseAlterColumnOrIndex(AlterTable* out) {
  AlterSpec spec{};
  if (IsAny({"INDEX", "KEY"}) && (IsName(1) || IsWord("IF", 1)) && !IsAny({"SET", "DROP"}, 1)) {
    Take();
    spec.kind = AlterKind::kIndexVisible;
    spec.if_exists = IfExists();
    spec.name = Name("an index name");
    if (AcceptWord("VISIBLE")) {
      spec.flag = true;
    } else if (AcceptWord("IGNORED")) {
      spec.ignored_spelling = true;
    } else if (AcceptWords({"NOT", "IGNORED"})) {
      spec.ignored_spelling = true;
      spec.flag = true;
    } else {
      ExpectWord("INVISIBLE");
    }
    out->specs.push_back(std::move(spec));
    return;
  }
  if (IsAny({"CHECK", "CONSTRAINT"}) && IsName(1) && !IsAny({"SET", "DROP"}, 1)) {
    spec.kind = AlterKind::kAlterCheck;
    spec.text = Take().upper;
    spec.name = Name("a constraint name");
    if (AcceptWord("ENFORCED")) {
      spec.flag = true;
    } else if (!AcceptWords({"NOT", "ENFORCED"})) {
      Fail("expected ENFORCED or NOT ENFORCED");
    }
    out->specs.push_back(std::move(spec));
    return;
  }
  AcceptWord("COLUMN");
  spec.if_exists = IfExists();
  spec.name = Name("a column name");
  if (AcceptWords({"DROP", "DEFAULT"})) {
    spec.kind = AlterKind::kDropDefault;
  } else {
    ExpectWord("SET");
    if (AcceptWord("VISIBLE")) {
      spec.kind = AlterKind::kColumnVisible;
      spec.flag = true;
    } else if (AcceptWord("INVISIBLE")) {
      spec.kind = AlterKind::kColumnVisible;
    } else {
      ExpectWord("DEFAULT");
      spec.kind = AlterKind::kSetDefault;
      spec.expr = DefaultValue(&spec.parens);
    }
  }
  out->specs.push_back(std::move(spec));
}

bool Parser::ParsePartitionSpec(AlterTable* out) {
  AlterSpec spec{};
  if (IsWord("PARTITION") && IsWord("BY", 1)) {
    spec.kind = AlterKind::kPartitionBy;
    spec.partition = ParsePartitionBy();
  } else if (AcceptWords({"REMOVE", "PARTITIONING"})) {
    spec.kind = AlterKind::kRemovePartitioning;
  } else if (AcceptWords({"TRUNCATE", "PARTITION"})) {
    spec.kind = AlterKind::kTruncatePartition;
    PartitionNames(&spec, true);
  } else if (AcceptWords({"COALESCE", "PARTITION"})) {
    spec.kind = AlterKind::kCoalescePartition;
    AcceptWord("NO_WRITE_TO_BINLOG");
    AcceptWord("LOCAL");
    spec.count = Number("a number of partitions");
  } else if (AcceptWords({"REORGANIZE", "PARTITION"})) {
    spec.kind = AlterKind::kReorganizePartition;
    AcceptWord("NO_WRITE_TO_BINLOG");
    AcceptWord("LOCAL");
    if (!AtEnd() && !IsSymbol(",")) {
      PartitionNames(&spec, false);
      ExpectWord("INTO");
      spec.partitions = PartitionDefinitions();
    }
  } else if (AcceptWords({"EXCHANGE", "PARTITION"})) {
    spec.kind = AlterKind::kExchangePartition;
    spec.names.push_back(Name("a partition name"));
    ExpectWord("WITH");
    ExpectWord("TABLE");
    spec.table = Table();
    spec.text = Verbatim();
  } else if (AcceptWords({"REBUILD", "PARTITION"})) {
    spec.kind = AlterKind::kRebuildPartition;
    AcceptWord("NO_WRITE_TO_BINLOG");
    AcceptWord("LOCAL");
    PartitionNames(&spec, true);
  } else if (IsAny({"ANALYZE", "CHECK", "OPTIMIZE", "REPAIR", "DISCARD", "IMPORT"}) &&
             IsWord("PARTITION", 1)) {
    spec.kind = AlterKind::kMaintainPartition;
    spec.text = Take().upper;
    Take();
    AcceptWord("NO_WRITE_TO_BINLOG");
    AcceptWord("LOCAL");
    PartitionNames(&spec, true);
    // DISCARD PARTITION p TABLESPACE, CHECK PARTITION p QUICK ...
    const size_t from = pos_;
    while (IsAny({"TABLESPACE", "QUICK", "EXTENDED", "FAST", "MEDIUM", "CHANGED", "UPGRADE", "FOR",
                  "USE_FRM"})) {
      Take();
    }
    spec.new_name = VerbatimSince(from);
  } else {
    return false;
  }
  out->specs.push_back(std::move(spec));
  return true;
}

}  // namespace dm::mysql
