// A table in lines that can be compared: from the tracker, and from a server's information_schema.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "mysql/schema/build.h"
#include "mysql/schema/table_info.h"

namespace dm::mysql {

struct Described {
  std::vector<std::string> columns;  // in order
  std::vector<std::string> parts;    // keys, checks, partitions, the table's own attributes; sorted
  // Lower names of columns whose default the server hides (explained.h), shown as "?".
  std::set<std::string> hidden_defaults;
};

// `beside`: what it is to be compared with, for what that leaves out.
Described Describe(const TableInfo& table, const BuildOptions& options, const Described& beside);
// `server` is a table of a record (record.py). Throws Error if a column type cannot be parsed.
Described DescribeServer(const nlohmann::json& server, const BuildOptions& options);
// Names of columns whose default is bytes and not the same in both, but for those in `hidden`.
std::string OtherBytes(const TableInfo& mine, const TableInfo& theirs,
                       const std::set<std::string>& hidden);

// What only one of both has, a line each; empty if they agree.
std::string Difference(const Described& mine, const Described& theirs);

}  // namespace dm::mysql
