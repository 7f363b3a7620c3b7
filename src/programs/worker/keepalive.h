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
// fence passes, or the lease is lost, or the key is gone, or a restart is asked for: shuts the
// fence, calls `kill` (which must end all writing and not wait for slow calls), revokes the lease
// and begins anew after 1 s. If another process has taken the key, it waits until that one has let
// it go: of several processes of one name the latest works. Thread-safe.
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
  // Asks `lost` to stop as soon as the key, written at `revision`, is not the lease's any more.
  void WatchKey(int64_t lease, int64_t revision, StopSource& lost, const StopToken& stop);
  // Waits until nobody has the key.
  void WaitUntilFree(const StopToken& stop);

  const std::shared_ptr<cluster::EtcdClient> etcd_;
  const std::string worker_;
  const int64_t ttl_seconds_;
  LeaseFence& fence_;
  const std::function<void()> kill_;

  std::mutex mutex_;
  StopSource restart_;      // of the lease at hand
  bool displaced_ = false;  // another process has the key; the thread's
  std::jthread thread_;
};

}  // namespace dm::worker
