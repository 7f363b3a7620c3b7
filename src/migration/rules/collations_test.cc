#include "migration/rules/collations.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"

namespace dm::migration {
namespace {

mysql::ServerInfo Server(bool mariadb, int major, int minor) {
  mysql::ServerInfo server;
  server.is_mariadb = mariadb;
  server.major = major;
  server.minor = minor;
  return server;
}

const mysql::ServerInfo kMariaDb = Server(true, 10, 11);
const mysql::ServerInfo kMySql = Server(false, 9, 7);

// What `target` executes for a statement of the other kind.
std::string Sent(std::string_view sql, const mysql::ServerInfo& target,
                 const ImplicitCollations& implicit = {}) {
  std::vector<mysql::Statement> statements = mysql::ParseStatements(sql, {});
  EXPECT_EQ(statements.size(), 1U);
  MakeCollationsExplicit(&statements[0], implicit, target);
  CollationRenamer renamer{Logger()};
  mysql::RestoreOptions options;
  options.target = target.is_mariadb ? mysql::SqlTarget::kMariaDb : mysql::SqlTarget::kMySql;
  options.collation_names = renamer.For(target);
  return mysql::Restore(statements[0], options);
}

ImplicitCollations MySql8() {
  ImplicitCollations implicit;
  implicit.by_charset = {{"utf8mb4", "utf8mb4_0900_ai_ci"}, {"utf8mb3", "utf8mb3_general_ci"}};
  implicit.database = "utf8mb4_0900_ai_ci";
  implicit.table = "utf8mb4_0900_as_cs";
  return implicit;
}

TEST(Collations, DatabasesAsMySqlPrintsThem) {
  EXPECT_EQ(Sent("CREATE DATABASE `a` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE "
                 "utf8mb4_0900_ai_ci */ /*!80016 DEFAULT ENCRYPTION='N' */",
                 kMariaDb),
            "CREATE DATABASE `a` CHARACTER SET = utf8mb4 COLLATE = utf8mb4_uca1400_nopad_ai_ci");
  EXPECT_EQ(Sent("CREATE DATABASE `a` /*!40100 DEFAULT CHARACTER SET utf8mb4 */", kMySql),
            "CREATE DATABASE `a` CHARACTER SET = utf8mb4 COLLATE = utf8mb4_general_ci");
}

TEST(Collations, DatabaseThatNamesNothing) {
  EXPECT_EQ(Sent("CREATE DATABASE a", kMariaDb, MySql8()),
            "CREATE DATABASE `a` COLLATE = utf8mb4_uca1400_nopad_ai_ci");
  EXPECT_EQ(Sent("ALTER DATABASE a CHARACTER SET utf8mb4", kMariaDb, MySql8()),
            "ALTER DATABASE `a` CHARACTER SET = utf8mb4 COLLATE = utf8mb4_uca1400_nopad_ai_ci");
  EXPECT_EQ(Sent("ALTER DATABASE a COLLATE utf8mb4_0900_bin", kMariaDb, MySql8()),
            "ALTER DATABASE `a` COLLATE = utf8mb4_nopad_bin");
}

TEST(Collations, Tables) {
  EXPECT_EQ(Sent("CREATE TABLE t (a INT)", kMariaDb, MySql8()),
            "CREATE TABLE `t` (`a` INT) DEFAULT COLLATE = UTF8MB4_UCA1400_NOPAD_AS_CS");
  EXPECT_EQ(Sent("CREATE TABLE t (a INT) CHARSET utf8mb4", kMariaDb, MySql8()),
            "CREATE TABLE `t` (`a` INT) DEFAULT CHARACTER SET = UTF8MB4 DEFAULT COLLATE = "
            "UTF8MB4_UCA1400_NOPAD_AI_CI");
  EXPECT_EQ(Sent("CREATE TABLE t LIKE u", kMariaDb, MySql8()), "CREATE TABLE `t` LIKE `u`");
  EXPECT_EQ(Sent("CREATE TABLE t (a INT) CHARSET latin1", kMariaDb, MySql8()),
            "CREATE TABLE `t` (`a` INT) DEFAULT CHARACTER SET = LATIN1");
  EXPECT_EQ(Sent("CREATE TABLE t (a INT) CHARSET utf8mb3", kMariaDb, MySql8()),
            "CREATE TABLE `t` (`a` INT) DEFAULT CHARACTER SET = UTF8MB3");
  EXPECT_EQ(Sent("CREATE TABLE t (a INT) CHARSET utf8mb3", Server(true, 11, 8), MySql8()),
            "CREATE TABLE `t` (`a` INT) DEFAULT CHARACTER SET = UTF8MB3 DEFAULT COLLATE = "
            "UTF8MB3_GENERAL_CI");
}

TEST(Collations, Columns) {
  EXPECT_EQ(Sent("ALTER TABLE t ADD COLUMN a VARCHAR(9) CHARACTER SET utf8mb4 NOT NULL, MODIFY b "
                 "TEXT COLLATE utf8mb4_sv_0900_as_cs, ADD c INT",
                 kMariaDb, MySql8()),
            "ALTER TABLE `t` ADD COLUMN `a` VARCHAR(9) CHARACTER SET UTF8MB4 COLLATE "
            "utf8mb4_uca1400_nopad_ai_ci NOT NULL, MODIFY COLUMN `b` TEXT COLLATE "
            "utf8mb4_uca1400_swedish_nopad_as_cs, ADD COLUMN `c` INT");
  EXPECT_EQ(Sent("ALTER TABLE t ADD COLUMN a VARCHAR(9) CHARACTER SET utf8mb4 BINARY", kMariaDb,
                 MySql8()),
            "ALTER TABLE `t` ADD COLUMN `a` VARCHAR(9) BINARY CHARACTER SET UTF8MB4");
  EXPECT_EQ(Sent("ALTER TABLE t ADD COLUMN a INT AS (b COLLATE utf8mb4_0900_bin = 'x')", kMariaDb,
                 MySql8()),
            "ALTER TABLE `t` ADD COLUMN `a` INT GENERATED ALWAYS AS(`b` COLLATE "
            "utf8mb4_nopad_bin='x') VIRTUAL");
}

TEST(Collations, Conversions) {
  EXPECT_EQ(Sent("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4", kMariaDb, MySql8()),
            "ALTER TABLE `t` CONVERT TO CHARACTER SET UTF8MB4 COLLATE UTF8MB4_UCA1400_NOPAD_AI_CI");
  EXPECT_EQ(Sent("ALTER TABLE t CONVERT TO CHARACTER SET DEFAULT", kMariaDb, MySql8()),
            "ALTER TABLE `t` CONVERT TO CHARACTER SET DEFAULT");
  EXPECT_EQ(Sent("ALTER TABLE t CHARSET utf8mb4", kMariaDb, MySql8()),
            "ALTER TABLE `t` DEFAULT CHARACTER SET = UTF8MB4 DEFAULT COLLATE = "
            "UTF8MB4_UCA1400_NOPAD_AI_CI");
  EXPECT_EQ(
      Sent("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_uca1400_as_cs", kMySql),
      "ALTER TABLE `t` CONVERT TO CHARACTER SET UTF8MB4 COLLATE UTF8MB4_0900_AS_CS");
}

TEST(Collations, Strictly) {
  ImplicitCollations implicit;
  implicit.by_charset = {{"utf8mb4", "utf8mb4_0900_ai_ci"},
                         {"utf8mb3", "utf8mb3_general_ci"},
                         {"latin1", "latin1_swedish_ci"}};
  implicit.table = "utf8mb4_general_ci";
  std::vector<std::string> warnings;
  const auto strictly = [&](std::string_view text) {
    mysql::Statement statement;
    EXPECT_TRUE(mysql::ParseFirst(text, {}, &statement));
    NameCollationsStrictly(&statement, implicit,
                           [&](std::string warning) { warnings.push_back(std::move(warning)); });
    return mysql::Restore(statement);
  };
  EXPECT_EQ(strictly("CREATE TABLE t (a VARCHAR(5)) CHARSET utf8mb4"),
            "CREATE TABLE `t` (`a` VARCHAR(5)) DEFAULT CHARACTER SET = UTF8MB4 DEFAULT COLLATE = "
            "UTF8MB4_0900_AI_CI");
  EXPECT_EQ(strictly("CREATE TABLE t (a VARCHAR(5) CHARSET latin1)"),
            "CREATE TABLE `t` (`a` VARCHAR(5) CHARACTER SET LATIN1 COLLATE latin1_swedish_ci) "
            "DEFAULT COLLATE = UTF8MB4_GENERAL_CI");
  EXPECT_EQ(strictly("ALTER TABLE t ADD b TEXT CHARACTER SET utf8mb3"),
            "ALTER TABLE `t` ADD COLUMN `b` TEXT CHARACTER SET UTF8MB3 COLLATE utf8mb3_general_ci");
  EXPECT_EQ(strictly("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4"),
            "ALTER TABLE `t` CONVERT TO CHARACTER SET UTF8MB4 COLLATE UTF8MB4_0900_AI_CI");
  EXPECT_EQ(strictly("CREATE DATABASE d"), "CREATE DATABASE `d` COLLATE = latin1_swedish_ci");
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(strictly("CREATE TABLE t (a VARCHAR(5) CHARSET gbk)"),
            "CREATE TABLE `t` (`a` VARCHAR(5) CHARACTER SET GBK) DEFAULT COLLATE = "
            "UTF8MB4_GENERAL_CI");
  EXPECT_EQ(warnings.size(), 1u);
}

TEST(Collations, TextThatIsPassedOn) {
  CollationRenamer renamer{Logger()};
  const mysql::CollationNames names = renamer.For(kMariaDb);
  EXPECT_EQ(mysql::RenameCollations("CREATE VIEW v AS SELECT 'COLLATE utf8mb4_0900_bin' COLLATE "
                                    "`utf8mb4_0900_bin`, a COLLATE utf8mb4_bin, b /*!40100 COLLATE "
                                    "= utf8mb4_0900_ai_ci */ FROM utf8mb4_0900_bin",
                                    {}, names),
            "CREATE VIEW v AS SELECT 'COLLATE utf8mb4_0900_bin' COLLATE utf8mb4_nopad_bin, a "
            "COLLATE utf8mb4_bin, b /*!40100 COLLATE = utf8mb4_uca1400_nopad_ai_ci */ FROM "
            "utf8mb4_0900_bin");
}

TEST(Collations, KindsOfServers) {
  EXPECT_TRUE(CrossesKinds(false, kMariaDb));
  EXPECT_FALSE(CrossesKinds(true, kMariaDb));
  mysql::ServerInfo tidb = kMySql;
  tidb.is_tidb = true;
  EXPECT_FALSE(CrossesKinds(true, tidb));
  tidb.major = 8;
  tidb.minor = 1;
  EXPECT_EQ(CollationFamilyOf(tidb), mysql::CollationFamily::kTiDb);
  tidb.major = 6;
  EXPECT_EQ(CollationFamilyOf(tidb), mysql::CollationFamily::kTiDbOld);
  EXPECT_EQ(CollationFamilyOf(Server(false, 5, 7)), std::nullopt);
  EXPECT_EQ(CollationFamilyOf(Server(true, 10, 6)), mysql::CollationFamily::kMariaDbNoPad);
  EXPECT_EQ(CollationFamilyOf(Server(true, 11, 4)), mysql::CollationFamily::kMariaDbUca1400);
  CollationRenamer renamer{Logger()};
  EXPECT_EQ(renamer.For(tidb)("utf8mb4_swedish_ci"), "utf8mb4_bin");
  EXPECT_FALSE(renamer.For(Server(false, 5, 7)));
}

}  // namespace
}  // namespace dm::migration
