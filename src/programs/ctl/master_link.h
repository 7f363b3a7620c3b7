// The connection of dmctl to a dm-master of the cluster. Any member will do: those that do not lead
// pass requests on.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/net/tls.h"

namespace pb {
class CheckTaskRequest;
class CheckTaskResponse;
class EncryptRequest;
class EncryptResponse;
class GetCfgRequest;
class GetCfgResponse;
class GetValidationErrorRequest;
class GetValidationErrorResponse;
class GetValidationStatusRequest;
class GetValidationStatusResponse;
class HandleErrorRequest;
class HandleErrorResponse;
class ListMemberRequest;
class ListMemberResponse;
class ListSourceConfigsResponse;
class ListTaskConfigsResponse;
class OfflineMemberRequest;
class OfflineMemberResponse;
class OperateLeaderRequest;
class OperateLeaderResponse;
class OperateRelayRequest;
class OperateRelayResponse;
class OperateSchemaRequest;
class OperateSchemaResponse;
class OperateSourceRequest;
class OperateSourceResponse;
class OperateTaskRequest;
class OperateTaskResponse;
class OperateValidationErrorRequest;
class OperateValidationErrorResponse;
class OperateWorkerRelayRequest;
class OperateWorkerRelayResponse;
class PurgeWorkerRelayRequest;
class PurgeWorkerRelayResponse;
class QueryStatusListRequest;
class QueryStatusListResponse;
class ShowDDLLocksRequest;
class ShowDDLLocksResponse;
class StartTaskRequest;
class StartTaskResponse;
class StartValidationRequest;
class StartValidationResponse;
class StopValidationRequest;
class StopValidationResponse;
class TransferSourceRequest;
class TransferSourceResponse;
class UnlockDDLLockRequest;
class UnlockDDLLockResponse;
class UpdateTaskRequest;
class UpdateTaskResponse;
class UpdateValidationRequest;
class UpdateValidationResponse;
}  // namespace pb

namespace dm::ctl {

// A connected master. Thread-safe.
//
// Every request has a deadline: the timeout given to Connect, twice of it for StartTask,
// UpdateTask and CheckTask. A request that finds the connection lost, that a member refuses for
// want of resources, or that meets a member which knows no leader, is sent once more over a new
// connection (which begins the search for a member anew; after "no leader" with the endpoint behind
// the one used so far). Answers may have any size. Failures of gRPC throw cli::CommandError with
// the text "rpc error: code = <Name> desc = <text>".
class MasterLink {
 public:
  // Tries the endpoints ("host:port") in order, each for at most 3 s, and goes on to the next as
  // soon as one refuses. `address_text` is the address as the user gave it. Throws Error
  // kCtlGRPCCreateConn if none can be reached; if TLS is the reason, its cause says what is wrong.
  static std::unique_ptr<MasterLink> Connect(const std::vector<std::string>& endpoints,
                                             const std::string& address_text,
                                             std::chrono::nanoseconds rpc_timeout,
                                             const TlsOptions& tls);
  ~MasterLink();

  pb::StartTaskResponse StartTask(const pb::StartTaskRequest& request);
  pb::UpdateTaskResponse UpdateTask(const pb::UpdateTaskRequest& request);
  pb::OperateTaskResponse OperateTask(const pb::OperateTaskRequest& request);
  pb::CheckTaskResponse CheckTask(const pb::CheckTaskRequest& request);
  pb::QueryStatusListResponse QueryStatus(const pb::QueryStatusListRequest& request);
  pb::ShowDDLLocksResponse ShowDDLLocks(const pb::ShowDDLLocksRequest& request);
  pb::UnlockDDLLockResponse UnlockDDLLock(const pb::UnlockDDLLockRequest& request);
  pb::OperateWorkerRelayResponse OperateWorkerRelayTask(
      const pb::OperateWorkerRelayRequest& request);
  pb::PurgeWorkerRelayResponse PurgeWorkerRelay(const pb::PurgeWorkerRelayRequest& request);
  pb::OperateSourceResponse OperateSource(const pb::OperateSourceRequest& request);
  pb::OfflineMemberResponse OfflineMember(const pb::OfflineMemberRequest& request);
  pb::OperateLeaderResponse OperateLeader(const pb::OperateLeaderRequest& request);
  pb::ListMemberResponse ListMember(const pb::ListMemberRequest& request);
  pb::OperateSchemaResponse OperateSchema(const pb::OperateSchemaRequest& request);
  pb::GetCfgResponse GetCfg(const pb::GetCfgRequest& request);
  pb::HandleErrorResponse HandleError(const pb::HandleErrorRequest& request);
  pb::TransferSourceResponse TransferSource(const pb::TransferSourceRequest& request);
  pb::OperateRelayResponse OperateRelay(const pb::OperateRelayRequest& request);
  pb::StartValidationResponse StartValidation(const pb::StartValidationRequest& request);
  pb::StopValidationResponse StopValidation(const pb::StopValidationRequest& request);
  pb::UpdateValidationResponse UpdateValidation(const pb::UpdateValidationRequest& request);
  pb::GetValidationStatusResponse GetValidationStatus(
      const pb::GetValidationStatusRequest& request);
  pb::GetValidationErrorResponse GetValidationError(const pb::GetValidationErrorRequest& request);
  pb::OperateValidationErrorResponse OperateValidationError(
      const pb::OperateValidationErrorRequest& request);
  pb::EncryptResponse Encrypt(const pb::EncryptRequest& request);
  pb::ListTaskConfigsResponse ListTaskConfigs();
  pb::ListSourceConfigsResponse ListSourceConfigs();
  // The workers that were given to sources as relay workers by name: sorted names by source id.
  // Read from the cluster's store, which members serve beside their own interface.
  std::map<std::string, std::vector<std::string>> RelayWorkers();

 private:
  struct Impl;
  explicit MasterLink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dm::ctl
