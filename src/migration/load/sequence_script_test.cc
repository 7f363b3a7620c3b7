#include "migration/load/sequence_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::migration {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

mysql::ServerInfo MariaDb(int major, int minor) {
  mysql::ServerInfo server;
  server.is_mariadb = true;
  server.major = major;
  server.minor = minor;
  return server;
}

mysql::ServerInfo TiDb() {
  mysql::ServerInfo server;
  server.is_tidb = true;
  server.major = 8;
  return server;
}

SequenceScript Read(std::string_view script) {
  mysql::ParseOptions options;
  options.mariadb = true;
  return ReadSequenceScript(script, options);
}

// The statements for a target.
std::vector<std::string> For(const mysql::ServerInfo& target, std::string_view text,
                             std::vector<std::string>* left_out = nullptr) {
  const SequenceScript script = Read(text);
  std::vector<std::string> statements = {
      CreateSequenceStatement(script.options, "`t`", target, [&](const std::string& what) {
        if (left_out != nullptr) left_out->push_back(what);
      })};
  for (const SequenceValue& value : script.values) {
    for (std::string& set : SetValueStatements(script.options, value, "`t`", target)) {
      statements.push_back(std::move(set));
    }
  }
  return statements;
}

std::string Refusal(std::string_view script) {
  try {
    Read(script);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 34006);
    return e.message();
  }
  return "";
}

constexpr std::string_view kShown =
    "/*!40014 SET FOREIGN_KEY_CHECKS=0*/;\n/*!40101 SET NAMES binary*/;\n"
    "CREATE SEQUENCE `s` start with 100 minvalue -10 maxvalue 100 increment by -2 cache 3 cycle "
    "ENGINE=Aria COMMENT='it''s; \\\\x';\nDO SETVAL(`s`, 94, 0, 2);\n";

TEST(SequenceScriptTest, AsMariaDbShowsIt) {
  EXPECT_THAT(For(MariaDb(10, 11), kShown),
              ElementsAre("CREATE SEQUENCE `t` START WITH 100 MINVALUE -10 MAXVALUE 100 INCREMENT "
                          "BY -2 CACHE 3 CYCLE ENGINE=InnoDB COMMENT='it\\'s; \\\\x'",
                          "DO SETVAL(`t`, 94, 0, 2)"));
  // TiDB is told what has been given, not what is next.
  EXPECT_THAT(For(TiDb(), kShown),
              ElementsAre("CREATE SEQUENCE `t` START WITH 100 MINVALUE -10 MAXVALUE 100 INCREMENT "
                          "BY -2 CACHE 3 CYCLE COMMENT='it\\'s; \\\\x'",
                          "DO NEXTVAL(`t`)", "DO SETVAL(`t`, 95)"));
}

TEST(SequenceScriptTest, AsOthersWriteIt) {
  const std::string_view text =
      "DROP SEQUENCE IF EXISTS d.s;\nCREATE OR REPLACE SEQUENCE IF NOT EXISTS d.s START = 5 NO "
      "MINVALUE NOMAXVALUE INCREMENT 1 NO CACHE NO CYCLE;\nSELECT SETVAL(d.s,1001);"
      "SELECT SETVAL(`s`, 1002, false); select setval(s, -3, TRUE)";
  EXPECT_THAT(For(MariaDb(10, 3), text),
              ElementsAre("CREATE SEQUENCE `t` START WITH 5 INCREMENT BY 1 NOCACHE NOCYCLE "
                          "ENGINE=InnoDB",
                          "DO SETVAL(`t`, 1001, 1, 0)", "DO SETVAL(`t`, 1002, 0, 0)",
                          "DO SETVAL(`t`, -3, 1, 0)"));
  EXPECT_THAT(For(TiDb(), text),
              ElementsAre("CREATE SEQUENCE `t` START WITH 5 INCREMENT BY 1 NOCACHE NOCYCLE",
                          "DO SETVAL(`t`, 1001)", "DO SETVAL(`t`, 1001)", "DO NEXTVAL(`t`)",
                          "DO SETVAL(`t`, -3)"));
  EXPECT_THAT(For(TiDb(), "create sequence s"), ElementsAre("CREATE SEQUENCE `t`"));
}

TEST(SequenceScriptTest, TypesOfNewerServers) {
  const std::string_view text =
      "CREATE SEQUENCE `s` as bigint unsigned start with 1 minvalue 1 maxvalue "
      "18446744073709551614 increment by 1 cache 1000 nocycle ENGINE=InnoDB";
  std::vector<std::string> left_out;
  EXPECT_THAT(
      For(MariaDb(11, 5), text, &left_out)[0],
      HasSubstr("AS BIGINT UNSIGNED START WITH 1 MINVALUE 1 MAXVALUE 18446744073709551614"));
  EXPECT_THAT(left_out, IsEmpty());
  EXPECT_THAT(For(MariaDb(11, 4), text, &left_out)[0],
              HasSubstr("`t` START WITH 1 MINVALUE 1 MAXVALUE 9223372036854775806 "));
  EXPECT_THAT(left_out, ElementsAre("type of the sequence: BIGINT UNSIGNED",
                                    "values of the sequence beyond 9223372036854775806"));
  left_out.clear();
  EXPECT_THAT(For(TiDb(), "CREATE SEQUENCE s AS INT SIGNED MAXVALUE 7", &left_out)[0],
              "CREATE SEQUENCE `t` MAXVALUE 7");
  EXPECT_THAT(left_out, ElementsAre("type of the sequence: INT"));
}

TEST(SequenceScriptTest, ValuesThatTiDbCannotBeTold) {
  const auto set = [](std::string_view script) {
    std::vector<std::string> statements = For(TiDb(), script);
    statements.erase(statements.begin());
    return statements;
  };
  EXPECT_THAT(set("CREATE SEQUENCE s; DO SETVAL(s, -9223372036854775807, 0, 0)"), IsEmpty());
  EXPECT_THAT(set("CREATE SEQUENCE s INCREMENT -1; DO SETVAL(s, 9223372036854775807, 0)"),
              IsEmpty());
  EXPECT_THAT(set("CREATE SEQUENCE s; DO SETVAL(s, 9223372036854775807, 0, 0)"),
              ElementsAre("DO SETVAL(`t`, 9223372036854775806)"));
  // None has been given.
  EXPECT_THAT(set("CREATE SEQUENCE s START 7; DO SETVAL(s, 7, 0, 0)"), IsEmpty());
  EXPECT_THAT(set("CREATE SEQUENCE s START 7; DO SETVAL(s, 7, 0, 1)"),
              ElementsAre("DO SETVAL(`t`, 6)"));
  EXPECT_THAT(set("CREATE SEQUENCE s START 7; DO SETVAL(s, 7)"), ElementsAre("DO SETVAL(`t`, 7)"));
  EXPECT_THAT(set("CREATE SEQUENCE s INCREMENT -1; DO SETVAL(s, -1, 0)"),
              ElementsAre("DO NEXTVAL(`t`)", "DO SETVAL(`t`, 0)"));
  EXPECT_THAT(set("CREATE SEQUENCE s INCREMENT -1; DO SETVAL(s, -2, 0)"),
              ElementsAre("DO SETVAL(`t`, -1)"));
}

TEST(SequenceScriptTest, WhatItIsNot) {
  EXPECT_THAT(Refusal(""), HasSubstr("there is no CREATE SEQUENCE in it"));
  EXPECT_THAT(Refusal("CREATE TABLE t (a INT)"), HasSubstr("SEQUENCE is expected at line 1"));
  EXPECT_THAT(Refusal("INSERT INTO t VALUES (1)"), HasSubstr("CREATE SEQUENCE or SETVAL is"));
  EXPECT_THAT(Refusal("CREATE SEQUENCE s START"), HasSubstr("a number is expected at the end"));
  EXPECT_THAT(Refusal("CREATE SEQUENCE s NO START 5"), HasSubstr("MINVALUE"));
  EXPECT_THAT(Refusal("CREATE SEQUENCE s STEP 5"), HasSubstr("an option of CREATE SEQUENCE"));
  EXPECT_THAT(Refusal("CREATE SEQUENCE s; CREATE SEQUENCE u"), HasSubstr("one sequence only"));
  EXPECT_THAT(Refusal("CREATE SEQUENCE s; DO SETVAL(u, 5)"), HasSubstr("made before it"));
  EXPECT_THAT(Refusal("CREATE SEQUENCE s; DO SETVAL(s, 5), 1"), HasSubstr("end of the statement"));
  EXPECT_THAT(Refusal("CREATE SEQUENCE s; DO SLEEP(5)"), HasSubstr("SETVAL is expected"));
  EXPECT_THAT(Refusal("CREATE SEQUENCE s; DO SETVAL(s, 'x')"), HasSubstr("a number is expected"));
  EXPECT_THAT(Refusal("CREATE SEQUENCE s; DO SETVAL(s, 5"), HasSubstr(") is expected at the end"));
  EXPECT_THAT(Refusal("CREATE TEMPORARY SEQUENCE s"), HasSubstr("SEQUENCE is expected"));
}

TEST(SequenceScriptTest, ServersThatHaveSome) {
  EXPECT_TRUE(HasSequences(MariaDb(10, 3)));
  EXPECT_FALSE(HasSequences(MariaDb(10, 2)));
  EXPECT_TRUE(HasSequences(TiDb()));
  EXPECT_FALSE(HasSequences(mysql::ServerInfo()));
}

}  // namespace
}  // namespace dm::migration
