// What is no table: views and sequences, which are not replicated as tables; databases' defaults.
#pragma once

#include <string>

#include "base/thread/stop.h"
#include "migration/rows/table_plan.h"
#include "migration/sync/planner.h"
#include "migration/sync/session.h"
#include "mysql/binlog/rows.h"
#include "mysql/binlog/table_map.h"
#include "mysql/sql/statement.h"

namespace dm::migration {

// What the upstream has under this name now: "BASE TABLE", "VIEW", "SEQUENCE", ...; empty: nothing.
// Makes a connection of its own. Throws Error, Cancelled.
std::string UpstreamTableType(const Sessions& sessions, const TableId& id, const StopToken& stop);

// The same of the downstream; `id`: its name there.
std::string DownstreamTableType(const Sessions& sessions, const TableId& id, const StopToken& stop);

// Has the downstream's table more than `count` rows? False if there is no table. As
// UpstreamTableType.
bool HasMoreRows(const Sessions& sessions, const TableId& id, int64_t count, const StopToken& stop);

// How many columns the upstream's has. As UpstreamTableType.
size_t UpstreamColumnCount(const Sessions& sessions, const TableId& id, const StopToken& stop);

// Default collation of a database, or of the server. Empty: there is none of that name. As
// UpstreamTableType.
std::string UpstreamDatabaseCollation(const Sessions& sessions, const std::string& schema,
                                      const StopToken& stop);
std::string DownstreamDatabaseCollation(const Sessions& sessions, const std::string& schema,
                                        const StopToken& stop);
bool DownstreamHasCollation(const Sessions& sessions, const std::string& collation,
                            const StopToken& stop);
std::string DownstreamServerCollation(const Sessions& sessions, const StopToken& stop);

// Gives the sequences of which defaults of the split statement take values their routed names.
// `fold`: names are lower-cased.
void RouteSequences(mysql::Statement* split, const Rules& rules, bool fold);

// Are these the columns of a MariaDB sequence? It writes a row of its own state to the binlog
// whenever it takes the next lot of values. A table may look alike unless the columns are named.
bool LooksLikeSequence(const mysql::TableMap& map);

// Can these rows, of a map that looks like a sequence's, be states of a sequence?
bool AreSequenceStates(const mysql::RowBatch& batch);

// Does the error say that a table or its database is not there?
bool IsMissingTable(const Error& error);

}  // namespace dm::migration
