#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"
#include "migration/rules/event_filter.h"

namespace dm::migration {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

template <class F>
Error Caught(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e;
  }
  return Error(ErrorCode::kNotSet, "nothing was thrown");
}

TEST(EventFilterTest, Names) {
  for (const char* name : {"all", "ALL DML", "incompatible ddl changes", "drop table", "insert",
                           "exchange table partition", "create schema", "none ddl", ""}) {
    EXPECT_TRUE(IsEventName(name)) << name;
  }
  for (const char* name : {"truncate", "drop", "all  ddl"}) EXPECT_FALSE(IsEventName(name)) << name;
}

TEST(EventFilterTest, Refusals) {
  auto cause = [](const EventFilterRule& rule) {
    Error e = Caught([&] { CheckEventFilters({rule}, false); });
    EXPECT_EQ(e.code(), 20037);
    return e.raw_cause();
  };
  EXPECT_THAT(cause({.action = "Ignore"}), HasSubstr("schema pattern"));
  EXPECT_THAT(cause({.schema_pattern = "a*b", .action = "Ignore"}), HasSubstr("a*b not valid"));
  EXPECT_THAT(cause({.schema_pattern = "a", .action = "ignore"}), HasSubstr("`ignore`"));
  EXPECT_THAT(cause({.schema_pattern = "a", .sql_pattern = {"("}, .action = "Do"}),
              HasSubstr("sql-pattern"));
}

TEST(EventFilterTest, Warnings) {
  EXPECT_THAT(CheckEventFilters({{.schema_pattern = "a",
                                  .table_pattern = "b",
                                  .events = {"truncate", "drop table"},
                                  .action = "Ignore"},
                                 {.schema_pattern = "A", .table_pattern = "B", .action = "Error"}},
                                false),
              ElementsAre(HasSubstr("`truncate`"), HasSubstr("filter 2")));
  EXPECT_THAT(CheckEventFilters({{.schema_pattern = "a", .action = "Ignore"},
                                 {.schema_pattern = "A", .action = "Error"}},
                                true),
              IsEmpty());
}

FilterVerdict Ask(const std::vector<EventFilterRule>& rules, std::string_view schema,
                  std::string_view table, std::string_view event, std::string_view sql = "",
                  bool case_sensitive = false) {
  return EventFilter(rules, case_sensitive).Judge(schema, table, event, sql);
}

constexpr FilterVerdict kDo = FilterVerdict::kDo;
constexpr FilterVerdict kIgnore = FilterVerdict::kIgnore;
constexpr FilterVerdict kError = FilterVerdict::kError;

TEST(EventFilterTest, NoRules) {
  EXPECT_TRUE(EventFilter().empty());
  EXPECT_EQ(EventFilter().Judge("a", "b", "insert", ""), kDo);
  EXPECT_FALSE(EventFilter().IgnoresText("DROP TABLE a"));
  EXPECT_EQ(Ask({}, "a", "b", "insert"), kDo);
}

TEST(EventFilterTest, BadRulesHaveTheUnitsCode) {
  Error e = Caught([] { EventFilter({{.schema_pattern = "a", .action = "no"}}, false); });
  EXPECT_EQ(e.code(), 36030);
  EXPECT_THAT(e.raw_cause(), HasSubstr("`no`"));
}

TEST(EventFilterTest, EveryActionWithEvents) {
  const auto rule = [](const char* action) {
    return std::vector<EventFilterRule>{
        {.schema_pattern = "a", .events = {"drop table"}, .action = action}};
  };
  EXPECT_EQ(Ask(rule("Ignore"), "a", "t", "drop table", "x"), kIgnore);
  EXPECT_EQ(Ask(rule("Ignore"), "a", "t", "truncate table", "x"), kDo);
  EXPECT_EQ(Ask(rule("Error"), "a", "t", "drop table", "x"), kError);
  EXPECT_EQ(Ask(rule("Error"), "a", "t", "truncate table", "x"), kDo);
  EXPECT_EQ(Ask(rule("Do"), "a", "t", "drop table", "x"), kDo);
  EXPECT_EQ(Ask(rule("Do"), "a", "t", "truncate table", "x"), kIgnore);
  EXPECT_EQ(Ask(rule("Do"), "b", "t", "truncate table", "x"), kDo);
}

TEST(EventFilterTest, EveryActionWithPatterns) {
  const auto rule = [](const char* action, std::vector<std::string> events) {
    return std::vector<EventFilterRule>{{.schema_pattern = "a",
                                         .events = std::move(events),
                                         .sql_pattern = {"^no", "add\\s+partition"},
                                         .action = action}};
  };
  const char* hit = "ALTER TABLE t\nADD \n PARTITION (x)";
  EXPECT_EQ(Ask(rule("Ignore", {}), "a", "t", "alter table", hit), kIgnore);
  EXPECT_EQ(Ask(rule("Ignore", {}), "a", "t", "alter table", "alter table t add c int"), kDo);
  EXPECT_EQ(Ask(rule("Ignore", {}), "a", "t", "alter table", " no"), kDo);  // anchored by itself
  EXPECT_EQ(Ask(rule("Error", {}), "a", "t", "alter table", hit), kError);
  EXPECT_EQ(Ask(rule("Error", {}), "a", "t", "alter table", "x"), kDo);
  // An allow list needs both: without events, none is in it.
  EXPECT_EQ(Ask(rule("Do", {}), "a", "t", "alter table", hit), kIgnore);
  EXPECT_EQ(Ask(rule("Do", {"all"}), "a", "t", "alter table", hit), kDo);
  EXPECT_EQ(Ask(rule("Do", {"all"}), "a", "t", "alter table", "x"), kIgnore);
  // Rows have no text, and what has no name is judged by its text alone.
  EXPECT_EQ(Ask(rule("Do", {"all"}), "a", "t", "insert"), kDo);
  EXPECT_EQ(Ask(rule("Do", {}), "a", "t", "", hit), kDo);
  EXPECT_EQ(Ask(rule("Do", {}), "a", "t", "", "x"), kIgnore);
}

TEST(EventFilterTest, EmptyRules) {
  EXPECT_EQ(Ask({{.schema_pattern = "a", .action = "Ignore"}}, "a", "t", "insert"), kDo);
  EXPECT_EQ(Ask({{.schema_pattern = "a", .action = "Error"}}, "a", "t", "drop table", "x"), kDo);
  EXPECT_EQ(Ask({{.schema_pattern = "a", .action = "Do"}}, "a", "t", "insert"), kIgnore);
}

TEST(EventFilterTest, Groups) {
  const auto ask = [](std::vector<std::string> events, std::string_view event) {
    return Ask({{.schema_pattern = "*", .events = std::move(events), .action = "Ignore"}}, "a", "t",
               event,
               event == "insert" || event == "update" || event == "delete" ? "" : "x") == kIgnore;
  };
  for (const char* event : {"insert", "update", "delete"}) {
    EXPECT_TRUE(ask({"all"}, event)) << event;
    EXPECT_TRUE(ask({"ALL DML"}, event)) << event;
    EXPECT_FALSE(ask({"all ddl"}, event)) << event;
    EXPECT_FALSE(ask({"incompatible ddl changes"}, event)) << event;
    EXPECT_FALSE(ask({"none", "all"}, event)) << event;
    EXPECT_FALSE(ask({"none dml", "all"}, event)) << event;
    EXPECT_TRUE(ask({"none ddl", "all"}, event)) << event;
    EXPECT_TRUE(ask({"all", "none"}, event)) << event;
  }
  for (const char* event :
       {"create database", "alter database", "create table", "create index", "alter table"}) {
    EXPECT_TRUE(ask({"all ddl"}, event)) << event;
    EXPECT_FALSE(ask({"all dml"}, event)) << event;
    EXPECT_FALSE(ask({"incompatible ddl changes"}, event)) << event;
    EXPECT_FALSE(ask({"none ddl", "all"}, event)) << event;
    EXPECT_TRUE(ask({"none dml", "all"}, event)) << event;
  }
  for (const char* event : {"drop database",
                            "drop table",
                            "truncate table",
                            "rename table",
                            "drop index",
                            "drop table partition",
                            "truncate table partition",
                            "reorganize table partition",
                            "rebuild table partition",
                            "coalesce table partition",
                            "exchange table partition",
                            "value range decrease",
                            "precision decrease",
                            "modify column",
                            "rename column",
                            "rename index",
                            "drop column",
                            "drop primary key",
                            "drop unique key",
                            "modify default value",
                            "modify constraint",
                            "modify columns order",
                            "modify charset",
                            "modify collation",
                            "remove auto increment",
                            "modify storage engine"}) {
    EXPECT_TRUE(ask({"incompatible ddl changes"}, event)) << event;
    EXPECT_TRUE(ask({"all ddl"}, event)) << event;
    EXPECT_TRUE(ask({event}, event)) << event;
    EXPECT_FALSE(ask({"alter table"}, event)) << event;
    EXPECT_FALSE(ask({"none ddl", "incompatible ddl changes"}, event)) << event;
  }
  EXPECT_TRUE(ask({"create schema"}, "create database"));
  EXPECT_TRUE(ask({"Drop Schema"}, "drop database"));
  EXPECT_TRUE(ask({"truncate", "insert"}, "insert"));  // unknown names have no effect
  EXPECT_FALSE(ask({"truncate"}, "truncate table"));
  EXPECT_FALSE(ask({""}, "insert"));
}

TEST(EventFilterTest, LevelsAndOrder) {
  const std::vector<EventFilterRule> rules = {
      {.schema_pattern = "shop", .table_pattern = "t", .events = {"insert"}, .action = "Ignore"},
      {.schema_pattern = "sh*", .events = {"insert"}, .action = "Error"},
      {.schema_pattern = "shop", .table_pattern = "u*", .events = {"delete"}, .action = "Ignore"},
      {.schema_pattern = "shop", .table_pattern = "u?", .events = {"delete"}, .action = "Error"},
      {.schema_pattern = "shop", .table_pattern = "v1", .events = {"delete"}, .action = "Ignore"},
      {.schema_pattern = "shop", .table_pattern = "v[12]", .events = {"delete"}, .action = "Error"},
      {.schema_pattern = "shop", .table_pattern = "w*", .events = {"delete"}, .action = "Ignore"},
      {.schema_pattern = "shop", .table_pattern = "w", .events = {"delete"}, .action = "Error"},
      {.schema_pattern = "shop",
       .table_pattern = "x[12]",
       .events = {"delete"},
       .action = "Ignore"},
      {.schema_pattern = "shop", .table_pattern = "x[13]", .events = {"delete"}, .action = "Error"},
  };
  EXPECT_EQ(Ask(rules, "shop", "t", "insert"), kError);    // schema level first
  EXPECT_EQ(Ask(rules, "shop", "u1", "delete"), kIgnore);  // `*` before `?`
  EXPECT_EQ(Ask(rules, "shop", "v1", "delete"), kError);   // set before literal
  EXPECT_EQ(Ask(rules, "shop", "w", "delete"), kError);    // at the end: without `*` first
  EXPECT_EQ(Ask(rules, "shop", "w1", "delete"), kIgnore);
  EXPECT_EQ(Ask(rules, "shop", "x1", "delete"), kIgnore);  // two sets: in order of the file
  // An exact name of a schema is asked after a wider one, whatever the tables.
  const std::vector<EventFilterRule> schemas = {
      {.schema_pattern = "ab*", .events = {"insert"}, .action = "Ignore"},
      {.schema_pattern = "a*", .events = {"insert"}, .action = "Error"}};
  EXPECT_EQ(Ask(schemas, "abc", "t", "insert"), kError);
  EXPECT_EQ(Ask(schemas, "ab", "t", "insert"), kError);
}

TEST(EventFilterTest, StatementsOnSchemas) {
  const auto with = [](const char* table) {
    return std::vector<EventFilterRule>{{.schema_pattern = "*",
                                         .table_pattern = table,
                                         .events = {"incompatible ddl changes"},
                                         .action = "Error"}};
  };
  EXPECT_EQ(Ask(with("*"), "a", "", "drop database", "x"), kError);
  EXPECT_EQ(Ask(with(""), "a", "", "drop database", "x"), kError);
  EXPECT_EQ(Ask(with("t_*"), "a", "", "drop database", "x"), kDo);
}

TEST(EventFilterTest, OnePairOfPatternsOneRule) {
  const std::vector<EventFilterRule> rules = {
      {.schema_pattern = "app", .table_pattern = "*", .events = {"drop table"}, .action = "Error"},
      {.schema_pattern = "APP", .table_pattern = "*", .events = {"all"}, .action = "Ignore"}};
  EXPECT_EQ(Ask(rules, "app", "t", "insert"), kDo);
  EXPECT_EQ(Ask(rules, "App", "t", "drop table", "x"), kError);
  EXPECT_EQ(Ask(rules, "APP", "t", "insert", "", true), kIgnore);
}

TEST(EventFilterTest, LetterCaseAndCharacters) {
  const std::vector<EventFilterRule> rules = {
      {.schema_pattern = "TM_DATA", .events = {"all"}, .action = "Ignore"},
      {.schema_pattern = "商?", .events = {"all"}, .action = "Ignore"},
      {.schema_pattern = "~a", .events = {"all"}, .action = "Ignore"},
      {.schema_pattern = "d", .table_pattern = "x.y", .events = {"all"}, .action = "Ignore"}};
  EXPECT_EQ(Ask(rules, "TM_DATA", "t", "insert"), kIgnore);
  EXPECT_EQ(Ask(rules, "tm_data", "t", "insert"), kIgnore);
  EXPECT_EQ(Ask(rules, "TM_DATA", "t", "insert", "", true), kIgnore);
  EXPECT_EQ(Ask(rules, "tm_data", "t", "insert", "", true), kDo);
  EXPECT_EQ(Ask(rules, "商品", "t", "insert"), kIgnore);
  EXPECT_EQ(Ask(rules, "~A", "t", "insert"), kIgnore);  // no regular expression
  EXPECT_EQ(Ask(rules, "ba", "t", "insert"), kDo);
  EXPECT_EQ(Ask(rules, "d", "x.y", "insert"), kIgnore);
  EXPECT_EQ(Ask(rules, "d", "xzy", "insert"), kDo);
}

// The examples of the documentation.
TEST(EventFilterTest, Examples) {
  const std::vector<EventFilterRule> rules = {
      {.schema_pattern = "*", .events = {"drop table"}, .action = "Ignore"},
      {.schema_pattern = "shop*",
       .events = {"create table"},
       .sql_pattern = {"^create\\s+table"},
       .action = "Do"},
      {.schema_pattern = "shop*",
       .table_pattern = "tmp*",
       .events = {"create table"},
       .action = "Ignore"}};
  EXPECT_EQ(Ask(rules, "x", "y", "drop table", "drop table x.y"), kIgnore);
  EXPECT_EQ(Ask(rules, "shop", "a", "create table", "create table shop.a (b int)"), kDo);
  EXPECT_EQ(Ask(rules, "shop", "tmp1", "create table", "create table shop.tmp1 (b int)"), kIgnore);
  EXPECT_EQ(Ask(rules, "shop", "a", "alter table", "alter table shop.a add c int"), kIgnore);
  EXPECT_EQ(Ask(rules, "shop", "a", "insert"), kIgnore);
}

TEST(EventFilterTest, TextAlone) {
  const auto ignores = [](const EventFilterRule& rule, std::string_view text) {
    return EventFilter({rule}, false).IgnoresText(text);
  };
  EventFilterRule rule{
      .schema_pattern = "*", .sql_pattern = {"^create\\s+definer"}, .action = "Ignore"};
  EXPECT_TRUE(ignores(rule, "CREATE DEFINER=x something"));
  EXPECT_FALSE(ignores(rule, "/* c */ CREATE DEFINER=x something"));
  rule.table_pattern = "*";
  EXPECT_TRUE(ignores(rule, "CREATE DEFINER=x something"));
  rule.table_pattern = "t*";
  EXPECT_FALSE(ignores(rule, "CREATE DEFINER=x something"));
  rule.table_pattern = "";
  rule.schema_pattern = "shop*";
  EXPECT_FALSE(ignores(rule, "CREATE DEFINER=x something"));
  rule.schema_pattern = "*";
  rule.action = "Error";
  EXPECT_FALSE(ignores(rule, "CREATE DEFINER=x something"));
  rule.action = "Do";  // swallows whatever fails otherwise
  EXPECT_TRUE(ignores(rule, "ALTER SOMETHING"));
  EXPECT_FALSE(ignores(rule, "CREATE DEFINER=x something"));
  // Events do not count.
  EXPECT_FALSE(ignores({.schema_pattern = "*", .events = {"all"}, .action = "Ignore"}, "DROP X"));
}

}  // namespace
}  // namespace dm::migration
