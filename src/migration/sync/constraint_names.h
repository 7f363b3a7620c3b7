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
// that `before`, the upstream's table, has not got? `mariadb`: the upstream.
bool DropsNothing(const mysql::Statement& split, const mysql::TableInfo& before, bool mariadb);

// Gives the checks that parts of one statement of MySQL leave without a name the names that they
// have upstream, and makes those of columns checks of the table, as which MySQL has them: MariaDB
// would know neither when they are dropped.
class CheckNames {
 public:
  // The table before and after the statement; each may be null.
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
  bool merged = false;   // the routes may send other tables to the target
};

// Puts the names that `target`, the table downstream, has for foreign keys and checks of the
// upstream in the place of the upstream's, in the parts of `alter` that drop or alter them. Takes
// out those that drop what it has not got, and returns the names in them. `mariadb`: the
// downstream. Throws Error kSyncerUnsupportedStmt (36068) if it cannot be told which one is meant.
std::vector<std::string> UseDownstreamNames(mysql::AlterTable* alter,
                                            const UpstreamConstraints& upstream,
                                            const mysql::TableInfo& target, bool mariadb);

// Has `target`, the table downstream, the foreign key or check that the statement adds: one of the
// same name, columns and parent, or expression? Of a statement with several parts: one of them.
bool HasAdded(const mysql::AlterTable& alter, const mysql::TableInfo& target);

}  // namespace dm::migration
