#include "migration/sync/online_ddl.h"

#include <gtest/gtest.h>

#include "base/error/error.h"
#include "mysql/sql/parser.h"
#include "mysql/sql/restore.h"
#include "mysql/sql/rewrite.h"

namespace dm::migration {
namespace {

using Step = OnlineDdl::Step;

class OnlineDdlTest : public testing::Test {
 protected:
  OnlineDdlTest() {
    rules_.online_ddl = OnlineDdlNames({}, {});
    context_.rules = &rules_;
    context_.sessions = &sessions_;
    context_.tracker = &tracker_;
    tracker_.CreateSchemaIfNotExists("s");
    online_.emplace(context_, OnlineDdlTable("dm_meta", "t", "source", false));
    online_->Begin();
  }

  void Track(const std::string& statement) {
    for (const mysql::Statement& one : Parsed(statement)) tracker_.Exec("s", one);
  }

  static std::vector<mysql::Statement> Parsed(const std::string& text) {
    std::vector<mysql::Statement> all;
    for (const mysql::Statement& statement : mysql::ParseStatements(text, {})) {
      for (mysql::Statement& split : mysql::SplitDdl(statement, "s")) {
        all.push_back(std::move(split));
      }
    }
    return all;
  }

  OnlineDdl::Judgement Judge(const std::string& text) {
    const mysql::Statement split = Parsed(text).at(0);
    std::vector<TableId> tables;
    for (const mysql::TableName& name : mysql::TableRefs(split, "s", false)) {
      tables.push_back({name.schema, name.name});
    }
    return online_->Judge(split, tables);
  }

  void Expect(const std::string& text, Step step, const std::string& real) {
    const OnlineDdl::Judgement judged = Judge(text);
    EXPECT_EQ(static_cast<int>(judged.step), static_cast<int>(step)) << text;
    if (step != Step::kOrdinary) {
      EXPECT_EQ(judged.real.table, real) << text;
    }
  }

  // Keeps the statements of one event.
  void Event(const std::string& text, const std::string& shadow = "_t_gho",
             const StatementSession& session = {}) {
    online_->Begin();
    for (const mysql::Statement& split : Parsed(text)) {
      online_->Keep({"s", shadow}, {"s", "t"}, mysql::Restore(split), session);
    }
    online_->HasChanges();
    online_->Commit();
  }

  std::vector<std::string> Kept() {
    std::vector<std::string> texts;
    const OnlineDdlRecord* record = online_->Find({"s", "_t_gho"});
    if (record == nullptr) return texts;
    std::vector<mysql::Statement> kept;
    for (OnlineDdl::Kept& one : online_->KeptFor(*record, {"s", "t"})) {
      kept.push_back(std::move(one.statement));
    }
    for (const mysql::Statement& statement : mysql::JoinAlters(std::move(kept))) {
      texts.push_back(mysql::Restore(statement));
    }
    return texts;
  }

  Rules rules_;
  Sessions sessions_;
  mysql::SchemaTracker tracker_{{}};
  PlanContext context_;
  std::optional<OnlineDdl> online_;
};

TEST_F(OnlineDdlTest, WhatAStatementIs) {
  Expect("alter table t add c int", Step::kOrdinary, "");
  Expect("rename table t to u", Step::kOrdinary, "");
  Expect("create database _x_gho", Step::kOrdinary, "");
  Expect("create table u like _t_gho", Step::kOrdinary, "");
  Expect("create table _t_gho like t", Step::kNewShadow, "t");
  Expect("create table _t_new (a int)", Step::kNewShadow, "t");
  Expect("alter table _t_gho add c int", Step::kShadowChange, "t");
  Expect("create index i on _t_gho (a)", Step::kShadowChange, "t");
  Expect("drop index i on _t_gho", Step::kShadowChange, "t");
  Expect("truncate _t_gho", Step::kNothing, "t");
  Expect("alter table _t_gho truncate partition p", Step::kNothing, "t");
  Expect("alter table _t_gho exchange partition p with table u", Step::kShadowMoved, "t");
  Expect("drop table _t_gho", Step::kShadowGone, "t");
  Expect("rename table _t_gho to _t_del", Step::kShadowGone, "t");
  Expect("rename table _t_gho to t", Step::kSwap, "t");
  Expect("alter table _t_gho rename to t", Step::kSwap, "t");
  Expect("alter table _t_gho rename to u", Step::kSwap, "u");
  Expect("rename table t to _t_del", Step::kAside, "t");
  Expect("alter table t rename _t_old", Step::kAside, "t");
  Expect("rename table _t_del to t", Step::kBack, "t");
  Expect("rename table t to _t_gho", Step::kRenameToShadow, "t");
  Expect("rename table _t_new to _t_gho", Step::kRenameOfHelper, "t");
  Expect("rename table _t_del to _t_gho", Step::kRenameOfHelper, "t");
  Expect("create table _t_ghc (a int)", Step::kNothing, "t");
  Expect("alter table _t_old add c int", Step::kNothing, "t");
  Expect("drop table _t_old", Step::kNothing, "t");
}

TEST_F(OnlineDdlTest, FindsTheRealTableOfAName) {
  const std::string cut(59, 'n');
  Expect("alter table __t_new add c int", Step::kShadowChange, "_t");
  Track("create table t (a int); create table " + cut + "_rest (a int)");
  Expect("alter table __t_new add c int", Step::kShadowChange, "t");
  Expect("alter table _" + cut + "_gho add c int", Step::kShadowChange, cut + "_rest");
  Track("create table _t (a int)");
  Expect("alter table __t_new add c int", Step::kShadowChange, "_t");
  // What was said first counts.
  online_->Keep({"s", "__t_new"}, {"s", "t"}, "ALTER TABLE `s`.`__t_new` ADD COLUMN `c` INT");
  Expect("alter table __t_new add d int", Step::kShadowChange, "t");
  Expect("create table _shortened_gho like a_long_name", Step::kNewShadow, "a_long_name");
}

TEST_F(OnlineDdlTest, ListsStayTogether) {
  Event("alter table _t_gho rename column a to b, rename column b to a");
  Event("create index i on _t_gho (a)");
  Event("alter table _t_gho add c int, add d int references _t_gho (a)");
  EXPECT_EQ(Kept(), (std::vector<std::string>{
                        "ALTER TABLE `s`.`t` RENAME COLUMN `a` TO `b`, RENAME COLUMN `b` TO `a`",
                        "CREATE INDEX `i` ON `s`.`t` (`a`)",
                        "ALTER TABLE `s`.`t` ADD COLUMN `c` INT, ADD COLUMN `d` INT REFERENCES "
                        "`t`(`a`)"}));
  EXPECT_TRUE(online_->IsChanging({"s", "t"}));
  EXPECT_FALSE(online_->IsChanging({"s", "u"}));
}

// What is kept is a normal form that says the same when it is read again.
TEST_F(OnlineDdlTest, StatementsSurviveBeingKept) {
  for (const char* text :
       {"alter table _t_gho add column if not exists c varchar(9) default '\\\\''\"%' first",
        "alter table _t_gho drop column if exists c", "alter table _t_gho drop index if exists i",
        "alter table _t_gho add d int as (a + 1) stored comment 'x;y', add check (d > 0)",
        "alter table _t_gho partition by range (a) (partition p values less than (5))",
        "alter table _t_gho convert to character set utf8mb4 collate utf8mb4_bin",
        "alter table _t_gho add unique index if not exists u (a desc) comment 'c' invisible",
        "alter table _t_gho alter column a set default (uuid()), engine=InnoDB, comment='it''s'",
        "alter table _t_gho add constraint f foreign key (a) references p (id) on delete cascade",
        "alter table _t_gho add partition if not exists (partition q values less than maxvalue)",
        "create unique index if not exists u on _t_gho (b(3))"}) {
    for (const mysql::Statement& split : Parsed(text)) {
      const std::string kept = mysql::Restore(split);
      EXPECT_EQ(mysql::Restore(mysql::ParseStatements(kept, {}).at(0)), kept);
    }
  }
}

TEST_F(OnlineDdlTest, WhatIsPlannedIsForgottenUnlessCommitted) {
  Event("alter table _t_gho add c int");
  online_->Begin();
  online_->Forget({"s", "_t_gho"});
  online_->SetAside({"s", "t"}, true);
  EXPECT_EQ(online_->Find({"s", "_t_gho"}), nullptr);
  EXPECT_TRUE(online_->HasChanges());
  const std::vector<std::string> statements = online_->Statements({});
  ASSERT_EQ(statements.size(), 2u);
  EXPECT_TRUE(statements[0].starts_with("DELETE FROM `dm_meta`.`t_onlineddl`")) << statements[0];
  EXPECT_TRUE(statements[1].starts_with("REPLACE INTO `dm_meta`.`t_syncer_state`"))
      << statements[1];
  online_->Begin();
  EXPECT_FALSE(online_->HasChanges());
  EXPECT_TRUE(online_->Statements({}).empty());
  EXPECT_EQ(online_->Aside({"s", "t"}), std::nullopt);
  EXPECT_EQ(Kept(), std::vector<std::string>{"ALTER TABLE `s`.`t` ADD COLUMN `c` INT"});
  online_->ForgetSchema("s");
  EXPECT_TRUE(Kept().empty());
}

TEST_F(OnlineDdlTest, WhatAFilterLeftOutIsCountedButNotDone) {
  online_->Begin();
  online_->Keep({"s", "_t_gho"}, {"s", "t"}, "");
  online_->Keep({"s", "_t_gho"}, {"s", "t"}, "ALTER TABLE `s`.`_t_gho` ADD COLUMN `c` INT");
  EXPECT_EQ(online_->Find({"s", "_t_gho"})->ddls.size(), 2u);
  EXPECT_EQ(Kept(), std::vector<std::string>{"ALTER TABLE `s`.`t` ADD COLUMN `c` INT"});
}

TEST_F(OnlineDdlTest, ARecordThatCannotBeParsedIsAnError) {
  online_->Keep({"s", "_t_gho"}, {"s", "t"}, "ALTER NONSENSE");
  try {
    Kept();
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 36039);
    EXPECT_NE(e.message().find("`s`.`_t_gho`"), std::string::npos) << e.message();
  }
}

TEST_F(OnlineDdlTest, WhatWasPutAsideIsThatTableAsItWas) {
  const TableId t{"s", "t"};
  const TableId trash{"x", "_t_old"};
  const auto aside = [&] {
    online_->Begin();
    online_->SetAside(t, false, trash);
    online_->Commit();
    online_->Begin();
  };
  aside();
  EXPECT_TRUE(online_->IsPutAsideAs(t, trash));
  EXPECT_FALSE(online_->IsPutAsideAs(t, {"s", "_t_old"}));
  EXPECT_FALSE(online_->IsPutAsideAs({"s", "u"}, trash));
  online_->TrashChanged({"s", "_t_old"});
  EXPECT_FALSE(online_->HasChanges());
  online_->TrashChanged(trash);
  EXPECT_FALSE(online_->IsPutAsideAs(t, trash));
  EXPECT_FALSE(online_->IsPutAsideAs(t, {}));
  EXPECT_EQ(online_->Aside(t), false);
  EXPECT_TRUE(online_->HasChanges());
  aside();
  online_->SetAside({"s", "u"}, false, trash);
  EXPECT_FALSE(online_->IsPutAsideAs(t, trash));
  EXPECT_TRUE(online_->IsPutAsideAs({"s", "u"}, trash));
  aside();
  online_->ForgetSchema("x");
  EXPECT_FALSE(online_->IsPutAsideAs(t, trash));
  EXPECT_EQ(online_->Aside(t), false);
  online_->ForgetSchema("s");
  EXPECT_EQ(online_->Aside(t), std::nullopt);
}

TEST_F(OnlineDdlTest, RowsTellWhatIsThere) {
  const TableId t{"s", "t"};
  const TableId trash{"s", "_t_old"};
  EXPECT_EQ(online_->OnRows(t), "");
  online_->SetAside(t, false, trash);
  online_->Commit();
  EXPECT_EQ(online_->OnRows({"s", "_t_ghc"}), "");
  EXPECT_NE(online_->OnRows(trash).find(R"("table\":\"t\",\"dropped\":false}]})"),
            std::string::npos);
  EXPECT_EQ(online_->OnRows(trash), "");
  online_->Begin();
  EXPECT_FALSE(online_->IsPutAsideAs(t, trash));
  EXPECT_EQ(online_->Aside(t), false);
  EXPECT_TRUE(online_->OnRows(t).starts_with("DELETE FROM `dm_meta`.`t_syncer_state`"));
  online_->Begin();
  EXPECT_EQ(online_->Aside(t), std::nullopt);
  EXPECT_FALSE(online_->HasChanges());
}

TEST_F(OnlineDdlTest, ASwapHasBothSides) {
  const auto verdict = [&](const std::string& text) {
    try {
      online_->RequireBothSides(mysql::ParseStatements(text, {}).at(0), text, "s", false);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 20049);
      return e.message();
    }
    return std::string();
  };
  EXPECT_EQ(verdict("rename table t to _t_old, _t_new to t"), "");
  EXPECT_EQ(verdict("rename table t to u, v to t"), "");
  EXPECT_EQ(verdict("rename table t to _t_old, u to v"), "");
  EXPECT_EQ(verdict("rename table t to _t_old"), "");
  const std::string no_shadow = verdict("rename table t to _t_old, t_temp to t");
  EXPECT_NE(no_shadow.find("`s`.`t_temp`"), std::string::npos) << no_shadow;
  EXPECT_NE(no_shadow.find("shadow-table-rules"), std::string::npos) << no_shadow;
  const std::string no_trash = verdict("rename table t to t_trash, _t_new to t");
  EXPECT_NE(no_trash.find("`s`.`t_trash`"), std::string::npos) << no_trash;
  EXPECT_NE(no_trash.find("trash-table-rules"), std::string::npos) << no_trash;
}

TEST_F(OnlineDdlTest, StatementsKeepTheirSessions) {
  StatementSession session;
  session.time_zone = "+05:00";
  Event("alter table _t_gho add a int", "_t_gho", session);
  session.time_zone = "-03:00";
  Event("alter table _t_gho add b int, add c int", "_t_gho", session);
  std::string zones;
  for (const auto& [statement, of] :
       online_->KeptFor(*online_->Find({"s", "_t_gho"}), {"s", "t"})) {
    zones += of.time_zone + " ";
  }
  EXPECT_EQ(zones, "+05:00 -03:00 -03:00 ");
}

}  // namespace
}  // namespace dm::migration
