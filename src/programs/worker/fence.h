// The worker's right to write, as long as its lease certainly lives.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "cluster/etcd/lease.h"
#include "migration/unit/ports.h"

namespace dm::worker {

// Open while a lease is attached and its deadline has not passed. The deadline is counted from the
// send time of the last renewal that was answered, on a clock that runs while the machine sleeps,
// less a margin: so this side stops before another worker may begin. Thread-safe.
class LeaseFence : public migration::Fence {
 public:
  // From now on `lease` decides.
  void Open(std::shared_ptr<const cluster::KeptLease> lease);
  // Nothing may be written from now on.
  void Shut() noexcept;

  bool MayWrite() const override;
  // A third of the lease's time, at least a second. A lease lives for two thirds of it behind any
  // moment at which its renewals end; so whatever the process had open is gone before the lease is.
  std::chrono::seconds IdleLimit() const override;
  // Milliseconds until the deadline; not positive when it has passed or the fence is shut.
  int64_t RemainingMs() const;

  // How long before the end of the lease writing stops: min(TTL / 6, 5 s).
  static int64_t MarginMs(int64_t ttl_seconds);

 private:
  std::atomic<std::shared_ptr<const cluster::KeptLease>> lease_;
  std::atomic<int64_t> ttl_seconds_{0};  // of the lease that was attached last
};

}  // namespace dm::worker
