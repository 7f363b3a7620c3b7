// A table in lines that can be compared: from the tracker, and from a server's information_schema.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "mysql/schema/build.h"
#include "mysql/schema/table_info.h"

namespace dm::mysql {

struct Described {
  std::vector<std::string> columns;  // in order
  std::vector<std::string> parts;    // keys, checks, partitions, the table's own attributes; sorted
};

Described Describe(const TableInfo& table, const BuildOptions& options);
// `server` is a table of a record (record.py). Throws Error if a column type cannot be parsed.
Described DescribeServer(const nlohmann::json& server, const BuildOptions& options);

// What only one of both has, a line each; empty if they agree.
std::string Difference(const Described& mine, const Described& theirs);

}  // namespace dm::mysql
