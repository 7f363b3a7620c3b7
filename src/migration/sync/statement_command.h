// The commands skip, replace, inject, revert and list for statements of the binlog.
#pragma once

#include <string>

#include "base/thread/stop.h"
#include "migration/sync/operations.h"
#include "migration/sync/statement_operators.h"
#include "migration/unit/ports.h"
#include "mysql/client/connection.h"
#include "mysql/position/flavor.h"
#include "mysql/position/location.h"

namespace dm::migration {

// What a command needs of its unit; everything outlives the call.
struct CommandContext {
  std::string source_id;
  mysql::ConnectOptions upstream;
  mysql::ConnectOptions downstream;  // a strict session
  mysql::Flavor flavor = mysql::Flavor::kMySql;
  int lower_case_table_names = 0;  // of the upstream
  const Fence* fence = nullptr;    // may be null
};

// Carries the command out; `flushed` is the location that is stored. Returns the text for the user.
// Throws PlainRefusal, Error (11118 position, 36017 a statement that does not parse, 36024 one
// without a schema, 36064 one that is no DDL, 36065 nothing to revert, or of a connection).
std::string RunStatementCommand(const CommandContext& context, const StatementRequest& request,
                                const mysql::Location& flushed, StatementOperators& operators,
                                const StopToken& stop);

// `text` ("file:offset", in double quotes or not) as a position. Throws Error
// kVerifyHandleErrorArgs (11118).
mysql::BinlogPosition ParseCommandPosition(const std::string& text);

// The operations as `binlog list` shows them.
std::string OperatorsAsJson(const std::string& task,
                            const std::vector<StatementOperator>& operators);

// Throws unless each text is one DDL statement that names the schema of every table.
void CheckGivenStatements(const std::vector<std::string>& statements, const std::string& sql_mode,
                          mysql::Flavor flavor);

}  // namespace dm::migration
