#include "programs/worker/join.h"

#include <grpcpp/grpcpp.h>

#include "base/error/error.h"
#include "base/log/log.h"
#include "cluster/credentials/credentials.h"
#include "dmmaster.grpc.pb.h"

namespace dm::worker {
namespace {

constexpr int kRounds = 5;
constexpr std::chrono::seconds kDialLimit{3};
constexpr std::chrono::seconds kCallLimit{3 + 5};  // a master holds a call up to 5 s for a leader
constexpr Milliseconds kPause{1000};
constexpr std::chrono::seconds kNoLeaderLimit{60};
constexpr std::string_view kNoLeader = "code=38043";

struct Attempt {
  bool ok = false;
  bool no_leader = false;
  std::string secret_key;
  std::string error;
};

Attempt TryMaster(const std::string& endpoint, const Config& config, const StopToken& stop) {
  Attempt attempt;
  auto channel = cluster::ClientChannel(endpoint, config.tls_options);
  const auto give_up = std::chrono::system_clock::now() + kDialLimit;
  while (!channel->WaitForConnected(
      std::min(give_up, std::chrono::system_clock::now() + std::chrono::milliseconds(100)))) {
    ThrowIfStopped(stop);
    if (std::chrono::system_clock::now() >= give_up) {
      attempt.error = cluster::WhyNotConnected(
          endpoint, config.tls_options,
          fmt::format("cannot connect to {} within {} s", endpoint, kDialLimit.count()), stop);
      return attempt;
    }
  }
  auto master = pb::Master::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallLimit);
  StopCallback cancel(stop, [&] { context.TryCancel(); });
  pb::RegisterWorkerRequest request;
  request.set_name(config.name);
  request.set_address(config.advertise_addr);
  pb::RegisterWorkerResponse response;
  const grpc::Status status = master->RegisterWorker(&context, request, &response);
  ThrowIfStopped(stop);
  if (!status.ok()) {
    attempt.error = status.error_message();
  } else if (!response.result()) {
    attempt.error = response.msg();
  } else {
    attempt.ok = true;
    attempt.secret_key = response.secretkey();
  }
  attempt.no_leader = attempt.error.find(kNoLeader) != std::string::npos;
  return attempt;
}

}  // namespace

std::string JoinCluster(const Config& config, const StopToken& stop) {
  const std::vector<std::string> endpoints = config.JoinEndpoints();
  const auto no_leader_until = SteadyClock::now() + kNoLeaderLimit;
  std::string last_error = "join is empty";
  for (int round = 0; round < kRounds;) {
    bool no_leader = false;
    for (const std::string& endpoint : endpoints) {
      Attempt attempt = TryMaster(endpoint, config, stop);
      if (attempt.ok) {
        Log().Info("join the cluster", {F("endpoint", endpoint), F("name", config.name)});
        return attempt.secret_key;
      }
      Log().Warn("register worker failed", {F("endpoint", endpoint), F("error", attempt.error)});
      no_leader |= attempt.no_leader;
      last_error = std::move(attempt.error);
    }
    if (endpoints.empty()) break;
    if (!no_leader || SteadyClock::now() > no_leader_until) ++round;
    if (round < kRounds) WaitFor(kPause, stop);
  }
  throw Error(
      ErrorCode::kWorkerFailConnectMaster,
      fmt::format("cannot join with master endpoints: {}, error: {}", config.join, last_error));
}

}  // namespace dm::worker
