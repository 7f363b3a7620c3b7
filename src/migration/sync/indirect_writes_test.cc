#include "migration/sync/indirect_writes.h"

#include <gtest/gtest.h>

#include <set>

namespace dm::migration {
namespace {

class ActiveObjectsTest : public testing::Test {
 protected:
  // Of an INSERT into the table; "" if it reaches none.
  std::string Insert(const TableId& table, std::string text = "INSERT INTO x VALUES (1)",
                     bool any_table = false) {
    ActiveObjects::Question question;
    if (!any_table) question.tables = {table};
    question.text = std::move(text);
    question.schema = "o";
    question.any_table = any_table;
    question.is_replicated = [](const TableId& id) { return id.schema == "r"; };
    question.exists = [](const TableId& id) {
      return std::set<std::string>{"t", "x", "q", "v"}.contains(id.table) || id.schema == "dim";
    };
    question.sees_triggers = [](const std::string& schema) { return schema != "dim"; };
    const ActiveObjects::Answer answer = objects_.Follow(question);
    unknown_ = answer.unknown;
    return answer.reached ? answer.reached->Quoted() + " by " + answer.by : "";
  }

  ActiveObjects objects_{false};
  std::string unknown_;
};

TEST_F(ActiveObjectsTest, ATableWithoutAnythingReachesNothing) {
  objects_.AddTrigger({"o", "other"}, "o", "INSERT INTO r.t VALUES (NEW.id)");
  EXPECT_EQ(Insert({"o", "q"}), "");
  EXPECT_EQ(unknown_, "");
  EXPECT_EQ(Insert({"dim", "hidden"}), "");
  EXPECT_NE(unknown_.find("`dim`.`hidden`"), std::string::npos) << unknown_;
  EXPECT_EQ(Insert({"o", "gone"}), "");
  EXPECT_NE(unknown_.find("`o`.`gone`"), std::string::npos) << unknown_;
}

TEST_F(ActiveObjectsTest, SaysWhichTriggersBehindAnotherItDoesNotSee) {
  objects_.AddTrigger({"o", "q"}, "o", "INSERT INTO dim.second VALUES (NEW.id)");
  objects_.AddView({"o", "x"}, "select `dim`.`third`.`id` AS `id` from `dim`.`third`");
  EXPECT_EQ(Insert({"o", "q"}), "");
  EXPECT_NE(unknown_.find("`dim`.`second`"), std::string::npos) << unknown_;
  EXPECT_EQ(Insert({"o", "x"}), "");
  EXPECT_NE(unknown_.find("`dim`.`third`"), std::string::npos) << unknown_;
}

TEST_F(ActiveObjectsTest, FollowsViewsThatAreReadToTheirRoutines) {
  objects_.AddRoutine({"o", "f"}, "BEGIN INSERT INTO r.t VALUES (1); RETURN 1; END");
  objects_.AddView({"o", "calls"}, "select `o`.`f`() AS `id` from `r`.`t`");
  objects_.AddView({"o", "second"}, "select `o`.`calls`.`id` AS `id` from `o`.`calls`");
  objects_.AddView({"o", "reads"}, "select `r`.`t`.`id` AS `id` from `r`.`t`");
  EXPECT_EQ(Insert({"o", "x"}, "INSERT INTO x SELECT id FROM second"),
            "`r`.`t` by the routine `o`.`f`");
  EXPECT_EQ(Insert({"o", "x"}, "INSERT INTO x SELECT id FROM o.reads"), "") << "only read";
  EXPECT_EQ(unknown_, "");
}

TEST_F(ActiveObjectsTest, SaysWhatItCannotRead) {
  objects_.AddTrigger({"o", "q"}, "o", "BEGIN SET @a = 'x\\'; INSERT INTO r.t VALUES (1); END");
  EXPECT_EQ(Insert({"o", "q"}), "");
  EXPECT_NE(unknown_.find("a trigger of `o`.`q`"), std::string::npos) << unknown_;
}

TEST_F(ActiveObjectsTest, FollowsViewsAndTriggers) {
  objects_.AddView({"o", "v"}, "select `r`.`t`.`id` AS `id` from `r`.`t`");
  objects_.AddView({"o", "w"}, "select `o`.`v`.`id` AS `id` from `o`.`v`");
  objects_.AddView({"o", "harmless"}, "select `o`.`q`.`id` AS `id` from `o`.`q`");
  objects_.AddTrigger({"o", "q"}, "o", "SET @a = NEW.id");
  objects_.AddTrigger({"o", "p"}, "o", "BEGIN UPDATE q SET a = 1; INSERT INTO w VALUES (1); END");
  objects_.AddTrigger({"o", "ansi"}, "o", R"(DELETE FROM "r"."t")");
  EXPECT_EQ(Insert({"o", "v"}), "`r`.`t` by the view `o`.`v`");
  EXPECT_EQ(Insert({"o", "w"}), "`r`.`t` by the view `o`.`v`");
  EXPECT_EQ(Insert({"o", "harmless"}), "");
  EXPECT_EQ(Insert({"o", "q"}), "");
  EXPECT_EQ(Insert({"o", "p"}), "`r`.`t` by the view `o`.`v`");
  EXPECT_EQ(Insert({"o", "ansi"}), "`r`.`t` by a trigger of `o`.`ansi`");
  EXPECT_EQ(Insert({}, "DELETE q, p FROM q JOIN p", true), "`r`.`t` by the view `o`.`v`");
}

TEST_F(ActiveObjectsTest, FollowsRoutines) {
  objects_.AddRoutine({"o", "F"}, "BEGIN CALL p; RETURN 1; END");
  objects_.AddRoutine({"o", "p"}, "INSERT INTO r.t VALUES (1)");
  objects_.AddRoutine({"o", "again"}, "BEGIN CALL again(); END");
  EXPECT_EQ(Insert({"o", "x"}, "INSERT INTO x VALUES (o.f(1))"), "`r`.`t` by the routine `o`.`p`");
  EXPECT_EQ(Insert({"o", "x"}, "INSERT INTO x SELECT f() FROM y"),
            "`r`.`t` by the routine `o`.`p`");
  EXPECT_EQ(Insert({"o", "x"}, "INSERT INTO x (f) VALUES (1)"), "");
  EXPECT_EQ(Insert({"o", "x"}, "INSERT INTO x SELECT id FROM r.t"), "") << "only read";
  EXPECT_EQ(Insert({"o", "x"}, "INSERT INTO x VALUES (again())"), "");
  EXPECT_EQ(unknown_, "");
}

TEST_F(ActiveObjectsTest, SaysWhatItMayNotRead) {
  objects_.AddView({"o", "v"}, "");
  objects_.AddRoutine({"o", "f"}, std::nullopt);
  EXPECT_EQ(Insert({"o", "v"}), "");
  EXPECT_NE(unknown_.find("the view `o`.`v`"), std::string::npos) << unknown_;
  EXPECT_EQ(Insert({"o", "x"}, "INSERT INTO x VALUES (f())"), "");
  EXPECT_NE(unknown_.find("the routine `o`.`f`"), std::string::npos) << unknown_;
}

TEST(ActiveObjectsFoldTest, NamesHaveNoCase) {
  ActiveObjects objects(true);
  objects.AddTrigger({"O", "Q"}, "O", "INSERT INTO R.T VALUES (1)");
  ActiveObjects::Question question;
  question.tables = {{"o", "q"}};
  question.is_replicated = [](const TableId& id) { return id == TableId{"r", "t"}; };
  question.exists = [](const TableId&) { return true; };
  question.sees_triggers = [](const std::string&) { return true; };
  EXPECT_TRUE(objects.Follow(question).reached);
}

TEST(ChangesActiveObjectsTest, WhatMakesOrDropsThem) {
  for (const char* ddl :
       {"DROP TABLE o.q", "drop table if exists q", "DROP /*c*/ TABLES q, p", "DROP DATABASE o",
        "DROP SCHEMA IF EXISTS o", "CREATE SCHEMA o", "CREATE OR REPLACE TABLE o.q (id INT)",
        "CREATE OR REPLACE VIEW v AS SELECT 1", "CREATE DEFINER=`a`@`b` TRIGGER t BEFORE INSERT",
        "ALTER TABLE q RENAME TO p", "RENAME TABLE q TO p", "DROP FUNCTION f",
        "CREATE OR REPLACE PACKAGE p AS END"}) {
    EXPECT_TRUE(ChangesActiveObjects(ddl)) << ddl;
  }
  for (const char* ddl :
       {"CREATE TABLE q (id INT)", "ALTER TABLE q ADD `schema` INT",
        "CREATE TABLE q (v INT COMMENT 'drop trigger')", "TRUNCATE TABLE q", "DROP INDEX i ON q"}) {
    EXPECT_FALSE(ChangesActiveObjects(ddl)) << ddl;
  }
}

}  // namespace
}  // namespace dm::migration
