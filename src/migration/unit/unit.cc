#include "migration/unit/unit.h"

namespace dm::migration {

void EndingRequest::Request(Ending ending) {
  {
    std::lock_guard lock(mutex_);
    if (ending <= ending_) return;
    ending_ = ending;
  }
  graceful_.request_stop();
  if (ending == Ending::kKill) kill_.request_stop();
}

Ending EndingRequest::ending() const {
  std::lock_guard lock(mutex_);
  return ending_;
}

std::string_view ToString(UnitType type) {
  switch (type) {
    case UnitType::kInvalid:
      return "InvalidUnit";
    case UnitType::kCheck:
      return "Check";
    case UnitType::kDump:
      return "Dump";
    case UnitType::kLoad:
      return "Load";
    case UnitType::kSync:
      return "Sync";
    case UnitType::kRelay:
      return "Relay";
  }
  return "InvalidUnit";
}

}  // namespace dm::migration
