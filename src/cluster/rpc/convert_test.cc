#include "cluster/rpc/convert.h"

#include <gtest/gtest.h>

#include "dmworker.pb.h"

namespace dm::cluster {
namespace {

TEST(Convert, ErrorSurvivesTheWire) {
  Error error = Error::FromParts(10006, "database", ErrorScope::kDownstream, ErrorLevel::kHigh,
                                 "execute statement failed: commit",
                                 "Error 1062 (23000): Duplicate entry '7' for key 'PRIMARY'", "w");
  pb::ProcessError message;
  ToProcessError(error, &message);
  EXPECT_EQ(message.errscope(), "downstream");
  EXPECT_EQ(FromProcessError(message).ToString(), error.ToString());
}

TEST(Convert, ForeignErrorGetsTheGeneralCode) {
  pb::ProcessError message;
  ToProcessError(ToError(std::runtime_error("disk full")), &message);
  EXPECT_EQ(message.errcode(), 50000);
  EXPECT_EQ(message.errclass(), "not-set");
  EXPECT_EQ(message.errscope(), "not-set");
  EXPECT_EQ(message.errlevel(), "high");
  EXPECT_EQ(message.message(), "disk full");
  EXPECT_EQ(message.rawcause(), "");
}

TEST(Convert, UnitResult) {
  migration::UnitResult result;
  result.is_canceled = true;
  result.errors.push_back(Error(ErrorCode::kNotSet, "x"));
  pb::ProcessResult message;
  ToProcessResult(result, &message);
  EXPECT_TRUE(message.iscanceled());
  ASSERT_EQ(message.errors_size(), 1);
  const migration::UnitResult back = FromProcessResult(message);
  EXPECT_TRUE(back.is_canceled);
  ASSERT_EQ(back.errors.size(), 1u);
  EXPECT_EQ(back.errors[0].message(), "x");
}

TEST(Convert, UnitStatusFillsTheOneof) {
  pb::SubTaskStatus subtask;
  SetUnitStatus(std::monostate(), &subtask);
  EXPECT_EQ(subtask.status_case(), pb::SubTaskStatus::STATUS_NOT_SET);
  migration::DumpStatus dump;
  dump.total_tables = 12;
  dump.progress = "30.52 %";
  SetUnitStatus(dump, &subtask);
  EXPECT_EQ(subtask.dump().totaltables(), 12);
  EXPECT_EQ(subtask.dump().progress(), "30.52 %");
  migration::LoadStatus load;
  load.meta_binlog = "(a, 4)";
  SetUnitStatus(load, &subtask);
  EXPECT_EQ(subtask.status_case(), pb::SubTaskStatus::kLoad);
  EXPECT_EQ(subtask.load().metabinlog(), "(a, 4)");
  migration::SyncStatus sync;
  sync.total_rows = 58;
  sync.total_rps = 5;
  sync.recent_rps = 3;
  sync.unresolved_groups.emplace_back().unsynced = {"s"};
  SetUnitStatus(sync, &subtask);
  EXPECT_EQ(subtask.sync().totalevents(), 58);
  EXPECT_EQ(subtask.sync().totaltps(), 5);
  EXPECT_EQ(subtask.sync().recentrps(), 3);
  EXPECT_EQ(subtask.sync().binlogtype(), "unknown");
  ASSERT_EQ(subtask.sync().unresolvedgroups_size(), 1);
  EXPECT_EQ(subtask.sync().unresolvedgroups(0).unsynced(0), "s");
}

// The text inside a 38032 message as recorded from the reference.
TEST(Convert, JoinedErrorTextUsesTextFormat) {
  pb::ProcessResult result;
  pb::ProcessError* error = result.add_errors();
  error->set_errcode(44007);
  error->set_errclass("schema-tracker");
  error->set_errscope("downstream");
  error->set_errlevel("medium");
  error->set_message("table `odd `name-\xE8\xA1\xA8` isn't known");
  error->set_rawcause("near \"x\"\n");
  result.add_errors()->set_errcode(7);
  EXPECT_EQ(JoinedErrorText(result),
            "ErrCode:44007 ErrClass:\"schema-tracker\" ErrScope:\"downstream\" ErrLevel:\"medium\" "
            "Message:\"table `odd `name-\\350\\241\\250` isn't known\" RawCause:\"near "
            "\\\"x\\\"\\n\" , ErrCode:7 ");
}

TEST(Convert, FailedEntry) {
  pb::CommonWorkerResponse response;
  response.set_result(true);
  SetFailed(std::runtime_error("no"), "s1", "w1", &response);
  EXPECT_FALSE(response.result());
  EXPECT_EQ(response.msg(), "no");
  EXPECT_EQ(response.source(), "s1");
  EXPECT_EQ(response.worker(), "w1");
}

}  // namespace
}  // namespace dm::cluster
