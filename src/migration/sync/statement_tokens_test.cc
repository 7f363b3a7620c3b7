#include "migration/sync/statement_tokens.h"

#include <gtest/gtest.h>

#include <string>

namespace dm::migration {
namespace {

TEST(StatementTokensTest, ReadsNoMoreThanIsAskedFor) {
  std::string text = "INSERT INTO t VALUES (0)";
  for (int i = 1; i < 100'000; ++i) text += ",(1)";
  StatementTokens tokens(text, {});
  EXPECT_EQ(tokens.read(), 0u);
  EXPECT_TRUE(tokens.Take("INSERT"));
  EXPECT_TRUE(tokens.Take("INTO"));
  EXPECT_TRUE(tokens.Name("d").has_value());
  EXPECT_FALSE(tokens.at_end());
  EXPECT_LT(tokens.read(), 100u);
  EXPECT_FALSE(tokens.Find("NO", "WHERE"));
  EXPECT_GT(tokens.read(), 400'000u);
}

TEST(StatementTokensTest, WordsStayWhereTheyAre) {
  std::string text = "select /* of many */";
  for (int i = 0; i < 1000; ++i) text += " word" + std::to_string(i) + ",";
  text += " one phase";
  StatementTokens tokens(text, {});
  const std::string_view first = tokens.Word();
  EXPECT_EQ(tokens.Word(1), "WORD0");
  EXPECT_EQ(tokens.Word(1999), "WORD999");
  EXPECT_EQ(tokens.Word(2001), "ONE");
  EXPECT_EQ(tokens.Word(2003), "");
  EXPECT_EQ(first, "SELECT");
  StatementTokens copy = tokens;
  EXPECT_TRUE(copy.Find("ONE", "PHASE"));
  EXPECT_TRUE(copy.at_end());
  EXPECT_EQ(tokens.Word(), "SELECT");
}

TEST(StatementTokensTest, FindsNamesOfTheWholeText) {
  std::string text = "UPDATE a.b, t";
  for (int i = 0; i < 50; ++i) text += ", /*! c" + std::to_string(i) + " */";
  text += ", `d`.`e` SET x = 1";
  StatementTokens tokens(text, {});
  EXPECT_TRUE(tokens.Take("UPDATE"));
  const std::vector<TableId> expected = {{"a", "b"}, {"d", "e"}};
  EXPECT_EQ(tokens.QualifiedNames(), expected);
  EXPECT_EQ(tokens.Name("s"), (TableId{"a", "b"}));
}

TEST(StatementTokensTest, AnErrorIsAnEndWhereverItIs) {
  StatementTokens near("a 'b", {});
  near.Skip();
  EXPECT_TRUE(near.at_end());
  std::string text;
  for (int i = 0; i < 100; ++i) text += "w ";
  StatementTokens far(text += "'x", {});
  for (int i = 0; i < 100; ++i) far.Skip();
  EXPECT_TRUE(far.at_end());
}

}  // namespace
}  // namespace dm::migration
