#include "migration/sync/apply_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace dm::migration {
namespace {

Job RowJob() {
  Job job;
  job.event = std::make_shared<EventRows>();
  job.bytes = 10;
  return job;
}

// Of an insert into a table whose rows share statements.
Job SharingJob(const std::shared_ptr<const TablePlan>& plan) {
  auto rows = std::make_shared<EventRows>();
  rows->plan = plan;
  rows->shares = true;
  Job job;
  job.event = std::move(rows);
  job.bytes = 10;
  return job;
}

Job End() {
  Job job;
  job.boundary = std::make_shared<Boundary>();
  return job;
}

class ApplyQueuesTest : public testing::Test {
 protected:
  void Push(size_t slot) { queues_.Push(slot, RowJob(), StopToken()); }
  size_t Take(size_t slot) {
    EXPECT_TRUE(queues_.Take(slot, batch_, StopToken()));
    return batch_.size();
  }
  ApplyQueues queues_{3, {.batch = 4, .queue_jobs = 8}};
  std::vector<Job> batch_;
};

TEST_F(ApplyQueuesTest, TheBatchThatIsInHandForTheLongestTime) {
  EXPECT_FALSE(queues_.OldestBatch());
  auto plan = std::make_shared<TablePlan>();
  plan->target = {"s", "t"};
  queues_.Push(0, SharingJob(plan), StopToken());
  queues_.Push(0, SharingJob(plan), StopToken());
  Push(1);
  EXPECT_FALSE(queues_.OldestBatch()) << "nothing is taken";
  const auto before = SteadyClock::now();
  Take(0);
  Take(1);
  const auto oldest = queues_.OldestBatch();
  ASSERT_TRUE(oldest);
  EXPECT_EQ(oldest->table, "`s`.`t`");
  EXPECT_EQ(oldest->changes, 2u);
  EXPECT_GE(oldest->since, before);
  EXPECT_LE(oldest->since, SteadyClock::now());
  queues_.Committed(0);
  ASSERT_TRUE(queues_.OldestBatch());
  EXPECT_EQ(queues_.OldestBatch()->table, "");
  queues_.Committed(1);
  EXPECT_FALSE(queues_.OldestBatch());
  EXPECT_EQ(plan.use_count(), 1);
}

TEST_F(ApplyQueuesTest, LowWaterIsBehindTheOldestOpenChange) {
  EXPECT_EQ(queues_.LowWater(), 0u);
  Push(0);  // 1
  Push(1);  // 2
  Push(0);  // 3
  EXPECT_EQ(queues_.LowWater(), 0u);
  EXPECT_EQ(Take(0), 2u);
  EXPECT_EQ(queues_.LowWater(), 0u);
  queues_.Committed(0);
  EXPECT_EQ(queues_.LowWater(), 1u) << "change 2 is open though 3 is done";
  Take(1);
  queues_.Committed(1);
  EXPECT_EQ(queues_.LowWater(), 3u);
  EXPECT_TRUE(queues_.Idle());
}

TEST_F(ApplyQueuesTest, TheEmptiestOfSome) {
  Push(0);
  EXPECT_EQ(queues_.EmptiestSlot(), 1u);
  EXPECT_EQ(queues_.EmptiestSlot(0, 1), 0u);
  EXPECT_EQ(queues_.EmptiestSlot(2, 2), 2u);
  Push(2);
  Push(2);
  EXPECT_EQ(queues_.EmptiestSlot(2, 2), 0u) << "behind the last comes the first";
  EXPECT_EQ(queues_.EmptiestSlot(2, 3), 1u);
}

TEST_F(ApplyQueuesTest, AFailedBatchHoldsTheLowWaterForEver) {
  Push(0);
  Push(1);
  Take(0);
  queues_.Fail(0, Error(ErrorCode::kDBExecuteFailedBegin, "begin failed"));
  Take(1);
  queues_.Committed(1);
  queues_.DrainRest(StopToken());
  EXPECT_EQ(queues_.LowWater(), 0u);
  EXPECT_THROW(Push(2), Error);
  EXPECT_EQ(queues_.error()->code(), 10007);
}

TEST_F(ApplyQueuesTest, BatchesAreLimited) {
  for (int i = 0; i < 6; ++i) Push(0);
  EXPECT_EQ(Take(0), 4u);
  queues_.Committed(0);
  EXPECT_EQ(Take(0), 2u);
}

TEST(ApplyQueuesSharing, RowsThatShareAStatementCountLess) {
  ApplyQueues queues(1, {.batch = 4});
  const auto one = std::make_shared<TablePlan>();
  const auto other = std::make_shared<TablePlan>();
  std::vector<Job> batch;
  const auto take = [&](size_t slot) {
    EXPECT_TRUE(queues.Take(slot, batch, StopToken()));
    queues.Committed(slot);
    return batch.size();
  };
  for (int i = 0; i < 50; ++i) queues.Push(0, SharingJob(one), StopToken());
  EXPECT_EQ(take(0), 31u) << "one as itself, then three times ten";
  EXPECT_EQ(take(0), 19u);
  for (int i = 0; i < 10; ++i) queues.Push(0, SharingJob(i % 2 == 0 ? one : other), StopToken());
  EXPECT_EQ(take(0), 4u) << "tables in turns";
  EXPECT_EQ(take(0), 4u);
  EXPECT_EQ(take(0), 2u);
  const size_t serial = queues.serial_slot();
  for (int i = 0; i < 20; ++i) {
    queues.Push(serial, SharingJob(one), StopToken());
    queues.Push(serial, End(), StopToken());
  }
  EXPECT_EQ(take(serial), 4u) << "two transactions";
}

TEST(ApplyQueuesSharing, MoreOfThemWait) {
  ApplyQueues queues(1, {.queue_jobs = 2});
  const auto plan = std::make_shared<TablePlan>();
  std::vector<Job> batch;
  const auto is_full = [&](const Job& job) {
    StopSource at_once;
    at_once.request_stop();
    try {
      queues.Push(0, job, at_once.get_token());
    } catch (const Cancelled&) {
      return true;
    }
    return false;
  };
  for (size_t i = 0; i < 2 * ApplyQueues::kSharingQueue; ++i) {
    EXPECT_FALSE(is_full(SharingJob(plan))) << i;
  }
  EXPECT_TRUE(is_full(SharingJob(plan)));
  EXPECT_TRUE(queues.Take(0, batch, StopToken()));
  queues.Committed(0);
  EXPECT_FALSE(is_full(SharingJob(plan)));
  EXPECT_FALSE(is_full(RowJob()));
  EXPECT_TRUE(is_full(RowJob())) << "what is to come need not share";
}

TEST(ApplyQueuesSharing, AWorkerNeedNotBeginWithAFew) {
  ApplyQueues queues(1, {.batch = 100});
  const auto plan = std::make_shared<TablePlan>();
  std::vector<Job> batch;
  std::atomic<bool> taken = false;
  const auto worker = [&] {
    queues.Take(0, batch, StopToken());
    taken = true;
  };
  const auto push = [&](size_t count, bool more) {
    std::vector<PlannedJob> jobs;
    for (size_t i = 0; i < count; ++i) jobs.push_back({0, SharingJob(plan)});
    queues.Push(jobs, StopToken(), more);
  };
  for (const bool release : {false, true}) {
    taken = false;
    std::jthread thread(worker);
    while (!queues.HasSleeper(0)) std::this_thread::yield();
    push(3, true);
    push(4, true);
    EXPECT_FALSE(taken);
    if (release) {
      queues.Release();
    } else {
      push(1, false);
    }
    thread.join();
    EXPECT_EQ(batch.size(), release ? 7u : 8u);
    queues.Committed(0);
  }
  // Whoever waits for them waits not for ever.
  std::jthread thread(worker);
  while (!queues.HasSleeper(0)) std::this_thread::yield();
  push(1, true);
  std::jthread committing([&] {
    thread.join();
    queues.Committed(0);
  });
  queues.Drain(StopToken());
  EXPECT_TRUE(queues.Idle());
}

// A worker that is woken may find its jobs held again: it is woken once more. (More workers than
// cores, so that some of them come late.)
TEST(ApplyQueuesSharing, AWorkerIsWokenAsOftenAsItHasToBe) {
  constexpr size_t kWorkers = 16;
  ApplyQueues queues(kWorkers, {.batch = 100});
  const auto plan = std::make_shared<TablePlan>();
  std::vector<std::jthread> workers;
  for (size_t slot = 0; slot < kWorkers; ++slot) {
    workers.emplace_back([&, slot] {
      std::vector<Job> batch;
      while (queues.Take(slot, batch, StopToken())) queues.Committed(slot);
    });
  }
  const auto push = [&](bool more) {
    std::vector<PlannedJob> jobs;
    for (size_t slot = 0; slot < kWorkers; ++slot) jobs.push_back({slot, SharingJob(plan)});
    queues.Push(jobs, StopToken(), more);
  };
  for (int round = 0; round < 100; ++round) {
    for (size_t slot = 0; slot < kWorkers; ++slot) {
      while (!queues.HasSleeper(slot)) std::this_thread::yield();
    }
    push(false);
    push(true);
    push(false);
    queues.Drain(StopToken());
  }
  queues.Close();
}

TEST_F(ApplyQueuesTest, TheSerialSlotGivesWholeTransactions) {
  size_t serial = queues_.serial_slot();
  for (int i = 0; i < 9; ++i) Push(serial);  // more than a full queue: nobody could take them yet
  queues_.Push(serial, End(), StopToken());
  EXPECT_EQ(queues_.planned(), 9u) << "a boundary has no order of its own";
  EXPECT_EQ(Take(serial), 10u);
  EXPECT_TRUE(batch_.back().boundary);
  EXPECT_EQ(queues_.LowWater(), 0u);
  queues_.Committed(serial);
  EXPECT_EQ(queues_.LowWater(), 9u);
}

TEST_F(ApplyQueuesTest, TheSerialSlotNeverSplitsATransactionAtTheLimit) {
  size_t serial = queues_.serial_slot();
  for (int transaction = 0; transaction < 2; ++transaction) {
    for (int i = 0; i < 3; ++i) Push(serial);
    queues_.Push(serial, End(), StopToken());
  }
  EXPECT_EQ(Take(serial), 4u);
  queues_.Committed(serial);
  EXPECT_EQ(Take(serial), 4u);
}

TEST_F(ApplyQueuesTest, OpenSerialRowsDoNotHoldUpADrain) {
  Push(queues_.serial_slot());
  queues_.Drain(StopToken());
  EXPECT_EQ(queues_.LowWater(), 0u);
}

TEST_F(ApplyQueuesTest, AFullQueueBlocksUntilItsWorkerTakes) {
  for (int i = 0; i < 8; ++i) Push(0);
  std::jthread worker([&] {
    std::vector<Job> batch;
    queues_.Take(0, batch, StopToken());
    queues_.Committed(0);
  });
  Push(0);
  EXPECT_EQ(queues_.planned(), 9u);
}

TEST(ApplyQueuesMemory, AllQueuesTogetherAreLimited) {
  ApplyQueues queues(3, {.all_bytes = 40});
  for (const size_t slot : {0, 1, 2, 0}) queues.Push(slot, RowJob(), StopToken());
  std::vector<Job> batch;
  StopSource stop;
  std::jthread stopper([&] {
    queues.Take(0, batch, StopToken());  // what is in flight takes memory as well
    stop.request_stop();
  });
  EXPECT_THROW(queues.Push(1, RowJob(), stop.get_token()), Cancelled);
  stopper.join();
  queues.Committed(0);
  queues.Push(1, RowJob(), StopToken());
  EXPECT_EQ(queues.planned(), 5u);
}

TEST(ApplyQueuesMemory, WhatNobodyCanTakeIsNotWaitedFor) {
  ApplyQueues queues(1, {.all_bytes = 20});
  for (int i = 0; i < 5; ++i) queues.Push(queues.serial_slot(), RowJob(), StopToken());
  queues.Push(queues.serial_slot(), End(), StopToken());
  EXPECT_EQ(queues.planned(), 5u);
}

TEST_F(ApplyQueuesTest, JobsThatArePushedTogetherHaveTheirOrders) {
  std::vector<PlannedJob> jobs;
  for (const size_t slot : {0, 1, 0}) jobs.push_back({slot, RowJob()});
  queues_.Push(jobs, StopToken());
  EXPECT_EQ(queues_.planned(), 3u);
  EXPECT_EQ(Take(1), 1u);
  EXPECT_EQ(batch_[0].order, 2u);
  EXPECT_EQ(Take(0), 2u);
  EXPECT_EQ(batch_[0].order, 1u);
  EXPECT_EQ(batch_[1].order, 3u);
}

TEST_F(ApplyQueuesTest, WhoeverWaitsForRoomHoldsNothingBack) {
  for (int i = 0; i < 8; ++i) Push(0);
  std::jthread worker([&] {
    std::vector<Job> batch;
    queues_.Take(1, batch, StopToken());  // of the jobs that are being pushed
    queues_.Take(0, batch, StopToken());
  });
  std::vector<PlannedJob> jobs;
  for (const size_t slot : {1, 0}) jobs.push_back({slot, RowJob()});
  queues_.Push(jobs, StopToken());
  EXPECT_EQ(jobs[0].waited, SteadyClock::duration::zero());
  EXPECT_GT(jobs[1].waited, SteadyClock::duration::zero());
}

TEST_F(ApplyQueuesTest, WhoeverHasNothingToDoIsToldSo) {
  EXPECT_TRUE(queues_.Take(0, batch_, StopToken(), Milliseconds(1)));
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(queues_.LowWater(), 0u);
  Push(0);
  EXPECT_TRUE(queues_.Take(0, batch_, StopToken(), Milliseconds(1)));
  EXPECT_EQ(batch_.size(), 1u);
  queues_.Committed(0);
  EXPECT_TRUE(queues_.Idle());
  StopSource stop;
  stop.request_stop();
  EXPECT_FALSE(queues_.Take(0, batch_, stop.get_token(), Milliseconds(1)));
  queues_.Close();
  EXPECT_FALSE(queues_.Take(0, batch_, StopToken(), Milliseconds(1)));
}

TEST_F(ApplyQueuesTest, WaitsEndWithTheStopToken) {
  for (int i = 0; i < 8; ++i) Push(0);
  StopSource stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_THROW(queues_.Push(0, RowJob(), stop.get_token()), Cancelled);
  EXPECT_THROW(queues_.Drain(stop.get_token()), Cancelled);
}

}  // namespace
}  // namespace dm::migration
