// Rules of a task that have no effect.
#pragma once

#include <string>
#include <vector>

#include "migration/config/subtask.h"
#include "migration/precheck/preparation.h"
#include "migration/precheck/result.h"

namespace dm::migration {

// What is upstream, without system schemas; tables only of schemas that a rule on tables may mean.
struct UpstreamNames {
  std::vector<std::string> schemas;
  std::vector<SchemaTable> tables;
};

// Warnings, each naming rule and source: a list, route or filter that matches nothing upstream
// (often a matter of letter case), event names that do not exist, filters with the same patterns as
// an earlier one. `subtask` as its worker will have it, the source's filters included.
std::vector<std::string> RulesWithoutEffect(const SubtaskConfig& subtask,
                                            const UpstreamNames& names);

// Compiles the expression filters for the tables as they are upstream. What cannot be evaluated
// there (a column that does not exist, ...) is a failure, a table that does not exist a warning.
// Throws Error of the connection, Cancelled.
std::vector<CheckEntry> CheckExpressionFilters(CheckedSource& source, const StopToken& stop);

// Has the subtask rules at all?
bool HasRules(const SubtaskConfig& subtask);

// Reads the names. Throws Error, Cancelled.
UpstreamNames ReadUpstreamNames(CheckedSource& source, const StopToken& stop);

}  // namespace dm::migration
