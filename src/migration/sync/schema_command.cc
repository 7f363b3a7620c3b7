#include "migration/sync/schema_command.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "migration/sync/apply_worker.h"
#include "migration/sync/session.h"
#include "mysql/client/shown.h"
#include "mysql/schema/build.h"
#include "mysql/schema/show_create.h"
#include "mysql/schema/shown_definition.h"
#include "mysql/schema/table_info.h"
#include "mysql/sql/parser.h"
#include "mysql/value/quote.h"

namespace dm::migration {

namespace {

TableId SourceOf(const CommandContext& context, const SchemaRequest& request) {
  if (context.lower_case_table_names == 0) return {request.database, request.table};
  return {mysql::LowerName(request.database), mysql::LowerName(request.table)};
}

std::string ShowCreate(mysql::Connection& connection, const TableId& table, const StopToken& stop) {
  const mysql::ResultSet shown =
      mysql::ShowWithoutModes(connection, "SHOW CREATE TABLE " + table.Quoted(), stop);
  if (shown.rows.empty() || shown.rows.front().size() < 2) {
    throw MakeError(ErrorCode::kSchemaTrackerCannotGetTable, table.Quoted());
  }
  std::string text = shown.rows.front()[1].value_or("");
  return connection.server().is_tidb ? mysql::WithBackslashesDoubled(text) : text;
}

// What a server made of a CREATE TABLE, with another name and on one line.
std::string Renamed(const std::string& text, const std::string& name) {
  constexpr std::string_view kBegin = "CREATE TABLE ";
  size_t end = text.size();
  if (text.starts_with(kBegin)) end = text.find(" (", kBegin.size());
  if (end >= text.size()) return mysql::OneLine(text);
  // A name may hold anything but its quote, which is doubled.
  if (text[kBegin.size()] == '`') {
    size_t at = kBegin.size() + 1;
    while (at < text.size() && (text[at] != '`' || (at + 1 < text.size() && text[at + 1] == '`'))) {
      at += text[at] == '`' ? 2 : 1;
    }
    end = at + 1;
  }
  return mysql::OneLine(fmt::format("{}{}{}", kBegin, mysql::QuoteName(name), text.substr(end)));
}

// The definition that `text` makes in `schema` on the server of `connection`.
mysql::TableInfo Parse(mysql::Connection& connection, const std::string& text,
                       const std::string& mode, const TableId& source, const TableId& there,
                       const StopToken& stop) {
  mysql::ParseOptions parse;
  parse.mariadb = connection.server().is_mariadb;
  parse.sql_mode = mysql::SqlMode::Parse(mode);
  parse.utf8_is_utf8mb4 = Utf8IsUtf8mb4(connection, stop);
  mysql::BuildOptions build;
  build.mariadb = parse.mariadb;
  build.schema = source.schema;
  build.default_collation_of = LookupIn(DefaultCollations(connection, stop));
  build.inline_references = !connection.server().is_mariadb && connection.server().AtLeast(9, 0);
  const mysql::ResultSet defaults = connection.Query(
      "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA "
      "WHERE SCHEMA_NAME = " +
          mysql::QuoteAnyMode(there.schema),
      stop);
  if (!defaults.rows.empty()) {
    build.default_charset = defaults.rows.front().at(0).value_or(build.default_charset);
    build.default_collation = defaults.rows.front().at(1).value_or(build.default_collation);
  }
  // One statement and nothing behind it.
  size_t statements = 1;
  try {
    statements = mysql::ParseStatements(text, parse).size();
  } catch (const Error&) {
    // Reported below, with its place.
  }
  if (statements > 1) throw MakeError(ErrorCode::kSchemaTrackerInvalidCreateTableStmt, text);
  mysql::TableInfo info = mysql::ParseCreateTable(text, parse, build);
  info.name = source.table;
  return info;
}

std::string Get(const CommandContext& context, const TableId& source, const Rules& rules,
                const Checkpoint& checkpoint, const StopToken& stop) {
  for (const auto& [id, definition] : checkpoint.Definitions()) {
    if (id == source) return mysql::ShowCreateTableOneLine(*definition, source.schema);
  }
  auto downstream = mysql::Connection::Connect(context.downstream, stop);
  return Renamed(ShowCreate(*downstream, rules.Route(source), stop), source.table);
}

void Set(const CommandContext& context, const SchemaRequest& request, const TableId& source,
         const Rules& rules, Checkpoint& checkpoint, const StopToken& stop) {
  auto downstream = mysql::Connection::Connect(context.downstream, stop);
  mysql::TableInfo info;
  if (request.from_target) {
    const TableId target = rules.Route(source);
    info = Parse(*downstream, ShowCreate(*downstream, target, stop), "", source, target, stop);
    info.named_downstream = true;
  } else {
    auto upstream = mysql::Connection::Connect(context.upstream, stop);
    std::string text = request.statement;
    std::string mode;
    if (request.from_source) {
      text = ShowCreate(*upstream, source, stop);
    } else {
      mode = upstream->QueryValue("SELECT @@GLOBAL.sql_mode", stop).value_or("");
    }
    info = Parse(*upstream, text, mode, source, source, stop);
  }
  CheckFence(context.fence);
  // Crash point: a definition is given on command. Left: its row in the checkpoint, the answer.
  DM_FAILPOINT("sync/before-definition");
  checkpoint.StoreDefinition(*downstream, source,
                             std::make_shared<const mysql::TableInfo>(std::move(info)), stop);
  // Crash point: the definition is in the checkpoint. Left: the answer.
  DM_FAILPOINT("sync/after-definition");
  Log().Info("flush table info", {F("table", source.Quoted())});
  if (request.sync) {
    Log().Info(
        "a definition is announced to other sources in optimistic sharding only, which is "
        "off",
        {F("table", source.Quoted())});
  }
}

std::unique_ptr<re2::RE2> Pattern(const std::string& text) {
  auto pattern = std::make_unique<re2::RE2>(text, re2::RE2::Quiet);
  if (!pattern->ok()) {
    throw PlainRefusal(fmt::format("`{}` is not a regular expression: {}", text, pattern->error()));
  }
  return pattern;
}

std::string ListTargets(const SchemaRequest& request, const Rules& rules,
                        const Checkpoint& checkpoint) {
  const auto schema = Pattern(request.database);
  const auto table = Pattern(request.table);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& [id, definition] : checkpoint.Definitions()) {
    if (!re2::RE2::PartialMatch(id.schema, *schema) || !re2::RE2::PartialMatch(id.table, *table)) {
      continue;
    }
    const TableId target = rules.Route(id);
    list.push_back({{"source_schema", id.schema},
                    {"source_table", id.table},
                    {"target_schema", target.schema},
                    {"target_table", target.table}});
  }
  return list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string ListNames(const SchemaRequest& request, const Checkpoint& checkpoint) {
  std::set<std::string> names;
  for (const auto& [id, definition] : checkpoint.Definitions()) {
    if (request.kind == SchemaRequestKind::kListSchemas) {
      names.insert(id.schema);
    } else if (id.schema == request.database) {
      names.insert(id.table);
    }
  }
  if (request.kind == SchemaRequestKind::kListTables && names.empty()) {
    throw MakeError(ErrorCode::kSchemaTrackerUnSchemaNotExist, request.database);
  }
  return nlohmann::json(names).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string RunSchemaCommand(const CommandContext& context, const SchemaRequest& request,
                             const Rules& rules, Checkpoint& checkpoint, const StopToken& stop) {
  const TableId source = SourceOf(context, request);
  switch (request.kind) {
    case SchemaRequestKind::kGet:
      return Get(context, source, rules, checkpoint, stop);
    case SchemaRequestKind::kSet:
      Set(context, request, source, rules, checkpoint, stop);
      return "";
    case SchemaRequestKind::kRemove:
      Log().Info("a stored definition is not removed: set another one",
                 {F("table", source.Quoted())});
      return "";
    case SchemaRequestKind::kListSchemas:
    case SchemaRequestKind::kListTables:
      return ListNames(request, checkpoint);
    case SchemaRequestKind::kListTargets:
      return ListTargets(request, rules, checkpoint);
  }
  return "";
}

}  // namespace dm::migration
