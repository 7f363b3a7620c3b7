#include "migration/unit/rate_meter.h"

namespace dm::migration {

namespace {

constexpr std::chrono::seconds kWindow{10};
constexpr std::chrono::milliseconds kSpacing{500};

}  // namespace

void RateMeter::Reset(int64_t total, SteadyClock::time_point now) {
  std::lock_guard lock(mutex_);
  samples_ = {{now, total}};
  last_ = samples_.front();
}

void RateMeter::Update(int64_t total, SteadyClock::time_point now) {
  std::lock_guard lock(mutex_);
  last_ = {now, total};
  if (samples_.empty() || total < samples_.back().total) {
    samples_ = {last_};
    return;
  }
  if (now - samples_.back().time >= kSpacing) samples_.push_back(last_);
  while (samples_.size() > 1 && now - samples_[1].time >= kWindow) samples_.pop_front();
}

double RateMeter::PerSecond() const {
  std::lock_guard lock(mutex_);
  if (samples_.empty()) return 0;
  const Sample& first = samples_.front();
  const double seconds = std::chrono::duration<double>(last_.time - first.time).count();
  if (seconds < 1e-3) return 0;
  return static_cast<double>(last_.total - first.total) / seconds;
}

}  // namespace dm::migration
