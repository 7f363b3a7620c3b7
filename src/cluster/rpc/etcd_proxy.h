// Passes etcd's gRPC services through, message by message, without decoding them.
#pragma once

#include <memory>
#include <string>

namespace grpc {
class CallbackGenericService;
}

namespace dm::cluster {

// For OnePortServer::Handlers::generic: methods of the packages etcdserverpb, v3electionpb and
// v3lockpb and of grpc.health.v1.Health go to `endpoint` and back, with deadlines, cancellation,
// metadata and status; any other method is answered UNIMPLEMENTED.
class EtcdProxy {
 public:
  // `endpoint` as for EtcdClient ("unix:/path").
  explicit EtcdProxy(const std::string& endpoint);
  // No stream may be open: stop the server first.
  ~EtcdProxy();
  EtcdProxy(const EtcdProxy&) = delete;
  EtcdProxy& operator=(const EtcdProxy&) = delete;

  grpc::CallbackGenericService* service() const;

  // From now on calls are answered UNAVAILABLE, and open streams end with it, so that clients move
  // to another endpoint. Thread-safe, idempotent.
  void Close();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dm::cluster
