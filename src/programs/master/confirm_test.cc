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
  EXPECT_FALSE(Judge({Kind::kSourceBound, "s", ""}, status));
  status.mutable_sourcestatus()->set_source("other");
  EXPECT_FALSE(Judge({Kind::kSourceBound, "s", ""}, status));
  EXPECT_TRUE(Judge({Kind::kSourceGone, "s", ""}, status)->ok);
  status.mutable_sourcestatus()->set_source("s");
  EXPECT_TRUE(Judge({Kind::kSourceBound, "s", ""}, status)->ok);
  EXPECT_FALSE(Judge({Kind::kSourceGone, "s", ""}, status));
}

TEST(Judge, AFinishedTaskCountsAsRunning) {
  EXPECT_TRUE(Judge({Kind::kTaskRunning, "s", "t"}, TaskStatus(pb::Running))->ok);
  EXPECT_TRUE(Judge({Kind::kTaskRunning, "s", "t"}, TaskStatus(pb::Finished))->ok);
  EXPECT_FALSE(Judge({Kind::kTaskRunning, "s", "t"}, TaskStatus(pb::Paused)));
  EXPECT_FALSE(Judge({Kind::kTaskPaused, "s", "t"}, TaskStatus(pb::Running)));
}

TEST(Judge, ErrorsEndTheWaiting) {
  const auto failed = Judge({Kind::kTaskRunning, "s", "t"}, TaskStatus(pb::Paused, true));
  ASSERT_TRUE(failed);
  EXPECT_FALSE(failed->ok);
  EXPECT_NE(failed->message.find("code=38032"), std::string::npos);
  EXPECT_NE(failed->message.find("ErrCode:10006 ErrClass:\"database\" "), std::string::npos);
  // Paused already, by an error: done, with a remark.
  const auto paused = Judge({Kind::kTaskPaused, "s", "t"}, TaskStatus(pb::Paused, true));
  ASSERT_TRUE(paused);
  EXPECT_TRUE(paused->ok);
  EXPECT_FALSE(paused->message.empty());
}

TEST(Judge, ATaskIsGoneWhenTheWorkerHasNone) {
  EXPECT_TRUE(Judge({Kind::kTaskGone, "s", "t"}, pb::QueryStatusResponse())->ok);
  EXPECT_FALSE(Judge({Kind::kTaskGone, "s", "t"}, TaskStatus(pb::Stopped)));
  pb::QueryStatusResponse status;
  auto* subtask = status.add_subtaskstatus();
  subtask->set_name("t");
  subtask->set_msg("no sub task with name t has started");
  EXPECT_TRUE(Judge({Kind::kTaskGone, "s", "t"}, status)->ok);
}

}  // namespace
}  // namespace dm::master
