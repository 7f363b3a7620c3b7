// How far the downstream is behind the upstream in time.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/thread/stop.h"

namespace dm::migration {

// Knows the upstream's time up to which everything was read and whether something is being waited
// for. Times of "now" are milliseconds of this machine's clock since 1970; event times are seconds
// of the upstream's. One thread reads events, any thread asks.
class LagMeter {
 public:
  // This machine's clock minus the upstream's.
  void SetClockOffset(Milliseconds offset);

  // --- the reader ---
  // An event came and is being handled. `timestamp`: of the event; 0 if it tells nothing about
  // where in time the stream is (artificial events, descriptions of files).
  void OnEvent(uint32_t timestamp, int64_t now);
  // The event is handled, the next one is waited for.
  void OnWait();
  // The upstream has nothing more than what was read.
  void OnCaughtUp(int64_t now);
  // Nothing is read any more (a run ended).
  void OnEnd();

  // --- anyone ---
  // The upstream was asked at `now`: what it had then is downstream.
  void OnSynced(int64_t now);
  // Seconds behind. `oldest`: timestamp of the oldest change that was read and is not committed; 0
  // if there is none. While the stream is silent, a lag stays what it was as long as the upstream
  // is known to be there, and grows as soon as it is not.
  int64_t Seconds(uint32_t oldest, int64_t now) const;
  // Did a packet come lately?
  bool Connected(int64_t now) const;

 private:
  mutable std::mutex mutex_;
  int64_t offset_ = 0;
  std::optional<int64_t> reference_;  // upstream's clock: what is read is as of then
  int64_t packet_ = 0;                // upstream's clock: the last packet came
  bool handling_ = false;
  bool reading_ = false;
};

// Milliseconds of this machine's clock since 1970.
int64_t UnixMilliseconds();

}  // namespace dm::migration
