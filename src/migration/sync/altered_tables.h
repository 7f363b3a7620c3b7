// The tables of planned statements as the upstream has them before and after each of its
// statements.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "migration/sync/planned_statement.h"
#include "mysql/schema/schema_tracker.h"
#include "mysql/schema/table_info.h"

namespace dm::migration {

// Parts of one statement, which are planned one by one, happen at once: a part that adds a key may
// name a column that another one adds. What is given outlives this. One thread.
class AlteredTables {
 public:
  // `change`: what `planned` makes of the tables that the tracker knows. `schema`: of the event.
  AlteredTables(const mysql::SchemaTracker& tracker, const mysql::TrackerChange& change,
                std::string schema, const std::vector<PlannedStatement>& planned);

  // The first table of planned[index] before and after the statement that this is a part of; null
  // if it is not known, or is not there. Throws Error as SchemaTracker::Plan does.
  mysql::TablePtr Before(size_t index) const;
  mysql::TablePtr After(size_t index) const;

 private:
  // Of planned[index]: the first part of its statement, and the one behind the last.
  size_t Begin(size_t index) const;
  size_t End(size_t index) const;
  mysql::TablePtr After(size_t end, const TableId& table) const;

  const mysql::SchemaTracker& tracker_;
  const mysql::TrackerChange& change_;
  const std::string schema_;
  const std::vector<PlannedStatement>& planned_;
};

// Tells the names that `table`, as it is after a statement, has of indexes which the statement adds
// without one, in their order; `before`: as it was. Each may be null.
std::function<std::string(const mysql::Constraint&)> NamesOfIndexes(mysql::TablePtr before,
                                                                    mysql::TablePtr table);

}  // namespace dm::migration
