#include "migration/sync/logged_statement.h"

#include <gtest/gtest.h>

namespace dm::migration {
namespace {

std::string Written(std::string_view text) {
  mysql::ParseOptions options;
  options.mariadb = true;
  const WrittenTables written = FindWrittenTables(text, "def", options);
  if (!written.writes) return "nothing";
  std::string all;
  for (const TableId& table : written.tables) all += table.schema + "." + table.table + " ";
  for (const std::string& schema : written.schemas) all += schema + ".* ";
  return all;
}

TEST(LoggedStatementTest, FindsTheOneTableOfASimpleStatement) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"INSERT INTO t VALUES (1)", "def.t "},
      {"insert delayed ignore `a.b`.`c d` (x) values (1)", "a.b.c d "},
      {"/* tool */ REPLACE LOW_PRIORITY INTO d.t SELECT * FROM e.u", "d.t "},
      {"UPDATE IGNORE d.t AS x SET x.a = 1", "d.t "},
      {"UPDATE t SET a = (SELECT b FROM o.u)", "def.t "},
      {"DELETE QUICK FROM d.t WHERE a < 5", "d.t "},
      {"LOAD DATA LOCAL INFILE '/x' REPLACE INTO TABLE `d`.`t` (a)", "d.t "},
      {"SET STATEMENT max_statement_time=60 FOR DELETE FROM t WHERE id = 1", "def.t "},
      {"set statement a = (SELECT x FROM y FOR UPDATE), b = 2 for load data infile '/x' into table "
       "t",
       "def.t "},
      {"ANALYZE UPDATE d.t SET v = 77", "d.t "},
      {"ANALYZE FORMAT = JSON DELETE FROM d.t", "d.t "},
      {"SET STATEMENT a=1 FOR ANALYZE FORMAT=JSON INSERT INTO t SELECT 1", "def.t "},
  };
  for (const auto& [text, tables] : cases) EXPECT_EQ(Written(text), tables) << text;
}

TEST(LoggedStatementTest, TakesEverythingOfAStatementWithSeveralTables) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"DELETE d.t, u FROM d.t JOIN u WHERE 1", "d.t d.t def.* "},
      {"DELETE FROM a, b USING a JOIN b", "def.* "},
      {"UPDATE a, e.b SET a.x = b.y", "e.b a.x b.y def.* "},
      {"WITH c AS (SELECT 1) DELETE FROM t", "def.* "},
      {"SELECT f()", "def.* "},
      {"CALL d.p()", "d.p def.* "},
  };
  for (const auto& [text, tables] : cases) EXPECT_EQ(Written(text), tables) << text;
}

TEST(LoggedStatementTest, LeavesOtherStatementsAlone) {
  for (const char* text : {"CREATE TABLE t (a INT)", "SAVEPOINT s", "SET @a = 1", "FLUSH LOGS", "",
                           "-- INSERT INTO t VALUES (1)", "TRUNCATE t", "XA END 'x'",
                           "ANALYZE TABLE t", "ANALYZE LOCAL TABLE t", "SET STATEMENT = 5",
                           "SET STATEMENT a=1 FOR CREATE TABLE t (a INT)", "SET STATEMENT a=1",
                           "SET STATEMENT a=(1", "ANALYZE FORMAT =", "ANALYZE"}) {
    EXPECT_EQ(Written(text), "nothing") << text;
  }
}

TEST(LoggedStatementTest, KnowsTheEmptyingOfATableInMemory) {
  EXPECT_EQ(EmptiedAtStart("DELETE FROM `p`.`me`"), "TRUNCATE TABLE `p`.`me`");
  EXPECT_EQ(EmptiedAtStart("DELETE FROM `a``b`.`c d`"), "TRUNCATE TABLE `a``b`.`c d`");
  // What a user has written, with effects that cannot be told.
  for (const char* text : {"DELETE FROM `me`", "DELETE FROM p.me", "delete from `p`.`me`",
                           "DELETE FROM `p`.`me` WHERE 1", "DELETE FROM `p`.`me` LIMIT 1",
                           "DELETE FROM `p`.`me`, `p`.`x` USING y", "DELETE FROM `p`.`me` /* */",
                           "DELETE `p`.`me` FROM `p`.`me`", "TRUNCATE TABLE `p`.`me`", ""}) {
    EXPECT_EQ(EmptiedAtStart(text), std::nullopt) << text;
  }
}

TEST(LoggedStatementTest, NamesTheViewThatIsCreated) {
  const auto view = [](std::string_view text) {
    const std::optional<TableId> id = CreatedView(text, "def", {});
    return id ? id->schema + "." + id->table : "";
  };
  EXPECT_EQ(view("CREATE ALGORITHM=UNDEFINED DEFINER=`a`@`%` SQL SECURITY DEFINER VIEW `d`.`v` AS "
                 "SELECT 1"),
            "d.v");
  EXPECT_EQ(view("CREATE OR REPLACE VIEW v AS SELECT 1"), "def.v");
  EXPECT_EQ(view("CREATE VIEW IF NOT EXISTS v AS SELECT 1"), "def.v");
  EXPECT_EQ(view("SET STATEMENT a=1 FOR CREATE VIEW v AS SELECT 1"), "def.v");
  EXPECT_EQ(view("CREATE TABLE view (a INT)"), "");
  EXPECT_EQ(view("CREATE DEFINER=a TRIGGER x AFTER INSERT ON view FOR EACH ROW SET @a=1"), "");
  EXPECT_EQ(view("DROP VIEW v"), "");
}

TEST(LoggedStatementTest, KnowsTransactionControl) {
  const std::vector<std::pair<const char*, Control>> cases = {
      {"SAVEPOINT `a`", Control::kSavepoint},
      {"RELEASE SAVEPOINT a", Control::kSavepoint},
      {"ROLLBACK", Control::kRollback},
      {"ROLLBACK TO `a`", Control::kRollback},
      {"XA START X'78',X'',1", Control::kXaStart},
      {"xa begin 'a'", Control::kXaStart},
      {"XA COMMIT X'78',X'',1", Control::kXaCommit},
      {"xa rollback X'78',X'',1", Control::kXaRollback},
      {"XA COMMIT 'x' ONE PHASE", Control::kOtherXa},
      {"XA END X'78',X'',1", Control::kOtherXa},
      {"RENAME TABLE rollback TO b", Control::kNone},
  };
  for (const auto& [text, kind] : cases) EXPECT_EQ(KindOfControl(text), kind) << text;
}

}  // namespace
}  // namespace dm::migration
