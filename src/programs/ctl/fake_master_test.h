// For tests: a dm-master on the loopback interface that answers what a test tells it to.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dmmaster.grpc.pb.h"
#include "etcd/rpc.grpc.pb.h"

namespace dm::ctl {

class FakeMaster final : public pb::Master::Service {
 public:
  using Message = google::protobuf::Message;
  // Fills the response to one request. Called by any thread, one at a time.
  using Answer =
      std::function<grpc::Status(const std::string& method, const Message& request, Message*)>;

  FakeMaster() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    builder.RegisterService(&store_);
    server_ = builder.BuildAndStart();
  }
  ~FakeMaster() override { server_->Shutdown(); }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }

  void SetAnswer(Answer answer) {
    std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
    calls_.clear();
  }
  // "Method" of every request since the answer was set.
  std::vector<std::string> calls() const {
    std::lock_guard lock(mutex_);
    return calls_;
  }

#define DM_FAKE(method, Request, Response)                                                      \
  grpc::Status method(grpc::ServerContext*, const pb::Request* request, pb::Response* response) \
      override {                                                                                \
    return Handle(#method, *request, response);                                                 \
  }
  DM_FAKE(StartTask, StartTaskRequest, StartTaskResponse)
  DM_FAKE(UpdateTask, UpdateTaskRequest, UpdateTaskResponse)
  DM_FAKE(OperateTask, OperateTaskRequest, OperateTaskResponse)
  DM_FAKE(QueryStatus, QueryStatusListRequest, QueryStatusListResponse)
  DM_FAKE(ShowDDLLocks, ShowDDLLocksRequest, ShowDDLLocksResponse)
  DM_FAKE(UnlockDDLLock, UnlockDDLLockRequest, UnlockDDLLockResponse)
  DM_FAKE(OperateWorkerRelayTask, OperateWorkerRelayRequest, OperateWorkerRelayResponse)
  DM_FAKE(PurgeWorkerRelay, PurgeWorkerRelayRequest, PurgeWorkerRelayResponse)
  DM_FAKE(CheckTask, CheckTaskRequest, CheckTaskResponse)
  DM_FAKE(OperateSource, OperateSourceRequest, OperateSourceResponse)
  DM_FAKE(OfflineMember, OfflineMemberRequest, OfflineMemberResponse)
  DM_FAKE(OperateLeader, OperateLeaderRequest, OperateLeaderResponse)
  DM_FAKE(ListMember, ListMemberRequest, ListMemberResponse)
  DM_FAKE(OperateSchema, OperateSchemaRequest, OperateSchemaResponse)
  DM_FAKE(GetCfg, GetCfgRequest, GetCfgResponse)
  DM_FAKE(HandleError, HandleErrorRequest, HandleErrorResponse)
  DM_FAKE(TransferSource, TransferSourceRequest, TransferSourceResponse)
  DM_FAKE(OperateRelay, OperateRelayRequest, OperateRelayResponse)
  DM_FAKE(StartValidation, StartValidationRequest, StartValidationResponse)
  DM_FAKE(StopValidation, StopValidationRequest, StopValidationResponse)
  DM_FAKE(GetValidationStatus, GetValidationStatusRequest, GetValidationStatusResponse)
  DM_FAKE(GetValidationError, GetValidationErrorRequest, GetValidationErrorResponse)
  DM_FAKE(OperateValidationError, OperateValidationErrorRequest, OperateValidationErrorResponse)
  DM_FAKE(UpdateValidation, UpdateValidationRequest, UpdateValidationResponse)
  DM_FAKE(Encrypt, EncryptRequest, EncryptResponse)
  grpc::Status ListTaskConfigs(grpc::ServerContext*, const google::protobuf::Empty* request,
                               pb::ListTaskConfigsResponse* response) override {
    return Handle("ListTaskConfigs", *request, response);
  }
  grpc::Status ListSourceConfigs(grpc::ServerContext*, const google::protobuf::Empty* request,
                                 pb::ListSourceConfigsResponse* response) override {
    return Handle("ListSourceConfigs", *request, response);
  }
#undef DM_FAKE

  // The key-value pairs that a read of the cluster's store finds, whatever it asks for.
  void SetRecords(std::vector<std::pair<std::string, std::string>> records) {
    store_.records = std::move(records);
  }

 private:
  struct Store final : etcdserverpb::KV::Service {
    grpc::Status Range(grpc::ServerContext*, const etcdserverpb::RangeRequest*,
                       etcdserverpb::RangeResponse* response) override {
      for (const auto& [key, value] : records) {
        response->add_kvs()->set_key(key);
        response->mutable_kvs(response->kvs_size() - 1)->set_value(value);
      }
      return grpc::Status::OK;
    }
    std::vector<std::pair<std::string, std::string>> records;
  };

  grpc::Status Handle(const std::string& method, const Message& request, Message* response) {
    std::lock_guard lock(mutex_);
    calls_.push_back(method);
    if (!answer_) return {grpc::StatusCode::UNIMPLEMENTED, "no answer was set"};
    return answer_(method, request, response);
  }

  mutable std::mutex mutex_;
  Answer answer_;
  std::vector<std::string> calls_;
  Store store_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace dm::ctl
