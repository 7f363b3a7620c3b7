#include "programs/master/leader.h"

#include <ctime>
#include <optional>
#include <random>

#include "base/error/error.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "base/version/version.h"
#include "cluster/record/keys.h"
#include "cluster/record/records.h"

namespace dm::master {
namespace {

// Of this release; only this number decides about upgrades.
constexpr uint64_t kInternalVersion = 4;
constexpr Milliseconds kLeaderWait{5'000};
constexpr Milliseconds kGonePoll{100};

cluster::Txn Fenced(const Leadership& leadership) {
  cluster::Txn txn;
  txn.compares.push_back(
      cluster::Compare::CreateRevision(leadership.campaign_key, leadership.create_revision));
  return txn;
}

void Commit(cluster::EtcdClient& etcd, cluster::WriteName name, const cluster::Txn& txn,
            const StopToken& stop) {
  if (!etcd.Commit(name, txn, stop).succeeded) {
    throw MakeError(ErrorCode::kMasterRequestIsNotForwardToLeader);
  }
}

// nullopt: there is one, but it cannot be read.
std::optional<cluster::ClusterVersion> ReadVersion(cluster::EtcdClient& etcd,
                                                   const StopToken& stop) {
  const auto kv = etcd.Get(std::string(cluster::keys::kClusterVersion), stop);
  if (!kv) return cluster::ClusterVersion{};
  try {
    return cluster::DecodeClusterVersion(kv->value);
  } catch (const Error& e) {
    Log().Error("the stored version of the cluster is unusable and left as it is",
                {F("key", kv->key), F("error", e)});
    return std::nullopt;
  }
}

void PutVersion(cluster::EtcdClient& etcd, const Leadership& leadership, cluster::WriteName name,
                const cluster::ClusterVersion& version, const StopToken& stop) {
  cluster::Txn txn = Fenced(leadership);
  txn.then.push_back(cluster::Operation::Put(std::string(cluster::keys::kClusterVersion),
                                             cluster::Encode(version)));
  Commit(etcd, name, txn, stop);
}

}  // namespace

Leader::Leader(std::shared_ptr<cluster::EtcdClient> etcd, TxnLimits limits, TlsOptions worker_tls)
    : etcd_(std::move(etcd)), limits_(limits), worker_tls_(std::move(worker_tls)) {}

void Leader::Start(const Leadership& leadership, const std::function<void()>& lost,
                   const StopToken& stop) {
  Log().Info("bootstrap before scheduler start");
  // A new cluster begins below every version, so that an interrupted first start is seen.
  if (const auto version = ReadVersion(*etcd_, stop); version && version->release_version.empty()) {
    // Crash points: the first start of a cluster.
    PutVersion(*etcd_, leadership, "first-version", {0, "min-ver"}, stop);
  }
  Metrics()
      .GetCounter("dm_master_start_leader_counter",
                  "the counter of how many times does dm-master start leader components")
      .Add();
  auto scheduler = std::make_shared<Scheduler>(
      etcd_, LeaderFence{leadership.campaign_key, leadership.create_revision}, limits_, lost,
      worker_tls_);
  scheduler->Start(stop);
  EnsureClusterId(leadership, stop);
  Log().Info("bootstrap after scheduler started");
  const std::optional<cluster::ClusterVersion> stored = ReadVersion(*etcd_, stop);
  if (stored && stored->internal_no < kInternalVersion) {
    // Crash points: the scheduler has started on data of an older version, or on none.
    PutVersion(*etcd_, leadership, "version", {kInternalVersion, std::string(ReleaseVersion())},
               stop);
  } else if (stored && stored->internal_no > kInternalVersion) {
    Log().Warn("the cluster's data were written by a newer version",
               {F("stored", cluster::Encode(*stored))});
  }
  {
    std::lock_guard lock(mutex_);
    session_ = leadership.lease;
    scheduler_ = std::move(scheduler);
  }
  changed_.notify_all();
  Log().Info("this member leads the cluster");
}

void Leader::Retire() {
  std::shared_ptr<Scheduler> scheduler;
  {
    std::lock_guard lock(mutex_);
    scheduler = std::move(scheduler_);
    session_.reset();
  }
  if (!scheduler) return;
  scheduler->Close();
  Log().Info("this member leads the cluster no more");
}

void Leader::EnsureClusterId(const Leadership& leadership, const StopToken& stop) {
  const std::string key(cluster::keys::kClusterId);
  if (const auto kv = etcd_->Get(key, stop)) {
    try {
      cluster::DecodeClusterId(kv->value);
    } catch (const Error& e) {
      Log().Error("the stored id of the cluster is unusable and left as it is",
                  {F("key", key), F("error", e)});
    }
  } else {
    const uint64_t id = (static_cast<uint64_t>(time(nullptr)) << 32) + std::random_device{}();
    cluster::Txn txn = Fenced(leadership);
    txn.then.push_back(cluster::Operation::Put(key, cluster::EncodeClusterId(id)));
    // Crash points: a new cluster gets its id.
    Commit(*etcd_, "cluster-id", txn, stop);
  }
}

bool Leader::LeadingLocked() const {
  // Not beyond the time for which the session certainly lives.
  return scheduler_ && session_->valid_until_ms() > cluster::BootTimeMs();
}

std::shared_ptr<Scheduler> Leader::Await(const std::function<bool()>& gone) {
  std::unique_lock lock(mutex_);
  const auto end = SteadyClock::now() + kLeaderWait;
  while (!LeadingLocked()) {
    if (closed_ || gone() || SteadyClock::now() > end) {
      throw MakeError(ErrorCode::kMasterRequestIsNotForwardToLeader);
    }
    changed_.wait_for(lock, kGonePoll);
  }
  return scheduler_;
}

void Leader::Close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

}  // namespace dm::master
