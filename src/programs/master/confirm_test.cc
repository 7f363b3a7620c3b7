#include "programs/master/confirm.h"

#include <gtest/gtest.h>

#include "dmworker.pb.h"

namespace dm::master {
namespace {

using Kind = Expectation::Kind;

pb::QueryStatusResponse TaskStatus(pb::Stage stage, bool with_error = false) {
  pb::QueryStatusResponse status;
  auto* subtask = status.add_subtaskstatus();
  subtask->set_name("t");
  subtask->set_stage(stage);
  if (with_error) {
    auto* error = subtask->mutable_result()->add_errors();
    error->set_errcode(10006);
    error->set_errclass("database");
  }
  return status;
}

TEST(Judge, ASourceIsBoundWhenTheWorkerSaysSo) {
  pb::QueryStatusResponse status;
  EXPECT_FALSE(Judge({Kind::kSourceBound, "s", ""}, status, true));
  status.mutable_sourcestatus()->set_source("other");
  EXPECT_FALSE(Judge({Kind::kSourceBound, "s", ""}, status, true));
  EXPECT_TRUE(Judge({Kind::kSourceGone, "s", ""}, status, true)->ok);
  status.mutable_sourcestatus()->set_source("s");
  EXPECT_TRUE(Judge({Kind::kSourceBound, "s", ""}, status, true)->ok);
  EXPECT_FALSE(Judge({Kind::kSourceGone, "s", ""}, status, true));
}

TEST(Judge, AFinishedTaskCountsAsRunning) {
  EXPECT_TRUE(Judge({Kind::kTaskRunning, "s", "t"}, TaskStatus(pb::Running), true)->ok);
  EXPECT_TRUE(Judge({Kind::kTaskRunning, "s", "t"}, TaskStatus(pb::Finished), true)->ok);
  EXPECT_FALSE(Judge({Kind::kTaskRunning, "s", "t"}, TaskStatus(pb::Paused), true));
  EXPECT_FALSE(Judge({Kind::kTaskPaused, "s", "t"}, TaskStatus(pb::Running), true));
}

TEST(Judge, ErrorsEndTheWaiting) {
  const auto failed = Judge({Kind::kTaskRunning, "s", "t"}, TaskStatus(pb::Paused, true), true);
  ASSERT_TRUE(failed);
  EXPECT_FALSE(failed->ok);
  EXPECT_NE(failed->message.find("code=38032"), std::string::npos);
  EXPECT_NE(failed->message.find("ErrCode:10006 ErrClass:\"database\" "), std::string::npos);
  // Paused already, by an error: done, with a remark.
  const auto paused = Judge({Kind::kTaskPaused, "s", "t"}, TaskStatus(pb::Paused, true), true);
  ASSERT_TRUE(paused);
  EXPECT_TRUE(paused->ok);
  EXPECT_FALSE(paused->message.empty());
}

// What a worker reports before it has heard of a resume.
TEST(Judge, AnOldErrorDoesNotFailAResume) {
  const Expectation running{Kind::kTaskRunning, "s", "t"};
  EXPECT_FALSE(Judge(running, TaskStatus(pb::Paused, true), /*settled=*/false));
  EXPECT_TRUE(Judge(running, TaskStatus(pb::Paused, true), /*settled=*/true));
  EXPECT_TRUE(Judge(running, TaskStatus(pb::Running), /*settled=*/false)->ok);
  for (pb::Stage stage : {pb::New, pb::Resuming, pb::Pausing, pb::Stopping}) {
    EXPECT_FALSE(Judge(running, TaskStatus(stage, true), /*settled=*/true));
  }
}

TEST(WhatIsMissing, NamesWhatIsWaitedFor) {
  pb::QueryStatusResponse status = TaskStatus(pb::Pausing);
  EXPECT_EQ(WhatIsMissing("w", {Kind::kTaskPaused, "s", "t"}, status),
            "worker w has not paused task t yet (stage Pausing); the change stays ordered and need "
            "not be repeated");
  status.mutable_subtaskstatus(0)->mutable_sync()->add_blockingddls("ALTER TABLE `a`.`b` ...");
  EXPECT_EQ(WhatIsMissing("w", {Kind::kTaskGone, "s", "t"}, status),
            "worker w has not stopped task t yet (stage Pausing): the downstream has not ended the "
            "statement ALTER TABLE `a`.`b` ...; the change stays ordered and need not be repeated");
  EXPECT_EQ(WhatIsMissing("w", {Kind::kSourceBound, "s", ""}, status),
            "worker w has not begun to handle the source yet; the change stays ordered and need "
            "not be repeated");
}

TEST(Judge, ATaskIsGoneWhenTheWorkerHasNone) {
  EXPECT_TRUE(Judge({Kind::kTaskGone, "s", "t"}, pb::QueryStatusResponse(), true)->ok);
  EXPECT_FALSE(Judge({Kind::kTaskGone, "s", "t"}, TaskStatus(pb::Stopped), true));
  pb::QueryStatusResponse status;
  auto* subtask = status.add_subtaskstatus();
  subtask->set_name("t");
  subtask->set_msg("no sub task with name t has started");
  EXPECT_TRUE(Judge({Kind::kTaskGone, "s", "t"}, status, true)->ok);
}

}  // namespace
}  // namespace dm::master
