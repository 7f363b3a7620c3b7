#include "migration/precheck/merged_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "migration/rules/table_router.h"

namespace dm::migration {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

RouteRule Route(std::string schema, std::string table, std::string target_schema,
                std::string target_table) {
  RouteRule rule;
  rule.schema_pattern = std::move(schema);
  rule.table_pattern = std::move(table);
  rule.target_schema = std::move(target_schema);
  rule.target_table = std::move(target_table);
  return rule;
}

EventFilterRule Ignore(std::string schema, std::string table, std::vector<std::string> events) {
  EventFilterRule rule;
  rule.schema_pattern = std::move(schema);
  rule.table_pattern = std::move(table);
  rule.events = std::move(events);
  rule.action = "Ignore";
  return rule;
}

class Source {
 public:
  Source(std::string id, std::vector<RouteRule> routes, const std::vector<SchemaTable>& tables,
         std::vector<EventFilterRule> filters = {}) {
    subtask.source_id = std::move(id);
    subtask.route_rules = std::move(routes);
    subtask.filter_rules = std::move(filters);
    const TableRouter router(subtask.route_rules, false);
    for (const SchemaTable& table : tables) {
      routed.push_back({table, router.Route(table.first, table.second)});
    }
  }
  operator TablesOfSource() const { return {subtask, routed}; }

  SubtaskConfig subtask;
  std::vector<RoutedTable> routed;
};

std::vector<std::string> Warnings(const std::vector<TablesOfSource>& sources, bool fold = false) {
  return UnprotectedTargets(sources, fold);
}

TEST(UnprotectedTargets, TablesOfOneTarget) {
  const RouteRule route = Route("mg*", "t*", "one", "t");
  const std::vector<SchemaTable> tables = {
      {"mg1", "t1"}, {"mg1", "t2"}, {"mg1", "u"}, {"mg2", "t3"}};
  // DROP DATABASE does not follow routes of tables.
  EXPECT_THAT(Warnings({Source("a", {route}, tables)}),
              ElementsAre("tables `mg1`.`t1`, `mg1`.`t2`, `mg2`.`t3` have one target, `one`.`t`: "
                          "TRUNCATE TABLE of one of them empties it, DROP TABLE drops it, with the "
                          "rows of the others"));
  EXPECT_THAT(Warnings({Source("a", {route}, {{"mg1", "t1"}, {"mg1", "u"}})}), IsEmpty());
  // A table that has the name of the target.
  EXPECT_THAT(Warnings({Source("a", {route}, {{"mg1", "t1"}, {"one", "t"}})}),
              ElementsAre(HasSubstr("`mg1`.`t1`, `one`.`t` have"),
                          HasSubstr("schemas `mg1`, `one` have one target, `one`: DROP DATABASE")));
}

TEST(UnprotectedTargets, SchemasOfOneTarget) {
  const RouteRule route = Route("ds?", "", "dtt", "");
  EXPECT_THAT(Warnings({Source("a", {route}, {{"ds1", "a"}, {"ds2", "b"}})}),
              ElementsAre("schemas `ds1`, `ds2` have one target, `dtt`: DROP DATABASE of one of "
                          "them drops it, with the tables of the others"));
  EXPECT_THAT(Warnings({Source("a", {route}, {{"ds1", "a"}, {"ds1", "b"}})}), IsEmpty());
}

TEST(UnprotectedTargets, TheSameNamesOfTwoSources) {
  const std::vector<SchemaTable> tables = {{"shop", "t"}};
  EXPECT_THAT(Warnings({Source("a", {}, tables), Source("b", {}, tables)}),
              ElementsAre(HasSubstr("`shop`.`t` of source a, `shop`.`t` of source b have"),
                          HasSubstr("`shop` of source a, `shop` of source b have")));
}

TEST(UnprotectedTargets, LetterCaseCountsWhereTheDownstreamLooksAtIt) {
  const auto warnings = [](bool fold) {
    return Warnings({Source("a", {}, {{"Shop", "T"}}), Source("b", {}, {{"shop", "t"}})}, fold);
  };
  EXPECT_THAT(warnings(false), IsEmpty());
  EXPECT_THAT(
      warnings(true),
      ElementsAre(HasSubstr("`Shop`.`T` of source a, `shop`.`t` of source b have one target, "
                            "`Shop`.`T`:"),
                  HasSubstr("`Shop` of source a, `shop` of source b have")));
  // DROP DATABASE `shop` goes to `Shop`, which routes give to tables of another schema.
  EXPECT_THAT(
      Warnings({Source("a", {Route("x", "u", "Shop", "u")}, {{"shop", "t"}, {"x", "u"}})}, true),
      ElementsAre(HasSubstr("schemas `shop`, `x` have one target")));
}

TEST(UnprotectedTargets, AFewNamesOfMany) {
  std::vector<SchemaTable> tables;
  for (int i = 0; i < 8; ++i) tables.emplace_back("s", "t" + std::to_string(i));
  EXPECT_THAT(Warnings({Source("a", {Route("s", "t*", "s", "all")}, tables)}),
              ElementsAre(AllOf(HasSubstr("`s`.`t4` and 3 more have"), Not(HasSubstr("`t5`")))));
}

TEST(UnprotectedTargets, FiltersProtect) {
  const std::vector<SchemaTable> tables = {{"ds1", "t"}, {"ds2", "t"}};
  const std::vector<RouteRule> routes = {Route("ds?", "", "dtt", "")};
  const auto with = [&](std::vector<EventFilterRule> filters) {
    return Warnings({Source("a", routes, tables, std::move(filters))});
  };
  EXPECT_EQ(with({}).size(), 2u);
  EXPECT_EQ(with({Ignore("ds*", "*", {"truncate table"})}).size(), 2u);
  EXPECT_THAT(with({Ignore("ds*", "*", {"truncate table", "drop table"})}),
              ElementsAre(HasSubstr("DROP DATABASE")));
  EXPECT_THAT(with({Ignore("ds*", "*", {"truncate table", "drop table"}),
                    Ignore("ds*", "", {"drop database"})}),
              IsEmpty());
}

}  // namespace
}  // namespace dm::migration
