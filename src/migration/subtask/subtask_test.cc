#include "migration/subtask/subtask.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/thread/eventually_test.h"
#include "migration/subtask/auto_resume.h"

namespace dm::migration {
namespace {

// What the tests see and steer of the fake units; outlives them.
struct Script {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> calls;
  bool dump_fresh = true, sync_fresh = true;
  std::optional<Error> init_error;
  std::optional<Error> sync_error;
  bool dump_gives_up = false;  // ends cancelled though nobody asked
  std::optional<Error> dump_error;
  bool sync_ends_late = false;  // a stop or pause is answered only when this is false again

  void Add(std::string call) {
    std::lock_guard lock(mutex);
    calls.push_back(std::move(call));
    changed.notify_all();
  }
  void LetSyncEnd() {
    std::lock_guard lock(mutex);
    sync_ends_late = false;
    changed.notify_all();
  }
  void WaitForTheEnd() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !sync_ends_late; });
  }
  void WaitForCall(const std::string& call) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return std::find(calls.begin(), calls.end(), call) != calls.end(); });
  }
};

class FakeUnit : public Unit {
 public:
  FakeUnit(Script& script, UnitType type, bool endless)
      : script_(script), type_(type), endless_(endless) {}
  UnitType Type() const override { return type_; }
  void Init(const StopToken&) override {
    Note("init");
    if (script_.init_error) throw *script_.init_error;
  }
  bool IsFresh(const StopToken&) override {
    return type_ == UnitType::kSync ? script_.sync_fresh : script_.dump_fresh;
  }
  UnitResult Run(EndingRequest& ending) override {
    Note("run");
    if (type_ == UnitType::kSync && script_.sync_error) return {false, {*script_.sync_error}};
    if (type_ == UnitType::kDump && script_.dump_gives_up) return {true, {}};
    if (type_ == UnitType::kDump && script_.dump_error) return {false, {*script_.dump_error}};
    if (!endless_) return {};
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait(lock, ending.graceful(), [] { return false; });
    script_.WaitForTheEnd();
    Note(ending.ending() == Ending::kKill ? "killed" : "ended");
    return {true, {}};
  }
  void Update(const SubtaskConfig&) override {}
  void Close() noexcept override { Note("close"); }
  UnitStatus Status() const override { return {}; }

 private:
  void Note(std::string what) { script_.Add(std::string(ToString(type_)) + " " + what); }
  Script& script_;
  UnitType type_;
  bool endless_;
};

class SubtaskTest : public testing::Test {
 protected:
  Subtask::UnitFactory Units() {
    return [this] {
      std::vector<std::unique_ptr<Unit>> units;
      units.push_back(std::make_unique<FakeUnit>(script_, UnitType::kDump, false));
      units.push_back(std::make_unique<FakeUnit>(script_, UnitType::kSync, true));
      return units;
    };
  }
  void StartAndReachSync(Subtask& subtask) {
    subtask.Start(Stage::kRunning);
    script_.WaitForCall("Sync run");
  }
  // It is paused, by itself or because `stage` says so.
  void StartAndPause(Subtask& subtask, Stage stage = Stage::kRunning) {
    subtask.Start(stage);
    ASSERT_TRUE(Eventually([&] { return subtask.stage() == Stage::kPaused; }));
  }
  Script script_;
};

TEST_F(SubtaskTest, RunsUnitsInOrderAndClosesTheFinishedOne) {
  Subtask subtask("t", Units());
  StartAndReachSync(subtask);
  EXPECT_EQ(subtask.Status().unit, UnitType::kSync);
  EXPECT_EQ(subtask.Status().stage, Stage::kRunning);
  subtask.Close();
  EXPECT_EQ(script_.calls,
            (std::vector<std::string>{"Dump init", "Sync init", "Dump run", "Dump close",
                                      "Sync run", "Sync ended", "Sync close"}));
  EXPECT_EQ(subtask.stage(), Stage::kStopped);
}

TEST_F(SubtaskTest, ContinuesAtTheLastUnitThatLeftATrace) {
  script_.sync_fresh = false;
  Subtask subtask("t", Units());
  StartAndReachSync(subtask);
  subtask.Kill();
  EXPECT_EQ(script_.calls, (std::vector<std::string>{"Dump init", "Sync init", "Dump close",
                                                     "Sync run", "Sync killed", "Sync close"}));
}

TEST_F(SubtaskTest, PauseWaitsForTheUnitAndResumeRunsItAgain) {
  script_.sync_fresh = false;
  Subtask subtask("t", Units());
  StartAndReachSync(subtask);
  subtask.Pause();
  SubtaskStatus status = subtask.Status();
  EXPECT_EQ(status.stage, Stage::kPaused);
  ASSERT_TRUE(status.result);
  EXPECT_TRUE(status.result->is_canceled);
  EXPECT_EQ(script_.calls.back(), "Sync ended");
  EXPECT_THROW(subtask.Pause(), Error);
  script_.calls.clear();
  subtask.Resume();
  script_.WaitForCall("Sync run");
  EXPECT_FALSE(subtask.Status().result);
  EXPECT_THROW(subtask.Resume(), Error);
}

TEST_F(SubtaskTest, ResumeWithAChangedConfigurationMakesTheUnitsAnew) {
  script_.sync_fresh = false;
  Subtask subtask("t", Units());
  StartAndReachSync(subtask);
  subtask.Pause();
  script_.calls.clear();
  subtask.Resume(Units());
  script_.WaitForCall("Sync run");
  EXPECT_EQ(script_.calls, (std::vector<std::string>{"Sync close", "Dump init", "Sync init",
                                                     "Dump close", "Sync run"}));
}

TEST_F(SubtaskTest, AnErrorPausesAndAPauseThenMarksItCancelled) {
  script_.sync_error = Error(ErrorCode::kSyncerParseDDL, "cannot parse");
  Subtask subtask("t", Units());
  StartAndPause(subtask);
  SubtaskStatus status = subtask.Status();
  ASSERT_TRUE(status.result);
  ASSERT_EQ(status.result->errors.size(), 1u);
  EXPECT_EQ(status.result->errors[0].code(), 36067);
  EXPECT_FALSE(status.result->is_canceled);
  subtask.Pause();
  EXPECT_TRUE(subtask.Status().result->is_canceled);
}

TEST_F(SubtaskTest, AFailedInitNamesUnitAndSubtaskAndIsRepeatedByResume) {
  script_.init_error = Error(ErrorCode::kDBDriverError, "no server");
  Subtask subtask("t", Units());
  StartAndPause(subtask);
  SubtaskStatus status = subtask.Status();
  EXPECT_EQ(status.unit, UnitType::kInvalid);
  EXPECT_EQ(status.result->errors[0].message(),
            "fail to initialize unit Dump of subtask t: no server");
  script_.init_error.reset();
  subtask.Resume();
  script_.WaitForCall("Sync run");
}

// A unit that ends for a reason of its own has not done its work: the next one would begin without
// it.
TEST_F(SubtaskTest, ACancelledRunThatNobodyAskedForPauses) {
  script_.dump_gives_up = true;
  Subtask subtask("t", Units());
  StartAndPause(subtask);
  SubtaskStatus status = subtask.Status();
  EXPECT_EQ(status.unit, UnitType::kDump);
  ASSERT_TRUE(status.result);
  EXPECT_FALSE(status.result->is_canceled);
  ASSERT_EQ(status.result->errors.size(), 1u);
  EXPECT_TRUE(IsResumable(*status.result));
  EXPECT_EQ(script_.calls, (std::vector<std::string>{"Dump init", "Sync init", "Dump run"}));
  script_.dump_gives_up = false;
  EXPECT_TRUE(subtask.ResumeFromError());
  script_.WaitForCall("Sync run");
}

TEST_F(SubtaskTest, AnErrorIsShownWhateverItsTextHolds) {
  const std::string text = "execute statement failed: REPLACE INTO t VALUES ('context canceled')";
  script_.dump_error = Error(ErrorCode::kDBExecuteFailed, text);
  Subtask subtask("t", Units());
  StartAndPause(subtask);
  const SubtaskStatus status = subtask.Status();
  EXPECT_EQ(status.unit, UnitType::kDump);
  ASSERT_TRUE(status.result);
  EXPECT_FALSE(status.result->is_canceled);
  ASSERT_EQ(status.result->errors.size(), 1u);
  EXPECT_EQ(status.result->errors.front().message(), text);
}

TEST_F(SubtaskTest, AKillWaitsForAUnitThatIsBeingClosed) {
  script_.sync_ends_late = true;
  Subtask subtask("t", Units());
  EXPECT_TRUE(subtask.WaitStopped(Milliseconds(0)));  // it never began
  StartAndReachSync(subtask);
  std::thread closing([&] { subtask.Close(); });
  ASSERT_TRUE(Eventually([&] { return subtask.stage() == Stage::kStopping; }));
  subtask.RequestKill();
  EXPECT_FALSE(subtask.WaitStopped(Milliseconds(50)));
  script_.LetSyncEnd();
  EXPECT_TRUE(subtask.WaitStopped(Milliseconds(10'000)));
  closing.join();
}

TEST_F(SubtaskTest, ResumeFromErrorLeavesAPausedTaskAlone) {
  script_.sync_error = Error(ErrorCode::kSyncerParseDDL, "cannot parse");
  Subtask subtask("t", Units());
  EXPECT_FALSE(subtask.ResumeFromError());
  StartAndPause(subtask);
  subtask.Pause();
  EXPECT_FALSE(subtask.ResumeFromError());
  EXPECT_EQ(subtask.stage(), Stage::kPaused);
}

TEST_F(SubtaskTest, StartsPausedWithoutRunning) {
  Subtask subtask("t", Units());
  StartAndPause(subtask, Stage::kPaused);
  EXPECT_EQ(script_.calls, (std::vector<std::string>{"Dump init", "Sync init"}));
  subtask.Resume();
  script_.WaitForCall("Sync run");
}

UnitResult Failed(ErrorCode code, std::string message, std::string cause) {
  return {false, {Error(code, std::move(message)).SetRawCause(std::move(cause))}};
}

TEST(AutoResumeTest, UnresumableErrors) {
  EXPECT_FALSE(IsResumable(Failed(ErrorCode::kDBExecuteFailed, "", "Error 1062 (23000): Dup")));
  EXPECT_FALSE(IsResumable(Failed(ErrorCode::kSyncerUnitDMLColumnNotMatch, "", "")));
  // MariaDB says 1005 in ALTER TABLE where it says 1117 in CREATE TABLE.
  EXPECT_FALSE(IsResumable(Failed(ErrorCode::kDBExecuteFailed, "",
                                  "Error 1005 (HY000): Can't create table `d`.`t` (errno: 185 "
                                  "\"Too many columns\")")));
  EXPECT_TRUE(IsResumable(Failed(ErrorCode::kDBExecuteFailed, "",
                                 "Error 1005 (HY000): Can't create table `d`.`t` (errno: 150 "
                                 "\"Foreign key constraint is incorrectly formed\")")));
  EXPECT_TRUE(IsResumable(Failed(ErrorCode::kDBExecuteFailed, "", "Error 1146 (42S02): no")));
  EXPECT_TRUE(IsResumable(Failed(ErrorCode::kDBExecuteFailed, "Error 1062", "")));
}

TEST(AutoResumeTest, WaitsLongerAfterEachResume) {
  using std::chrono::milliseconds;
  AutoResume checker({milliseconds(1000), milliseconds(8000), milliseconds(60000)});
  SubtaskStatus paused{
      "t", Stage::kPaused, UnitType::kSync, Failed(ErrorCode::kDBExecuteFailed, "", ""), {}};
  auto now = AutoResume::Clock::time_point{};
  EXPECT_EQ(checker.Check(paused, now), AutoResume::Decision::kSkip);
  now += milliseconds(1000);
  EXPECT_EQ(checker.Check(paused, now), AutoResume::Decision::kDispatch);
  checker.Dispatched("t", now);
  EXPECT_EQ(checker.Check(paused, now + milliseconds(999)), AutoResume::Decision::kSkip);
  EXPECT_EQ(checker.Check(paused, now + milliseconds(2000)), AutoResume::Decision::kDispatch);
  paused.result->is_canceled = true;
  EXPECT_EQ(checker.Check(paused, now + milliseconds(9000)), AutoResume::Decision::kIgnore);
}

}  // namespace
}  // namespace dm::migration
