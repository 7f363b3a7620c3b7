#include "migration/sync/shrunk_keys.h"

#include <gtest/gtest.h>

#include <string>

#include "mysql/schema/tracked_schema_test.h"
#include "mysql/sql/restore.h"

namespace dm::migration {
namespace {

class ShrunkKeysTest : public mysql::TrackedSchema {
 protected:
  // What the statement, on table s.t upstream and s.d downstream, gets at its end, or in brackets
  // why it gets nothing.
  std::string Added(std::string_view sql) {
    mysql::Statement statement = mysql::ParseStatements(sql, {}).at(0);
    auto* alter = statement.As<mysql::AlterTable>();
    mysql::RestoreOptions options;
    options.target = mysql::SqlTarget::kMariaDb;
    const std::string own = mysql::Restore(statement, options);
    const ShrunkKeys keys = MakeShrunkKeysAgain(alter, *tracker_.GetTable("s", "d"),
                                                KeysBehind(*alter, *tracker_.GetTable("s", "t")));
    const std::string now = mysql::Restore(statement, options);
    EXPECT_EQ(keys == ShrunkKeys::kMadeAgain, now != own);
    if (keys == ShrunkKeys::kMadeAgain) return now.substr(own.size());
    return keys == ShrunkKeys::kNone ? "[none]" : "[refused]";
  }
};

TEST_F(ShrunkKeysTest, AreMadeAgainOfTheirOtherColumns) {
  Run("create table t (a int, b int, c int not null, d varchar(20), e int, primary key (a, b), "
      "unique key bc (b, c) comment 'two', unique key dce (d(5), c, e), unique key ce (c, e), "
      "unique key e (e), key eb (e, b)); create table d like t");
  EXPECT_EQ(Added("alter table t add column f int first, drop column b"),
            ", DROP PRIMARY KEY, ADD PRIMARY KEY(`a`), DROP INDEX `bc`, ADD UNIQUE `bc`(`c`) "
            "COMMENT 'two'");
  EXPECT_EQ(Added("alter table t drop column e, rename column d to dd, drop key ce"),
            ", DROP INDEX `dce`, ADD UNIQUE `dce`(`dd`(5),`c`)");
  EXPECT_EQ(Added("alter table t drop primary key, drop column a, add primary key (c)"), "[none]");
  EXPECT_EQ(Added("alter table t drop column a, drop column b, drop column c"),
            ", DROP INDEX `dce`, ADD UNIQUE `dce`(`d`(5),`e`), DROP INDEX `ce`, ADD UNIQUE "
            "`ce`(`e`)");
}

TEST_F(ShrunkKeysTest, AreThoseOfTheDownstream) {
  Run("create table t (a int, b int, c int not null, d varchar(20), primary key (a, b), "
      "unique key bc (b, c), unique key bd (b, d(5)))");
  Run("create table d (a int, b int, c int, d varchar(20), shard int, unique key own (shard, b, "
      "c), unique key bd (b, d))");
  EXPECT_EQ(Added("alter table t drop column b"),
            ", DROP INDEX `own`, ADD UNIQUE `own`(`shard`,`c`), DROP INDEX `bd`, ADD UNIQUE "
            "`bd`(`d`)");
  // An earlier try, or another source, has made them already.
  Run("alter table d drop column b");
  EXPECT_EQ(Added("alter table t drop column b"), "[none]");
}

// Rows of the upstream might be taken for one.
TEST_F(ShrunkKeysTest, AskForNoMoreThanTheUpstreamDoes) {
  Run("create table t (a int, b int, c int, d varchar(20), primary key (a, b), unique key bd (b, "
      "d), key bc (b, c))");
  Run("create table d (a int, b int, c int, d varchar(20), primary key (a, b), unique key bc (b, "
      "c))");
  EXPECT_EQ(Added("alter table t drop column b"), "[refused]");
  EXPECT_EQ(Added("alter table t drop column b, drop key bc"),
            ", DROP PRIMARY KEY, ADD PRIMARY KEY(`a`)");
  Run("drop table d; create table d (a int, b int, c int, d varchar(20), unique key bd (b, d(5)))");
  EXPECT_EQ(Added("alter table t drop column b"), "[refused]");
  EXPECT_EQ(Added("alter table t drop column b, drop key bd"), "[none]");
}

}  // namespace
}  // namespace dm::migration
