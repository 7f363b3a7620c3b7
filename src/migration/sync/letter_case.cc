#include "migration/sync/letter_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "mysql/schema/schema_tracker.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

// The same to a server that does not look at letter case.
bool Fold(const TableId& a, const TableId& b) {
  return mysql::EqualNames(a.schema, b.schema) && mysql::EqualNames(a.table, b.table);
}

// Tables and views upstream in schemas with this name, in any letter case.
std::vector<TableId> NamesUpstream(mysql::Connection& upstream, const std::string& schema,
                                   const StopToken& stop) {
  std::vector<TableId> names;
  // Conditions on the names themselves would make the server look into every schema.
  const auto schemas = upstream.Query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA", stop);
  for (const auto& row : schemas.rows) {
    const std::string spelling = row.at(0).value_or("");
    if (!mysql::EqualNames(spelling, schema)) continue;
    const auto tables = upstream.Query(
        fmt::format("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}",
                    mysql::QuoteAnyMode(spelling)),
        stop);
    for (const auto& table : tables.rows) names.push_back({spelling, table.at(0).value_or("")});
  }
  return names;
}

// Tables upstream now whose names differ from that of `source` in letter case at most.
std::vector<TableId> SpellingsUpstream(const Sessions& sessions, const TableId& source,
                                       KnownNames* known, const StopToken& stop) {
  std::vector<TableId> found;
  const auto look_in = [&](const std::vector<TableId>& names) {
    for (const TableId& name : names) {
      if (Fold(name, source)) found.push_back(name);
    }
  };
  if (known != nullptr) {
    const auto names = known->upstream.find(mysql::LowerName(source.schema));
    if (names != known->upstream.end()) look_in(names->second);
    if (names != known->upstream.end() && found.size() < 2) return found;
  }
  found.clear();
  auto upstream = mysql::Connection::Connect(sessions.upstream, stop);
  std::vector<TableId> names = NamesUpstream(*upstream, source.schema, stop);
  look_in(names);
  if (known != nullptr) known->upstream[mysql::LowerName(source.schema)] = std::move(names);
  if (found.size() < 2) return found;
  // A view is another matter.
  std::erase_if(found, [&](const TableId& name) {
    return upstream->QueryValue(
               fmt::format("SELECT TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = "
                           "{} AND TABLE_NAME = {}",
                           mysql::QuoteAnyMode(name.schema), mysql::QuoteAnyMode(name.table)),
               stop) != "BASE TABLE";
  });
  return found;
}

TableId Folded(const TableId& id) {
  return {mysql::LowerName(id.schema), mysql::LowerName(id.table)};
}

// Tracked tables whose targets differ from `target`, that of `source`, in letter case at most.
std::vector<TableId> TrackedWithTarget(const PlanContext& context, const TableId& source,
                                       const TableId& target, KnownNames* known) {
  KnownNames now;
  if (known == nullptr) known = &now;
  if (!std::exchange(known->has_targets, true)) {
    for (const mysql::TrackedTable& table : context.tracker->AllTables()) {
      const TableId id{table.schema, table.table};
      if (!context.rules->Skips(id)) {
        known->by_target[Folded(context.rules->Route(id))].push_back(id);
      }
    }
  }
  std::vector<TableId>& same = known->by_target[Folded(target)];
  if (std::find(same.begin(), same.end(), source) == same.end()) same.push_back(source);
  std::vector<TableId> there;
  std::copy_if(same.begin(), same.end(), std::back_inserter(there), [&](const TableId& id) {
    return context.tracker->GetTable(id.schema, id.table) != nullptr;
  });
  return there;
}

}  // namespace

void RefuseOneTargetOfTwo(const PlanContext& context, const TableId& source,
                          std::span<const TableId> gone, KnownNames* known, const StopToken& stop) {
  const Sessions& sessions = *context.sessions;
  if (!sessions.downstream_folds || sessions.lower_case_table_names != 0) return;
  const TableId target = context.rules->Route(source);
  const auto check = [&](const TableId& other) {
    if (other == source || std::find(gone.begin(), gone.end(), other) != gone.end() ||
        context.rules->Skips(other)) {
      return;
    }
    const TableId theirs = context.rules->Route(other);
    if (theirs == target || !Fold(theirs, target)) return;
    throw Error(ErrorCode::kSyncerUnsupportedStmt,
                fmt::format("the names of the targets of tables {} and {} differ in letter case "
                            "only, and the downstream takes {} and {} for one table",
                            source.Quoted(), other.Quoted(), target.Quoted(), theirs.Quoted()))
        .SetWorkaround(
            "Please give one of the two another name downstream with `routes`, or leave it out "
            "with `block-allow-list`; then start the task again.");
  };
  for (const TableId& other : TrackedWithTarget(context, source, target, known)) check(other);
  const std::vector<TableId> now = SpellingsUpstream(sessions, source, known, stop);
  // What comes later in the log must not be taken for what is there at this place.
  if (std::find(now.begin(), now.end(), source) == now.end()) return;
  for (const TableId& other : now) check(other);
}

}  // namespace dm::migration
