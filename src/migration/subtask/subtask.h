// The sequence of units of one task on one source, as a state machine.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/log/log.h"
#include "migration/subtask/stage.h"
#include "migration/unit/unit.h"

namespace dm::migration {

// A moment's view of a subtask.
struct SubtaskStatus {
  std::string name;
  Stage stage = Stage::kNew;
  UnitType unit = UnitType::kInvalid;
  std::optional<UnitResult> result;  // of the last run; none while running
  UnitStatus unit_status;
};

// The statements that the unit waits for downstream, for messages; "what is in flight" if it does
// not say.
std::string WaitsFor(const SubtaskStatus& status);

// Runs units one after another on a thread of its own; that thread alone calls Init, Run and Close
// of the units. All public functions are thread-safe. Pause, Close and Kill block until the unit
// has returned; Start and Resume do not.
//
// What was asked for last (by Start, Pause, Resume) is kept: no path but these leads from wanting
// Paused or Stopped to Running.
//
// Every path through the stages (from -> event -> to):
//   New -> Start(Running) -> Running -> unit done, more units -> Running (next unit)
//   New -> Start(Paused | Stopped) -> that stage, units initialised
//   New, initialising -> Pause -> Paused;  -> Resume -> Resuming -> Running
//   Running -> last unit done -> Finished;  -> unit error -> Paused with its errors
//   any -> the units cannot be initialised -> Paused with that error
//   Running -> Pause -> Pausing -> Paused (cancelled)
//   Paused by error -> Pause -> marked cancelled;  -> ResumeFromError -> Resuming -> Running, or,
//   unless Running is wanted, Paused -> units initialised -> Paused | Stopped
//   Paused, Stopped -> Resume -> Resuming -> Running
//   any but Stopped, Stopping, Finished -> Close | Kill -> Stopping -> Stopped
class Subtask {
 public:
  // Makes the units of the subtask in the order in which they run. Called on the subtask's thread,
  // again whenever the units have to be initialised anew; may throw Error.
  using UnitFactory = std::function<std::vector<std::unique_ptr<Unit>>()>;

  Subtask(std::string name, UnitFactory make_units);
  // Closes gracefully if it was neither closed nor killed.
  ~Subtask();
  Subtask(const Subtask&) = delete;
  Subtask& operator=(const Subtask&) = delete;

  // Begins in the expected stage (Running, Paused or Stopped). Called once.
  void Start(Stage expected);
  // Throws Error kWorkerNotRunningStage unless it runs, begins (stage New, whatever was wanted), or
  // paused itself by an error.
  void Pause();
  // Throws Error kWorkerNotPausedStage unless Paused, Stopped, or about to be (stage New).
  // `refresh` replaces the factory (a changed configuration) when given.
  void Resume(UnitFactory refresh = nullptr);
  // Resumes a subtask that paused itself by an error; one that is wanted Paused or Stopped is only
  // initialised, and does not run. False, and nothing happens, if it is in another stage or has
  // been paused by the user meanwhile.
  bool ResumeFromError();
  // Ends gracefully: what is in flight is finished and saved. Idempotent.
  void Close();
  // Ends at once, saving nothing: the right to write is lost. Idempotent.
  void Kill();
  // As Kill, without waiting for the end.
  void RequestKill();

  // Waits until no unit runs and none will; false after `limit`. To be used after RequestKill.
  bool WaitStopped(Milliseconds limit);

  SubtaskStatus Status() const;
  // The unit that runs, or would run after a resume; null if none is initialised. It may be closed
  // at any time, but is not destroyed before the pointer is.
  std::shared_ptr<Unit> CurrentUnit() const;
  // Of the current unit, if there is one (unit.h).
  void RefreshMetrics();
  void LogProgress();
  Stage stage() const;
  // What was asked for last: Running, Paused or Stopped.
  Stage wanted() const;
  const std::string& name() const { return name_; }

 private:
  enum class Command { kNone, kInit, kRun };

  void Loop();
  // Makes and initialises the units and picks the first one to run. False: paused with an error.
  bool Initialise();
  void RunUnits();
  void CloseUnits();
  void Order(Command command);  // under the mutex
  void EndWith(Ending ending);
  void SetResult(Stage stage, UnitResult result);

  const std::string name_;
  const Logger log_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  UnitFactory make_units_;
  Stage stage_ = Stage::kNew;
  Stage wanted_ = Stage::kPaused;     // by the user: Running, Paused or Stopped
  Command command_ = Command::kNone;  // not yet taken up by the thread
  bool remake_units_ = false;         // before the next command: the units at hand are outdated
  bool ending_subtask_ = false;       // Close or Kill was asked for
  std::optional<UnitResult> result_;
  std::shared_ptr<EndingRequest> ending_;  // of the command at hand, and of the one ordered
  // Units are changed by the thread under the mutex; Status reads them under it.
  std::vector<std::shared_ptr<Unit>> units_;
  size_t current_ = 0;
  bool initialised_ = false;

  bool started_ = false;
  std::thread thread_;  // moved out by who joins it
};

}  // namespace dm::migration
