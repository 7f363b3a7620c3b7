#include "programs/ctl/statements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/cli/flag.h"

namespace dm::ctl {
namespace {

using testing::ElementsAre;

TEST(WordsOfLineTest, SqlKeepsItsQuotes) {
  EXPECT_THAT(WordsOfLine("binlog replace t -b \"f:4\" alter table d.t add c text default 'a  b'; "
                          "drop table `d`.x"),
              ElementsAre("binlog", "replace", "t", "-b", "f:4", "alter", "table", "d.t", "add",
                          "c", "text", "default", "'a  b';", "drop", "table", "`d`.x"));
  EXPECT_THAT(WordsOfLine("binlog inject t alter table d.t comment \"it's\" -s src"),
              ElementsAre("binlog", "inject", "t", "alter", "table", "d.t", "comment", "\"it's\"",
                          "-s", "src"));
  EXPECT_THAT(WordsOfLine("handle-error t -s 'a' replace alter table d.t comment 'x'"),
              ElementsAre("handle-error", "t", "-s", "a", "replace", "alter", "table", "d.t",
                          "comment", "'x'"));
}

TEST(WordsOfLineTest, StatementsMayBeQuotedAsForAShell) {
  EXPECT_THAT(
      WordsOfLine("binlog replace t \"alter table d.t comment 'x';\" 'drop table d.y'"),
      ElementsAre("binlog", "replace", "t", "alter table d.t comment 'x';", "drop table d.y"));
  EXPECT_THAT(WordsOfLine("binlog replace t ''"), ElementsAre("binlog", "replace", "t", ""));
}

TEST(WordsOfLineTest, OtherLinesAreSplitLikeAShells) {
  EXPECT_THAT(WordsOfLine("start-task 'a b.yaml' --start-time \"2021-01-01 00:00:00\""),
              ElementsAre("start-task", "a b.yaml", "--start-time", "2021-01-01 00:00:00"));
  EXPECT_THAT(WordsOfLine("binlog skip 't'"), ElementsAre("binlog", "skip", "t"));
  EXPECT_THAT(WordsOfLine("query-status 'unbalanced"), ElementsAre("query-status 'unbalanced"));
}

TEST(ParseStatementListTest, StatementsKeepTheirTexts) {
  EXPECT_THAT(ParseStatementList("alter table d.t comment ';';  drop table d.x"),
              ElementsAre("alter table d.t comment ';';", "  drop table d.x"));
  EXPECT_THROW(ParseStatementList("nonsense"), cli::CommandError);
  EXPECT_THROW(ParseStatementList(" ; "), cli::CommandError);
}

}  // namespace
}  // namespace dm::ctl
