// Which members the ENUM columns of a table have.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/sql/parser.h"

namespace dm::migration {

// Members by column (lower case).
using EnumMembers = std::map<std::string, std::vector<std::string>>;

// Of the first table that the statement makes; none if it makes none or is not understood.
EnumMembers EnumMembersOf(std::string_view create_table, const mysql::ParseOptions& options);

// Has the column the same members in `target`, and maybe more? Then a value that is no member there
// is none in `source` either: the error value, which reads as ''.
bool HoldsMembers(const EnumMembers& source, const EnumMembers& target, const std::string& column);

}  // namespace dm::migration
