// Any bytes as DDL: an error or statements, never a crash; what parses has a normal form that
// parses to itself, and a table built from it survives being stored.
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "base/error/error.h"
#include "mysql/schema/build.h"
#include "mysql/schema/show_create.h"
#include "mysql/schema/table_info_json.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"

namespace {

using namespace dm::mysql;  // NOLINT: the whole file is about these rooms

void Require(bool holds) {
  if (!holds) std::abort();
}

void Stored(const CreateTable& create) {
  TableInfo table;
  try {
    table = BuildTableInfo(create);
  } catch (const dm::Error&) {
    return;  // contradictory definitions are refused
  }
  ShowCreateTable(table);
  const std::string json = TableInfoToJson(table);
  Require(TableInfoToJson(TableInfoFromJson(json)) == json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  ParseOptions options;
  options.sql_mode = SqlMode((data[0] & 1 ? SqlMode::kAnsiQuotes : 0) |
                             (data[0] & 2 ? SqlMode::kNoBackslashEscapes : 0) |
                             (data[0] & 4 ? SqlMode::kPipesAsConcat : 0) |
                             (data[0] & 8 ? SqlMode::kHighNotPrecedence : 0));
  options.mariadb = data[0] & 16;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  MatchesBuiltinSkip(text);
  std::vector<Statement> statements;
  try {
    statements = ParseStatements(text, options);
  } catch (const dm::Error&) {
    return 0;  // most inputs are no SQL
  }
  ParseOptions plain;
  plain.mariadb = options.mariadb;
  for (const Statement& statement : statements) {
    if (!statement.IsDdl()) continue;
    for (const Statement& one : SplitDdl(statement, "d")) {
      const std::string once = Restore(one);
      Statement again;
      Require(ParseFirst(once, plain, &again));
      Require(Restore(again) == once);
      TableRefs(one, "d", true);
    }
    if (const auto* create = statement.As<CreateTable>(); create != nullptr && !create->like) {
      Stored(*create);
    }
  }
  return 0;
}
