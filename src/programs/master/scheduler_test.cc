#include "programs/master/scheduler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/error/error.h"
#include "base/thread/eventually_test.h"
#include "cluster/etcd/memory_etcd_test.h"
#include "cluster/record/keys.h"
#include "cluster/record/store.h"
#include "dmworker.pb.h"

namespace dm::master {
namespace {

using cluster::EncodeKey;
using cluster::Stage;
using cluster::testing::MemoryEtcd;
using cluster::testing::TxnFault;
using migration::SourceConfig;
using migration::SubtaskConfig;
namespace keys = cluster::keys;

const std::string kCampaignKey = "/dm-master/leader/1";
const grpc::Status kTooLate(grpc::UNAVAILABLE, "etcdserver: request timed out");
const grpc::Status kBusy(grpc::RESOURCE_EXHAUSTED, "etcdserver: too many requests");
const grpc::Status kNoSpace(grpc::RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded");

// Whether a transaction writes a key.
bool Writes(const etcdserverpb::TxnRequest& txn, const std::string& key) {
  for (const auto& op : txn.success()) {
    if (op.request_put().key() == key || op.request_delete_range().key() == key) return true;
  }
  return false;
}

SourceConfig Source(const std::string& id) {
  SourceConfig source;
  source.source_id = id;
  return source;
}

SubtaskConfig Subtask(const std::string& task, const std::string& source) {
  SubtaskConfig subtask;
  subtask.name = task;
  subtask.source_id = source;
  return subtask;
}

std::string BoundKey(const std::string& worker) { return EncodeKey(keys::kBoundWorker, {worker}); }
std::string ArgsKey(const std::string& task, const std::string& source) {
  return EncodeKey(keys::kTaskCliArgs, {task, source});
}
std::string StageKey(const std::string& source, const std::string& task) {
  return EncodeKey(keys::kSubtaskStage, {source, task});
}

int CodeOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.code();
  }
  return 0;
}

class SchedulerTest : public ::testing::Test {
 protected:
  SchedulerTest() { etcd_.Put(kCampaignKey, R"({"id":"m","addr":"a:1"})", 7); }
  ~SchedulerTest() override {
    etcd_.InjectFaults(nullptr);
    scheduler_.reset();
  }

  void Start(TxnLimits limits = {}) {
    cluster::EtcdOptions options;
    options.endpoints = {etcd_.endpoint()};
    options.request_timeout = Milliseconds(900);  // less than the pause before a repeat: one try
    client_ = std::make_shared<cluster::EtcdClient>(options);
    scheduler_ = std::make_unique<Scheduler>(
        client_, LeaderFence{kCampaignKey, etcd_.CreateRevision(kCampaignKey)}, limits,
        [this] { term_over_ = true; });
    scheduler_->Start(StopToken());
  }
  void StoreWorker(const std::string& name) {
    etcd_.Put(EncodeKey(keys::kWorkerInfo, {name}),
              cluster::Encode(cluster::WorkerInfo{name, "h:1"}));
  }
  void Alive(const std::string& name) {
    etcd_.Put(EncodeKey(keys::kWorkerKeepAlive, {name}),
              cluster::Encode(cluster::WorkerKeepAlive{name, "now"}), 9);
  }
  void Gone(const std::string& name) { etcd_.Delete(EncodeKey(keys::kWorkerKeepAlive, {name})); }
  void StoreSource(const std::string& id) {
    etcd_.Put(EncodeKey(keys::kSourceConfig, {id}), migration::SourceToToml(Source(id)));
  }
  void StoreBind(const std::string& source, const std::string& worker) {
    etcd_.Put(BoundKey(worker), cluster::Encode(cluster::SourceBound{source, worker, 0}));
  }
  // The source that etcd says the worker has.
  std::string Stored(const std::string& worker) {
    const auto value = etcd_.Get(BoundKey(worker));
    return value ? cluster::DecodeSourceBound(*value).source : "";
  }
  // Fails the next transactions that write the key.
  void FailWritesOf(const std::string& key, grpc::Status status, bool applied, int times = 1) {
    etcd_.InjectFaults(
        [=, left = times](const etcdserverpb::TxnRequest& txn) mutable -> std::optional<TxnFault> {
          if (!Writes(txn, key) || left == 0) return std::nullopt;
          --left;
          return TxnFault{status, applied};
        });
  }

  MemoryEtcd etcd_;
  std::shared_ptr<cluster::EtcdClient> client_;
  std::atomic<bool> term_over_{false};
  std::unique_ptr<Scheduler> scheduler_;
};

// ---- arguments of the command line ----

TEST_F(SchedulerTest, ARefusedStartLeavesTheArgumentsOfTheRunningTaskAlone) {
  StoreWorker("w"), Alive("w"), StoreSource("s");
  Start();
  const cluster::CliArgs first{"2025-01-01 00:00:00", "", ""};
  const cluster::CliArgs second{"2026-01-01 00:00:00", "", ""};
  scheduler_->AddSubtasks({Subtask("t", "s")}, Stage::kRunning, first);
  const std::string stored = cluster::Encode(first);
  EXPECT_EQ(etcd_.Get(ArgsKey("t", "s")), stored);
  // 46014, with and without arguments of its own.
  EXPECT_EQ(CodeOf([&] { scheduler_->AddSubtasks({Subtask("t", "s")}, Stage::kRunning, second); }),
            46014);
  EXPECT_EQ(etcd_.Get(ArgsKey("t", "s")), stored);
  EXPECT_EQ(
      CodeOf([&] { scheduler_->AddSubtasks({Subtask("t", "s")}, Stage::kRunning, std::nullopt); }),
      46014);
  EXPECT_EQ(etcd_.Get(ArgsKey("t", "s")), stored);
  // 46009: the other source is unbound.
  StoreSource("s2");
  scheduler_->AddSource(Source("s2"), "");
  EXPECT_EQ(
      CodeOf([&] {
        scheduler_->AddSubtasks({Subtask("t", "s"), Subtask("t", "s2")}, Stage::kRunning, second);
      }),
      46009);
  EXPECT_EQ(etcd_.Get(ArgsKey("t", "s")), stored);
  EXPECT_EQ(etcd_.Get(ArgsKey("t", "s2")), std::nullopt);
}

TEST_F(SchedulerTest, ArgumentsComeAndGoWithTheSubtask) {
  for (const char* name : {"w1", "w2"}) StoreWorker(name), Alive(name);
  StoreSource("s1"), StoreSource("s2");
  Start();
  const cluster::CliArgs first{"2025-01-01 00:00:00", "", ""};
  const cluster::CliArgs second{"2026-01-01 00:00:00", "", ""};
  scheduler_->AddSubtasks({Subtask("t", "s1")}, Stage::kRunning, first);
  // The other source joins: the first one is left as it is.
  EXPECT_EQ(
      scheduler_->AddSubtasks({Subtask("t", "s1"), Subtask("t", "s2")}, Stage::kRunning, second),
      std::vector<std::string>{"s1"});
  EXPECT_EQ(etcd_.Get(ArgsKey("t", "s1")), cluster::Encode(first));
  EXPECT_EQ(etcd_.Get(ArgsKey("t", "s2")), cluster::Encode(second));
  scheduler_->RemoveSubtasks("t", {"s1"});
  EXPECT_EQ(etcd_.Get(ArgsKey("t", "s1")), std::nullopt);
  EXPECT_EQ(etcd_.Get(ArgsKey("t", "s2")), cluster::Encode(second));
  // A start without arguments removes what an older version may have left.
  etcd_.Put(ArgsKey("t", "s1"), cluster::Encode(first));
  scheduler_->AddSubtasks({Subtask("t", "s1")}, Stage::kRunning, std::nullopt);
  EXPECT_EQ(etcd_.Get(ArgsKey("t", "s1")), std::nullopt);
}

TEST_F(SchedulerTest, TheLastErrorsOfASubtaskAreKept) {
  StoreWorker("w"), Alive("w"), StoreSource("s");
  Start();
  scheduler_->AddSubtasks({Subtask("t", "s")}, Stage::kRunning, std::nullopt);
  const auto seen = [&](const std::string& task, pb::Stage stage, bool error, bool canceled) {
    pb::QueryStatusResponse answer;
    auto* subtask = answer.add_subtaskstatus();
    subtask->set_name(task);
    subtask->set_stage(stage);
    subtask->mutable_result()->set_iscanceled(canceled);
    if (error) subtask->mutable_result()->add_errors()->set_message("broken");
    scheduler_->NoteErrors("s", answer);
    return scheduler_->LastErrors("s");
  };
  EXPECT_TRUE(seen("t", pb::Running, false, false).empty());
  EXPECT_TRUE(seen("other", pb::Paused, true, false).empty());  // is not configured
  const auto kept = seen("t", pb::Paused, true, false);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept.at("t")->errors(0).message(), "broken");
  EXPECT_TRUE(scheduler_->LastErrors("another").empty());
  // It is tried again, and nobody knows yet how that ends.
  EXPECT_EQ(seen("t", pb::New, false, false).size(), 1u);
  EXPECT_EQ(seen("t", pb::Resuming, false, false).size(), 1u);
  EXPECT_TRUE(seen("t", pb::Running, false, false).empty());
  seen("t", pb::Paused, true, false);
  EXPECT_TRUE(seen("t", pb::Paused, true, true).empty());  // the user has paused it
  // They end with the subtask.
  EXPECT_EQ(seen("t", pb::Paused, true, false).size(), 1u);
  scheduler_->RemoveSubtasks("t", {"s"});
  EXPECT_TRUE(scheduler_->LastErrors("s").empty());
}

TEST_F(SchedulerTest, AWorkerClearsOnlyTheArgumentsItHasRead) {
  Start();
  const auto clear = [](cluster::CliArgs& args) { args.start_time.clear(); };
  etcd_.Put(ArgsKey("t", "s"), cluster::Encode(cluster::CliArgs{"old", "", ""}));
  const auto old = cluster::ReadCliArgs(*client_, "t", "s", StopToken());
  ASSERT_TRUE(old);
  // Stopped and started again, before the worker gets to it.
  etcd_.Delete(ArgsKey("t", "s"));
  etcd_.Put(ArgsKey("t", "s"), cluster::Encode(cluster::CliArgs{"new", "", ""}));
  cluster::UpdateCliArgs(*client_, "t", "s", old->create_revision, clear, StopToken());
  const auto now = cluster::ReadCliArgs(*client_, "t", "s", StopToken());
  EXPECT_EQ(now->args.start_time, "new");
  cluster::UpdateCliArgs(*client_, "t", "s", now->create_revision, clear, StopToken());
  EXPECT_EQ(cluster::ReadCliArgs(*client_, "t", "s", StopToken())->args.start_time, "");
}

// ---- writes whose outcome is unknown ----

TEST_F(SchedulerTest, AWriteOfUnknownOutcomeEndsTheTerm) {
  StoreWorker("w"), Alive("w"), StoreSource("s");
  Start();
  FailWritesOf(StageKey("s", "t"), kTooLate, /*applied=*/true);
  try {
    scheduler_->AddSubtasks({Subtask("t", "s")}, Stage::kRunning, std::nullopt);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 42501);
    EXPECT_NE(e.ToString().find("query-status"), std::string::npos) << e.ToString();
  }
  EXPECT_TRUE(term_over_);
  EXPECT_TRUE(etcd_.Get(StageKey("s", "t")));
  // Nothing is written from a memory that may be wrong.
  const int txns = etcd_.txns();
  EXPECT_EQ(CodeOf([&] { scheduler_->RemoveTaskRecords("t"); }), 38043);
  EXPECT_EQ(etcd_.txns(), txns);
  // The next term knows the task.
  Start();
  EXPECT_EQ(scheduler_->Tasks().at("t"), std::set<std::string>{"s"});
}

TEST_F(SchedulerTest, ABindOfUnknownOutcomeNeverGivesASourceToTwoWorkers) {
  for (const char* name : {"w0", "w1"}) StoreWorker(name);
  StoreSource("s");
  Start();
  FailWritesOf(BoundKey("w1"), kTooLate, /*applied=*/true);
  Alive("w1");
  EXPECT_TRUE(Eventually([&] { return term_over_.load(); }));
  EXPECT_EQ(Stored("w1"), "s");
  Alive("w0");
  Start();
  EXPECT_EQ(scheduler_->WorkerOf("s"), "w1");
  EXPECT_EQ(Stored("w0"), "");
}

TEST_F(SchedulerTest, AWriteThatCertainlyFailedChangesNothing) {
  StoreWorker("w"), Alive("w"), StoreSource("s");
  Start();
  FailWritesOf(StageKey("s", "t"), kBusy, /*applied=*/false);
  EXPECT_EQ(
      CodeOf([&] { scheduler_->AddSubtasks({Subtask("t", "s")}, Stage::kRunning, std::nullopt); }),
      42501);
  EXPECT_FALSE(term_over_);
  EXPECT_TRUE(scheduler_->Tasks().empty());
  scheduler_->AddSubtasks({Subtask("t", "s")}, Stage::kRunning, std::nullopt);
}

TEST_F(SchedulerTest, WhetherAWriteFitIntoTheLastSpaceIsRead) {
  StoreWorker("w"), Alive("w"), StoreSource("s");
  Start();
  FailWritesOf(StageKey("s", "t"), kNoSpace, /*applied=*/true);
  scheduler_->AddSubtasks({Subtask("t", "s")}, Stage::kRunning, std::nullopt);
  EXPECT_EQ(scheduler_->Tasks().size(), 1u);
  FailWritesOf(StageKey("s", "t"), kNoSpace, /*applied=*/false);
  EXPECT_EQ(CodeOf([&] { scheduler_->SetStage(Stage::kPaused, "t", {"s"}); }), 42501);
  EXPECT_FALSE(term_over_);
}

TEST_F(SchedulerTest, AForeignBindEndsTheTerm) {
  StoreWorker("w"), Alive("w");
  Start();
  ASSERT_TRUE(Eventually([&] { return scheduler_->StageOf("w") == WorkerStage::kFree; }));
  StoreBind("other", "w");  // behind the scheduler's back
  scheduler_->AddSource(Source("s"), "");
  EXPECT_TRUE(term_over_);
  EXPECT_EQ(Stored("w"), "other");
  Start();
  EXPECT_EQ(scheduler_->WorkerOf("s"), "w");
  EXPECT_EQ(Stored("w"), "s");
}

TEST_F(SchedulerTest, AnotherLeadersKeyEndsTheTerm) {
  Start();
  etcd_.Delete(kCampaignKey);
  etcd_.Put(kCampaignKey, R"({"id":"m","addr":"a:1"})", 7);
  EXPECT_EQ(CodeOf([&] { scheduler_->RegisterWorker("w", "h:1"); }), 38043);
  EXPECT_TRUE(term_over_);
  EXPECT_TRUE(etcd_.Keys("/dm-worker/r/").empty());
}

// ---- placing that fails and is tried again ----

TEST_F(SchedulerTest, TheSecondHalfOfAMoveIsTriedAgain) {
  for (const char* name : {"w1", "w2"}) StoreWorker(name), Alive(name);
  StoreSource("s");
  StoreBind("s", "w1");
  etcd_.Put(EncodeKey(keys::kSubtask, {"s", "t"}), migration::SubtaskToToml(Subtask("t", "s")));
  etcd_.Put(StageKey("s", "t"), R"({"expect":2,"source":"s","task":"t"})");
  etcd_.Put(EncodeKey(keys::kLoadTask, {"t", "s"}), R"("w1")");
  etcd_.Put(EncodeKey(keys::kLoadTask, {"t2", "s"}), R"("w2")");
  etcd_.Put(EncodeKey(keys::kSubtask, {"s", "t2"}), migration::SubtaskToToml(Subtask("t2", "s")));
  etcd_.Put(StageKey("s", "t2"), R"({"expect":2,"source":"s","task":"t2"})");
  Start();
  ASSERT_EQ(scheduler_->WorkerOf("s"), "w1");
  // The load of t ends: s belongs to w2, which has files of t2. Unbinding works, binding does not.
  FailWritesOf(BoundKey("w2"), kBusy, /*applied=*/false, /*times=*/3);
  etcd_.Delete(EncodeKey(keys::kLoadTask, {"t", "s"}));
  EXPECT_TRUE(
      Eventually([&] { return !scheduler_->WorkerOf("s").empty() && Stored("w2") == "s"; }));
  EXPECT_EQ(scheduler_->WorkerOf("s"), "w2");
  EXPECT_EQ(Stored("w1"), "");
  EXPECT_FALSE(term_over_);
}

TEST_F(SchedulerTest, ASourceStaysAddedWhenItCannotBeBoundYet) {
  StoreWorker("w"), Alive("w");
  Start();
  ASSERT_TRUE(Eventually([&] { return scheduler_->StageOf("w") == WorkerStage::kFree; }));
  FailWritesOf(BoundKey("w"), kBusy, /*applied=*/false, /*times=*/2);
  scheduler_->AddSource(Source("s"), "");
  EXPECT_TRUE(scheduler_->HasSource("s"));
  EXPECT_TRUE(Eventually([&] { return scheduler_->WorkerOf("s") == "w"; }));
  EXPECT_EQ(Stored("w"), "s");
}

TEST_F(SchedulerTest, ASourceForANamedWorkerIsAddedAndBoundOrNeither) {
  StoreWorker("w"), Alive("w");
  Start();
  ASSERT_TRUE(Eventually([&] { return scheduler_->StageOf("w") == WorkerStage::kFree; }));
  FailWritesOf(BoundKey("w"), kBusy, /*applied=*/false);
  EXPECT_EQ(CodeOf([&] { scheduler_->AddSource(Source("s"), "w"); }), 42501);
  EXPECT_FALSE(scheduler_->HasSource("s"));
  EXPECT_FALSE(etcd_.Get(EncodeKey(keys::kSourceConfig, {"s"})));
  scheduler_->AddSource(Source("s"), "w");
  EXPECT_EQ(Stored("w"), "s");
}

TEST_F(SchedulerTest, AWorkerThatCouldNotBeUnboundIsUnboundLater) {
  for (const char* name : {"w1", "w2"}) StoreWorker(name), Alive(name);
  StoreSource("s");
  StoreBind("s", "w1");
  Start();
  FailWritesOf(BoundKey("w1"), kBusy, /*applied=*/false, /*times=*/2);
  Gone("w1");
  EXPECT_TRUE(Eventually([&] { return scheduler_->WorkerOf("s") == "w2"; }));
  EXPECT_EQ(Stored("w1"), "");
  EXPECT_EQ(scheduler_->StageOf("w1"), WorkerStage::kOffline);
}

// ---- two operators ----

TEST_F(SchedulerTest, SourcesAreRemovedAllOrNone) {
  for (const char* name : {"w1", "w2"}) StoreWorker(name), Alive(name);
  StoreSource("s1"), StoreSource("s2");
  Start();
  scheduler_->AddSubtasks({Subtask("t", "s2")}, Stage::kRunning, std::nullopt);
  EXPECT_EQ(CodeOf([&] { scheduler_->RemoveSources({"s1", "s2"}); }), 46010);
  EXPECT_EQ(CodeOf([&] { scheduler_->RemoveSources({"s1", "s3"}); }), 46008);
  EXPECT_EQ(scheduler_->Sources().size(), 2u);
  const std::string worker = scheduler_->WorkerOf("s1");
  EXPECT_EQ(scheduler_->RemoveSources({"s1", "s1"}),
            (std::map<std::string, std::string>{{"s1", worker}}));
  EXPECT_EQ(CodeOf([&] { scheduler_->RemoveSources({"s1"}); }), 46008);
  EXPECT_EQ(Stored(worker), "");
}

TEST_F(SchedulerTest, ATaskIsStartedOrItsSourceRemovedNeverBoth) {
  StoreWorker("w"), Alive("w");
  Start();
  for (int round = 0; round < 30; ++round) {
    scheduler_->AddSource(Source("s"), "");
    ASSERT_EQ(scheduler_->WorkerOf("s"), "w");
    int added = 0;
    int removed = 0;
    {
      std::jthread one([&] {
        added = CodeOf(
            [&] { scheduler_->AddSubtasks({Subtask("t", "s")}, Stage::kRunning, std::nullopt); });
      });
      std::jthread other([&] { removed = CodeOf([&] { scheduler_->RemoveSources({"s"}); }); });
    }
    ASSERT_TRUE((added == 0 && removed == 46010) || (added == 46008 && removed == 0))
        << added << " " << removed;
    if (added != 0) continue;
    scheduler_->RemoveSubtasks("t", {"s"});
    scheduler_->RemoveSources({"s"});
  }
}

// A question is answered while a change waits for etcd.
TEST_F(SchedulerTest, QuestionsDoNotWaitForEtcd) {
  StoreWorker("w"), Alive("w"), StoreSource("s");
  Start();
  std::mutex mutex;
  std::condition_variable changed;
  bool waiting = false;
  bool go_on = false;
  etcd_.InjectFaults([&](const etcdserverpb::TxnRequest& txn) -> std::optional<TxnFault> {
    if (!Writes(txn, StageKey("s", "t"))) return std::nullopt;
    std::unique_lock lock(mutex);
    waiting = true;
    changed.notify_all();
    changed.wait(lock, [&] { return go_on; });
    return std::nullopt;
  });
  std::jthread change([&] {
    EXPECT_EQ(CodeOf([&] {
                scheduler_->AddSubtasks({Subtask("t", "s")}, Stage::kRunning, std::nullopt);
              }),
              0);
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return waiting; });
  }
  EXPECT_EQ(scheduler_->WorkerOf("s"), "w");
  EXPECT_TRUE(scheduler_->Tasks().empty());
  {
    std::lock_guard lock(mutex);
    go_on = true;
  }
  changed.notify_all();
  change.join();
  EXPECT_EQ(scheduler_->Tasks().size(), 1u);
}

// ---- changes in place ----

TEST_F(SchedulerTest, PausedSubtasksAreReplacedAndStay) {
  StoreWorker("w1"), Alive("w1"), StoreWorker("w2"), Alive("w2");
  StoreSource("s1"), StoreSource("s2");
  Start();
  scheduler_->AddSubtasks({Subtask("t", "s1"), Subtask("t", "s2")}, Stage::kRunning, std::nullopt);
  SubtaskConfig changed = Subtask("t", "s1");
  changed.syncer.batch = 7;
  const std::string key = EncodeKey(keys::kSubtask, {"s1", "t"});
  const auto before = etcd_.Get(key);
  const auto refused = [&](const std::vector<SubtaskConfig>& subtasks) {
    const int code = CodeOf([&] { scheduler_->UpdateSubtasks(subtasks); });
    EXPECT_EQ(CodeOf([&] { scheduler_->CheckSubtaskUpdate(subtasks); }), code);
    EXPECT_EQ(etcd_.Get(key), before);
    return code;
  };
  // In this order.
  EXPECT_EQ(refused({changed, Subtask("other", "s9")}), 46013);
  EXPECT_EQ(refused({Subtask("other", "s9")}), 46018);
  EXPECT_EQ(refused({changed, Subtask("t", "s9")}), 46034);
  EXPECT_EQ(refused({changed}), 46035);
  scheduler_->SetStage(Stage::kPaused, "t", {"s1"});
  EXPECT_EQ(refused({changed, Subtask("t", "s2")}), 46035);  // one of them runs
  const auto stage = etcd_.Get(StageKey("s1", "t"));
  scheduler_->UpdateSubtasks({changed});
  EXPECT_EQ(etcd_.Get(key), migration::SubtaskToToml(changed));
  EXPECT_EQ(etcd_.Get(StageKey("s1", "t")), stage);
  EXPECT_EQ(scheduler_->SubtasksOf("t").at("s1"), changed);
  EXPECT_EQ(scheduler_->SubtasksOf("t").at("s2"), Subtask("t", "s2"));
  // Nobody could take it over.
  Gone("w1"), Gone("w2");
  EXPECT_TRUE(Eventually([&] { return scheduler_->WorkerOf("s1").empty(); }));
  EXPECT_EQ(CodeOf([&] { scheduler_->UpdateSubtasks({changed}); }), 46035);
}

TEST_F(SchedulerTest, AChangeInPlaceIsWrittenAsAWholeOrNotAtAll) {
  std::vector<SubtaskConfig> subtasks;
  std::vector<std::string> sources;
  for (int i = 0; i < 10; ++i) {
    const std::string number = std::to_string(i);
    StoreWorker("w" + number), Alive("w" + number), StoreSource("s" + number);
    subtasks.push_back(Subtask("t", "s" + number));
    sources.push_back("s" + number);
  }
  Start({.operations = 2048, .bytes = 64 << 10});
  scheduler_->AddSubtasks(subtasks, Stage::kPaused, std::nullopt);
  std::vector<SubtaskConfig> large = subtasks;
  for (SubtaskConfig& subtask : large) subtask.meta_schema = std::string(20'000, 'x');
  EXPECT_EQ(CodeOf([&] { scheduler_->UpdateSubtasks(large); }),
            static_cast<int>(ErrorCode::kConfigNotSupported));
  for (const SubtaskConfig& subtask : subtasks) {
    EXPECT_EQ(etcd_.Get(EncodeKey(keys::kSubtask, {subtask.source_id, "t"})),
              migration::SubtaskToToml(subtask));
  }
  scheduler_->UpdateSubtasks({large[0], large[1]});
  // A write that certainly failed changes nothing.
  FailWritesOf(EncodeKey(keys::kSubtask, {"s2", "t"}), kBusy, false);
  EXPECT_NE(CodeOf([&] { scheduler_->UpdateSubtasks({large[2]}); }), 0);
  EXPECT_EQ(scheduler_->SubtasksOf("t").at("s2"), subtasks[2]);
  EXPECT_FALSE(term_over_);
}

// ---- records that cannot be read ----

TEST_F(SchedulerTest, UnusableRecordsDoNotKeepTheLeaderFromWork) {
  StoreWorker("w1"), Alive("w1"), StoreWorker("w2");
  StoreSource("s1"), StoreSource("s2");
  etcd_.Put(EncodeKey(keys::kWorkerInfo, {"w\xff"}), "{\"name\":\"w\xff\",\"addr\":\"h:1\"}");
  etcd_.Put(EncodeKey(keys::kWorkerKeepAlive, {"w2"}), "{\"worker-name\":\"\xff\"}");
  etcd_.Put(BoundKey("w2"), "garbage");
  etcd_.Put(EncodeKey(keys::kLastBoundWorker, {"w1"}), "[]");
  etcd_.Put(EncodeKey(keys::kRelayStage, {"s1"}), "{\"expect\":77}");
  etcd_.Put(EncodeKey(keys::kLoadTask, {"t", "s1"}), "w1");
  etcd_.Put(EncodeKey(keys::kSubtask, {"s1", "t"}), migration::SubtaskToToml(Subtask("t", "s1")));
  etcd_.Put(StageKey("s1", "t"), "{\"expect\":\"Running\"}");
  etcd_.Put("/dm-master/stage/subtask/zz/zz", "{}");
  etcd_.Put("/dm-worker/a/nohex", "{}");
  Start();
  EXPECT_EQ(scheduler_->Workers().size(), 2u);
  // Both are alive, whatever their records say, and serve both sources.
  EXPECT_FALSE(scheduler_->WorkerOf("s1").empty());
  EXPECT_FALSE(scheduler_->WorkerOf("s2").empty());
  EXPECT_EQ(Stored("w2"), scheduler_->WorkerOf("s1") == "w2" ? "s1" : "s2");
  // The task is known, so a user can repair it.
  scheduler_->SetStage(Stage::kRunning, "t", {"s1"});
  EXPECT_EQ(etcd_.Get(StageKey("s1", "t")), R"({"expect":2,"source":"s1","task":"t"})");
}

TEST_F(SchedulerTest, WorkersWithUnusableNamesOrAddressesAreRefused) {
  Start();
  for (const std::string& name :
       {std::string(), std::string("w\xff"), std::string(513, 'x'), std::string("w\0x", 3)}) {
    EXPECT_EQ(CodeOf([&] { scheduler_->RegisterWorker(name, "host:8262"); }), 42502);
  }
  for (const char* address : {"", "host", ":8262", "host:", "host:0", "host:x", "host:70000"}) {
    EXPECT_EQ(CodeOf([&] { scheduler_->RegisterWorker("w", address); }), 40069) << address;
  }
  EXPECT_TRUE(etcd_.Keys("/dm-worker/r/").empty());
  scheduler_->RegisterWorker("Grüße:1", "[::1]:8262");
  EXPECT_EQ(scheduler_->Workers().size(), 1u);
}

// ---- many sources ----

TEST_F(SchedulerTest, MoreSourcesThanOneTransactionTakes) {
  etcd_.LimitOperations(32);
  const int count = 40;
  std::vector<SubtaskConfig> subtasks;
  std::vector<std::string> sources;
  for (int i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    StoreWorker("w" + number), Alive("w" + number), StoreSource("s" + number);
    StoreBind("s" + number, "w" + number);
    sources.push_back("s" + number);
    subtasks.push_back(Subtask("t", "s" + number));
  }
  Start({.operations = 32, .bytes = 1'572'864});
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(scheduler_->WorkerOf(sources[i]), "w" + std::to_string(i));
  }
  scheduler_->AddSubtasks(subtasks, Stage::kRunning, std::nullopt);
  scheduler_->SetStage(Stage::kPaused, "t", sources);
  EXPECT_EQ(etcd_.Keys("/dm-master/stage/subtask/").size(), static_cast<size_t>(count));
  scheduler_->RemoveSubtasks("t", sources);
  EXPECT_TRUE(etcd_.Keys("/dm-master/upstream/subtask/").empty());
  EXPECT_EQ(scheduler_->RemoveSources(sources).size(), static_cast<size_t>(count));
  EXPECT_TRUE(etcd_.Keys("/dm-master/bound-worker/").empty());
}

TEST_F(SchedulerTest, AnInterruptedLargeStartKeepsWhatWasStarted) {
  std::vector<SubtaskConfig> subtasks;
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(i);
    StoreWorker("w" + number), Alive("w" + number), StoreSource("s" + number);
    subtasks.push_back(Subtask("t", "s" + number));
  }
  Start({.operations = 16, .bytes = 1'572'864});
  FailWritesOf(StageKey("s19", "t"), kBusy, /*applied=*/false);
  try {
    scheduler_->AddSubtasks(subtasks, Stage::kRunning, std::nullopt);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("15 of 20"), std::string::npos) << e.message();
  }
  EXPECT_EQ(scheduler_->Tasks().at("t").size(), 15u);
  EXPECT_EQ(scheduler_->AddSubtasks(subtasks, Stage::kRunning, std::nullopt).size(), 15u);
  EXPECT_EQ(scheduler_->Tasks().at("t").size(), 20u);
}

TEST_F(SchedulerTest, LargeConfigurationsAreWrittenInSeveralRequests) {
  etcd_.LimitRequestBytes(64 << 10);
  std::vector<SubtaskConfig> subtasks;
  for (int i = 0; i < 10; ++i) {
    const std::string number = std::to_string(i);
    StoreWorker("w" + number), Alive("w" + number), StoreSource("s" + number);
    subtasks.push_back(Subtask("t", "s" + number));
    subtasks.back().meta_schema = std::string(20'000, 'x');
  }
  Start({.operations = 2048, .bytes = 64 << 10});
  scheduler_->AddSubtasks(subtasks, Stage::kRunning, std::nullopt);
  EXPECT_EQ(etcd_.Keys("/dm-master/upstream/subtask/").size(), 10u);
}

// ---- the phases of a term ----

TEST_F(SchedulerTest, AfterItsEndTheCallerMayAskAnotherLeader) {
  Start();
  scheduler_->Close();
  EXPECT_EQ(CodeOf([&] { scheduler_->Workers(); }), 38043);
  EXPECT_EQ(CodeOf([&] { scheduler_->RegisterWorker("w", "h:1"); }), 38043);
  const Scheduler fresh(client_, {}, {}, [] {});
  EXPECT_EQ(CodeOf([&] { fresh.Workers(); }), 46001);
}

}  // namespace
}  // namespace dm::master
