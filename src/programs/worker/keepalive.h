// The worker's record of being alive, and what happens when it is lost.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "cluster/etcd/client.h"
#include "programs/worker/fence.h"

namespace dm::worker {

// Keeps a lease with the key "worker is alive" from a thread of its own. When the deadline of the
// fence passes, or the lease is lost, or a restart is asked for: shuts the fence, calls `kill`
// (which must end all writing and not wait for slow calls), revokes the lease and begins anew after
// 1 s. Thread-safe.
class KeepAlive {
 public:
  KeepAlive(std::shared_ptr<cluster::EtcdClient> etcd, std::string worker, int64_t ttl_seconds,
            LeaseFence& fence, std::function<void()> kill);
  // As Stop.
  ~KeepAlive();

  void Start();
  // Ends the current lease and begins a new one: the cluster binds the worker anew.
  void Restart();
  // Revokes the lease and returns when that was tried; `kill` is called if there is still writing.
  void Stop();

 private:
  void Loop(const StopToken& stop);
  // One lease, from its grant to its end.
  void HoldLease(const StopToken& stop);

  const std::shared_ptr<cluster::EtcdClient> etcd_;
  const std::string worker_;
  const int64_t ttl_seconds_;
  LeaseFence& fence_;
  const std::function<void()> kill_;

  std::mutex mutex_;
  StopSource restart_;  // of the lease at hand
  std::jthread thread_;
};

}  // namespace dm::worker
