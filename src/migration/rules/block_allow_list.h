// Which upstream schemas and tables a subtask takes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "migration/rules/rule_types.h"

namespace dm::migration {

// A compiled block/allow list. Names are upstream names. Every table is decided once and
// remembered. Thread-safe; copies share the memory of decisions.
class BlockAllowList {
 public:
  // Keeps everything but system schemas.
  BlockAllowList();
  // Throws Error kConfigGenBAList with the reason as raw cause.
  BlockAllowList(const BlockAllowRules& rules, bool case_sensitive);

  // True if nothing about this table may be migrated: system schemas always; then do-dbs (or, if
  // there are none, ignore-dbs) on the schema; then do-tables, ignore-tables on the table.
  // An empty `table` asks about a statement on the schema alone, as SkipsSchema.
  bool Skips(std::string_view schema, std::string_view table) const;
  // For CREATE/ALTER/DROP DATABASE: table lists are not asked.
  bool SkipsSchema(std::string_view schema) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace dm::migration
