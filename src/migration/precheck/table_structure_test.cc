#include "migration/precheck/table_structure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::migration {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const RoutedTable kNames{{"up", "t_1"}, {"down", "t_all"}};

TableShape Shape(const std::string& columns, const std::string& options = "",
                 bool mariadb = false) {
  return ReadTableShape("CREATE TABLE `t` (" + columns + ") ENGINE=InnoDB" + options, mariadb);
}

std::vector<std::string> Compare(const TableShape& source, const TableShape* target,
                                 const StructureRules& rules = {}) {
  std::vector<std::string> found;
  for (const StructureFinding& finding : CompareStructure(kNames, source, target, rules)) {
    EXPECT_FALSE(finding.instruction.empty());
    found.push_back((finding.fails ? "fail: " : "") + finding.message);
  }
  return found;
}

std::vector<std::string> Compare(const std::string& source, const std::string& target,
                                 const StructureRules& rules = {}) {
  const TableShape there = Shape(target);
  return Compare(Shape(source), &there, rules);
}

TEST(TableStructureTest, SystemVersionedTables) {
  StructureRules rules;
  rules.with_sync = true;
  const auto versioned = [](const std::string& type, const std::string& keys) {
    return Shape("`id` int NOT NULL, `s` " + type + " GENERATED ALWAYS AS ROW START, `e` " + type +
                     " GENERATED ALWAYS AS ROW END, " + keys +
                     ", PERIOD FOR SYSTEM_TIME (`s`, `e`)",
                 " WITH SYSTEM VERSIONING", true);
  };
  EXPECT_TRUE(
      Compare(Shape("`id` int PRIMARY KEY", " WITH SYSTEM VERSIONING", true), nullptr, rules)
          .empty());
  EXPECT_TRUE(
      Compare(versioned("timestamp(6)", "PRIMARY KEY (`id`, `e`), KEY `s` (`s`)"), nullptr, rules)
          .empty());
  const TableShape by_transactions = versioned("bigint unsigned", "PRIMARY KEY (`id`)");
  EXPECT_TRUE(Compare(by_transactions, nullptr).empty());
  EXPECT_EQ(Compare(by_transactions, nullptr, rules),
            (std::vector<std::string>{"fail: is system-versioned by transactions: its changes "
                                      "cannot be replicated"}));
  for (const bool with_sync : {true, false}) {
    rules.with_sync = with_sync;
    EXPECT_EQ(Compare(versioned("timestamp(6)", "PRIMARY KEY (`id`, `s`)"), nullptr, rules),
              (std::vector<std::string>{
                  "fail: is system-versioned and has `s` (GENERATED ALWAYS AS ROW START) in a "
                  "unique key: rows that begin at different moments upstream may begin at one "
                  "downstream"}));
  }
}

// Differences of one column.
std::vector<std::string> Column(const std::string& source, const std::string& target) {
  return Compare("`id` int NOT NULL, `c` " + source + ", PRIMARY KEY (`id`)",
                 "`id` int NOT NULL, `c` " + target + ", PRIMARY KEY (`id`)");
}

TEST(CompareStructure, EqualTablesHaveNoFinding) {
  EXPECT_THAT(Compare("`id` bigint unsigned NOT NULL AUTO_INCREMENT, `v` varchar(10) DEFAULT NULL, "
                      "PRIMARY KEY (`id`), UNIQUE KEY `v` (`v`), KEY `x` (`v`,`id`)",
                      "`ID` bigint unsigned NOT NULL AUTO_INCREMENT, `V` varchar(10) DEFAULT NULL, "
                      "PRIMARY KEY (`ID`), UNIQUE KEY `other` (`V`)"),
              IsEmpty());
  EXPECT_THAT(Compare(Shape("`id` int NOT NULL, PRIMARY KEY (`id`)"), nullptr), IsEmpty());
}

TEST(CompareStructure, Keys) {
  const std::string id = "`id` int NOT NULL";
  EXPECT_THAT(Compare(Shape(id), nullptr), ElementsAre("primary/unique key does not exist"));
  EXPECT_THAT(Compare(Shape("`id` int DEFAULT NULL, UNIQUE KEY `u` (`id`)"), nullptr),
              ElementsAre(HasSubstr("do not identify every row")));
  // A key over an expression identifies nothing that could be compared.
  EXPECT_THAT(Compare(Shape("`a` int NOT NULL, UNIQUE KEY `u` ((`a` + 1))"), nullptr),
              ElementsAre(HasSubstr("do not identify every row")));
  EXPECT_THAT(
      Compare(Shape("`a` int NOT NULL, PRIMARY KEY (`a`), UNIQUE KEY `u` ((`a` + 1))"), nullptr),
      IsEmpty());
  EXPECT_THAT(
      Compare("`a` int NOT NULL, `b` int NOT NULL, PRIMARY KEY (`a`), UNIQUE KEY `u` (`b`,`a`)",
              "`a` int NOT NULL, `b` int NOT NULL, PRIMARY KEY (`a`), UNIQUE KEY `w` (`b`)"),
      ElementsAre("upstream has more PK or NOT NULL UK than downstream, index name: u, columns: [a "
                  "b]",
                  "downstream has more PK or NOT NULL UK than upstream, table name: t_all, index "
                  "name: w, columns: [b]"));
}

TEST(CompareStructure, RowsThatWouldBeDoubled) {
  StructureRules rules;
  rules.identity_required = true;
  EXPECT_THAT(Compare(Shape("`id` int DEFAULT NULL, UNIQUE KEY `u` (`id`)"), nullptr, rules),
              ElementsAre(HasSubstr("fail: has no primary key")));
  EXPECT_THAT(Compare(Shape("`id` int NOT NULL, UNIQUE KEY `u` (`id`)"), nullptr, rules),
              IsEmpty());
}

TEST(CompareStructure, ForeignKeysByDownstream) {
  const TableShape plain = Shape(
      "`id` int NOT NULL, `p` int, PRIMARY KEY (`id`), CONSTRAINT `fk` FOREIGN KEY (`p`) "
      "REFERENCES `p` (`id`)");
  const TableShape cascade = Shape(
      "`id` int NOT NULL, `p` int, PRIMARY KEY (`id`), CONSTRAINT `fk` FOREIGN KEY (`p`) "
      "REFERENCES `p` (`id`) ON DELETE CASCADE");
  StructureRules rules;
  EXPECT_THAT(Compare(plain, nullptr, rules),
              ElementsAre(HasSubstr("Foreign Key fk is not check")));
  EXPECT_THAT(Compare(cascade, nullptr, rules),
              ElementsAre(HasSubstr("which the binlog does not record")));
  rules.logs_cascades = true;
  EXPECT_THAT(Compare(cascade, nullptr, rules),
              ElementsAre(HasSubstr("Foreign Key fk is not check")));
  rules.logs_cascades = false;
  rules.checks_foreign_keys = true;
  EXPECT_THAT(Compare(cascade, nullptr, rules),
              ElementsAre(HasSubstr("is checked downstream (foreign_key_checks=1)")));
  rules.downstream.is_tidb = true;
  rules.downstream.major = 6;
  rules.downstream.minor = 5;
  EXPECT_THAT(Compare(plain, nullptr, rules),
              ElementsAre("Foreign Key fk is parsed but ignored by TiDB."));
}

TEST(CompareStructure, CharsetsAndCollationsThatAreStated) {
  const auto compare = [](const std::string& source, const std::string& target) {
    const std::string columns = "`id` int NOT NULL, PRIMARY KEY (`id`)";
    const TableShape there = Shape(columns, target);
    return Compare(Shape(columns, source), &there);
  };
  EXPECT_THAT(compare(" DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci",
                      " DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"),
              ElementsAre("collation is not same, upstream: (t_1 utf8mb4_general_ci), downstream: "
                          "(t_all utf8mb4_bin)"));
  EXPECT_THAT(
      compare(" DEFAULT CHARSET=utf8mb4", " DEFAULT CHARSET=latin1"),
      ElementsAre("charset is not same, upstream: (t_1 utf8mb4), downstream: (t_all latin1)"));
  EXPECT_THAT(compare(" DEFAULT CHARSET=latin1", " DEFAULT CHARSET=utf8mb4"), IsEmpty());
  EXPECT_THAT(compare(" DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci", ""), IsEmpty());
  EXPECT_THAT(compare(" DEFAULT CHARSET=UTF8MB4", " DEFAULT CHARSET=utf8mb4"), IsEmpty());
}

TEST(CompareStructure, WhatANewTableCannotHave) {
  StructureRules rules;
  rules.downstream.major = 9;
  rules.charsets = {"utf8mb4", "utf8", "latin1"};
  rules.collations = {"utf8mb4_bin", "utf8_bin", "utf8mb4_0900_ai_ci"};
  const std::string columns = "`id` int NOT NULL, PRIMARY KEY (`id`)";
  EXPECT_THAT(Compare(Shape(columns, " DEFAULT CHARSET=utf32"), nullptr, rules),
              ElementsAre("Unknown character set: 'utf32'"));
  EXPECT_THAT(
      Compare(Shape(columns, " DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_bin"), nullptr, rules),
      IsEmpty());
  EXPECT_THAT(
      Compare(Shape(columns, " DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_new_ci"), nullptr, rules),
      ElementsAre("Unknown collation: 'utf8mb4_new_ci'"));
  // Another collation takes its place downstream.
  EXPECT_THAT(
      Compare(Shape(columns, " DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_uca1400_ai_ci", true),
              nullptr, rules),
      IsEmpty());
  StructureRules mariadb = rules;
  mariadb.downstream.major = 10;
  mariadb.downstream.minor = 11;
  mariadb.downstream.is_mariadb = true;
  mariadb.collations = {"utf8mb4_bin", "uca1400_nopad_ai_ci"};
  EXPECT_THAT(Compare(Shape(columns, " DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci"),
                      nullptr, mariadb),
              IsEmpty());
  const TableShape place = Shape("`id` int NOT NULL, `g` point NOT NULL, PRIMARY KEY (`id`)");
  EXPECT_THAT(Compare(place, nullptr, rules), IsEmpty());
  rules.downstream.is_tidb = true;
  EXPECT_THAT(Compare(place, nullptr, rules),
              ElementsAre(HasSubstr("column g has the type POINT")));
}

TEST(CompareStructure, Columns) {
  EXPECT_THAT(Compare("`id` int NOT NULL, `A` int, `b` int, PRIMARY KEY (`id`)",
                      "`id` int NOT NULL, PRIMARY KEY (`id`)"),
              ElementsAre("upstream has more columns than downstream, columns: [a b]"));
  EXPECT_THAT(
      Compare("`id` int NOT NULL, PRIMARY KEY (`id`)",
              "`id` int NOT NULL, `n` int NOT NULL, `d` int NOT NULL DEFAULT '1', `o` int, `g` int "
              "GENERATED ALWAYS AS (`id`) VIRTUAL NOT NULL, PRIMARY KEY (`id`)"),
      ElementsAre(
          "downstream has more columns than upstream that require values to insert records, "
          "table name: t_all, columns: [n]"));
}

TEST(CompareStructure, ExtendedColumns) {
  StructureRules rules;
  rules.extended_columns = {"c_schema", "c_table"};
  const std::string id = "`id` int NOT NULL, PRIMARY KEY (`id`)";
  EXPECT_THAT(Compare(Shape(id), nullptr, rules),
              ElementsAre("fail: who has extended columns [c_schema c_table] does not exist in "
                          "downstream table"));
  EXPECT_THAT(Compare(id, id + ", `c_table` varchar(20) NOT NULL", rules),
              ElementsAre("fail: downstream table must contain extended columns [c_schema]"));
  const std::string both = id + ", `c_table` varchar(20) NOT NULL, `c_schema` varchar(20) NOT NULL";
  EXPECT_THAT(Compare(id, both, rules), IsEmpty());
  EXPECT_THAT(
      Compare(both, both, rules),
      ElementsAre("fail: upstream table must not contain extended column [c_schema c_table]"));
}

TEST(CompareStructure, TypesThatAreNarrower) {
  for (const auto& [source, target] :
       std::vector<std::pair<std::string, std::string>>{{"bigint", "int"},
                                                        {"int unsigned", "int"},
                                                        {"int", "int unsigned"},
                                                        {"bigint unsigned", "bigint"},
                                                        {"varchar(20)", "varchar(19)"},
                                                        {"text", "varchar(100)"},
                                                        {"mediumtext", "text"},
                                                        {"varchar(300)", "tinytext"},
                                                        {"decimal(10,2)", "decimal(10,3)"},
                                                        {"decimal(12,2)", "decimal(11,2)"},
                                                        {"datetime(6)", "datetime"},
                                                        {"bit(8)", "bit(7)"},
                                                        {"enum('a','b')", "enum('a')"},
                                                        {"double", "float"}}) {
    EXPECT_THAT(Column(source, target), ElementsAre(HasSubstr("column c is narrower downstream")))
        << source << " to " << target;
  }
  for (const auto& [source, target] :
       std::vector<std::pair<std::string, std::string>>{{"int", "bigint"},
                                                        {"int unsigned", "bigint"},
                                                        {"int(11)", "int"},
                                                        {"varchar(20)", "varchar(20)"},
                                                        {"varchar(20)", "text"},
                                                        {"char(3)", "varchar(3)"},
                                                        {"decimal(10,2)", "decimal(11,3)"},
                                                        {"datetime", "datetime(3)"},
                                                        {"float", "double"},
                                                        {"enum('a')", "enum('b','a')"},
                                                        {"json", "longtext"},
                                                        {"int", "varchar(20)"}}) {
    EXPECT_THAT(Column(source, target), IsEmpty()) << source << " to " << target;
  }
}

TEST(CompareStructure, NullsAndGeneratedColumns) {
  EXPECT_THAT(Column("int DEFAULT NULL", "int NOT NULL DEFAULT '0'"),
              ElementsAre("column c may be NULL upstream and not downstream"));
  EXPECT_THAT(Column("int", "int GENERATED ALWAYS AS (`id`) STORED"),
              ElementsAre(HasSubstr("is generated downstream only")));
  StructureRules rules;
  const TableShape source = Shape("`id` int NOT NULL, `c` int AS (`id`), PRIMARY KEY (`id`)");
  const TableShape target = Shape("`id` int NOT NULL, `c` int, PRIMARY KEY (`id`)");
  EXPECT_THAT(Compare(source, &target, rules), IsEmpty());
  rules.with_dump = true;
  EXPECT_THAT(Compare(source, &target, rules),
              ElementsAre(HasSubstr("is generated upstream only")));
}

TEST(ReadTableShape, SaysWhereItEnds) {
  EXPECT_THROW(ReadTableShape("CREATE TABLE t (a int", false), Error);
  EXPECT_THROW(ReadTableShape("CREATE VIEW v AS SELECT 1", false), Error);
  EXPECT_THROW(ReadTableShape("", false), Error);
}

}  // namespace
}  // namespace dm::migration
