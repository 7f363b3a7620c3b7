#include "programs/master/server.h"

#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "base/error/error.h"
#include "base/log/log.h"
#include "base/metrics/cpu_usage.h"
#include "base/metrics/metrics.h"
#include "base/metrics/process.h"
#include "cluster/etcd/client.h"
#include "cluster/etcd/supervised.h"
#include "cluster/record/keys.h"
#include "cluster/rpc/etcd_proxy.h"
#include "cluster/rpc/one_port.h"
#include "programs/master/election.h"
#include "programs/master/gateway.h"
#include "programs/master/leader.h"
#include "programs/master/pages.h"
#include "programs/master/service.h"

namespace dm::master {
namespace {

// Of raft. The etcd is the only member of its cluster (the configuration refuses others), so nobody
// else's silence has to be waited for: a restarted dm-master leads again within a second.
constexpr Milliseconds kHeartbeat{50};
constexpr Milliseconds kElectionTimeout{300};
constexpr size_t kRequestSlackBytes = 512 << 10;
constexpr Milliseconds kGrace{200};
// Process managers may signal parent and child at once: the child's end is no crash then.
constexpr Milliseconds kOwnStopWait{1'000};

cluster::EtcdServerConfig EtcdConfigOf(const Config& config) {
  cluster::EtcdServerConfig out;
  out.name = config.name;
  out.data_dir = std::filesystem::absolute(config.data_dir).lexically_normal().string();
  while (out.data_dir.size() > 1 && out.data_dir.ends_with('/')) out.data_dir.pop_back();
  out.listen_peer_urls = config.peer_urls;
  out.advertise_peer_urls = config.advertise_peer_urls;
  out.initial_cluster = config.initial_cluster;
  out.initial_cluster_state = config.initial_cluster_state;
  out.advertise_client_urls = fmt::format("{}://{}", config.Scheme(), config.advertise_addr);
  out.peer_tls = config.tls_options;
  out.max_txn_ops = config.max_txn_ops;
  out.max_request_bytes = config.max_request_bytes;
  out.auto_compaction_mode = config.auto_compaction_mode;
  out.auto_compaction_retention = config.auto_compaction_retention;
  out.quota_backend_bytes = config.quota_backend_bytes;
  out.log_level = config.log_level == "info" ? "warn" : config.log_level;
  out.heartbeat = kHeartbeat;
  out.election_timeout = kElectionTimeout;
  out.mark_of_use = cluster::keys::kLeaderPrefix;
  return out;
}

// Null without TLS, which needs a CA. Every client has to show a certificate of that CA.
TlsContext ServerTls(const TlsOptions& tls) {
  if (!tls.has_ca()) return nullptr;
  return MakeServerContext(
      tls, tls.allowed_common_names.empty() ? PeerCheck::kChain : PeerCheck::kChainAndCn);
}

// Requests to other machines pass through here.
constexpr const char* kGatewayRoot = "/apis/";

// As a client of the own port.
TlsOptions OwnPortTls(const Config& config) {
  return config.tls_options.has_ca() ? config.tls_options : TlsOptions();
}

// Found now and not at the first handshake: etcd could not start either.
void CheckOwnCertificate(const TlsOptions& tls) {
  if (!tls.has_ca()) return;
  try {
    TlsSettings::CheckForServer(tls);
  } catch (const std::runtime_error& e) {
    throw MakeError(ErrorCode::kMasterStartEmbedEtcdFail)
        .SetRawCause(e.what())
        .SetWorkaround("Please check `ssl-ca`, `ssl-cert` and `ssl-key`.");
  }
}

}  // namespace

// Everything that runs, in the order in which it was started; destruction ends it in reverse.
class Server::Running {
 public:
  Running(const Config& config, const StopToken& stop)
      : port_(config.master_addr, ErrorCode::kMasterStartEmbedEtcdFail),
        etcd_(EtcdConfigOf(config), stop),
        proxy_(etcd_.endpoint()),
        client_(std::make_shared<cluster::EtcdClient>(
            cluster::EtcdOptions{.endpoints = {etcd_.endpoint()}})),
        leader_(client_, {config.max_txn_ops, config.max_request_bytes}, config.tls_options),
        service_(config, leader_, *client_, requests_stop_.get_token()),
        gateway_(config.advertise_addr, OwnPortTls(config), requests_stop_.get_token()) {
    cluster::OnePortServer::Handlers handlers;
    handlers.services = {service_.service()};
    handlers.generic = proxy_.service();
    handlers.tls = ServerTls(config.tls_options);
    handlers.max_grpc_request_bytes = config.max_request_bytes + kRequestSlackBytes;
    handlers.slow_http = kGatewayRoot;
    handlers.http = [this, openapi = config.openapi](const cluster::HttpRequest& request) {
      if (request.target.starts_with(kGatewayRoot)) return gateway_.Answer(request);
      return AnswerPage(request, etcd_.endpoint(), openapi);
    };
    port_.Start(std::move(handlers));
    Election::Options options;
    options.self = {config.name, config.advertise_addr};
    election_ = std::make_unique<Election>(
        client_, options,
        Election::Callbacks{
            .elected = [this](const Leadership& leadership, std::function<void()> resign,
                              const StopToken& token) { leader_.Start(leadership, resign, token); },
            .retired = [this] { leader_.Retire(); }});
    Log().Info("listening gRPC API and status request", {F("address", config.master_addr)});
  }

  ~Running() {
    requests_stop_.request_stop();
    leader_.Close();
    election_->Close();
    proxy_.Close();
    port_.Stop(kGrace);
    etcd_.Stop();
  }

  cluster::SupervisedEtcd& etcd() { return etcd_; }

 private:
  StopSource requests_stop_;
  cluster::OnePortServer port_;
  cluster::SupervisedEtcd etcd_;
  cluster::EtcdProxy proxy_;
  std::shared_ptr<cluster::EtcdClient> client_;
  Leader leader_;
  MasterService service_;
  Gateway gateway_;
  std::unique_ptr<Election> election_;
};

Server::Server(Config config) : config_(std::move(config)) {}
Server::~Server() = default;

void Server::Run(const StopToken& stop) {
  // Exists from the start on.
  (void)Metrics().GetCounter(
      "dm_master_start_leader_counter",
      "the counter of how many times does dm-master start leader components");
  const CpuUsage usage(
      Metrics().GetGauge("dm_master_cpu_usage", "percent of a processor that is used"));
  CheckOwnCertificate(config_.tls_options);
  Running running(config_, stop);
  served_ = true;

  const StopToken exited = running.etcd().exited();
  {
    std::mutex mutex;
    std::condition_variable_any changed;
    const LinkedStop end(stop, exited);
    std::unique_lock lock(mutex);
    changed.wait(lock, end.token(), [] { return false; });
    if (!stop.stop_requested()) changed.wait_for(lock, stop, kOwnStopWait, [] { return false; });
  }
  if (stop.stop_requested()) return;
  const cluster::SupervisedEtcd::Exit exit = running.etcd().exit();
  removed_ = exit.removed_from_cluster();
  if (removed_) {
    throw Error(ErrorCode::kMasterStartEmbedEtcdFail,
                "this member was removed from the cluster; to come back it needs an empty data "
                "directory")
        .SetRawCause(exit.last_log);
  }
  std::string text = fmt::format("etcd ended by itself ({} {})",
                                 exit.by_signal ? "signal" : "exit code", exit.code);
  if (exit.deaths > 1) text += fmt::format(", {} times within a minute", exit.deaths);
  throw Error(ErrorCode::kMasterStartEmbedEtcdFail, text)
      .SetRawCause(exit.last_log)
      .SetWorkaround(fmt::format("Please look for the reason in the log (component `embed etcd`): "
                                 "is the disk of {} full or "
                                 "broken, or the memory used up? Then start dm-master again.",
                                 config_.data_dir));
}

}  // namespace dm::master
