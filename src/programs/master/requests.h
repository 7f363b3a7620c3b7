// What the requests of pb.Master do, by area. Private to this room; each function may throw Error,
// which its caller turns into an answer.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "cluster/etcd/client.h"
#include "migration/config/password_cipher.h"
#include "programs/master/config.h"
#include "programs/master/confirm.h"
#include "programs/master/rate_limit.h"
#include "programs/master/scheduler.h"

namespace google::protobuf {
class Empty;
}

namespace pb {
class CheckTaskRequest;
class CheckTaskResponse;
class CommonWorkerResponse;
class GetCfgRequest;
class GetCfgResponse;
class GetSubTaskCfgRequest;
class GetSubTaskCfgResponse;
class HandleErrorRequest;
class HandleErrorResponse;
class ListMemberRequest;
class ListMemberResponse;
class ListSourceConfigsResponse;
class ListTaskConfigsResponse;
class OfflineMemberRequest;
class OfflineMemberResponse;
class OperateSchemaRequest;
class OperateSchemaResponse;
class OperateSourceRequest;
class OperateSourceResponse;
class OperateTaskRequest;
class OperateTaskResponse;
class QueryStatusListRequest;
class QueryStatusListResponse;
class StartTaskRequest;
class StartTaskResponse;
class UpdateTaskRequest;
class UpdateTaskResponse;
}  // namespace pb

namespace dm::master {

// What every request may use.
struct RequestContext {
  const Config& config;
  const migration::PasswordCipher& cipher;
  cluster::EtcdClient& etcd;
  Scheduler* scheduler = nullptr;  // null only where the request may do without a leader
  RateLimit& rate_limit;
  StopToken stop;              // stops when the caller has left, or the process ends
  std::function<bool()> gone;  // the same as a question
};

// source_requests.cc
void OperateSource(const RequestContext& context, const pb::OperateSourceRequest& request,
                   pb::OperateSourceResponse* response);

// task_requests.cc
void StartTask(const RequestContext& context, const pb::StartTaskRequest& request,
               pb::StartTaskResponse* response);
void CheckTask(const RequestContext& context, const pb::CheckTaskRequest& request,
               pb::CheckTaskResponse* response);
// Replaces the stored configuration of paused subtasks, which take it over when they are resumed.
void UpdateTask(const RequestContext& context, const pb::UpdateTaskRequest& request,
                pb::UpdateTaskResponse* response);
void OperateTask(const RequestContext& context, const pb::OperateTaskRequest& request,
                 pb::OperateTaskResponse* response);

// status_requests.cc
void QueryStatus(const RequestContext& context, const pb::QueryStatusListRequest& request,
                 pb::QueryStatusListResponse* response);

// operation_requests.cc
void HandleError(const RequestContext& context, const pb::HandleErrorRequest& request,
                 pb::HandleErrorResponse* response);
void OperateSchema(const RequestContext& context, const pb::OperateSchemaRequest& request,
                   pb::OperateSchemaResponse* response);

// member_requests.cc
void ListMember(const RequestContext& context, const pb::ListMemberRequest& request,
                pb::ListMemberResponse* response);
void OfflineMember(const RequestContext& context, const pb::OfflineMemberRequest& request,
                   pb::OfflineMemberResponse* response);
void GetConfig(const RequestContext& context, const pb::GetCfgRequest& request,
               pb::GetCfgResponse* response);
void GetSubtaskConfigs(const RequestContext& context, const pb::GetSubTaskCfgRequest& request,
                       pb::GetSubTaskCfgResponse* response);
void ListTaskConfigs(const RequestContext& context, const google::protobuf::Empty& request,
                     pb::ListTaskConfigsResponse* response);
void ListSourceConfigs(const RequestContext& context, const google::protobuf::Empty& request,
                       pb::ListSourceConfigsResponse* response);

// Calls `work` for 0..count-1 from up to 64 threads and waits for all. `work` must not throw.
void ForEach(size_t count, const std::function<void(size_t)>& work);

// Confirms all expectations at once (worker and what is expected of it), sorted by source.
struct Pending {
  std::string worker;
  Expectation expected;
};
std::vector<pb::CommonWorkerResponse> ConfirmAll(const RequestContext& context,
                                                 std::vector<Pending> pending);

}  // namespace dm::master
