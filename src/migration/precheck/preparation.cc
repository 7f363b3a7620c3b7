#include "migration/precheck/preparation.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error/error.h"
#include "base/io/text.h"
#include "migration/precheck/own_targets.h"
#include "migration/rules/name_pattern.h"
#include "migration/rules/system_schema.h"
#include "migration/rules/table_router.h"
#include "mysql/client/data_size.h"
#include "mysql/value/quote.h"

namespace dm::migration {
namespace {

constexpr int kUnknownDatabase = 1049;

std::string Shown(const SchemaTable& table) { return mysql::QuoteTable(table.first, table.second); }

Error SameName(const std::vector<std::string>& pairs) {
  return MakeError(ErrorCode::kTaskCheckSameTableName, fmt::format("[{}]", Join(pairs, " ")));
}

std::string SamePair(const SchemaTable& a, const SchemaTable& b) {
  return fmt::format("same target table {} vs {}", Shown(a), Shown(b));
}

SchemaTable Folded(const SchemaTable& table) {
  return {LowerName(table.first), LowerName(table.second)};
}

BlockAllowList MakeList(const SubtaskConfig& subtask) {
  if (!subtask.block_allow_list) return BlockAllowList();
  try {
    return BlockAllowList(*subtask.block_allow_list, subtask.case_sensitive);
  } catch (const Error& e) {
    throw WrapError(ErrorCode::kTaskCheckGenBAList, e);
  }
}

TableRouter MakeRouter(const SubtaskConfig& subtask) {
  try {
    for (const RouteRule& rule : subtask.route_rules) {
      if (!rule.target_schema.empty()) continue;
      throw MakeError(ErrorCode::kTaskCheckGenTableRouter)
          .SetRawCause("target schema of table route rule should not be empty");
    }
    return TableRouter(subtask.route_rules, subtask.case_sensitive);
  } catch (const Error& e) {
    throw WrapError(ErrorCode::kTaskCheckGenTableRouter, e);
  }
}

// Is a schema worth looking into, by the lists?
class SchemaChoice {
 public:
  explicit SchemaChoice(const CheckedSource& source) : source_(source) {
    if (!source.subtask.block_allow_list) return;
    for (const TablePattern& pattern : source.subtask.block_allow_list->do_tables) {
      patterns_.emplace_back(pattern.schema, source.subtask.case_sensitive);
    }
  }
  bool Takes(const std::string& schema) const {
    if (IsSystemSchema(schema) || source_.list.SkipsSchema(schema)) return false;
    return patterns_.empty() ||
           std::any_of(patterns_.begin(), patterns_.end(),
                       [&](const NamePattern& pattern) { return pattern.Matches(schema); });
  }

 private:
  const CheckedSource& source_;
  std::vector<NamePattern> patterns_;
};

std::vector<SchemaTable> ListTaken(CheckedSource& source, const StopToken& stop) {
  ConnectionPool::Lease connection = source.upstream->Take(stop);
  const SchemaChoice choice(source);
  std::vector<SchemaTable> taken;
  for (const auto& row : connection->Query("SHOW DATABASES", stop).rows) {
    if (row.empty() || !row[0] || !choice.Takes(*row[0])) continue;
    const std::string& schema = *row[0];
    std::vector<std::string> tables = ListTables(*connection, schema, stop);
    bool any = false;
    for (const std::string& table : tables) {
      if (source.list.Skips(schema, table)) continue;
      taken.emplace_back(schema, table);
      any = true;
    }
    if (any) source.schemas[schema] = std::move(tables);
  }
  std::sort(taken.begin(), taken.end());
  return taken;
}

std::unique_ptr<CheckedSource> PrepareSource(const SubtaskConfig& subtask, const StopToken& stop) {
  auto source = std::make_unique<CheckedSource>();
  source->subtask = subtask;
  source->list = MakeList(subtask);
  const TableRouter router = MakeRouter(subtask);
  if (HasDump(subtask.mode)) source->dump = EffectiveDumpSettings(subtask.dumper);
  source->upstream = std::make_unique<ConnectionPool>(subtask.from, ErrorScope::kUpstream, stop);
  const std::vector<SchemaTable> tables = ListTaken(*source, stop);
  if (!subtask.case_sensitive) CheckRouteCollisions(subtask.route_rules, tables);
  for (const SchemaTable& table : tables) {
    source->tables.push_back({table, router.Route(table.first, table.second)});
  }
  return source;
}

// A rule with compiled patterns.
struct CompiledRule {
  const RouteRule* rule;
  NamePattern schema;
  NamePattern table;
  bool Matches(const SchemaTable& source) const {
    return schema.Matches(source.first) && table.Matches(source.second);
  }
};

std::vector<CompiledRule> CompileTableRules(const std::vector<RouteRule>& rules,
                                            bool case_sensitive) {
  std::vector<CompiledRule> compiled;
  for (const RouteRule& rule : rules) {
    if (rule.table_pattern.empty()) continue;
    compiled.push_back({&rule, NamePattern(rule.schema_pattern, case_sensitive),
                        NamePattern(rule.table_pattern, case_sensitive)});
  }
  return compiled;
}

void CollectExtendedColumns(const CheckedSource& source,
                            std::map<SchemaTable, std::set<std::string>>& columns) {
  const bool any = std::any_of(
      source.subtask.route_rules.begin(), source.subtask.route_rules.end(),
      [](const RouteRule& r) { return r.extract_table || r.extract_schema || r.extract_source; });
  if (!any) return;
  const auto compiled =
      CompileTableRules(source.subtask.route_rules, source.subtask.case_sensitive);
  for (const RoutedTable& table : source.tables) {
    for (const CompiledRule& rule : compiled) {
      if (!rule.Matches(table.source)) continue;
      for (const auto* extractor :
           {&rule.rule->extract_table, &rule.rule->extract_schema, &rule.rule->extract_source}) {
        if (*extractor) columns[table.target].insert((*extractor)->target_column);
      }
    }
  }
}

}  // namespace

uint64_t DataBytes(const CheckedSource& source, mysql::Connection& upstream,
                   const StopToken& stop) {
  std::set<SchemaTable> taken;
  for (const RoutedTable& table : source.tables) taken.insert(table.source);
  return mysql::DataBytes(
      upstream,
      [&](std::string_view schema, std::string_view table) {
        return taken.contains({std::string(schema), std::string(table)});
      },
      stop);
}

std::vector<std::string> ListTables(mysql::Connection& connection, const std::string& schema,
                                    const StopToken& stop) {
  std::vector<std::string> tables;
  try {
    const std::string statement =
        fmt::format("SHOW FULL TABLES IN {} WHERE Table_Type != 'VIEW'", mysql::QuoteName(schema));
    for (const auto& row : connection.Query(statement, stop).rows) {
      if (row.empty() || !row[0]) continue;
      if (row.size() > 1 && row[1].value_or("") == "SEQUENCE") continue;
      tables.push_back(*row[0]);
    }
  } catch (const Error& e) {
    if (e.server_errno() != kUnknownDatabase) throw;
  }
  return tables;
}

void CheckRouteCollisions(const std::vector<RouteRule>& rules,
                          const std::vector<SchemaTable>& tables) {
  const std::vector<CompiledRule> compiled = CompileTableRules(rules, false);
  if (compiled.size() < 2) return;
  std::vector<std::string> pairs;
  for (const SchemaTable& table : tables) {
    std::vector<SchemaTable> targets;
    for (const CompiledRule& rule : compiled) {
      if (!rule.Matches(table)) continue;
      targets.emplace_back(rule.rule->target_schema, rule.rule->target_table.empty()
                                                         ? table.second
                                                         : rule.rule->target_table);
    }
    for (size_t i = 0; i < targets.size(); ++i) {
      for (size_t j = i + 1; j < targets.size(); ++j) {
        if (targets[i] == targets[j] || Folded(targets[i]) != Folded(targets[j])) continue;
        std::string pair = SamePair(targets[i], targets[j]);
        if (std::find(pairs.begin(), pairs.end(), pair) == pairs.end()) {
          pairs.push_back(std::move(pair));
        }
      }
    }
  }
  if (!pairs.empty()) throw SameName(pairs);
}

void CheckTargetCollisions(const std::vector<RoutedTable>& tables) {
  std::map<SchemaTable, SchemaTable> seen;
  std::set<std::string> pairs;
  for (const RoutedTable& table : tables) {
    const auto [it, added] = seen.emplace(Folded(table.target), table.target);
    if (!added && it->second != table.target) pairs.insert(SamePair(it->second, table.target));
  }
  if (!pairs.empty()) throw SameName({pairs.begin(), pairs.end()});
}

Preparation Prepare(const std::vector<SubtaskConfig>& subtasks, const StopToken& stop) {
  Preparation out;
  out.sources.resize(subtasks.size());
  std::mutex mutex;
  std::exception_ptr error;
  {
    StopSource failed;
    const LinkedStop either(stop, failed.get_token());
    const auto guarded = [&](const auto& work) {
      try {
        work();
      } catch (...) {
        {
          std::lock_guard lock(mutex);
          if (!error) error = std::current_exception();
        }
        failed.request_stop();
      }
    };
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < subtasks.size(); ++i) {
      threads.emplace_back([&, i] {
        guarded([&] { out.sources[i] = PrepareSource(subtasks[i], either.token()); });
      });
    }
    guarded([&] {
      out.downstream = std::make_unique<ConnectionPool>(subtasks.front().to,
                                                        ErrorScope::kDownstream, either.token());
    });
  }
  ThrowIfStopped(stop);
  if (error) std::rethrow_exception(error);
  for (const auto& source : out.sources) {
    if (HasLoad(source->subtask.mode) || HasSync(source->subtask.mode)) {
      source->is_downstream = AreOneServer(*source->upstream, *out.downstream, stop);
    }
    CheckTargetCollisions(source->tables);
    CollectExtendedColumns(*source, out.extended_columns);
  }
  return out;
}

}  // namespace dm::migration
