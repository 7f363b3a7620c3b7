#include "migration/sync/constraint_names.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/error/error.h"
#include "mysql/schema/build.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"

namespace dm::migration {
namespace {

mysql::Statement Parsed(std::string_view text, bool mariadb) {
  mysql::ParseOptions options;
  options.mariadb = mariadb;
  return mysql::ParseStatements(text, options).at(0);
}

mysql::TableInfo Table(std::string_view text, bool mariadb) {
  mysql::ParseOptions parse;
  mysql::BuildOptions build;
  parse.mariadb = build.mariadb = mariadb;
  build.schema = "s";
  return mysql::ParseCreateTable(text, parse, build);
}

struct Sides {
  bool mariadb_up = false;
  bool mariadb_down = false;
  bool merged = false;
  bool known = true;
};

// The statement with the names of the target; "gone" for each that it has not got.
std::string Found(std::string_view text, std::string_view upstream, std::string_view target,
                  Sides sides = {}) {
  const mysql::TableInfo table = Table(upstream, sides.mariadb_up);
  UpstreamConstraints constraints{table.foreign_keys, table.checks, sides.mariadb_up, sides.merged,
                                  sides.known};
  mysql::Statement statement = Parsed(text, sides.mariadb_up);
  auto* alter = statement.As<mysql::AlterTable>();
  std::string gone;
  const std::vector<std::string> names =
      DownstreamNames(*alter, constraints, Table(target, sides.mariadb_down), sides.mariadb_down);
  for (const std::string& name : PutDownstreamNames(alter, names)) {
    gone += "gone " + name;
  }
  if (alter->specs.empty()) return gone;
  mysql::RestoreOptions restore;
  restore.target = sides.mariadb_down ? mysql::SqlTarget::kMariaDb : mysql::SqlTarget::kMySql;
  return mysql::Restore(statement, restore) + gone;
}

bool IsRefused(std::string_view text, std::string_view upstream, std::string_view target,
               Sides sides = {}) {
  try {
    Found(text, upstream, target, sides);
    return false;
  } catch (const Error& e) {
    return e.code() == static_cast<int>(ErrorCode::kSyncerUnsupportedStmt) &&
           !e.workaround().empty();
  }
}

TEST(DownstreamNames, ForeignKeysOfARenamedTable) {
  constexpr std::string_view kUp =
      "CREATE TABLE y (a INT, b INT, KEY (a), KEY (b), CONSTRAINT y_ibfk_1 FOREIGN KEY (a) "
      "REFERENCES z (id), CONSTRAINT y_ibfk_2 FOREIGN KEY (b) REFERENCES z (id))";
  constexpr std::string_view kDown =
      "CREATE TABLE other (a INT, b INT, KEY (a), KEY (b), CONSTRAINT other_ibfk_1 FOREIGN KEY (a) "
      "REFERENCES z (id), CONSTRAINT other_ibfk_7 FOREIGN KEY (b) REFERENCES z (id))";
  EXPECT_EQ(Found("ALTER TABLE other DROP FOREIGN KEY y_ibfk_1", kUp, kDown),
            "ALTER TABLE `other` DROP FOREIGN KEY `other_ibfk_1`");
  EXPECT_EQ(Found("ALTER TABLE other DROP CONSTRAINT Y_ibfk_2, ADD c INT", kUp, kDown),
            "ALTER TABLE `other` DROP CONSTRAINT `other_ibfk_7`, ADD COLUMN `c` INT");
  EXPECT_EQ(Found("ALTER TABLE other DROP FOREIGN KEY y_ibfk_2", kUp, kUp),
            "ALTER TABLE `other` DROP FOREIGN KEY `y_ibfk_2`");
  // Another source of the target has dropped it.
  EXPECT_EQ(Found("ALTER TABLE other DROP FOREIGN KEY y_ibfk_2, ADD c INT", kUp,
                  "CREATE TABLE other (a INT, b INT)"),
            "ALTER TABLE `other` ADD COLUMN `c` INTgone y_ibfk_2");
  // The upstream has none of that name: the server says so.
  EXPECT_EQ(Found("ALTER TABLE other DROP FOREIGN KEY nope", kUp, kDown),
            "ALTER TABLE `other` DROP FOREIGN KEY `nope`");
}

TEST(DownstreamNames, EachHasOneCounterpart) {
  constexpr std::string_view kUp =
      "CREATE TABLE y (a INT, CONSTRAINT y_chk_1 CHECK (a > 0), CONSTRAINT y_chk_2 CHECK (a > 0))";
  constexpr std::string_view kDown =
      "CREATE TABLE o (a INT, CONSTRAINT o_chk_3 CHECK (a > 0), CONSTRAINT o_chk_4 CHECK (a > 0))";
  EXPECT_EQ(Found("ALTER TABLE o DROP CHECK y_chk_1, DROP CHECK y_chk_2", kUp, kDown),
            "ALTER TABLE `o` DROP CHECK `o_chk_3`, DROP CHECK `o_chk_4`");
}

TEST(DownstreamNames, ChecksAsEachServerWritesThem) {
  constexpr std::string_view kUp =
      "CREATE TABLE y (a INT, s VARCHAR(9), CONSTRAINT y_chk_1 CHECK (a > 0 AND a <> 5), "
      "CONSTRAINT y_chk_2 CHECK (s IN ('x(Y', 'b')), CONSTRAINT y_chk_3 CHECK (a < 9))";
  constexpr std::string_view kMySql =
      "CREATE TABLE other (a INT, s VARCHAR(9), CONSTRAINT other_chk_4 CHECK (((`a` > 0) and "
      "(`a` <> 5))), CONSTRAINT other_chk_5 CHECK ((`s` in (_utf8mb4'x(Y',_utf8mb4'b'))), "
      "CONSTRAINT other_chk_1 CHECK ((`a` < 9)))";
  EXPECT_EQ(
      Found("ALTER TABLE other DROP CHECK y_chk_1, ALTER CHECK y_chk_3 NOT ENFORCED", kUp, kMySql),
      "ALTER TABLE `other` DROP CHECK `other_chk_4`, ALTER CHECK `other_chk_1` NOT ENFORCED");
  EXPECT_EQ(Found("ALTER TABLE other DROP CHECK y_chk_2", kUp, kMySql),
            "ALTER TABLE `other` DROP CHECK `other_chk_5`");
  constexpr std::string_view kMariaDb =
      "CREATE TABLE y (a INT, s VARCHAR(9), CONSTRAINT CONSTRAINT_1 CHECK (`a` > 0 and `a` <> 5), "
      "CONSTRAINT CONSTRAINT_2 CHECK (`a` < 9))";
  EXPECT_EQ(Found("ALTER TABLE y DROP CONSTRAINT y_chk_3", kUp, kMariaDb, {false, true}),
            "ALTER TABLE `y` DROP CONSTRAINT `CONSTRAINT_2`");
  EXPECT_EQ(Found("ALTER TABLE y DROP CONSTRAINT CONSTRAINT_2", kMariaDb, kUp, {true, false}),
            "ALTER TABLE `y` DROP CONSTRAINT `y_chk_3`");
}

TEST(DownstreamNames, AreNotGuessed) {
  constexpr std::string_view kUp =
      "CREATE TABLE y (a INT, b INT, CONSTRAINT y_chk_1 CHECK (a > 0), CONSTRAINT y_chk_2 CHECK "
      "(b > 0))";
  constexpr std::string_view kDrop = "ALTER TABLE o DROP CHECK y_chk_1";
  // The only one of the column, which the server writes in its own way.
  constexpr std::string_view kRewritten =
      "CREATE TABLE o (a INT, b INT, CONSTRAINT o_chk_8 CHECK (0 < a))";
  EXPECT_EQ(Found(kDrop, kUp, kRewritten), "ALTER TABLE `o` DROP CHECK `o_chk_8`");
  // It may be another source's.
  EXPECT_TRUE(IsRefused(kDrop, kUp, kRewritten, {false, false, true}));
  EXPECT_TRUE(IsRefused(kDrop, kUp,
                        "CREATE TABLE o (a INT, CONSTRAINT o_chk_8 CHECK (0 < a), CONSTRAINT "
                        "o_chk_9 CHECK (0 <= a))"));
  EXPECT_EQ(Found(kDrop, kUp, "CREATE TABLE o (b INT, CONSTRAINT o_chk_1 CHECK (b > 0))"),
            "gone y_chk_1");
  // What the statement named has its name, unless another table of the target had it already.
  constexpr std::string_view kDropMine = "ALTER TABLE o DROP CHECK mine";
  constexpr std::string_view kMine = "CREATE TABLE y (a INT, CONSTRAINT mine CHECK (a > 0))";
  EXPECT_TRUE(IsRefused(kDropMine, kMine, kRewritten));
  EXPECT_EQ(Found(kDropMine, kMine, "CREATE TABLE o (a INT)"), "gone mine");
  EXPECT_EQ(Found(kDropMine, kMine, "CREATE TABLE o (a INT, CONSTRAINT o_chk_8 CHECK (a > 0))"),
            "ALTER TABLE `o` DROP CHECK `o_chk_8`");
  // What the target's owner named is no counterpart.
  EXPECT_EQ(Found(kDrop, kUp, "CREATE TABLE o (a INT, CONSTRAINT theirs CHECK (a < 100))"),
            "gone y_chk_1");
  EXPECT_EQ(Found("ALTER TABLE o DROP FOREIGN KEY y_ibfk_1",
                  "CREATE TABLE y (a INT, KEY (a), CONSTRAINT y_ibfk_1 FOREIGN KEY (a) REFERENCES "
                  "z (id))",
                  "CREATE TABLE o (a INT, KEY (a), CONSTRAINT o_ibfk_1 FOREIGN KEY (a) REFERENCES "
                  "mine (id))"),
            "gone y_ibfk_1");
  // MariaDB's check of a column has no name.
  EXPECT_TRUE(IsRefused("ALTER TABLE o DROP CONSTRAINT y_chk_1", kUp,
                        "CREATE TABLE o (a INT CHECK (a > 0))", {false, true}));
}

TEST(DownstreamNames, TheDefinitionCountsBeforeNamesThatServersMake) {
  // Another source of the target, or its owner, was first.
  constexpr std::string_view kUp =
      "CREATE TABLE y (a INT, b INT, KEY (a), CONSTRAINT y_chk_1 CHECK (a > 0), CONSTRAINT "
      "y_ibfk_1 FOREIGN KEY (a) REFERENCES z (id))";
  constexpr std::string_view kDown =
      "CREATE TABLE y (a INT, b INT, KEY (a), CONSTRAINT y_chk_1 CHECK (b > 0), CONSTRAINT y_chk_2 "
      "CHECK (a > 0), CONSTRAINT y_ibfk_1 FOREIGN KEY (a) REFERENCES mine (id), CONSTRAINT "
      "y_ibfk_2 FOREIGN KEY (a) REFERENCES z (id))";
  EXPECT_EQ(Found("ALTER TABLE y DROP CHECK y_chk_1, DROP FOREIGN KEY y_ibfk_1", kUp, kDown),
            "ALTER TABLE `y` DROP CHECK `y_chk_2`, DROP FOREIGN KEY `y_ibfk_2`");
  // One that is not there any more is not another one.
  constexpr std::string_view kTwo =
      "CREATE TABLE y (a INT, b INT, c INT, CONSTRAINT y_chk_1 CHECK ((a + b) * c > 0), CONSTRAINT "
      "y_chk_2 CHECK (a + b * c > 0))";
  EXPECT_EQ(Found("ALTER TABLE o DROP CHECK y_chk_1", kTwo,
                  "CREATE TABLE o (a INT, b INT, c INT, CONSTRAINT o_chk_2 CHECK (a + b * c > 0))"),
            "gone y_chk_1");
  // The same name and columns, written anew by the server.
  EXPECT_EQ(Found("ALTER TABLE y DROP CHECK y_chk_1", kUp,
                  "CREATE TABLE y (a INT, CONSTRAINT y_chk_1 CHECK (0 < a), CONSTRAINT y_chk_2 "
                  "CHECK (0 <= a))"),
            "ALTER TABLE `y` DROP CHECK `y_chk_1`");
  // The same name and columns, but another parent: not of another source.
  constexpr std::string_view kOther =
      "CREATE TABLE y (a INT, KEY (a), CONSTRAINT y_ibfk_1 FOREIGN KEY (a) REFERENCES mine (id))";
  constexpr std::string_view kDropKey = "ALTER TABLE y DROP FOREIGN KEY y_ibfk_1";
  EXPECT_TRUE(IsRefused(kDropKey, kUp, kOther));
  EXPECT_EQ(Found(kDropKey, kUp, kOther, {.merged = true}), "gone y_ibfk_1");
  // A name that the statement gave.
  EXPECT_EQ(Found("ALTER TABLE y DROP CHECK mine",
                  "CREATE TABLE y (a INT, CONSTRAINT mine CHECK (a > 0))",
                  "CREATE TABLE y (a INT, CONSTRAINT mine CHECK (a > 5), CONSTRAINT y_chk_1 CHECK "
                  "(a > 0))"),
            "ALTER TABLE `y` DROP CHECK `mine`");
}

TEST(DownstreamNames, OfAnUpstreamWhoseNamesAreNotKnown) {
  constexpr std::string_view kDown =
      "CREATE TABLE o (a INT, KEY (a), CONSTRAINT o_chk_1 CHECK (a > 0), CONSTRAINT f FOREIGN KEY "
      "(a) REFERENCES z (id))";
  const Sides unknown{.known = false};
  EXPECT_EQ(Found("ALTER TABLE o DROP CHECK o_chk_1, DROP FOREIGN KEY f", kDown, kDown, unknown),
            "ALTER TABLE `o` DROP CHECK `o_chk_1`, DROP FOREIGN KEY `f`");
  EXPECT_TRUE(IsRefused("ALTER TABLE o DROP CHECK y_chk_1", kDown, kDown, unknown));
  EXPECT_TRUE(IsRefused("ALTER TABLE o DROP FOREIGN KEY y_ibfk_1", kDown, kDown, unknown));
  EXPECT_TRUE(IsRefused("ALTER TABLE o DROP CONSTRAINT y_ibfk_1", kDown, kDown, unknown));
  EXPECT_EQ(Found("ALTER TABLE o DROP CHECK y_chk_1, DROP FOREIGN KEY y_ibfk_1", kDown,
                  "CREATE TABLE o (a INT)", unknown),
            "gone y_chk_1gone y_ibfk_1");
  // A name that the statement gave would be the same.
  EXPECT_EQ(Found("ALTER TABLE o DROP CHECK c, DROP FOREIGN KEY g", kDown, kDown, unknown),
            "gone cgone g");
}

TEST(DownstreamNames, OneMayBeNamedTwice) {
  EXPECT_EQ(Found("ALTER TABLE o ALTER CHECK y_chk_1 NOT ENFORCED, DROP CHECK y_chk_1",
                  "CREATE TABLE y (a INT, CONSTRAINT y_chk_1 CHECK (a > 0))",
                  "CREATE TABLE o (a INT, CONSTRAINT o_chk_1 CHECK (a > 0))"),
            "ALTER TABLE `o` ALTER CHECK `o_chk_1` NOT ENFORCED, DROP CHECK `o_chk_1`");
}

TEST(DropsNothing, WhereTheUpstreamHasNoSuchConstraint) {
  const mysql::TableInfo table = Table(
      "CREATE TABLE t (id INT PRIMARY KEY, v INT CHECK (v > 0), u INT, UNIQUE KEY u (u), "
      "CONSTRAINT "
      "c CHECK (id > 0), KEY k (v), CONSTRAINT f FOREIGN KEY (v) REFERENCES p (id))",
      true);
  const auto nothing = [&](std::string_view drop) {
    return DropsNothing(Parsed("ALTER TABLE t DROP " + std::string(drop), true), table, true);
  };
  EXPECT_TRUE(nothing("CONSTRAINT IF EXISTS nope"));
  EXPECT_TRUE(nothing("CONSTRAINT IF EXISTS v"));
  EXPECT_TRUE(nothing("CONSTRAINT IF EXISTS k"));
  EXPECT_TRUE(nothing("FOREIGN KEY IF EXISTS c"));
  EXPECT_FALSE(nothing("CONSTRAINT nope"));
  EXPECT_FALSE(nothing("CONSTRAINT IF EXISTS C"));
  EXPECT_FALSE(nothing("CONSTRAINT IF EXISTS u"));
  EXPECT_FALSE(nothing("CONSTRAINT IF EXISTS f"));
  EXPECT_FALSE(nothing("FOREIGN KEY IF EXISTS f"));
  EXPECT_FALSE(nothing("COLUMN IF EXISTS nope"));
}

TEST(CheckNames, AreThoseOfTheUpstream) {
  mysql::RestoreOptions restore;
  restore.target = mysql::SqlTarget::kMariaDb;
  constexpr std::string_view kCreate =
      "CREATE TABLE y (a INT CHECK (a > 0), b INT CONSTRAINT mine CHECK (b > 0), CHECK (a < b))";
  mysql::Statement create = Parsed(kCreate, false);
  const auto first = std::make_shared<const mysql::TableInfo>(Table(kCreate, false));
  CheckNames(nullptr, first).Fill(&create);
  EXPECT_EQ(mysql::Restore(create, restore),
            "CREATE TABLE `y` (`a` INT,`b` INT,CONSTRAINT `y_chk_2` CHECK(`a`<`b`),CONSTRAINT "
            "`y_chk_1` CHECK(`a`>0),CONSTRAINT `mine` CHECK(`b`>0))");

  mysql::Statement alter =
      Parsed("ALTER TABLE y ADD CHECK (a > 0), ADD c INT CHECK (c > 0) FIRST", false);
  const auto second = std::make_shared<const mysql::TableInfo>(
      mysql::AlterTableInfo(*first, *alter.As<mysql::AlterTable>(), {}));
  CheckNames names(first, second);
  names.Fill(&alter);
  EXPECT_EQ(mysql::Restore(alter, restore),
            "ALTER TABLE `y` ADD CONSTRAINT `y_chk_3` CHECK(`a`>0), ADD COLUMN `c` INT FIRST, ADD "
            "CONSTRAINT `y_chk_4` CHECK(`c`>0)");
  // What is not tracked stays as it is.
  mysql::Statement unknown = Parsed("ALTER TABLE y ADD CHECK (a > 0)", false);
  CheckNames(nullptr, nullptr).Fill(&unknown);
  EXPECT_EQ(mysql::Restore(unknown, restore), "ALTER TABLE `y` ADD CHECK(`a`>0)");
}

TEST(AddedConstraints, ThoseThatAreThereAndThoseWhoseNameIsTaken) {
  const mysql::TableInfo target = Table(
      "CREATE TABLE t (a INT, KEY (a), CONSTRAINT c CHECK (a > 0), CONSTRAINT t_chk_1 CHECK (a < "
      "9), "
      "CONSTRAINT f FOREIGN KEY (a) REFERENCES z (id))",
      false);
  const auto has = [&](std::string_view text) {
    return HasAdded(*Parsed(text, false).As<mysql::AlterTable>(), target);
  };
  EXPECT_TRUE(
      has("ALTER TABLE s.t ADD CONSTRAINT c CHECK ((0 + a) > 0), ADD CONSTRAINT C CHECK (a>0)"));
  EXPECT_FALSE(has("ALTER TABLE s.t ADD CONSTRAINT c CHECK (a > 1)"));
  EXPECT_FALSE(has("ALTER TABLE s.t ADD CONSTRAINT d CHECK (a > 0)"));
  EXPECT_TRUE(has("ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES z (id)"));
  EXPECT_TRUE(has("ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.z (id)"));
  EXPECT_FALSE(has("ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES q.z (id)"));
  EXPECT_FALSE(has("ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES z (a)"));

  mysql::Statement statement = Parsed(
      "ALTER TABLE t ADD CONSTRAINT t_chk_1 CHECK (a > 0), ADD CONSTRAINT c CHECK (a > 5)", false);
  EXPECT_EQ(LeaveMadeNames(&statement, target), std::vector<std::string>{"t_chk_1"});
  EXPECT_EQ(mysql::Restore(statement),
            "ALTER TABLE `t` ADD CHECK(`a`>0), ADD CONSTRAINT `c` CHECK(`a`>5)");
  EXPECT_TRUE(LeaveMadeNames(&statement, target).empty());

  statement = Parsed(
      "ALTER TABLE t ADD CHECK ((a) < 9), ADD CHECK (a > 0), ADD CONSTRAINT d CHECK (a < 9), ADD b "
      "INT",
      false);
  EXPECT_TRUE(LeaveAddedWithoutName(statement.As<mysql::AlterTable>(), target));
  EXPECT_EQ(
      mysql::Restore(statement),
      "ALTER TABLE `t` ADD CHECK(`a`>0), ADD CONSTRAINT `d` CHECK(`a`<9), ADD COLUMN `b` INT");
  EXPECT_FALSE(LeaveAddedWithoutName(statement.As<mysql::AlterTable>(), target));
}

}  // namespace
}  // namespace dm::migration
