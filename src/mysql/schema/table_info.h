// The definition of a table: what the rows of a binlog event need to be understood. Immutable once
// shared; changed by making a new one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/sql/field_type.h"
#include "mysql/sql/statement.h"

namespace dm::mysql {

// Bits of ColumnInfo::flags, as stored in table_info.
namespace column_flag {
inline constexpr uint32_t kNotNull = 1;
inline constexpr uint32_t kPrimaryKey = 2;
inline constexpr uint32_t kUniqueKey = 4;
inline constexpr uint32_t kMultipleKey = 8;
inline constexpr uint32_t kUnsigned = 32;
inline constexpr uint32_t kZerofill = 64;
inline constexpr uint32_t kBinary = 128;
inline constexpr uint32_t kAutoIncrement = 512;
inline constexpr uint32_t kNoDefaultValue = 4096;
inline constexpr uint32_t kOnUpdateNow = 8192;
}  // namespace column_flag

struct ColumnInfo {
  // GENERATED ALWAYS AS ROW START and ROW END, in the place of an expression (which none is).
  static constexpr std::string_view kRowStart = "ROW START";
  static constexpr std::string_view kRowEnd = "ROW END";

  int64_t id = 0;
  std::string name;
  std::string lower_name;
  int offset = 0;  // position in the table, hidden columns included
  FieldType type = FieldType::kLong;
  uint32_t flags = 0;
  int64_t length = -1;
  int64_t decimals = 0;  // -1: FLOAT or DOUBLE without digits
  std::string charset;   // "binary" for every type that is not text
  std::string collation;
  std::vector<std::string> elements;  // ENUM and SET
  // What the members were in the set `converted_from`, where CONVERT TO CHARACTER SET, which keeps
  // their bytes, has made other characters of them; else empty.
  std::vector<std::string> converted_members;
  std::string converted_from;

  // No default and DEFAULT NULL are both nullopt (flag kNoDefaultValue tells them apart). BIT: the
  // bytes. CURRENT_TIMESTAMP[(n)] as this text; other expressions as text with `default_is_expr`.
  std::optional<std::string> default_value;
  bool default_is_expr = false;
  // Value of the rows that were there before ADD COLUMN.
  std::optional<std::string> origin_default;

  std::string generated_expr;  // without outer parentheses; empty if not generated
  bool generated_stored = false;
  std::vector<std::string> dependences;  // lower names, sorted; columns the expression uses

  std::string comment;
  bool hidden = false;     // belongs to a functional index part; not in row images
  bool invisible = false;  // MySQL/MariaDB INVISIBLE; an ordinary column in row images
  // Lower-case type word where `type` does not say all: inet4, inet6, uuid, xmltype, geometry
  // kinds, or a type that was not understood.
  std::string type_word;
  bool type_understood = true;

  // Key flags without an index: inline UNIQUE of ADD COLUMN in shard modes.
  uint32_t sticky_key_flags = 0;

  bool is_unsigned() const { return flags & column_flag::kUnsigned; }
  bool not_null() const { return flags & column_flag::kNotNull; }
  bool is_primary() const { return flags & column_flag::kPrimaryKey; }
  bool is_auto_increment() const { return flags & column_flag::kAutoIncrement; }
  bool has_no_default() const { return flags & column_flag::kNoDefaultValue; }
  bool on_update_now() const { return flags & column_flag::kOnUpdateNow; }
  bool is_generated() const { return !generated_expr.empty(); }
  // MariaDB: the columns of a system-versioned table that say from when to when a row was current.
  bool is_row_start() const { return generated_expr == kRowStart; }
  bool is_row_end() const { return generated_expr == kRowEnd; }
  // Text or bytes with a length: CHAR, VARCHAR, BINARY, BLOB and TEXT families.
  bool is_string() const;

  void SetName(std::string new_name);  // keeps lower_name in step
};

struct IndexColumn {
  std::string name;
  int offset = 0;
  int64_t length = -1;  // prefix length, -1 = whole column
};

struct IndexInfo {
  int64_t id = 0;
  std::string name;
  std::string lower_name;
  std::vector<IndexColumn> columns;
  bool unique = false;
  bool primary = false;
  bool invisible = false;
  bool global = false;
  bool multi_valued = false;
  // MariaDB: its last columns are the end and the start of a period; rows that are equal in the
  // others must not overlap.
  bool without_overlaps = false;
  // Values of `type`, as they are stored.
  static constexpr int kBTree = 1, kHash = 2, kRTree = 3;
  int type = kBTree;
  enum class Kind { kPlain, kFullText, kSpatial, kVector } kind = Kind::kPlain;
  std::string comment;
  // Made by the server for a foreign key; goes when an explicit index covers it.
  bool generated = false;

  void SetName(std::string new_name);
};

struct ForeignKeyInfo {
  int64_t id = 0;
  std::string name;
  std::string ref_schema;
  std::string ref_table;
  std::vector<std::string> ref_columns;
  std::vector<std::string> columns;
  ReferenceAction on_delete = ReferenceAction::kNone;
  ReferenceAction on_update = ReferenceAction::kNone;
  int version = 1;
};

struct CheckInfo {
  int64_t id = 0;
  std::string name;
  std::vector<std::string> columns;
  bool enforced = true;
  bool in_column = false;
  std::string expr;
};

// MariaDB: PERIOD FOR name (start_column, end_column). A system-versioned table has SYSTEM_TIME;
// unless it names them itself, its columns are in no definition, but behind all others in row
// images.
struct PeriodInfo {
  static constexpr std::string_view kSystemTime = "SYSTEM_TIME";

  std::string name;
  std::string start;
  std::string end;
};

struct PartitionDefinition {
  int64_t id = 0;
  std::string name;
  std::vector<std::string> less_than;
  std::vector<std::vector<std::string>> in_values;
  std::string comment;
};

struct PartitionInfo {
  int type = 1;  // 1 range, 2 hash, 3 list, 4 key
  std::string expr;
  std::vector<std::string> columns;
  bool is_empty_columns = false;
  std::vector<PartitionDefinition> definitions;
  uint64_t num = 0;
  std::string text;  // the PARTITION BY clause in normal form; empty if only table_info is known
};

struct TableInfo {
  std::string name;
  std::string charset;
  std::string collation;
  std::string comment;
  std::string compression;
  std::vector<ColumnInfo> columns;  // in order of definition
  std::vector<IndexInfo> indexes;   // in order of definition
  std::vector<ForeignKeyInfo> foreign_keys;
  std::vector<CheckInfo> checks;
  std::vector<PeriodInfo> periods;
  std::optional<PartitionInfo> partition;
  int state = 0;
  int64_t auto_increment = 0;
  int64_t max_column_id = 0;
  int64_t max_index_id = 0;
  int64_t max_foreign_key_id = 0;
  int64_t max_check_id = 0;
  bool primary_key_is_handle = false;
  bool is_common_handle = false;
  // It was taken from the downstream's table: foreign keys and checks may have other names
  // upstream.
  bool named_downstream = false;

  // By name, any case; nullptr if there is none.
  const ColumnInfo* FindColumn(std::string_view column) const;
  const IndexInfo* FindIndex(std::string_view index) const;
  const IndexInfo* primary_key() const;
  // Of a system-versioned table; else nullptr.
  const PeriodInfo* system_period() const;
  // Is it one whose columns of the period are in row images alone?
  bool has_implicit_period() const;
  // Columns that row images have: all that are not hidden, in order.
  std::vector<const ColumnInfo*> RowColumns() const;
  // Sets offsets, and key flags of columns from the indexes. Called by whoever changed them.
  void Normalise();
};

using TablePtr = std::shared_ptr<const TableInfo>;

// A name (UTF-8) in lower case, as servers fold names to compare them: letters of the alphabets
// that have two cases.
std::string LowerName(std::string_view name);
bool EqualNames(std::string_view a, std::string_view b);

// Character set of a collation, from its name ("utf8mb4_bin" -> "utf8mb4"); empty if it names none.
std::string CharsetOfCollation(std::string_view collation);
// What MySQL-compatible servers take for a character set without a collation, in TiDB's choice
// (`_bin` for utf8mb4 and utf8) if `tidb`, else MySQL 5.7's. Empty if not known.
std::string DefaultCollation(std::string_view charset, bool tidb);
// "utf8mb3" and "utf8mb3_x" are written "utf8" and "utf8_x" in definitions.
std::string NormaliseCharset(std::string_view name);

}  // namespace dm::mysql
