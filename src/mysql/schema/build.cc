#include "mysql/schema/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error/error.h"
#include "mysql/schema/edit.h"
#include "mysql/sql/lexer.h"
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

// The first free of CONSTRAINT_1, CONSTRAINT_2, ...: MariaDB's names of checks.
std::string FreeCheckName(const std::vector<CheckInfo>& checks) {
  int n = 1;
  while (NameTaken(checks, fmt::format("CONSTRAINT_{}", n))) ++n;
  return fmt::format("CONSTRAINT_{}", n);
}

ColumnInfo* MutableColumn(TableInfo* table, std::string_view name) {
  return const_cast<ColumnInfo*>(table->FindColumn(name));
}

// Are the columns of `shorter` a beginning of those of `index`?
bool Covers(const IndexInfo& index, const IndexInfo& shorter) {
  if (index.columns.size() < shorter.columns.size() || index.kind != IndexInfo::Kind::kPlain) {
    return false;
  }
  for (size_t i = 0; i < shorter.columns.size(); ++i) {
    if (!EqualNames(index.columns[i].name, shorter.columns[i].name) ||
        index.columns[i].length >= 0) {
      return false;
    }
  }
  return true;
}

void DropCoveredGenerated(TableInfo* table, const IndexInfo& added) {
  std::erase_if(table->indexes, [&](const IndexInfo& index) {
    return index.generated && index.lower_name != added.lower_name && Covers(added, index);
  });
}

void AddHiddenColumn(TableInfo* table, IndexInfo* index, size_t place, const ExprPtr& expr) {
  ColumnInfo hidden;
  // An index that was renamed keeps the name of its column.
  std::string name = fmt::format("_V$_{}_{}", index->name, place);
  for (int n = 2; table->FindColumn(name) != nullptr; ++n) {
    name = fmt::format("_V$_{}_{}_{}", index->name, place, n);
  }
  hidden.SetName(std::move(name));
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

// The columns of a period in a key WITHOUT OVERLAPS.
void AddPeriodColumns(const TableInfo& table, std::string_view name, IndexInfo* index) {
  for (const PeriodInfo& period : table.periods) {
    if (!EqualNames(period.name, name)) continue;
    for (const std::string& column : {period.end, period.start}) {
      index->columns.push_back({column, 0, -1});
    }
    index->without_overlaps = true;
    return;
  }
  Refuse(4158, fmt::format("Period `{}` is not found in table", name));
}

void AddIndex(TableInfo* table, const Constraint& constraint, const BuildOptions& options) {
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
  index.type = constraint.options.using_type == "HASH"    ? IndexInfo::kHash
               : constraint.options.using_type == "RTREE" ? IndexInfo::kRTree
                                                          : IndexInfo::kBTree;
  index.comment = constraint.options.comment.value_or("");
  index.invisible = constraint.options.visible.has_value() && !*constraint.options.visible;
  index.global = constraint.options.global.value_or(false);
  for (size_t i = 0; i < constraint.parts.size(); ++i) {
    const IndexPart& part = constraint.parts[i];
    if (part.expr != nullptr) {
      AddHiddenColumn(table, &index, i, part.expr);
      continue;
    }
    if (part.without_overlaps) {
      AddPeriodColumns(*table, part.column, &index);
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
    const int64_t length = index.kind == IndexInfo::Kind::kPlain
                               ? KeyPartLength(*column, part.length, index.unique, options)
                               : PrefixLength(*column, part.length);
    index.columns.push_back({column->name, column->offset, length});
  }
  // MySQL makes a spatial index of an ordinary one on a geometry.
  if (!options.mariadb && !index.unique && index.kind == IndexInfo::Kind::kPlain &&
      index.columns.size() == 1) {
    const ColumnInfo* column = table->FindColumn(index.columns.front().name);
    if (column != nullptr && column->type == FieldType::kGeometry) {
      index.kind = IndexInfo::Kind::kSpatial;
    }
  }
  if (index.unique) {
    // Two versions that follow each other upstream may begin at one moment downstream.
    for (const IndexColumn& part : index.columns) {
      const ColumnInfo* column = table->FindColumn(part.name);
      if (column != nullptr && column->is_row_start()) {
        Refuse(8200, fmt::format("a unique key over the column `{}` (GENERATED ALWAYS AS ROW "
                                 "START) is not supported",
                                 part.name));
      }
    }
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

// The index that a server makes for a foreign key, without a name that must be made.
IndexInfo GeneratedIndex(const Constraint& constraint, const BuildOptions& options) {
  IndexInfo index;
  index.generated = true;
  const bool by_symbol = options.mariadb || !constraint.symbol.empty();
  index.SetName(by_symbol ? constraint.name : constraint.index_name);
  for (const IndexPart& part : constraint.parts) index.columns.push_back({part.column, 0, -1});
  return index;
}

// Does `other`, which stands before or behind it, make the index of a foreign key needless?
bool Replaces(const IndexInfo& other, const IndexInfo& generated, bool behind) {
  if (!Covers(other, generated)) return false;
  return !other.generated || behind || other.columns.size() > generated.columns.size();
}

// `index_name`: for the index that a server makes for it, empty: made here.
void AddForeignKey(TableInfo* table, const Constraint& constraint, const BuildOptions& options,
                   MadeNumbers* numbers, const std::string& index_name) {
  ForeignKeyInfo key;
  key.name = options.mariadb ? constraint.name : constraint.symbol;
  if (key.name.empty()) {
    key.name = fmt::format("{}{}", ForeignKeyPrefix(table->name), ++numbers->foreign_key);
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

  IndexInfo index = GeneratedIndex(constraint, options);
  const bool served =
      std::any_of(table->indexes.begin(), table->indexes.end(),
                  [&](const IndexInfo& other) { return Replaces(other, index, /*behind=*/false); });
  if (!served) {
    for (size_t i = 0; i < key.columns.size(); ++i) index.columns[i].name = key.columns[i];
    // Their names are free for it.
    std::erase_if(table->indexes,
                  [&](const IndexInfo& other) { return other.generated && Covers(index, other); });
    if (!index_name.empty()) {
      index.SetName(index_name);
    } else if (index.name.empty()) {
      index.SetName(FreeIndexName(*table, key.columns.front()));
    } else if (table->FindIndex(index.name) != nullptr) {
      Refuse(1061, fmt::format("Duplicate key name '{}'", index.name));
    }
    index.id = ++table->max_index_id;
    table->indexes.push_back(std::move(index));
  }
  table->foreign_keys.push_back(std::move(key));
}

void AddCheck(TableInfo* table, std::string name, const ExprPtr& expr, bool enforced,
              bool in_column, bool if_not_exists, const BuildOptions& options,
              MadeNumbers* numbers) {
  if (name.empty()) {
    name = options.mariadb ? FreeCheckName(table->checks)
                           : fmt::format("{}{}", CheckPrefix(table->name), ++numbers->check);
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

void AddPeriod(TableInfo* table, const Constraint& constraint) {
  if (constraint.parts.size() != 2) Refuse(4155, "a period has two columns");
  if (NameTaken(table->periods, constraint.period)) {
    if (constraint.if_not_exists) return;
    Refuse(4154, fmt::format("Table '{}' cannot have more than one application-time period",
                             table->name));
  }
  PeriodInfo period;
  period.name = constraint.period;
  period.start = constraint.parts[0].column;
  period.end = constraint.parts[1].column;
  for (const IndexPart& part : constraint.parts) {
    ColumnInfo* column = MutableColumn(table, part.column);
    if (column == nullptr) {
      Refuse(1054, fmt::format("Unknown column '{}' in '{}'", part.column, table->name));
    }
    column->flags |= column_flag::kNotNull;
    if (!column->default_value) column->flags |= column_flag::kNoDefaultValue;
  }
  table->periods.push_back(std::move(period));
}

// Names that a CREATE TABLE leaves to the server, made in the order of its text.
class MadeNames {
 public:
  MadeNames(const CreateTable& statement, const TableInfo& table, const BuildOptions& options)
      : statement_(statement),
        table_(table),
        options_(options),
        indexes_(statement.constraints.size()),
        checks_(statement.constraints.size()),
        column_indexes_(statement.columns.size()),
        column_checks_(statement.columns.size()) {
    size_t column = 0;
    for (size_t i = 0; i <= statement.constraints.size(); ++i) {
      const bool last = i == statement.constraints.size();
      const size_t until =
          last ? statement.columns.size() : statement.constraints[i].columns_before;
      for (; column < until && column < statement.columns.size(); ++column) VisitColumn(column);
      if (!last) Visit(i);
    }
  }

  const std::string& OfIndex(size_t constraint) const { return indexes_[constraint]; }
  const std::string& OfCheck(size_t constraint) const { return checks_[constraint]; }
  const std::string& OfColumnIndex(size_t column) const { return column_indexes_[column]; }
  // In the order of the column's checks; empty for those that have a name.
  const std::vector<std::string>& OfColumnChecks(size_t column) const {
    return column_checks_[column];
  }

 private:
  void VisitColumn(size_t i) {
    const ColumnDef& definition = statement_.columns[i];
    if (definition.Find(ColumnOptionKind::kUniqueKey) != nullptr) {
      column_indexes_[i] = Make(definition.name);
    }
    for (const ColumnOption& option : definition.options) {
      if (option.kind != ColumnOptionKind::kCheck) continue;
      column_checks_[i].push_back(options_.mariadb || !option.text.empty() ? "" : NextCheck());
    }
  }

  void Visit(size_t i) {
    const Constraint& constraint = statement_.constraints[i];
    std::string base;
    switch (constraint.kind) {
      case ConstraintKind::kPrimary:
      case ConstraintKind::kPeriod:
        return;
      case ConstraintKind::kCheck:
        if (!options_.mariadb && constraint.name.empty()) checks_[i] = NextCheck();
        return;
      case ConstraintKind::kForeign: {
        const IndexInfo generated = GeneratedIndex(constraint, options_);
        if (IsServed(i, generated)) return;
        base = generated.name;
        break;
      }
      default:
        base = constraint.name;
    }
    if (!base.empty()) {
      taken_.insert(LowerName(base));
      return;
    }
    const IndexPart& first = constraint.parts.front();
    const ColumnInfo* column = table_.FindColumn(first.column);
    indexes_[i] = Make(first.expr != nullptr ? "functional_index"
                       : column != nullptr   ? column->name
                                             : first.column);
  }

  // Is there an index that makes the one of this foreign key needless?
  bool IsServed(size_t place, const IndexInfo& generated) const {
    for (size_t i = 0; i < statement_.constraints.size(); ++i) {
      const Constraint& other = statement_.constraints[i];
      if (i == place) continue;
      IndexInfo index;
      switch (other.kind) {
        case ConstraintKind::kForeign:
          index = GeneratedIndex(other, options_);
          break;
        case ConstraintKind::kPrimary:
        case ConstraintKind::kUnique:
        case ConstraintKind::kIndex:
          for (const IndexPart& part : other.parts) {
            const ColumnInfo* column = table_.FindColumn(part.column);
            const int64_t length = column == nullptr ? -1 : PrefixLength(*column, part.length);
            index.columns.push_back({part.column, 0, length});
          }
          break;
        default:
          continue;
      }
      if (Replaces(index, generated, i > place)) return true;
    }
    if (generated.columns.size() != 1) return false;
    return std::any_of(statement_.columns.begin(), statement_.columns.end(),
                       [&](const ColumnDef& definition) {
                         return EqualNames(definition.name, generated.columns.front().name) &&
                                (definition.Find(ColumnOptionKind::kUniqueKey) != nullptr ||
                                 definition.Find(ColumnOptionKind::kPrimaryKey) != nullptr);
                       });
  }

  std::string NextCheck() { return fmt::format("{}{}", CheckPrefix(table_.name), ++last_check_); }

  std::string Make(const std::string& base) {
    std::string name = base;
    for (int n = 2; EqualNames(name, "PRIMARY") || !taken_.insert(LowerName(name)).second; ++n) {
      name = fmt::format("{}_{}", base, n);
    }
    return name;
  }

  const CreateTable& statement_;
  const TableInfo& table_;
  const BuildOptions& options_;
  std::set<std::string> taken_;
  int64_t last_check_ = 0;
  std::vector<std::string> indexes_;
  std::vector<std::string> checks_;
  std::vector<std::string> column_indexes_;
  std::vector<std::vector<std::string>> column_checks_;
};

void ApplyTableOptions(TableInfo* table, const std::vector<Option>& options) {
  for (const Option& option : options) {
    if (option.name == "COMMENT") {
      table->comment = option.value;
    } else if (option.name == "COMPRESSION") {
      table->compression = option.value;
    } else if (option.name == "AUTO_INCREMENT") {
      table->auto_increment = std::strtoll(option.value.c_str(), nullptr, 10);
    }
  }
}

bool IsVersioned(const CreateTable& statement) {
  const auto versions = [](const ColumnDef& column) { return WithSystemVersioning(column); };
  return std::any_of(statement.columns.begin(), statement.columns.end(), versions) ||
         std::any_of(statement.options.begin(), statement.options.end(),
                     [](const Option& option) { return option.name == kWithSystemVersioning; });
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

bool WithSystemVersioning(const ColumnDef& column) {
  const ColumnOption* option = column.Find(ColumnOptionKind::kSystemVersioning);
  return option != nullptr && option->text == kWithSystemVersioning;
}

void AddImplicitPeriod(TableInfo* table) {
  if (table->system_period() != nullptr) return;
  table->periods.push_back({std::string(PeriodInfo::kSystemTime), "row_start", "row_end"});
}

void AddPeriodToKeys(TableInfo* table) {
  const PeriodInfo* period = table->system_period();
  if (period == nullptr || table->has_implicit_period()) return;
  for (IndexInfo& index : table->indexes) {
    const bool has =
        std::any_of(index.columns.begin(), index.columns.end(),
                    [&](const IndexColumn& part) { return EqualNames(part.name, period->end); });
    if (index.unique && !has) index.columns.push_back({period->end, 0, -1});
  }
}

void Refuse(int server_errno, std::string text) {
  Error error(ErrorCode::kSchemaTrackerCannotExecDDL, text);
  error.SetRawCause(fmt::format("[schema:{}]{}", server_errno, text));
  error.SetServerErrno(server_errno);
  throw error;
}

std::string ForeignKeyPrefix(std::string_view table) { return fmt::format("{}_ibfk_", table); }
std::string CheckPrefix(std::string_view table) { return fmt::format("{}_chk_", table); }

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
    // To MariaDB the word stands for the character set alone.
    *table_collation = options.mariadb ? DefaultCollationFor(*table_charset, options)
                                       : NormaliseCharset(options.default_collation);
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

void AddConstraint(TableInfo* table, const Constraint& constraint, const BuildOptions& options,
                   MadeNumbers* numbers) {
  switch (constraint.kind) {
    case ConstraintKind::kForeign:
      AddForeignKey(table, constraint, options, numbers, "");
      break;
    case ConstraintKind::kCheck:
      AddCheck(table, constraint.name, constraint.check, constraint.enforced, false,
               constraint.if_not_exists, options, numbers);
      break;
    case ConstraintKind::kPeriod:
      AddPeriod(table, constraint);
      break;
    default:
      AddIndex(table, constraint, options);
  }
}

namespace {

// MariaDB's JSON is a text with a check, unless the definition has one of its own.
void AddJsonCheck(TableInfo* table, const ColumnDef& column, const BuildOptions& options,
                  MadeNumbers* numbers) {
  if (!options.mariadb || column.type.code != FieldType::kJson ||
      column.Find(ColumnOptionKind::kCheck) != nullptr) {
    return;
  }
  auto argument = std::make_shared<Expr>();
  argument->kind = ExprKind::kColumn;
  argument->name = column.name;
  auto call = std::make_shared<Expr>();
  call->kind = ExprKind::kFunction;
  call->name = "json_valid";
  call->args.push_back(std::move(argument));
  AddCheck(table, column.name, call, true, true, false, options, numbers);
}

}  // namespace

void AddInlineKeys(TableInfo* table, const ColumnDef& column, const BuildOptions& options,
                   MadeNumbers* numbers, bool skip_existing, const std::string& unique_name) {
  AddJsonCheck(table, column, options, numbers);
  for (const ColumnOption& option : column.options) {
    Constraint constraint;
    constraint.if_not_exists = skip_existing;
    IndexPart part;
    part.column = column.name;
    constraint.parts.push_back(part);
    switch (option.kind) {
      case ColumnOptionKind::kPrimaryKey:
        constraint.kind = ConstraintKind::kPrimary;
        AddConstraint(table, constraint, options, numbers);
        break;
      case ColumnOptionKind::kUniqueKey:
        constraint.kind = ConstraintKind::kUnique;
        constraint.name = unique_name;
        if (skip_existing && unique_name.empty()) constraint.name = column.name;
        AddConstraint(table, constraint, options, numbers);
        break;
      case ColumnOptionKind::kCheck:
        AddCheck(table, options.mariadb && option.text.empty() ? column.name : option.text,
                 option.expr, option.enforced, true, false, options, numbers);
        break;
      case ColumnOptionKind::kReference:
        // MySQL before 9 takes it for a comment.
        if (options.mariadb || options.inline_references) {
          constraint.kind = ConstraintKind::kForeign;
          constraint.reference = option.reference;
          AddConstraint(table, constraint, options, numbers);
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

  std::vector<size_t> foreign;
  // Names are made in the order of the text; indexes are kept as the reference keeps them, those of
  // columns last.
  const MadeNames names(statement, table, options);
  MadeNumbers numbers;
  for (const Constraint& constraint : statement.constraints) {
    if (constraint.kind == ConstraintKind::kPeriod) AddPeriod(&table, constraint);
  }
  for (size_t i = 0; i < statement.constraints.size(); ++i) {
    const Constraint& constraint = statement.constraints[i];
    if (constraint.kind == ConstraintKind::kPeriod) continue;
    if (constraint.kind == ConstraintKind::kForeign) {
      foreign.push_back(i);
      continue;
    }
    Constraint copy = constraint;
    if (copy.name.empty()) {
      copy.name = copy.kind == ConstraintKind::kCheck ? names.OfCheck(i) : names.OfIndex(i);
    }
    AddConstraint(&table, copy, options, &numbers);
  }
  for (size_t i = 0; i < statement.columns.size(); ++i) {
    ColumnDef named = statement.columns[i];
    size_t check = 0;
    for (ColumnOption& option : named.options) {
      if (option.kind != ColumnOptionKind::kCheck) continue;
      const std::string& made = names.OfColumnChecks(i)[check++];
      if (!made.empty()) option.text = made;
    }
    AddInlineKeys(&table, named, options, &numbers, false, names.OfColumnIndex(i));
  }
  for (size_t i : foreign) {
    AddForeignKey(&table, statement.constraints[i], options, &numbers, names.OfIndex(i));
  }
  for (const ColumnInfo& column : table.columns) {
    for (const std::string& name : column.dependences) {
      if (table.FindColumn(name) == nullptr) {
        Refuse(1054, fmt::format("Unknown column '{}' in 'generated column function'", name));
      }
    }
  }
  if (statement.partition) table.partition = BuildPartition(*statement.partition);
  if (IsVersioned(statement)) AddImplicitPeriod(&table);
  AddPeriodToKeys(&table);
  table.Normalise();
  return table;
}

TableInfo LikeTable(const TableInfo& table, const std::string& name, const BuildOptions& options) {
  TableInfo copy = table;
  copy.name = name;
  // Foreign keys are not copied, their indexes are.
  copy.foreign_keys.clear();
  copy.auto_increment = 0;
  ForgetHash(&copy, options);
  if (options.mariadb) return copy;
  // MySQL gives every check a new name, in the order of the old ones.
  std::stable_sort(
      copy.checks.begin(), copy.checks.end(),
      [](const CheckInfo& a, const CheckInfo& b) { return LowerName(a.name) < LowerName(b.name); });
  for (size_t i = 0; i < copy.checks.size(); ++i) {
    copy.checks[i].name = fmt::format("{}{}", CheckPrefix(name), i + 1);
  }
  return copy;
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
