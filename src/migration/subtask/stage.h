// Stages of a subtask. Numbers are those of the wire and of the cluster's records.
#pragma once

#include <string_view>

namespace dm::migration {

enum class Stage {
  kInvalid = 0,
  kNew = 1,
  kRunning = 2,
  kPaused = 3,
  kStopped = 4,
  kFinished = 5,
  kPausing = 6,
  kResuming = 7,
  kStopping = 8
};

// "Running", "Paused", ... as shown to users.
std::string_view ToString(Stage stage);

}  // namespace dm::migration
