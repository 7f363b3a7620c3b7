#include "migration/sync/tracker_fill.h"

#include <fmt/format.h>

#include <vector>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/dumpfile/file_name.h"
#include "migration/dumpfile/metadata.h"
#include "migration/storage/local_directory.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/shown_mode.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

// By which the upstream wrote the definitions: as the dump says, else as the upstream is now.
std::string DumpedSqlMode(const LocalDirectory& directory, const Sessions& sessions) {
  if (const auto text = directory.Read(kMetadataFile)) {
    if (const auto mode = ParseDumpFacts(*text).sql_mode) return *mode;
  }
  for (const auto& [name, value] : sessions.downstream.session) {
    if (name == "sql_mode") return value;
  }
  return "";
}

// Its defaults. Where the file does not tell them, the upstream is asked when they are needed.
void TakeDatabase(PlanContext& context, const LocalDirectory& directory, const std::string& file,
                  const mysql::ParseOptions& options) {
  try {
    for (const mysql::Statement& statement :
         mysql::ParseStatements(directory.Read(file).value_or(""), options)) {
      const auto* create = statement.As<mysql::CreateDatabase>();
      if (create != nullptr && !create->options.empty()) context.tracker->Exec("", statement);
    }
  } catch (const Error& e) {
    Log().Warn("cannot take a database's defaults from the dump", {F("file", file), F("error", e)});
  }
}

}  // namespace

void FillTrackerFromCheckpoint(PlanContext& context, bool collations) {
  if (collations) {
    for (const auto& [database, collation] : context.checkpoint->database_collations()) {
      context.tracker->SetSchemaCollation(database, collation);
    }
  }
  for (auto& [id, definition] : context.checkpoint->Definitions()) {
    Log().Debug("init table info", {F("table", id.Quoted())});
    context.tracker->PutTable(id.schema, id.table, definition);
  }
}

bool FillTrackerFromDump(PlanContext& context, const SubtaskConfig& config) {
  bool complete = true;
  LocalDirectory directory(config.loader.dir);
  mysql::ParseOptions options;
  options.mariadb = context.sessions->flavor == mysql::Flavor::kMariaDb;
  options.sql_mode = mysql::ModeOfDefinitions(DumpedSqlMode(directory, *context.sessions));
  // (Directories inside are those of other tasks, but for dumps made elsewhere.)
  for (const StoredFile& file : HasDump(config.mode) ? directory.ListTop() : directory.List()) {
    DumpFileName name = ClassifyDumpFile(file.path);
    if (name.kind == DumpFileKind::kSchemaCreate) {
      TakeDatabase(context, directory, file.path, options);
      continue;
    }
    if (name.kind != DumpFileKind::kTableSchema) continue;
    TableId id{name.schema, name.table};
    try {
      if (context.rules->Skips(id)) continue;
      std::optional<std::string> text = directory.Read(file.path);
      if (!text) continue;
      context.tracker->CreateSchemaIfNotExists(id.schema);
      for (const mysql::Statement& statement : mysql::ParseStatements(*text, options)) {
        if (statement.IsDdl()) context.tracker->Exec(id.schema, statement);
      }
      mysql::TablePtr definition = context.tracker->GetTable(id.schema, id.table);
      if (definition) context.checkpoint->PutDefinition(id, definition);
    } catch (const Error& e) {
      complete = false;
      Log().Warn("cannot take a table's definition from the dump",
                 {F("file", file.path), F("error", e)});
    }
  }
  context.checkpoint->AddStatement(
      context.checkpoint->table().DatabaseCollationsStatement(context.tracker->SchemaCollations()));
  return complete;
}

std::string TableRulesText(const SubtaskConfig& config) {
  const BlockAllowRules rules = config.block_allow_list.value_or(BlockAllowRules());
  std::string text;
  const auto add_databases = [&](const char* kind, const std::vector<std::string>& databases) {
    for (const std::string& name : databases) {
      text += fmt::format("{} {}\n", kind, mysql::QuoteName(name));
    }
  };
  const auto add_tables = [&](const char* kind, const std::vector<TablePattern>& tables) {
    for (const TablePattern& table : tables) {
      text += fmt::format("{} {}\n", kind, mysql::QuoteTable(table.schema, table.table));
    }
  };
  add_databases("do-dbs", rules.do_dbs);
  add_tables("do-tables", rules.do_tables);
  add_databases("ignore-dbs", rules.ignore_dbs);
  add_tables("ignore-tables", rules.ignore_tables);
  return text + fmt::format("case-sensitive {}\n", config.case_sensitive);
}

}  // namespace dm::migration
