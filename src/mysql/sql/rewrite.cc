#include "mysql/sql/rewrite.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error/error.h"
#include "mysql/sql/lexer.h"
#include "mysql/value/charset.h"

namespace dm::mysql {
namespace {

void FillSchema(TableName* table, std::string_view schema) {
  if (table->schema.empty()) table->schema = schema;
}

std::string Lower(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  }
  return lower;
}

[[noreturn]] void ThrowUnknown(const Statement& statement) {
  const auto* other = statement.As<OtherStatement>();
  throw MakeError(ErrorCode::kUnknownTypeDDL,
                  other != nullptr && !other->verb.empty() ? other->verb : statement.text);
}

template <class Body>
Statement With(const Statement& source, Body body) {
  Statement statement;
  statement.text = source.text;
  statement.body = std::move(body);
  return statement;
}

void SplitAlter(const Statement& source, const AlterTable& alter, std::string_view schema,
                std::vector<Statement>* out) {
  TableName table = alter.table;
  FillSchema(&table, schema);
  // Of several new names servers take the last.
  const AlterSpec* rename = nullptr;
  for (const AlterSpec& spec : alter.specs) {
    if (spec.kind == AlterKind::kRenameTable) rename = &spec;
  }
  for (const AlterSpec& spec : alter.specs) {
    if (spec.kind == AlterKind::kRenameTable && &spec != rename) continue;
    AlterTable one;
    one.ignore = alter.ignore;
    one.if_exists = alter.if_exists;
    one.table = table;
    if (spec.kind == AlterKind::kAddColumn && (spec.in_parens || spec.columns.size() > 1)) {
      for (const ColumnDef& column : spec.columns) {
        AlterTable single = one;
        AlterSpec add{};
        add.kind = AlterKind::kAddColumn;
        add.if_exists = spec.if_exists;
        add.columns.push_back(column);
        single.specs.push_back(std::move(add));
        out->push_back(With(source, std::move(single)));
      }
      continue;
    }
    AlterSpec copy = spec;
    switch (copy.kind) {
      case AlterKind::kRenameTable:
      case AlterKind::kExchangePartition:
      case AlterKind::kConvertPartition:
      case AlterKind::kConvertTable:
        FillSchema(&copy.table, schema);
        break;
      default:
        break;
    }
    if (copy.kind == AlterKind::kRenameTable) table = copy.table;
    one.specs.push_back(std::move(copy));
    out->push_back(With(source, std::move(one)));
  }
}

// Table that an ALTER names besides its own; nullptr if none.
template <class Alter>
auto OtherTable(Alter& alter) -> decltype(&alter.specs.front().table) {
  for (auto& spec : alter.specs) {
    switch (spec.kind) {
      case AlterKind::kRenameTable:
      case AlterKind::kExchangePartition:
      case AlterKind::kConvertPartition:
      case AlterKind::kConvertTable:
        return &spec.table;
      default:
        break;
    }
  }
  return nullptr;
}

// Visits every table name of a split statement, in order; `database` for database statements.
template <class Stmt, class VisitTable, class VisitDatabase>
bool VisitNames(Stmt& statement, VisitTable table, VisitDatabase database) {
  if (auto* create_db = statement.template As<CreateDatabase>()) {
    database(create_db->name);
  } else if (auto* alter_db = statement.template As<AlterDatabase>()) {
    database(alter_db->name);
  } else if (auto* drop_db = statement.template As<DropDatabase>()) {
    database(drop_db->name);
  } else if (auto* create = statement.template As<CreateTable>()) {
    table(create->table);
    if (create->like) table(*create->like);
  } else if (auto* alter = statement.template As<AlterTable>()) {
    table(alter->table);
    if (auto* other = OtherTable(*alter)) table(*other);
  } else if (auto* drop = statement.template As<DropTable>()) {
    for (auto& name : drop->tables) table(name);
  } else if (auto* truncate = statement.template As<TruncateTable>()) {
    table(truncate->table);
  } else if (auto* rename = statement.template As<RenameTable>()) {
    for (auto& pair : rename->pairs) {
      table(pair.from);
      table(pair.to);
    }
  } else if (auto* index = statement.template As<CreateIndex>()) {
    table(index->table);
  } else if (auto* drop_index = statement.template As<DropIndex>()) {
    table(drop_index->table);
  } else if (auto* sequence = statement.template As<SequenceStatement>()) {
    table(sequence->sequence);
    for (auto& name : sequence->more) table(name);
  } else {
    return false;
  }
  return true;
}

bool HasOption(const std::vector<Option>& options, std::string_view name, std::string* value) {
  for (const Option& option : options) {
    if (option.name == name) {
      *value = option.value;
      return true;
    }
  }
  return false;
}

void AddCollate(std::vector<Option>* options, std::string collation) {
  Option option;
  option.name = "COLLATE";
  option.kind = Option::Value::kWord;
  option.value = std::move(collation);
  options->push_back(std::move(option));
}

std::string_view AlterEvent(const AlterSpec& spec) {
  switch (spec.kind) {
    case AlterKind::kRenameColumn:
      return "rename column";
    case AlterKind::kRenameIndex:
      return "rename index";
    case AlterKind::kRenameTable:
      return "rename table";
    case AlterKind::kDropColumn:
      return "drop column";
    case AlterKind::kDropIndex:
      return "drop index";
    case AlterKind::kDropPrimaryKey:
      return "drop primary key";
    case AlterKind::kSetDefault:
    case AlterKind::kDropDefault:
      return "modify default value";
    case AlterKind::kAddConstraint:
      return spec.constraint.kind == ConstraintKind::kPeriod ? "alter table" : "modify constraint";
    case AlterKind::kDropPartition:
      return "drop table partition";
    case AlterKind::kTruncatePartition:
      return "truncate table partition";
    case AlterKind::kReorganizePartition:
      return "reorganize table partition";
    case AlterKind::kRebuildPartition:
      return "rebuild table partition";
    case AlterKind::kCoalescePartition:
      return "coalesce table partition";
    case AlterKind::kExchangePartition:
      return "exchange table partition";
    case AlterKind::kConvertCharset:
      return "modify charset";
    case AlterKind::kOptions:
      for (const Option& option : spec.options) {
        if (option.name == "CHARACTER SET") return "modify charset";
        if (option.name == "COLLATE") return "modify collation";
        if (option.name == "ENGINE") return "modify storage engine";
      }
      return "alter table";
    default:
      return "alter table";
  }
}

}  // namespace

void ChangeSequences(Statement* statement, const std::function<void(TableName&)>& change) {
  const auto in = [&](ExprPtr& expr) {
    if (!TakesFromSequence(expr)) return;
    expr = Transform(expr, [&](const Expr& node) -> ExprPtr {
      if (node.kind != ExprKind::kNextValue) return nullptr;
      TableName name{node.schema, node.name};
      change(name);
      auto renamed = std::make_shared<Expr>(node);
      renamed->schema = std::move(name.schema);
      renamed->name = std::move(name.name);
      return renamed;
    });
  };
  const auto of = [&](std::vector<ColumnDef>& columns) {
    for (ColumnDef& column : columns) {
      for (ColumnOption& option : column.options) {
        if (option.kind == ColumnOptionKind::kDefault) in(option.expr);
      }
    }
  };
  if (auto* create = statement->As<CreateTable>()) {
    of(create->columns);
  } else if (auto* alter = statement->As<AlterTable>()) {
    for (AlterSpec& spec : alter->specs) {
      of(spec.columns);
      if (spec.kind == AlterKind::kSetDefault) in(spec.expr);
    }
  }
}

namespace {

std::vector<Statement> Split(const Statement& statement, std::string_view default_schema) {
  std::vector<Statement> out;
  if (const auto* alter = statement.As<AlterTable>()) {
    SplitAlter(statement, *alter, default_schema, &out);
    return out;
  }
  if (const auto* drop = statement.As<DropTable>()) {
    for (const TableName& name : drop->tables) {
      DropTable one;
      one.if_exists = true;
      one.tables.push_back(name);
      FillSchema(&one.tables.back(), default_schema);
      out.push_back(With(statement, std::move(one)));
    }
    return out;
  }
  if (const auto* rename = statement.As<RenameTable>()) {
    for (const RenameTable::Pair& pair : rename->pairs) {
      RenameTable one;
      one.if_exists = rename->if_exists;
      one.pairs.push_back(pair);
      FillSchema(&one.pairs.back().from, default_schema);
      FillSchema(&one.pairs.back().to, default_schema);
      out.push_back(With(statement, std::move(one)));
    }
    return out;
  }
  if (const auto* sequence = statement.As<SequenceStatement>();
      sequence && !sequence->more.empty()) {
    std::vector<TableName> names = {sequence->sequence};
    names.insert(names.end(), sequence->more.begin(), sequence->more.end());
    for (TableName& name : names) {
      SequenceStatement one = *sequence;
      one.more.clear();
      one.sequence = std::move(name);
      FillSchema(&one.sequence, default_schema);
      out.push_back(With(statement, std::move(one)));
    }
    return out;
  }
  if (!statement.IsDdl()) ThrowUnknown(statement);

  Statement copy = statement;
  if (auto* create = copy.As<CreateTable>()) {
    // CREATE OR REPLACE is a drop and a create: not every target has it.
    if (create->or_replace) {
      DropTable drop;
      drop.if_exists = true;
      drop.tables.push_back(create->table);
      FillSchema(&drop.tables.back(), default_schema);
      out.push_back(With(statement, std::move(drop)));
      create->or_replace = false;
    }
    create->if_not_exists = true;
  } else if (auto* create_db = copy.As<CreateDatabase>()) {
    if (create_db->or_replace) {
      out.push_back(With(statement, DropDatabase{true, create_db->name}));
      create_db->or_replace = false;
    }
    create_db->if_not_exists = true;
  } else if (auto* alter_db = copy.As<AlterDatabase>()) {
    if (alter_db->name.empty()) alter_db->name = default_schema;
  } else if (auto* drop_db = copy.As<DropDatabase>()) {
    drop_db->if_exists = true;
  } else if (auto* index = copy.As<CreateIndex>()) {
    if (index->or_replace) {
      DropIndex drop;
      drop.if_exists = true;
      drop.name = index->index.name;
      drop.table = index->table;
      FillSchema(&drop.table, default_schema);
      out.push_back(With(statement, std::move(drop)));
      index->or_replace = false;
    }
  } else if (auto* drop_index = copy.As<DropIndex>()) {
    drop_index->if_exists = true;
  }
  VisitNames(
      copy, [&](TableName& table) { FillSchema(&table, default_schema); }, [](std::string&) {});
  out.push_back(std::move(copy));
  return out;
}

}  // namespace

std::vector<Statement> SplitDdl(const Statement& statement, std::string_view default_schema) {
  std::vector<Statement> out = Split(statement, default_schema);
  for (Statement& one : out) {
    ChangeSequences(&one, [&](TableName& name) { FillSchema(&name, default_schema); });
  }
  return out;
}

std::vector<Statement> JoinAlters(std::vector<Statement> statements) {
  std::vector<Statement> out;
  // A RENAME TO before others of a list: servers take it with them, so it goes to the end.
  std::optional<Statement> rename;
  const auto end_list = [&] {
    if (rename) out.push_back(std::move(*rename));
    rename.reset();
  };
  for (Statement& statement : statements) {
    AlterTable* alter = statement.As<AlterTable>();
    if (rename) {
      const AlterTable& held = *rename->As<AlterTable>();
      if (alter != nullptr && OtherTable(*alter) == nullptr && rename->text == statement.text &&
          alter->table == held.specs.front().table) {
        alter->table = held.table;
      } else {
        end_list();
      }
    } else if (alter != nullptr && alter->specs.size() == 1 &&
               alter->specs.front().kind == AlterKind::kRenameTable) {
      rename = std::move(statement);
      continue;
    }
    AlterTable* last = out.empty() ? nullptr : out.back().As<AlterTable>();
    const bool joins = alter != nullptr && last != nullptr && !alter->specs.empty() &&
                       !last->specs.empty() && alter->table == last->table &&
                       OtherTable(*last) == nullptr && OtherTable(*alter) == nullptr &&
                       out.back().text == statement.text;
    if (!joins) {
      out.push_back(std::move(statement));
      continue;
    }
    for (AlterSpec& spec : alter->specs) last->specs.push_back(std::move(spec));
  }
  end_list();
  return out;
}

std::vector<TableName> TableRefs(const Statement& statement, std::string_view default_schema,
                                 bool fold_case) {
  std::vector<TableName> refs;
  const bool known = VisitNames(
      statement,
      [&](const TableName& table) {
        TableName name = table;
        FillSchema(&name, default_schema);
        if (fold_case) {
          name.schema = Lower(name.schema);
          name.name = Lower(name.name);
        }
        refs.push_back(std::move(name));
      },
      [&](const std::string& database) {
        std::string name = database.empty() ? std::string(default_schema) : database;
        refs.push_back({fold_case ? Lower(name) : name, ""});
      });
  if (!known) ThrowUnknown(statement);
  return refs;
}

Statement RenameTables(const Statement& statement, std::span<const TableName> names) {
  Statement copy = statement;
  size_t next = 0;
  bool enough = true;
  const auto take = [&]() -> const TableName* {
    if (next < names.size()) return &names[next++];
    enough = false;
    return nullptr;
  };
  const bool known = VisitNames(
      copy,
      [&](TableName& table) {
        if (const TableName* name = take()) table = *name;
      },
      [&](std::string& database) {
        if (const TableName* name = take()) database = name->schema;
      });
  if (!known) ThrowUnknown(statement);
  if (!enough) {
    throw MakeError(ErrorCode::kRewriteSQL)
        .SetRawCause("fewer target names than tables in the statement");
  }
  return copy;
}

namespace {

// False: the collation is not known.
bool CompleteColumn(ColumnDef* column, const CollationLookup& default_collation) {
  if (column->type.charset.empty() || column->type.charset == "binary" || column->type.binary ||
      column->Find(ColumnOptionKind::kCollate) != nullptr) {
    return true;
  }
  std::string collation = default_collation(column->type.charset);
  if (collation.empty()) return false;
  ColumnOption option{};
  option.kind = ColumnOptionKind::kCollate;
  option.text = std::move(collation);
  column->options.insert(column->options.begin(), std::move(option));
  return true;
}

void CompleteOptions(std::vector<Option>* options, const CollationLookup& default_collation) {
  std::string value;
  if (HasOption(*options, "COLLATE", &value)) return;
  if (!HasOption(*options, "CHARACTER SET", &value)) return;
  std::string collation = default_collation(Lower(value));
  if (!collation.empty()) AddCollate(options, std::move(collation));
}

}  // namespace

void CompleteCollations(Statement* statement, const CollationLookup& default_collation,
                        std::string_view server_collation,
                        const std::function<void(std::string)>& warn) {
  std::string value;
  if (auto* create = statement->As<CreateTable>()) {
    if (create->like) return;
    for (ColumnDef& column : create->columns) {
      if (!CompleteColumn(&column, default_collation)) {
        warn("no default collation known for character set " + column.type.charset + " of column " +
             column.name);
      }
    }
    if (HasOption(create->options, "COLLATE", &value)) return;
    if (!HasOption(create->options, "CHARACTER SET", &value)) {
      warn("the table names neither character set nor collation");
      return;
    }
    std::string collation = default_collation(Lower(value));
    if (collation.empty()) {
      warn("no default collation known for character set " + value);
      return;
    }
    AddCollate(&create->options, std::move(collation));
    return;
  }
  if (auto* create_db = statement->As<CreateDatabase>()) {
    if (HasOption(create_db->options, "COLLATE", &value)) return;
    if (!HasOption(create_db->options, "CHARACTER SET", &value)) {
      if (!server_collation.empty()) AddCollate(&create_db->options, std::string(server_collation));
      return;
    }
    std::string collation = default_collation(Lower(value));
    if (collation.empty()) {
      warn("no default collation known for character set " + value);
      return;
    }
    AddCollate(&create_db->options, std::move(collation));
  }
}

void CompleteAlteredCollations(Statement* statement, const CollationLookup& default_collation) {
  if (auto* database = statement->As<AlterDatabase>()) {
    CompleteOptions(&database->options, default_collation);
  }
  auto* alter = statement->As<AlterTable>();
  if (alter == nullptr) return;
  for (AlterSpec& spec : alter->specs) {
    for (ColumnDef& column : spec.columns) CompleteColumn(&column, default_collation);
    if (spec.kind == AlterKind::kOptions) CompleteOptions(&spec.options, default_collation);
    if (spec.kind == AlterKind::kConvertCharset && spec.new_name.empty() &&
        UpperWord(spec.text) != "DEFAULT") {
      spec.new_name = default_collation(Lower(spec.text));
    }
  }
}

namespace {

// Of a collation whose name has a character set in front, or of a character set's own name.
Charset CharsetOf(std::string_view name) { return FindCharset(name.substr(0, name.find('_'))); }

void CompleteShort(std::string* collation, std::string_view charset) {
  if (!Lower(*collation).starts_with("uca1400_")) return;
  switch (const Charset known = CharsetOf(charset)) {
    case Charset::kUtf8mb3:
    case Charset::kUcs2:
    case Charset::kUtf16:
    case Charset::kUtf32:
      *collation = std::string(CharsetName(known)) + "_" + *collation;
      break;
    default:
      break;
  }
}

// The character set that options of a table or database name; empty if they name none.
std::string NamedCharset(const std::vector<Option>& options) {
  std::string value;
  if (HasOption(options, "CHARACTER SET", &value) && UpperWord(value) != "DEFAULT") return value;
  if (HasOption(options, "COLLATE", &value) && CharsetOf(value) != Charset::kUnknown) return value;
  return "";
}

}  // namespace

void CompleteShortCollations(
    Statement* statement, const std::function<std::string(std::string_view column)>& charset_of) {
  const auto in_options = [&](std::vector<Option>* options) {
    const std::string named = NamedCharset(*options);
    for (Option& option : *options) {
      if (option.name != "COLLATE") continue;
      CompleteShort(&option.value, named.empty() ? charset_of("") : named);
    }
  };
  const auto in_columns = [&](std::vector<ColumnDef>* columns, const std::string& of_table) {
    for (ColumnDef& column : *columns) {
      for (ColumnOption& option : column.options) {
        if (option.kind != ColumnOptionKind::kCollate) continue;
        const std::string& own = column.type.charset;
        CompleteShort(&option.text, !own.empty()        ? own
                                    : !of_table.empty() ? of_table
                                                        : charset_of(column.name));
      }
    }
  };
  if (auto* create = statement->As<CreateTable>()) {
    in_columns(&create->columns, NamedCharset(create->options));
    in_options(&create->options);
  } else if (auto* create_db = statement->As<CreateDatabase>()) {
    in_options(&create_db->options);
  } else if (auto* alter_db = statement->As<AlterDatabase>()) {
    in_options(&alter_db->options);
  } else if (auto* alter = statement->As<AlterTable>()) {
    for (AlterSpec& spec : alter->specs) {
      in_columns(&spec.columns, "");
      if (spec.kind == AlterKind::kOptions) in_options(&spec.options);
      if (spec.kind == AlterKind::kConvertCharset) {
        CompleteShort(&spec.new_name,
                      UpperWord(spec.text) == "DEFAULT" ? charset_of("") : spec.text);
      }
    }
  }
}

bool HasImplicitTableCollation(const Statement& statement) {
  const auto* create = statement.As<CreateTable>();
  std::string value;
  return create != nullptr && !create->like && !HasOption(create->options, "COLLATE", &value) &&
         !HasOption(create->options, "CHARACTER SET", &value);
}

void SetImplicitTableCollation(Statement* statement, std::string_view collation) {
  if (HasImplicitTableCollation(*statement)) {
    AddCollate(&statement->As<CreateTable>()->options, std::string(collation));
  }
}

void SetImplicitDatabaseCollation(Statement* statement, std::string_view collation) {
  auto* create = statement->As<CreateDatabase>();
  std::string value;
  if (create != nullptr && !HasOption(create->options, "COLLATE", &value) &&
      !HasOption(create->options, "CHARACTER SET", &value)) {
    AddCollate(&create->options, std::string(collation));
  }
}

std::string RenameCollations(std::string_view text, const ParseOptions& options,
                             const CollationNames& names) {
  std::string out;
  size_t copied = 0;
  bool behind_collate = false;
  for (const Token& token : Tokenize(text, options)) {
    if (token.kind == TokenKind::kError) break;
    const bool name = token.kind == TokenKind::kWord || token.kind == TokenKind::kQuotedName ||
                      token.kind == TokenKind::kString;
    if (behind_collate && name) {
      std::string renamed = names(token.text);
      if (renamed != token.text) {
        out.append(text.substr(copied, token.begin - copied)).append(renamed);
        copied = token.end;
      }
    }
    behind_collate = (token.kind == TokenKind::kWord && token.upper == "COLLATE") ||
                     (behind_collate && token.kind == TokenKind::kSymbol && token.text == "=");
  }
  out.append(text.substr(copied));
  return out;
}

std::string_view EventName(const Statement& split) {
  if (split.As<CreateDatabase>()) return "create database";
  if (split.As<AlterDatabase>()) return "alter database";
  if (split.As<DropDatabase>()) return "drop database";
  if (split.As<CreateTable>()) return "create table";
  if (split.As<DropTable>()) return "drop table";
  if (split.As<TruncateTable>()) return "truncate table";
  if (split.As<RenameTable>()) return "rename table";
  if (split.As<CreateIndex>()) return "create index";
  if (split.As<DropIndex>()) return "drop index";
  if (const auto* alter = split.As<AlterTable>()) {
    return alter->specs.empty() ? std::string_view("alter table")
                                : AlterEvent(alter->specs.front());
  }
  return "";
}

const ColumnOption* ColumnDef::Find(ColumnOptionKind kind) const {
  for (const ColumnOption& option : options) {
    if (option.kind == kind) return &option;
  }
  return nullptr;
}

}  // namespace dm::mysql
