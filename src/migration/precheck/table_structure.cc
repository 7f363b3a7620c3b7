#include "migration/precheck/table_structure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/io/text.h"
#include "migration/rules/collations.h"
#include "migration/rules/name_pattern.h"
#include "mysql/value/collation_map.h"

namespace dm::migration {
namespace {

using mysql::DataType;

constexpr std::string_view kSameStructure =
    "make the structures of the upstream and the downstream table agree";
constexpr std::string_view kAddKey =
    "add a primary or unique key of NOT NULL columns; without one replication is slow and a change "
    "may be applied twice after an interruption";

std::string List(const std::vector<std::string>& names) {
  return fmt::format("[{}]", Join(names, " "));
}

// ---- ranges of types ----

// Bytes of an integer type; 0 for others.
int IntegerBytes(const DataType& type) {
  constexpr std::array<std::pair<std::string_view, int>, 6> kSizes = {
      {{"TINYINT", 1}, {"SMALLINT", 2}, {"MEDIUMINT", 3}, {"INT", 4}, {"BIGINT", 8}, {"YEAR", 0}}};
  for (const auto& [word, bytes] : kSizes) {
    if (type.word == word) return bytes;
  }
  return 0;
}

bool IntegerFits(const DataType& from, const DataType& to) {
  const int a = IntegerBytes(from);
  const int b = IntegerBytes(to);
  if (from.is_unsigned == to.is_unsigned) return a <= b;
  return from.is_unsigned && a < b;
}

// Bytes of TEXT and BLOB types; 0 for others.
uint64_t LongBytes(const DataType& type) {
  constexpr std::array<std::pair<std::string_view, uint64_t>, 8> kSizes = {
      {{"TINYTEXT", 255},
       {"TEXT", 65535},
       {"MEDIUMTEXT", 16777215},
       {"LONGTEXT", 4294967295},
       {"TINYBLOB", 255},
       {"BLOB", 65535},
       {"MEDIUMBLOB", 16777215},
       {"LONGBLOB", 4294967295}}};
  for (const auto& [word, bytes] : kSizes) {
    if (type.word == word) return bytes;
  }
  return 0;
}

bool IsShortText(const DataType& type) {
  return type.word == "CHAR" || type.word == "VARCHAR" || type.word == "BINARY" ||
         type.word == "VARBINARY";
}

uint64_t ShortLength(const DataType& type) {
  return type.length < 0 ? 1 : static_cast<uint64_t>(type.length);
}

int64_t OrZero(int64_t number) { return std::max<int64_t>(number, 0); }

bool DecimalFits(const DataType& from, const DataType& to) {
  const auto digits = [](const DataType& type) { return type.length < 0 ? 10 : type.length; };
  const int64_t from_scale = OrZero(from.decimals);
  const int64_t to_scale = OrZero(to.decimals);
  return from_scale <= to_scale && digits(from) - from_scale <= digits(to) - to_scale;
}

// ---- the comparison ----

class Comparison {
 public:
  Comparison(const RoutedTable& names, const TableShape& source, const TableShape* target,
             const StructureRules& rules)
      : names_(names), source_(source), target_(target), rules_(rules) {}

  std::vector<StructureFinding> Run() {
    if (source_.versions_collide) {
      Fail(fmt::format("is system-versioned {}: rows that begin at different moments upstream may "
                       "begin at one downstream",
                       source_.versions_refused),
           "leave the table out by the block-allow-list, or drop the versioning upstream (ALTER "
           "TABLE ... DROP SYSTEM VERSIONING)");
    } else if (!source_.versions_refused.empty() && rules_.with_sync) {
      Fail(fmt::format("is system-versioned {}: its changes cannot be replicated",
                       source_.versions_refused),
           "leave the table out by the block-allow-list, or drop the versioning upstream (ALTER "
           "TABLE ... DROP SYSTEM VERSIONING); task-mode full copies its current rows");
    }
    ForeignKeys();
    Identity();
    if (target_ == nullptr) {
      NewTable();
      return std::move(findings_);
    }
    Charsets();
    Keys();
    if (!ExtendedColumns()) Columns();
    return std::move(findings_);
  }

 private:
  void Warn(std::string message, std::string_view instruction) {
    findings_.push_back({false, std::move(message), std::string(instruction)});
  }
  void Fail(std::string message, std::string_view instruction) {
    findings_.push_back({true, std::move(message), std::string(instruction)});
  }

  void ForeignKeys() {
    for (const ForeignKeyShape& key : source_.foreign_keys) {
      if (rules_.downstream.is_tidb && !rules_.downstream.AtLeast(6, 6)) {
        Warn(fmt::format("Foreign Key {} is parsed but ignored by TiDB.", key.name),
             "TiDB does not keep this constraint: see that the application does");
      } else if (key.changes_rows && !rules_.logs_cascades && !rules_.checks_foreign_keys) {
        Warn(fmt::format("Foreign Key {} changes rows by itself (ON DELETE or ON UPDATE), which "
                         "the binlog does not record",
                         key.name),
             "changes that an upstream makes for a foreign key do not reach the downstream unless "
             "it makes them too: set foreign_key_checks=1 in the session of the target database, "
             "or let the application change the rows");
      } else if (rules_.checks_foreign_keys) {
        Warn(fmt::format("Foreign Key {} is checked downstream (foreign_key_checks=1)", key.name),
             "migrate the table that a foreign key refers to in the same task");
      } else {
        Warn(fmt::format("Foreign Key {} is not checked while changes are applied "
                         "(foreign_key_checks=0)",
                         key.name),
             "the upstream checks foreign keys; let nobody else write to the tables downstream");
      }
    }
  }

  void Identity() {
    if (source_.HasIdentity()) return;
    if (rules_.identity_required) {
      Fail(
          "has no primary key and no unique key of NOT NULL columns, and the dump is not "
          "consistent (--consistency none)",
          "rows of such a table cannot be applied twice without being doubled: add a key, or dump "
          "consistently (without --consistency none)");
    } else if (source_.keys.empty()) {
      Warn("primary/unique key does not exist", kAddKey);
    } else {
      Warn(
          "has no primary key, and its unique keys do not identify every row (NULL or an "
          "expression)",
          kAddKey);
    }
  }

  bool Unknown(const std::set<std::string>& known, const std::string& name) const {
    return !known.empty() && !name.empty() && !known.contains(name);
  }
  // The same set has two names.
  bool UnknownCharset(std::string name) const {
    if (!Unknown(rules_.charsets, name)) return false;
    if (name == "utf8")
      name = "utf8mb3";
    else if (name == "utf8mb3")
      name = "utf8";
    return Unknown(rules_.charsets, name);
  }
  bool UnknownCollation(const std::string& name) const {
    if (!Unknown(rules_.collations, name)) return false;
    if (name.starts_with("utf8_"))
      return Unknown(rules_.collations, fmt::format("utf8mb3{}", name.substr(4)));
    if (name.starts_with("utf8mb3_"))
      return Unknown(rules_.collations, fmt::format("utf8{}", name.substr(7)));
    // Between MySQL and MariaDB another one takes its place.
    const auto family = CollationFamilyOf(rules_.downstream);
    if (!family) return true;
    std::string there = ToLower(mysql::MapCollation(name, *family));
    if (!Unknown(rules_.collations, there)) return false;
    // MariaDB lists these once for all character sets.
    const size_t uca = there.find("_uca1400_");
    return uca == std::string::npos || Unknown(rules_.collations, there.substr(uca + 1));
  }

  // The table will be created from the upstream's definition.
  void NewTable() {
    if (!rules_.extended_columns.empty()) {
      Fail(fmt::format("who has extended columns {} does not exist in downstream table",
                       List({rules_.extended_columns.begin(), rules_.extended_columns.end()})),
           "create the table downstream with the columns that the routes extract");
    }
    std::set<std::string> charsets = {source_.charset};
    std::set<std::string> collations = {source_.collation};
    for (const ColumnShape& column : source_.columns) {
      charsets.insert(column.type.charset);
      collations.insert(column.collation);
      if (!KnownDownstream(column.type)) {
        Warn(fmt::format("column {} has the type {}, which the downstream does not have",
                         column.name, column.TypeText()),
             "create the table downstream with a type that holds the values, or leave it out with "
             "the block-allow-list");
      }
    }
    constexpr std::string_view kCreate =
        "create the table downstream with a character set and a collation that it has";
    for (const std::string& charset : charsets) {
      if (UnknownCharset(charset)) {
        Warn(fmt::format("Unknown character set: '{}'", charset), kCreate);
      }
    }
    for (const std::string& collation : collations) {
      if (UnknownCollation(collation)) {
        Warn(fmt::format("Unknown collation: '{}'", collation), kCreate);
      }
    }
  }

  // MariaDB's own types become text downstream, which is no loss.
  bool KnownDownstream(const DataType& type) const {
    if (type.code == mysql::FieldType::kGeometry) return !rules_.downstream.is_tidb;
    return true;
  }

  void Charsets() {
    if (!source_.charset.empty() && !target_->charset.empty() &&
        source_.charset != target_->charset && target_->charset != "utf8mb4") {
      Warn(fmt::format("charset is not same, upstream: ({} {}), downstream: ({} {})",
                       names_.source.second, source_.charset, names_.target.second,
                       target_->charset),
           "use a downstream character set that has all characters of the upstream's");
    }
    if (!source_.collation.empty() && !target_->collation.empty() &&
        source_.collation != target_->collation) {
      Warn(fmt::format("collation is not same, upstream: ({} {}), downstream: ({} {})",
                       names_.source.second, source_.collation, names_.target.second,
                       target_->collation),
           "a unique key may take other values for equal downstream; see that the collations "
           "compare alike");
    }
  }

  void Keys() {
    std::vector<const KeyShape*> left;
    std::vector<const KeyShape*> right;
    for (const KeyShape& key : target_->keys) right.push_back(&key);
    for (const KeyShape& key : source_.keys) {
      const auto same = std::find_if(right.begin(), right.end(), [&](const KeyShape* other) {
        return other->columns == key.columns;
      });
      if (same == right.end()) {
        left.push_back(&key);
      } else {
        right.erase(same);
      }
    }
    for (const KeyShape* key : left) {
      Warn(fmt::format(
               "upstream has more PK or NOT NULL UK than downstream, index name: {}, columns: {}",
               key->name, List(key->columns)),
           kSameStructure);
    }
    for (const KeyShape* key : right) {
      Warn(fmt::format("downstream has more PK or NOT NULL UK than upstream, table name: {}, index "
                       "name: {}, columns: {}",
                       names_.target.second, key->name, List(key->columns)),
           "a key that the upstream does not have may refuse its rows; drop it, or make sure that "
           "they fit");
    }
  }

  // True if something is wrong with the columns that the routes add.
  bool ExtendedColumns() {
    std::vector<std::string> upstream;
    std::vector<std::string> missing;
    for (const std::string& column : rules_.extended_columns) {
      const std::string lower = LowerName(column);
      if (source_.Find(lower) != nullptr) upstream.push_back(column);
      if (target_->Find(lower) == nullptr) missing.push_back(column);
    }
    if (!upstream.empty()) {
      Fail(fmt::format("upstream table must not contain extended column {}", List(upstream)),
           "give the extracted columns names that the upstream does not use");
    }
    if (!missing.empty()) {
      Fail(fmt::format("downstream table must contain extended columns {}", List(missing)),
           "add the columns that the routes extract to the downstream table");
    }
    return !upstream.empty() || !missing.empty();
  }

  void Columns() {
    std::vector<std::string> missing;
    for (const ColumnShape& column : source_.columns) {
      const ColumnShape* there = target_->Find(column.lower_name);
      if (there == nullptr) {
        missing.push_back(column.lower_name);
      } else {
        Column(column, *there);
      }
    }
    if (!missing.empty()) {
      Warn(fmt::format("upstream has more columns than downstream, columns: {}", List(missing)),
           kSameStructure);
    }
    std::vector<std::string> needed;
    for (const ColumnShape& column : target_->columns) {
      if (source_.Find(column.lower_name) != nullptr || !column.not_null || column.has_default ||
          column.makes_values || column.generated ||
          std::any_of(rules_.extended_columns.begin(), rules_.extended_columns.end(),
                      [&](const auto& name) { return LowerName(name) == column.lower_name; })) {
        continue;
      }
      needed.push_back(column.lower_name);
    }
    if (!needed.empty()) {
      Warn(fmt::format("downstream has more columns than upstream that require values to insert "
                       "records, table name: {}, columns: {}",
                       names_.target.second, List(needed)),
           "give the additional columns a default value");
    }
  }

  void Column(const ColumnShape& from, const ColumnShape& to) {
    if (to.generated && !from.generated) {
      Warn(fmt::format("column {} is generated downstream only: its values are not migrated",
                       from.name),
           kSameStructure);
      return;
    }
    if (from.generated && !to.generated && rules_.with_dump) {
      Warn(fmt::format("column {} is generated upstream only: the dump does not have its values",
                       from.name),
           "generate the column downstream, too");
    }
    if (from.generated) return;
    if (!MayHoldAll(from, to)) {
      Warn(fmt::format("column {} is narrower downstream, upstream: {}, downstream: {}", from.name,
                       from.TypeText(), to.TypeText()),
           "widen the downstream column; a value that does not fit stops the task");
    }
    if (!from.not_null && to.not_null) {
      Warn(fmt::format("column {} may be NULL upstream and not downstream", from.name),
           "let the downstream column be NULL, or make sure that the upstream has no NULL");
    }
  }

  const RoutedTable& names_;
  const TableShape& source_;
  const TableShape* target_;
  const StructureRules& rules_;
  std::vector<StructureFinding> findings_;
};

}  // namespace

bool MayHoldAll(const ColumnShape& from, const ColumnShape& to) {
  const DataType& a = from.type;
  const DataType& b = to.type;
  if (IntegerBytes(a) > 0 && IntegerBytes(b) > 0) return IntegerFits(a, b);
  if (a.word == "DECIMAL" && b.word == "DECIMAL") return DecimalFits(a, b);
  if (a.word == "DOUBLE" && b.word == "FLOAT") return false;
  if (IsShortText(a) && IsShortText(b)) return ShortLength(a) <= ShortLength(b);
  if (LongBytes(a) > 0 && LongBytes(b) > 0) return LongBytes(a) <= LongBytes(b);
  if (LongBytes(a) > 0 && IsShortText(b)) return LongBytes(a) <= ShortLength(b);
  if (IsShortText(a) && LongBytes(b) > 0) return ShortLength(a) <= LongBytes(b);
  if (a.word == b.word && (a.word == "DATETIME" || a.word == "TIMESTAMP" || a.word == "TIME")) {
    return OrZero(std::max(a.length, a.decimals)) <= OrZero(std::max(b.length, b.decimals));
  }
  if (a.word == b.word && a.word == "BIT") return ShortLength(a) <= ShortLength(b);
  if (a.word == b.word && (a.word == "ENUM" || a.word == "SET")) {
    return std::all_of(a.elements.begin(), a.elements.end(), [&](const std::string& element) {
      return std::find(b.elements.begin(), b.elements.end(), element) != b.elements.end();
    });
  }
  return true;
}

std::vector<StructureFinding> CompareStructure(const RoutedTable& names, const TableShape& source,
                                               const TableShape* target,
                                               const StructureRules& rules) {
  return Comparison(names, source, target, rules).Run();
}

}  // namespace dm::migration
