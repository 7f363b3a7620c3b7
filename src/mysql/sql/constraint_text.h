// Foreign keys and checks in the text of a CREATE TABLE that otherwise stays as it is written.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "mysql/sql/parser.h"
#include "mysql/sql/statement.h"

namespace dm::mysql {

struct ConstraintTextChanges {
  // What is put in the place of a table behind REFERENCES, whose schema is empty if none is named.
  std::function<TableName(const TableName& parent)> parent;
  // What is put in the place of the name behind CONSTRAINT, of a kForeign or kCheck; empty: none.
  std::function<std::string(ConstraintKind kind, const std::string& name)> name;
};

// The text of a CREATE TABLE, or what is behind its name, with these changes; either may be unset.
// Text that cannot be read stays.
std::string ChangeConstraintText(std::string_view text, const ParseOptions& options,
                                 const ConstraintTextChanges& changes);

// The name that a server would give a foreign key or check of table `target` if it is one that it
// made from the name of its table `source`: `t_ibfk_1`, `t_chk_1`. Empty if that would be too long.
// Else `name`.
std::string RoutedConstraintName(const std::string& name, std::string_view source,
                                 std::string_view target);

}  // namespace dm::mysql
