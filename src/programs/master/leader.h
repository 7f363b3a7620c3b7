// The leader's term: bootstrap data of the cluster, the scheduler, and who may use it.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "base/thread/stop.h"
#include "cluster/etcd/client.h"
#include "programs/master/election.h"
#include "programs/master/scheduler.h"

namespace dm::master {

// Starts and ends the components of a leader as the election says, and hands the scheduler to
// requests. Thread-safe.
class Leader {
 public:
  // `limits`: those of the etcd. `worker_tls`: of calls to workers.
  Leader(std::shared_ptr<cluster::EtcdClient> etcd, TxnLimits limits, TlsOptions worker_tls);

  // For Election::Callbacks. `lost`: called when a write found that the leadership is gone.
  void Start(const Leadership& leadership, const std::function<void()>& lost,
             const StopToken& stop);
  void Retire();

  // The scheduler, if this member leads. A request that comes while nobody leads waits for up to
  // 5 s; then throws Error 38043. `gone`: the caller has left.
  std::shared_ptr<Scheduler> Await(const std::function<bool()>& gone);

  // From now on requests do not wait.
  void Close();

 private:
  bool LeadingLocked() const;
  void EnsureClusterId(const Leadership& leadership, const StopToken& stop);

  const std::shared_ptr<cluster::EtcdClient> etcd_;
  const TxnLimits limits_;
  const TlsOptions worker_tls_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<cluster::KeptLease> session_;
  std::shared_ptr<Scheduler> scheduler_;
  bool closed_ = false;
};

}  // namespace dm::master
