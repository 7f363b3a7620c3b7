#include "migration/sync/column_checks.h"

#include <gtest/gtest.h>

#include "mysql/sql/parser.h"

namespace dm::migration {
namespace {

mysql::CheckInfo Check(std::string name, std::vector<std::string> columns, bool in_column) {
  mysql::CheckInfo check;
  check.name = std::move(name);
  check.columns = std::move(columns);
  check.in_column = in_column;
  return check;
}

// Names of the checks that the statement drops.
std::vector<std::string> Dropped(const std::string& statement, const mysql::TableInfo& downstream,
                                 const mysql::TableInfo* upstream = nullptr) {
  mysql::ParseOptions options;
  options.mariadb = true;
  std::vector<mysql::Statement> parsed = mysql::ParseStatements(statement, options);
  auto* alter = parsed.at(0).As<mysql::AlterTable>();
  DropColumnChecks(alter, downstream, upstream);
  std::vector<std::string> names;
  for (const mysql::AlterSpec& spec : alter->specs) {
    if (spec.kind == mysql::AlterKind::kDropCheck) names.push_back(spec.name);
  }
  return names;
}

TEST(ColumnChecks, GoWithTheDefinitionTheyBelongedTo) {
  mysql::TableInfo table;
  table.name = "t";
  table.checks = {Check("t_chk_1", {"Doc"}, false), Check("t_chk_2", {"n"}, false),
                  Check("t_chk_3", {"n", "doc"}, false), Check("mine", {"doc"}, false),
                  Check("t_chk_x", {"doc"}, false)};
  using Names = std::vector<std::string>;
  EXPECT_EQ(Dropped("ALTER TABLE t MODIFY doc TEXT", table), Names{"t_chk_1"});
  EXPECT_EQ(Dropped("ALTER TABLE t CHANGE n m INT, MODIFY doc TEXT", table),
            (Names{"t_chk_2", "t_chk_1"}));
  EXPECT_EQ(Dropped("ALTER TABLE t MODIFY other TEXT, ADD doc2 TEXT", table), Names{});
  // One of the table itself is not told from that of the column.
  mysql::TableInfo upstream;
  upstream.name = "t";
  upstream.checks = {Check("c", {"n"}, true), Check("CONSTRAINT_1", {"doc"}, false)};
  EXPECT_EQ(Dropped("ALTER TABLE t CHANGE n m INT, MODIFY doc TEXT", table, &upstream),
            Names{"t_chk_2"});
}

}  // namespace
}  // namespace dm::migration
