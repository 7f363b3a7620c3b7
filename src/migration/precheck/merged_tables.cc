#include "migration/precheck/merged_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/error/error.h"
#include "base/io/text.h"
#include "migration/precheck/items.h"
#include "migration/rules/event_filter.h"
#include "migration/rules/name_pattern.h"
#include "migration/rules/table_router.h"
#include "mysql/client/name_case.h"
#include "mysql/value/quote.h"

namespace dm::migration {
namespace {

// So many names stand in one warning.
constexpr size_t kShownNames = 5;

// Upstream names of one target: by source and name, in their order.
struct Members {
  SchemaTable target;  // as the first one has it
  std::vector<std::string> names;
  bool unprotected = false;

  void Add(const SchemaTable& of, const std::string& name, bool is_unprotected) {
    if (names.empty()) target = of;
    names.push_back(name);
    unprotected = unprotected || is_unprotected;
  }
  std::string Listed() const { return FewOf(names, kShownNames); }
};

// The target schema of a DROP DATABASE; empty if the routes do not tell.
std::string SchemaTarget(const TableRouter& router, const std::string& schema) {
  try {
    return router.Route(schema, "").first;
  } catch (const Error&) {
    return "";  // the statement will stop the task
  }
}

}  // namespace

std::vector<std::string> UnprotectedTargets(const std::vector<TablesOfSource>& sources, bool fold) {
  std::map<SchemaTable, Members> tables;
  std::map<std::string, Members> schemas;
  const auto folded = [&](const std::string& name) { return fold ? LowerName(name) : name; };
  for (const TablesOfSource& source : sources) {
    const SubtaskConfig& subtask = source.subtask;
    const EventFilter filter(subtask.filter_rules, subtask.case_sensitive);
    const TableRouter router(subtask.route_rules, subtask.case_sensitive);
    const std::string of_source =
        sources.size() > 1 ? fmt::format(" of source {}", subtask.source_id) : "";
    const auto passes = [&](const SchemaTable& table, std::string_view event,
                            const std::string& statement) {
      return filter.Judge(table.first, table.second, event, statement) == FilterVerdict::kDo;
    };
    std::set<std::pair<std::string, std::string>> seen;  // schema and its target
    for (const RoutedTable& table : source.tables) {
      const std::string name = mysql::QuoteTable(table.source.first, table.source.second);
      const std::string target = folded(table.target.first);
      tables[SchemaTable(target, folded(table.target.second))].Add(
          table.target, name + of_source,
          passes(table.source, "truncate table", "TRUNCATE TABLE " + name) ||
              passes(table.source, "drop table", "DROP TABLE " + name));
      const std::string& schema = table.source.first;
      if (!seen.emplace(schema, target).second) continue;
      const std::string quoted = mysql::QuoteName(schema);
      schemas[target].Add(table.target, quoted + of_source,
                          folded(SchemaTarget(router, schema)) == target &&
                              passes({schema, ""}, "drop database", "DROP DATABASE " + quoted));
    }
  }
  std::vector<std::string> warnings;
  for (const auto& [key, members] : tables) {
    if (members.names.size() < 2 || !members.unprotected) continue;
    warnings.push_back(fmt::format(
        "tables {} have one target, {}: TRUNCATE TABLE of one of them empties it, DROP "
        "TABLE drops it, with the rows of the others",
        members.Listed(), mysql::QuoteTable(members.target.first, members.target.second)));
  }
  for (const auto& [key, members] : schemas) {
    if (members.names.size() < 2 || !members.unprotected) continue;
    warnings.push_back(
        fmt::format("schemas {} have one target, {}: DROP DATABASE of one of them drops it, with "
                    "the tables of the others",
                    members.Listed(), mysql::QuoteName(members.target.first)));
  }
  return warnings;
}

ItemTask MergedTablesItem(Preparation& preparation) {
  CheckItem item;
  item.name = "merged tables check";
  item.description = "check whether a statement on one table takes the rows of others with it";
  return {std::move(item), [&preparation](CheckItem& found, const StopToken& stop) {
            const bool fold = mysql::IgnoresNameCase(*preparation.downstream->Take(stop), stop);
            std::vector<TablesOfSource> sources;
            for (const auto& source : preparation.sources) {
              sources.push_back({source->subtask, source->tables});
            }
            for (std::string& warning : UnprotectedTargets(sources, fold)) {
              found.Warn(std::move(warning));
            }
            if (found.state == CheckState::kSuccess) return;
            found.instruction =
                "Event filters on these tables and schemas protect the target: events `truncate "
                "table`, `drop table` and `drop database`, action Ignore.";
          }};
}

}  // namespace dm::migration
