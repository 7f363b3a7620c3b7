// Which schemas and tables of the upstream a dump takes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "migration/config/dumper_arguments.h"
#include "migration/config/subtask.h"
#include "migration/rules/block_allow_list.h"
#include "migration/rules/name_pattern.h"
#include "migration/rules/online_ddl_names.h"

namespace dm::migration {

// The block/allow list of the task, or what --tables-list or --filter put in its place; narrowed by
// --database. System schemas are never taken, nor the helper tables of online schema changes if
// replication follows, which leaves them out. Immutable after construction.
class TableFilter {
 public:
  // Throws Error kDumpUnitRuntime for an entry that cannot be read.
  TableFilter(const SubtaskConfig& config, const DumperArguments& arguments);

  bool TakesSchema(std::string_view schema) const;
  bool TakesTable(std::string_view schema, std::string_view table) const;
  // Names of --database, which must exist; empty without that option.
  const std::vector<std::string>& databases() const { return databases_; }

 private:
  struct Pattern {
    bool take = true;
    // With wildcards * and ?, or a regular expression.
    std::string schema;
    std::string table;
    std::optional<NamePattern> schema_expression;
    std::optional<NamePattern> table_expression;
    bool MatchesSchema(std::string_view name) const;
    bool MatchesTable(std::string_view name) const;
  };
  Pattern ParsePattern(std::string entry) const;

  bool Equal(std::string_view a, std::string_view b) const;

  bool case_sensitive_;
  BlockAllowList list_;
  std::vector<NamePattern> do_table_schemas_;  // of a list with do-tables
  std::optional<std::vector<std::pair<std::string, std::string>>> tables_;
  std::optional<std::vector<Pattern>> patterns_;
  std::vector<std::string> databases_;
  std::optional<OnlineDdlNames> online_ddl_;  // nullopt: helper tables are ordinary ones
};

}  // namespace dm::migration
