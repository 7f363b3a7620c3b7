// From upstream names to downstream names.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "migration/rules/rule_types.h"

namespace dm::migration {

// Compiled routes. Every table is decided once and remembered. Thread-safe; copies share the memory
// of decisions.
class TableRouter {
 public:
  // Changes no name.
  TableRouter();
  // Throws Error kConfigGenTableRouter with the reason as raw cause.
  TableRouter(const std::vector<RouteRule>& rules, bool case_sensitive);

  // Downstream schema and table. An empty `table` asks about the schema alone (schema-level rules
  // only). Any match on table level wins over all on schema level. Throws Error kGenTableRouter
  // (raw cause "... matches more than one rule") if several rules of the winning level match.
  std::pair<std::string, std::string> Route(std::string_view schema, std::string_view table) const;

  // Is this the only table that the rules send to its target? True for a table that no rule
  // matches; a rule with a wildcard that changes the name, or another rule with the same target,
  // may merge tables. Same errors as Route.
  bool KeepsApart(std::string_view schema, std::string_view table) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace dm::migration
