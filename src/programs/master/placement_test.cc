#include "programs/master/placement.h"

#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::master {
namespace {

class PlacementTest : public testing::Test {
 protected:
  void Worker(const std::string& name, bool online = true) {
    placement_.AddWorker({name, name + ":1"});
    if (online) placement_.Online(name);
  }
  // Also configured, so that the record counts.
  void Load(const std::string& task, const std::string& source, const std::string& worker) {
    placement_.AddSubtask(task, source);
    placement_.SetLoadTask(task, source, worker);
  }
  WorkerStage StageOf(const std::string& worker) { return placement_.FindWorker(worker)->stage; }

  Placement placement_;
};

TEST_F(PlacementTest, WorkerStagesFollowTheEvents) {
  Worker("w", /*online=*/false);
  placement_.AddSource("s");
  EXPECT_EQ(StageOf("w"), WorkerStage::kOffline);
  placement_.Online("w");
  EXPECT_EQ(StageOf("w"), WorkerStage::kFree);
  placement_.Bind("s", "w");
  EXPECT_EQ(StageOf("w"), WorkerStage::kBound);
  EXPECT_EQ(placement_.WorkerOf("s"), "w");
  EXPECT_TRUE(placement_.Unbound().empty());
  placement_.Unbind("s");
  EXPECT_EQ(StageOf("w"), WorkerStage::kFree);
  EXPECT_EQ(placement_.Unbound(), std::vector<std::string>{"s"});
  placement_.AssignRelay("w", "s");
  EXPECT_EQ(StageOf("w"), WorkerStage::kRelay);
  placement_.Offline("w");
  placement_.Online("w");
  EXPECT_EQ(StageOf("w"), WorkerStage::kRelay);
}

TEST_F(PlacementTest, AnOfflineWorkerCannotBeBound) {
  Worker("w", /*online=*/false);
  placement_.AddSource("s");
  try {
    placement_.Bind("s", "w");
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 46006);
  }
  EXPECT_EQ(placement_.WorkerOf("s"), "");
}

TEST_F(PlacementTest, ARelayWorkerTakesOnlyItsSource) {
  Worker("w");
  placement_.AddSource("s1");
  placement_.AddSource("s2");
  placement_.AssignRelay("w", "s2");
  try {
    placement_.CheckBind("s1", "w");
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 46027);
  }
  EXPECT_EQ(placement_.ChooseWorker("s1"), std::nullopt);
  EXPECT_EQ(placement_.ChooseSource("w"), (Move{"s2", "w", "", ""}));
  Worker("v");
  placement_.Bind("s2", "v");
  EXPECT_EQ(placement_.ChooseSource("w"), std::nullopt);
}

TEST_F(PlacementTest, PrefersTheWorkerThatHadTheSourceLast) {
  Worker("a");
  Worker("b");
  Worker("c");
  placement_.AddSource("s");
  EXPECT_EQ(placement_.ChooseWorker("s")->worker, "a");
  placement_.RememberLastBind("b", "s");
  EXPECT_EQ(placement_.ChooseWorker("s")->worker, "b");
  placement_.AssignRelay("c", "s");
  EXPECT_EQ(placement_.ChooseWorker("s")->worker, "c");
}

TEST_F(PlacementTest, TakesTheWorkerThatIsIdleLongest) {
  Worker("z");
  Worker("a");
  placement_.AddSource("s");
  EXPECT_EQ(placement_.ChooseWorker("s")->worker, "z");
}

TEST_F(PlacementTest, AWorkerThatComesTakesItsLastSourceElseTheFirst) {
  placement_.AddSource("s1");
  placement_.AddSource("s2");
  Worker("w");
  EXPECT_EQ(placement_.ChooseSource("w")->source, "s1");
  placement_.RememberLastBind("w", "s2");
  EXPECT_EQ(placement_.ChooseSource("w")->source, "s2");
  placement_.Bind("s2", "w");
  EXPECT_EQ(placement_.ChooseSource("w"), std::nullopt);  // bound
  Worker("x");
  placement_.Bind("s1", "x");
  Worker("y");
  EXPECT_EQ(placement_.ChooseSource("y"), std::nullopt);
}

TEST_F(PlacementTest, ALoadGoesBackToTheFiles) {
  Worker("a");
  Worker("b");
  placement_.AddSource("s");
  Load("t", "s", "b");
  EXPECT_EQ(placement_.ChooseWorker("s")->worker, "b");
  placement_.RemoveSubtask("t", "s");  // a left-over record counts no more
  EXPECT_EQ(placement_.ChooseWorker("s")->worker, "a");
}

TEST_F(PlacementTest, ALoadMayDisplaceASourceThatHasNoFilesThere) {
  Worker("a");
  Worker("b");
  placement_.AddSource("s1");
  placement_.AddSource("s2");
  placement_.Bind("s1", "a");
  Load("t", "s2", "a");
  EXPECT_EQ(placement_.ChooseWorker("s2"), (Move{"s2", "a", "", "s1"}));
  Load("t", "s1", "a");  // now s1 has files there too
  EXPECT_EQ(placement_.ChooseWorker("s2"), (Move{"s2", "b", "", ""}));
}

TEST_F(PlacementTest, AReturningOwnerOfFilesGetsTheSourceBack) {
  Worker("a");
  Worker("b");
  placement_.AddSource("s");
  placement_.Bind("s", "b");
  Load("t", "s", "a");
  EXPECT_EQ(placement_.ChooseSource("a"), (Move{"s", "a", "b", ""}));
  Load("u", "s", "b");  // both hold files: it stays
  EXPECT_EQ(placement_.ChooseSource("a"), std::nullopt);
}

TEST_F(PlacementTest, RearrangesWhenALoadHasEnded) {
  Worker("a");
  Worker("b");
  placement_.AddSource("s1");
  placement_.AddSource("s2");
  placement_.Bind("s1", "a");
  EXPECT_EQ(placement_.Rearrange("a", "s1"), std::nullopt);
  Load("t", "s2", "a");
  EXPECT_EQ(placement_.Rearrange("a", "s1"), (Move{"s2", "a", "", "s1"}));
  placement_.Bind("s2", "b");
  EXPECT_EQ(placement_.Rearrange("a", "s1"), (Move{"s2", "a", "b", "s1"}));
  Load("u", "s1", "a");  // still loading
  EXPECT_EQ(placement_.Rearrange("a", "s1"), std::nullopt);
  EXPECT_EQ(placement_.RemoveLoadTask("u", "s1"), "a");
  EXPECT_EQ(placement_.RemoveLoadTask("u", "s1"), "");
  placement_.RemoveLoadTasks("t");
  EXPECT_EQ(placement_.Rearrange("a", "s1"), std::nullopt);
  Load("v", "s1", "b");
  EXPECT_EQ(placement_.Rearrange("a", "s1"), (Move{"s1", "b", "a", "s2"}));
}

TEST_F(PlacementTest, RemovingASourceFreesItsWorker) {
  Worker("a");
  placement_.AddSource("s1");
  placement_.Bind("s1", "a");
  placement_.RemoveSource("s1");
  EXPECT_FALSE(placement_.HasSource("s1"));
  EXPECT_EQ(StageOf("a"), WorkerStage::kFree);
  EXPECT_TRUE(placement_.Unbound().empty());
}

}  // namespace
}  // namespace dm::master
