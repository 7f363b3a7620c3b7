#include "migration/precheck/grants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dm::migration {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<GrantRow> Rows(const std::vector<std::string>& texts) {
  std::vector<GrantRow> rows;
  for (const std::string& text : texts) rows.push_back(ParseGrantRow(text));
  return rows;
}

PrivilegeNeeds DumpNeeds(const std::string& schema, const std::string& table) {
  PrivilegeNeeds needs;
  needs[Privilege::kSelect].tables[schema].insert(table);
  needs[Privilege::kReload].global = true;
  return needs;
}

PrivilegeNeeds SelectOn(const std::string& schema, const std::string& table) {
  PrivilegeNeeds needs;
  needs[Privilege::kSelect].tables[schema].insert(table);
  return needs;
}

PrivilegeNeeds Global(std::initializer_list<Privilege> privileges) {
  PrivilegeNeeds needs;
  for (const Privilege privilege : privileges) needs[privilege].global = true;
  return needs;
}

const PrivilegeNeeds kReplication =
    Global({Privilege::kReplicationSlave, Privilege::kReplicationClient});

std::string Lack(const PrivilegeNeeds& needs, const std::vector<std::string>& rows,
                 const GrantRules& rules = {}) {
  return LackText(Lacking(needs, Rows(rows), rules));
}

// ---- rows as servers write them ----

struct ReadCase {
  std::string row;
  GrantRow::Kind kind;
};

class ReadsRow : public ::testing::TestWithParam<ReadCase> {};

TEST_P(ReadsRow, OfAnyServer) {
  const GrantRow row = ParseGrantRow(GetParam().row);
  EXPECT_EQ(row.kind, GetParam().kind) << GetParam().row << ": " << row.problem;
}

constexpr auto kGrant = GrantRow::Kind::kGrant;
constexpr auto kRevoke = GrantRow::Kind::kRevoke;
constexpr auto kRoles = GrantRow::Kind::kRoles;
constexpr auto kNothing = GrantRow::Kind::kNothing;
constexpr auto kUnknown = GrantRow::Kind::kUnknown;

INSTANTIATE_TEST_SUITE_P(
    Servers, ReadsRow,
    ::testing::Values(
        // MySQL 5.6
        ReadCase{"GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' IDENTIFIED BY PASSWORD "
                 "'*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19' WITH GRANT OPTION",
                 kGrant},
        ReadCase{
            "GRANT RELOAD, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'dm'@'%' IDENTIFIED "
            "BY PASSWORD <secret>",
            kGrant},
        ReadCase{"GRANT USAGE ON *.* TO 'dm'@'10.0.%' IDENTIFIED BY PASSWORD", kGrant},
        ReadCase{"GRANT PROXY ON ''@'' TO 'root'@'localhost' WITH GRANT OPTION", kNothing},
        // MySQL 5.7
        ReadCase{"GRANT SELECT, INSERT ON `shop`.* TO 'dm'@'%' REQUIRE SSL", kGrant},
        ReadCase{"GRANT SELECT (id, `a)b`), INSERT (id) ON `shop`.`orders` TO 'dm'@'%'", kGrant},
        ReadCase{"GRANT EXECUTE ON PROCEDURE `shop`.`p` TO 'dm'@'%'", kNothing},
        ReadCase{"GRANT EXECUTE, ALTER ROUTINE ON FUNCTION `shop`.`f` TO 'dm'@'%'", kNothing},
        // MySQL 8 and 9
        ReadCase{
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, SHUTDOWN, PROCESS, "
            "FILE, REFERENCES, INDEX, ALTER, SHOW DATABASES, SUPER, CREATE TEMPORARY TABLES, "
            "LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW "
            "VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, CREATE "
            "TABLESPACE, CREATE ROLE, DROP ROLE ON *.* TO `root`@`localhost` WITH GRANT OPTION",
            kGrant},
        ReadCase{"GRANT APPLICATION_PASSWORD_ADMIN,BACKUP_ADMIN,FLUSH_TABLES,XA_RECOVER_ADMIN ON "
                 "*.* TO `root`@`localhost` WITH GRANT OPTION",
                 kGrant},
        ReadCase{"GRANT PROXY ON ``@`` TO `root`@`localhost` WITH GRANT OPTION", kNothing},
        ReadCase{"GRANT `dm_role`@`%` TO `u`@`%` WITH ADMIN OPTION", kRoles},
        ReadCase{"GRANT `r1`@`%`,`r 2`@`10.%` TO `u`@`%`", kRoles},
        ReadCase{"REVOKE SELECT ON `mysql`.* FROM `u`@`%`", kRevoke},
        ReadCase{"GRANT EXECUTE ON LIBRARY `shop`.`l` TO `u`@`%`", kNothing},
        // Aurora, RDS
        ReadCase{"GRANT SELECT, RELOAD, LOAD FROM S3, SELECT INTO S3, INVOKE LAMBDA, INVOKE "
                 "SAGEMAKER, INVOKE COMPREHEND ON *.* TO 'admin'@'%' WITH GRANT OPTION",
                 kGrant},
        ReadCase{"GRANT AWS_LOAD_S3_ACCESS, AWS_LAMBDA_ACCESS ON *.* TO `admin`@`%`", kGrant},
        ReadCase{"GRANT `rds_superuser_role`@`%` TO `admin`@`%`", kRoles},
        ReadCase{"REVOKE LOAD FROM S3 ON *.* FROM `admin`@`%`", kRevoke},
        // MariaDB 10 and 11
        ReadCase{
            "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` IDENTIFIED VIA mysql_native_password"
            " USING 'invalid' OR unix_socket WITH GRANT OPTION",
            kGrant},
        ReadCase{
            "GRANT SELECT, RELOAD, BINLOG MONITOR, REPLICATION SLAVE ADMIN, SLAVE MONITOR ON "
            "*.* TO `dm`@`%` IDENTIFIED BY PASSWORD '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'",
            kGrant},
        ReadCase{"GRANT SELECT, DELETE HISTORY ON `shop`.`t` TO `dm`@`%`", kGrant},
        ReadCase{"GRANT `reader` TO `dm`@`%`", kRoles},
        ReadCase{"GRANT reader TO 'dm'@'%' WITH ADMIN OPTION", kRoles},
        ReadCase{"SET DEFAULT ROLE `reader` FOR `dm`@`%`", kNothing},
        ReadCase{"GRANT USAGE ON *.* TO `reader`", kGrant},
        ReadCase{"GRANT EXECUTE ON PACKAGE BODY `shop`.`p` TO `dm`@`%`", kNothing},
        ReadCase{"GRANT USAGE ON *.* TO `dm`@`%` REQUIRE SSL WITH MAX_QUERIES_PER_HOUR 10", kGrant},
        // TiDB
        ReadCase{"GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION", kGrant},
        ReadCase{"GRANT SELECT,INSERT ON `shop`.* TO 'dm'@'%'", kGrant},
        ReadCase{"GRANT 'r1'@'%' TO 'dm'@'%'", kRoles},
        ReadCase{"GRANT BACKUP_ADMIN,RESTORE_ADMIN ON *.* TO 'dm'@'%'", kGrant},
        // ANSI quotes
        ReadCase{"GRANT SELECT ON \"shop\".\"t\" TO \"dm\"@\"%\"", kGrant},
        // Not understood
        ReadCase{"", kUnknown}, ReadCase{"SHOW TABLES", kUnknown},
        ReadCase{"GRANT SELECT ON *.*", kUnknown}, ReadCase{"GRANT SELECT ON `a`.* TO", kUnknown},
        ReadCase{"GRANT SELECT (a ON `a`.* TO `u`@`%`", kUnknown},
        ReadCase{"GRANT ON *.* TO `u`@`%`", kUnknown}, ReadCase{"GRANT `r TO u", kUnknown}));

TEST(ParseGrantRow, KeepsWhatMatters) {
  const GrantRow row =
      ParseGrantRow("GRANT SELECT (id), LOCK TABLES, INSERT ON `a``b\\_c`.`t.``u` TO `x`@`%`");
  EXPECT_EQ(row.level, GrantRow::Level::kTable);
  EXPECT_EQ(row.schema, "a`b\\_c");
  EXPECT_EQ(row.table, "t.`u");
  EXPECT_EQ(row.names, (std::set<std::string>{"INSERT", "LOCK TABLES"}));
  EXPECT_EQ(row.on_columns, std::set<std::string>{"SELECT"});
  const GrantRow roles = ParseGrantRow("GRANT `r``1`@`%`,`r2` TO `u`@`%`");
  ASSERT_EQ(roles.roles.size(), 2u);
  EXPECT_EQ(QuoteRole(roles.roles[0]), "`r``1`@`%`");
  EXPECT_EQ(QuoteRole(roles.roles[1]), "`r2`");
  EXPECT_EQ(ParseGrantRow("SHOW TABLES").problem, "is not grant statement");
  EXPECT_EQ(ParseGrantRow("GRANT SELECT ON *.*").problem, "grant has no user");
}

TEST(RedactGrantRow, HasNoSecret) {
  for (const std::string row :
       {"GRANT USAGE ON *.* TO 'dm'@'%' IDENTIFIED BY PASSWORD '*SECRETHASH'",
        "GRANT ALL ON *.* TO `dm`@`%` IDENTIFIED VIA ed25519 USING 'SECRETHASH'",
        "IDENTIFIED BY PASSWORD '*SECRETHASH'", "PASSWORD('SECRETHASH')"}) {
    EXPECT_THAT(RedactGrantRow(row), Not(HasSubstr("SECRET"))) << row;
  }
  EXPECT_EQ(RedactGrantRow("GRANT USAGE ON *.* TO 'dm'@'%'"), "GRANT USAGE ON *.* TO ...");
}

TEST(MatchesGrantPattern, HasWildcardsAndEscapes) {
  EXPECT_TRUE(MatchesGrantPattern("demo\\_db", "demo_db"));
  EXPECT_FALSE(MatchesGrantPattern("demo\\_db", "demo2db"));
  EXPECT_TRUE(MatchesGrantPattern("demo_db", "demo2db"));
  EXPECT_FALSE(MatchesGrantPattern("demo_db", "demodb"));
  EXPECT_TRUE(MatchesGrantPattern("demo_db", "demo漢db"));
  EXPECT_TRUE(MatchesGrantPattern("%", "anything"));
  EXPECT_TRUE(MatchesGrantPattern("%", ""));
  EXPECT_TRUE(MatchesGrantPattern("a%c%e", "abcde"));
  EXPECT_FALSE(MatchesGrantPattern("a%c%e", "abcdf"));
  EXPECT_TRUE(MatchesGrantPattern("a\\%", "a%"));
  EXPECT_FALSE(MatchesGrantPattern("a\\%", "ab"));
  EXPECT_TRUE(MatchesGrantPattern("db\\_%", "db_1"));
  EXPECT_FALSE(MatchesGrantPattern("db\\_%", "dbx_1"));
}

// ---- what grants give ----

TEST(Lacking, ReadLockOfADump) {
  const PrivilegeNeeds needs = DumpNeeds("a", "t");
  EXPECT_EQ(Lack(needs, {"GRANT SELECT, RELOAD ON *.* TO `u`@`%`"}), "");
  EXPECT_EQ(Lack(needs, {"GRANT SELECT, FLUSH_TABLES ON *.* TO `u`@`%`"}), "");
  const std::string reload = "lack of RELOAD global (*.*) privilege; ";
  EXPECT_EQ(Lack(needs, {"GRANT SELECT ON *.* TO `u`@`%`",
                         "GRANT BACKUP_ADMIN,FLUSH_STATUS,FLUSH_OPTIMIZER_COSTS,"
                         "FLUSH_USER_RESOURCES ON *.* TO `u`@`%`"}),
            reload);
  EXPECT_EQ(Lack(needs, {"GRANT SELECT, RELOAD ON `a`.* TO `u`@`%`"}), reload);
  EXPECT_EQ(Lack(needs, {"GRANT USAGE ON *.* TO `u`@`%`"}),
            "lack of Select privilege: {`a`.`t`}; " + reload);
}

TEST(Lacking, LevelsOfSelect) {
  const PrivilegeNeeds needs = SelectOn("a", "t");
  const std::string lack = "lack of Select privilege: {`a`.`t`}; ";
  EXPECT_EQ(Lack(needs, {"GRANT ALL PRIVILEGES ON *.* TO `u`@`%` WITH GRANT OPTION"}), "");
  EXPECT_EQ(Lack(needs, {"GRANT ALL PRIVILEGES ON `a`.* TO `u`@`%`"}), "");
  EXPECT_EQ(Lack(needs, {"GRANT ALL PRIVILEGES ON `a`.`t` TO `u`@`%`"}), "");
  EXPECT_EQ(Lack(needs, {"GRANT SELECT ON `a`.`t` TO `u`@`%`"}), "");
  EXPECT_EQ(Lack(needs, {"GRANT SELECT ON `a`.`T` TO `u`@`%`"}), lack);
  EXPECT_EQ(Lack(needs, {"GRANT SELECT (id) ON `a`.`t` TO `u`@`%`"}), lack);
  EXPECT_EQ(
      Lack(needs, {"GRANT USAGE ON *.* TO `u`@`%`", "GRANT SELECT (id) ON `a`.`t` TO `u`@`%`"}),
      lack);
  EXPECT_EQ(Lack(SelectOn("d_b", "t"), {"GRANT ALL ON `d\\_b`.* TO `u`@`%`"}), "");
  EXPECT_EQ(Lack(SelectOn("dxb", "t"), {"GRANT ALL ON `d\\_b`.* TO `u`@`%`"}),
            "lack of Select privilege: {`dxb`.`t`}; ");
}

TEST(Lacking, Replication) {
  EXPECT_EQ(Lack(kReplication, {"GRANT ALL PRIVILEGES ON `shop`.* TO `u`@`%`"}),
            "lack of REPLICATION CLIENT global (*.*) privilege; lack of REPLICATION SLAVE global "
            "(*.*) privilege; ");
  const std::vector<std::string> super = {"GRANT SUPER, REPLICATION SLAVE ON *.* TO `u`@`%`"};
  EXPECT_EQ(Lack(kReplication, super), "");
  EXPECT_EQ(Lack(kReplication, super, {.super_is_replication_client = false}),
            "lack of REPLICATION CLIENT global (*.*) privilege; ");
  EXPECT_EQ(Lack(kReplication, {"GRANT BINLOG MONITOR, REPLICATION SLAVE ON *.* TO `u`@`%`"}), "");
  EXPECT_EQ(Lack(kReplication, {"GRANT REPLICATION CLIENT ON *.* TO `u`@`%`",
                                "GRANT REPLICATION_SLAVE_ADMIN ON *.* TO `u`@`%`"}),
            "lack of REPLICATION SLAVE global (*.*) privilege; ");
}

TEST(Lacking, PartialRevokes) {
  const std::string all = "GRANT ALL PRIVILEGES ON *.* TO `u`@`%` WITH GRANT OPTION";
  EXPECT_EQ(Lack(SelectOn("a", "t"), {all, "REVOKE SELECT ON `a`.* FROM `u`@`%`"}),
            "lack of Select privilege: {`a`.`t`}; ");
  EXPECT_EQ(Lack(SelectOn("b", "t"), {all, "REVOKE SELECT ON `a`.* FROM `u`@`%`"}), "");
  EXPECT_EQ(Lack(Global({Privilege::kReload, Privilege::kReplicationClient}),
                 {all, "REVOKE ALL ON `a`.* FROM `u`@`%`"}),
            "");
  EXPECT_EQ(Lack(Global({Privilege::kUpdate}), {all, "REVOKE UPDATE ON `a`.* FROM `u`@`%`"}),
            "lack of Update global (*.*) privilege; ");
  EXPECT_EQ(Lack(SelectOn("dxb", "t"),
                 {"GRANT SELECT ON `d_b`.* TO `u`@`%`", "REVOKE SELECT ON `d_%`.* FROM `u`@`%`"}),
            "");
  EXPECT_EQ(Lack(Global({Privilege::kSuper, Privilege::kReplicationClient}),
                 {all, "REVOKE SUPER ON *.* FROM `u`@`%`"}),
            "lack of Super global (*.*) privilege; lack of REPLICATION CLIENT global (*.*) "
            "privilege; ");
  EXPECT_EQ(Lack(Global({Privilege::kReload}), {all, "REVOKE FLUSH_TABLES ON *.* FROM `u`@`%`"}),
            "lack of RELOAD global (*.*) privilege; ");
  EXPECT_EQ(Lack(SelectOn("a", "t"), {all, "REVOKE SELECT (id) ON `a`.`t` FROM `u`@`%`"}),
            "lack of Select privilege: {`a`.`t`}; ");
  EXPECT_EQ(Lack(SelectOn("a", "t"), {all, "REVOKE ALL PRIVILEGES ON *.* FROM `u`@`%`"}),
            "lack of Select privilege: {`a`.`t`}; ");
}

TEST(Lacking, OneRowThatIsNotUnderstoodHidesNoOther) {
  EXPECT_EQ(Lack(SelectOn("a", "t"),
                 {"GRANT SOMETHING ~ NEW", "GRANT SELECT ON `a`.* TO `u`@`%`", "whatever"}),
            "");
}

TEST(Lacking, WholeSchemas) {
  PrivilegeNeeds needs;
  needs[Privilege::kLockTables].schemas = {"a", "b"};
  EXPECT_EQ(Lack(needs, {"GRANT LOCK TABLES ON `a`.* TO `u`@`%`"}),
            "lack of LOCK TABLES privilege: {`b`.*}; ");
  EXPECT_EQ(Lack(needs, {"GRANT LOCK TABLES ON *.* TO `u`@`%`"}), "");
  needs.clear();
  needs[Privilege::kInsert].schemas = {"a"};
  EXPECT_EQ(Lack(needs, {"GRANT INSERT ON `a`.`t` TO `u`@`%`"}),
            "lack of Insert privilege: {`a`.*}; ");
}

// lower_case_table_names 1 and 2, and so TiDB: grants may be stored in other letters.
TEST(Lacking, LetterCaseCountsWhereItDoesForTheServer) {
  const std::vector<std::string> grants = {"GRANT SELECT ON `shop`.* TO `u`@`%`",
                                           "GRANT SELECT ON `CRM`.`Leads` TO `u`@`%`",
                                           "GRANT SELECT ON `old\\_%`.* TO `u`@`%`"};
  PrivilegeNeeds needs;
  needs[Privilege::kSelect].schemas = {"Shop", "Old_1"};
  needs[Privilege::kSelect].tables = {{"Crm", {"leads", "Orders"}}, {"SHOP", {"T"}}};
  EXPECT_EQ(Lack(needs, grants),
            "lack of Select privilege: {`Crm`.`Orders`, `Crm`.`leads`; `Old_1`.*; `SHOP`.`T`; "
            "`Shop`.*}; ");
  EXPECT_EQ(Lack(needs, grants, {.ignores_case = true}),
            "lack of Select privilege: {`Crm`.`Orders`}; ");
  EXPECT_EQ(
      Lack(needs,
           {"GRANT ALL PRIVILEGES ON *.* TO `u`@`%`", "REVOKE SELECT ON `shop`.* FROM `u`@`%`"},
           {.ignores_case = true}),
      "lack of Select privilege: {`SHOP`.`T`; `Shop`.*}; ");
}

TEST(LackText, HasAFixedOrderAndSortedNames) {
  PrivilegeNeeds needs = Global({Privilege::kReplicationSlave, Privilege::kReload,
                                 Privilege::kIndex, Privilege::kProcess, Privilege::kCreate});
  needs[Privilege::kSelect].tables = {{"shop", {"orders", "items"}}, {"crm", {"leads"}}};
  EXPECT_EQ(LackText(needs),
            "lack of Create global (*.*) privilege; lack of Select privilege: {`crm`.`leads`; "
            "`shop`.`items`, `shop`.`orders`}; lack of Process global (*.*) privilege; lack of "
            "Index global (*.*) privilege; lack of RELOAD global (*.*) privilege; lack of "
            "REPLICATION SLAVE global (*.*) privilege; ");
}

}  // namespace
}  // namespace dm::migration
