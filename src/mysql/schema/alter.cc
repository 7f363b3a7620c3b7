// ALTER TABLE, CREATE INDEX and DROP INDEX on a definition.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/error/error.h"
#include "mysql/schema/build.h"
#include "mysql/schema/edit.h"
#include "mysql/sql/restore.h"

namespace dm::mysql {
namespace {

ExprPtr ParseStored(const std::string& text) {
  ParseOptions options;
  options.mariadb = true;
  return ParseExpression(text, options);
}

[[noreturn]] void RefuseDrop(std::string_view name) {
  Refuse(1091, fmt::format("Can't DROP '{}'; check that column/key exists", name));
}

[[noreturn]] void RefuseUnknownColumn(std::string_view column, std::string_view table) {
  Refuse(1054, fmt::format("Unknown column '{}' in '{}'", column, table));
}

// The changes of one statement, all against the table as it was: names of columns in MODIFY,
// CHANGE, RENAME and DROP are old names, in AFTER and in new keys new names.
class Alteration {
 public:
  Alteration(const TableInfo& table, const AlterTable& statement, const BuildOptions& options)
      : old_(table),
        table_(table),
        statement_(statement),
        options_(options),
        charsets_(CharsetsAfter(table, statement, options)) {}

  TableInfo Run() {
    for (const AlterSpec& spec : statement_.specs) Collect(spec);
    // Columns of this statement take the defaults that it sets.
    table_.charset = charsets_.column_charset;
    table_.collation = charsets_.column_collation;
    BuildColumns();
    RewriteExpressions();
    RewriteIndexes();
    RewriteForeignKeys();
    // Foreign keys are numbered behind all that there were, checks behind those that stay.
    numbers_.foreign_key = LastNumber(old_.foreign_keys, ForeignKeyPrefix(old_.name));
    numbers_.check = LastNumber(table_.checks, CheckPrefix(old_.name));
    for (const AlterSpec& spec : statement_.specs) AddKeys(spec);
    EnforceChecks("CHECK");
    EnforceChecks("CONSTRAINT");
    for (const AlterSpec& spec : statement_.specs) Finish(spec);
    if (charsets_.converts) Convert();
    table_.charset = charsets_.table_charset;
    table_.collation = charsets_.table_collation;
    SetVersioning();
    AddPeriodToKeys(&table_);
    DropOrphanHiddenColumns(&table_);
    table_.Normalise();
    return std::move(table_);
  }

 private:
  struct Slot {
    ColumnInfo column;
    std::string old_name;  // lower; empty for an added column
  };

  const ColumnInfo* OldColumn(std::string_view name) const {
    const ColumnInfo* column = old_.FindColumn(name);
    return column != nullptr && column->hidden ? nullptr : column;
  }

  void Collect(const AlterSpec& spec) {
    switch (spec.kind) {
      case AlterKind::kDropColumn:
        if (OldColumn(spec.name) == nullptr) {
          if (!spec.if_exists) RefuseDrop(spec.name);
          return;
        }
        dropped_.insert(LowerName(spec.name));
        return;
      case AlterKind::kModifyColumn:
      case AlterKind::kChangeColumn:
      case AlterKind::kRenameColumn: {
        const std::string& name =
            spec.kind == AlterKind::kModifyColumn ? spec.columns.front().name : spec.name;
        if (OldColumn(name) == nullptr) {
          if (!spec.if_exists) RefuseUnknownColumn(name, old_.name);
          return;
        }
        changed_[LowerName(name)].push_back(&spec);
        return;
      }
      case AlterKind::kDropIndex:
        if (old_.FindIndex(spec.name) == nullptr) {
          if (!spec.if_exists) RefuseDrop(spec.name);
          return;
        }
        dropped_indexes_.insert(LowerName(spec.name));
        return;
      case AlterKind::kDropPrimaryKey:
        if (old_.primary_key() == nullptr) RefuseDrop("PRIMARY");
        dropped_indexes_.insert("primary");
        return;
      case AlterKind::kDropForeignKey:
        if (!EraseForeignKey(spec.name) && !MayLack(spec)) RefuseDrop(spec.name);
        return;
      case AlterKind::kDropCheck:
        if (!EraseCheck(spec.name) && !HadCheck(spec.name) && !MayLack(spec)) {
          Refuse(3821, fmt::format("Check constraint '{}' is not found in the table.", spec.name));
        }
        return;
      case AlterKind::kDropPeriod:
        if (std::erase_if(table_.periods,
                          [&](const PeriodInfo& period) {
                            return EqualNames(period.name, spec.name);
                          }) == 0 &&
            !spec.if_exists) {
          RefuseDrop(spec.name);
        }
        return;
      case AlterKind::kDropConstraint:
        if (EraseForeignKey(spec.name) || EraseCheck(spec.name) || HadCheck(spec.name)) return;
        if (const IndexInfo* index = old_.FindIndex(spec.name);
            index != nullptr && index->unique &&
            !(options_.mariadb && IsHashedUnique(old_, *index))) {
          dropped_indexes_.insert(LowerName(spec.name));
        } else if (!MayLack(spec)) {
          RefuseDrop(spec.name);
        }
        return;
      default:
        return;
    }
  }

  // Is it right that the constraint that it drops is not there?
  bool MayLack(const AlterSpec& spec) const { return spec.if_exists || old_.named_downstream; }

  bool EraseForeignKey(std::string_view name) {
    return std::erase_if(table_.foreign_keys,
                         [&](const ForeignKeyInfo& key) { return EqualNames(key.name, name); }) > 0;
  }

  // It may be named twice.
  bool HadCheck(std::string_view name) const {
    return std::any_of(old_.checks.begin(), old_.checks.end(),
                       [&](const CheckInfo& check) { return EqualNames(check.name, name); });
  }

  bool EraseCheck(std::string_view name) {
    // MariaDB's check of a column has no name that DROP could take.
    return std::erase_if(table_.checks, [&](const CheckInfo& check) {
             return EqualNames(check.name, name) && !(options_.mariadb && check.in_column);
           }) > 0;
  }

  // ---- columns

  void Rename(ColumnInfo* column, const std::string& name) {
    if (column->name != name) renamed_[column->lower_name] = name;
    column->SetName(name);
  }

  // `column` as MODIFY, CHANGE or RENAME leaves it.
  ColumnInfo Changed(const ColumnInfo& column, const AlterSpec& spec) {
    if (spec.kind == AlterKind::kRenameColumn) {
      ColumnInfo copy = column;
      Rename(&copy, spec.new_name);
      return copy;
    }
    const ColumnDef& definition = spec.columns.front();
    ColumnInfo changed = BuildColumn(definition, table_, options_);
    changed.id = column.id;
    changed.origin_default = column.origin_default;
    // The keys stay, and with a primary key its NOT NULL.
    constexpr uint32_t kKeys =
        column_flag::kPrimaryKey | column_flag::kUniqueKey | column_flag::kMultipleKey;
    changed.flags |= column.flags & kKeys;
    changed.sticky_key_flags = column.sticky_key_flags;
    if (column.is_primary() && !dropped_indexes_.contains("primary")) {
      changed.flags |= column_flag::kNotNull;
      if (!changed.default_value && !changed.is_auto_increment()) {
        changed.flags |= column_flag::kNoDefaultValue;
      }
    }
    // A column check belongs to the definition that MODIFY replaces.
    std::erase_if(table_.checks, [&](const CheckInfo& check) {
      return options_.mariadb && check.in_column && EqualNames(check.name, column.name);
    });
    if (changed.name != column.name) renamed_[column.lower_name] = changed.name;
    return changed;
  }

  size_t Position(const std::vector<Slot>& slots, const AlterSpec& spec) const {
    if (spec.position == AlterSpec::Position::kFirst) return 0;
    if (spec.position == AlterSpec::Position::kNone) return slots.size();
    for (size_t i = 0; i < slots.size(); ++i) {
      if (EqualNames(slots[i].column.name, spec.after)) return i + 1;
    }
    RefuseUnknownColumn(spec.after, old_.name);
  }

  void Move(std::vector<Slot>* slots, const AlterSpec& spec) const {
    if (spec.position == AlterSpec::Position::kNone) return;
    const std::string& name =
        spec.kind == AlterKind::kModifyColumn ? spec.columns.front().name : spec.name;
    const auto it = std::find_if(slots->begin(), slots->end(), [&](const Slot& slot) {
      return slot.old_name == LowerName(name);
    });
    // IF EXISTS, and there is none.
    if (it == slots->end()) return;
    Slot moved = std::move(*it);
    slots->erase(it);
    const size_t at = Position(*slots, spec);
    slots->insert(slots->begin() + static_cast<std::ptrdiff_t>(at), std::move(moved));
  }

  static bool Has(const std::vector<Slot>& slots, std::string_view name) {
    return std::any_of(slots.begin(), slots.end(),
                       [&](const Slot& slot) { return EqualNames(slot.column.name, name); });
  }

  void BuildColumns() {
    std::vector<Slot> slots;
    std::vector<ColumnInfo> hidden;
    for (const ColumnInfo& column : old_.columns) {
      if (column.hidden) {
        hidden.push_back(column);
        continue;
      }
      if (dropped_.contains(column.lower_name)) continue;
      Slot slot{column, column.lower_name};
      if (const auto it = changed_.find(column.lower_name); it != changed_.end()) {
        for (const AlterSpec* spec : it->second) slot.column = Changed(slot.column, *spec);
      }
      slots.push_back(std::move(slot));
    }
    // Changed columns are where they were until it is their turn to move, added ones come in turn.
    for (const AlterSpec& spec : statement_.specs) {
      if (spec.kind == AlterKind::kAddColumn) {
        Add(&slots, spec);
      } else {
        Move(&slots, spec);
      }
    }
    if (slots.empty()) {
      Refuse(1090, "You can't delete all columns with ALTER TABLE; use DROP TABLE instead");
    }
    KeepInvisibleKeyFirst(&slots);
    std::set<std::string> names;
    table_.columns.clear();
    for (Slot& slot : slots) {
      if (!names.insert(slot.column.lower_name).second) {
        Refuse(1060, fmt::format("Duplicate column name '{}'", slot.column.name));
      }
      table_.columns.push_back(std::move(slot.column));
    }
    for (ColumnInfo& column : hidden) table_.columns.push_back(std::move(column));
    for (const AlterSpec& spec : statement_.specs) ChangeDefault(spec);
  }

  // MySQL's generated invisible primary key stays the first column, also before a new FIRST one.
  void KeepInvisibleKeyFirst(std::vector<Slot>* slots) const {
    const ColumnInfo& old = old_.columns.front();
    if (options_.mariadb || !old.invisible || old.lower_name != "my_row_id" ||
        !old.is_auto_increment() || !old.is_primary()) {
      return;
    }
    for (size_t i = 1; i < slots->size(); ++i) {
      if ((*slots)[i].old_name != old.lower_name || !(*slots)[i].column.invisible) continue;
      std::rotate(slots->begin(), slots->begin() + static_cast<std::ptrdiff_t>(i),
                  slots->begin() + static_cast<std::ptrdiff_t>(i) + 1);
    }
  }

  // IF NOT EXISTS asks for the table as it was, and for what this statement added before.
  bool Exists(const std::string& name) const {
    return OldColumn(name) != nullptr || added_.contains(LowerName(name));
  }

  void Add(std::vector<Slot>* slots, const AlterSpec& spec) {
    for (const ColumnDef& definition : spec.columns) {
      if (spec.if_exists && Exists(definition.name)) {
        passed_over_.insert(LowerName(definition.name));
        continue;
      }
      if (Has(*slots, definition.name)) {
        Refuse(1060, fmt::format("Duplicate column name '{}'", definition.name));
      }
      added_.insert(LowerName(definition.name));
      ColumnInfo column = BuildColumn(definition, table_, options_);
      column.id = ++table_.max_column_id;
      if (!column.is_generated() && !column.default_is_expr &&
          column.default_value != "CURRENT_TIMESTAMP") {
        column.origin_default = column.default_value;
      }
      if (options_.inline_keys_as_flags) {
        if (definition.Find(ColumnOptionKind::kUniqueKey) != nullptr) {
          column.sticky_key_flags |= column_flag::kUniqueKey;
        }
        if (definition.Find(ColumnOptionKind::kPrimaryKey) != nullptr) {
          column.sticky_key_flags |= column_flag::kPrimaryKey;
        }
      }
      const size_t at = Position(*slots, spec);
      slots->insert(slots->begin() + static_cast<std::ptrdiff_t>(at), Slot{std::move(column), ""});
    }
  }

  // The column of the new table that has this name now, or had it before.
  ColumnInfo* NewColumn(std::string_view name) {
    std::string lower = LowerName(name);
    if (const auto it = renamed_.find(lower); it != renamed_.end()) lower = LowerName(it->second);
    for (ColumnInfo& column : table_.columns) {
      if (column.lower_name == lower) return &column;
    }
    return nullptr;
  }

  void ChangeDefault(const AlterSpec& spec) {
    if (spec.kind != AlterKind::kSetDefault && spec.kind != AlterKind::kDropDefault &&
        spec.kind != AlterKind::kColumnVisible) {
      return;
    }
    ColumnInfo* column = NewColumn(spec.name);
    if (column == nullptr) {
      if (spec.if_exists) return;
      RefuseUnknownColumn(spec.name, old_.name);
    }
    if (spec.kind == AlterKind::kColumnVisible) {
      column->invisible = !spec.flag;
    } else if (column->is_generated()) {
      // Servers take the change and keep the expression.
    } else {
      // For MariaDB a default that follows the clock and ON UPDATE are one property.
      if (options_.mariadb && column->default_value == "CURRENT_TIMESTAMP") {
        column->flags &= ~column_flag::kOnUpdateNow;
      }
      SetDefault(column, spec.kind == AlterKind::kDropDefault ? nullptr : spec.expr.get());
    }
  }

  // ---- what names columns

  // `text` with renamed columns; parsed only if one of `columns` is renamed.
  std::string Renamed(const std::string& text, const std::vector<std::string>& columns) const {
    const bool touched = std::any_of(columns.begin(), columns.end(), [&](const std::string& name) {
      return renamed_.contains(name);
    });
    if (!touched) return text;
    // Through names that no column has, so that swaps come out right.
    ExprPtr expr = ParseStored(text);
    for (const auto& [from, to] : renamed_) {
      expr = RenameColumn(expr, from, std::string(1, '\x01') + to);
    }
    for (const auto& [from, to] : renamed_) {
      expr = RenameColumn(expr, std::string(1, '\x01') + to, to);
    }
    return Restore(expr, ExprStyle::kStored);
  }

  std::vector<std::string> RenamedNames(const std::vector<std::string>& columns) const {
    std::vector<std::string> names;
    for (const std::string& name : columns) {
      const auto it = renamed_.find(name);
      names.push_back(it == renamed_.end() ? name : LowerName(it->second));
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  void RewriteExpressions() {
    // Definitions given in this statement name columns as they are now.
    std::set<std::string> fresh;
    for (const AlterSpec& spec : statement_.specs) {
      for (const ColumnDef& definition : spec.columns) fresh.insert(LowerName(definition.name));
    }
    for (ColumnInfo& column : table_.columns) {
      if (!column.hidden && fresh.contains(column.lower_name)) continue;
      if (column.is_generated()) {
        if (!column.hidden) {
          for (const std::string& name : column.dependences) {
            if (dropped_.contains(name) && table_.FindColumn(name) == nullptr) {
              Refuse(3108, fmt::format("Column '{}' has a generated column dependency.", name));
            }
          }
        }
        column.generated_expr = Renamed(column.generated_expr, column.dependences);
        column.dependences = RenamedNames(column.dependences);
      } else if (column.default_is_expr && column.default_value && !renamed_.empty()) {
        column.default_value =
            Renamed(*column.default_value, ColumnsOf(ParseStored(*column.default_value)));
      }
    }
    std::erase_if(table_.checks, [&](const CheckInfo& check) {
      const bool uses_dropped =
          std::any_of(check.columns.begin(), check.columns.end(),
                      [&](const std::string& name) { return dropped_.contains(name); });
      if (!uses_dropped) return false;
      if (check.columns.size() > 1 && !check.in_column) {
        Refuse(3959, fmt::format("Check constraint '{}' uses column '{}', hence column cannot be "
                                 "dropped or renamed.",
                                 check.name, check.columns.front()));
      }
      return true;
    });
    for (CheckInfo& check : table_.checks) {
      check.expr = Renamed(check.expr, check.columns);
      check.columns = RenamedNames(check.columns);
      if (check.in_column && options_.mariadb) {
        const auto it = renamed_.find(LowerName(check.name));
        if (it != renamed_.end()) check.name = it->second;
      }
    }
    if (table_.partition && !renamed_.empty()) RenameInPartition();
  }

  void RenameInPartition() {
    PartitionBy clause = ParsePartition(table_.partition->text);
    const auto rename = [&](PartitionMethod* method) {
      for (std::string& name : method->column_names) {
        const auto it = renamed_.find(LowerName(name));
        if (it != renamed_.end()) name = it->second;
      }
      if (method->expr != nullptr) {
        method->expr = ParseStored(
            Renamed(Restore(method->expr, ExprStyle::kStored), ColumnsOf(method->expr)));
      }
    };
    rename(&clause.method);
    if (clause.sub_method) rename(&*clause.sub_method);
    SetPartition(clause);
  }

  // Does a server make the table anew? Not for its name, ways to do the work and partitions.
  bool MakesAnew() const {
    return std::any_of(statement_.specs.begin(), statement_.specs.end(), [](const AlterSpec& spec) {
      switch (spec.kind) {
        case AlterKind::kRenameTable:
        case AlterKind::kAddPartition:
        case AlterKind::kDropPartition:
        case AlterKind::kTruncatePartition:
        case AlterKind::kCoalescePartition:
        case AlterKind::kReorganizePartition:
        case AlterKind::kExchangePartition:
        case AlterKind::kConvertPartition:
        case AlterKind::kConvertTable:
        case AlterKind::kRebuildPartition:
        case AlterKind::kMaintainPartition:
          return false;
        case AlterKind::kVerbatim:
          return spec.text.starts_with("FORCE") || spec.text.starts_with("ORDER BY");
        default:
          return true;
      }
    });
  }

  void RewriteIndexes() {
    if (MakesAnew()) ForgetHash(&table_, options_);
    std::vector<IndexInfo> indexes;
    for (IndexInfo& index : table_.indexes) {
      if (dropped_indexes_.contains(index.lower_name)) continue;
      RefuseTornUnique(index);
      // A column that is dropped and added again under its name keeps its place in the index.
      std::erase_if(index.columns, [&](const IndexColumn& part) {
        return dropped_.contains(LowerName(part.name)) && table_.FindColumn(part.name) == nullptr;
      });
      if (index.columns.empty()) continue;
      for (IndexColumn& part : index.columns) {
        const ColumnInfo* old = OldColumn(part.name);
        const auto it = renamed_.find(LowerName(part.name));
        if (it != renamed_.end()) part.name = it->second;
        const ColumnInfo* column = table_.FindColumn(part.name);
        if (column == nullptr) continue;
        const bool had_labels =
            old != nullptr && (old->type == FieldType::kEnum || old->type == FieldType::kSet);
        if (had_labels && column->is_string() && !options_.mariadb) {
          part.length = KeyPartOfLabels(*old);
        }
        part.length = index.kind == IndexInfo::Kind::kPlain
                          ? KeyPartLength(*column, part.length, index.unique, options_)
                          : PrefixLength(*column, part.length);
      }
      indexes.push_back(std::move(index));
    }
    table_.indexes = std::move(indexes);
    DropOrphanHiddenColumns(&table_);
    table_.Normalise();
    for (const AlterSpec& spec : statement_.specs) {
      if (spec.kind == AlterKind::kRenameIndex) {
        RenameIndex(spec);
      } else if (spec.kind == AlterKind::kIndexVisible) {
        IndexInfo* index = NewIndex(spec.name);
        // An index whose columns are dropped goes with them.
        if (index == nullptr && !spec.if_exists && old_.FindIndex(spec.name) == nullptr) {
          RefuseKey(spec.name);
        }
        if (index != nullptr) index->invisible = !spec.flag;
      }
    }
  }

  // MariaDB takes no column out of a unique key that has others, but for the end of a period.
  void RefuseTornUnique(const IndexInfo& index) const {
    if (!options_.mariadb || !index.unique || index.columns.size() < 2) return;
    const auto gone =
        std::count_if(index.columns.begin(), index.columns.end(), [&](const IndexColumn& part) {
          const ColumnInfo* old = OldColumn(part.name);
          return dropped_.contains(LowerName(part.name)) &&
                 table_.FindColumn(part.name) == nullptr && !(old != nullptr && old->is_row_end());
        });
    if (gone > 0 && gone < static_cast<std::ptrdiff_t>(index.columns.size())) {
      Refuse(1072, fmt::format("Key column of '{}' doesn't exist in table", index.name));
    }
  }

  [[noreturn]] void RefuseKey(std::string_view name) const {
    Refuse(1176, fmt::format("Key '{}' doesn't exist in table '{}'", name, old_.name));
  }

  IndexInfo* NewIndex(std::string_view name) {
    for (IndexInfo& index : table_.indexes) {
      if (EqualNames(index.name, name)) return &index;
    }
    return nullptr;
  }

  void RenameIndex(const AlterSpec& spec) {
    IndexInfo* index = NewIndex(spec.name);
    if (index == nullptr) {
      // An index whose columns are dropped goes with them, renamed or not.
      if (spec.if_exists || old_.FindIndex(spec.name) != nullptr) return;
      RefuseKey(spec.name);
    }
    const IndexInfo* taken = table_.FindIndex(spec.new_name);
    if (taken != nullptr && taken != index) {
      Refuse(1061, fmt::format("Duplicate key name '{}'", spec.new_name));
    }
    index->SetName(spec.new_name);
    index->generated = false;
  }

  void RewriteForeignKeys() {
    for (PeriodInfo& period : table_.periods) {
      for (std::string* name : {&period.start, &period.end}) {
        const auto it = renamed_.find(LowerName(*name));
        if (it != renamed_.end()) *name = it->second;
      }
    }
    for (ForeignKeyInfo& key : table_.foreign_keys) {
      for (std::string& name : key.columns) {
        if (dropped_.contains(LowerName(name))) {
          Refuse(1828, fmt::format("Cannot drop column '{}': needed in a foreign key constraint "
                                   "'{}'",
                                   name, key.name));
        }
        const auto it = renamed_.find(LowerName(name));
        if (it != renamed_.end()) name = it->second;
      }
      // References to the table itself are changed with those of other tables.
    }
  }

  // IF NOT EXISTS asks for the table as it was, also for what this statement drops.
  bool WasThere(const Constraint& constraint) const {
    switch (constraint.kind) {
      case ConstraintKind::kForeign:
        return std::any_of(
            old_.foreign_keys.begin(), old_.foreign_keys.end(),
            [&](const ForeignKeyInfo& key) { return EqualNames(key.name, constraint.name); });
      case ConstraintKind::kCheck:
        return HadCheck(constraint.name);
      case ConstraintKind::kPrimary:
        return old_.primary_key() != nullptr;
      case ConstraintKind::kPeriod:
        return std::any_of(old_.periods.begin(), old_.periods.end(), [&](const PeriodInfo& period) {
          return EqualNames(period.name, constraint.period);
        });
      default:
        return old_.FindIndex(constraint.name.empty() ? constraint.parts.front().column
                                                      : constraint.name) != nullptr;
    }
  }

  void AddKeys(const AlterSpec& spec) {
    switch (spec.kind) {
      case AlterKind::kAddColumn:
        if (options_.inline_keys_as_flags) return;
        for (const ColumnDef& definition : spec.columns) {
          ColumnDef keys = definition;
          const bool passed_over = passed_over_.contains(LowerName(definition.name));
          std::erase_if(keys.options, [&](const ColumnOption& option) {
            const bool primary = option.kind == ColumnOptionKind::kPrimaryKey;
            const bool unique = option.kind == ColumnOptionKind::kUniqueKey;
            // MariaDB passes over the column but not over its keys.
            if (!primary && !unique) return passed_over;
            return spec.if_exists && (primary ? old_.primary_key() != nullptr
                                              : old_.FindIndex(definition.name) != nullptr);
          });
          AddInlineKeys(&table_, keys, options_, &numbers_, spec.if_exists);
        }
        return;
      case AlterKind::kModifyColumn:
      case AlterKind::kChangeColumn:
        if (table_.FindColumn(spec.columns.front().name) != nullptr) {
          AddInlineKeys(&table_, spec.columns.front(), options_, &numbers_);
        }
        return;
      case AlterKind::kAddConstraint: {
        Constraint constraint = spec.constraint;
        constraint.if_not_exists = constraint.if_not_exists || spec.if_exists;
        if (constraint.if_not_exists && WasThere(constraint)) return;
        AddConstraint(&table_, constraint, options_, &numbers_);
        return;
      }
      default:
        return;
    }
  }

  // ---- the table as a whole

  // Of a check that is named twice the last counts, and CONSTRAINT more than CHECK.
  void EnforceChecks(std::string_view word) {
    for (const AlterSpec& spec : statement_.specs) {
      if (spec.kind != AlterKind::kAlterCheck || spec.text != word) continue;
      for (CheckInfo& check : table_.checks) {
        if (EqualNames(check.name, spec.name)) check.enforced = spec.flag;
      }
    }
  }

  void SetPartition(const PartitionBy& clause) { table_.partition = BuildPartition(clause); }

  void Finish(const AlterSpec& spec) {
    switch (spec.kind) {
      case AlterKind::kOptions:
        SetOptions(spec.options);
        return;
      case AlterKind::kPartitionBy:
        SetPartition(*spec.partition);
        return;
      case AlterKind::kRemovePartitioning:
        table_.partition.reset();
        return;
      case AlterKind::kAddPartition:
      case AlterKind::kDropPartition:
      case AlterKind::kCoalescePartition:
      case AlterKind::kReorganizePartition:
      case AlterKind::kConvertPartition:
      case AlterKind::kConvertTable:
        ChangePartitions(&table_, spec);
        return;
      default:
        return;
    }
  }

  // Columns that take the place of a period's are at its place in row images until another ALTER
  // puts them behind all others, where they are known.
  void RequirePeriodLast() const {
    const std::vector<const ColumnInfo*> columns = old_.RowColumns();
    const size_t count = columns.size();
    const bool last =
        count > 2 && columns[count - 2]->is_row_start() && columns[count - 1]->is_row_end() &&
        std::none_of(statement_.specs.begin(), statement_.specs.end(), [](const AlterSpec& spec) {
          return spec.kind == AlterKind::kAddColumn || spec.position != AlterSpec::Position::kNone;
        });
    if (!last) {
      Refuse(8200,
             "a system-versioned table that loses the columns of its period, of which others stand "
             "behind, is not supported: drop the versioning as well, and add it again");
    }
  }

  // A table that loses the columns of its period stays versioned until it is said to be no more.
  void SetVersioning() {
    bool versioned = old_.system_period() != nullptr || table_.system_period() != nullptr;
    for (const AlterSpec& spec : statement_.specs) {
      if (spec.kind == AlterKind::kSystemVersioning) versioned = spec.text == "ADD";
    }
    if (versioned) {
      const bool loses = old_.system_period() != nullptr && !old_.has_implicit_period() &&
                         (table_.system_period() == nullptr || table_.has_implicit_period());
      if (loses) RequirePeriodLast();
      return AddImplicitPeriod(&table_);
    }
    std::erase_if(table_.periods, [](const PeriodInfo& period) {
      return EqualNames(period.name, PeriodInfo::kSystemTime);
    });
  }

  void SetOptions(const std::vector<Option>& options) {
    for (const Option& option : options) {
      if (option.name == "COMMENT") {
        table_.comment = option.value;
      } else if (option.name == "COMPRESSION") {
        table_.compression = option.value;
      } else if (option.name == "AUTO_INCREMENT") {
        table_.auto_increment = std::strtoll(option.value.c_str(), nullptr, 10);
      }
    }
  }

  void Convert() {
    struct Defined {
      const ColumnDef* definition;
      const ColumnInfo* old;
    };
    std::map<std::string, Defined> defined;  // by lower name
    for (const AlterSpec& spec : statement_.specs) {
      for (const ColumnDef& definition : spec.columns) {
        const ColumnInfo* old = spec.kind == AlterKind::kModifyColumn   ? OldColumn(definition.name)
                                : spec.kind == AlterKind::kChangeColumn ? OldColumn(spec.name)
                                                                        : nullptr;
        defined[LowerName(definition.name)] = {&definition, old};
      }
    }
    for (ColumnInfo& column : table_.columns) {
      const auto it = defined.find(column.lower_name);
      const Defined found = it == defined.end() ? Defined{nullptr, nullptr} : it->second;
      ConvertColumn(charsets_, found.definition, found.old, options_, &column);
    }
  }

  const TableInfo& old_;
  TableInfo table_;
  const AlterTable& statement_;
  const BuildOptions options_;
  const AlteredCharsets charsets_;
  MadeNumbers numbers_;
  std::set<std::string> dropped_;          // lower names of columns
  std::set<std::string> dropped_indexes_;  // lower names
  std::set<std::string> added_;            // lower names
  std::set<std::string> passed_over_;      // lower names of ADD COLUMN IF NOT EXISTS
  std::map<std::string, std::vector<const AlterSpec*>> changed_;
  std::map<std::string, std::string> renamed_;  // lower old name -> new name
};

}  // namespace

TableInfo AlterTableInfo(const TableInfo& table, const AlterTable& statement,
                         const BuildOptions& options) {
  return Alteration(table, statement, options).Run();
}

TableInfo CreateIndexOn(const TableInfo& table, const CreateIndex& statement,
                        const BuildOptions& options) {
  TableInfo copy = table;
  ForgetHash(&copy, options);
  if (statement.or_replace) {
    const std::string lower = LowerName(statement.index.name);
    std::erase_if(copy.indexes, [&](const IndexInfo& index) { return index.lower_name == lower; });
  }
  MadeNumbers numbers;
  AddConstraint(&copy, statement.index, options, &numbers);
  AddPeriodToKeys(&copy);
  copy.Normalise();
  return copy;
}

TableInfo DropIndexOn(const TableInfo& table, const DropIndex& statement,
                      const BuildOptions& options) {
  TableInfo copy = table;
  ForgetHash(&copy, options);
  const std::string lower = LowerName(statement.name);
  const size_t erased = std::erase_if(
      copy.indexes, [&](const IndexInfo& index) { return index.lower_name == lower; });
  if (erased == 0) RefuseDrop(statement.name);
  DropOrphanHiddenColumns(&copy);
  copy.Normalise();
  return copy;
}

}  // namespace dm::mysql
