#include <fmt/format.h>

#include "migration/precheck/items.h"
#include "migration/rules/system_schema.h"
#include "migration/rules/table_router.h"
#include "mysql/value/quote.h"

namespace dm::migration {
namespace {

constexpr int kUnknownDatabase = 1049;
constexpr int kNoSuchTable = 1146;
constexpr int kLockWaitTimeout = 1205;
constexpr int kInvalidView = 1356;
constexpr int kNoSuchDefiner = 1449;

// Views of a schema; empty if it has been dropped meanwhile.
std::vector<std::string> ListViews(mysql::Connection& connection, const std::string& schema,
                                   const StopToken& stop) {
  std::vector<std::string> views;
  try {
    const std::string statement =
        fmt::format("SHOW FULL TABLES IN {} WHERE Table_Type = 'VIEW'", mysql::QuoteName(schema));
    for (const auto& row : connection.Query(statement, stop).rows) {
      if (!row.empty() && row[0]) views.push_back(*row[0]);
    }
  } catch (const Error& e) {
    if (e.server_errno() != kUnknownDatabase) throw;
  }
  return views;
}

// Can the dump read the view, or does nothing tell? Notes it if not.
bool CheckReading(const std::string& source, const std::string& name, mysql::Connection& connection,
                  CheckItem& found, const StopToken& stop) {
  try {
    connection.Query("SHOW FIELDS FROM " + name, stop);
    connection.Query("SHOW CREATE VIEW " + name, stop);
    return true;
  } catch (const Error& e) {
    const auto warn = [&](std::string_view what) {
      found.Warn(fmt::format("view {} of source {} cannot be read, {}: {}", name, source, what,
                             e.raw_cause()));
    };
    switch (e.server_errno()) {
      case kNoSuchTable:
      case kUnknownDatabase:
        return false;  // dropped meanwhile
      case kInvalidView:
      case kNoSuchDefiner:
        warn("it is left out of the dump");
        return false;
      case kLockWaitTimeout:
        warn("a statement has it locked, the dump would wait for it");
        return true;
      default:
        if (connection.broken()) throw;
        warn("the dump would stop at it");
        return true;
    }
  }
}

void CheckView(const CheckedSource& source, const TableRouter& router,
               mysql::Connection& connection, const std::string& schema, const std::string& view,
               bool surely_dumped, CheckItem& found, const StopToken& stop) {
  const SubtaskConfig& subtask = source.subtask;
  const std::string name = mysql::QuoteTable(schema, view);
  if (!CheckReading(subtask.source_id, name, connection, found, stop)) return;
  if (!HasLoad(subtask.mode)) return;
  const auto target = router.Route(schema, view);
  if (target == std::pair(schema, view)) return;
  std::string text = fmt::format(
      "view {} of source {} is routed to {}: views keep their names, the load would refuse it",
      name, subtask.source_id, mysql::QuoteTable(target.first, target.second));
  surely_dumped ? found.Fail(std::move(text)) : found.Warn(std::move(text));
}

void CheckViews(CheckedSource& source, CheckItem& found, const StopToken& stop) {
  const DumperArguments arguments = ParseDumperArguments(source.subtask.dumper.extra_args);
  // They choose in place of the task's lists.
  const bool surely_dumped =
      arguments.tables_list.empty() && arguments.filters.empty() && arguments.databases.empty();
  const TableRouter router(source.subtask.route_rules, source.subtask.case_sensitive);
  const auto connection = source.upstream->Take(stop);
  for (const auto& row : connection->Query("SHOW DATABASES", stop).rows) {
    const std::string schema = row.at(0).value_or("");
    if (IsSystemSchema(schema) || source.list.SkipsSchema(schema)) continue;
    for (const std::string& view : ListViews(*connection, schema, stop)) {
      if (source.list.Skips(schema, view)) continue;
      CheckView(source, router, *connection, schema, view, surely_dumped, found, stop);
    }
  }
}

}  // namespace

ItemTask ViewsItem(Preparation& preparation) {
  CheckItem item;
  item.name = "views check";
  item.description = "check whether views can be dumped and loaded";
  return {
      std::move(item), [&preparation](CheckItem& found, const StopToken& stop) {
        for (const auto& source : preparation.sources) {
          if (HasDump(source->subtask.mode) && !source->dump.no_views) {
            CheckViews(*source, found, stop);
          }
        }
        if (found.state == CheckState::kSuccess) return;
        found.instruction =
            "Repair or drop views that cannot be read (a table, column, function or definer of "
            "theirs is missing, or has not the privileges), or leave them out. The account of the "
            "source needs SELECT and SHOW VIEW on them. Views cannot get another name: leave out "
            "those that a route renames with `block-allow-list`.";
      }};
}

}  // namespace dm::migration
