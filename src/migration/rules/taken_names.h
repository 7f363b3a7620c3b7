// Names of foreign keys and checks that another table downstream has.
#pragma once

#include "base/thread/stop.h"
#include "mysql/client/connection.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// Takes those of its foreign keys' and checks' names out of a CREATE or ALTER TABLE that another
// table of the schema has, so that the server makes others. False: there is none. `statement` names
// the schema. Throws what Connection::Query throws.
bool LeaveTakenNames(mysql::Statement* statement, mysql::Connection& connection,
                     const StopToken& stop);

}  // namespace dm::migration
