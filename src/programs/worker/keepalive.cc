#include "programs/worker/keepalive.h"

#include <algorithm>

#include "base/error/error.h"
#include "base/log/log.h"
#include "cluster/etcd/lease.h"
#include "cluster/etcd/watch.h"
#include "cluster/record/keys.h"
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
  if (displaced_) WaitUntilFree(stop);
  displaced_ = false;
  StopToken restart;
  {
    std::lock_guard lock(mutex_);
    restart_ = StopSource();
    restart = restart_.get_token();
  }
  auto lease = std::make_shared<cluster::KeptLease>(etcd_, ttl_seconds_, stop);
  // Opened before the key is written: the bind that it causes starts work at once.
  fence_.Open(lease);
  StopSource key_lost;
  std::jthread watcher;
  try {
    const int64_t revision =
        cluster::PutKeepAlive(*etcd_, {worker_, cluster::JoinTimeNow()}, lease->id(), stop);
    watcher = std::jthread([this, &lease, revision, &key_lost](const StopToken& ending) {
      WatchKey(lease->id(), revision, key_lost, ending);
    });
    Log().Info("keepalive started", {F("ttl", lease->ttl_seconds()), F("lease", lease->id())});
    LinkedStop ended(stop, restart);
    LinkedStop gone(lease->lost(), key_lost.get_token());
    LinkedStop over(ended.token(), gone.token());
    for (int64_t left = fence_.RemainingMs(); left > 0; left = fence_.RemainingMs()) {
      WaitFor(Milliseconds(left), over.token());
    }
    Log().Error("the lease could not be renewed in time", {F("worker", worker_)});
  } catch (const Cancelled&) {
    Log().Info("keepalive ends",
               {F("stop", stop.stop_requested()), F("lost", lease->lost().stop_requested()),
                F("key lost", key_lost.stop_requested())});
  } catch (const std::exception& e) {
    Log().Error("keepalive ends", {F("error", e)});
  }
  // The order matters: whoever takes the source over may begin once the lease is gone.
  fence_.Shut();
  kill_();
  if (watcher.joinable()) {
    watcher.request_stop();
    watcher.join();
  }
  lease->Revoke();
}

void KeepAlive::WatchKey(int64_t lease, int64_t revision, StopSource& lost, const StopToken& stop) {
  const std::string key = cluster::EncodeKey(cluster::keys::kWorkerKeepAlive, {worker_});
  const auto taken = [&](int64_t holder) {
    displaced_ = holder != 0;
    if (displaced_) {
      Log().Error(
          "another process with this worker's name has joined the cluster: this one stands aside "
          "until that one ends; give every dm-worker a name of its own",
          {F("worker", worker_), F("its lease", holder), F("own lease", lease)});
    } else {
      Log().Error("the keepalive key is gone, beginning anew", {F("worker", worker_)});
    }
    lost.request_stop();
  };
  while (true) {
    try {
      const auto watch = etcd_->WatchKey(key, revision + 1);
      while (true) {
        for (const cluster::WatchEvent& event : watch->Next(stop)) {
          const bool removed = event.type == cluster::WatchEvent::Type::kDelete;
          if (!removed && event.kv.lease == lease) continue;
          return taken(removed ? 0 : event.kv.lease);
        }
      }
    } catch (const Cancelled&) {
      return;
    } catch (const std::exception& e) {
      Log().Warn("watching the keepalive key is interrupted", {F("error", e)});
    }
    try {
      WaitFor(kPause, stop);
      const cluster::GetResult now = etcd_->GetAt(key, stop);
      if (now.kvs.empty()) return taken(0);
      if (now.kvs.front().lease != lease) return taken(now.kvs.front().lease);
      revision = now.revision;
    } catch (const Cancelled&) {
      return;
    } catch (const std::exception& e) {
      Log().Warn("the keepalive key cannot be read", {F("error", e)});
    }
  }
}

void KeepAlive::WaitUntilFree(const StopToken& stop) {
  const std::string key = cluster::EncodeKey(cluster::keys::kWorkerKeepAlive, {worker_});
  while (etcd_->Get(key, stop)) WaitFor(kPause, stop);
  Log().Info("the other process with this worker's name has ended", {F("worker", worker_)});
}

}  // namespace dm::worker
