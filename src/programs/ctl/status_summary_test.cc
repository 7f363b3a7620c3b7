#include "programs/ctl/status_summary.h"

#include <gtest/gtest.h>

#include "dmmaster.pb.h"

namespace dm::ctl {
namespace {

// One subtask of one source, and what matters of it.
struct Part {
  std::string task;
  pb::Stage stage;
  bool failed = false;
  std::optional<pb::Stage> relay = std::nullopt;
  bool relay_failed = false;
};

pb::QueryStatusListResponse Answer(const std::vector<Part>& parts) {
  pb::QueryStatusListResponse response;
  response.set_result(true);
  for (const Part& part : parts) {
    pb::QueryStatusResponse* entry = response.add_sources();
    entry->set_result(true);
    pb::SourceStatus* source = entry->mutable_sourcestatus();
    source->set_source("s" + std::to_string(response.sources_size()));
    if (part.relay) source->mutable_relaystatus()->set_stage(*part.relay);
    if (part.relay_failed) source->mutable_relaystatus()->mutable_result()->add_errors();
    pb::SubTaskStatus* subtask = entry->add_subtaskstatus();
    subtask->set_name(part.task);
    subtask->set_unit(pb::Sync);
    subtask->set_stage(part.stage);
    if (part.failed) subtask->mutable_result()->add_errors();
  }
  return response;
}

std::string Status(const std::vector<Part>& parts) {
  const std::vector<TaskSummary> tasks = Summarize(Answer(parts));
  return tasks.size() == 1 ? tasks[0].status : "no single task";
}

TEST(Summarize, AggregatesStages) {
  EXPECT_EQ(Status({{"t", pb::New}, {"t", pb::New}}), "New");
  EXPECT_EQ(Status({{"t", pb::Finished}, {"t", pb::Finished}}), "Finished");
  EXPECT_EQ(Status({{"t", pb::Stopped}, {"t", pb::Stopped}}), "Stopped");
  EXPECT_EQ(Status({{"t", pb::New}, {"t", pb::Finished}}), "Running");
  EXPECT_EQ(Status({{"t", pb::Running}, {"t", pb::Finished}}), "Running");
  EXPECT_EQ(Status({{"t", pb::Running}, {"t", pb::Paused}}), "Paused");
  EXPECT_EQ(Status({{"t", pb::Paused}, {"t", pb::Running}}), "Paused");
}

TEST(Summarize, AnErrorWins) {
  const std::string more = ". Please run `query-status t` to get more details.";
  EXPECT_EQ(Status({{"t", pb::Paused, true}, {"t", pb::Running}}),
            "Error - Some error occurred in subtask" + more);
  EXPECT_EQ(Status({{"t", pb::Paused}, {"t", pb::Paused, true}}),
            "Error - Some error occurred in subtask" + more);
  EXPECT_EQ(Status({{"t", pb::Running, false, pb::Paused}}),
            "Error - Relay status is Paused" + more);
  EXPECT_EQ(Status({{"t", pb::Running, false, pb::Stopped}}),
            "Error - Relay status is Stopped" + more);
  EXPECT_EQ(Status({{"t", pb::Running, false, pb::Paused, true}}),
            "Error - Relay status is Error" + more);
  EXPECT_EQ(Status({{"t", pb::Running, false, pb::Running}}), "Running");
}

TEST(Summarize, SortsTasksAndKeepsSourcesInOrder) {
  const std::vector<TaskSummary> tasks =
      Summarize(Answer({{"b", pb::Running}, {"a", pb::Running}, {"b", pb::Running}}));
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0].name, "a");
  EXPECT_EQ(tasks[1].sources, (std::vector<std::string>{"s1", "s3"}));
}

TEST(HasSummary, NeedsEveryEntry) {
  pb::QueryStatusListResponse response = Answer({{"t", pb::Running}, {"t", pb::Running}});
  EXPECT_TRUE(HasSummary(response));
  response.mutable_sources(1)->set_result(false);
  EXPECT_FALSE(HasSummary(response));
  EXPECT_FALSE(HasSummary(pb::QueryStatusListResponse()));
}

TEST(PrintSummary, LeavesEmptyMembersOut) {
  pb::QueryStatusListResponse response;
  response.set_result(true);
  pb::QueryStatusResponse* entry = response.add_sources();
  entry->set_result(true);
  entry->mutable_sourcestatus()->set_source("a<b");
  entry->add_subtaskstatus()->set_stage(pb::Running);
  EXPECT_EQ(PrintSummary(response), R"({
    "result": true,
    "msg": "",
    "tasks": [
        {
            "taskStatus": "Running",
            "sources": [
                "a\u003cb"
            ]
        }
    ]
})");
}

}  // namespace
}  // namespace dm::ctl
