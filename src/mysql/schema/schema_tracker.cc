#include "mysql/schema/schema_tracker.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/error/error.h"
#include "base/log/log.h"
#include "mysql/schema/edit.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/tidb_rewrite.h"
#include "mysql/value/charset.h"

namespace dm::mysql {
namespace {

constexpr std::string_view kDefaultCharset = "utf8mb4";
constexpr std::string_view kDefaultCollation = "utf8mb4_bin";

// Errors that say that what a statement wants is so already.
bool IsIgnorable(int server_errno) {
  constexpr int kIgnorable[] = {1007, 1008, 1051, 1091};
  return std::find(std::begin(kIgnorable), std::end(kIgnorable), server_errno) !=
         std::end(kIgnorable);
}

}  // namespace

// The catalogue as it will be: planned steps over what is there.
class SchemaTracker::View {
 public:
  View(const SchemaTracker& tracker, TrackerChange* change) : tracker_(tracker), change_(change) {}

  void Apply(std::string_view default_schema, const Statement& statement) {
    const auto full = [&](const TableName& name) {
      return TableName{name.schema.empty() ? std::string(default_schema) : name.schema, name.name};
    };
    if (const auto* create = statement.As<CreateDatabase>()) {
      CreateDatabase_(*create);
    } else if (const auto* alter = statement.As<AlterDatabase>()) {
      AlterDatabase_(*alter, alter->name.empty() ? std::string(default_schema) : alter->name);
    } else if (const auto* drop = statement.As<DropDatabase>()) {
      if (!HasSchema(drop->name)) {
        if (drop->if_exists) return;
        Refuse(1008, fmt::format("Can't drop database '{}'; database doesn't exist", drop->name));
      }
      change_->steps_.push_back({Step::Kind::kDropSchema, drop->name, "", nullptr, "", ""});
    } else if (const auto* create_table = statement.As<CreateTable>()) {
      CreateTable_(*create_table, full(create_table->table), default_schema);
    } else if (const auto* drop_table = statement.As<mysql::DropTable>()) {
      for (const TableName& name : drop_table->tables)
        DropTable_(full(name), drop_table->if_exists);
    } else if (const auto* rename = statement.As<RenameTable>()) {
      for (const RenameTable::Pair& pair : rename->pairs) {
        if (rename->if_exists && Find(full(pair.from)) == nullptr) continue;
        Rename(full(pair.from), full(pair.to));
      }
    } else if (const auto* alter_table = statement.As<AlterTable>()) {
      AlterTable_(*alter_table, full(alter_table->table), default_schema);
    } else if (const auto* index = statement.As<CreateIndex>()) {
      const TableName name = full(index->table);
      Put(name, CreateIndexOn(*Must(name), *index, Options(name.schema)));
    } else if (const auto* drop_index = statement.As<DropIndex>()) {
      const TableName name = full(drop_index->table);
      const TablePtr table = Must(name);
      if (drop_index->if_exists && table->FindIndex(drop_index->name) == nullptr) return;
      Put(name, DropIndexOn(*table, *drop_index, Options(name.schema)));
    } else if (const auto* sequence = statement.As<SequenceStatement>()) {
      // A sequence's rows are tracked as a table's. Its name may be a table's afterwards.
      if (sequence->verb != "DROP" && !sequence->or_replace) return;
      DropTable_(full(sequence->sequence), true);
      for (const TableName& name : sequence->more) DropTable_(full(name), true);
    }
    // TRUNCATE changes no definition.
  }

  TablePtr Find(const TableName& name) const {
    const std::string schema = tracker_.Key(name.schema);
    const std::string table = tracker_.Key(name.name);
    for (auto step = change_->steps_.rbegin(); step != change_->steps_.rend(); ++step) {
      if (tracker_.Key(step->schema) != schema) continue;
      if (step->kind == Step::Kind::kDropSchema) return nullptr;
      if (tracker_.Key(step->table) != table) continue;
      if (step->kind == Step::Kind::kPutTable) return step->definition;
      if (step->kind == Step::Kind::kDropTable) return nullptr;
    }
    const Schema* found = tracker_.FindSchema(name.schema);
    if (found == nullptr) return nullptr;
    const auto it = found->tables.find(table);
    return it == found->tables.end() ? nullptr : it->second.definition;
  }

 private:
  using Step = TrackerChange::Step;

  // Charset and collation of a schema; false if there is no such schema.
  bool SchemaDefaults(std::string_view schema, std::string* charset, std::string* collation) const {
    const std::string key = tracker_.Key(schema);
    for (auto step = change_->steps_.rbegin(); step != change_->steps_.rend(); ++step) {
      if (tracker_.Key(step->schema) != key) continue;
      if (step->kind == Step::Kind::kDropSchema) return false;
      if (step->kind == Step::Kind::kPutSchema) {
        *charset = step->charset;
        *collation = step->collation;
        return true;
      }
    }
    const Schema* found = tracker_.FindSchema(schema);
    if (found == nullptr) return false;
    *charset = found->charset;
    *collation = found->collation;
    return true;
  }

  bool HasSchema(std::string_view schema) const {
    std::string charset;
    std::string collation;
    return SchemaDefaults(schema, &charset, &collation);
  }

  BuildOptions Options(std::string_view schema) const {
    BuildOptions options;
    SchemaDefaults(schema, &options.default_charset, &options.default_collation);
    options.mariadb = tracker_.options_.mariadb;
    options.schema = schema;
    options.inline_keys_as_flags = tracker_.options_.shard_mode;
    options.default_collation_of = tracker_.options_.default_collation_of;
    options.inline_references = tracker_.options_.inline_references;
    return options;
  }

  TablePtr Must(const TableName& name) const {
    TablePtr table = Find(name);
    if (table == nullptr) {
      Refuse(1146, fmt::format("Table '{}.{}' doesn't exist", name.schema, name.name));
    }
    return table;
  }

  void Put(const TableName& name, TableInfo table) {
    change_->steps_.push_back({Step::Kind::kPutTable, name.schema, name.name,
                               std::make_shared<const TableInfo>(std::move(table)), "", ""});
  }

  void Drop(const TableName& name) {
    change_->steps_.push_back({Step::Kind::kDropTable, name.schema, name.name, nullptr, "", ""});
  }

  void PutSchema(std::string_view name, const std::vector<Option>& options, std::string charset,
                 std::string collation) {
    std::string given_charset;
    std::string given_collation;
    for (const Option& option : options) {
      if (option.name == "CHARACTER SET") given_charset = NormaliseCharset(option.value);
      if (option.name == "COLLATE") given_collation = NormaliseCharset(option.value);
    }
    SetDefaults(given_charset, given_collation, Options(name), &charset, &collation);
    change_->steps_.push_back({Step::Kind::kPutSchema, std::string(name), "", nullptr,
                               std::move(charset), std::move(collation)});
  }

  void CreateDatabase_(const CreateDatabase& create) {
    if (HasSchema(create.name)) {
      if (create.if_not_exists) return;
      Refuse(1007, fmt::format("Can't create database '{}'; database exists", create.name));
    }
    PutSchema(create.name, create.options, std::string(kDefaultCharset),
              std::string(kDefaultCollation));
  }

  void AlterDatabase_(const AlterDatabase& alter, const std::string& name) {
    std::string charset(kDefaultCharset);
    std::string collation(kDefaultCollation);
    SchemaDefaults(name, &charset, &collation);
    PutSchema(name, alter.options, std::move(charset), std::move(collation));
  }

  void CreateTable_(const CreateTable& create, const TableName& name,
                    std::string_view default_schema) {
    if (!HasSchema(name.schema)) {
      Refuse(1049, fmt::format("Unknown database '{}'", name.schema));
    }
    if (Find(name) != nullptr) {
      if (create.or_replace) {
        Drop(name);
      } else if (create.if_not_exists) {
        return;
      } else {
        Refuse(1050, fmt::format("Table '{}.{}' already exists", name.schema, name.name));
      }
    }
    if (create.like) {
      TableName like = *create.like;
      if (like.schema.empty()) like.schema = default_schema;
      Put(name, LikeTable(*Must(like), name.name, Options(name.schema)));
      return;
    }
    Put(name, BuildTableInfo(create, Options(name.schema)));
  }

  void DropTable_(const TableName& name, bool if_exists) {
    if (Find(name) == nullptr) {
      if (if_exists) return;
      Refuse(1051, fmt::format("Unknown table '{}.{}'", name.schema, name.name));
    }
    Drop(name);
  }

  void Rename(const TableName& from, const TableName& to) {
    TableInfo copy = *Must(from);
    const bool same = tracker_.Key(from.schema) == tracker_.Key(to.schema) &&
                      tracker_.Key(from.name) == tracker_.Key(to.name);
    if (!same && Find(to) != nullptr) {
      Refuse(1050, fmt::format("Table '{}.{}' already exists", to.schema, to.name));
    }
    if (!HasSchema(to.schema)) Refuse(1049, fmt::format("Unknown database '{}'", to.schema));
    // Generated names follow the table's name.
    const auto follow = [&](std::string* name, const std::string& prefix, std::string now) {
      if (name->starts_with(prefix)) *name = std::move(now) + name->substr(prefix.size());
    };
    for (ForeignKeyInfo& key : copy.foreign_keys) {
      follow(&key.name, ForeignKeyPrefix(copy.name), ForeignKeyPrefix(to.name));
    }
    for (CheckInfo& check : copy.checks) {
      if (tracker_.options_.mariadb) break;
      follow(&check.name, CheckPrefix(copy.name), CheckPrefix(to.name));
    }
    const std::string old_name = copy.name;
    copy.name = to.name;
    Drop(from);
    Put(to, std::move(copy));
    ChangeReferences({from.schema, old_name}, [&](ForeignKeyInfo* key) {
      key->ref_schema = to.schema;
      key->ref_table = to.name;
    });
  }

  // Calls `change` for every foreign key of any table that refers to `parent`.
  template <class Change>
  void ChangeReferences(const TableName& parent, Change change) {
    const std::string schema = tracker_.Key(parent.schema);
    const std::string table = tracker_.Key(parent.name);
    const auto refers = [&](const ForeignKeyInfo& key) {
      return tracker_.Key(key.ref_table) == table && tracker_.Key(key.ref_schema) == schema;
    };
    for (const TableName& name : TablesWithForeignKeys()) {
      const TablePtr child = Find(name);
      if (child == nullptr ||
          std::none_of(child->foreign_keys.begin(), child->foreign_keys.end(), refers)) {
        continue;
      }
      TableInfo copy = *child;
      for (ForeignKeyInfo& key : copy.foreign_keys) {
        if (refers(key)) change(&key);
      }
      Put(name, std::move(copy));
    }
  }

  std::vector<TableName> TablesWithForeignKeys() const {
    std::vector<TableName> names;
    const auto add = [&](const std::string& schema, const std::string& table,
                         const TablePtr& definition) {
      if (definition == nullptr || definition->foreign_keys.empty()) return;
      const TableName name{schema, table};
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const auto& [schema_key, schema] : tracker_.schemas_) {
      for (const auto& [key, entry] : schema.tables) add(schema.name, entry.name, entry.definition);
    }
    for (const Step& step : change_->steps_) add(step.schema, step.table, step.definition);
    return names;
  }

  // Foreign keys of other tables follow the columns that they refer to.
  void FollowRenamedColumns(const TableName& name, const AlterTable& alter) {
    std::vector<std::pair<std::string, std::string>> renamed;
    for (const AlterSpec& spec : alter.specs) {
      if (spec.kind == AlterKind::kRenameColumn) {
        renamed.emplace_back(spec.name, spec.new_name);
      } else if (spec.kind == AlterKind::kChangeColumn && spec.name != spec.columns.front().name) {
        renamed.emplace_back(spec.name, spec.columns.front().name);
      }
    }
    if (renamed.empty()) return;
    ChangeReferences(name, [&](ForeignKeyInfo* key) {
      for (std::string& column : key->ref_columns) {
        for (const auto& [from, to] : renamed) {
          if (!EqualNames(column, from)) continue;
          column = to;
          break;
        }
      }
    });
  }

  void AlterTable_(const AlterTable& alter, TableName name, std::string_view default_schema) {
    if (alter.if_exists && Find(name) == nullptr) return;
    const TablePtr table = Must(name);
    if (tracker_.options_.downstream_tidb) {
      for (const AlterSpec& spec : alter.specs) {
        for (const Option& option : spec.options) {
          if (!TiDbAltersOption(option.name)) {
            Refuse(8200, "This type of ALTER TABLE is currently unsupported");
          }
        }
      }
    }
    const auto full = [&](const TableName& other) {
      return TableName{other.schema.empty() ? std::string(default_schema) : other.schema,
                       other.name};
    };
    Put(name, AlterTableInfo(*table, alter, Options(name.schema)));
    FollowRenamedColumns({name.schema, table->name}, alter);
    for (const AlterSpec& spec : alter.specs) {
      if (spec.kind == AlterKind::kRenameTable) {
        const TableName to = full(spec.table);
        Rename(name, to);
        name = to;
      } else if (spec.kind == AlterKind::kConvertPartition) {
        TableInfo copy = *Must(name);
        copy.name = spec.table.name;
        copy.partition.reset();
        copy.foreign_keys.clear();
        Put(full(spec.table), std::move(copy));
      } else if (spec.kind == AlterKind::kConvertTable) {
        DropTable_(full(spec.table), true);
      }
    }
  }

  const SchemaTracker& tracker_;
  TrackerChange* change_;
};

SchemaTracker::SchemaTracker(TrackerOptions options) : options_(std::move(options)) {}

std::string SchemaTracker::Key(std::string_view name) const {
  return options_.lower_case_table_names == 0 ? std::string(name) : LowerName(name);
}

void SchemaTracker::CheckOpen() const {
  if (closed_) throw MakeError(ErrorCode::kSchemaTrackerIsClosed);
}

const SchemaTracker::Schema* SchemaTracker::FindSchema(std::string_view schema) const {
  const auto it = schemas_.find(Key(schema));
  return it == schemas_.end() ? nullptr : &it->second;
}

TrackerChange SchemaTracker::Plan(std::string_view default_schema,
                                  std::span<const Statement> statements) const {
  std::shared_lock lock(mutex_);
  CheckOpen();
  TrackerChange change;
  View view(*this, &change);
  for (const Statement& statement : statements) {
    const size_t steps = change.steps_.size();
    try {
      view.Apply(default_schema, statement);
    } catch (const Error& error) {
      change.steps_.resize(steps);
      if (IsIgnorable(error.server_errno())) {
        Log().Info("will ignore a DDL error when tracking",
                   {F("statement", Restore(statement)), F("error", error.raw_cause())});
        continue;
      }
      throw WrapError(ErrorCode::kSchemaTrackerCannotExecDDL, error, Restore(statement));
    } catch (const std::exception& error) {
      // A fault of ours must not end the process: it is reported with the statement.
      throw MakeError(ErrorCode::kSchemaTrackerCannotExecDDL, Restore(statement))
          .SetRawCause(fmt::format("tracker panicked: {}", error.what()));
    }
  }
  return change;
}

void SchemaTracker::ApplyStep(const TrackerChange::Step& step) {
  using Kind = TrackerChange::Step::Kind;
  switch (step.kind) {
    case Kind::kPutSchema: {
      Schema& schema = schemas_[Key(step.schema)];
      if (schema.name.empty()) schema.name = step.schema;
      schema.charset = step.charset;
      schema.collation = step.collation;
      schema.collation_known = true;
      break;
    }
    case Kind::kDropSchema:
      schemas_.erase(Key(step.schema));
      break;
    case Kind::kPutTable: {
      Schema& schema = schemas_[Key(step.schema)];
      if (schema.name.empty()) schema.name = step.schema;
      schema.tables[Key(step.table)] = Entry{step.table, step.definition};
      break;
    }
    case Kind::kDropTable: {
      const auto it = schemas_.find(Key(step.schema));
      if (it != schemas_.end()) it->second.tables.erase(Key(step.table));
      break;
    }
  }
}

void SchemaTracker::Commit(TrackerChange change) {
  std::unique_lock lock(mutex_);
  CheckOpen();
  for (const TrackerChange::Step& step : change.steps_) ApplyStep(step);
}

void SchemaTracker::Exec(std::string_view default_schema, const Statement& statement) {
  Commit(Plan(default_schema, std::span(&statement, 1)));
}

TablePtr SchemaTracker::GetTable(std::string_view schema, std::string_view table) const {
  std::shared_lock lock(mutex_);
  CheckOpen();
  const auto find = [](const auto& map, std::string_view name, std::string* folded, bool fold) {
    if (!fold) return map.find(name);
    *folded = LowerName(name);
    return map.find(std::string_view(*folded));
  };
  std::string folded;
  const bool fold = options_.lower_case_table_names != 0;
  const auto found = find(schemas_, schema, &folded, fold);
  if (found == schemas_.end()) return nullptr;
  const auto entry = find(found->second.tables, table, &folded, fold);
  return entry == found->second.tables.end() ? nullptr : entry->second.definition;
}

TablePtr SchemaTracker::MustGetTable(std::string_view schema, std::string_view table) const {
  TablePtr found = GetTable(schema, table);
  if (found == nullptr) {
    throw MakeError(ErrorCode::kSchemaTrackerCannotGetTable,
                    QuoteTableName({std::string(schema), std::string(table)}));
  }
  return found;
}

TablePtr SchemaTracker::GetTable(const TrackerChange& change, std::string_view schema,
                                 std::string_view table) const {
  std::shared_lock lock(mutex_);
  CheckOpen();
  TrackerChange copy = change;
  return View(*this, &copy).Find({std::string(schema), std::string(table)});
}

bool SchemaTracker::HasSchema(std::string_view schema) const {
  std::shared_lock lock(mutex_);
  CheckOpen();
  return FindSchema(schema) != nullptr;
}

void SchemaTracker::CreateSchemaIfNotExists(std::string_view schema) {
  std::unique_lock lock(mutex_);
  CheckOpen();
  Schema& entry = schemas_[Key(schema)];
  if (entry.name.empty()) entry.name = schema;
}

void SchemaTracker::SetSchemaCollation(std::string_view schema, std::string_view collation) {
  const Collation* known = FindCollation(collation);
  std::unique_lock lock(mutex_);
  CheckOpen();
  Schema& entry = schemas_[Key(schema)];
  if (entry.name.empty()) entry.name = schema;
  entry.charset =
      known != nullptr ? CharsetName(known->charset) : collation.substr(0, collation.find('_'));
  entry.collation = collation;
  entry.collation_known = true;
}

std::optional<std::string> SchemaTracker::SchemaCollation(std::string_view schema) const {
  std::shared_lock lock(mutex_);
  CheckOpen();
  const Schema* found = FindSchema(schema);
  if (found == nullptr || !found->collation_known) return std::nullopt;
  return found->collation;
}

std::map<std::string, std::string> SchemaTracker::SchemaCollations() const {
  std::shared_lock lock(mutex_);
  CheckOpen();
  std::map<std::string, std::string> collations;
  for (const auto& [key, schema] : schemas_) {
    if (schema.collation_known) collations.emplace(schema.name, schema.collation);
  }
  return collations;
}

void SchemaTracker::PutTable(std::string_view schema, std::string_view table, TablePtr definition) {
  if (definition->name != table) {
    TableInfo copy = *definition;
    copy.name = table;
    definition = std::make_shared<const TableInfo>(std::move(copy));
  }
  std::unique_lock lock(mutex_);
  CheckOpen();
  ApplyStep({TrackerChange::Step::Kind::kPutTable, std::string(schema), std::string(table),
             std::move(definition), "", ""});
}

void SchemaTracker::DropTable(std::string_view schema, std::string_view table) {
  std::unique_lock lock(mutex_);
  CheckOpen();
  ApplyStep({TrackerChange::Step::Kind::kDropTable, std::string(schema), std::string(table),
             nullptr, "", ""});
}

std::vector<TrackedTable> SchemaTracker::AllTables() const {
  std::shared_lock lock(mutex_);
  CheckOpen();
  std::vector<TrackedTable> tables;
  for (const auto& [schema_key, schema] : schemas_) {
    for (const auto& [table_key, entry] : schema.tables) {
      tables.push_back({schema.name, entry.name, entry.definition});
    }
  }
  std::sort(tables.begin(), tables.end(), [](const TrackedTable& a, const TrackedTable& b) {
    return std::tie(a.schema, a.table) < std::tie(b.schema, b.table);
  });
  return tables;
}

std::vector<std::string> SchemaTracker::TablesOf(std::string_view schema) const {
  std::shared_lock lock(mutex_);
  CheckOpen();
  const Schema* found = FindSchema(schema);
  if (found == nullptr) throw MakeError(ErrorCode::kSchemaTrackerUnSchemaNotExist, schema);
  std::vector<std::string> names;
  for (const auto& [key, entry] : found->tables) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

BuildOptions SchemaTracker::BuildOptionsFor(std::string_view schema) const {
  std::shared_lock lock(mutex_);
  CheckOpen();
  BuildOptions options;
  if (const Schema* found = FindSchema(schema)) {
    options.default_charset = found->charset;
    options.default_collation = found->collation;
  }
  options.mariadb = options_.mariadb;
  options.schema = schema;
  options.inline_keys_as_flags = options_.shard_mode;
  options.default_collation_of = options_.default_collation_of;
  options.inline_references = options_.inline_references;
  return options;
}

void SchemaTracker::Reset() {
  std::unique_lock lock(mutex_);
  schemas_.clear();
  closed_ = false;
}

void SchemaTracker::Close() {
  std::unique_lock lock(mutex_);
  schemas_.clear();
  closed_ = true;
}

}  // namespace dm::mysql
