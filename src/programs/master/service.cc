#include "programs/master/service.h"

#include <grpcpp/grpcpp.h>

#include <functional>
#include <thread>

#include "base/error/error.h"
#include "base/log/log.h"
#include "cluster/rpc/print_json.h"
#include "dmmaster.grpc.pb.h"
#include "programs/master/requests.h"

namespace dm::master {
namespace {

using grpc::ServerContext;
using grpc::Status;

// Requests that carry configurations are logged without them.
std::string Payload(const google::protobuf::Message& request) {
  if (request.GetDescriptor() == pb::StartTaskRequest::descriptor() ||
      request.GetDescriptor() == pb::CheckTaskRequest::descriptor() ||
      request.GetDescriptor() == pb::UpdateTaskRequest::descriptor() ||
      request.GetDescriptor() == pb::OperateSourceRequest::descriptor() ||
      request.GetDescriptor() == pb::EncryptRequest::descriptor()) {
    return fmt::format("({} bytes, not shown: may hold passwords)", request.ByteSizeLong());
  }
  return request.ShortDebugString();
}

// Stops its token when the caller has gone, or the process ends. gRPC's synchronous server only
// answers the question, so a thread asks.
class CallerWatch {
 public:
  explicit CallerWatch(std::function<bool()> gone)
      : thread_([this, gone = std::move(gone)](const StopToken& done) {
          try {
            while (!gone()) WaitFor(kGonePoll, done);
            source_.request_stop();
          } catch (const Cancelled&) {
            // The request is done.
          }
        }) {}

  StopToken token() const { return source_.get_token(); }

 private:
  static constexpr Milliseconds kGonePoll{100};
  StopSource source_;
  std::jthread thread_;
};

}  // namespace

class MasterService::Impl final : public pb::Master::Service {
 public:
  Impl(const Config& config, Leader& leader, cluster::EtcdClient& etcd, StopToken stop)
      : config_(config),
        leader_(leader),
        etcd_(etcd),
        cipher_(config.secret_key),
        rate_limit_(config.rpc_rate_limit, config.rpc_rate_burst),
        stop_(std::move(stop)) {}

  Status StartTask(ServerContext* context, const pb::StartTaskRequest* request,
                   pb::StartTaskResponse* response) override {
    return Lead(context, "StartTask", *request, response, master::StartTask);
  }
  Status CheckTask(ServerContext* context, const pb::CheckTaskRequest* request,
                   pb::CheckTaskResponse* response) override {
    return Lead(context, "CheckTask", *request, response, master::CheckTask);
  }
  Status UpdateTask(ServerContext* context, const pb::UpdateTaskRequest* request,
                    pb::UpdateTaskResponse* response) override {
    return Lead(context, "UpdateTask", *request, response, master::UpdateTask);
  }
  Status OperateTask(ServerContext* context, const pb::OperateTaskRequest* request,
                     pb::OperateTaskResponse* response) override {
    return Lead(context, "OperateTask", *request, response, master::OperateTask);
  }
  Status QueryStatus(ServerContext* context, const pb::QueryStatusListRequest* request,
                     pb::QueryStatusListResponse* response) override {
    return Lead(context, "QueryStatus", *request, response, master::QueryStatus);
  }
  Status OperateSource(ServerContext* context, const pb::OperateSourceRequest* request,
                       pb::OperateSourceResponse* response) override {
    return Lead(context, "OperateSource", *request, response, master::OperateSource);
  }
  Status OfflineMember(ServerContext* context, const pb::OfflineMemberRequest* request,
                       pb::OfflineMemberResponse* response) override {
    return Lead(context, "OfflineMember", *request, response, master::OfflineMember);
  }
  Status ListMember(ServerContext* context, const pb::ListMemberRequest* request,
                    pb::ListMemberResponse* response) override {
    return Lead(context, "ListMember", *request, response, master::ListMember);
  }
  Status GetSubTaskCfg(ServerContext* context, const pb::GetSubTaskCfgRequest* request,
                       pb::GetSubTaskCfgResponse* response) override {
    return Lead(context, "GetSubTaskCfg", *request, response, master::GetSubtaskConfigs);
  }
  Status GetCfg(ServerContext* context, const pb::GetCfgRequest* request,
                pb::GetCfgResponse* response) override {
    return Lead(context, "GetCfg", *request, response, master::GetConfig);
  }
  Status ListTaskConfigs(ServerContext* context, const google::protobuf::Empty* request,
                         pb::ListTaskConfigsResponse* response) override {
    return Lead(context, "ListTaskConfigs", *request, response, master::ListTaskConfigs);
  }
  Status ListSourceConfigs(ServerContext* context, const google::protobuf::Empty* request,
                           pb::ListSourceConfigsResponse* response) override {
    return Lead(context, "ListSourceConfigs", *request, response, master::ListSourceConfigs);
  }
  Status RegisterWorker(ServerContext* context, const pb::RegisterWorkerRequest* request,
                        pb::RegisterWorkerResponse* response) override {
    return Lead(context, "RegisterWorker", *request, response,
                [](const RequestContext& with, const pb::RegisterWorkerRequest& asked,
                   pb::RegisterWorkerResponse* answer) {
                  with.scheduler->RegisterWorker(asked.name(), asked.address());
                  answer->set_secretkey(with.cipher.key());
                  answer->set_result(true);
                });
  }
  Status HandleError(ServerContext* context, const pb::HandleErrorRequest* request,
                     pb::HandleErrorResponse* response) override {
    return Lead(context, "HandleError", *request, response, master::HandleError);
  }
  Status OperateSchema(ServerContext* context, const pb::OperateSchemaRequest* request,
                       pb::OperateSchemaResponse* response) override {
    return Lead(context, "OperateSchema", *request, response, master::OperateSchema);
  }
  // Without sharding there are no locks.
  Status ShowDDLLocks(ServerContext* context, const pb::ShowDDLLocksRequest* request,
                      pb::ShowDDLLocksResponse* response) override {
    return Lead(context, "ShowDDLLocks", *request, response,
                [](const RequestContext&, const pb::ShowDDLLocksRequest&,
                   pb::ShowDDLLocksResponse* answer) {
                  answer->set_msg("no DDL lock exists");
                  answer->set_result(true);
                });
  }
  Status Encrypt(ServerContext* context, const pb::EncryptRequest* request,
                 pb::EncryptResponse* response) override {
    return Lead(context, "Encrypt", *request, response,
                [](const RequestContext& with, const pb::EncryptRequest& asked,
                   pb::EncryptResponse* answer) {
                  answer->set_ciphertext(with.cipher.Encrypt(asked.plaintext()));
                  answer->set_result(true);
                });
  }
  Status GetMasterCfg(ServerContext*, const pb::GetMasterCfgRequest*,
                      pb::GetMasterCfgResponse* response) override {
    response->set_cfg(config_.ToToml());
    return Status::OK;
  }

  // ---- not in this version ----
  Status UnlockDDLLock(ServerContext*, const pb::UnlockDDLLockRequest*,
                       pb::UnlockDDLLockResponse* response) override {
    return Refuse("UnlockDDLLock", response);
  }
  Status OperateWorkerRelayTask(ServerContext*, const pb::OperateWorkerRelayRequest* request,
                                pb::OperateWorkerRelayResponse* response) override {
    response->set_op(request->op());
    return Refuse("OperateWorkerRelayTask", response);
  }
  Status PurgeWorkerRelay(ServerContext*, const pb::PurgeWorkerRelayRequest*,
                          pb::PurgeWorkerRelayResponse* response) override {
    return Refuse("PurgeWorkerRelay", response);
  }
  Status OperateLeader(ServerContext*, const pb::OperateLeaderRequest*,
                       pb::OperateLeaderResponse* response) override {
    return Refuse("OperateLeader", response);
  }
  Status TransferSource(ServerContext*, const pb::TransferSourceRequest*,
                        pb::TransferSourceResponse* response) override {
    return Refuse("TransferSource", response);
  }
  Status OperateRelay(ServerContext*, const pb::OperateRelayRequest*,
                      pb::OperateRelayResponse* response) override {
    return Refuse("OperateRelay", response);
  }
  Status StartValidation(ServerContext*, const pb::StartValidationRequest*,
                         pb::StartValidationResponse* response) override {
    return Refuse("StartValidation", response);
  }
  Status StopValidation(ServerContext*, const pb::StopValidationRequest*,
                        pb::StopValidationResponse* response) override {
    return Refuse("StopValidation", response);
  }
  Status GetValidationStatus(ServerContext*, const pb::GetValidationStatusRequest*,
                             pb::GetValidationStatusResponse* response) override {
    return Refuse("GetValidationStatus", response);
  }
  Status GetValidationError(ServerContext*, const pb::GetValidationErrorRequest*,
                            pb::GetValidationErrorResponse* response) override {
    return Refuse("GetValidationError", response);
  }
  Status OperateValidationError(ServerContext*, const pb::OperateValidationErrorRequest*,
                                pb::OperateValidationErrorResponse* response) override {
    return Refuse("OperateValidationError", response);
  }
  Status UpdateValidation(ServerContext*, const pb::UpdateValidationRequest*,
                          pb::UpdateValidationResponse* response) override {
    return Refuse("UpdateValidation", response);
  }

 private:
  template <class Response>
  Status Refuse(std::string_view request, Response* response) {
    response->set_result(false);
    response->set_msg(MakeError(ErrorCode::kMasterNotSupported, request).ToString());
    return Status::OK;
  }

  // Waits for the leadership, performs the request, turns failures into answers.
  template <class Request, class Response, class Perform>
  Status Lead(ServerContext* server_context, std::string_view name, const Request& request,
              Response* response, Perform perform) {
    Log().Info("", {F("payload", Payload(request)), F("request", name)});
    const auto gone = [server_context, this] {
      return server_context->IsCancelled() || stop_.stop_requested();
    };
    std::shared_ptr<Scheduler> scheduler;
    try {
      scheduler = leader_.Await(gone);
    } catch (const Error& e) {
      return Status(grpc::StatusCode::UNKNOWN, e.ToString());
    }
    const CallerWatch watch(gone);
    const RequestContext context{config_,     cipher_,       etcd_, scheduler.get(),
                                 rate_limit_, watch.token(), gone};
    try {
      perform(context, request, response);
    } catch (const Cancelled& e) {
      return Status(grpc::StatusCode::CANCELLED, e.what());
    } catch (const std::exception& e) {
      // As if nobody had led when the request came: the caller may try again.
      if (ToError(e).code() == static_cast<int>(ErrorCode::kMasterRequestIsNotForwardToLeader)) {
        return Status(grpc::StatusCode::UNKNOWN, ToError(e).ToString());
      }
      response->set_result(false);
      response->set_msg(ErrorText(e));
    }
    cluster::RepairUtf8(*response);
    return Status::OK;
  }

  const Config& config_;
  Leader& leader_;
  cluster::EtcdClient& etcd_;
  const migration::PasswordCipher cipher_;
  RateLimit rate_limit_;
  const StopToken stop_;
};

MasterService::MasterService(const Config& config, Leader& leader, cluster::EtcdClient& etcd,
                             StopToken stop)
    : impl_(std::make_unique<Impl>(config, leader, etcd, std::move(stop))) {}

MasterService::~MasterService() = default;

grpc::Service* MasterService::service() const { return impl_.get(); }

}  // namespace dm::master
