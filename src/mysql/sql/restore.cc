#include "mysql/sql/restore.h"

#include <fmt/format.h>

#include <algorithm>

#include "mysql/sql/lexer.h"
#include "mysql/sql/restore_impl.h"
#include "mysql/value/quote.h"

namespace dm::mysql {

std::string QuoteTableName(const TableName& table) {
  if (table.schema.empty()) return QuoteName(table.name);
  return QuoteName(table.schema) + "." + QuoteName(table.name);
}

std::string QuoteText(std::string_view text, bool no_backslash_escapes) {
  std::string out;
  out.reserve(text.size() + 2);
  out += '\'';
  for (char c : text) {
    if (c == '\'') {
      out += "''";
    } else if (no_backslash_escapes) {
      out += c;
    } else if (c == '\\') {
      out += "\\\\";
    } else if (c == '\0') {
      out += "\\0";
    } else if (c == '\x1a') {
      out += "\\Z";
    } else {
      out += c;
    }
  }
  out += '\'';
  return out;
}

std::string Restore(const Statement& statement, const RestoreOptions& options) {
  Writer writer(options);
  writer.Write(statement);
  return writer.Take();
}

std::string Restore(const ExprPtr& expr, ExprStyle style, const RestoreOptions& options) {
  if (expr == nullptr) return "";
  Writer writer(options, style);
  writer.Write(*expr);
  return writer.Take();
}

std::string Restore(const ColumnDef& column, const RestoreOptions& options) {
  Writer writer(options);
  writer.Write(column);
  return writer.Take();
}

std::string Restore(const DataType& type, const RestoreOptions& options) {
  Writer writer(options);
  writer.Write(type);
  return writer.Take();
}

std::string Restore(const PartitionBy& partition, const RestoreOptions& options) {
  Writer writer(options);
  writer.Write(partition);
  return writer.Take();
}

std::string Restore(const PartitionDef& definition, const RestoreOptions& options) {
  Writer writer(options);
  writer.Write(definition, false);
  return writer.Take();
}

void Writer::Identifier(std::string_view name) { AppendQuotedName(out_, name); }

void Writer::Table(const TableName& table) { out_ += QuoteTableName(table); }

void Writer::String(std::string_view text) {
  out_ += QuoteText(text, options_.no_backslash_escapes);
}

void Writer::Kept(std::string_view text) {
  if (!options_.no_backslash_escapes || text.find('\\') == std::string_view::npos) {
    return Put(text);
  }
  size_t done = 0;
  for (const Token& token : Tokenize(text, {})) {
    const bool national = token.kind == TokenKind::kNationalString;
    if (token.kind != TokenKind::kString && !national) continue;
    Put(text.substr(done, token.begin - done));
    if (national) Put("N");
    String(token.text);
    done = token.end;
  }
  Put(text.substr(done));
}

std::string Writer::Collation(std::string_view name) const {
  return options_.collation_names ? options_.collation_names(name) : std::string(name);
}

void Writer::Special(std::string_view text) {
  if (For(SqlTarget::kMariaDb)) {
    Put(text);
  } else {
    Put("/*T! ");
    Put(text);
    Put(" */");
  }
}

void Writer::Write(const Statement& statement) {
  if (statement.IsDdl()) {
    std::visit([this](const auto& body) { Body(body); }, statement.body);
  } else {
    Put(statement.text);
  }
}

void Writer::Body(const OtherStatement& other) { Put(other.verb); }

void Writer::DatabaseOptions(const std::vector<Option>& options) {
  for (const Option& option : options) {
    if (For(SqlTarget::kMySql) && (option.name == "COMMENT" || option.name == "PLACEMENT POLICY")) {
      continue;
    }
    if (For(SqlTarget::kMariaDb) && (option.name == "ENCRYPTION" || option.name == "READ ONLY" ||
                                     option.name == "PLACEMENT POLICY")) {
      continue;
    }
    if (For(SqlTarget::kTiDb) && (option.name == "COMMENT" || option.name == "READ ONLY" ||
                                  option.name == "UPGRADE DATA DIRECTORY NAME")) {
      continue;
    }
    Put(" ");
    if (option.kind == Option::Value::kNone) {
      Put(option.name);
    } else if (option.name == "PLACEMENT POLICY") {
      Put("/*T![placement] PLACEMENT POLICY = ");
      Identifier(option.value);
      Put(" */");
    } else {
      Put(option.name);
      Put(" = ");
      if (option.kind == Option::Value::kString) {
        String(option.value);
      } else {
        Put(option.name == "COLLATE" ? Collation(option.value) : option.value);
      }
    }
  }
}

void Writer::Body(const CreateDatabase& create) {
  Put(create.or_replace && For(SqlTarget::kMariaDb) ? "CREATE OR REPLACE DATABASE "
                                                    : "CREATE DATABASE ");
  if (create.if_not_exists && !(create.or_replace && For(SqlTarget::kMariaDb))) {
    Put("IF NOT EXISTS ");
  }
  Identifier(create.name);
  DatabaseOptions(create.options);
}

void Writer::Body(const AlterDatabase& alter) {
  Put("ALTER DATABASE");
  if (!alter.name.empty()) {
    Put(" ");
    Identifier(alter.name);
  }
  DatabaseOptions(alter.options);
}

void Writer::Body(const DropDatabase& drop) {
  Put("DROP DATABASE ");
  if (drop.if_exists) Put("IF EXISTS ");
  Identifier(drop.name);
}

void Writer::Body(const CreateTable& create) {
  Put("CREATE TABLE ");
  if (create.if_not_exists) Put("IF NOT EXISTS ");
  Table(create.table);
  if (create.like) {
    Put(" LIKE ");
    Table(*create.like);
    return;
  }
  Put(" (");
  // Servers name keys in the order of the text, so it stays. The form that is shown has the columns
  // first, and so has TiDB.
  const bool as_written = For(SqlTarget::kMySql) || For(SqlTarget::kMariaDb);
  bool first = true;
  size_t next = 0;
  const auto comma = [&] {
    if (!first) Put(",");
    first = false;
  };
  const auto columns_until = [&](size_t end) {
    for (; next < std::min(end, create.columns.size()); ++next) {
      comma();
      Write(create.columns[next]);
    }
  };
  for (const Constraint& constraint : create.constraints) {
    if (constraint.kind == ConstraintKind::kSpatial && For(SqlTarget::kTiDb)) continue;
    if (constraint.kind == ConstraintKind::kPeriod && !For(SqlTarget::kMariaDb) &&
        !For(SqlTarget::kCanonical)) {
      continue;
    }
    columns_until(as_written ? constraint.columns_before : create.columns.size());
    comma();
    Constraint_(constraint);
  }
  columns_until(create.columns.size());
  Put(")");
  std::vector<Option> options = create.options;
  std::erase_if(options,
                [this](const Option& option) { return !KnowsOption(options_.target, option); });
  if (!options.empty()) {
    Put(" ");
    Options(options);
  }
  if (create.partition) {
    Put(" ");
    Write(*create.partition);
  }
}

void Writer::Body(const DropTable& drop) {
  Put("DROP TABLE ");
  if (drop.if_exists) Put("IF EXISTS ");
  for (size_t i = 0; i < drop.tables.size(); ++i) {
    if (i > 0) Put(", ");
    Table(drop.tables[i]);
  }
}

void Writer::Body(const TruncateTable& truncate) {
  Put("TRUNCATE TABLE ");
  Table(truncate.table);
}

void Writer::Body(const RenameTable& rename) {
  Put("RENAME TABLE ");
  if (rename.if_exists && For(SqlTarget::kMariaDb)) Put("IF EXISTS ");
  for (size_t i = 0; i < rename.pairs.size(); ++i) {
    if (i > 0) Put(", ");
    Table(rename.pairs[i].from);
    Put(" TO ");
    Table(rename.pairs[i].to);
  }
}

void Writer::LockOptions(const std::vector<Option>& options) {
  for (const Option& option : options) {
    Put(" ");
    Put(option.name);
    Put(" = ");
    Put(option.value);
  }
}

void Writer::Body(const CreateIndex& create) {
  Put("CREATE ");
  if (create.or_replace && For(SqlTarget::kMariaDb)) Put("OR REPLACE ");
  switch (create.index.kind) {
    case ConstraintKind::kUnique:
      Put("UNIQUE ");
      break;
    case ConstraintKind::kFullText:
      Put("FULLTEXT ");
      break;
    case ConstraintKind::kSpatial:
      Put("SPATIAL ");
      break;
    case ConstraintKind::kVector:
      Put("VECTOR ");
      break;
    default:
      break;
  }
  Put("INDEX ");
  if (create.index.if_not_exists) Special("IF NOT EXISTS ");
  Identifier(create.index.name);
  Put(" ON ");
  Table(create.table);
  Put(" ");
  IndexParts(create.index.parts);
  IndexOptions_(create.index.options);
  LockOptions(create.lock_options);
}

void Writer::Body(const DropIndex& drop) {
  Put("DROP INDEX ");
  // In a comment for every target: MySQL has no such condition, and the error is ignored.
  if (drop.if_exists) Put("/*T! IF EXISTS  */");
  Identifier(drop.name);
  Put(" ON ");
  Table(drop.table);
  LockOptions(drop.lock_options);
}

void Writer::Body(const SequenceStatement& sequence) {
  Put(sequence.verb);
  if (sequence.or_replace) Put(" OR REPLACE");
  Put(" SEQUENCE ");
  if (sequence.if_exists) Put(sequence.verb == "CREATE" ? "IF NOT EXISTS " : "IF EXISTS ");
  Table(sequence.sequence);
  for (const TableName& name : sequence.more) {
    Put(", ");
    Table(name);
  }
  if (!sequence.rest.empty()) {
    Put(" ");
    Kept(sequence.rest);
  }
}

// ---- ALTER TABLE ------------------------------------------------------------------------------

void Writer::Body(const AlterTable& alter) {
  Put("ALTER TABLE ");
  if (alter.if_exists && For(SqlTarget::kMariaDb)) Put("IF EXISTS ");
  Table(alter.table);
  bool first = true;
  for (const AlterSpec& spec : alter.specs) {
    const bool partitioning =
        spec.kind == AlterKind::kPartitionBy || spec.kind == AlterKind::kRemovePartitioning;
    Put(first || partitioning ? " " : ", ");
    first = false;
    Spec(spec);
  }
}

void Writer::ColumnPosition(const AlterSpec& spec) {
  if (spec.position == AlterSpec::Position::kFirst) {
    Put(" FIRST");
  } else if (spec.position == AlterSpec::Position::kAfter) {
    Put(" AFTER ");
    Identifier(spec.after);
  }
}

void Writer::Names(const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) Put(",");
    Identifier(names[i]);
  }
}

void Writer::NamesOrAll(const AlterSpec& spec) {
  if (spec.flag) {
    Put("ALL");
  } else {
    Names(spec.names);
  }
}

void Writer::Spec(const AlterSpec& spec) {
  const auto named = [&](std::string_view words) {
    Put(words);
    if (spec.if_exists) Special("IF EXISTS ");
    Identifier(spec.name);
  };
  switch (spec.kind) {
    case AlterKind::kAddColumn:
      Put("ADD COLUMN ");
      if (spec.if_exists) Special("IF NOT EXISTS ");
      if (spec.in_parens) Put("(");
      for (size_t i = 0; i < spec.columns.size(); ++i) {
        if (i > 0) Put(", ");
        Write(spec.columns[i]);
      }
      if (spec.in_parens) Put(")");
      ColumnPosition(spec);
      break;
    case AlterKind::kDropColumn:
      named("DROP COLUMN ");
      break;
    case AlterKind::kModifyColumn:
      Put("MODIFY COLUMN ");
      if (spec.if_exists) Special("IF EXISTS ");
      Write(spec.columns.front());
      ColumnPosition(spec);
      break;
    case AlterKind::kChangeColumn:
      named("CHANGE COLUMN ");
      Put(" ");
      Write(spec.columns.front());
      ColumnPosition(spec);
      break;
    case AlterKind::kRenameColumn:
      named("RENAME COLUMN ");
      Put(" TO ");
      Identifier(spec.new_name);
      break;
    case AlterKind::kSetDefault:
      named("ALTER COLUMN ");
      Put(" SET DEFAULT ");
      // Here MySQL and TiDB take neither calls nor the time without parentheses.
      Default(*spec.expr, spec.parens, IsSignedLiteral(*spec.expr));
      break;
    case AlterKind::kDropDefault:
      named("ALTER COLUMN ");
      Put(" DROP DEFAULT");
      break;
    case AlterKind::kColumnVisible:
      named("ALTER COLUMN ");
      Put(spec.flag ? " SET VISIBLE" : " SET INVISIBLE");
      break;
    case AlterKind::kAddConstraint:
      Put("ADD ");
      Constraint_(spec.constraint);
      break;
    case AlterKind::kDropIndex:
      named("DROP INDEX ");
      break;
    case AlterKind::kDropPrimaryKey:
      Put("DROP PRIMARY KEY");
      break;
    case AlterKind::kDropForeignKey:
      named("DROP FOREIGN KEY ");
      break;
    case AlterKind::kDropCheck:
      named("DROP CHECK ");
      break;
    case AlterKind::kDropConstraint:
      named("DROP CONSTRAINT ");
      break;
    case AlterKind::kRenameIndex:
      named("RENAME INDEX ");
      Put(" TO ");
      Identifier(spec.new_name);
      break;
    case AlterKind::kIndexVisible:
      named("ALTER INDEX ");
      if (For(SqlTarget::kMariaDb)) {
        Put(spec.flag ? " NOT IGNORED" : " IGNORED");
      } else {
        Put(spec.flag ? " VISIBLE" : " INVISIBLE");
      }
      break;
    case AlterKind::kAlterCheck:
      Put("ALTER ");
      Put(spec.text);
      Put(" ");
      Identifier(spec.name);
      Put(spec.flag ? " ENFORCED" : " NOT ENFORCED");
      break;
    case AlterKind::kRenameTable:
      Put("RENAME AS ");
      Table(spec.table);
      break;
    case AlterKind::kConvertCharset:
      Put("CONVERT TO CHARACTER SET ");
      Put(UpperWord(spec.text));
      if (!spec.new_name.empty()) {
        Put(" COLLATE ");
        Put(UpperWord(Collation(spec.new_name)));
      }
      break;
    case AlterKind::kOptions:
      Options(spec.options);
      break;
    case AlterKind::kPartitionBy:
      Write(*spec.partition);
      break;
    case AlterKind::kRemovePartitioning:
      Put("REMOVE PARTITIONING");
      break;
    case AlterKind::kAddPartition:
      Put("ADD PARTITION");
      if (spec.if_exists) Special(" IF NOT EXISTS");
      if (spec.count) {
        Put(fmt::format(" PARTITIONS {}", *spec.count));
      } else {
        Put(" ");
        Definitions(spec.partitions, false);
      }
      break;
    case AlterKind::kDropPartition:
      Put("DROP PARTITION ");
      if (spec.if_exists) Special("IF EXISTS ");
      Names(spec.names);
      break;
    case AlterKind::kTruncatePartition:
      Put("TRUNCATE PARTITION ");
      NamesOrAll(spec);
      break;
    case AlterKind::kCoalescePartition:
      Put(fmt::format("COALESCE PARTITION {}", spec.count.value_or(0)));
      break;
    case AlterKind::kReorganizePartition:
      Put("REORGANIZE PARTITION");
      if (!spec.names.empty()) {
        Put(" ");
        Names(spec.names);
        Put(" INTO ");
        Definitions(spec.partitions, false);
      }
      break;
    case AlterKind::kExchangePartition:
      Put("EXCHANGE PARTITION ");
      Names(spec.names);
      Put(" WITH TABLE ");
      Table(spec.table);
      if (!spec.text.empty()) {
        Put(" ");
        Put(spec.text);
      }
      break;
    case AlterKind::kConvertPartition:
      Put("CONVERT PARTITION ");
      Names(spec.names);
      Put(" TO TABLE ");
      Table(spec.table);
      if (!spec.text.empty()) {
        Put(" ");
        Put(spec.text);
      }
      break;
    case AlterKind::kConvertTable:
      Put("CONVERT TABLE ");
      Table(spec.table);
      Put(" TO ");
      Write(spec.partitions.front(), false);
      if (!spec.text.empty()) {
        Put(" ");
        Put(spec.text);
      }
      break;
    case AlterKind::kRebuildPartition:
      Put("REBUILD PARTITION ");
      NamesOrAll(spec);
      break;
    case AlterKind::kMaintainPartition:
      Put(spec.text);
      Put(" PARTITION ");
      NamesOrAll(spec);
      if (!spec.new_name.empty()) {
        Put(" ");
        Put(spec.new_name);
      }
      break;
    case AlterKind::kSystemVersioning:
      Put(spec.text);
      Put(" SYSTEM VERSIONING");
      break;
    case AlterKind::kDropPeriod:
      Put("DROP PERIOD ");
      if (spec.if_exists) Special("IF EXISTS ");
      Put("FOR ");
      Period(spec.name);
      break;
    case AlterKind::kVerbatim:
      Kept(spec.text);
      break;
  }
}

}  // namespace dm::mysql
