// Connections to the endpoints of an etcd cluster, which of them to use now, and one repeated call.
// Private to this room: gRPC's headers are heavy.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/error/error.h"
#include "base/thread/stop.h"
#include "cluster/etcd/client.h"

namespace dm::cluster {

// One address with its channel. Immutable but for the time of its last failure.
struct Endpoint {
  std::string address;  // "unix:/path" or "host:port"
  std::shared_ptr<grpc::Channel> channel;
  SteadyClock::time_point failed_at{};  // guarded by Channels
};

// Thread-safe.
class Channels {
 public:
  explicit Channels(EtcdOptions options);

  const EtcdOptions& options() const { return options_; }

  // The first endpoint, in order of preference, that has not failed within the last 3 s; if all
  // have, the one whose failure is oldest.
  std::shared_ptr<Endpoint> Pick();
  void MarkFailed(const std::shared_ptr<Endpoint>& endpoint);

  // Replaces the endpoints, keeping channels of addresses that stay. Socket endpoints of the
  // options always stay in front. An empty list changes nothing.
  void SetEndpoints(const std::vector<std::string>& addresses);
  std::vector<std::string> addresses() const;
  size_t size() const;

 private:
  EtcdOptions options_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Endpoint>> endpoints_;
};

// Without scheme.
std::string NormalizeEndpoint(std::string_view endpoint);

// "rpc error: code = Unavailable desc = ..."
std::string StatusText(const grpc::Status& status);
// The reverse; nullopt for any other text.
std::optional<grpc::Status> StatusOfText(std::string_view text);

// An attempt with this result may be repeated: the cluster is busy or has no leader, or the
// connection broke.
bool IsRepeatable(const grpc::Status& status);

// etcd has used up its space.
bool IsNoSpace(const grpc::Status& status);

// The server has not done, and will not do, what was asked for. False: nobody knows.
bool IsCertainlyNotApplied(const grpc::Status& status);

// Waits until the endpoint is connected, at most `limit` and the dial timeout; with several
// endpoints only until a try to connect has failed. Without somebody waiting, a connection that is
// being made makes hardly any progress. The call that follows tells what is wrong. Throws
// Cancelled.
void AwaitConnection(const Channels& channels, const Endpoint& endpoint, Milliseconds limit,
                     const StopToken& stop);

// One try of a call: performs it with the given context on the given channel.
using Attempt =
    std::function<grpc::Status(grpc::ClientContext&, const std::shared_ptr<grpc::Channel>&)>;

// Performs a call with repeats, as said at EtcdClient. Throws Cancelled, or Error `code` with the
// last failure, or the last one after which the call may have been applied.
void CallWithRepeats(Channels& channels, ErrorCode code, const Attempt& attempt,
                     const StopToken& stop);

// Performs a call once within `budget`, connecting included. Throws Cancelled; else answers the
// status.
grpc::Status CallOnce(Channels& channels, Milliseconds budget, const Attempt& attempt,
                      const StopToken& stop);

}  // namespace dm::cluster
