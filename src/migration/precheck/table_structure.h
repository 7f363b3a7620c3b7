// Will the rows of an upstream table fit the table downstream? No input or output.
//
// A check of shard groups compares shapes among upstream tables instead of with a target; it can
// work on the same TableShape.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "migration/precheck/preparation.h"
#include "migration/precheck/table_shape.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// What a finding depends on beside the two tables.
struct StructureRules {
  mysql::ServerInfo downstream;
  bool upstream_mariadb = false;
  bool with_dump = false;            // the task copies rows by a dump
  bool with_sync = false;            // and replicates changes
  bool identity_required = false;    // rows without identity could not be repeated
  bool checks_foreign_keys = false;  // foreign_key_checks=1 in the target's session
  bool logs_cascades = false;        // what foreign keys change is in the upstream's binlog
  // Character sets and collations that the downstream has, lower case; empty: not known.
  std::set<std::string> charsets;
  std::set<std::string> collations;
  std::set<std::string> extended_columns;  // of the target
};

struct StructureFinding {
  bool fails = false;
  std::string message;  // follows "table `db`.`t` "
  std::string instruction;
};

// `target`: nullptr if the table does not exist yet. `names`: as the texts call both tables.
std::vector<StructureFinding> CompareStructure(const RoutedTable& names, const TableShape& source,
                                               const TableShape* target,
                                               const StructureRules& rules);

// Is every value of column `from` one of `to`, as far as types say so? True where that is not
// certain.
bool MayHoldAll(const ColumnShape& from, const ColumnShape& to);

}  // namespace dm::migration
