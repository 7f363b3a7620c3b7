// Names that servers give to foreign keys and checks: other ones up- and downstream.
#pragma once

#include <string>
#include <vector>

#include "mysql/schema/table_info.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// Does the statement drop or alter a foreign key or check by its name?
bool NamesConstraints(const mysql::AlterTable& alter);

// Is `split`, a statement of one part, a DROP ... IF EXISTS of a foreign key, check or constraint
// that `before`, the upstream's table, has not got? False where its names are not known. `mariadb`:
// the upstream.
bool DropsNothing(const mysql::Statement& split, const mysql::TableInfo& before, bool mariadb);

// Gives the checks that parts of one statement of MySQL leave without a name the names that they
// have upstream, and makes those of columns checks of the table, as which MySQL has them: MariaDB
// would know neither when they are dropped.
class CheckNames {
 public:
  // The table before and after the statement; each may be null. Does nothing where the upstream's
  // names are not known.
  CheckNames(mysql::TablePtr before, mysql::TablePtr after);
  // To be called for the parts in their order.
  void Fill(mysql::Statement* routed);

 private:
  std::string NameOf(const mysql::ExprPtr& check);
  void FillOne(mysql::Constraint* check);
  std::vector<mysql::Constraint> TakeFrom(mysql::ColumnDef* column);

  mysql::TablePtr before_;
  mysql::TablePtr after_;
  std::vector<std::string> told_;
};

// The foreign keys and checks that the upstream's table has before a statement.
struct UpstreamConstraints {
  std::vector<mysql::ForeignKeyInfo> foreign_keys;  // referring to the routed tables
  std::vector<mysql::CheckInfo> checks;
  bool mariadb = false;  // the upstream
  bool merged = false;   // the target may have those of other tables, too
  bool known = true;     // false: these are of the downstream, upstream they may have other names
};

// The names that `target`, the table downstream, has for the foreign keys and checks that `alter`
// drops or alters: one for each such part, in their order; empty if the target has not got it.
// `mariadb`: the downstream. Throws Error kSyncerUnsupportedStmt (36068) if it cannot be told which
// one is meant.
std::vector<std::string> DownstreamNames(const mysql::AlterTable& alter,
                                         const UpstreamConstraints& upstream,
                                         const mysql::TableInfo& target, bool mariadb);

// Puts such names into the statement. Takes the parts out that drop what the target has not got,
// and returns the upstream's names in them.
std::vector<std::string> PutDownstreamNames(mysql::AlterTable* alter,
                                            const std::vector<std::string>& names);

// Has `target`, the table downstream, the foreign key or check that the statement adds: one of the
// same name, columns and parent, or expression? Of a statement with several parts: one of them.
bool HasAdded(const mysql::AlterTable& alter, const mysql::TableInfo& target);

// Takes the names of servers' making out of the foreign keys and checks that a statement adds to
// `target`, which has others of these names; returns them.
std::vector<std::string> LeaveMadeNames(mysql::Statement* statement,
                                        const mysql::TableInfo& target);

// Takes foreign keys and checks without a name out of what the statement adds that `target` has
// under a name of the server's. False: there are none.
bool LeaveAddedWithoutName(mysql::AlterTable* alter, const mysql::TableInfo& target);

}  // namespace dm::migration
