// What has to be known before anything can be checked: connections, tables, where they go.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/thread/stop.h"
#include "migration/config/dumper_arguments.h"
#include "migration/config/subtask.h"
#include "migration/precheck/connection_pool.h"
#include "migration/rules/block_allow_list.h"

namespace dm::migration {

using SchemaTable = std::pair<std::string, std::string>;

struct RoutedTable {
  SchemaTable source;
  SchemaTable target;
};

// One instance of the task.
struct CheckedSource {
  SubtaskConfig subtask;
  DumpSettings dump;  // modes with dump only
  BlockAllowList list;
  std::unique_ptr<ConnectionPool> upstream;
  // Tables that the task takes, sorted.
  std::vector<RoutedTable> tables;
  // Schemas of these tables with all their tables, also those that the task leaves out.
  std::map<std::string, std::vector<std::string>> schemas;
  bool is_downstream = false;  // the task writes into this very server
};

struct Preparation {
  std::vector<std::unique_ptr<CheckedSource>> sources;
  std::unique_ptr<ConnectionPool> downstream;
  // Columns that routes add to a target table.
  std::map<SchemaTable, std::set<std::string>> extended_columns;
};

// Connects to everything (all sources at once), lists and routes the tables. Throws Error 26001
// (names that differ in letter case only), 26002, 26003, 26006, those of routing and of reading,
// Cancelled. `subtasks` is not empty; all have the same target.
Preparation Prepare(const std::vector<SubtaskConfig>& subtasks, const StopToken& stop);

// Bytes of the rows of the source's tables, as its server estimates them. Throws Error, Cancelled.
uint64_t DataBytes(const CheckedSource& source, mysql::Connection& upstream, const StopToken& stop);

// Tables of a schema that hold rows; empty if it has been dropped meanwhile. Throws Error,
// Cancelled.
std::vector<std::string> ListTables(mysql::Connection& connection, const std::string& schema,
                                    const StopToken& stop);

// Throws Error 26001 if table-level rules send one of `tables` to names that differ in letter case
// only. For instances that are not case-sensitive.
void CheckRouteCollisions(const std::vector<RouteRule>& rules,
                          const std::vector<SchemaTable>& tables);

// Throws Error 26001 if two targets differ in letter case only.
void CheckTargetCollisions(const std::vector<RoutedTable>& tables);

}  // namespace dm::migration
