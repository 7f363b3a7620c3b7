// Operations on the sync units of a task, passed on to the workers that run them.
#include <set>

#include "base/error/error.h"
#include "dmmaster.pb.h"
#include "programs/master/requests.h"

namespace dm::master {
namespace {

// Asks the worker of each source at the same time; answers in the order of the sources. `ask`
// calls the worker with its client.
template <class Response, class Ask>
void AskAll(const RequestContext& context, const std::set<std::string>& sources, Response* response,
            const Ask& ask) {
  const std::vector<std::string> ordered(sources.begin(), sources.end());
  std::vector<pb::CommonWorkerResponse> answers(ordered.size());
  ForEach(ordered.size(), [&](size_t i) {
    const std::string& source = ordered[i];
    pb::CommonWorkerResponse& answer = answers[i];
    try {
      const std::string worker = context.scheduler->WorkerOf(source);
      const auto client = worker.empty() ? nullptr : context.scheduler->ClientOf(worker);
      if (client) {
        ask(*client, source, &answer);
      } else {
        answer.set_msg("source " + source + " relevant worker-client not found");
      }
    } catch (const Error& e) {
      answer.Clear();
      answer.set_msg(e.ToString());
    }
    answer.set_source(source);
  });
  for (auto& answer : answers) *response->add_sources() = std::move(answer);
  response->set_result(true);
}

}  // namespace

void HandleError(const RequestContext& context, const pb::HandleErrorRequest& request,
                 pb::HandleErrorResponse* response) {
  std::set<std::string> sources(request.sources().begin(), request.sources().end());
  if (sources.empty()) {
    for (const auto& [source, config] : context.scheduler->SubtasksOf(request.task())) {
      sources.insert(source);
    }
  }
  if (sources.empty()) {
    response->set_msg(
        fmt::format("task {} has no source or not exist, please check the task name and status",
                    request.task()));
    return;
  }
  pb::HandleWorkerErrorRequest asked;
  asked.set_op(request.op());
  asked.set_task(request.task());
  asked.set_binlogpos(request.binlogpos());
  *asked.mutable_sqls() = request.sqls();
  AskAll(context, sources, response,
         [&](WorkerClient& client, const std::string&, pb::CommonWorkerResponse* answer) {
           client.HandleError(asked, context.config.RpcTimeout(), context.gone, answer);
         });
}

void OperateSchema(const RequestContext& context, const pb::OperateSchemaRequest& request,
                   pb::OperateSchemaResponse* response) {
  const std::set<std::string> sources(request.sources().begin(), request.sources().end());
  if (sources.empty()) {
    response->set_msg("must specify at least one source");
    return;
  }
  AskAll(context, sources, response,
         [&](WorkerClient& client, const std::string& source, pb::CommonWorkerResponse* answer) {
           pb::OperateWorkerSchemaRequest asked;
           asked.set_op(request.op());
           asked.set_task(request.task());
           asked.set_source(source);
           asked.set_database(request.database());
           asked.set_table(request.table());
           asked.set_schema(request.schema());
           asked.set_flush(request.flush());
           asked.set_sync(request.sync());
           asked.set_fromsource(request.fromsource());
           asked.set_fromtarget(request.fromtarget());
           client.OperateSchema(asked, context.config.RpcTimeout(), context.gone, answer);
         });
}

}  // namespace dm::master
