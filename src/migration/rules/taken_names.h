// Names of foreign keys and checks that another table downstream has.
#pragma once

#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// Has another table of the schema of `table` a foreign key or check (`kind`) of this name? Throws
// what Connection::Query throws.
bool IsTakenName(mysql::Connection& connection, mysql::ConstraintKind kind, const std::string& name,
                 const mysql::TableName& table, const StopToken& stop);

// Takes those of its foreign keys' and checks' names out of a CREATE or ALTER TABLE that another
// table of the schema has, so that the server makes others; returns them. `statement` names the
// schema. Throws what Connection::Query throws.
std::vector<std::string> LeaveTakenNames(mysql::Statement* statement, mysql::Connection& connection,
                                         const StopToken& stop);

}  // namespace dm::migration
