#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"
#include "migration/rules/block_allow_list.h"
#include "migration/rules/online_ddl_names.h"
#include "migration/rules/system_schema.h"
#include "migration/rules/table_router.h"

namespace dm::migration {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

template <class F>
Error Caught(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e;
  }
  return Error(ErrorCode::kNotSet, "nothing was thrown");
}

// ---- system schemas -----------------------------------------------------------------------------

TEST(SystemSchemaTest, InAnyLetterCase) {
  for (const char* name : {"mysql", "sys", "information_schema", "performance_schema",
                           "metrics_schema", "inspection_schema", "dm_heartbeat", "MySQL", "SYS"}) {
    EXPECT_TRUE(IsSystemSchema(name)) << name;
  }
  EXPECT_FALSE(IsSystemSchema("mysql1"));
  EXPECT_FALSE(IsSystemSchema(""));
}

// ---- block/allow lists --------------------------------------------------------------------------

// "k" keep, "d" drop for s1.t1, s1.t2, s2.t1 and CREATE DATABASE s3.
std::string Decisions(const BlockAllowRules& rules) {
  const BlockAllowList list(rules, true);
  auto sign = [](bool skips) { return skips ? 'd' : 'k'; };
  return {sign(list.Skips("s1", "t1")), sign(list.Skips("s1", "t2")), sign(list.Skips("s2", "t1")),
          sign(list.SkipsSchema("s3"))};
}

TEST(BlockAllowListTest, DocumentedDecisions) {
  EXPECT_EQ(Decisions({.do_dbs = {"s1"}}), "kkdd");
  EXPECT_EQ(Decisions({.ignore_dbs = {"s1"}}), "ddkk");
  EXPECT_EQ(Decisions({.do_tables = {{"s1", "t1"}}}), "kddk");
  EXPECT_EQ(Decisions({.do_tables = {{"s1", "t1"}}, .do_dbs = {"s1"}}), "kddd");
  EXPECT_EQ(Decisions({.do_tables = {{"s1", "t1"}}, .ignore_tables = {{"s1", "t1"}}}), "kddk");
  EXPECT_EQ(Decisions({.ignore_tables = {{"s1", "t*"}}}), "ddkk");
  EXPECT_EQ(Decisions({}), "kkkk");
  // With do-dbs present, ignore-dbs has no effect.
  EXPECT_EQ(Decisions({.do_dbs = {"s1"}, .ignore_dbs = {"s1"}}), "kkdd");
}

TEST(BlockAllowListTest, SystemSchemasAreAlwaysDropped) {
  const BlockAllowList nothing;
  EXPECT_TRUE(nothing.Skips("mysql", "user"));
  EXPECT_TRUE(nothing.SkipsSchema("INFORMATION_SCHEMA"));
  EXPECT_FALSE(nothing.Skips("shop", "orders"));
  const BlockAllowList named({.do_dbs = {"mysql", "shop"}}, false);
  EXPECT_TRUE(named.Skips("MYSQL", "user"));
  EXPECT_FALSE(named.Skips("shop", "orders"));
}

TEST(BlockAllowListTest, PairsOfPatternsStayTogether) {
  const BlockAllowList list({.do_tables = {{"~^a", "t1"}, {"~^b", "t2"}}}, false);
  EXPECT_FALSE(list.Skips("a1", "t1"));
  EXPECT_TRUE(list.Skips("a1", "t2"));
  EXPECT_FALSE(list.Skips("b1", "t2"));
}

TEST(BlockAllowListTest, LetterCase) {
  const BlockAllowRules rules{.do_dbs = {"Shop"}};
  EXPECT_FALSE(BlockAllowList(rules, false).Skips("SHOP", "T"));
  EXPECT_TRUE(BlockAllowList(rules, true).Skips("SHOP", "T"));
}

TEST(BlockAllowListTest, AsksTheSameTableTwice) {
  const BlockAllowList list({.ignore_tables = {{"s", "t"}}}, true);
  const BlockAllowList copy = list;
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(list.Skips("s", "t"));
    EXPECT_FALSE(copy.Skips("s", "u"));
  }
}

TEST(BlockAllowListTest, Refusals) {
  auto cause = [](const BlockAllowRules& rules) {
    Error e = Caught([&] { BlockAllowList(rules, false); });
    EXPECT_EQ(e.code(), 20044);
    return e.raw_cause();
  };
  EXPECT_EQ(cause({.do_dbs = {""}}), "DoDB rule's DB string cannot be empty");
  EXPECT_EQ(cause({.ignore_dbs = {""}}), "IgnoreDB rule's DB string cannot be empty");
  EXPECT_EQ(cause({.do_tables = {{"s", ""}}}), "Table string cannot be empty");
  EXPECT_EQ(cause({.ignore_tables = {{"", "t"}}}), "Table string cannot be empty");
  EXPECT_EQ(cause({.do_dbs = {"a*b"}}), "pattern a*b not valid");
  EXPECT_THAT(cause({.do_dbs = {"~("}}), HasSubstr("error parsing regexp"));
}

// ---- routes -------------------------------------------------------------------------------------

TEST(TableRouterTest, TableLevelWinsOverSchemaLevel) {
  const TableRouter router({{.schema_pattern = "shop_*",
                             .table_pattern = "orders_*",
                             .target_schema = "shop",
                             .target_table = "orders"},
                            {.schema_pattern = "shop_*", .target_schema = "Archive"}},
                           false);
  EXPECT_THAT(router.Route("Shop_1", "Orders_7"), Pair("shop", "orders"));
  EXPECT_THAT(router.Route("shop_1", "Users"), Pair("Archive", "Users"));
  EXPECT_THAT(router.Route("other", "Orders_7"), Pair("other", "Orders_7"));
  EXPECT_THAT(router.Route("shop_1", ""), Pair("Archive", ""));  // CREATE DATABASE shop_1
}

TEST(TableRouterTest, EmptyTargetTableKeepsTheName) {
  const TableRouter router(
      {{.schema_pattern = "a", .table_pattern = "~^t[0-9]$", .target_schema = "b"}}, true);
  EXPECT_THAT(router.Route("a", "t1"), Pair("b", "t1"));
  EXPECT_THAT(router.Route("a", "T1"), Pair("a", "T1"));
  EXPECT_THAT(router.Route("a", ""), Pair("a", ""));
  EXPECT_THAT(TableRouter().Route("a", "t1"), Pair("a", "t1"));
}

TEST(TableRouterTest, SeveralMatchesOfOneLevelAreAnError) {
  const TableRouter router({{.schema_pattern = "a*", .table_pattern = "t*", .target_schema = "x"},
                            {.schema_pattern = "a1", .table_pattern = "t1", .target_schema = "y"},
                            {.schema_pattern = "a*", .target_schema = "z"},
                            {.schema_pattern = "a1", .target_schema = "w"}},
                           true);
  for (const char* table : {"t1", "u", ""}) {
    Error e = Caught([&] { router.Route("a1", table); });
    EXPECT_EQ(e.code(), 11043);
    EXPECT_THAT(e.raw_cause(), HasSubstr("matches more than one rule"));
  }
  EXPECT_THAT(router.Route("a1", "t2"), Pair("x", "t2"));
  EXPECT_THAT(router.Route("a2", "u"), Pair("z", "u"));
}

TEST(TableRouterTest, KeepsTablesApart) {
  const auto rule = [](std::string schema, std::string table, std::string target_schema,
                       std::string target_table) {
    RouteRule route;
    route.schema_pattern = std::move(schema);
    route.table_pattern = std::move(table);
    route.target_schema = std::move(target_schema);
    route.target_table = std::move(target_table);
    return route;
  };
  const TableRouter router({rule("shop_*", "t_*", "shop", "t"), rule("hr", "", "people", ""),
                            rule("a", "x", "target", "x"), rule("b", "y", "target", "x"),
                            rule("c", "z", "target", "z"), rule("all_*", "", "one", "")},
                           true);
  EXPECT_FALSE(router.KeepsApart("shop_1", "t_1"));
  EXPECT_TRUE(router.KeepsApart("hr", "staff"));
  EXPECT_FALSE(router.KeepsApart("a", "x"));
  EXPECT_TRUE(router.KeepsApart("c", "z"));
  EXPECT_FALSE(router.KeepsApart("all_1", "t"));
  EXPECT_TRUE(router.KeepsApart("unrouted", "t"));
}

TEST(TableRouterTest, Refusals) {
  auto cause = [](const RouteRule& rule) {
    Error e = Caught([&] { TableRouter({rule}, false); });
    EXPECT_EQ(e.code(), 20045);
    return e.raw_cause();
  };
  EXPECT_EQ(cause({.target_schema = "b"}),
            "schema pattern of table route rule should not be empty");
  EXPECT_EQ(cause({.schema_pattern = "a"}),
            "target schema of table route rule should not be empty");
  EXPECT_EQ(cause({.schema_pattern = "a*b", .target_schema = "b"}), "pattern a*b not valid");
  for (const char* name : {"mysql", "Information_Schema", "PERFORMANCE_SCHEMA"}) {
    EXPECT_EQ(
        cause({.schema_pattern = "a", .target_schema = name}),
        fmt::format("target schema {} of table route rule belongs to the server itself", name));
  }
  for (const char* name : {"mysql2", "sys", "dm_heartbeat"}) {
    TableRouter({{.schema_pattern = "a", .target_schema = name}}, false);
  }
  EXPECT_THAT(
      cause({.schema_pattern = "a", .target_schema = "b", .extract_table = Extractor{"c", "("}}),
      HasSubstr("regexp illegal"));
  EXPECT_EQ(
      cause({.schema_pattern = "a", .target_schema = "b", .extract_source = Extractor{"", "x"}}),
      "source extractor target column cannot be empty");
}

// ---- online DDL names ---------------------------------------------------------------------------

TEST(OnlineDdlNamesTest, Defaults) {
  const OnlineDdlNames names({}, {});
  auto is = [&](const char* table, OnlineDdlKind kind, const char* real) {
    const OnlineDdlName name = names.Classify(table);
    EXPECT_EQ(name.kind, kind) << table;
    EXPECT_EQ(name.real_name, real) << table;
  };
  is("_orders_gho", OnlineDdlKind::kShadow, "orders");
  is("_orders_new", OnlineDdlKind::kShadow, "orders");
  is("_orders_ghc", OnlineDdlKind::kTrash, "orders");
  is("_orders_del", OnlineDdlKind::kTrash, "orders");
  is("_orders_old", OnlineDdlKind::kTrash, "orders");
  is("orders", OnlineDdlKind::kReal, "orders");
  is("__gho", OnlineDdlKind::kReal, "__gho");
  is("orders_gho", OnlineDdlKind::kReal, "orders_gho");
}

TEST(OnlineDdlNamesTest, RulesAreAnchoredAndChecked) {
  EXPECT_THAT(CompleteOnlineDdlRules("shadow-table-rules", {"(.+)_tmp", "^x(.+)$"}, {}),
              ElementsAre("^(.+)_tmp$", "^x(.+)$"));
  EXPECT_EQ(CompleteOnlineDdlRules("shadow-table-rules", {}, DefaultShadowTableRules()),
            DefaultShadowTableRules());
  for (const char* bad : {"_.+_new", "(a)(b)", "("}) {
    Error e = Caught([&] { CompleteOnlineDdlRules("trash-table-rules", {bad}, {}); });
    EXPECT_EQ(e.code(), 20048) << bad;
    EXPECT_THAT(e.message(), HasSubstr("trash-table-rules"));
    EXPECT_THAT(e.message(), HasSubstr(bad));
  }
}

}  // namespace
}  // namespace dm::migration
