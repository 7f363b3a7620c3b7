#include "migration/rules/block_allow_list.h"

#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error/error.h"
#include "migration/rules/name_pattern.h"
#include "migration/rules/system_schema.h"

namespace dm::migration {
namespace {

constexpr size_t kMaxDecisions = 100'000;

struct CompiledTable {
  NamePattern schema;
  NamePattern table;
};

bool AnyMatches(const std::vector<NamePattern>& patterns, std::string_view name) {
  for (const NamePattern& pattern : patterns) {
    if (pattern.Matches(name)) return true;
  }
  return false;
}

bool AnyMatches(const std::vector<CompiledTable>& tables, std::string_view schema,
                std::string_view table) {
  for (const CompiledTable& entry : tables) {
    if (entry.schema.Matches(schema) && entry.table.Matches(table)) return true;
  }
  return false;
}

}  // namespace

struct BlockAllowList::Impl {
  std::vector<NamePattern> do_dbs;
  std::vector<NamePattern> ignore_dbs;
  std::vector<CompiledTable> do_tables;
  std::vector<CompiledTable> ignore_tables;

  mutable std::shared_mutex mutex;
  mutable std::unordered_map<std::string, bool> decisions;  // key: schema, NUL, table

  bool SkipsSchema(std::string_view schema) const {
    if (IsSystemSchema(schema)) return true;
    if (!do_dbs.empty()) return !AnyMatches(do_dbs, schema);
    return AnyMatches(ignore_dbs, schema);
  }

  bool Decide(std::string_view schema, std::string_view table) const {
    if (SkipsSchema(schema)) return true;
    if (table.empty() || AnyMatches(do_tables, schema, table)) return false;
    if (AnyMatches(ignore_tables, schema, table)) return true;
    return !do_tables.empty();
  }
};

BlockAllowList::BlockAllowList() : impl_(std::make_shared<Impl>()) {}

BlockAllowList::BlockAllowList(const BlockAllowRules& rules, bool case_sensitive)
    : impl_(std::make_shared<Impl>()) {
  try {
    auto add_schemas = [&](const std::vector<std::string>& from, std::vector<NamePattern>& to,
                           const char* if_empty) {
      for (const std::string& text : from) {
        if (text.empty()) throw std::invalid_argument(if_empty);
        to.emplace_back(text, case_sensitive);
      }
    };
    auto add_tables = [&](const std::vector<TablePattern>& from, std::vector<CompiledTable>& to) {
      for (const TablePattern& entry : from) {
        if (entry.schema.empty() || entry.table.empty()) {
          throw std::invalid_argument("Table string cannot be empty");
        }
        to.push_back(
            {NamePattern(entry.schema, case_sensitive), NamePattern(entry.table, case_sensitive)});
      }
    };
    add_schemas(rules.do_dbs, impl_->do_dbs, "DoDB rule's DB string cannot be empty");
    add_schemas(rules.ignore_dbs, impl_->ignore_dbs, "IgnoreDB rule's DB string cannot be empty");
    add_tables(rules.do_tables, impl_->do_tables);
    add_tables(rules.ignore_tables, impl_->ignore_tables);
  } catch (const std::invalid_argument& e) {
    throw WrapError(ErrorCode::kConfigGenBAList, e);
  }
}

bool BlockAllowList::Skips(std::string_view schema, std::string_view table) const {
  std::string key;
  key.reserve(schema.size() + table.size() + 1);
  key.append(schema).append(1, '\0').append(table);
  {
    std::shared_lock lock(impl_->mutex);
    if (auto it = impl_->decisions.find(key); it != impl_->decisions.end()) return it->second;
  }
  const bool skips = impl_->Decide(schema, table);
  std::unique_lock lock(impl_->mutex);
  // Upstreams that make tables of ever new names must not make it grow for ever.
  if (impl_->decisions.size() >= kMaxDecisions) impl_->decisions.clear();
  impl_->decisions.emplace(std::move(key), skips);
  return skips;
}

bool BlockAllowList::SkipsSchema(std::string_view schema) const { return Skips(schema, ""); }

}  // namespace dm::migration
