// Statements of the binlog: what is not replicated, what is executed downstream, and the
// definitions that follow from it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "migration/meta/owner.h"
#include "migration/rules/collations.h"
#include "migration/sync/planner.h"
#include "migration/unit/ports.h"
#include "mysql/binlog/events.h"
#include "mysql/client/connection.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// One owner thread, the planner's.
class DdlHandler {
 public:
  // `flush` drains the queues and writes the checkpoint; `proof` gives the statement that fails
  // unless this run may write; `graceful` ends waiting for another try.
  DdlHandler(PlanContext& context, std::function<void()> flush, const Fence* fence,
             std::function<std::string()> proof, StopToken graceful);

  enum class Outcome {
    kSkipped,   // nothing for the downstream
    kExecuted,  // executed, tracked and saved
  };
  // Handles a query event that is neither BEGIN nor COMMIT. `end` is the event's end, `save` the
  // last transaction's, which may be saved when it is done. Throws Error; then the downstream may
  // have it (it is repeated after a restart, and what is there already is passed over), the tracker
  // and the checkpoint have not.
  Outcome Handle(const mysql::QueryEvent& query, const mysql::Location& end,
                 const mysql::Location& save, uint32_t timestamp, const StopToken& stop);

 private:
  // A split statement that is to be executed.
  struct Planned {
    mysql::Statement source;
    mysql::Statement routed;
    std::vector<TableId> tables;   // source names
    std::vector<TableId> targets;  // routed names
  };
  std::vector<Planned> Plan(const mysql::Statement& statement, const mysql::QueryEvent& query,
                            const std::string& text, const mysql::Location& end);
  // Names in the routed statement the collations that the downstream, being of another kind, would
  // choose otherwise; remembers defaults of databases.
  void MakeCollationsOfUpstream(Planned* planned, const mysql::QueryEvent& query,
                                const StopToken& stop);
  // Default collation of an upstream database, which no event carries: from its last statement in
  // this run, else as it is now; empty if the database is gone.
  std::string DatabaseCollation(const std::string& schema, const StopToken& stop);
  void TrackTablesOf(const Planned& planned, const StopToken& stop);
  void Execute(const std::vector<Planned>& planned, const mysql::QueryEvent& query,
               uint32_t timestamp, const StopToken& stop);
  // False: the statement's effect was there already.
  bool ExecuteOne(const mysql::Statement& statement, const mysql::RestoreOptions& restore,
                  const StopToken& stop);
  // Is a rename that failed repeated work: the old name gone, the new one there?
  bool IsRenamedAlready(const mysql::Statement& statement, const StopToken& stop);
  DefinitionChange ChangeOf(const std::vector<Planned>& planned) const;
  mysql::Connection& Connected(const StopToken& stop);

  PlanContext& context_;
  std::function<void()> flush_;
  const Fence* fence_;
  std::function<std::string()> proof_;
  std::unique_ptr<mysql::Connection> connection_;
  const StopToken graceful_;
  CollationRenamer collations_;
  std::map<std::string, std::string> database_collations_;
  std::string zone_;  // of the last statement that had one
};

// The statement's text in UTF-8, without control characters at its ends.
std::string StatementText(const mysql::QueryEvent& query);

}  // namespace dm::migration
