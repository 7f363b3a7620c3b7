// The tracker against what a real server says. Needs a record made by
// tests/integration/ddl_differential/record.py, named by DM_DDL_DIFFERENTIAL; skipped without one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error/error.h"
#include "mysql/schema/schema_tracker.h"
#include "mysql/schema/show_create.h"
#include "mysql/schema/table_info_json.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"

namespace dm::mysql {
namespace {

std::string Column(const ColumnInfo& column) {
  constexpr uint32_t kCompared = column_flag::kNotNull | column_flag::kPrimaryKey |
                                 column_flag::kUnsigned | column_flag::kZerofill |
                                 column_flag::kAutoIncrement | column_flag::kOnUpdateNow;
  std::string out = fmt::format(
      "{} type={} len={},{} {}/{} flags={} elems={} comment={} generated={}", column.name,
      static_cast<int>(column.type), column.length, column.decimals, column.charset,
      column.collation, column.flags & kCompared, fmt::join(column.elements, "|"), column.comment,
      column.is_generated() ? (column.generated_stored ? "stored" : "virtual") : "no");
  if (!column.default_is_expr) out += " default=" + column.default_value.value_or("NULL");
  return out;
}

std::set<std::string> Indexes(const TableInfo& table) {
  std::set<std::string> out;
  for (const IndexInfo& index : table.indexes) {
    std::string text =
        fmt::format("{} unique={} kind={}", index.name, index.unique, static_cast<int>(index.kind));
    for (const IndexColumn& part : index.columns) {
      // Outside strict mode servers shorten keys on long columns to what fits.
      const ColumnInfo* column = table.FindColumn(part.name);
      const bool any_length = column != nullptr && column->is_string() && column->length >= 255;
      text += fmt::format(" {}:{}", part.name, any_length ? -1 : part.length);
    }
    out.insert(text);
  }
  for (const ForeignKeyInfo& key : table.foreign_keys) {
    out.insert(fmt::format("fk {} {} {}", key.name, fmt::join(key.columns, ","), key.ref_table));
  }
  for (const CheckInfo& check : table.checks) out.insert("check " + check.name);
  if (table.partition) {
    out.insert(
        fmt::format("partition {} {}", table.partition->type, table.partition->definitions.size()));
  }
  return out;
}

TEST(DdlDifferential, TheTrackerAgreesWithTheServer) {
  const char* path = std::getenv("DM_DDL_DIFFERENTIAL");
  if (path == nullptr) GTEST_SKIP() << "DM_DDL_DIFFERENTIAL names no record";
  std::ifstream in(path);
  ASSERT_TRUE(in.good()) << path;

  const CollationLookup collations = [](std::string_view charset) {
    return DefaultCollation(charset, false);
  };
  TrackerOptions options;
  options.mariadb = true;
  options.default_collation_of = collations;
  ParseOptions parse;
  parse.mariadb = true;
  BuildOptions build;
  build.mariadb = true;
  build.default_charset = "utf8mb4";
  build.default_collation = "utf8mb4_general_ci";
  build.default_collation_of = collations;
  SchemaTracker tracker(options);
  const auto run = [&](std::string_view sql) {
    for (const Statement& statement : ParseStatements(sql, parse)) {
      for (const Statement& part : JoinAlters(SplitDdl(statement, "d"))) {
        // The normal form must mean the same.
        tracker.Exec("d", ParseStatements(Restore(part), parse).front());
      }
    }
  };
  run("create database d character set utf8mb4 collate utf8mb4_general_ci");
  std::string line;
  int count = 0;
  while (std::getline(in, line)) {
    const auto step = nlohmann::json::parse(line);
    const std::string sql = step["sql"];
    try {
      run(sql);
    } catch (const Error& error) {
      FAIL() << "statement " << count << ": " << sql << "\n" << error.what();
    }
    ASSERT_EQ(tracker.TablesOf("d").size(), step["tables"].size()) << sql;
    for (const auto& [name, create] : step["tables"].items()) {
      const TablePtr tracked = tracker.GetTable("d", name);
      ASSERT_NE(tracked, nullptr) << name << " after " << sql;
      const TableInfo server = ParseCreateTable(create.get<std::string>(), parse, build);
      std::vector<std::string> mine;
      std::vector<std::string> theirs;
      for (const ColumnInfo* column : tracked->RowColumns()) mine.push_back(Column(*column));
      for (const ColumnInfo* column : server.RowColumns()) theirs.push_back(Column(*column));
      ASSERT_EQ(mine, theirs) << "statement " << count << ": " << sql << "\n" << create;
      ASSERT_EQ(Indexes(*tracked), Indexes(server)) << "statement " << count << ": " << sql << "\n"
                                                    << create;
      ASSERT_EQ(tracked->charset + tracked->comment, server.charset + server.comment) << sql;
      ASSERT_EQ(tracked->collation, server.collation) << sql;
      // Storing and reading back changes nothing.
      const std::string json = TableInfoToJson(*tracked);
      ASSERT_EQ(TableInfoToJson(TableInfoFromJson(json)), json);
    }
    ++count;
  }
  EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace dm::mysql
