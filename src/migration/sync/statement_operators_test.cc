#include "migration/sync/statement_operators.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"
#include "migration/sync/statement_command.h"

namespace dm::migration {
namespace {

using mysql::BinlogPosition;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

StatementOperator Op(uint64_t number, OperatorKind kind, const std::string& file, uint64_t offset) {
  StatementOperator op;
  op.number = number;
  op.kind = kind;
  op.position = {file, offset};
  if (kind != OperatorKind::kSkip) op.statements = {"CREATE DATABASE a", "CREATE DATABASE b"};
  return op;
}

struct Fixture {
  explicit Fixture(bool gtid_mode = false)
      : operators(OperatorTable("dm_meta", "t", "src"), gtid_mode) {}
  std::optional<StatementOperator> Statement(uint64_t offset, std::string_view gtid = "") {
    const BinlogPosition start{"mysql-bin.000002", offset};
    return operators.OfStatement({start, gtid, 1});
  }
  std::optional<StatementOperator> Injection(uint64_t offset, std::string_view gtid = "") {
    const BinlogPosition start{"mysql-bin.000002", offset};
    return operators.DueInjection({start, gtid});
  }
  StatementOperators operators;
};

mysql::Location At(const std::string& file, uint64_t offset, const std::string& gtids = "") {
  mysql::Location location;
  location.position = {file, offset};
  if (!gtids.empty()) location.gtid_set = mysql::GtidSet::Parse(mysql::Flavor::kMySql, gtids);
  return location;
}

TEST(StatementOperatorsTest, StatementIsFoundByItsBegin) {
  Fixture f;
  EXPECT_TRUE(f.operators.empty());
  f.operators.Restore({Op(1, OperatorKind::kSkip, "mysql-bin.000002", 900),
                       Op(2, OperatorKind::kInject, "mysql-bin.000002", 1000),
                       Op(3, OperatorKind::kReplace, "mysql-bin|000001.000002", 1100)});
  EXPECT_FALSE(f.operators.empty());
  EXPECT_FALSE(f.Statement(899));
  EXPECT_FALSE(f.Statement(901));
  EXPECT_EQ(f.Statement(900)->number, 1u);
  EXPECT_FALSE(f.Statement(1000));
  EXPECT_EQ(f.Statement(1100)->number, 3u);
}

TEST(StatementOperatorsTest, GtidDecidesInGtidMode) {
  const std::string gtid = "4d2c7a1e-0000-11ee-8000-000000000001:7";
  StatementOperator skip = Op(1, OperatorKind::kSkip, "mysql-bin.000002", 900);
  skip.gtid = gtid;
  skip.statement = 1;
  Fixture by_position(false);
  by_position.operators.Restore({skip});
  EXPECT_TRUE(by_position.Statement(900));
  Fixture f(true);
  f.operators.Restore({skip});
  // Another server has it elsewhere, and something else there.
  EXPECT_FALSE(f.Statement(900, "4d2c7a1e-0000-11ee-8000-000000000001:8"));
  EXPECT_TRUE(f.Statement(4000, gtid));
  const BinlogPosition start{"mysql-bin.000002", 900};
  EXPECT_FALSE(f.operators.OfStatement({start, gtid, 2}));  // the next one of the transaction
  EXPECT_THAT(
      f.operators.TakeWrites(At("binlog.000001", 4, "4d2c7a1e-0000-11ee-8000-000000000001:1-6"))
          .passed,
      IsEmpty());
  EXPECT_THAT(
      f.operators.TakeWrites(At("binlog.000001", 4, "4d2c7a1e-0000-11ee-8000-000000000001:1-7"))
          .passed,
      SizeIs(1));
}

TEST(StatementOperatorsTest, InjectionIsDueAtItsPlaceOrBehind) {
  Fixture f;
  f.operators.Restore({Op(1, OperatorKind::kInject, "mysql-bin.000002", 1000),
                       Op(2, OperatorKind::kInject, "mysql-bin.000002", 950)});
  EXPECT_FALSE(f.Injection(900));
  EXPECT_EQ(f.Injection(960)->number, 2u);
  EXPECT_EQ(f.Injection(2000)->number, 2u);  // the first one first
  f.operators.SetDone(2, 2);
  EXPECT_EQ(f.Injection(2000)->number, 1u);
  EXPECT_FALSE(f.Injection(960));
  // Its transaction begins earlier.
  f.operators.SetTransaction(1, {"mysql-bin.000002", 920});
  EXPECT_EQ(f.Injection(920)->number, 1u);
}

TEST(StatementOperatorsTest, ProgressIsWrittenOnceAndPassedOnesAreDeleted) {
  Fixture f;
  f.operators.Restore({Op(7, OperatorKind::kReplace, "mysql-bin.000002", 900)});
  EXPECT_THAT(f.operators.TakeWrites(At("mysql-bin.000002", 900)).statements, IsEmpty());
  f.operators.SetDone(7, 1);
  auto writes = f.operators.TakeWrites(At("mysql-bin.000002", 900));
  ASSERT_THAT(writes.statements, SizeIs(1));
  EXPECT_THAT(writes.statements[0], HasSubstr("UPDATE `dm_meta`.`t_syncer_state` SET value = "));
  EXPECT_THAT(writes.statements[0], HasSubstr("WHERE id = 'src' AND name = 'operator 7'"));
  EXPECT_THAT(f.operators.TakeWrites(At("mysql-bin.000002", 900)).statements, IsEmpty());
  f.operators.GiveBack(writes);
  EXPECT_THAT(f.operators.TakeWrites(At("mysql-bin.000002", 900)).statements, SizeIs(1));
  f.operators.SetDone(7, 2);
  writes = f.operators.TakeWrites(At("mysql-bin.000002", 1000));
  ASSERT_THAT(writes.statements, SizeIs(1));
  EXPECT_EQ(writes.statements[0],
            "DELETE FROM `dm_meta`.`t_syncer_state` WHERE id = 'src' AND name = 'operator 7'");
  EXPECT_TRUE(f.Statement(900));  // until it is written
  f.operators.Written(writes);
  EXPECT_TRUE(f.operators.empty());
  f.operators.SetDone(7, 1);  // gone meanwhile
  EXPECT_TRUE(f.operators.empty());
}

TEST(StatementOperatorsTest, ListIsSortedByPosition) {
  Fixture f;
  StatementOperator inject = Op(1, OperatorKind::kInject, "mysql-bin.000001", 2600);
  inject.statements = {"alter table d.t drop primary key;",
                       " alter table d.t add unique (c<>\"&\");"};
  f.operators.Restore({inject, Op(2, OperatorKind::kSkip, "mysql-bin.000001", 2345),
                       Op(3, OperatorKind::kSkip, "mysql-bin.000001", 4)});
  const std::string expected =
      R"j([{"op":1,"task":"t1","binlogPos":"(mysql-bin.000001, 2345)"},)j"
      R"j({"op":4,"task":"t1","binlogPos":"(mysql-bin.000001, 2600)","sqls":)j"
      R"j(["alter table d.t drop primary key;",)j"
      R"j(" alter table d.t add unique (c\u003c\u003e\"\u0026\");"]}])j";
  EXPECT_EQ(OperatorsAsJson("t1", f.operators.From({"mysql-bin.000001", 2345})), expected);
  EXPECT_EQ(OperatorsAsJson("t1", {}), "[]");
}

TEST(StatementCommandTest, Positions) {
  EXPECT_EQ(ParseCommandPosition("mysql-bin.000003:3270"),
            (BinlogPosition{"mysql-bin.000003", 3270}));
  EXPECT_EQ(ParseCommandPosition("\"mysql-bin|000001.000003:3270\""),
            (BinlogPosition{"mysql-bin|000001.000003", 3270}));
  for (const char* bad :
       {"mysql-bin.000001", ":4", "a:b", "a:1:2", "a:", "a:-1", "\"", "a:99999999999999999999"}) {
    try {
      ParseCommandPosition(bad);
      ADD_FAILURE() << bad;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 11118) << bad;
      EXPECT_THAT(e.message(), HasSubstr("in handle-error operation: the ")) << bad;
    }
  }
}

int CodeFor(const std::vector<std::string>& statements, const std::string& mode = "") {
  try {
    CheckGivenStatements(statements, mode, mysql::Flavor::kMySql);
    return 0;
  } catch (const Error& e) {
    return e.code();
  }
}

TEST(StatementCommandTest, GivenStatements) {
  EXPECT_EQ(CodeFor({"ALTER TABLE d.t ADD c INT;", " create table `d`.n (a int)"}), 0);
  EXPECT_EQ(CodeFor({"CREATE DATABASE d"}), 0);
  EXPECT_EQ(CodeFor({"RENAME TABLE d.a TO d.b"}), 0);
  EXPECT_EQ(CodeFor({}), 36064);
  EXPECT_EQ(CodeFor({"nonsense"}), 36017);
  EXPECT_EQ(CodeFor({"ALTER TABLE d.t ADD c INT", ""}), 36064);
  EXPECT_EQ(CodeFor({"ALTER TABLE d.t ADD c INT; DROP TABLE d.x"}), 36064);
  EXPECT_EQ(CodeFor({"INSERT INTO d.t VALUES (1)"}), 36064);
  EXPECT_EQ(CodeFor({"CREATE VIEW d.v AS SELECT 1"}), 36064);
  EXPECT_EQ(CodeFor({"ALTER TABLE t ADD c INT"}), 36024);
  EXPECT_EQ(CodeFor({"RENAME TABLE d.a TO b"}), 36024);
  EXPECT_EQ(CodeFor({"CREATE TABLE d.a LIKE b"}), 36024);
  EXPECT_EQ(CodeFor({"ALTER TABLE \"d\".\"t\" ADD c INT"}), 36017);
  EXPECT_EQ(CodeFor({"ALTER TABLE \"d\".\"t\" ADD c INT"}, "ANSI_QUOTES"), 0);
}

}  // namespace
}  // namespace dm::migration
