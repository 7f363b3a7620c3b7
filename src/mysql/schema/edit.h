// Steps that change a definition under construction. Not for use outside this room.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/schema/build.h"
#include "mysql/schema/table_info.h"
#include "mysql/sql/statement.h"

namespace dm::mysql {

// A server's refusal: error 44006 with raw cause "[schema:1060]Duplicate column name 'c1'".
[[noreturn]] void Refuse(int server_errno, std::string text);

// Numbers in the names that servers make for foreign keys and MySQL's checks (`t_ibfk_2`,
// `t_chk_2`): the last ones, from which one statement counts on. Names that it gives itself do not
// count.
struct MadeNumbers {
  int64_t foreign_key = 0;
  int64_t check = 0;
};

// Adds an index, or a foreign key or check with what belongs to it. Names that are missing are made
// as the upstream would.
void AddConstraint(TableInfo* table, const Constraint& constraint, const BuildOptions& options,
                   MadeNumbers* numbers);

// Inline PRIMARY KEY, UNIQUE, CHECK and, where the server makes a key of it, REFERENCES of a column
// definition. With `skip_existing` a key that is there already is passed over.
// `unique_name` is the name of an inline UNIQUE, empty: made.
void AddInlineKeys(TableInfo* table, const ColumnDef& column, const BuildOptions& options,
                   MadeNumbers* numbers, bool skip_existing = false,
                   const std::string& unique_name = "");

// MariaDB: the option of a table, and of a column, that has its table versioned.
inline constexpr std::string_view kWithSystemVersioning = "WITH SYSTEM VERSIONING";
bool WithSystemVersioning(const ColumnDef& column);
// Gives a versioned table a period of columns that are in no definition, unless it has one.
void AddImplicitPeriod(TableInfo* table);
// Gives each unique key of a table with columns of a period the end of it, as MariaDB does.
void AddPeriodToKeys(TableInfo* table);

// A stored PARTITION BY clause, read again.
PartitionBy ParsePartition(const std::string& text);
// Adds, drops, coalesces or reorganises partitions as a part of ALTER TABLE says. Throws Refuse.
void ChangePartitions(TableInfo* table, const AlterSpec& spec);

// Highest n of the names prefix_n; 0 if there is none.
template <class Items>
int64_t LastNumber(const Items& items, const std::string& prefix) {
  int64_t last = 0;
  for (const auto& item : items) {
    const std::string& name = item.name;
    if (name.size() <= prefix.size() || !EqualNames(name.substr(0, prefix.size()), prefix))
      continue;
    int64_t number = 0;
    for (size_t i = prefix.size(); i < name.size() && number >= 0 && number < 100'000'000; ++i) {
      number = name[i] >= '0' && name[i] <= '9' ? number * 10 + (name[i] - '0') : -1;
    }
    last = std::max(last, number);
  }
  return last;
}

// Prefixes of generated names: `t_ibfk_`, and MySQL's `t_chk_`.
std::string ForeignKeyPrefix(std::string_view table);
std::string CheckPrefix(std::string_view table);

// Length of an index prefix as kept: -1 for the whole column, and for types that have no prefixes.
int64_t PrefixLength(const ColumnInfo& column, int64_t length);
// As PrefixLength, for a part of a BTREE key: MariaDB takes what fits of a text or blob of which no
// length is given, but for unique keys.
int64_t KeyPartLength(const ColumnInfo& column, int64_t length, bool unique,
                      const BuildOptions& options);

// Collation of a character set that is named alone.
std::string DefaultCollationFor(const std::string& charset, const BuildOptions& options);
// Charset and collation of a table or schema after `CHARACTER SET charset COLLATE collation`,
// either empty if not given.
void SetDefaults(const std::string& charset, const std::string& collation,
                 const BuildOptions& options, std::string* table_charset,
                 std::string* table_collation);

// What an ALTER TABLE makes of character sets.
struct AlteredCharsets {
  bool converts;  // CONVERT TO CHARACTER SET
  // What its columns get that name none; with CONVERT all that are text.
  std::string column_charset;
  std::string column_collation;
  // The table's defaults afterwards.
  std::string table_charset;
  std::string table_collation;
};
AlteredCharsets CharsetsAfter(const TableInfo& table, const AlterTable& statement,
                              const BuildOptions& options);
// Members of an ENUM or SET as a column of that character set has them: characters that it lacks
// are question marks.
std::vector<std::string> MembersIn(std::string_view charset,
                                   const std::vector<std::string>& members);
// Gives an ENUM or SET its members, and the length that follows from them.
void SetMembers(std::vector<std::string> members, ColumnInfo* column);
// CONVERT TO CHARACTER SET for a column. `definition`: what the statement says of it, null if
// nothing. `old`: the column before the statement, null if it is a new one.
void ConvertColumn(const AlteredCharsets& charsets, const ColumnDef* definition,
                   const ColumnInfo* old, const BuildOptions& options, ColumnInfo* column);

// What MySQL leaves of a whole ENUM or SET in a key when the column becomes a string: the bytes of
// its values, taken for characters; -1 for the whole column.
int64_t KeyPartOfLabels(const ColumnInfo& column);
// Does MariaDB keep this unique key as one of hash values? It does so where it is asked to, and
// where the columns are too long for an ordinary key. DROP CONSTRAINT does not find such a key.
bool IsHashedUnique(const TableInfo& table, const IndexInfo& index);
// MariaDB forgets that it was asked to when it makes the table anew.
void ForgetHash(TableInfo* table, const BuildOptions& options);

// Removes hidden columns that no index uses.
void DropOrphanHiddenColumns(TableInfo* table);

PartitionInfo BuildPartition(const PartitionBy& clause);

// The stored text of a default; nullopt for NULL. `is_expr` is set for expressions that are not
// CURRENT_TIMESTAMP.
std::optional<std::string> DefaultText(const ColumnInfo& column, const Expr& expr, bool* is_expr);
// Sets or clears the default and the flag that goes with it.
void SetDefault(ColumnInfo* column, const Expr* expr);

// Sorted lower names of the columns in an expression.
std::vector<std::string> ColumnsOf(const ExprPtr& expr);

// Bytes of the longest character of a character set; 1 if it is not known.
int BytesPerCharacter(std::string_view charset);
// The blob or text type that holds `bytes`, and its length.
void SetBlobType(ColumnInfo* column, int64_t bytes);

}  // namespace dm::mysql
