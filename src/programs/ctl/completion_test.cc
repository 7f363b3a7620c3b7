#include "programs/ctl/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/io/file.h"
#include "programs/ctl/program.h"

namespace dm::ctl {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class CompletionTest : public ::testing::Test {
 protected:
  std::vector<std::string> Of(std::string_view line) { return Completions(root_, line); }

  Session session_{[](const std::string&) { return std::nullopt; }};
  const cli::Command root_ = CommandTree(session_, TreeKind::kInteractive);
};

TEST_F(CompletionTest, Commands) {
  EXPECT_THAT(Of("query"), ElementsAre("query-status"));
  EXPECT_THAT(Of("st"), ElementsAre("start-relay", "start-task", "stop-relay", "stop-task"));
  EXPECT_THAT(Of(""), Contains("list-member"));
  EXPECT_THAT(Of("ex"), ElementsAre("exit"));
  EXPECT_THAT(Of("handle-"), IsEmpty());  // hidden
}

TEST_F(CompletionTest, SubCommandsAndFlags) {
  EXPECT_THAT(Of("binlog s"), ElementsAre("skip"));
  EXPECT_THAT(Of("config "), ElementsAre("export", "import", "master", "source", "task",
                                         "task-template", "worker"));
  EXPECT_THAT(Of("start-task --re"), ElementsAre("--remove-meta"));
  EXPECT_THAT(Of("binlog skip --"), ElementsAre("--binlog-pos", "--help", "--source"));
  EXPECT_THAT(Of("query-status --mast"), IsEmpty());
  EXPECT_THAT(Of("config nonsense x"), IsEmpty());
}

TEST_F(CompletionTest, Files) {
  const TemporaryDirectory directory;
  WriteFile(JoinPath(directory.path(), "task.yaml"), "");
  WriteFile(JoinPath(directory.path(), "taskless.yaml"), "");
  WriteFile(JoinPath(directory.path(), ".task"), "");
  MakeDirectories(JoinPath(directory.path(), "tasks"));
  const std::string& at = directory.path();
  EXPECT_THAT(Of("start-task " + at + "/task."), ElementsAre(at + "/task.yaml"));
  EXPECT_THAT(Of("start-task " + at + "/"),
              ElementsAre(at + "/task.yaml", at + "/taskless.yaml", at + "/tasks/"));
  EXPECT_THAT(Of("start-task " + at + "/none/"), IsEmpty());
}

TEST(CommonBegin, OfAll) {
  EXPECT_EQ(CommonBegin({"start-task", "start-relay"}), "start-");
  EXPECT_EQ(CommonBegin({"a", "b"}), "");
  EXPECT_EQ(CommonBegin({"tasks", "task"}), "task");
  EXPECT_EQ(CommonBegin({}), "");
}

}  // namespace
}  // namespace dm::ctl
