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
  std::condition_variable_any changed;
  std::vector<std::string> calls;
  bool dump_fresh = true, sync_fresh = true;
  std::optional<Error> init_error;
  std::optional<Error> sync_error;
  bool dump_gives_up = false;  // ends cancelled though nobody asked
  std::optional<Error> dump_error;
  bool sync_ends_late = false;  // a stop or pause is answered only when this is false again
  bool init_waits = false;      // until this is false again, or the caller gives up

  // As if the databases were away, and there again.
  void FailInit(std::optional<Error> error) {
    std::lock_guard lock(mutex);
    init_error = std::move(error);
  }
  void LetInitEnd() {
    std::lock_guard lock(mutex);
    init_waits = false;
    changed.notify_all();
  }
  void Init(const StopToken& stop) {
    std::unique_lock lock(mutex);
    if (!changed.wait(lock, stop, [&] { return !init_waits; })) throw Cancelled();
    if (init_error) throw *init_error;
  }
  size_t Count(const std::string& call) {
    std::lock_guard lock(mutex);
    return static_cast<size_t>(std::count(calls.begin(), calls.end(), call));
  }

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
  void Init(const StopToken& stop) override {
    Note("init");
    script_.Init(stop);
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
  // It is in `stage`, and an attempt to initialise it has failed.
  void StartWithoutDatabases(Subtask& subtask, Stage stage) {
    script_.FailInit(no_server_);
    subtask.Start(stage);
    ASSERT_TRUE(Eventually([&] { return HasFailed(subtask); }));
  }
  static bool HasFailed(const Subtask& subtask) {
    const SubtaskStatus status = subtask.Status();
    return status.stage == Stage::kPaused && status.result && !status.result->errors.empty();
  }
  static bool IsInitialised(const Subtask& subtask) {
    return subtask.Status().unit != UnitType::kInvalid;
  }
  // It is in stage New, its first unit is being initialised.
  void StartAndHold(Subtask& subtask, Stage stage) {
    script_.init_waits = true;
    subtask.Start(stage);
    script_.WaitForCall("Dump init");
    ASSERT_EQ(subtask.stage(), Stage::kNew);
  }
  const Error no_server_{ErrorCode::kDBDriverError, "no server"};
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
  script_.FailInit(no_server_);
  Subtask subtask("t", Units());
  StartAndPause(subtask);
  SubtaskStatus status = subtask.Status();
  EXPECT_EQ(status.unit, UnitType::kInvalid);
  EXPECT_EQ(status.result->errors[0].message(),
            "fail to initialize unit Dump of subtask t: no server");
  script_.FailInit(std::nullopt);
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

TEST_F(SubtaskTest, TheFirstUnitIsChosenAgainWhenItsFilesAreElsewhere) {
  script_.dump_error = Error(ErrorCode::kLoadTaskWorkerNotMatch, "different worker in load stage");
  Subtask subtask("t", Units());
  StartAndPause(subtask);
  EXPECT_EQ(subtask.Status().unit, UnitType::kDump);
  // The last transaction of the former run has come through meanwhile.
  script_.sync_fresh = false;
  EXPECT_TRUE(subtask.ResumeFromError());
  ASSERT_TRUE(Eventually([&] { return script_.Count("Sync run") == 1; }));
  EXPECT_EQ(script_.Count("Dump run"), 1u);
  EXPECT_EQ(script_.Count("Dump close"), 2u);
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

// What the user has paused stays so, whatever was away meanwhile.
TEST_F(SubtaskTest, APausedTaskThatCouldNotBeInitialisedNeverRunsByItself) {
  for (const Stage wanted : {Stage::kPaused, Stage::kStopped}) {
    Subtask subtask("t", Units());
    StartWithoutDatabases(subtask, wanted);
    EXPECT_TRUE(IsResumable(*subtask.Status().result));
    EXPECT_TRUE(subtask.ResumeFromError());  // the databases are still away
    ASSERT_TRUE(Eventually([&] { return HasFailed(subtask); }));
    script_.FailInit(std::nullopt);
    EXPECT_TRUE(subtask.ResumeFromError());
    ASSERT_TRUE(Eventually([&] { return IsInitialised(subtask); }));
    ASSERT_TRUE(Eventually([&] { return subtask.stage() == wanted; }));
    EXPECT_FALSE(subtask.Status().result);
    EXPECT_FALSE(subtask.ResumeFromError());
    EXPECT_EQ(script_.Count("Dump run"), 0u);
  }
  Subtask subtask("t", Units());
  StartWithoutDatabases(subtask, Stage::kPaused);
  script_.FailInit(std::nullopt);
  subtask.Resume();
  script_.WaitForCall("Sync run");
}

TEST_F(SubtaskTest, AnInitialisationIsRepeatedOnceAtATime) {
  Subtask subtask("t", Units());
  StartWithoutDatabases(subtask, Stage::kPaused);
  const size_t before = script_.Count("Dump init");
  {
    std::lock_guard lock(script_.mutex);
    script_.init_waits = true;
    script_.init_error.reset();
  }
  EXPECT_TRUE(subtask.ResumeFromError());
  ASSERT_TRUE(Eventually([&] { return script_.Count("Dump init") == before + 1; }));
  EXPECT_EQ(subtask.stage(), Stage::kPaused);
  EXPECT_FALSE(subtask.ResumeFromError());
  // A resume need not be repeated either: it counts when the attempt is over.
  subtask.Resume();
  EXPECT_EQ(subtask.stage(), Stage::kResuming);
  script_.LetInitEnd();
  script_.WaitForCall("Sync run");
  EXPECT_EQ(script_.Count("Dump init"), before + 1);
}

TEST_F(SubtaskTest, APauseDuringAnInitialisationThatFailsHolds) {
  Subtask subtask("t", Units());
  StartWithoutDatabases(subtask, Stage::kRunning);
  subtask.Pause();
  EXPECT_TRUE(subtask.Status().result->is_canceled);
  EXPECT_FALSE(subtask.ResumeFromError());
}

TEST_F(SubtaskTest, APauseEndsTheFirstInitialisation) {
  Subtask subtask("t", Units());
  StartAndHold(subtask, Stage::kRunning);
  subtask.Pause();
  EXPECT_EQ(subtask.stage(), Stage::kPaused);
  EXPECT_TRUE(subtask.Status().result->is_canceled);
  EXPECT_FALSE(subtask.ResumeFromError());
  script_.LetInitEnd();
  subtask.Resume();
  script_.WaitForCall("Sync run");
}

// Nothing that a run begins with (an empty directory, say) is done for a task that was paused.
TEST_F(SubtaskTest, AUnitIsNotRunAfterAPause) {
  Subtask subtask("t", [this, units = Units()] {
    script_.Add("made");
    std::unique_lock lock(script_.mutex);
    script_.changed.wait(lock, [&] { return !script_.init_waits; });
    lock.unlock();
    return units();
  });
  script_.init_waits = true;
  subtask.Start(Stage::kRunning);
  script_.WaitForCall("made");
  std::thread pausing([&] { subtask.Pause(); });
  ASSERT_TRUE(Eventually([&] { return subtask.stage() == Stage::kPausing; }));
  script_.LetInitEnd();
  pausing.join();
  EXPECT_EQ(subtask.stage(), Stage::kPaused);
  EXPECT_EQ(script_.Count("Dump run"), 0u);
  subtask.Resume();
  script_.WaitForCall("Sync run");
}

TEST_F(SubtaskTest, AResumeDuringTheFirstInitialisationRuns) {
  for (const Stage wanted : {Stage::kPaused, Stage::kStopped}) {
    script_.calls.clear();
    Subtask subtask("t", Units());
    StartAndHold(subtask, wanted);
    subtask.Resume();
    EXPECT_EQ(subtask.stage(), Stage::kResuming);
    script_.LetInitEnd();
    script_.WaitForCall("Sync run");
    EXPECT_EQ(script_.Count("Dump init"), 1u);
  }
}

TEST_F(SubtaskTest, TheLastOfSeveralOrdersDuringTheFirstInitialisationCounts) {
  Subtask subtask("t", Units());
  StartAndHold(subtask, Stage::kPaused);
  subtask.Pause();  // it is going to be
  subtask.Resume();
  subtask.Pause();
  EXPECT_EQ(subtask.stage(), Stage::kPaused);
  script_.LetInitEnd();
  subtask.Resume();
  script_.WaitForCall("Sync run");
  EXPECT_EQ(script_.Count("Dump run"), 1u);
}

TEST_F(SubtaskTest, TheEndIsNotHeldUpByAnInitialisation) {
  for (const bool resumed : {false, true}) {
    script_.calls.clear();
    Subtask subtask("t", Units());
    StartAndHold(subtask, Stage::kPaused);
    if (resumed) subtask.Resume();
    subtask.RequestKill();
    EXPECT_TRUE(subtask.WaitStopped(Milliseconds(10'000)));
    EXPECT_EQ(script_.Count("Dump run"), 0u);
  }
}

UnitResult Failed(ErrorCode code, std::string message, std::string cause) {
  return {false, {Error(code, std::move(message)).SetRawCause(std::move(cause))}};
}

TEST(AutoResumeTest, UnresumableErrors) {
  EXPECT_FALSE(IsResumable(Failed(ErrorCode::kDBExecuteFailed, "", "Error 1062 (23000): Dup")));
  EXPECT_FALSE(IsResumable(Failed(ErrorCode::kSyncerUnitDMLColumnNotMatch, "", "")));
  for (const std::string_view words :
       {"can't drop column a with composite index covered or Primary Key covered now",
        "Unsupported modifying collation of column 'v' from 'a' to 'b' when index is defined on "
        "it.",
        "Unsupported converting collation of column 'v' from 'a' to 'b' when index is defined on "
        "it."}) {
    EXPECT_FALSE(IsResumable(
        Failed(ErrorCode::kDBExecuteFailed, "", "Error 8200 (HY000): " + std::string(words))))
        << words;
  }
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

TEST(AutoResumeTest, LostBinlogsAreNotAskedForAgain) {
  for (const char* text :
       {"Could not find first log file name in binary log index file",
        "could not find next log; the first event 'mysql-bin.000001' at 4",
        "The slave is connecting using CHANGE MASTER TO MASTER_AUTO_POSITION = 1, but the master "
        "has purged binary logs containing GTIDs that the slave requires.",
        "The replica is connecting using CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 1, "
        "but the source has purged binary logs containing GTIDs that the replica requires.",
        "Cannot replicate because the master purged required binary logs. Replicate the missing "
        "transactions from elsewhere",
        "Cannot replicate because the source purged required binary logs. Replicate the missing "
        "transactions from elsewhere",
        "Could not find GTID state requested by slave in any binlog files. Probably the slave "
        "state is too old and required binlog files have been purged.",
        "Client requested master to start replication from impossible position",
        "Client requested master to start replication from position > file size",
        "Client requested source to start replication from position > file size",
        "Slave has more GTIDs than the master has, using the master's SERVER_UUID.",
        "Replica has more GTIDs than the source has, using the source's SERVER_UUID.",
        "Error: connecting slave requested to start from GTID 0-1-100, which is not in the "
        "master's binlog",
        "The binlog on the master is missing the GTID 0-1-5 requested by the slave (even though a "
        "subsequent sequence number does exist), and GTID strict mode is enabled"}) {
    EXPECT_FALSE(IsResumable(
        Failed(ErrorCode::kSyncerGetEvent, "", std::string("Error 1236 (HY000): ") + text)))
        << text;
  }
  EXPECT_TRUE(IsResumable(
      Failed(ErrorCode::kSyncerGetEvent, "", "Error 1236 (HY000): Binary log is not open")));
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
