// A table as SHOW CREATE TABLE states it, reduced to what structures are compared by.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/sql/statement.h"

namespace dm::migration {

struct ColumnShape {
  std::string name;
  std::string lower_name;
  mysql::DataType type;
  bool not_null = false;
  bool has_default = false;
  bool makes_values = false;  // AUTO_INCREMENT or AUTO_RANDOM
  bool generated = false;
  std::string collation;  // as stated; empty if it is not

  // INT, INT UNSIGNED, VARCHAR(20), ...
  std::string TypeText() const;
};

// A primary or unique key.
struct KeyShape {
  std::string name;  // "PRIMARY" for the primary key
  // Lower-case names, the text of an expression; sorted.
  std::vector<std::string> columns;
  bool primary = false;
  bool expression = false;  // a part is no column
  bool nullable = false;    // a column may be NULL
};

struct ForeignKeyShape {
  std::string name;
  bool changes_rows = false;  // CASCADE, SET NULL or SET DEFAULT: the binlog does not have these
};

struct TableShape {
  std::vector<ColumnShape> columns;
  std::vector<KeyShape> keys;
  std::vector<ForeignKeyShape> foreign_keys;
  // Defaults of the table, as stated; empty if they are not.
  std::string charset;
  std::string collation;
  // How it is system-versioned, if in a way that cannot be replicated; else empty.
  std::string versions_refused;
  // Nor can it be copied: its versions differ by the column that says when they begin, which is
  // another one downstream.
  bool versions_collide = false;

  // By lower-case name; nullptr if there is none.
  const ColumnShape* Find(std::string_view lower_name) const;
  // Can every row be told from every other by a key without NULL?
  bool HasIdentity() const;
};

// Reads the answer of SHOW CREATE TABLE of a session without sql_mode. Throws Error 11006 whose
// cause is the place that is not understood.
TableShape ReadTableShape(std::string_view create_table, bool mariadb);

}  // namespace dm::migration
