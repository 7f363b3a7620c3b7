#include "migration/subtask/subtask.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error/error.h"
#include "base/failpoint/failpoint.h"
#include "base/io/text.h"
#include "migration/unit/advice.h"

namespace dm::migration {
namespace {

constexpr std::chrono::seconds kInitLimit{60};
constexpr std::chrono::seconds kTellInterval{10};

// Runs `call` with a token that stops with `stop` or after the limit.
template <class Call>
auto WithinLimit(const StopToken& stop, Call call) {
  StopSource limited;
  StopCallback forward(stop, [&] { limited.request_stop(); });
  std::jthread timer([&limited](const StopToken& done) {
    try {
      WaitFor(kInitLimit, done);
      limited.request_stop();
    } catch (const Cancelled&) {
    }
  });
  try {
    return call(limited.get_token());
  } catch (const Cancelled&) {
    if (stop.stop_requested()) throw;
    throw Error(ErrorCode::kNotSet,
                fmt::format("the upstream or the downstream did not answer within {} s: context "
                            "deadline exceeded",
                            kInitLimit.count()));
  }
}

// Another worker has the files that this unit needs. What made it the first one may have changed
// since: a transaction of a former run that was on its way may tell of a later unit.
bool HasNothingToGoOnWith(const UnitResult& result) {
  return std::any_of(result.errors.begin(), result.errors.end(), [](const Error& e) {
    return e.code() == static_cast<int>(ErrorCode::kLoadTaskWorkerNotMatch);
  });
}

}  // namespace

std::string_view ToString(Stage stage) {
  switch (stage) {
    case Stage::kInvalid:
      return "InvalidStage";
    case Stage::kNew:
      return "New";
    case Stage::kRunning:
      return "Running";
    case Stage::kPaused:
      return "Paused";
    case Stage::kStopped:
      return "Stopped";
    case Stage::kFinished:
      return "Finished";
    case Stage::kPausing:
      return "Pausing";
    case Stage::kResuming:
      return "Resuming";
    case Stage::kStopping:
      return "Stopping";
  }
  return "InvalidStage";
}

std::string WaitsFor(const SubtaskStatus& status) {
  const auto* sync = std::get_if<SyncStatus>(&status.unit_status);
  if (sync == nullptr || sync->blocking_ddls.empty()) return "what is in flight";
  return Join(sync->blocking_ddls, "; ");
}

Subtask::Subtask(std::string name, UnitFactory make_units)
    : name_(std::move(name)),
      log_(Log().With({F("subtask", name_)})),
      make_units_(std::move(make_units)) {}

Subtask::~Subtask() { Close(); }

void Subtask::Start(Stage expected) {
  std::lock_guard lock(mutex_);
  if (thread_.joinable() || ending_subtask_) return;
  wanted_ = expected == Stage::kRunning || expected == Stage::kStopped ? expected : Stage::kPaused;
  Order(wanted_ == Stage::kRunning ? Command::kRun : Command::kInit);
  thread_ = std::thread([this] { Loop(); });
  started_ = true;
}

void Subtask::Pause() {
  std::unique_lock lock(mutex_);
  if (stage_ == Stage::kPaused && result_ && !result_->is_canceled) {
    wanted_ = Stage::kPaused;
    result_->is_canceled = true;
    return;
  }
  const bool starting = stage_ == Stage::kNew && started_;
  if (stage_ != Stage::kRunning && stage_ != Stage::kResuming && !starting) {
    throw Error(ErrorCode::kWorkerNotRunningStage,
                fmt::format("current stage is {} but not running, invalid", ToString(stage_)));
  }
  const bool only_initialises = starting && wanted_ != Stage::kRunning;
  wanted_ = Stage::kPaused;
  if (only_initialises) return;
  stage_ = Stage::kPausing;
  ending_->Request(Ending::kPause);
  while (!changed_.wait_for(lock, kTellInterval, [&] { return stage_ != Stage::kPausing; })) {
    lock.unlock();
    log_.Warn("the subtask has not paused yet, it waits downstream",
              {F("waits for", WaitsFor(Status()))});
    lock.lock();
  }
}

void Subtask::Resume(UnitFactory refresh) {
  std::lock_guard lock(mutex_);
  const bool will_pause = stage_ == Stage::kNew && started_ && wanted_ != Stage::kRunning;
  if (ending_subtask_ || (stage_ != Stage::kPaused && stage_ != Stage::kStopped && !will_pause)) {
    throw Error(ErrorCode::kWorkerNotPausedStage,
                fmt::format("current stage is {} but not paused, invalid", ToString(stage_)));
  }
  if (refresh) {
    make_units_ = std::move(refresh);
    remake_units_ = true;
  }
  wanted_ = Stage::kRunning;
  stage_ = Stage::kResuming;
  Order(Command::kRun);
}

bool Subtask::ResumeFromError() {
  std::lock_guard lock(mutex_);
  // A pause may have come in since the caller looked.
  if (ending_subtask_ || stage_ != Stage::kPaused || !result_ || result_->is_canceled) return false;
  if (wanted_ == Stage::kRunning) {
    stage_ = Stage::kResuming;
    Order(Command::kRun);
  } else {
    log_.Info("the subtask is initialised again, it stays paused");
    Order(Command::kInit);
  }
  return true;
}

void Subtask::Order(Command command) {
  result_.reset();
  // An initialisation that is under way must hear of an end, too.
  if (!ending_ || ending_->ending() != Ending::kNone) ending_ = std::make_shared<EndingRequest>();
  command_ = command;
  changed_.notify_all();
}

void Subtask::Close() { EndWith(Ending::kStop); }

void Subtask::Kill() { EndWith(Ending::kKill); }

void Subtask::RequestKill() {
  std::lock_guard lock(mutex_);
  ending_subtask_ = true;
  if (ending_) ending_->Request(Ending::kKill);
  if (stage_ != Stage::kStopped && stage_ != Stage::kFinished) stage_ = Stage::kStopping;
  changed_.notify_all();
}

bool Subtask::WaitStopped(Milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [&] {
    return !started_ || stage_ == Stage::kStopped || stage_ == Stage::kFinished;
  });
}

void Subtask::EndWith(Ending ending) {
  std::thread ended;
  {
    std::unique_lock lock(mutex_);
    ending_subtask_ = true;
    if (ending_) ending_->Request(ending);
    if (stage_ != Stage::kStopped && stage_ != Stage::kFinished) {
      stage_ = thread_.joinable() ? Stage::kStopping : Stage::kStopped;
    }
    changed_.notify_all();
    ended = std::move(thread_);
    if (!ended.joinable()) {  // never started, or another call is waiting for the thread
      changed_.wait(lock, [&] { return stage_ != Stage::kStopping; });
      return;
    }
  }
  ended.join();
}

SubtaskStatus Subtask::Status() const {
  std::lock_guard lock(mutex_);
  SubtaskStatus status;
  status.name = name_;
  status.stage = stage_;
  status.result = result_;
  if (initialised_ && current_ < units_.size()) {
    status.unit = units_[current_]->Type();
    status.unit_status = units_[current_]->Status();
  }
  return status;
}

std::shared_ptr<Unit> Subtask::CurrentUnit() const {
  std::lock_guard lock(mutex_);
  return initialised_ && current_ < units_.size() ? units_[current_] : nullptr;
}

void Subtask::RefreshMetrics() {
  std::lock_guard lock(mutex_);
  if (initialised_ && current_ < units_.size()) units_[current_]->RefreshMetrics();
}

void Subtask::LogProgress() {
  std::lock_guard lock(mutex_);
  if (initialised_ && current_ < units_.size()) units_[current_]->LogProgress();
}

Stage Subtask::stage() const {
  std::lock_guard lock(mutex_);
  return stage_;
}

Stage Subtask::wanted() const {
  std::lock_guard lock(mutex_);
  return wanted_;
}

void Subtask::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return ending_subtask_ || command_ != Command::kNone; });
    if (ending_subtask_) break;
    const Command command = std::exchange(command_, Command::kNone);
    const bool remake = std::exchange(remake_units_, false);
    lock.unlock();
    if (remake) CloseUnits();
    if (initialised_ || Initialise()) {
      if (command == Command::kRun) {
        RunUnits();
      } else {
        lock.lock();
        // Another command may have come since.
        if (!ending_subtask_ && command_ == Command::kNone) stage_ = wanted_;
        lock.unlock();
      }
    }
    lock.lock();
    changed_.notify_all();
  }
  lock.unlock();
  CloseUnits();
  lock.lock();
  if (stage_ != Stage::kFinished) stage_ = Stage::kStopped;
  changed_.notify_all();
}

bool Subtask::Initialise() {
  std::shared_ptr<EndingRequest> ending;
  UnitFactory make_units;
  {
    std::lock_guard lock(mutex_);
    ending = ending_;
    make_units = make_units_;
  }
  std::vector<std::unique_ptr<Unit>> units;
  std::string unit_name = "InvalidUnit";
  try {
    ThrowIfStopped(ending->graceful());
    units = make_units();
    for (auto& unit : units) {
      unit_name = ToString(unit->Type());
      WithinLimit(ending->graceful(), [&](const StopToken& stop) { unit->Init(stop); });
    }
    size_t first = units.size() - 1;
    for (; first > 0; --first) {
      unit_name = ToString(units[first]->Type());
      const bool fresh = WithinLimit(
          ending->graceful(), [&](const StopToken& stop) { return units[first]->IsFresh(stop); });
      if (!fresh) break;
    }
    for (size_t i = 0; i < first; ++i) units[i]->Close();
    std::lock_guard lock(mutex_);
    units_.assign(std::make_move_iterator(units.begin()), std::make_move_iterator(units.end()));
    current_ = first;
    initialised_ = true;
    return true;
  } catch (const Cancelled&) {
    for (auto& unit : units) unit->Close();
    SetResult(Stage::kPaused, UnitResult{true, {}});
  } catch (const std::exception& e) {
    for (auto& unit : units) unit->Close();
    Error error = ToError(e);
    error.Annotate(fmt::format("fail to initialize unit {} of subtask {}", unit_name, name_));
    log_.Error("fail to initialize subtask", {F("error", error)});
    SetResult(Stage::kPaused, UnitResult{false, {std::move(error)}});
  }
  return false;
}

void Subtask::RunUnits() {
  while (true) {
    Unit* unit;
    std::shared_ptr<EndingRequest> ending;
    {
      std::lock_guard lock(mutex_);
      unit = units_[current_].get();
      ending = ending_;
      if (ending->ending() != Ending::kNone) {
        result_ = UnitResult{true, {}};
        if (!ending_subtask_) stage_ = Stage::kPaused;
        changed_.notify_all();
        return;
      }
      stage_ = Stage::kRunning;
      changed_.notify_all();
    }
    log_.Info("start to run", {F("unit", ToString(unit->Type()))});
    UnitResult result = unit->Run(*ending);
    log_.Info("unit process returned",
              {F("unit", ToString(unit->Type())), F("errors", result.errors.size()),
               F("canceled", result.is_canceled)});
    if (!result.errors.empty()) {
      for (const Error& e : result.errors) log_.Error("unit process error", {F("error", e)});
      if (HasNothingToGoOnWith(result)) {
        std::lock_guard lock(mutex_);
        remake_units_ = true;
      }
      SetResult(Stage::kPaused, std::move(result));
      return;
    }
    if (result.is_canceled && ending->ending() == Ending::kNone) {
      // Nobody asked for it: the unit's work is not complete, and the next one must not begin.
      result = UnitResult{
          false,
          {Error(ErrorCode::kNotSet,
                 fmt::format("unit {} ended before its work was complete, though nobody asked for "
                             "it; the task resumes by itself",
                             ToString(unit->Type())))}};
      log_.Error("unit ended by itself", {F("unit", ToString(unit->Type()))});
      SetResult(Stage::kPaused, std::move(result));
      return;
    }
    if (result.is_canceled) {
      SetResult(Stage::kPaused, std::move(result));
      return;
    }
    // Crash point: a unit has done all its work. Left: to begin the next one, or to be finished.
    DM_FAILPOINT("subtask/unit-done");
    unit->Close();
    std::lock_guard lock(mutex_);
    if (current_ + 1 == units_.size()) {
      result_ = std::move(result);
      if (!ending_subtask_) stage_ = Stage::kFinished;
      changed_.notify_all();
      return;
    }
    ++current_;
  }
}

void Subtask::SetResult(Stage stage, UnitResult result) {
  for (Error& error : result.errors) Advise(error);
  std::lock_guard lock(mutex_);
  // Another command may have come since: its outcome counts.
  if (command_ != Command::kNone) return;
  // An error that a pause has met is no reason to resume.
  if (ending_->ending() != Ending::kNone) result.is_canceled = true;
  result_ = std::move(result);
  if (!ending_subtask_) stage_ = stage;
  changed_.notify_all();
}

void Subtask::CloseUnits() {
  std::vector<std::shared_ptr<Unit>> units;
  size_t first;
  {
    std::lock_guard lock(mutex_);
    units = std::move(units_);
    units_.clear();
    first = current_;
    initialised_ = false;
  }
  for (size_t i = first; i < units.size(); ++i) units[i]->Close();
}

}  // namespace dm::migration
