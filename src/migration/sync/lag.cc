#include "migration/sync/lag.h"

#include <algorithm>

namespace dm::migration {

namespace {

// Heartbeats come every second; a stream that is silent for longer may be cut off.
constexpr int64_t kSilence = 2500;

}  // namespace

void LagMeter::SetClockOffset(Milliseconds offset) {
  std::lock_guard lock(mutex_);
  offset_ = offset.count();
}

void LagMeter::OnEvent(uint32_t timestamp, int64_t now) {
  std::lock_guard lock(mutex_);
  packet_ = now - offset_;
  handling_ = true;
  reading_ = true;
  if (timestamp != 0) reference_ = int64_t{timestamp} * 1000;
}

void LagMeter::OnWait() {
  std::lock_guard lock(mutex_);
  handling_ = false;
}

void LagMeter::OnCaughtUp(int64_t now) {
  std::lock_guard lock(mutex_);
  packet_ = now - offset_;
  reference_ = packet_;
}

void LagMeter::OnSynced(int64_t now) {
  std::lock_guard lock(mutex_);
  reference_ = std::max(reference_.value_or(0), now - offset_);
}

void LagMeter::OnEnd() {
  std::lock_guard lock(mutex_);
  handling_ = false;
  reading_ = false;
}

int64_t LagMeter::Seconds(uint32_t oldest, int64_t now) const {
  std::lock_guard lock(mutex_);
  const int64_t theirs = now - offset_;
  int64_t behind = 0;
  if (oldest != 0) {
    behind = theirs - int64_t{oldest} * 1000;
  } else if (reference_) {
    const bool held = reading_ && !handling_ && theirs - packet_ <= kSilence;
    behind = (held ? packet_ : theirs) - *reference_;
  }
  return std::max<int64_t>(behind, 0) / 1000;
}

bool LagMeter::Connected(int64_t now) const {
  std::lock_guard lock(mutex_);
  return reading_ && (handling_ || now - offset_ - packet_ <= 4 * kSilence);
}

int64_t UnixMilliseconds() {
  return std::chrono::duration_cast<Milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace dm::migration
