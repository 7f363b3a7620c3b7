// A split statement of an event and what is to become of it.
#pragma once

#include <optional>
#include <vector>

#include "migration/meta/statement_session.h"
#include "migration/rows/table_plan.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

struct PlannedStatement {
  mysql::Statement source;
  mysql::Statement routed;
  std::vector<TableId> tables;   // source names
  std::vector<TableId> targets;  // routed names
  // Of a statement that was kept; else that of the event at hand.
  std::optional<StatementSession> session;
  // A tool has copied the rows upstream, one chunk after another, between changes by others.
  bool rows_were_copied = false;
  bool filtered = false;  // tracked if that is possible, not executed
  bool dropped = false;   // nothing of it is done
  enum class Part {
    kBoth,
    kTracked,   // the downstream has, or gets, its effect otherwise
    kExecuted,  // the tracker gets its effect otherwise
  };
  Part part = Part::kBoth;

  bool is_executed() const { return !filtered && part != Part::kTracked; }
  bool is_tracked() const { return part != Part::kExecuted; }
};

}  // namespace dm::migration
