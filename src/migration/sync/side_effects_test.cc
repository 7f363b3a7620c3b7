#include "migration/sync/side_effects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mysql/schema/schema_tracker.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/rewrite.h"

namespace dm::migration {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<mysql::Statement> Split(std::string_view text) {
  mysql::ParseOptions options;
  options.mariadb = true;
  return mysql::SplitDdl(mysql::ParseStatements(text, options).at(0), "s");
}

// Names that the statement, on `s`.`t`, is told of.
std::vector<std::string> Told(mysql::SchemaTracker& tracker, std::string_view text) {
  const std::vector<mysql::Statement> parts = Split(text);
  const mysql::TablePtr before = tracker.GetTable("s", "t");
  tracker.Commit(tracker.Plan("s", mysql::JoinAlters(parts)));
  const mysql::TablePtr after = tracker.GetTable("s", "t");
  std::vector<std::string> names;
  for (const mysql::Statement& part : parts) {
    for (std::string& name : NewKeysThatChangeRows(part, before.get(), after.get())) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

TEST(SideEffects, NewForeignKeysThatChangeRows) {
  mysql::TrackerOptions options;
  options.mariadb = true;
  mysql::SchemaTracker tracker(options);
  tracker.CreateSchemaIfNotExists("s");
  EXPECT_THAT(Told(tracker, "create table p (id int primary key)"), IsEmpty());
  EXPECT_THAT(Told(tracker,
                   "create table t (id int primary key, a int, b int, constraint one foreign key "
                   "(a) references p (id) on delete cascade, foreign key (b) references p (id), "
                   "foreign key (b) references p (id) on update set null)"),
              ElementsAre("one", "t_ibfk_2"));
  EXPECT_THAT(Told(tracker, "alter table t add c int, comment 'x'"), IsEmpty());
  EXPECT_THAT(Told(tracker,
                   "alter table t add d int, add constraint two foreign key (d) references p (id) "
                   "on delete set null"),
              ElementsAre("two"));
  EXPECT_THAT(Told(tracker,
                   "alter table t add constraint three foreign key (c) references p (id) on delete "
                   "restrict on update no action"),
              IsEmpty());
  EXPECT_THAT(Told(tracker, "alter table t drop foreign key two"), IsEmpty());
  EXPECT_THAT(Told(tracker,
                   "alter table t add foreign key (a) references p (id) on delete cascade, add "
                   "constraint four foreign key (d) references p (id) on update cascade"),
              ElementsAre("t_ibfk_3", "four"));
}

TEST(SideEffects, EnginesWithoutRows) {
  const auto engine = [](std::string_view text) {
    return EngineWithoutRows(Split(text).at(0)).value_or("none");
  };
  EXPECT_EQ(engine("alter table t engine = BLACKHOLE"), "BLACKHOLE");
  EXPECT_EQ(engine("alter table t comment 'x' engine = Blackhole"), "Blackhole");
  EXPECT_EQ(engine("alter table t engine merge union (a, b)"), "merge");
  EXPECT_EQ(engine("alter table t engine = InnoDB"), "none");
  EXPECT_EQ(engine("alter table t engine = MyISAM"), "none");
  EXPECT_EQ(engine("alter table t comment 'BLACKHOLE'"), "none");
  // Nothing has been there.
  EXPECT_EQ(engine("create table t (id int) engine = BLACKHOLE"), "none");
}

TEST(SideEffects, StatementsThatTakeRowsAway) {
  for (const char* text : {"drop table t", "drop table if exists t", "truncate table t",
                           "truncate t", "drop database s", "alter table t drop partition p",
                           "alter table t truncate partition all"}) {
    EXPECT_TRUE(TakesRowsAway(Split(text).at(0))) << text;
  }
  for (const char* text : {"alter table t drop column a", "create table t (id int)",
                           "rename table t to u", "alter table t rebuild partition p"}) {
    EXPECT_FALSE(TakesRowsAway(Split(text).at(0))) << text;
  }
}

}  // namespace
}  // namespace dm::migration
