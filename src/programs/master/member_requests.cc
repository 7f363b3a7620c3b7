#include <algorithm>
#include <set>

#include "base/error/error.h"
#include "cluster/rpc/http_get.h"
#include "dmmaster.pb.h"
#include "dmworker.pb.h"
#include "migration/config/render.h"
#include "programs/master/election.h"
#include "programs/master/requests.h"

namespace dm::master {
namespace {

constexpr Milliseconds kHealthLimit{1'000};

// Does etcd of this member say that it is well? Without a leader, or without space, it does not.
bool IsHealthy(const std::optional<cluster::HttpResponse>& answer) {
  return answer && answer->status == 200 &&
         answer->body.find(R"("health":"true")") != std::string::npos;
}

void AddLeader(const RequestContext& context, const std::set<std::string>& names,
               pb::ListMemberResponse* response) {
  auto* leader = response->add_members()->mutable_leader();
  try {
    const cluster::LeaderRecord record = ReadLeader(context.etcd, context.stop);
    if (!names.empty() && !names.contains(record.id)) return;
    leader->set_name(record.id);
    leader->set_addr(record.addr);
  } catch (const Error& e) {
    leader->set_msg(e.ToString());
  }
}

void AddMasters(const RequestContext& context, const std::set<std::string>& names,
                pb::ListMemberResponse* response) {
  auto* list = response->add_members()->mutable_master();
  try {
    std::vector<cluster::EtcdMember> members = context.etcd.MemberList(context.stop);
    std::sort(members.begin(), members.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    for (const cluster::EtcdMember& member : members) {
      if (!names.empty() && !names.contains(member.name)) continue;
      auto* master = list->add_masters();
      master->set_name(member.name);
      master->set_memberid(member.id);
      master->set_alive(!member.client_urls.empty() &&
                        IsHealthy(cluster::HttpGet(member.client_urls.front(), "/health",
                                                   kHealthLimit, context.config.tls_options)));
      for (const std::string& url : member.peer_urls) master->add_peerurls(url);
      for (const std::string& url : member.client_urls) master->add_clienturls(url);
    }
  } catch (const Error& e) {
    list->set_msg(e.ToString());
  }
}

void AddWorkers(const RequestContext& context, const std::set<std::string>& names,
                pb::ListMemberResponse* response) {
  auto* list = response->add_members()->mutable_worker();
  try {
    for (const WorkerPlace& place : context.scheduler->Workers()) {
      if (!names.empty() && !names.contains(place.info.name)) continue;
      auto* worker = list->add_workers();
      worker->set_name(place.info.name);
      worker->set_addr(place.info.address);
      worker->set_stage(std::string(ToString(place.stage)));
      worker->set_source(place.source);
    }
  } catch (const Error& e) {
    list->set_msg(e.ToString());
  }
}

void OfflineMaster(const RequestContext& context, const std::string& name) {
  const std::vector<cluster::EtcdMember> members = context.etcd.MemberList(context.stop);
  const auto member = std::find_if(members.begin(), members.end(),
                                   [&](const auto& each) { return each.name == name; });
  if (member == members.end()) throw MakeError(ErrorCode::kMasterMasterNameNotExist, name);
  // Without its campaign key, which a crashed member leaves for as long as its lease, another one
  // leads at once. The last member stays, as etcd is to say, and goes on leading.
  if (members.size() > 1) DeleteCampaignKeys(context.etcd, name, context.stop);
  context.etcd.MemberRemove(member->id, context.stop);
}

void NotFound(std::string_view what, pb::GetCfgResponse* response) {
  response->set_msg(std::string(what) + " not found");
}

}  // namespace

void ListMember(const RequestContext& context, const pb::ListMemberRequest& request,
                pb::ListMemberResponse* response) {
  const bool all = !request.leader() && !request.master() && !request.worker();
  const std::set<std::string> names(request.names().begin(), request.names().end());
  if (all || request.leader()) AddLeader(context, names, response);
  if (all || request.master()) AddMasters(context, names, response);
  if (all || request.worker()) AddWorkers(context, names, response);
  response->set_result(true);
}

void OfflineMember(const RequestContext& context, const pb::OfflineMemberRequest& request,
                   pb::OfflineMemberResponse* response) {
  if (request.type() == "worker") {
    context.scheduler->RemoveWorker(request.name());
  } else if (request.type() == "master") {
    OfflineMaster(context, request.name());
  } else {
    throw MakeError(ErrorCode::kMasterInvalidOfflineType, request.type());
  }
  response->set_result(true);
}

void GetConfig(const RequestContext& context, const pb::GetCfgRequest& request,
               pb::GetCfgResponse* response) {
  const std::string& name = request.name();
  switch (request.type()) {
    case pb::TaskType: {
      std::vector<migration::SubtaskConfig> subtasks;
      for (auto& [source, subtask] : context.scheduler->SubtasksOf(name)) {
        subtasks.push_back(subtask);
      }
      if (subtasks.empty()) return NotFound("task", response);
      response->set_cfg(migration::TaskToYaml(migration::SubtasksToTask(std::move(subtasks)),
                                              migration::Passwords::kHidden));
      break;
    }
    case pb::SourceType: {
      const auto sources = context.scheduler->Sources();
      auto source = sources.find(name);
      if (source == sources.end()) return NotFound("source", response);
      response->set_cfg(migration::SourceToYaml(source->second, migration::Passwords::kHidden));
      break;
    }
    case pb::MasterType:
      if (name != context.config.name) return NotFound("master", response);
      response->set_cfg(context.config.ToToml());
      break;
    case pb::WorkerType: {
      const auto client = context.scheduler->ClientOf(name);
      if (!client) return NotFound("worker", response);
      pb::GetWorkerCfgResponse answer;
      client->GetConfig(context.config.RpcTimeout(), context.gone, &answer);
      response->set_cfg(answer.cfg());
      break;
    }
    default:
      throw MakeError(ErrorCode::kMasterNotSupported,
                      "config of type " + pb::CfgType_Name(request.type()));
  }
  response->set_result(true);
}

void GetSubtaskConfigs(const RequestContext& context, const pb::GetSubTaskCfgRequest& request,
                       pb::GetSubTaskCfgResponse* response) {
  const auto subtasks = context.scheduler->SubtasksOf(request.name());
  if (subtasks.empty()) {
    response->set_msg("task not found");
    return;
  }
  for (const auto& [source, subtask] : subtasks) {
    response->add_cfgs(migration::SubtaskToShownToml(subtask));
  }
  response->set_result(true);
}

void ListTaskConfigs(const RequestContext& context, const google::protobuf::Empty&,
                     pb::ListTaskConfigsResponse* response) {
  for (const auto& [task, sources] : context.scheduler->Tasks()) {
    std::vector<migration::SubtaskConfig> subtasks;
    for (auto& [source, subtask] : context.scheduler->SubtasksOf(task)) {
      subtasks.push_back(subtask);
    }
    if (subtasks.empty()) continue;
    (*response->mutable_taskconfigs())[task] =
        migration::TaskToExportYaml(migration::SubtasksToTask(std::move(subtasks)), context.cipher);
  }
  response->set_result(true);
}

void ListSourceConfigs(const RequestContext& context, const google::protobuf::Empty&,
                       pb::ListSourceConfigsResponse* response) {
  for (const auto& [id, source] : context.scheduler->Sources()) {
    (*response->mutable_sourceconfigs())[id] =
        migration::SourceToExportYaml(source, context.cipher);
  }
  response->set_result(true);
}

}  // namespace dm::master
