// What a DDL statement says, as plain data: the result of the parser, the input of the normal form,
// of splitting, of routing and of the schema tracker. All types are values; copying is safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mysql/sql/expr.h"
#include "mysql/sql/field_type.h"

namespace dm::mysql {

// schema is empty if the statement does not name one.
struct TableName {
  std::string schema;
  std::string name;
  bool operator==(const TableName&) const = default;
};

// ---- column types -----------------------------------------------------------------------------

struct DataType {
  FieldType code = FieldType::kLong;
  // Upper-case word of the normal form: INT, VARCHAR, ... For a type that is not understood, its
  // whole text in upper case (`opaque`).
  std::string word;
  bool opaque = false;
  int64_t length = -1;    // as written; -1 if absent
  int64_t decimals = -1;  // as written; -1 if absent
  bool is_unsigned = false;
  bool zerofill = false;
  bool binary = false;  // the BINARY attribute: `_bin` collation of the character set
  // As written, lower case; empty if absent. "binary" for BINARY, VARBINARY and BLOB types. A
  // COLLATE is an option of the column.
  std::string charset;
  std::vector<std::string> elements;  // ENUM and SET, trailing blanks removed
};

// ---- indexes, constraints ---------------------------------------------------------------------

struct IndexPart {
  std::string column;   // empty for an expression part
  int64_t length = -1;  // prefix length; -1 = whole column
  ExprPtr expr;
  bool descending = false;
  bool without_overlaps = false;  // MariaDB: `column` is a period
};

struct IndexOptions {
  std::optional<uint64_t> key_block_size;
  std::string using_type;  // BTREE, HASH, RTREE, ... or empty
  std::string parser;
  std::optional<std::string> comment;
  std::optional<bool> visible;    // VISIBLE / INVISIBLE (MariaDB: NOT IGNORED / IGNORED)
  bool ignored_spelling = false;  // `visible` was written as [NOT] IGNORED
  std::optional<bool> clustered;
  std::optional<bool> global;
  // Options that are kept as text: "ENGINE_ATTRIBUTE = 'x'", "M=8", ...
  std::vector<std::string> verbatim;
};

enum class ReferenceAction { kNone, kRestrict, kCascade, kSetNull, kNoAction, kSetDefault };

struct Reference {
  TableName table;
  std::vector<IndexPart> columns;
  std::string match;  // FULL, PARTIAL, SIMPLE or empty
  ReferenceAction on_delete = ReferenceAction::kNone;
  ReferenceAction on_update = ReferenceAction::kNone;
};

enum class ConstraintKind {
  kPrimary,
  kUnique,
  kIndex,
  kFullText,
  kSpatial,
  kVector,
  kForeign,
  kCheck,
  kPeriod
};

struct Constraint {
  ConstraintKind kind = ConstraintKind::kIndex;
  std::string name;  // index or constraint name; empty if absent
  bool if_not_exists = false;
  std::vector<IndexPart> parts;
  IndexOptions options;
  Reference reference;  // kForeign
  // kForeign: CONSTRAINT name and index name as written; `name` is the one that counts in the
  // normal form, which is the first of them.
  std::string symbol;
  std::string index_name;
  ExprPtr check;  // kCheck
  bool enforced = true;
  std::string period;         // kPeriod: name; its columns are `parts`
  size_t columns_before = 0;  // columns that stand before it in a CREATE TABLE
};

// ---- columns ----------------------------------------------------------------------------------

enum class ColumnOptionKind {
  kNotNull,
  kNull,
  kDefault,  // expr; `parens` if written in parentheses
  kOnUpdate,
  kAutoIncrement,
  kPrimaryKey,  // flag: clustered
  kUniqueKey,
  kComment,  // text
  kCollate,  // text
  kColumnFormat,
  kStorage,
  kGenerated,  // expr, stored
  kCheck,      // expr, name, enforced
  kReference,
  kVisible,
  kInvisible,
  kAutoRandom,        // text = "(5)" or empty
  kVerbatim,          // text: SRID 4326, ENGINE_ATTRIBUTE = '..', COMPRESSED, ...
  kSystemVersioning,  // text: WITH / WITHOUT SYSTEM VERSIONING
  kGeneratedAsRow,    // text: START or END
};

struct ColumnOption {
  ColumnOptionKind kind;
  ExprPtr expr;
  std::string text;
  bool parens = false;
  bool stored = false;
  bool enforced = true;
  std::optional<bool> clustered;
  Reference reference;
};

struct ColumnDef {
  std::string name;
  DataType type;
  std::vector<ColumnOption> options;  // as written, in order

  const ColumnOption* Find(ColumnOptionKind kind) const;
};

// ---- table and database options, partitions ---------------------------------------------------

// One `NAME = value`. Names are in normal form (upper case, "CHARACTER SET" for CHARSET).
struct Option {
  enum class Value { kNone, kWord, kNumber, kString, kName, kTables };
  std::string name;
  Value kind = Value::kNone;
  std::string value;  // CHARACTER SET, COLLATE: as written
  std::vector<TableName> tables;
  bool known = true;  // false: a word we know nothing about, kept for MySQL-like targets
};

struct PartitionMethod {
  enum class Kind { kRange, kList, kHash, kKey, kSystemTime };
  Kind kind = Kind::kHash;
  bool linear = false;
  bool columns = false;  // RANGE COLUMNS, LIST COLUMNS
  int64_t key_algorithm = -1;
  ExprPtr expr;
  std::vector<std::string> column_names;
  std::string verbatim;  // what follows SYSTEM_TIME, or TiDB's INTERVAL clause
};

struct PartitionDef {
  enum class Values { kNone, kLessThan, kIn, kDefault, kHistory, kCurrent };
  std::string name;
  Values values = Values::kNone;
  std::vector<ExprPtr> less_than;
  std::vector<std::vector<ExprPtr>> in;
  std::vector<Option> options;
  std::vector<PartitionDef> subpartitions;
};

struct PartitionBy {
  PartitionMethod method;
  std::optional<uint64_t> count;
  std::optional<PartitionMethod> sub_method;
  std::optional<uint64_t> sub_count;
  std::vector<PartitionDef> definitions;
};

// ---- statements -------------------------------------------------------------------------------

struct CreateDatabase {
  bool or_replace = false;
  bool if_not_exists = false;
  std::string name;
  std::vector<Option> options;
};

struct AlterDatabase {
  std::string name;  // empty: the session's database
  std::vector<Option> options;
};

struct DropDatabase {
  bool if_exists = false;
  std::string name;
};

struct CreateTable {
  bool or_replace = false;
  bool if_not_exists = false;
  TableName table;
  std::optional<TableName> like;
  std::vector<ColumnDef> columns;
  std::vector<Constraint> constraints;
  std::vector<Option> options;
  std::optional<PartitionBy> partition;
};

struct DropTable {
  bool if_exists = false;
  std::vector<TableName> tables;
};

struct TruncateTable {
  TableName table;
};

struct RenameTable {
  bool if_exists = false;
  struct Pair {
    TableName from;
    TableName to;
  };
  std::vector<Pair> pairs;
};

struct CreateIndex {
  bool or_replace = false;
  TableName table;
  Constraint index;                  // kUnique, kIndex, kFullText, kSpatial or kVector
  std::vector<Option> lock_options;  // ALGORITHM, LOCK
};

struct DropIndex {
  bool if_exists = false;
  std::string name;
  TableName table;
  std::vector<Option> lock_options;
};

enum class AlterKind {
  kAddColumn,      // columns (one, or a list if in_parens), position
  kDropColumn,     // name
  kModifyColumn,   // columns[0], position
  kChangeColumn,   // name -> columns[0], position
  kRenameColumn,   // name -> new_name
  kSetDefault,     // name, expr, parens
  kDropDefault,    // name
  kColumnVisible,  // name, flag
  kAddConstraint,  // constraint
  kDropIndex,      // name
  kDropPrimaryKey,
  kDropForeignKey,  // name
  kDropCheck,       // name
  kDropConstraint,  // name
  kRenameIndex,     // name -> new_name
  kIndexVisible,    // name, flag; `ignored_spelling`
  kAlterCheck,      // name, flag = enforced; text = CHECK or CONSTRAINT
  kRenameTable,     // table
  kConvertCharset,  // text = charset or DEFAULT, new_name = collation or empty
  kOptions,         // options
  kPartitionBy,     // partition
  kRemovePartitioning,
  kAddPartition,         // partitions or count
  kDropPartition,        // names
  kTruncatePartition,    // names, or flag = ALL
  kCoalescePartition,    // count
  kReorganizePartition,  // names INTO partitions; both may be empty
  kExchangePartition,    // names[0] WITH TABLE table; text = validation or empty
  kConvertPartition,     // CONVERT PARTITION names[0] TO TABLE table
  kConvertTable,         // CONVERT TABLE table TO partitions[0]
  kRebuildPartition,     // names, or flag = ALL
  kMaintainPartition,    // text = ANALYZE, CHECK, OPTIMIZE, REPAIR, DISCARD, IMPORT; names or ALL
  kSystemVersioning,     // text = ADD or DROP
  kDropPeriod,           // name
  kVerbatim,             // text in normal form: FORCE, ALGORITHM = INPLACE, ORDER BY `a`, ...
};

struct AlterSpec {
  AlterKind kind;
  bool if_exists = false;  // IF EXISTS, or IF NOT EXISTS for the ADD kinds
  std::vector<ColumnDef> columns;
  bool in_parens = false;
  enum class Position { kNone, kFirst, kAfter } position = Position::kNone;
  std::string after;
  std::string name;
  std::string new_name;
  bool flag = false;
  bool ignored_spelling = false;
  std::string text;
  ExprPtr expr;
  bool parens = false;
  Constraint constraint;
  TableName table;
  std::vector<Option> options;
  std::optional<PartitionBy> partition;
  std::vector<std::string> names;
  std::vector<PartitionDef> partitions;
  std::optional<uint64_t> count;
};

struct AlterTable {
  bool ignore = false;  // ALTER IGNORE TABLE: rows that are in the way of a key or check go
  bool if_exists = false;
  TableName table;
  std::vector<AlterSpec> specs;
};

// CREATE, ALTER or DROP SEQUENCE: passed through.
struct SequenceStatement {
  std::string verb;
  bool or_replace = false;
  bool if_exists = false;  // or IF NOT EXISTS
  TableName sequence;
  std::vector<TableName> more;  // DROP: what follows in the list
  std::string rest;             // options in normal form
};

// A statement that is recognised but not parsed further.
struct OtherStatement {
  enum class Kind {
    kSkipped,     // routines, views, accounts, ...: never replicated
    kNotDdl,      // DML, SET, transaction control, ...
    kUnknownDdl,  // DDL of a kind the product does not handle (error 11007)
  };
  Kind kind = Kind::kNotDdl;
  std::string verb;  // leading words in upper case: "INSERT", "CREATE TRIGGER"
};

struct Statement {
  std::string text;  // the source text of this statement, without the `;`
  std::variant<OtherStatement, CreateDatabase, AlterDatabase, DropDatabase, CreateTable, AlterTable,
               DropTable, TruncateTable, RenameTable, CreateIndex, DropIndex, SequenceStatement>
      body;

  // True for the statements that splitting, routing and tracking handle.
  bool IsDdl() const { return !std::holds_alternative<OtherStatement>(body); }
  // nullptr unless the statement is a T.
  template <class T>
  const T* As() const {
    return std::get_if<T>(&body);
  }
  template <class T>
  T* As() {
    return std::get_if<T>(&body);
  }
};

}  // namespace dm::mysql
