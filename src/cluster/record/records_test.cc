#include "cluster/record/records.h"

#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::cluster {
namespace {

TEST(Records, AreWrittenAsStored) {
  EXPECT_EQ(Encode(WorkerInfo{"worker1", "127.0.0.1:8262"}),
            R"({"name":"worker1","addr":"127.0.0.1:8262"})");
  EXPECT_EQ(Encode(WorkerKeepAlive{"worker1", "2026-11-25T19:36:24.644815687Z"}),
            R"({"worker-name":"worker1","join-time":"2026-11-25T19:36:24.644815687Z"})");
  EXPECT_EQ(Encode(SourceBound{"mysql-replica-01", "worker3", 7}),
            R"({"source":"mysql-replica-01","worker":"worker3"})");
  EXPECT_EQ(Encode(RelayStage{"s", Stage::kRunning, 0}), R"({"expect":2,"source":"s"})");
  EXPECT_EQ(Encode(SubtaskStage{"s", "t1", Stage::kPaused, 0}),
            R"({"expect":3,"source":"s","task":"t1"})");
  EXPECT_EQ(EncodeLoadTaskWorker("worker2"), R"("worker2")");
  EXPECT_EQ(
      Encode(CliArgs{"2025-03-01 10:00:00", "", ""}),
      R"({"start_time":"2025-03-01 10:00:00","safe_mode_duration":"","wait_time_on_stop":""})");
  EXPECT_EQ(Encode(ClusterVersion{4, "v8.1.0"}), R"({"internal-no":4,"release-ver":"v8.1.0"})");
  EXPECT_EQ(Encode(LeaderRecord{"master1", "127.0.0.1:8261"}),
            R"({"id":"master1","addr":"127.0.0.1:8261"})");
}

TEST(Records, QuotesLikeTheOtherWriters) {
  EXPECT_EQ(EncodeLoadTaskWorker("a\"b\\<&>\n\x01"), R"("a\"b\\\u003c\u0026\u003e\n\u0001")");
  EXPECT_EQ(DecodeLoadTaskWorker(R"("a\"b\\\u003c\u0026\u003e\n\u0001")"), "a\"b\\<&>\n\x01");
}

TEST(Records, AreValidJsonWhateverTheNamesAre) {
  EXPECT_EQ(EncodeLoadTaskWorker("a\xff\xc3"), R"("a\ufffd\ufffd")");
  EXPECT_EQ(EncodeLoadTaskWorker("Grüße 漢字 😀"), "\"Grüße 漢字 😀\"");
  EXPECT_EQ(DecodeWorkerInfo(Encode(WorkerInfo{"w\xff", "h:1"})).name, "w\xEF\xBF\xBD");
}

TEST(Records, AKeepaliveCountsWhateverItsValueIs) {
  EXPECT_EQ(WorkerKeepAliveOf("w", R"({"worker-name":"x","join-time":"now"})"),
            (WorkerKeepAlive{"w", "now"}));
  EXPECT_EQ(WorkerKeepAliveOf("w", "garbage"), (WorkerKeepAlive{"w", ""}));
}

TEST(Records, ReadWhatTheyWrite) {
  const SubtaskStage stage{"s", "t", Stage::kStopped, 0};
  EXPECT_EQ(DecodeSubtaskStage(Encode(stage)), stage);
  const CliArgs args{"a", "b", "c"};
  EXPECT_EQ(DecodeCliArgs(Encode(args)), args);
  const LeaderRecord leader{"m", "a:1"};
  EXPECT_EQ(DecodeLeaderRecord(Encode(leader)), leader);
}

TEST(Records, RefuseOtherValues) {
  for (const char* value : {"", "x", "[]", R"({"source":1})"}) {
    try {
      DecodeSourceBound(value);
      ADD_FAILURE() << value;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), 42502);
    }
  }
  EXPECT_THROW(DecodeSubtaskStage(R"({"expect":9})"), Error);
  EXPECT_THROW(DecodeLoadTaskWorker("{}"), Error);
}

TEST(ClusterId, IsEightBytesBigEndian) {
  const uint64_t id = 0x07'38'b6'81'29'8f'b6'6b;
  EXPECT_EQ(EncodeClusterId(id), "\x07\x38\xb6\x81\x29\x8f\xb6\x6b");
  EXPECT_EQ(DecodeClusterId(EncodeClusterId(id)), id);
  try {
    DecodeClusterId("1234");
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 38057);
  }
}

TEST(JoinTime, HasNanosecondsAndZone) {
  const std::string now = JoinTimeNow();
  ASSERT_EQ(now.size(), 30u);
  EXPECT_EQ(now[10], 'T');
  EXPECT_EQ(now[19], '.');
  EXPECT_EQ(now.back(), 'Z');
}

}  // namespace
}  // namespace dm::cluster
