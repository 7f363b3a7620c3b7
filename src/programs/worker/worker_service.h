// What dm-worker answers over gRPC.
#pragma once

#include <memory>

namespace grpc {
class Service;
}

namespace dm::worker {

class Server;

// The gRPC service pb.Worker on top of `server`, which must outlive it. Failures are answers with
// result false and the error's text; calls that this version lacks answer with a product error.
std::unique_ptr<grpc::Service> MakeWorkerService(Server& server);

}  // namespace dm::worker
