// Table definitions from statements.
#pragma once

#include <string>
#include <string_view>

#include "mysql/schema/table_info.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/rewrite.h"
#include "mysql/sql/statement.h"

namespace dm::mysql {

struct BuildOptions {
  // Defaults of the schema the table is in.
  std::string default_charset = "utf8mb4";
  std::string default_collation = "utf8mb4_bin";
  // Upstream is MariaDB: JSON means LONGTEXT, names of unnamed functional indexes, foreign keys.
  bool mariadb = false;
  // Schema for foreign keys that name none.
  std::string schema;
  // An inline UNIQUE or PRIMARY KEY of ADD COLUMN sets only the flag, no index (shard modes).
  bool inline_keys_as_flags = false;
  // Default collation of a character set that is named without one. Unset: TiDB's choice, which is
  // what the reference stores. Set it to the server's own defaults where the definition is that of
  // a MySQL or MariaDB table, whose SHOW CREATE TABLE leaves defaults out.
  CollationLookup default_collation_of;
  // REFERENCES in a column definition makes a foreign key (MySQL 9; MariaDB always).
  bool inline_references = false;
};

// Definition of a CREATE TABLE with a column list. Throws Error with the server's wording as
// message and code kSchemaTrackerCannotCreateTable (44003) for contradictions (duplicate columns,
// keys on columns that do not exist, ...).
TableInfo BuildTableInfo(const CreateTable& statement, const BuildOptions& options = {});

// Parses the answer of SHOW CREATE TABLE (MySQL, MariaDB or TiDB) and builds the definition. Throws
// Error kSchemaTrackerInvalidCreateTableStmt (44009) if it is no CREATE TABLE, with the place as
// cause; kSchemaTrackerRestoreStmtFail (44010) if it contradicts itself.
TableInfo ParseCreateTable(std::string_view text, const ParseOptions& parse = {},
                           const BuildOptions& build = {});

// A column's definition in a table whose defaults are those of `table`; used by ALTER too. Key
// flags are not set.
ColumnInfo BuildColumn(const ColumnDef& definition, const TableInfo& table,
                       const BuildOptions& options);

// Applies the changes of one ALTER TABLE to a copy of `table` (RENAME TO only sets the name).
// Throws Error kSchemaTrackerCannotExecDDL (44006) with the server's wording as raw cause; the
// server's error number is in server_errno().
TableInfo AlterTableInfo(const TableInfo& table, const AlterTable& statement,
                         const BuildOptions& options);

// As AlterTableInfo, for CREATE INDEX and DROP INDEX.
TableInfo CreateIndexOn(const TableInfo& table, const CreateIndex& statement,
                        const BuildOptions& options);
TableInfo DropIndexOn(const TableInfo& table, const DropIndex& statement,
                      const BuildOptions& options);
// A copy for CREATE TABLE LIKE, by the name `name`.
TableInfo LikeTable(const TableInfo& table, const std::string& name, const BuildOptions& options);

}  // namespace dm::mysql
