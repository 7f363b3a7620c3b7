#include "programs/worker/server.h"

#include <grpcpp/impl/codegen/service_type.h>

#include <utility>

#include "base/log/log.h"
#include "base/metrics/cpu_usage.h"
#include "base/metrics/metrics.h"
#include "base/version/version.h"
#include "cluster/record/events.h"
#include "cluster/rpc/one_port.h"
#include "programs/worker/join.h"
#include "programs/worker/worker_service.h"

namespace dm::worker {
namespace {

constexpr Milliseconds kResyncPause{500};
constexpr Milliseconds kWatchCheck{30'000};
// While a bind waits for the lease.
constexpr Milliseconds kLeaseCheck{200};
constexpr Milliseconds kKillLimit{3000};
// After this many failed snapshots in a row the cluster is made to bind this worker anew.
constexpr int kPatience = 5;

// Null without TLS. Clients have to show a certificate only if names are demanded of them.
TlsContext ServerTls(const TlsOptions& tls) {
  if (!tls.enabled()) return nullptr;
  return MakeServerContext(
      tls, tls.allowed_common_names.empty() ? PeerCheck::kNone : PeerCheck::kChainAndCn);
}

// Found now and not at the first handshake of a client.
void CheckOwnCertificate(const TlsOptions& tls) {
  if (!tls.enabled()) return;
  try {
    TlsSettings::CheckForServer(tls);
  } catch (const std::runtime_error& e) {
    throw MakeError(ErrorCode::kWorkerTLSConfigNotValid).SetRawCause(e.what());
  }
}

}  // namespace

Server::Server(Config config) : config_(std::move(config)) {}

Server::~Server() = default;

cluster::HttpResponse Server::AnswerHttp(const cluster::HttpRequest& request) {
  if (request.path() == "/status") return {.body = VersionText()};
  if (request.path() == "/metrics") {
    const std::shared_ptr<SourceWorker> worker = View().source_worker;
    std::lock_guard lock(metrics_mutex_);
    if (worker) {
      worker->RefreshMetrics();
    } else {
      Metrics().Remove("dm_worker_task_state", {});
    }
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = Metrics().Expose()};
  }
  return cluster::NotFoundPage();
}

void Server::Run(const StopToken& stop) {
  CheckOwnCertificate(config_.tls_options);
  environment_.cipher = migration::PasswordCipher(JoinCluster(config_, stop));
  environment_.worker_name = config_.name;
  environment_.fence = &fence_;
  if (!config_.relay_dir.empty()) {
    environment_.relay_dir = config_.relay_dir + "/" + config_.name;
  }
  const CpuUsage usage(
      Metrics().GetGauge("dm_worker_cpu_usage", "percent of a processor that is used"));
  auto service = MakeWorkerService(*this);
  cluster::OnePortServer port(config_.worker_addr, ErrorCode::kWorkerStartService);

  environment_.etcd = std::make_shared<cluster::EtcdClient>(
      cluster::EtcdOptions{.endpoints = config_.JoinEndpoints(), .tls = config_.tls_options});
  keepalive_ = std::make_unique<KeepAlive>(environment_.etcd, config_.name, config_.keepalive_ttl,
                                           fence_, [this] { KillSource(); });
  keepalive_->Start();
  std::jthread observer([this](const StopToken& ending) { ObserveBind(ending); });
  port.Start({.services = {service.get()},
              .http = [this](const cluster::HttpRequest& request) { return AnswerHttp(request); },
              .tls = ServerTls(config_.tls_options)});
  Log().Info("dm-worker is serving", {F("name", config_.name), F("address", config_.worker_addr)});

  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any never;
  never.wait(lock, stop, [] { return false; });

  observer.request_stop();
  observer.join();
  StopSource();
  port.Stop();
  keepalive_->Stop();
}

Server::SourceView Server::View() const {
  std::lock_guard lock(mutex_);
  return view_;
}

void Server::ObserveBind(const StopToken& stop) {
  int failures = 0;
  while (true) {
    try {
      const auto snapshot = cluster::ReadBoundSource(*environment_.etcd, config_.name, stop);
      failures = 0;
      Apply(snapshot.value);
      auto watch = cluster::WatchBound(*environment_.etcd, config_.name, snapshot.revision + 1);
      while (true) {
        if (StandsStill() && fence_.MayWrite()) {
          Apply(cluster::ReadBoundSource(*environment_.etcd, config_.name, stop).value);
        }
        for (const auto& event : NextChanges(watch, stop)) {
          if (event.error) throw Error(*event.error);
          if (event.removed) {
            Apply(std::nullopt);
            continue;
          }
          auto source = cluster::ReadSourceConfig(*environment_.etcd, event.record.source, stop,
                                                  event.revision);
          if (!source) {
            throw Error(ErrorCode::kWorkerFailToGetSourceConfigFromEtcd,
                        fmt::format("there is no relative source config for source {} in etcd",
                                    event.record.source));
          }
          Apply(cluster::BoundSource{event.record, std::move(*source)});
        }
      }
    } catch (const Cancelled&) {
      return;
    } catch (const std::exception& e) {
      Log().Warn("observing the bound source is interrupted, taking a new snapshot",
                 {F("worker", config_.name), F("error", e)});
      if (++failures > kPatience) {
        keepalive_->Restart();
        failures = 0;
      }
      std::lock_guard lock(mutex_);
      if (!view_.source_worker) view_.error = ToError(e);
    }
    try {
      WaitFor(kResyncPause, stop);
    } catch (const Cancelled&) {
      return;
    }
  }
}

std::vector<cluster::RecordEvent<cluster::SourceBound>> Server::NextChanges(
    cluster::RecordWatch<cluster::SourceBound>& watch, const StopToken& stop) {
  StopToken kill;
  {
    std::lock_guard lock(mutex_);
    kill_ = dm::StopSource();
    kill = kill_.get_token();
  }
  const LinkedStop over(stop, kill);
  try {
    return watch.Next(over.token(), StandsStill() ? kLeaseCheck : kWatchCheck);
  } catch (const Cancelled&) {
    ThrowIfStopped(stop);
    return {};
  }
}

bool Server::StandsStill() const {
  const SourceView now = View();
  return waits_for_lease_ || (now.source_worker && now.source_worker->killed());
}

void Server::Apply(const std::optional<cluster::BoundSource>& bound) {
  waits_for_lease_ = false;
  if (!bound) {
    StopSource();
    return;
  }
  const SourceView now = View();
  if (now.source_worker && !now.source_worker->killed() && now.source_worker->Serves(*bound)) {
    return;
  }
  if (!fence_.MayWrite()) {
    // The bind may be that of another process with this name.
    waits_for_lease_ = true;
    return;
  }
  StopSource();
  try {
    StartSource(*bound);
  } catch (const std::exception& e) {
    Metrics()
        .GetCounter("dm_worker_operate_error", "operations that failed",
                    {{"worker", config_.name}, {"type", "SourceBound"}})
        .Add();
    Log().Error("fail to start the bound source",
                {F("source", bound->bound.source), F("error", e)});
    std::lock_guard lock(mutex_);
    view_.source_id = bound->bound.source;
    view_.error = ToError(e);
  }
}

void Server::StartSource(const cluster::BoundSource& bound) {
  migration::SourceConfig source = migration::ParseSourceToml(bound.config.toml);
  migration::AdjustSource(source, environment_.cipher);
  auto worker =
      std::make_shared<SourceWorker>(std::move(source), bound.config.create_revision, environment_);
  {
    // Before it begins: a kill must find it. The lease may have ended while the former source was
    // stopped; the fence is shut before the kill.
    std::lock_guard lock(mutex_);
    if (!fence_.MayWrite()) {
      waits_for_lease_ = true;
      return;
    }
    view_ = {worker, bound.bound.source, std::nullopt};
  }
  worker->Start();
  Log().Info("start to handle the bound source", {F("source", bound.bound.source)});
}

void Server::StopSource() {
  std::shared_ptr<SourceWorker> worker;
  {
    std::lock_guard lock(mutex_);
    worker = std::move(view_.source_worker);
    view_ = {};
    ending_ = worker;
  }
  if (worker) {
    worker->Stop();
    {
      std::lock_guard lock(mutex_);
      ending_.reset();
    }
    Log().Info("stopped handling the source", {F("source", worker->source_id())});
  }
}

void Server::KillSource() {
  std::vector<std::shared_ptr<SourceWorker>> workers;
  {
    std::lock_guard lock(mutex_);
    kill_.request_stop();
    for (const auto& worker : {view_.source_worker, ending_}) {
      if (worker) workers.push_back(worker);
    }
  }
  for (const auto& worker : workers) worker->RequestKill();
  for (const auto& worker : workers) {
    if (worker->WaitKilled(kKillLimit)) continue;
    Log().Error("a unit has not ended yet; the fence holds it from writing",
                {F("source", worker->source_id())});
  }
}

}  // namespace dm::worker
