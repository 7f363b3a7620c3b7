#include "migration/sync/foreign_keys.h"

#include <gtest/gtest.h>

#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"

namespace dm::migration {
namespace {

mysql::Statement Parsed(std::string_view text, bool mariadb) {
  mysql::ParseOptions options;
  options.mariadb = mariadb;
  return mysql::ParseStatements(text, options).at(0);
}

std::string Named(ForeignKeyNames& names, std::string_view text, const mysql::TableInfo* before,
                  bool mariadb) {
  mysql::Statement statement = Parsed(text, mariadb);
  names.Fill(&statement, {"s", "child"}, before);
  mysql::RestoreOptions restore;
  restore.target = mysql::SqlTarget::kTiDb;
  return mysql::Restore(statement, restore);
}

TEST(ForeignKeyNames, CountOnFromTheTable) {
  mysql::TableInfo before;
  before.foreign_keys.resize(2);
  before.foreign_keys[0].name = "child_ibfk_3";
  before.foreign_keys[1].name = "own_name";
  ForeignKeyNames names(/*mariadb=*/false);
  EXPECT_EQ(Named(names, "alter table t add foreign key (a) references p (id)", &before, false),
            "ALTER TABLE `t` ADD CONSTRAINT `child_ibfk_4` FOREIGN KEY (`a`) REFERENCES `p`(`id`)");
  // MySQL takes the index's name for no more than that.
  EXPECT_EQ(Named(names, "alter table t add foreign key ix (a) references p (id)", &before, false),
            "ALTER TABLE `t` ADD CONSTRAINT `child_ibfk_5` FOREIGN KEY (`a`) REFERENCES `p`(`id`)");
  EXPECT_EQ(Named(names, "alter table t add constraint c foreign key (a) references p (id)",
                  &before, false),
            "ALTER TABLE `t` ADD CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `p`(`id`)");
  ForeignKeyNames of_mariadb(/*mariadb=*/true);
  EXPECT_EQ(
      Named(of_mariadb, "alter table t add foreign key ix (a) references p (id)", &before, true),
      "ALTER TABLE `t` ADD CONSTRAINT `ix` FOREIGN KEY (`a`) REFERENCES `p`(`id`)");
}

TEST(ForeignKeyNames, BeginWithOneInANewTable) {
  ForeignKeyNames names(/*mariadb=*/true);
  EXPECT_EQ(
      Named(names,
            "create table t (a int, b int, foreign key (a) references p (id), foreign key (b) "
            "references p (id))",
            nullptr, true),
      "CREATE TABLE `t` (`a` INT,`b` INT,CONSTRAINT `child_ibfk_1` FOREIGN KEY (`a`) "
      "REFERENCES `p`(`id`),CONSTRAINT `child_ibfk_2` FOREIGN KEY (`b`) REFERENCES `p`(`id`))");
}

}  // namespace
}  // namespace dm::migration
