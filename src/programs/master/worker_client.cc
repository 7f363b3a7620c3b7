#include "programs/master/worker_client.h"

#include <grpcpp/grpcpp.h>

#include "base/error/error.h"
#include "cluster/credentials/credentials.h"
#include "dmworker.grpc.pb.h"

namespace dm::master {
namespace {

// Between looks at whether the caller has gone.
constexpr Milliseconds kCancelPoll{100};

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const TlsOptions& tls) {
  grpc::ChannelArguments args;
  args.SetMaxReceiveMessageSize(-1);
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3'000);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 3'000);
  return cluster::ClientChannel(address, tls, args);
}

const char* CodeName(grpc::StatusCode code) {
  switch (code) {
    case grpc::UNAVAILABLE:
      return "Unavailable";
    case grpc::DEADLINE_EXCEEDED:
      return "DeadlineExceeded";
    case grpc::CANCELLED:
      return "Canceled";
    case grpc::UNIMPLEMENTED:
      return "Unimplemented";
    case grpc::RESOURCE_EXHAUSTED:
      return "ResourceExhausted";
    case grpc::INTERNAL:
      return "Internal";
    default:
      return "Unknown";
  }
}

}  // namespace

class WorkerClient::Impl {
 public:
  Impl(const std::string& address, const TlsOptions& tls)
      : channel_(MakeChannel(address, tls)), stub_(pb::Worker::NewStub(channel_)) {}

  template <class Response, class Start>
  void Call(Milliseconds timeout, const IsCancelled& cancelled, Response* response, Start start) {
    grpc::ClientContext context;
    const auto deadline = std::chrono::system_clock::now() + timeout;
    context.set_deadline(deadline);
    grpc::CompletionQueue queue;
    grpc::Status status;
    auto call = start(*stub_, &context, &queue);
    call->Finish(response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    while (queue.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + kCancelPoll) ==
           grpc::CompletionQueue::TIMEOUT) {
      if (cancelled()) context.TryCancel();
    }
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) {
    }
    if (status.ok()) return;
    throw MakeError(ErrorCode::kMasterGRPCRequestError)
        .SetRawCause(fmt::format("rpc error: code = {} desc = {}", CodeName(status.error_code()),
                                 status.error_message()));
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<pb::Worker::Stub> stub_;
};

WorkerClient::WorkerClient(const std::string& address, const TlsOptions& tls)
    : impl_(std::make_unique<Impl>(address, tls)) {}
WorkerClient::~WorkerClient() = default;

void WorkerClient::QueryStatus(const std::string& task, Milliseconds timeout,
                               const IsCancelled& cancelled, pb::QueryStatusResponse* response) {
  pb::QueryStatusRequest request;
  request.set_name(task);
  impl_->Call(
      timeout, cancelled, response,
      [&](pb::Worker::Stub& stub, grpc::ClientContext* context, grpc::CompletionQueue* queue) {
        return stub.AsyncQueryStatus(context, request, queue);
      });
}

void WorkerClient::GetConfig(Milliseconds timeout, const IsCancelled& cancelled,
                             pb::GetWorkerCfgResponse* response) {
  impl_->Call(
      timeout, cancelled, response,
      [&](pb::Worker::Stub& stub, grpc::ClientContext* context, grpc::CompletionQueue* queue) {
        return stub.AsyncGetWorkerCfg(context, pb::GetWorkerCfgRequest(), queue);
      });
}

void WorkerClient::HandleError(const pb::HandleWorkerErrorRequest& request, Milliseconds timeout,
                               const IsCancelled& cancelled, pb::CommonWorkerResponse* response) {
  impl_->Call(
      timeout, cancelled, response,
      [&](pb::Worker::Stub& stub, grpc::ClientContext* context, grpc::CompletionQueue* queue) {
        return stub.AsyncHandleError(context, request, queue);
      });
}

void WorkerClient::OperateSchema(const pb::OperateWorkerSchemaRequest& request,
                                 Milliseconds timeout, const IsCancelled& cancelled,
                                 pb::CommonWorkerResponse* response) {
  impl_->Call(
      timeout, cancelled, response,
      [&](pb::Worker::Stub& stub, grpc::ClientContext* context, grpc::CompletionQueue* queue) {
        return stub.AsyncOperateSchema(context, request, queue);
      });
}

void WorkerClient::CheckSubtasksCanUpdate(const pb::CheckSubtasksCanUpdateRequest& request,
                                          Milliseconds timeout, const IsCancelled& cancelled,
                                          pb::CheckSubtasksCanUpdateResponse* response) {
  impl_->Call(
      timeout, cancelled, response,
      [&](pb::Worker::Stub& stub, grpc::ClientContext* context, grpc::CompletionQueue* queue) {
        return stub.AsyncCheckSubtasksCanUpdate(context, request, queue);
      });
}

void WorkerClient::GetFreeSpace(const pb::GetFreeSpaceRequest& request, Milliseconds timeout,
                                const IsCancelled& cancelled, pb::GetFreeSpaceResponse* response) {
  impl_->Call(
      timeout, cancelled, response,
      [&](pb::Worker::Stub& stub, grpc::ClientContext* context, grpc::CompletionQueue* queue) {
        return stub.AsyncGetFreeSpace(context, request, queue);
      });
}

}  // namespace dm::master
