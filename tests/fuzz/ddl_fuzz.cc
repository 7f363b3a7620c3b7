// Any bytes as the DDL of an upstream: errors or statements. What parses has a normal form that
// parses to itself for every target; what the tracker takes survives being stored and printed.
#include <string>

#include "mysql/schema/build.h"
#include "mysql/schema/modify_event.h"
#include "mysql/schema/schema_tracker.h"
#include "mysql/schema/show_create.h"
#include "mysql/schema/table_info_json.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"
#include "target.h"

using namespace dm::mysql;  // NOLINT: the whole file is about these rooms
using dm::fuzz::MayRefuse;
using dm::fuzz::Require;

namespace {

void CheckNormalForms(const Statement& statement, bool mariadb) {
  ParseOptions plain;
  plain.mariadb = mariadb;
  const std::string once = Restore(statement);
  Statement again;
  Require(ParseFirst(once, plain, &again), "the normal form is a statement");
  Require(Restore(again) == once, "the normal form is its own normal form");
  for (const SqlTarget target : {SqlTarget::kMySql, SqlTarget::kMariaDb, SqlTarget::kTiDb}) {
    RestoreOptions options;
    options.target = target;
    options.collation_names = [](std::string_view name) { return std::string(name); };
    Restore(statement, options);
  }
  const std::vector<TableName> names = TableRefs(statement, "d", true);
  Restore(RenameTables(statement, names));
  EventName(statement);
}

void CheckStored(const SchemaTracker& tracker) {
  for (const TrackedTable& entry : tracker.AllTables()) {
    const TableInfo& table = *entry.definition;
    ShowCreateTableOneLine(table, entry.schema);
    const std::string json = TableInfoToJson(table);
    Require(TableInfoToJson(TableInfoFromJson(json)) == json, "a stored table is the same table");
  }
}

}  // namespace

// The first byte: sql_mode, flavor and options of the tracker.
DM_FUZZ_TARGET(ddl) {
  if (input.empty()) return;
  const uint8_t flags = input[0];
  ParseOptions options;
  options.sql_mode = SqlMode(
      (flags & 1 ? SqlMode::kAnsiQuotes : 0) | (flags & 2 ? SqlMode::kNoBackslashEscapes : 0) |
      (flags & 4 ? SqlMode::kPipesAsConcat : 0) | (flags & 8 ? SqlMode::kHighNotPrecedence : 0));
  options.mariadb = flags & 16;
  std::vector<Statement> statements;
  try {
    statements = ParseStatements(dm::fuzz::Text(input.subspan(1)), options);
  } catch (const dm::Error&) {
    return;  // most inputs are no SQL
  }
  TrackerOptions tracking;
  tracking.mariadb = options.mariadb;
  tracking.lower_case_table_names = flags & 32 ? 1 : 0;
  tracking.downstream_tidb = flags & 64;
  tracking.shard_mode = flags & 128;
  tracking.default_collation_of = [](std::string_view charset) {
    return DefaultCollation(charset, false);
  };
  SchemaTracker tracker(tracking);
  tracker.CreateSchemaIfNotExists("d");
  for (const Statement& statement : statements) {
    if (!statement.IsDdl()) continue;
    const std::vector<Statement> split = SplitDdl(statement, "d");
    for (const Statement& one : split) {
      CheckNormalForms(one, options.mariadb);
      MayRefuse([&] { EventNameOf(one, nullptr, tracker.BuildOptionsFor("d")); });
    }
    for (const Statement& joined : JoinAlters(split)) {
      Statement completed = joined;
      CompleteCollations(&completed, tracking.default_collation_of, "utf8mb4_general_ci",
                         [](std::string) {});
      CompleteAlteredCollations(&completed, tracking.default_collation_of);
      SetImplicitTableCollation(&completed, "utf8mb4_bin");
      Restore(completed);
      MayRefuse([&] { tracker.Exec("d", joined); });
    }
  }
  CheckStored(tracker);
}
