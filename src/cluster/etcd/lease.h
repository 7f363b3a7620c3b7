// A lease that is kept alive.
#pragma once

#include <cstdint>
#include <memory>

#include "base/thread/stop.h"
#include "cluster/etcd/client.h"

namespace dm::cluster {

// Milliseconds of CLOCK_BOOTTIME (counts while the machine sleeps).
int64_t BootTimeMs();

// Grants a lease and renews it every TTL/3 from a thread of its own, on whatever endpoint answers.
// Thread-safe.
class KeptLease {
 public:
  // Throws Error 42504 if no lease is granted.
  KeptLease(std::shared_ptr<EtcdClient> client, int64_t ttl_seconds, const StopToken& stop);
  // Stops renewing; does not revoke.
  ~KeptLease();
  KeptLease(const KeptLease&) = delete;
  KeptLease& operator=(const KeptLease&) = delete;

  int64_t id() const;
  // As granted, in seconds.
  int64_t ttl_seconds() const;
  // The lease certainly lives until this BootTimeMs: send time of the renewal that was answered
  // last (at first of the grant) + the TTL of that answer. One atomic read. Decreases to 0 when the
  // server says that the lease is gone.
  int64_t valid_until_ms() const;
  // Stops when the lease is lost: the server does not know it any more, or no renewal was answered
  // until valid_until.
  StopToken lost() const;

  // Stops renewing, then revokes (budget 3 s; a failure is logged only: the lease then expires).
  void Revoke() noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dm::cluster
