// The checking item that looks for rules of a task that have no effect.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "migration/config/subtask.h"
#include "mysql/client/connection.h"
#include "programs/master/precheck.h"

namespace dm::master {

// What is upstream, without system schemas.
struct UpstreamNames {
  std::vector<std::string> schemas;
  std::vector<std::pair<std::string, std::string>> tables;  // schema, table
};

// Warnings, each naming rule and source: a list, route or filter that matches nothing upstream
// (often a matter of letter case), event names that do not exist, filters with the same patterns as
// an earlier one. `subtask` as its worker will have it, the source's filters included.
std::vector<std::string> RulesWithoutEffect(const migration::SubtaskConfig& subtask,
                                            const UpstreamNames& names);

// Has the subtask rules at all?
bool HasRules(const migration::SubtaskConfig& subtask);

// Reads the names. Throws Error.
UpstreamNames ReadUpstreamNames(mysql::Connection& upstream, const StopToken& stop);

}  // namespace dm::master
