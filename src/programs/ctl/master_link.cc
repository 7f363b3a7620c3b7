#include "programs/ctl/master_link.h"

#include <google/protobuf/empty.pb.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <mutex>
#include <optional>

#include "base/cli/flag.h"
#include "base/error/error.h"
#include "cluster/credentials/credentials.h"
#include "cluster/rpc/print_json.h"
#include "dmmaster.grpc.pb.h"
#include "etcd/rpc.grpc.pb.h"

namespace dm::ctl {

namespace {

using Clock = std::chrono::system_clock;

constexpr std::chrono::seconds kConnectTimeout{3};
constexpr int kMaxAttempts = 2;
constexpr std::chrono::seconds kStoreTimeout{10};
// Records "worker <hex of its name> relays source <value>".
constexpr std::string_view kRelayWorkerPrefix = "/dm-master/relay-worker/";

std::string_view CodeName(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return "OK";
    case grpc::StatusCode::CANCELLED:
      return "Canceled";
    case grpc::StatusCode::INVALID_ARGUMENT:
      return "InvalidArgument";
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "DeadlineExceeded";
    case grpc::StatusCode::NOT_FOUND:
      return "NotFound";
    case grpc::StatusCode::ALREADY_EXISTS:
      return "AlreadyExists";
    case grpc::StatusCode::PERMISSION_DENIED:
      return "PermissionDenied";
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return "ResourceExhausted";
    case grpc::StatusCode::FAILED_PRECONDITION:
      return "FailedPrecondition";
    case grpc::StatusCode::ABORTED:
      return "Aborted";
    case grpc::StatusCode::OUT_OF_RANGE:
      return "OutOfRange";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "Unimplemented";
    case grpc::StatusCode::INTERNAL:
      return "Internal";
    case grpc::StatusCode::UNAVAILABLE:
      return "Unavailable";
    case grpc::StatusCode::DATA_LOSS:
      return "DataLoss";
    case grpc::StatusCode::UNAUTHENTICATED:
      return "Unauthenticated";
    default:
      return "Unknown";
  }
}

std::string StatusText(const grpc::Status& status) {
  std::string description = status.error_message();
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    description = "context deadline exceeded";
  }
  return fmt::format("rpc error: code = {} desc = {}", CodeName(status.error_code()), description);
}

// The text that `hex` digits stand for; nullopt if they are none.
std::optional<std::string> FromHex(std::string_view hex) {
  std::string text;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned byte = 0;
    const auto [end, error] = std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    if (error != std::errc() || end != hex.data() + i + 2) return std::nullopt;
    text += static_cast<char>(byte);
  }
  if (hex.size() % 2 != 0) return std::nullopt;
  return text;
}

bool SaysNoLeader(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNKNOWN &&
         status.error_message().find("[code=38043:") != std::string::npos;
}

std::string Dialled(const std::string& endpoint) {
  return endpoint.starts_with(':') ? "localhost" + endpoint : endpoint;
}

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& endpoint, const TlsOptions& tls) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // Of one attempt: a busy machine needs its time for a TLS handshake.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 3000);
  // Each link has its own connection: a channel that failed is not to be met again.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);  // status of many tables is large
  return grpc::CreateCustomChannel("dns:///" + Dialled(endpoint), cluster::ClientCredentials(tls),
                                   arguments);
}

// Waits until the channel is connected. `patient`: also through refused attempts.
bool WaitConnected(grpc::Channel& channel, Clock::time_point deadline, bool patient) {
  for (;;) {
    const grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_SHUTDOWN) return false;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE && !patient) return false;
    if (!channel.WaitForStateChange(state, deadline)) return false;
  }
}

}  // namespace

struct MasterLink::Impl {
  std::vector<std::string> endpoints;
  std::string address_text;
  std::chrono::nanoseconds rpc_timeout;
  TlsOptions tls;

  std::mutex mutex;
  size_t current = 0;  // endpoint in use
  std::shared_ptr<grpc::Channel> channel;
  std::shared_ptr<pb::Master::Stub> stub;

  // Finds a member that can be reached, beginning at endpoint `first`. Called with `mutex` held.
  void Open(size_t first) {
    const size_t count = endpoints.size();
    std::vector<std::shared_ptr<grpc::Channel>> channels(count);
    const auto use = [&](size_t index) {
      current = index;
      channel = channels[index];
      stub = pb::Master::NewStub(channel);
    };
    const auto start = Clock::now();
    for (size_t i = 0; i < count; ++i) {
      const size_t index = (first + i) % count;
      channels[index] = OpenChannel(endpoints[index], tls);
      if (WaitConnected(*channels[index], Clock::now() + kConnectTimeout, /*patient=*/false)) {
        return use(index);
      }
    }
    // All refused: members may be starting, so give them the rest of the time.
    while (Clock::now() < start + kConnectTimeout) {
      for (size_t i = 0; i < count; ++i) {
        const size_t index = (first + i) % count;
        const auto slice = std::min<Clock::time_point>(
            start + kConnectTimeout,
            Clock::now() + std::chrono::milliseconds(count == 1 ? 3000 : 100));
        if (WaitConnected(*channels[index], slice, /*patient=*/true)) return use(index);
      }
    }
    Error error(ErrorCode::kCtlGRPCCreateConn, "can't connect to " + address_text);
    throw error.SetRawCause(WhyNot());
  }

  // What to say when nobody was reached.
  std::string WhyNot() const {
    for (const std::string& endpoint : endpoints) {
      const std::string obstacle =
          cluster::WhyNotConnected(Dialled(endpoint), tls, "", StopToken());
      if (!obstacle.empty()) return obstacle;
    }
    return "context deadline exceeded";
  }

  template <class Request, class Response>
  using Method = grpc::Status (pb::Master::Stub::*)(grpc::ClientContext*, const Request&,
                                                    Response*);

  template <class Request, class Response>
  Response Send(Method<Request, Response> method, const Request& request, int timeout_factor = 1) {
    Request repaired = request;
    cluster::RepairUtf8(repaired);
    for (int attempt = 1;; ++attempt) {
      std::shared_ptr<pb::Master::Stub> used;
      {
        std::lock_guard lock(mutex);
        used = stub;
      }
      grpc::ClientContext context;
      context.set_deadline(
          Clock::now() + std::chrono::duration_cast<Clock::duration>(rpc_timeout * timeout_factor));
      Response response;
      const grpc::Status status = (used.get()->*method)(&context, repaired, &response);
      if (status.ok()) return response;
      const bool no_leader = SaysNoLeader(status);
      const bool again = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED ||
                         (no_leader && endpoints.size() > 1);
      if (!again || attempt >= kMaxAttempts) throw cli::CommandError(StatusText(status));
      std::lock_guard lock(mutex);
      if (stub == used) Open(no_leader ? (current + 1) % endpoints.size() : 0);
    }
  }
};

MasterLink::MasterLink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MasterLink::~MasterLink() = default;

std::unique_ptr<MasterLink> MasterLink::Connect(const std::vector<std::string>& endpoints,
                                                const std::string& address_text,
                                                std::chrono::nanoseconds rpc_timeout,
                                                const TlsOptions& tls) {
  auto impl = std::make_unique<Impl>();
  impl->endpoints = endpoints;
  impl->address_text = address_text;
  impl->rpc_timeout = rpc_timeout;
  impl->tls = tls;
  {
    std::lock_guard lock(impl->mutex);
    impl->Open(0);
  }
  return std::unique_ptr<MasterLink>(new MasterLink(std::move(impl)));
}

using Stub = pb::Master::Stub;

pb::StartTaskResponse MasterLink::StartTask(const pb::StartTaskRequest& request) {
  return impl_->Send(&Stub::StartTask, request, 2);
}
pb::UpdateTaskResponse MasterLink::UpdateTask(const pb::UpdateTaskRequest& request) {
  return impl_->Send(&Stub::UpdateTask, request, 2);
}
pb::OperateTaskResponse MasterLink::OperateTask(const pb::OperateTaskRequest& request) {
  return impl_->Send(&Stub::OperateTask, request);
}
pb::CheckTaskResponse MasterLink::CheckTask(const pb::CheckTaskRequest& request) {
  return impl_->Send(&Stub::CheckTask, request, 2);
}
pb::QueryStatusListResponse MasterLink::QueryStatus(const pb::QueryStatusListRequest& request) {
  return impl_->Send(&Stub::QueryStatus, request);
}
pb::ShowDDLLocksResponse MasterLink::ShowDDLLocks(const pb::ShowDDLLocksRequest& request) {
  return impl_->Send(&Stub::ShowDDLLocks, request);
}
pb::UnlockDDLLockResponse MasterLink::UnlockDDLLock(const pb::UnlockDDLLockRequest& request) {
  return impl_->Send(&Stub::UnlockDDLLock, request);
}
pb::OperateWorkerRelayResponse MasterLink::OperateWorkerRelayTask(
    const pb::OperateWorkerRelayRequest& request) {
  return impl_->Send(&Stub::OperateWorkerRelayTask, request);
}
pb::PurgeWorkerRelayResponse MasterLink::PurgeWorkerRelay(
    const pb::PurgeWorkerRelayRequest& request) {
  return impl_->Send(&Stub::PurgeWorkerRelay, request);
}
pb::OperateSourceResponse MasterLink::OperateSource(const pb::OperateSourceRequest& request) {
  return impl_->Send(&Stub::OperateSource, request);
}
pb::OfflineMemberResponse MasterLink::OfflineMember(const pb::OfflineMemberRequest& request) {
  return impl_->Send(&Stub::OfflineMember, request);
}
pb::OperateLeaderResponse MasterLink::OperateLeader(const pb::OperateLeaderRequest& request) {
  return impl_->Send(&Stub::OperateLeader, request);
}
pb::ListMemberResponse MasterLink::ListMember(const pb::ListMemberRequest& request) {
  return impl_->Send(&Stub::ListMember, request);
}
pb::OperateSchemaResponse MasterLink::OperateSchema(const pb::OperateSchemaRequest& request) {
  return impl_->Send(&Stub::OperateSchema, request);
}
pb::GetCfgResponse MasterLink::GetCfg(const pb::GetCfgRequest& request) {
  return impl_->Send(&Stub::GetCfg, request);
}
pb::HandleErrorResponse MasterLink::HandleError(const pb::HandleErrorRequest& request) {
  return impl_->Send(&Stub::HandleError, request);
}
pb::TransferSourceResponse MasterLink::TransferSource(const pb::TransferSourceRequest& request) {
  return impl_->Send(&Stub::TransferSource, request);
}
pb::OperateRelayResponse MasterLink::OperateRelay(const pb::OperateRelayRequest& request) {
  return impl_->Send(&Stub::OperateRelay, request);
}
pb::StartValidationResponse MasterLink::StartValidation(const pb::StartValidationRequest& request) {
  return impl_->Send(&Stub::StartValidation, request);
}
pb::StopValidationResponse MasterLink::StopValidation(const pb::StopValidationRequest& request) {
  return impl_->Send(&Stub::StopValidation, request);
}
pb::UpdateValidationResponse MasterLink::UpdateValidation(
    const pb::UpdateValidationRequest& request) {
  return impl_->Send(&Stub::UpdateValidation, request);
}
pb::GetValidationStatusResponse MasterLink::GetValidationStatus(
    const pb::GetValidationStatusRequest& request) {
  return impl_->Send(&Stub::GetValidationStatus, request);
}
pb::GetValidationErrorResponse MasterLink::GetValidationError(
    const pb::GetValidationErrorRequest& request) {
  return impl_->Send(&Stub::GetValidationError, request);
}
pb::OperateValidationErrorResponse MasterLink::OperateValidationError(
    const pb::OperateValidationErrorRequest& request) {
  return impl_->Send(&Stub::OperateValidationError, request);
}
pb::EncryptResponse MasterLink::Encrypt(const pb::EncryptRequest& request) {
  return impl_->Send(&Stub::Encrypt, request);
}
pb::ListTaskConfigsResponse MasterLink::ListTaskConfigs() {
  return impl_->Send(&Stub::ListTaskConfigs, google::protobuf::Empty());
}
pb::ListSourceConfigsResponse MasterLink::ListSourceConfigs() {
  return impl_->Send(&Stub::ListSourceConfigs, google::protobuf::Empty());
}

std::map<std::string, std::vector<std::string>> MasterLink::RelayWorkers() {
  std::unique_ptr<etcdserverpb::KV::Stub> store;
  {
    std::lock_guard lock(impl_->mutex);
    store = etcdserverpb::KV::NewStub(impl_->channel);
  }
  etcdserverpb::RangeRequest request;
  request.set_key(std::string(kRelayWorkerPrefix));
  std::string end(kRelayWorkerPrefix);
  ++end.back();
  request.set_range_end(end);
  grpc::ClientContext context;
  context.set_deadline(Clock::now() + kStoreTimeout);
  etcdserverpb::RangeResponse response;
  const grpc::Status status = store->Range(&context, request, &response);
  if (!status.ok()) throw cli::CommandError(StatusText(status));
  std::map<std::string, std::vector<std::string>> workers;
  for (const mvccpb::KeyValue& record : response.kvs()) {
    const auto name = FromHex(std::string_view(record.key()).substr(kRelayWorkerPrefix.size()));
    if (!name) throw cli::CommandError("malformed record of a relay worker: " + record.key());
    workers[record.value()].push_back(*name);
  }
  for (auto& [source, names] : workers) std::sort(names.begin(), names.end());
  return workers;
}

}  // namespace dm::ctl
