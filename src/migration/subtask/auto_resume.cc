#include "migration/subtask/auto_resume.h"

#include <algorithm>

namespace dm::migration {

std::chrono::milliseconds Backoff::Compute() {
  auto d = config_.min;
  for (int i = 0; i < step_ && d < config_.max; ++i) d *= 2;
  d = std::min(d, config_.max);
  if (d <= config_.min) return config_.min;
  std::uniform_int_distribution<int64_t> jitter(d.count() / 2, d.count());
  return std::chrono::milliseconds(jitter(random_));
}

void Backoff::Advance() {
  if (value_ < config_.max) {
    ++step_;
    value_ = Compute();
  }
}

void Backoff::StepBack() {
  if (step_ > 0) {
    --step_;
    value_ = Compute();
  }
}

AutoResume::Decision AutoResume::Check(const SubtaskStatus& status, Clock::time_point now) {
  auto it = watched_.try_emplace(status.name, Watched{Backoff(config_), now, now}).first;
  Watched& watched = it->second;
  if (status.stage != Stage::kPaused || !status.result || status.result->is_canceled) {
    if (now - watched.last_paused > config_.rollback) {
      watched.backoff.StepBack();
      watched.last_paused = now;
    }
    return Decision::kIgnore;
  }
  watched.last_paused = now;
  if (!IsResumable(*status.result)) return Decision::kNoSense;
  if (now - watched.last_resume < watched.backoff.current()) return Decision::kSkip;
  return Decision::kDispatch;
}

void AutoResume::Dispatched(const std::string& name, Clock::time_point now) {
  auto it = watched_.find(name);
  if (it == watched_.end()) return;
  it->second.last_resume = now;
  it->second.backoff.Advance();
}

}  // namespace dm::migration
