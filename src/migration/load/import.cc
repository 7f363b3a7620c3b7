#include "migration/load/import.h"

#include <algorithm>

#include "migration/dumpfile/file_name.h"
#include "migration/rules/system_schema.h"
#include "mysql/sql/lexer.h"
#include "mysql/value/quote.h"

namespace dm::migration {

ImportPlan PlanImport(const std::vector<StoredFile>& files, const TableRouter& router) {
  ImportPlan plan;
  std::map<std::pair<std::string, std::string>, size_t> positions;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<LoadTarget>> targets;
  const auto table_of = [&](const DumpFileName& name) -> ImportTable& {
    const auto [it, is_new] = positions.try_emplace({name.schema, name.table}, plan.tables.size());
    if (is_new) {
      ImportTable table;
      table.schema = name.schema;
      table.table = name.table;
      const auto route = router.Route(name.schema, name.table);
      std::shared_ptr<LoadTarget>& target = targets[route];
      if (target == nullptr) {
        target = std::make_shared<LoadTarget>();
        target->schema = route.first;
        target->table = route.second;
      }
      table.target = target;
      plan.tables.push_back(std::move(table));
      plan.databases.try_emplace(name.schema);
    }
    return plan.tables[it->second];
  };
  for (const StoredFile& file : files) {
    const DumpFileName name = ClassifyDumpFile(file.path);
    if (name.kind == DumpFileKind::kIgnored || IsSystemSchema(name.schema)) continue;
    if (name.format != DumpFileFormat::kSql || !name.compression.empty()) {
      throw LoadError(Error(ErrorCode::kLoadUnitDispatchSQLFromFile,
                            fmt::format("files of this format are not supported: {}", file.path)))
          .SetWorkaround(
              "Please put uncompressed SQL files in its place, or take the file away if it is none "
              "of the dump, then execute `resume-task`.");
    }
    switch (name.kind) {
      case DumpFileKind::kSchemaCreate:
        plan.databases[name.schema] = file.path;
        break;
      case DumpFileKind::kTableSchema:
        table_of(name).script = file.path;
        break;
      case DumpFileKind::kViewSchema:
        table_of(name).view_script = file.path;
        break;
      case DumpFileKind::kSequenceSchema: {
        auto [schema, sequence] = router.Route(name.schema, name.table);
        plan.databases.try_emplace(name.schema);
        plan.sequences.push_back({std::move(schema), std::move(sequence), file.path});
        break;
      }
      case DumpFileKind::kData:
        if (file.size == 0) {
          throw LoadError(Error(ErrorCode::kLoadUnitInvalidFileEnding,
                                fmt::format("data file {} is empty", file.path)))
              .SetWorkaround(
                  "A file that was cut off looks like this, and one that mydumper writes for a "
                  "table without rows when it is told to (`--build-empty-files`). Please put the "
                  "whole file back, or take it away if there are no rows, then execute "
                  "`resume-task`.");
        }
        table_of(name).data.push_back(file);
        plan.data_bytes += static_cast<int64_t>(file.size);
        break;
      case DumpFileKind::kIgnored:
        break;
    }
  }
  for (const ImportTable& table : plan.tables) {
    if (table.view_script.empty()) continue;
    if (table.target->schema == table.schema && table.target->table == table.table) continue;
    throw LoadError(
        Error(ErrorCode::kLoadUnitParseStatement,
              fmt::format("view {} cannot get another name, and is routed to {}",
                          mysql::QuoteTable(table.schema, table.table),
                          mysql::QuoteTable(table.target->schema, table.target->table))))
        .SetWorkaround(
            "Leave the view out with `block-allow-list`, or correct the routes, and start the task "
            "anew with `--remove-meta`.");
  }
  return plan;
}

std::vector<LoadFile> OrderFiles(const ImportPlan& plan) {
  std::vector<LoadFile> files;
  size_t longest = 0;
  for (const ImportTable& table : plan.tables) longest = std::max(longest, table.data.size());
  for (size_t i = 0; i < longest; ++i) {
    for (const ImportTable& table : plan.tables) {
      if (i >= table.data.size()) continue;
      files.push_back({.path = table.data[i].path,
                       .target = table.target,
                       .size = static_cast<int64_t>(table.data[i].size),
                       .script = table.script});
    }
  }
  return files;
}

bool HasPrimaryKey(std::string_view script) {
  // Of the definition, not of a comment or a default in it.
  const std::vector<mysql::Token> tokens = mysql::Tokenize(script, {});
  const auto is = [](const mysql::Token& token, std::string_view word) {
    return token.kind == mysql::TokenKind::kWord && token.upper == word;
  };
  return std::adjacent_find(tokens.begin(), tokens.end(),
                            [&](const mysql::Token& one, const mysql::Token& next) {
                              return is(one, "PRIMARY") && is(next, "KEY");
                            }) != tokens.end();
}

std::string ReadScript(const LocalDirectory& directory, const std::string& path) {
  auto script = directory.Read(path);
  if (!script) {
    throw Error(ErrorCode::kLoadUnitReadSchemaFile,
                fmt::format("schema file {} is not there", directory.FullPath(path)));
  }
  return *std::move(script);
}

}  // namespace dm::migration
