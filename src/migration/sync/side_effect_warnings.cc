#include "migration/sync/side_effect_warnings.h"

#include <algorithm>
#include <string>

#include "base/error/error.h"
#include "base/io/text.h"
#include "base/log/log.h"
#include "migration/sync/side_effects.h"
#include "mysql/client/engines.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

// So many tables stand in one warning.
constexpr size_t kShownTables = 5;

// The tracked tables that have their rows in the target of planned[index], beside those that the
// event itself takes away.
std::vector<std::string> OthersOfTarget(const PlanContext& context,
                                        const std::vector<PlannedStatement>& planned,
                                        size_t index) {
  const PlannedStatement& p = planned[index];
  const TableId& target = p.targets.front();
  const bool fold = context.sessions->downstream_folds;
  const auto equal = [&](const std::string& a, const std::string& b) {
    return fold ? mysql::EqualNames(a, b) : a == b;
  };
  const auto goes = [&](const TableId& id) {
    return std::any_of(planned.begin(), planned.end(), [&](const PlannedStatement& other) {
      if (other.source.As<mysql::DropDatabase>()) return other.tables.front().schema == id.schema;
      return other.source.body.index() == p.source.body.index() &&
             std::find(other.tables.begin(), other.tables.end(), id) != other.tables.end();
    });
  };
  std::vector<std::string> others;
  for (const mysql::TrackedTable& table : context.tracker->AllTables()) {
    const TableId id{table.schema, table.table};
    if (goes(id) || context.rules->Skips(id)) continue;
    const TableId theirs = context.rules->Route(id);
    if (equal(theirs.schema, target.schema) &&
        (target.table.empty() || equal(theirs.table, target.table))) {
      others.push_back(id.Quoted());
    }
  }
  return others;
}

// False if it cannot be asked: a warning must not be what stops the statement.
bool UpstreamLogsCascades(const Sessions& sessions, const StopToken& stop) {
  if (!mysql::MayLogCascades(sessions.upstream_server)) return false;
  try {
    const auto upstream = mysql::Connection::Connect(sessions.upstream, stop);
    return mysql::LogsCascades(*upstream, stop);
  } catch (const Error& e) {
    Log().Info("it is not known whether the upstream logs what foreign keys change",
               {F("error", e)});
    return false;
  }
}

void WarnOfForeignKeys(const PlanContext& context, const PlannedStatement& planned,
                       const mysql::TableInfo* before, const mysql::TableInfo* after,
                       const StopToken& stop) {
  const Sessions& sessions = *context.sessions;
  const mysql::ServerInfo& server = sessions.downstream_server;
  // (TiDB before 6.6 reads foreign keys and does nothing for them.)
  if (sessions.foreign_keys && (!server.is_tidb || server.AtLeast(6, 6))) return;
  const std::vector<std::string> keys = NewKeysThatChangeRows(planned.source, before, after);
  if (keys.empty()) return;
  if (UpstreamLogsCascades(sessions, stop)) return;
  for (const std::string& key : keys) {
    Log().Warn(
        "a foreign key changes rows by itself (ON DELETE or ON UPDATE), which the binlog does not "
        "record: such changes do not reach the downstream",
        {F("key", mysql::QuoteName(key)), F("table", planned.tables.front().Quoted()),
         F("statement", planned.source.text),
         F("advice",
           "set foreign_key_checks=1 in the session of the target database, or let the "
           "application change the rows")});
  }
}

}  // namespace

void WarnOfSideEffects(const PlanContext& context, const std::vector<PlannedStatement>& planned,
                       size_t index, const mysql::TableInfo* before, const mysql::TableInfo* after,
                       const StopToken& stop) {
  const PlannedStatement& p = planned[index];
  const TableId& target = p.targets.front();
  WarnOfForeignKeys(context, p, before, after, stop);
  if (const auto engine = EngineWithoutRows(p.source)) {
    Log().Warn(
        "a table gets a storage engine that holds no rows of its own: the upstream's rows go, the "
        "rows stay downstream",
        {F("engine", *engine), F("table", p.tables.front().Quoted()), F("target", target.Quoted()),
         F("statement", p.source.text)});
  }
  if (!TakesRowsAway(p.source)) return;
  const std::vector<std::string> others = OthersOfTarget(context, planned, index);
  if (others.empty()) return;
  Log().Warn(
      "a statement empties or drops a target that several tables are routed to: the rows of the "
      "others go with it",
      {F("statement", p.source.text),
       F("target", target.table.empty() ? mysql::QuoteName(target.schema) : target.Quoted()),
       F("others", FewOf(others, kShownTables)),
       F("advice", "an event filter that ignores such statements protects the target")});
}

}  // namespace dm::migration
