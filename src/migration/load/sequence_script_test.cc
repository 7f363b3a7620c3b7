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
  SequenceScript script = Read(text);
  const bool can = AdaptSequence(&script, target, [&](const std::string& what) {
    if (left_out != nullptr) left_out->push_back(what);
  });
  if (!can) return {};
  std::vector<std::string> statements = {CreateSequenceStatement(script.options, "`t`", target)};
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
  EXPECT_THAT(left_out, ElementsAre("values of the sequence beyond 9223372036854775806",
                                    "type of the sequence: BIGINT UNSIGNED"));
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
  EXPECT_THAT(set("CREATE SEQUENCE s START 7; DO SETVAL(s, 7, 0, 1)"),
              ElementsAre("DO SETVAL(`t`, 6)"));
  EXPECT_THAT(set("CREATE SEQUENCE s START 7; DO SETVAL(s, 7)"), ElementsAre("DO SETVAL(`t`, 7)"));
  EXPECT_THAT(set("CREATE SEQUENCE s INCREMENT -1; DO SETVAL(s, -1, 0)"),
              ElementsAre("DO NEXTVAL(`t`)", "DO SETVAL(`t`, 0)"));
  EXPECT_THAT(set("CREATE SEQUENCE s INCREMENT -1; DO SETVAL(s, -2, 0)"),
              ElementsAre("DO SETVAL(`t`, -1)"));
}

TEST(SequenceScriptTest, OptionsOfTables) {
  const std::string_view text =
      "DROP TABLE IF EXISTS `s`;\nDROP VIEW IF EXISTS `s`;\nCREATE SEQUENCE `s` start with 5 "
      "nocycle "
      "ENGINE=InnoDB PAGE_CHECKSUM=1 ROW_FORMAT=DYNAMIC COMMENT='c' CONNECTION='x' DATA "
      "DIRECTORY='/a' INDEX DIRECTORY = '/b' `PAGE_COMPRESSED`='ON' `ENCRYPTED`=YES, "
      "ENCRYPTION_KEY_ID=4 ROW_FORMAT COMPRESSED `OWN` 7 DEFAULT CHARSET=utf8mb4 COLLATE "
      "utf8mb4_bin CACHE "
      "7";
  EXPECT_THAT(For(MariaDb(10, 11), text),
              ElementsAre("CREATE SEQUENCE `t` START WITH 5 CACHE 7 NOCYCLE ENGINE=InnoDB "
                          "COMMENT='c'"));
}

TEST(SequenceScriptTest, NumbersBeyondSixtyThreeBits) {
  const std::string_view kBegin = "CREATE SEQUENCE s AS BIGINT UNSIGNED START WITH ";
  const auto text = [&](std::string_view rest) { return std::string(kBegin).append(rest); };
  std::vector<std::string> left_out;
  for (const mysql::ServerInfo& old : {TiDb(), MariaDb(11, 4)}) {
    EXPECT_THAT(For(old, text("9223372036854775808 INCREMENT BY 1")), IsEmpty());
    EXPECT_THAT(For(old, text("1 MINVALUE 9223372036854775808")), IsEmpty());
    EXPECT_THAT(For(old, text("1 INCREMENT BY 9223372036854775809")), IsEmpty());
    left_out.clear();
    // It must not give what the upstream has given.
    EXPECT_THAT(
        For(old, text("1 MAXVALUE 18446744073709551614; DO SETVAL(s, 9223372036854775810, 0)"),
            &left_out)
            .back(),
        HasSubstr("DO SETVAL(`t`, 9223372036854775806"));
    EXPECT_THAT(left_out, ::testing::Contains(HasSubstr("9223372036854775810")));
  }
  EXPECT_THAT(
      For(MariaDb(11, 5), text("9223372036854775808; DO SETVAL(s, 9223372036854775810, 0)")),
      ElementsAre("CREATE SEQUENCE `t` AS BIGINT UNSIGNED START WITH 9223372036854775808 "
                  "ENGINE=InnoDB",
                  "DO SETVAL(`t`, 9223372036854775810, 0, 0)"));
}

TEST(SequenceScriptTest, TheSmallestNumberIsTheEnd) {
  EXPECT_THAT(For(MariaDb(10, 11),
                  "CREATE SEQUENCE s INCREMENT BY -1; DO SETVAL(s, -9223372036854775808, 0, 0)"),
              ElementsAre("CREATE SEQUENCE `t` INCREMENT BY -1 ENGINE=InnoDB",
                          "DO SETVAL(`t`, -9223372036854775807, 1, 0)"));
}

TEST(SequenceScriptTest, WhatComesNext) {
  const auto next = [](std::string_view text) { return NextValue(Read(text)).value_or(""); };
  EXPECT_EQ(next("CREATE SEQUENCE s START 1000; DO SETVAL(s, 10, 0)"), "10");
  EXPECT_EQ(next("CREATE SEQUENCE s START 1000; DO SETVAL(s, 10)"), "11");
  EXPECT_EQ(next("CREATE SEQUENCE s START 50 INCREMENT -5 MAXVALUE 90; DO SETVAL(s, 90, 0, 0)"),
            "90");
  EXPECT_EQ(next("CREATE SEQUENCE s INCREMENT -5; DO SETVAL(s, -1, 1)"), "-6");
  EXPECT_EQ(
      next("CREATE SEQUENCE s AS BIGINT UNSIGNED MINVALUE 1 MAXVALUE 18446744073709551614; DO "
           "SETVAL(s, 18446744073709551613)"),
      "18446744073709551614");
  // None, or who knows.
  EXPECT_EQ(next("CREATE SEQUENCE s MAXVALUE 5; DO SETVAL(s, 6, 0)"), "");
  EXPECT_EQ(next("CREATE SEQUENCE s MAXVALUE 5; DO SETVAL(s, 5)"), "");
  EXPECT_EQ(next("CREATE SEQUENCE s INCREMENT 0; DO SETVAL(s, 5)"), "");
  EXPECT_EQ(next("CREATE SEQUENCE s AS TINYINT; DO SETVAL(s, 5)"), "");
  EXPECT_EQ(next("CREATE SEQUENCE s; DO SETVAL(s, 5); DO SETVAL(s, 3)"), "");
  EXPECT_EQ(next("CREATE SEQUENCE s"), "");
}

TEST(SequenceScriptTest, Definitions) {
  const auto same = [](std::string_view a, std::string_view b) {
    return GivesSameValues(Read(a).options, Read(b).options);
  };
  EXPECT_TRUE(same("CREATE SEQUENCE s CACHE 5",
                   "CREATE SEQUENCE `t` start with 1 minvalue 1 maxvalue 9223372036854775806 "
                   "increment by 1 cache 1000 nocycle ENGINE=InnoDB"));
  EXPECT_TRUE(same("CREATE SEQUENCE s INCREMENT BY -2",
                   "CREATE SEQUENCE `t` start with -1 minvalue -9223372036854775807 maxvalue -1 "
                   "increment by -2 cache 1000 nocycle ENGINE=InnoDB"));
  for (const std::string_view other :
       {"START 2", "MINVALUE 0", "MAXVALUE 7", "INCREMENT 3", "CYCLE"}) {
    EXPECT_FALSE(same("CREATE SEQUENCE s", std::string("CREATE SEQUENCE s ").append(other)));
  }
}

TEST(SequenceScriptTest, WhatItIsNot) {
  EXPECT_THAT(Refusal(""), HasSubstr("there is no CREATE SEQUENCE in it"));
  EXPECT_THAT(Refusal("CREATE TABLE t (a INT)"), HasSubstr("SEQUENCE is expected at line 1"));
  EXPECT_THAT(Refusal("INSERT INTO t VALUES (1)"), HasSubstr("CREATE SEQUENCE or SETVAL is"));
  EXPECT_THAT(Refusal("CREATE SEQUENCE s START"), HasSubstr("a number is expected at the end"));
  EXPECT_THAT(Refusal("CREATE SEQUENCE s NO START 5"), HasSubstr("MINVALUE"));
  EXPECT_THAT(Refusal("CREATE SEQUENCE s STEP 5"), HasSubstr("an option of CREATE SEQUENCE"));
  EXPECT_THAT(Refusal("CREATE SEQUENCE s ROW_FORMAT="), HasSubstr("a value is expected"));
  EXPECT_THAT(Refusal("DROP DATABASE d"), HasSubstr("SEQUENCE is expected"));
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
