// From one parsed statement to what is executed: splitting, table references, routing.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/statement.h"

namespace dm::mysql {

// The statement as a list of statements that each change one thing, in order, with missing schemas
// filled in and IF [NOT] EXISTS added to CREATE/DROP of tables and databases and DROP INDEX.
// `statement` itself is unchanged. Throws Error kUnknownTypeDDL (11007) for what is not DDL.
std::vector<Statement> SplitDdl(const Statement& statement, std::string_view default_schema);

// Joins neighbouring ALTER TABLE statements on one table back into one with a list of changes
// (MySQL and MariaDB take a list as one step; `ADD COLUMN id INT AUTO_INCREMENT, ADD PRIMARY KEY
// (id)` is valid only so). A RENAME TO stays a
// statement of its own, behind the others of its list. Order is kept otherwise.
std::vector<Statement> JoinAlters(std::vector<Statement> statements);

// Tables that a split statement names, in visiting order, without REFERENCES: [table], or
// [new, reference] for LIKE, [old, new] for a rename, [partitioned, other] for EXCHANGE; a database
// statement gives (schema, ""). Schemas missing are filled from `default_schema`. Names are
// lower-cased if `fold_case` (upstream's lower_case_table_names is not 0). Throws Error
// kUnknownTypeDDL (11007) for what is not DDL.
std::vector<TableName> TableRefs(const Statement& statement, std::string_view default_schema,
                                 bool fold_case);

// The statement with `names` put in, in the order of TableRefs. Throws Error kRewriteSQL (11119)
// if there are fewer names than references.
Statement RenameTables(const Statement& statement, std::span<const TableName> names);

// Changes the names of the sequences whose values columns of a CREATE or ALTER TABLE take as their
// defaults.
void ChangeSequences(Statement* statement, const std::function<void(TableName&)>& change);

// Tables that the foreign keys of a CREATE or ALTER TABLE refer to, each once; `child` is the table
// the statement is about, whose schema is meant where none is named.
std::vector<TableName> ReferencedTables(const Statement& statement, const TableName& child);

// Gives foreign keys that name no columns of the table they refer to those of its primary key, as
// servers do only for a table that they look at. `primary_key`: its columns; empty: not known.
void CompleteReferences(
    Statement* statement, const TableName& child,
    const std::function<std::vector<std::string>(const TableName&)>& primary_key);

// Gives the foreign keys of a routed statement the routed names of the tables they refer to.
// `source` is the upstream's name of the table, `target` its routed name. A table that goes to the
// same schema and was named without one stays without one.
void RouteReferences(Statement* routed, const TableName& source, const TableName& target,
                     const std::function<TableName(const TableName&)>& route);

// Gives the foreign keys and checks of a routed CREATE TABLE whose names a server made from the
// name of their table (`t_ibfk_1`, `t_chk_1`) the names that they would have downstream, where a
// name is there once in a schema. Names that would be too long are taken away; a foreign key keeps
// its name where the server makes a key of the same name for it. Other statements are unchanged.
// `source`, `target`: the table's name upstream and downstream.
void RouteConstraintNames(Statement* routed, std::string_view source, std::string_view target);

// Visits the foreign keys and checks that a CREATE or ALTER TABLE makes under names of their own.
// `keep` is told the kind, kForeign or kCheck, and the name; one for which it returns false loses
// it: the server makes one. (A key that the server makes for a foreign key keeps its name on
// MySQL.)
void KeepConstraintNames(Statement* statement,
                         const std::function<bool(ConstraintKind, const std::string&)>& keep);

// Default collation of a character set on the upstream, lower case; empty if not known.
using CollationLookup = std::function<std::string(std::string_view charset)>;

// Completes collations of a routed CREATE TABLE or CREATE DATABASE (`collation_compatible:
// strict`). `server_collation` is the event's; used for a CREATE DATABASE that names no charset.
// Other statements are unchanged. `warn` gets one line for each thing that could not be completed.
void CompleteCollations(Statement* statement, const CollationLookup& default_collation,
                        std::string_view server_collation,
                        const std::function<void(std::string)>& warn);

// The same for ALTER TABLE and ALTER DATABASE: wherever one names a character set alone. Other
// statements are unchanged, and so is what `default_collation` does not know.
void CompleteAlteredCollations(Statement* statement, const CollationLookup& default_collation);

// Writes MariaDB's names of collations without a character set (`uca1400_ai_ci`) with the one that
// they are of: what the statement names there, else what `charset_of` says of a column of the table
// (empty: of the table or database), which may be empty. Those of utf8mb4, and of sets that have no
// such collations, stay, and so do those in expressions.
void CompleteShortCollations(Statement* statement,
                             const std::function<std::string(std::string_view column)>& charset_of);

// Gives a CREATE TABLE that names neither character set nor collation this collation. Other
// statements are unchanged.
void SetImplicitTableCollation(Statement* statement, std::string_view collation);

// The same for a CREATE DATABASE.
void SetImplicitDatabaseCollation(Statement* statement, std::string_view collation);

// Does SetImplicitTableCollation change it?
bool HasImplicitTableCollation(const Statement& statement);

// `text` with another name behind every COLLATE, for statements that are passed on unparsed.
std::string RenameCollations(std::string_view text, const ParseOptions& options,
                             const CollationNames& names);

// Name of the statement for the binlog filter ("drop column", "alter table", ...); empty if it has
// none. MODIFY and CHANGE give "alter table": their finer name needs the tracked column, see
// mysql/schema/modify_event.h.
std::string_view EventName(const Statement& split);

}  // namespace dm::mysql
