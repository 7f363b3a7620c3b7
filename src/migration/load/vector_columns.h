// Which columns of a table are vectors.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "mysql/sql/parser.h"

namespace dm::migration {

// Names (lower case) of the VECTOR columns of the table that the statement makes; none if it makes
// none or is not understood.
std::set<std::string> VectorColumnsOf(std::string_view create_table,
                                      const mysql::ParseOptions& options);

}  // namespace dm::migration
