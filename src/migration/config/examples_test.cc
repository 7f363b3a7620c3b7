// The shipped examples are valid and ask for nothing that is refused.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "migration/config/dumper_arguments.h"
#include "migration/config/source.h"
#include "migration/config/subtask.h"
#include "migration/rules/block_allow_list.h"
#include "migration/rules/table_router.h"

namespace dm::migration {
namespace {

std::string Example(const std::string& name) {
  std::ifstream in(DM_SOURCE_DIR "/conf/" + name);
  EXPECT_TRUE(in.good()) << name;
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

TEST(ExamplesTest, SourceAndTask) {
  SourceConfig source = ParseSourceYaml(Example("source1.yaml"));
  AdjustSource(source, PasswordCipher());
  ASSERT_NO_THROW(VerifySource(source));
  EXPECT_EQ(source.from.port, 3306);

  TaskConfig task = ParseTaskYaml(Example("task.yaml"));
  ValidateTask(task);
  const auto subtasks = ToSubtasks(task, {{source.source_id, source}}, PasswordCipher());
  ASSERT_EQ(subtasks.size(), 1U);
  const SubtaskConfig& subtask = subtasks[0];
  EXPECT_EQ(EffectiveDumpSettings(subtask.dumper).consistency, "auto");

  const BlockAllowList list(*subtask.block_allow_list, subtask.case_sensitive);
  EXPECT_FALSE(list.Skips("shop", "orders"));
  EXPECT_TRUE(list.Skips("shop", "tmp_1"));
  EXPECT_TRUE(list.Skips("other", "orders"));
  const TableRouter router(subtask.route_rules, subtask.case_sensitive);
  EXPECT_EQ(router.Route("shop_archive", "orders_2020").second, "orders");
  EXPECT_EQ(router.Route("shop_archive", "").first, "archive");
  EXPECT_EQ(router.Route("shop", "orders").first, "shop");
}

}  // namespace
}  // namespace dm::migration
