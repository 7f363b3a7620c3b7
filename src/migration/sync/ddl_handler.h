// Statements of the binlog: what is not replicated, what is executed downstream, and the
// definitions that follow from it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "migration/rules/collations.h"
#include "migration/sync/checkpoint.h"
#include "migration/sync/ddl_executor.h"
#include "migration/sync/planner.h"
#include "mysql/binlog/events.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// One owner thread, the planner's.
class DdlHandler {
 public:
  // `flush` drains the queues and writes the checkpoint. What is given outlives this.
  DdlHandler(PlanContext& context, std::function<void()> flush, DdlExecutor* executor);

  enum class Outcome {
    kSkipped,   // nothing for the downstream
    kTracked,   // filtered: tracked and saved, not executed
    kExecuted,  // executed, tracked and saved
  };
  // What an operator asked for.
  struct Given {
    // Nothing is executed: the statement is tracked as far as it can be.
    bool skip = false;
    // Saved together with what the statement changes, unless it changes nothing (kSkipped).
    std::optional<DefinitionChange::Step> step;
  };
  // Handles a query event that is neither BEGIN nor COMMIT. `end` is the event's end, `save` the
  // last transaction's, which may be saved when it is done; `event` names it: its GTID, or its
  // place. Throws Error; then the downstream may have it, or a front part of it; the tracker and
  // the checkpoint have not. A repetition goes on where this ended.
  Outcome Handle(const mysql::QueryEvent& query, const mysql::Location& end,
                 const mysql::Location& save, const std::string& event, uint32_t timestamp,
                 const Given& given, const StopToken& stop);

 private:
  // A split statement that is to be executed.
  struct Planned {
    mysql::Statement source;
    mysql::Statement routed;
    std::vector<TableId> tables;   // source names
    std::vector<TableId> targets;  // routed names
    bool filtered = false;         // tracked only
    bool dropped = false;          // not even that
  };
  std::vector<Planned> Plan(const mysql::Statement& statement, const mysql::QueryEvent& query,
                            const std::string& text, bool skip_all, const StopToken& stop);
  // Do the event filters leave the statement out, by one of its tables? Throws Error
  // kSyncerUnitBinlogEventFilter if they stop it.
  bool IsFiltered(const mysql::Statement& split, const TableId& table, const TableId& first,
                  const std::string& text, const StopToken& stop);
  // Computes what the tracker becomes. Filtered statements that it cannot follow are taken out.
  mysql::TrackerChange PlanTracking(const std::string& schema, std::vector<Planned>& planned) const;
  // Names in the routed statement the collations that the downstream, being of another kind, would
  // choose otherwise; remembers defaults of databases.
  void MakeCollationsOfUpstream(Planned* planned, const mysql::QueryEvent& query,
                                const StopToken& stop);
  // Default collation of an upstream database, which no event carries: from its last statement in
  // this run, else as it is now; empty if the database is gone.
  std::string DatabaseCollation(const std::string& schema, const StopToken& stop);
  // Makes the tracker know the tables that the statements start from. Takes out renamings of views,
  // and filtered statements on tables that are not there.
  void TrackTablesOf(std::vector<Planned>& planned, const StopToken& stop);
  bool IsViewUpstream(const TableId& id, const StopToken& stop);
  DdlWork WorkOf(const std::vector<Planned>& planned, const mysql::QueryEvent& query,
                 const std::string& event, uint32_t timestamp);
  DefinitionChange ChangeOf(const std::vector<Planned>& planned) const;

  PlanContext& context_;
  std::function<void()> flush_;
  DdlExecutor* executor_;
  CollationRenamer collations_;
  std::map<std::string, std::string> database_collations_;
  std::set<TableId> views_;  // created in this run; source names
  std::string zone_;         // of the last statement that had one
};

// The statement's text in UTF-8, without control characters at its ends.
std::string StatementText(const mysql::QueryEvent& query);

}  // namespace dm::migration
