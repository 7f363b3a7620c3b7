#include "programs/worker/keepalive.h"

#include <algorithm>

#include "base/error/error.h"
#include "base/log/log.h"
#include "cluster/etcd/lease.h"
#include "cluster/record/store.h"

namespace dm::worker {
namespace {

constexpr Milliseconds kPause{1000};
// The shortest lease that etcd grants sensibly.
constexpr int64_t kMinTtlSeconds = 2;

}  // namespace

KeepAlive::KeepAlive(std::shared_ptr<cluster::EtcdClient> etcd, std::string worker,
                     int64_t ttl_seconds, LeaseFence& fence, std::function<void()> kill)
    : etcd_(std::move(etcd)),
      worker_(std::move(worker)),
      ttl_seconds_(std::max(ttl_seconds, kMinTtlSeconds)),
      fence_(fence),
      kill_(std::move(kill)) {}

KeepAlive::~KeepAlive() { Stop(); }

void KeepAlive::Start() {
  thread_ = std::jthread([this](const StopToken& stop) { Loop(stop); });
}

void KeepAlive::Restart() {
  std::lock_guard lock(mutex_);
  restart_.request_stop();
}

void KeepAlive::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void KeepAlive::Loop(const StopToken& stop) {
  while (!stop.stop_requested()) {
    try {
      HoldLease(stop);
    } catch (const Cancelled&) {
    } catch (const std::exception& e) {
      Log().Warn("keepalive with the cluster failed", {F("error", e)});
    }
    if (stop.stop_requested()) return;
    try {
      WaitFor(kPause, stop);
    } catch (const Cancelled&) {
      return;
    }
  }
}

void KeepAlive::HoldLease(const StopToken& stop) {
  StopToken restart;
  {
    std::lock_guard lock(mutex_);
    restart_ = StopSource();
    restart = restart_.get_token();
  }
  auto lease = std::make_shared<cluster::KeptLease>(etcd_, ttl_seconds_, stop);
  // Opened before the key is written: the bind that it causes starts work at once.
  fence_.Open(lease);
  try {
    cluster::PutKeepAlive(*etcd_, {worker_, cluster::JoinTimeNow()}, lease->id(), stop);
    Log().Info("keepalive started", {F("ttl", lease->ttl_seconds()), F("lease", lease->id())});
    LinkedStop ended(stop, restart);
    LinkedStop over(ended.token(), lease->lost());
    for (int64_t left = fence_.RemainingMs(); left > 0; left = fence_.RemainingMs()) {
      WaitFor(Milliseconds(left), over.token());
    }
    Log().Error("the lease could not be renewed in time", {F("worker", worker_)});
  } catch (const Cancelled&) {
    Log().Info("keepalive ends",
               {F("stop", stop.stop_requested()), F("lost", lease->lost().stop_requested())});
  } catch (const std::exception& e) {
    Log().Error("keepalive ends", {F("error", e)});
  }
  // The order matters: whoever takes the source over may begin once the lease is gone.
  fence_.Shut();
  kill_();
  lease->Revoke();
}

}  // namespace dm::worker
