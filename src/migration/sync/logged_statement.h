// What of a QUERY event is not DDL: control of transactions, and changes of rows that the upstream
// logged as statements.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migration/rows/table_plan.h"
#include "migration/sync/indirect_writes.h"
#include "migration/sync/planner.h"
#include "migration/sync/temporary_tables.h"
#include "mysql/binlog/events.h"
#include "mysql/position/flavor.h"
#include "mysql/sql/parser.h"

namespace dm::migration {

enum class Control {
  kNone,       // another statement
  kSavepoint,  // SAVEPOINT, RELEASE SAVEPOINT: changes nothing
  kRollback,   // ROLLBACK, also TO a savepoint: rows before it in the binlog are undone upstream
  kXaStart,    // XA START, XA BEGIN
  kXaCommit,   // XA COMMIT of a prepared branch
  kXaRollback,
  kOtherXa,  // XA END, ...
};
// `text` is trimmed and in UTF-8.
Control KindOfControl(std::string_view text);

// The xid of an XA statement, as XaPrepareEvent::Xid writes it; nullopt if there is none.
std::optional<std::string> XidOf(std::string_view text);

// What a statement that is no DDL writes to.
struct WrittenTables {
  bool writes = false;  // else it changes no rows
  std::vector<TableId> tables;
  // The tables cannot be told from the text: any of these databases may be written to as well.
  std::vector<std::string> schemas;
};
WrittenTables FindWrittenTables(std::string_view text, std::string_view default_schema,
                                const mysql::ParseOptions& options);

// A server of old (MySQL 5.6, 5.7) that has started anew logs that a table in memory has lost its
// rows as DELETE FROM `schema`.`table`, outside of a transaction and whatever the binlog_format:
// the TRUNCATE TABLE that it is. Nullopt for any other statement.
std::optional<std::string> EmptiedAtStart(std::string_view text);

// The view that a CREATE VIEW makes; nullopt for another statement.
std::optional<TableId> CreatedView(std::string_view text, std::string_view default_schema,
                                   const mysql::ParseOptions& options);

// Throws Error kSyncUnitDMLStatementFound (36014), naming table and statement, if `query` changes
// rows of a replicated table, also through a view, a trigger or a routine that the upstream has.
// Such a change cannot be carried out here: what a statement does depends on the data and the
// functions of the upstream. `fold`: upstream names have no case. A table all of whose rows are
// filtered is not replicated, nor is a temporary one, and neither is a statement that a filter
// passes over by its text.
// Warns of a statement that is passed over though the account cannot see what it sets off.
void RefuseLoggedStatement(const Rules& rules, bool fold, const mysql::QueryEvent& query,
                           mysql::Flavor flavor, const TemporaryTables& temporary,
                           IndirectWrites* indirect, const StopToken& stop);

// Throws Error kSyncerGetEvent (36069) for an event of a type that nobody knows and that the server
// did not mark as one that may be passed over.
void RequireHarmless(const mysql::RawEvent& event);

}  // namespace dm::migration
