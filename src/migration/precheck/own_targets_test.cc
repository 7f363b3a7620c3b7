#include "migration/precheck/own_targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dm::migration {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A source that is the downstream's server, whose list takes all of the schema `shop`.
CheckedSource OneServer() {
  CheckedSource source;
  source.subtask.name = "task";
  source.subtask.source_id = "a";
  source.subtask.mode = TaskMode::kAll;
  source.subtask.meta_schema = "dm_meta";
  BlockAllowRules rules;
  rules.do_dbs = {"shop"};
  source.list = BlockAllowList(rules, false);
  source.is_downstream = true;
  source.tables = {{{"shop", "t"}, {"all", "t"}}};
  return source;
}

std::vector<std::string> Failures(const CheckedSource& source,
                                  const std::vector<RoutedTable>& others) {
  std::vector<std::string> texts;
  for (const CheckEntry& entry : JudgeTargets(source, others, false)) {
    if (entry.fails) texts.push_back(entry.text);
  }
  return texts;
}

TEST(JudgeTargets, WhatOtherSourcesBringIsTakenFromTheBinlogToo) {
  CheckedSource source = OneServer();
  EXPECT_THAT(Failures(source, {}), IsEmpty());
  const std::vector<RoutedTable> others = {{{"b", "u"}, {"shop", "u"}}, {{"b", "v"}, {"all", "v"}}};
  EXPECT_THAT(Failures(source, others),
              ElementsAre(AllOf(HasSubstr("from the binlog again"), HasSubstr("`shop`.`u`"))));
  source.is_downstream = false;
  EXPECT_THAT(Failures(source, others), IsEmpty());
}

}  // namespace
}  // namespace dm::migration
