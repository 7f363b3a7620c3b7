#include "mysql/sql/implicit_timestamp.h"

#include <gtest/gtest.h>

#include <string>

#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"

namespace dm::mysql {
namespace {

constexpr const char* kZero = "NOT NULL DEFAULT '0000-00-00 00:00:00'";

// The words that the statement's definitions become.
std::string Implicit(const std::string& text, const std::string& first = "") {
  Statement statement;
  EXPECT_TRUE(ParseFirst(text, {}, &statement)) << text;
  SpellOutImplicitTimestamps(&statement, [&](std::string_view column) { return column == first; });
  EXPECT_FALSE(HasImplicitTimestamps(statement)) << text;
  return Restore(statement);
}

std::string Explicit(const std::string& text, const std::string& key = "") {
  Statement statement;
  EXPECT_TRUE(ParseFirst(text, {}, &statement)) << text;
  SpellOutExplicitTimestamps(&statement, [&](std::string_view column) { return column == key; });
  return Restore(statement);
}

// As MariaDB 10.11 and MySQL 9 with explicit_defaults_for_timestamp=OFF make them.
TEST(ImplicitTimestamp, WithoutTheVariable) {
  EXPECT_EQ(Implicit("create table t (a timestamp, b timestamp)"),
            std::string("CREATE TABLE `t` (`a` TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP() ON "
                        "UPDATE CURRENT_TIMESTAMP(),`b` TIMESTAMP ") +
                kZero + ")");
  EXPECT_EQ(Implicit("create table t (a timestamp null, b timestamp)"),
            std::string("CREATE TABLE `t` (`a` TIMESTAMP NULL,`b` TIMESTAMP ") + kZero + ")");
  EXPECT_EQ(Implicit("create table t (a timestamp default current_timestamp, b int)"),
            "CREATE TABLE `t` (`a` TIMESTAMP DEFAULT CURRENT_TIMESTAMP() NOT NULL,`b` INT)");
  EXPECT_EQ(Implicit("create table t (a timestamp(3) not null)"),
            "CREATE TABLE `t` (`a` TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE "
            "CURRENT_TIMESTAMP(3))");
  EXPECT_EQ(
      Implicit("create table t (a timestamp on update current_timestamp)"),
      std::string("CREATE TABLE `t` (`a` TIMESTAMP ON UPDATE CURRENT_TIMESTAMP() ") + kZero + ")");
  EXPECT_EQ(Implicit("create table t (a datetime)"), "CREATE TABLE `t` (`a` DATETIME)");
  EXPECT_EQ(Implicit("alter table t add c timestamp", "c"),
            "ALTER TABLE `t` ADD COLUMN `c` TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP() ON "
            "UPDATE CURRENT_TIMESTAMP()");
  EXPECT_EQ(Implicit("alter table t modify c timestamp default null", "a"),
            std::string("ALTER TABLE `t` MODIFY COLUMN `c` TIMESTAMP ") + kZero);
}

TEST(ImplicitTimestamp, WithTheVariable) {
  EXPECT_EQ(Explicit("create table t (a timestamp, b timestamp default current_timestamp)"),
            "CREATE TABLE `t` (`a` TIMESTAMP NULL,`b` TIMESTAMP DEFAULT CURRENT_TIMESTAMP() NULL)");
  EXPECT_EQ(Explicit("create table t (a timestamp not null, b timestamp not null default "
                     "current_timestamp)"),
            "CREATE TABLE `t` (`a` TIMESTAMP NOT NULL DEFAULT '0000-00-00 00:00:00',`b` TIMESTAMP "
            "NOT NULL DEFAULT CURRENT_TIMESTAMP())");
  EXPECT_EQ(Explicit("create table t (a timestamp, primary key (A))"),
            "CREATE TABLE `t` (`a` TIMESTAMP DEFAULT '0000-00-00 00:00:00',PRIMARY KEY(`A`))");
  EXPECT_EQ(Explicit("alter table t add c timestamp, add d int"),
            "ALTER TABLE `t` ADD COLUMN `c` TIMESTAMP NULL, ADD COLUMN `d` INT");
  EXPECT_EQ(Explicit("alter table t modify c timestamp(6)", "c"),
            "ALTER TABLE `t` MODIFY COLUMN `c` TIMESTAMP(6) DEFAULT '0000-00-00 00:00:00'");
}

}  // namespace
}  // namespace dm::mysql
