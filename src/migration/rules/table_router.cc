#include "migration/rules/table_router.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stdexcept>
#include <unordered_map>

#include "base/error/error.h"
#include "migration/rules/name_pattern.h"
#include "migration/rules/system_schema.h"

namespace dm::migration {
namespace {

constexpr size_t kMaxDecisions = 100'000;

struct CompiledRoute {
  NamePattern schema;
  std::optional<NamePattern> table;  // none: schema level
  std::string target_schema;
  std::string target_table;
  bool any_schema = false;  // the pattern has wildcards
  bool any_table = false;

  // May both send tables to the same one?
  bool Meets(const CompiledRoute& other) const {
    return target_schema == other.target_schema &&
           (target_table.empty() || other.target_table.empty() ||
            target_table == other.target_table);
  }
};

bool HasWildcard(std::string_view pattern) {
  return pattern.starts_with('~') || pattern.find_first_of("*?[") != std::string_view::npos;
}

void CheckExtractor(std::string_view kind, const std::optional<Extractor>& extractor) {
  if (!extractor) return;
  if (extractor->target_column.empty()) {
    throw std::invalid_argument(fmt::format("{} extractor target column cannot be empty", kind));
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  if (re2::RE2 regex(extractor->regexp, options); !regex.ok()) {
    throw std::invalid_argument(
        fmt::format("{} extractor {} regexp illegal", kind, extractor->regexp));
  }
}

}  // namespace

struct TableRouter::Impl {
  std::vector<CompiledRoute> routes;

  mutable std::shared_mutex mutex;
  // Key: schema, NUL, table.
  mutable std::unordered_map<std::string, std::pair<std::string, std::string>> decisions;

  // The route that decides; nullptr if none matches.
  const CompiledRoute* Find(std::string_view schema, std::string_view table) const {
    const CompiledRoute* on_table = nullptr;
    const CompiledRoute* on_schema = nullptr;
    size_t table_matches = 0, schema_matches = 0;
    for (const CompiledRoute& route : routes) {
      if (!route.schema.Matches(schema)) continue;
      if (!route.table) {
        on_schema = &route;
        ++schema_matches;
      } else if (!table.empty() && route.table->Matches(table)) {
        on_table = &route;
        ++table_matches;
      }
    }
    if (table_matches > 1 || (table_matches == 0 && schema_matches > 1)) {
      throw MakeError(ErrorCode::kGenTableRouter)
          .SetRawCause(table.empty() ? fmt::format("schema `{}` matches more than one rule", schema)
                                     : fmt::format("table `{}`.`{}` matches more than one rule",
                                                   schema, table));
    }
    return on_table != nullptr ? on_table : on_schema;
  }

  std::pair<std::string, std::string> Decide(std::string_view schema,
                                             std::string_view table) const {
    const CompiledRoute* route = Find(schema, table);
    if (route == nullptr) return {std::string(schema), std::string(table)};
    const bool renamed = !table.empty() && !route->target_table.empty();
    return {route->target_schema, renamed ? route->target_table : std::string(table)};
  }
};

TableRouter::TableRouter() : impl_(std::make_shared<Impl>()) {}

TableRouter::TableRouter(const std::vector<RouteRule>& rules, bool case_sensitive)
    : impl_(std::make_shared<Impl>()) {
  try {
    for (const RouteRule& rule : rules) {
      if (rule.schema_pattern.empty()) {
        throw std::invalid_argument("schema pattern of table route rule should not be empty");
      }
      if (rule.target_schema.empty()) {
        throw std::invalid_argument("target schema of table route rule should not be empty");
      }
      if (IsServerSchema(rule.target_schema)) {
        throw std::invalid_argument(
            fmt::format("target schema {} of table route rule belongs to the server itself",
                        rule.target_schema));
      }
      CheckExtractor("table", rule.extract_table);
      CheckExtractor("schema", rule.extract_schema);
      CheckExtractor("source", rule.extract_source);
      std::optional<NamePattern> table;
      if (!rule.table_pattern.empty()) table.emplace(rule.table_pattern, case_sensitive);
      impl_->routes.push_back({NamePattern(rule.schema_pattern, case_sensitive), std::move(table),
                               rule.target_schema, rule.target_table,
                               HasWildcard(rule.schema_pattern), HasWildcard(rule.table_pattern)});
    }
  } catch (const std::invalid_argument& e) {
    throw WrapError(ErrorCode::kConfigGenTableRouter, e);
  }
}

std::pair<std::string, std::string> TableRouter::Route(std::string_view schema,
                                                       std::string_view table) const {
  if (impl_->routes.empty()) return {std::string(schema), std::string(table)};
  std::string key;
  key.reserve(schema.size() + table.size() + 1);
  key.append(schema).append(1, '\0').append(table);
  {
    std::shared_lock lock(impl_->mutex);
    if (auto it = impl_->decisions.find(key); it != impl_->decisions.end()) return it->second;
  }
  std::pair<std::string, std::string> target = impl_->Decide(schema, table);
  std::unique_lock lock(impl_->mutex);
  // Upstreams that make tables of ever new names must not make it grow for ever.
  if (impl_->decisions.size() >= kMaxDecisions) impl_->decisions.clear();
  impl_->decisions.emplace(std::move(key), target);
  return target;
}

bool TableRouter::KeepsApart(std::string_view schema, std::string_view table) const {
  const CompiledRoute* route = impl_->Find(schema, table);
  if (route == nullptr) return true;
  if (route->any_schema || (route->any_table && !route->target_table.empty())) return false;
  for (const CompiledRoute& other : impl_->routes) {
    if (&other != route && other.Meets(*route)) return false;
  }
  return true;
}

}  // namespace dm::migration
