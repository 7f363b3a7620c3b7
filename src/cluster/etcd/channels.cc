#include "cluster/etcd/channels.h"

#include <algorithm>
#include <optional>

#include "cluster/credentials/credentials.h"

namespace dm::cluster {
namespace {

using std::chrono::steady_clock;

// A failed endpoint is left alone for this long while others work.
constexpr Milliseconds kEjection{3'000};
constexpr int kMaxAttempts = 5;
constexpr Milliseconds kRepeatPause{1'000};
// Between looks at the stop token while connecting.
constexpr Milliseconds kConnectSlice{50};

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const EtcdOptions& options) {
  grpc::ChannelArguments args;
  args.SetMaxReceiveMessageSize(-1);
  args.SetMaxSendMessageSize(-1);
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(options.dial_timeout.count()));
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  // A pool shared with other channels to the same address would share their broken connection.
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const bool local = address.starts_with("unix:");
  if (!local) {
    args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
    args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3'000);
    args.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  } else {
    // The default authority of a socket is its path, which etcd's HTTP/2 server refuses.
    args.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  }
  return ClientChannel(address, options.tls, args);
}

const char* CodeName(grpc::StatusCode code) {
  switch (code) {
    case grpc::OK:
      return "OK";
    case grpc::CANCELLED:
      return "Canceled";
    case grpc::UNKNOWN:
      return "Unknown";
    case grpc::INVALID_ARGUMENT:
      return "InvalidArgument";
    case grpc::DEADLINE_EXCEEDED:
      return "DeadlineExceeded";
    case grpc::NOT_FOUND:
      return "NotFound";
    case grpc::ALREADY_EXISTS:
      return "AlreadyExists";
    case grpc::PERMISSION_DENIED:
      return "PermissionDenied";
    case grpc::UNAUTHENTICATED:
      return "Unauthenticated";
    case grpc::RESOURCE_EXHAUSTED:
      return "ResourceExhausted";
    case grpc::FAILED_PRECONDITION:
      return "FailedPrecondition";
    case grpc::ABORTED:
      return "Aborted";
    case grpc::OUT_OF_RANGE:
      return "OutOfRange";
    case grpc::UNIMPLEMENTED:
      return "Unimplemented";
    case grpc::INTERNAL:
      return "Internal";
    case grpc::UNAVAILABLE:
      return "Unavailable";
    case grpc::DATA_LOSS:
      return "DataLoss";
    default:
      return "Unknown";
  }
}

// gRPC's own words for a call that was never sent.
constexpr std::string_view kNotConnected = "failed to connect to all addresses";

// Connecting and the call together take `limit`.
grpc::Status Try(Channels& channels, const std::shared_ptr<Endpoint>& endpoint, Milliseconds limit,
                 const Attempt& attempt, const StopToken& stop) {
  const auto deadline = std::chrono::system_clock::now() + limit;
  AwaitConnection(channels, *endpoint, limit, stop);
  if (std::chrono::system_clock::now() >= deadline) {
    return {grpc::UNAVAILABLE, fmt::format("{}; {} did not take the connection in {} ms",
                                           kNotConnected, endpoint->address, limit.count())};
  }
  grpc::ClientContext context;
  context.set_deadline(deadline);
  StopCallback on_stop(stop, [&context] { context.TryCancel(); });
  return attempt(context, endpoint->channel);
}

}  // namespace

std::string NormalizeEndpoint(std::string_view endpoint) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (endpoint.starts_with(scheme)) endpoint.remove_prefix(scheme.size());
  }
  while (endpoint.ends_with('/')) endpoint.remove_suffix(1);
  return std::string(endpoint);
}

std::string StatusText(const grpc::Status& status) {
  return fmt::format("rpc error: code = {} desc = {}", CodeName(status.error_code()),
                     status.error_message());
}

std::optional<grpc::Status> StatusOfText(std::string_view text) {
  constexpr std::string_view kHead = "rpc error: code = ";
  constexpr std::string_view kMiddle = " desc = ";
  const size_t middle = text.find(kMiddle);
  if (!text.starts_with(kHead) || middle == std::string_view::npos) return std::nullopt;
  const std::string_view name = text.substr(kHead.size(), middle - kHead.size());
  for (int code = grpc::OK; code <= grpc::UNAUTHENTICATED; ++code) {
    if (name == CodeName(static_cast<grpc::StatusCode>(code))) {
      return grpc::Status(static_cast<grpc::StatusCode>(code),
                          std::string(text.substr(middle + kMiddle.size())));
    }
  }
  return std::nullopt;
}

bool IsRepeatable(const grpc::Status& status) {
  if (status.error_code() == grpc::UNAVAILABLE || status.error_code() == grpc::DEADLINE_EXCEEDED) {
    return true;
  }
  const std::string text = status.error_message();
  for (std::string_view phrase :
       {"etcdserver: mvcc: database space exceeded", "etcdserver: too many requests",
        "etcdserver: no leader", "etcdserver: not capable", "etcdserver: server stopped",
        "etcdserver: request timed out", "etcdserver: unhealthy cluster",
        "etcdserver: leader changed", "raft: stopped", "raft proposal dropped",
        "received prior goaway: code: NO_ERROR", "connection reset by peer"}) {
    if (text.find(phrase) != std::string::npos) return true;
  }
  return false;
}

bool IsNoSpace(const grpc::Status& status) {
  return status.error_message().find("database space exceeded") != std::string::npos;
}

bool IsCertainlyNotApplied(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::INVALID_ARGUMENT:
    case grpc::NOT_FOUND:
    case grpc::ALREADY_EXISTS:
    case grpc::PERMISSION_DENIED:
    case grpc::UNAUTHENTICATED:
    case grpc::FAILED_PRECONDITION:
    case grpc::OUT_OF_RANGE:
    case grpc::UNIMPLEMENTED:
      return true;
    case grpc::RESOURCE_EXHAUSTED:
      // etcd may notice that its space is used up only after it has written.
      return !IsNoSpace(status);
    default:
      return status.error_message().find(kNotConnected) != std::string::npos ||
             status.error_message().find("raft proposal dropped") != std::string::npos;
  }
}

Channels::Channels(EtcdOptions options) : options_(std::move(options)) {
  SetEndpoints(options_.endpoints);
}

std::shared_ptr<Endpoint> Channels::Pick() {
  std::lock_guard lock(mutex_);
  const auto now = SteadyClock::now();
  std::shared_ptr<Endpoint> oldest;
  for (const auto& endpoint : endpoints_) {
    if (endpoint->failed_at == SteadyClock::time_point{} || now - endpoint->failed_at > kEjection) {
      return endpoint;
    }
    if (!oldest || endpoint->failed_at < oldest->failed_at) oldest = endpoint;
  }
  if (!oldest) throw Error(ErrorCode::kHAFailTxnOperation, "no etcd endpoint is configured");
  return oldest;
}

void Channels::MarkFailed(const std::shared_ptr<Endpoint>& endpoint) {
  std::lock_guard lock(mutex_);
  endpoint->failed_at = SteadyClock::now();
}

void Channels::SetEndpoints(const std::vector<std::string>& addresses) {
  std::vector<std::string> wanted;
  auto add = [&wanted](std::string address) {
    if (!address.empty() && std::find(wanted.begin(), wanted.end(), address) == wanted.end()) {
      wanted.push_back(std::move(address));
    }
  };
  for (const std::string& own : options_.endpoints) {
    if (own.starts_with("unix:")) add(own);
  }
  for (const std::string& address : addresses) add(NormalizeEndpoint(address));
  if (wanted.empty()) return;
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Endpoint>> endpoints;
  for (const std::string& address : wanted) {
    auto known = std::find_if(endpoints_.begin(), endpoints_.end(),
                              [&](const auto& e) { return e->address == address; });
    if (known != endpoints_.end()) {
      endpoints.push_back(*known);
    } else {
      endpoints.push_back(
          std::make_shared<Endpoint>(Endpoint{address, MakeChannel(address, options_), {}}));
    }
  }
  endpoints_ = std::move(endpoints);
}

std::vector<std::string> Channels::addresses() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& endpoint : endpoints_) out.push_back(endpoint->address);
  return out;
}

size_t Channels::size() const {
  std::lock_guard lock(mutex_);
  return endpoints_.size();
}

void AwaitConnection(const Channels& channels, const Endpoint& endpoint, Milliseconds limit,
                     const StopToken& stop) {
  const bool only_one = channels.size() == 1;
  const auto end = SteadyClock::now() + std::min(limit, channels.options().dial_timeout);
  bool tried = false;
  while (SteadyClock::now() < end) {
    const grpc_connectivity_state state = endpoint.channel->GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE && tried && !only_one) return;
    tried = tried || state == GRPC_CHANNEL_CONNECTING;
    ThrowIfStopped(stop);
    endpoint.channel->WaitForStateChange(state, std::chrono::system_clock::now() + kConnectSlice);
  }
}

void CallWithRepeats(Channels& channels, ErrorCode code, const Attempt& attempt,
                     const StopToken& stop) {
  const auto end = SteadyClock::now() + channels.options().request_timeout;
  grpc::Status status;
  // Of an attempt that may have been applied: what later attempts say does not take that back.
  std::optional<grpc::Status> unclear;
  int rounds = 0;
  for (size_t tries = 0;;) {
    ThrowIfStopped(stop);
    const auto left = std::chrono::ceil<Milliseconds>(end - SteadyClock::now());
    if (left <= Milliseconds(0)) break;
    const size_t endpoints = channels.size();
    const std::shared_ptr<Endpoint> endpoint = channels.Pick();
    // With a single endpoint, giving up early would only repeat the same wait.
    const Milliseconds limit =
        endpoints > 1 ? std::min(left, channels.options().attempt_timeout) : left;
    status = Try(channels, endpoint, limit, attempt, stop);
    ThrowIfStopped(stop);
    if (status.ok()) return;
    // That the space is used up settles only its own attempt.
    if (!IsCertainlyNotApplied(status) && !(unclear && IsNoSpace(status))) unclear = status;
    if (!IsRepeatable(status)) break;
    channels.MarkFailed(endpoint);
    if (++tries % endpoints != 0) continue;  // another endpoint at once
    if (++rounds == kMaxAttempts) break;
    const auto rest = std::chrono::ceil<Milliseconds>(end - SteadyClock::now());
    if (rest <= kRepeatPause) break;
    WaitFor(kRepeatPause, stop);
  }
  const std::string text = StatusText(unclear.value_or(status));
  throw MakeError(code, text).SetRawCause(text);
}

grpc::Status CallOnce(Channels& channels, Milliseconds budget, const Attempt& attempt,
                      const StopToken& stop) {
  const std::shared_ptr<Endpoint> endpoint = channels.Pick();
  grpc::Status status = Try(channels, endpoint, budget, attempt, stop);
  ThrowIfStopped(stop);
  if (!status.ok() && IsRepeatable(status)) channels.MarkFailed(endpoint);
  return status;
}

}  // namespace dm::cluster
