#include "mysql/schema/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error/error.h"
#include "mysql/schema/edit.h"
#include "mysql/sql/restore.h"

namespace dm::mysql {
namespace {

// First free of base, base_2, base_3, ...
std::string FreeIndexName(const TableInfo& table, const std::string& base) {
  std::string name = base;
  // An index called like the primary key is renamed as well.
  for (int n = 2; table.FindIndex(name) != nullptr || EqualNames(name, "PRIMARY"); ++n) {
    name = fmt::format("{}_{}", base, n);
  }
  return name;
}

template <class Items>
bool NameTaken(const Items& items, std::string_view name) {
  return std::any_of(items.begin(), items.end(),
                     [&](const auto& item) { return EqualNames(item.name, name); });
}

// prefix_1, prefix_2, ...
template <class Items>
std::string NumberedName(const Items& items, const std::string& prefix) {
  int n = 1;
  while (NameTaken(items, fmt::format("{}{}", prefix, n))) ++n;
  return fmt::format("{}{}", prefix, n);
}

ColumnInfo* MutableColumn(TableInfo* table, std::string_view name) {
  return const_cast<ColumnInfo*>(table->FindColumn(name));
}

// Is `columns` a beginning of the index's columns?
bool Covers(const IndexInfo& index, const std::vector<std::string>& columns) {
  if (index.columns.size() < columns.size() || index.kind != IndexInfo::Kind::kPlain) return false;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!EqualNames(index.columns[i].name, columns[i]) || index.columns[i].length >= 0) {
      return false;
    }
  }
  return true;
}

void DropCoveredGenerated(TableInfo* table, const IndexInfo& added) {
  std::erase_if(table->indexes, [&](const IndexInfo& index) {
    if (!index.generated || index.lower_name == added.lower_name) return false;
    std::vector<std::string> names;
    for (const IndexColumn& part : index.columns) names.push_back(part.name);
    return Covers(added, names);
  });
}

void AddHiddenColumn(TableInfo* table, IndexInfo* index, size_t place, const ExprPtr& expr) {
  ColumnInfo hidden;
  hidden.SetName(fmt::format("_V$_{}_{}", index->name, place));
  hidden.id = ++table->max_column_id;
  hidden.hidden = true;
  // The server derives the type from the expression; nothing here depends on it.
  hidden.type = FieldType::kVarString;
  hidden.charset = table->charset;
  hidden.collation = table->collation;
  hidden.generated_expr = Restore(expr, ExprStyle::kStored);
  hidden.dependences = ColumnsOf(expr);
  hidden.offset = static_cast<int>(table->columns.size());
  index->columns.push_back({hidden.name, hidden.offset, -1});
  if (expr->kind == ExprKind::kCast && expr->array) index->multi_valued = true;
  table->columns.push_back(std::move(hidden));
}

void AddIndex(TableInfo* table, const Constraint& constraint) {
  IndexInfo index;
  index.primary = constraint.kind == ConstraintKind::kPrimary;
  index.unique = index.primary || constraint.kind == ConstraintKind::kUnique;
  switch (constraint.kind) {
    case ConstraintKind::kFullText:
      index.kind = IndexInfo::Kind::kFullText;
      break;
    case ConstraintKind::kSpatial:
      index.kind = IndexInfo::Kind::kSpatial;
      break;
    case ConstraintKind::kVector:
      index.kind = IndexInfo::Kind::kVector;
      break;
    default:
      break;
  }
  if (index.primary) {
    if (table->primary_key() != nullptr) {
      if (constraint.if_not_exists) return;
      Refuse(1068, "Multiple primary key defined");
    }
    index.SetName("PRIMARY");
  } else if (!constraint.name.empty()) {
    if (table->FindIndex(constraint.name) != nullptr) {
      if (constraint.if_not_exists) return;
      Refuse(1061, fmt::format("Duplicate key name '{}'", constraint.name));
    }
    index.SetName(constraint.name);
  } else {
    const IndexPart& first = constraint.parts.front();
    const ColumnInfo* column = table->FindColumn(first.column);
    index.SetName(FreeIndexName(*table, first.expr != nullptr ? "functional_index"
                                        : column != nullptr   ? column->name
                                                              : first.column));
  }
  index.type = constraint.options.using_type == "HASH"    ? 2
               : constraint.options.using_type == "RTREE" ? 3
                                                          : 1;
  index.comment = constraint.options.comment.value_or("");
  index.invisible = constraint.options.visible.has_value() && !*constraint.options.visible;
  index.global = constraint.options.global.value_or(false);
  for (size_t i = 0; i < constraint.parts.size(); ++i) {
    const IndexPart& part = constraint.parts[i];
    if (part.expr != nullptr) {
      AddHiddenColumn(table, &index, i, part.expr);
      continue;
    }
    const ColumnInfo* column = table->FindColumn(part.column);
    if (column == nullptr) {
      Refuse(1072, fmt::format("Key column '{}' doesn't exist in table", part.column));
    }
    for (const IndexColumn& other : index.columns) {
      if (EqualNames(other.name, column->name)) {
        Refuse(1060, fmt::format("Duplicate column name '{}'", part.column));
      }
    }
    index.columns.push_back({column->name, column->offset, PrefixLength(*column, part.length)});
  }
  if (index.primary) {
    for (const IndexColumn& part : index.columns) {
      ColumnInfo* column = MutableColumn(table, part.name);
      column->flags |= column_flag::kNotNull;
      if (!column->default_value && !column->is_auto_increment()) {
        column->flags |= column_flag::kNoDefaultValue;
      }
    }
  }
  index.id = ++table->max_index_id;
  DropCoveredGenerated(table, index);
  table->indexes.push_back(std::move(index));
}

void AddForeignKey(TableInfo* table, const Constraint& constraint, const BuildOptions& options) {
  ForeignKeyInfo key;
  key.name = constraint.name;
  if (key.name.empty()) {
    key.name = NumberedName(table->foreign_keys, table->name + "_ibfk_");
  } else if (NameTaken(table->foreign_keys, key.name)) {
    if (constraint.if_not_exists) return;
    Refuse(1826, fmt::format("Duplicate foreign key constraint name '{}'", key.name));
  }
  key.ref_schema = constraint.reference.table.schema.empty() ? options.schema
                                                             : constraint.reference.table.schema;
  key.ref_table = constraint.reference.table.name;
  for (const IndexPart& part : constraint.reference.columns) key.ref_columns.push_back(part.column);
  for (const IndexPart& part : constraint.parts) {
    const ColumnInfo* column = table->FindColumn(part.column);
    if (column == nullptr) {
      Refuse(1072, fmt::format("Key column '{}' doesn't exist in table", part.column));
    }
    key.columns.push_back(column->name);
  }
  key.on_delete = constraint.reference.on_delete;
  key.on_update = constraint.reference.on_update;
  key.id = ++table->max_foreign_key_id;

  // Servers make an index for it unless one serves already.
  const bool served =
      std::any_of(table->indexes.begin(), table->indexes.end(),
                  [&](const IndexInfo& index) { return Covers(index, key.columns); });
  if (!served) {
    IndexInfo index;
    const std::string& base = constraint.name.empty() ? key.columns.front() : constraint.name;
    index.SetName(FreeIndexName(*table, base));
    index.generated = true;
    for (const std::string& column : key.columns) index.columns.push_back({column, 0, -1});
    index.id = ++table->max_index_id;
    table->indexes.push_back(std::move(index));
  }
  table->foreign_keys.push_back(std::move(key));
}

void AddCheck(TableInfo* table, std::string name, const ExprPtr& expr, bool enforced,
              bool in_column, bool if_not_exists, const BuildOptions& options) {
  if (name.empty()) {
    name = NumberedName(table->checks, options.mariadb ? "CONSTRAINT_" : table->name + "_chk_");
  } else if (NameTaken(table->checks, name)) {
    if (if_not_exists) return;
    Refuse(3822, fmt::format("Duplicate check constraint name '{}'.", name));
  }
  CheckInfo check;
  check.name = std::move(name);
  check.columns = ColumnsOf(expr);
  for (const std::string& column : check.columns) {
    if (table->FindColumn(column) == nullptr) {
      Refuse(3820, fmt::format("Check constraint '{}' refers to non-existing column '{}'.",
                               check.name, column));
    }
  }
  check.enforced = enforced;
  check.in_column = in_column;
  check.expr = Restore(expr, ExprStyle::kStored);
  check.id = ++table->max_check_id;
  table->checks.push_back(std::move(check));
}

// Names of the unnamed indexes of a CREATE TABLE.
class IndexNames {
 public:
  IndexNames(const CreateTable& statement, const TableInfo& table)
      : table_(table),
        constraints_(statement.constraints.size()),
        columns_(statement.columns.size()) {
    size_t column = 0;
    for (size_t i = 0; i <= statement.constraints.size(); ++i) {
      const bool last = i == statement.constraints.size();
      const size_t until =
          last ? statement.columns.size() : statement.constraints[i].columns_before;
      for (; column < until && column < statement.columns.size(); ++column) {
        const ColumnDef& definition = statement.columns[column];
        if (definition.Find(ColumnOptionKind::kUniqueKey) != nullptr) {
          columns_[column] = Make(definition.name);
        }
      }
      if (!last) Visit(statement.constraints[i], &constraints_[i]);
    }
  }

  const std::string& OfConstraint(size_t i) const { return constraints_[i]; }
  const std::string& OfColumn(size_t i) const { return columns_[i]; }

 private:
  void Visit(const Constraint& constraint, std::string* name) {
    switch (constraint.kind) {
      case ConstraintKind::kPrimary:
      case ConstraintKind::kForeign:
      case ConstraintKind::kCheck:
      case ConstraintKind::kPeriod:
        return;
      default:
        break;
    }
    if (!constraint.name.empty()) {
      taken_.insert(LowerName(constraint.name));
      return;
    }
    const IndexPart& first = constraint.parts.front();
    const ColumnInfo* column = table_.FindColumn(first.column);
    *name = Make(first.expr != nullptr ? "functional_index"
                 : column != nullptr   ? column->name
                                       : first.column);
  }

  std::string Make(const std::string& base) {
    std::string name = base;
    for (int n = 2; EqualNames(name, "PRIMARY") || !taken_.insert(LowerName(name)).second; ++n) {
      name = fmt::format("{}_{}", base, n);
    }
    return name;
  }

  const TableInfo& table_;
  std::set<std::string> taken_;
  std::vector<std::string> constraints_;
  std::vector<std::string> columns_;
};

void ApplyTableOptions(TableInfo* table, const std::vector<Option>& options) {
  for (const Option& option : options) {
    if (option.name == "COMMENT") {
      table->comment = option.value;
    } else if (option.name == "COMPRESSION") {
      table->compression = option.value;
    } else if (option.name == "AUTO_INCREMENT") {
      table->auto_increment = std::strtoll(option.value.c_str(), nullptr, 10);
    } else if (option.name == "WITH SYSTEM VERSIONING") {
      Refuse(8200, "system-versioned tables are not supported");
    }
  }
}

std::string ExprText(const ExprPtr& expr) { return Restore(expr, ExprStyle::kStored); }

PartitionDefinition BuildPartitionDefinition(const PartitionDef& source) {
  PartitionDefinition out;
  out.name = source.name;
  for (const ExprPtr& bound : source.less_than) {
    out.less_than.push_back(bound->kind == ExprKind::kMaxValue ? "MAXVALUE" : ExprText(bound));
  }
  for (const auto& tuple : source.in) {
    std::vector<std::string> values;
    for (const ExprPtr& value : tuple) values.push_back(ExprText(value));
    out.in_values.push_back(std::move(values));
  }
  for (const Option& option : source.options) {
    if (option.name == "COMMENT") out.comment = option.value;
  }
  return out;
}

}  // namespace

void Refuse(int server_errno, std::string text) {
  Error error(ErrorCode::kSchemaTrackerCannotExecDDL, text);
  error.SetRawCause(fmt::format("[schema:{}]{}", server_errno, text));
  error.SetServerErrno(server_errno);
  throw error;
}

int64_t PrefixLength(const ColumnInfo& column, int64_t length) {
  const bool prefixable = column.is_string() || column.type == FieldType::kGeometry;
  return !prefixable || (column.length >= 0 && length >= column.length) ? -1 : length;
}

std::string DefaultCollationFor(const std::string& charset, const BuildOptions& options) {
  std::string collation;
  if (options.default_collation_of) collation = options.default_collation_of(charset);
  if (collation.empty()) collation = DefaultCollation(charset, true);
  return collation.empty() ? charset + "_general_ci" : NormaliseCharset(collation);
}

void SetDefaults(const std::string& charset, const std::string& collation,
                 const BuildOptions& options, std::string* table_charset,
                 std::string* table_collation) {
  if (charset == "default") {
    *table_charset = NormaliseCharset(options.default_charset);
    *table_collation = NormaliseCharset(options.default_collation);
  } else if (!charset.empty()) {
    *table_charset = charset;
    *table_collation = DefaultCollationFor(charset, options);
  }
  if (collation.empty() || collation == "default") return;
  const std::string of_collation = CharsetOfCollation(collation);
  if (of_collation.empty()) {
    // MariaDB's short names leave the character set out: uca1400_ai_ci.
    *table_collation = *table_charset + "_" + collation;
  } else {
    *table_charset = of_collation;
    *table_collation = collation;
  }
}

PartitionInfo BuildPartition(const PartitionBy& clause) {
  PartitionInfo out;
  switch (clause.method.kind) {
    case PartitionMethod::Kind::kRange:
      out.type = 1;
      break;
    case PartitionMethod::Kind::kHash:
      out.type = 2;
      break;
    case PartitionMethod::Kind::kList:
    case PartitionMethod::Kind::kSystemTime:
      out.type = 3;
      break;
    case PartitionMethod::Kind::kKey:
      out.type = 4;
      break;
  }
  if (clause.method.expr != nullptr) out.expr = ExprText(clause.method.expr);
  out.columns = clause.method.column_names;
  out.is_empty_columns =
      clause.method.kind == PartitionMethod::Kind::kKey && clause.method.column_names.empty();
  for (const PartitionDef& definition : clause.definitions) {
    out.definitions.push_back(BuildPartitionDefinition(definition));
  }
  out.num = clause.count.value_or(clause.definitions.empty() ? 1 : clause.definitions.size());
  if (out.definitions.empty() && clause.method.kind != PartitionMethod::Kind::kSystemTime) {
    for (uint64_t i = 0; i < out.num && i < 8192; ++i) {
      PartitionDefinition definition;
      definition.name = fmt::format("p{}", i);
      out.definitions.push_back(std::move(definition));
    }
  }
  out.text = Restore(clause);
  return out;
}

void AddConstraint(TableInfo* table, const Constraint& constraint, const BuildOptions& options) {
  switch (constraint.kind) {
    case ConstraintKind::kForeign:
      AddForeignKey(table, constraint, options);
      break;
    case ConstraintKind::kCheck:
      AddCheck(table, constraint.name, constraint.check, constraint.enforced, false,
               constraint.if_not_exists, options);
      break;
    case ConstraintKind::kPeriod:
      if (constraint.period == "SYSTEM_TIME") {
        Refuse(8200, "system-versioned tables are not supported");
      }
      break;
    default:
      AddIndex(table, constraint);
  }
}

void AddInlineKeys(TableInfo* table, const ColumnDef& column, const BuildOptions& options,
                   bool skip_existing, const std::string& unique_name) {
  for (const ColumnOption& option : column.options) {
    Constraint constraint;
    constraint.if_not_exists = skip_existing;
    IndexPart part;
    part.column = column.name;
    constraint.parts.push_back(part);
    switch (option.kind) {
      case ColumnOptionKind::kPrimaryKey:
        constraint.kind = ConstraintKind::kPrimary;
        AddConstraint(table, constraint, options);
        break;
      case ColumnOptionKind::kUniqueKey:
        constraint.kind = ConstraintKind::kUnique;
        constraint.name = unique_name;
        if (skip_existing && unique_name.empty()) constraint.name = column.name;
        AddConstraint(table, constraint, options);
        break;
      case ColumnOptionKind::kCheck:
        AddCheck(table, options.mariadb && option.text.empty() ? column.name : option.text,
                 option.expr, option.enforced, true, false, options);
        break;
      case ColumnOptionKind::kReference:
        // Only MariaDB (10.5 and later) makes a foreign key of it.
        if (options.mariadb) {
          constraint.kind = ConstraintKind::kForeign;
          constraint.reference = option.reference;
          AddConstraint(table, constraint, options);
        }
        break;
      default:
        break;
    }
  }
}

void DropOrphanHiddenColumns(TableInfo* table) {
  std::erase_if(table->columns, [&](const ColumnInfo& column) {
    if (!column.hidden) return false;
    for (const IndexInfo& index : table->indexes) {
      for (const IndexColumn& part : index.columns) {
        if (EqualNames(part.name, column.name)) return false;
      }
    }
    return true;
  });
}

TableInfo BuildTableInfo(const CreateTable& statement, const BuildOptions& options) {
  TableInfo table;
  table.name = statement.table.name;
  table.charset = NormaliseCharset(options.default_charset);
  table.collation = NormaliseCharset(options.default_collation);
  std::string charset;
  std::string collation;
  for (const Option& option : statement.options) {
    if (option.name == "CHARACTER SET") charset = NormaliseCharset(option.value);
    if (option.name == "COLLATE") collation = NormaliseCharset(option.value);
  }
  SetDefaults(charset, collation, options, &table.charset, &table.collation);
  ApplyTableOptions(&table, statement.options);

  for (const ColumnDef& definition : statement.columns) {
    if (table.FindColumn(definition.name) != nullptr) {
      Refuse(1060, fmt::format("Duplicate column name '{}'", definition.name));
    }
    ColumnInfo column = BuildColumn(definition, table, options);
    column.id = ++table.max_column_id;
    column.offset = static_cast<int>(table.columns.size());
    table.columns.push_back(std::move(column));
  }

  std::vector<const Constraint*> foreign;
  // Names are made in the order of the text; indexes are kept as the reference keeps them, those of
  // columns last.
  IndexNames names(statement, table);
  for (size_t i = 0; i < statement.constraints.size(); ++i) {
    const Constraint& constraint = statement.constraints[i];
    if (constraint.kind == ConstraintKind::kForeign) {
      foreign.push_back(&constraint);
      continue;
    }
    Constraint copy = constraint;
    if (copy.name.empty()) copy.name = names.OfConstraint(i);
    AddConstraint(&table, copy, options);
  }
  for (size_t i = 0; i < statement.columns.size(); ++i) {
    AddInlineKeys(&table, statement.columns[i], options, false, names.OfColumn(i));
  }
  for (const Constraint* constraint : foreign) AddConstraint(&table, *constraint, options);
  for (const ColumnInfo& column : table.columns) {
    for (const std::string& name : column.dependences) {
      if (table.FindColumn(name) == nullptr) {
        Refuse(1054, fmt::format("Unknown column '{}' in 'generated column function'", name));
      }
    }
  }
  if (statement.partition) table.partition = BuildPartition(*statement.partition);
  table.Normalise();
  return table;
}

TableInfo ParseCreateTable(std::string_view text, const ParseOptions& parse,
                           const BuildOptions& build) {
  Statement statement;
  const auto invalid = [&] {
    return MakeError(ErrorCode::kSchemaTrackerInvalidCreateTableStmt, text);
  };
  try {
    if (!ParseFirst(text, parse, &statement)) throw invalid();
  } catch (const Error& error) {
    if (error.code() == static_cast<int>(ErrorCode::kSchemaTrackerInvalidCreateTableStmt)) throw;
    throw WithCause(invalid(), error);
  }
  const auto* create = statement.As<CreateTable>();
  if (create == nullptr || create->like) throw invalid();
  try {
    return BuildTableInfo(*create, build);
  } catch (const Error& error) {
    throw WrapError(ErrorCode::kSchemaTrackerRestoreStmtFail, error);
  }
}

}  // namespace dm::mysql
