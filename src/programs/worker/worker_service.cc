#include "programs/worker/worker_service.h"

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <thread>

#include "base/error/error.h"
#include "cluster/rpc/convert.h"
#include "cluster/rpc/print_json.h"
#include "dmworker.grpc.pb.h"
#include "migration/storage/local_directory.h"
#include "programs/worker/server.h"

namespace dm::worker {
namespace {

constexpr Milliseconds kUpstreamLimit{5000};
constexpr Milliseconds kGonePoll{100};

Error NotSupported(std::string_view call) {
  return Error(ErrorCode::kWorkerNotSupported, fmt::format("{} is not supported yet", call));
}

Error NoSource() {
  return Error(ErrorCode::kWorkerNoStart, "no mysql source is being handled in the worker");
}

template <class Response>
void Refuse(std::string_view call, Response* response) {
  response->set_result(false);
  response->set_msg(NotSupported(call).ToString());
}

class WorkerService final : public pb::Worker::Service {
 public:
  explicit WorkerService(Server& server) : server_(server) {}

  grpc::Status QueryStatus(grpc::ServerContext*, const pb::QueryStatusRequest* request,
                           pb::QueryStatusResponse* response) override {
    const Server::SourceView view = server_.View();
    pb::SourceStatus* source = response->mutable_sourcestatus();
    source->set_worker(server_.name());
    if (!view.source_worker) {
      source->set_source(view.source_id);
      if (view.error) {
        cluster::ToProcessError(*view.error, source->mutable_result()->add_errors());
      }
      response->set_result(false);
      response->set_msg(NoSource().ToString());
      return grpc::Status::OK;
    }
    SourceWorker& worker = *view.source_worker;
    response->set_result(true);
    source->set_source(worker.source_id());
    if (view.error) {
      cluster::ToProcessError(*view.error, source->mutable_result()->add_errors());
    }
    if (const auto error = worker.upstream().Refresh(kUpstreamLimit)) {
      cluster::ToProcessError(*error, source->mutable_result()->add_errors());
    }
    if (!worker.HasSubtasks()) {
      response->set_msg("no sub task started");
      return grpc::Status::OK;
    }
    worker.LogProgress(request->name());
    const auto statuses = worker.Statuses(request->name());
    if (statuses.empty()) {
      pb::SubTaskStatus* status = response->add_subtaskstatus();
      status->set_name(request->name());
      status->set_msg(fmt::format("no sub task with name {} has started", request->name()));
    }
    for (const auto& status : statuses) Fill(status, response->add_subtaskstatus());
    return grpc::Status::OK;
  }

  grpc::Status GetWorkerCfg(grpc::ServerContext*, const pb::GetWorkerCfgRequest*,
                            pb::GetWorkerCfgResponse* response) override {
    response->set_cfg(server_.config().ToToml());
    return grpc::Status::OK;
  }

  grpc::Status PurgeRelay(grpc::ServerContext*, const pb::PurgeRelayRequest*,
                          pb::CommonWorkerResponse* response) override {
    Refuse("purge-relay", response);
    return grpc::Status::OK;
  }
  grpc::Status OperateSchema(grpc::ServerContext* context,
                             const pb::OperateWorkerSchemaRequest* request,
                             pb::CommonWorkerResponse* response) override {
    return Operate(context, response, [&](SourceWorker& worker, const StopToken& stop) {
      migration::SchemaRequest asked;
      if (!pb::SchemaOp_IsValid(request->op()) || request->op() == pb::InvalidSchemaOp) {
        throw Error(
            ErrorCode::kWorkerNotSupported,
            fmt::format("operation {} on a schema is unknown", static_cast<int>(request->op())));
      }
      asked.kind = static_cast<migration::SchemaRequestKind>(request->op());
      asked.database = request->database();
      asked.table = request->table();
      asked.statement = request->schema();
      asked.from_source = request->fromsource();
      asked.from_target = request->fromtarget();
      asked.sync = request->sync();
      return worker.OperateOnSchema(request->task(), request->source(), asked, stop);
    });
  }
  grpc::Status OperateV1Meta(grpc::ServerContext*, const pb::OperateV1MetaRequest*,
                             pb::OperateV1MetaResponse* response) override {
    Refuse("metadata of version 1", response);
    return grpc::Status::OK;
  }
  grpc::Status HandleError(grpc::ServerContext* context,
                           const pb::HandleWorkerErrorRequest* request,
                           pb::CommonWorkerResponse* response) override {
    return Operate(context, response, [&](SourceWorker& worker, const StopToken& stop) {
      if (!pb::ErrorOp_IsValid(request->op()) || request->op() == pb::InvalidErrorOp) {
        throw Error(ErrorCode::kWorkerNotSupported,
                    fmt::format("operation {} on a broken statement is unknown",
                                static_cast<int>(request->op())));
      }
      return worker.OperateOnStatement({static_cast<migration::StatementRequestKind>(request->op()),
                                        request->task(),
                                        request->binlogpos(),
                                        {request->sqls().begin(), request->sqls().end()}},
                                       stop);
    });
  }
  grpc::Status CheckSubtasksCanUpdate(grpc::ServerContext*,
                                      const pb::CheckSubtasksCanUpdateRequest* request,
                                      pb::CheckSubtasksCanUpdateResponse* response) override {
    try {
      const auto worker = server_.View().source_worker;
      if (!worker) throw NoSource();
      worker->CheckUpdate(request->subtaskcfgtomlstring());
      response->set_success(true);
    } catch (const std::exception& e) {
      response->set_msg(ErrorText(e));
    }
    return grpc::Status::OK;
  }
  grpc::Status GetFreeSpace(grpc::ServerContext*, const pb::GetFreeSpaceRequest* request,
                            pb::GetFreeSpaceResponse* response) override {
    try {
      response->set_bytes(migration::FreeBytesFor(request->dir()));
      response->set_dir(std::filesystem::absolute(request->dir()).lexically_normal().string());
    } catch (const std::exception& e) {
      return {grpc::StatusCode::UNKNOWN, ErrorText(e)};
    }
    cluster::RepairUtf8(*response);
    return grpc::Status::OK;
  }
  grpc::Status GetWorkerValidatorStatus(grpc::ServerContext*, const pb::GetValidationStatusRequest*,
                                        pb::GetValidationStatusResponse* response) override {
    Refuse("validation", response);
    return grpc::Status::OK;
  }
  grpc::Status GetValidatorError(grpc::ServerContext*, const pb::GetValidationErrorRequest*,
                                 pb::GetValidationErrorResponse* response) override {
    Refuse("validation", response);
    return grpc::Status::OK;
  }
  grpc::Status OperateValidatorError(grpc::ServerContext*, const pb::OperateValidationErrorRequest*,
                                     pb::OperateValidationErrorResponse* response) override {
    Refuse("validation", response);
    return grpc::Status::OK;
  }
  grpc::Status UpdateValidator(grpc::ServerContext*, const pb::UpdateValidationWorkerRequest*,
                               pb::CommonWorkerResponse* response) override {
    Refuse("validation", response);
    return grpc::Status::OK;
  }

 private:
  // Answers with what `operation` returns, or why it failed. Ends when the caller has gone.
  template <class Operation>
  grpc::Status Operate(grpc::ServerContext* context, pb::CommonWorkerResponse* response,
                       Operation operation) {
    StopSource gone;
    // gRPC's synchronous server only answers the question, so a thread asks.
    std::jthread watch([&](const StopToken& done) {
      try {
        while (!context->IsCancelled()) WaitFor(kGonePoll, done);
        gone.request_stop();
      } catch (const Cancelled&) {
        // The operation is done.
      }
    });
    try {
      const auto worker = server_.View().source_worker;
      if (!worker) throw NoSource();
      response->set_msg(operation(*worker, gone.get_token()));
      response->set_source(worker->source_id());
      response->set_worker(server_.name());
      response->set_result(true);
    } catch (const std::exception& e) {
      response->set_msg(ErrorText(e));
    }
    cluster::RepairUtf8(*response);
    return grpc::Status::OK;
  }

  static void Fill(const migration::SubtaskStatus& status, pb::SubTaskStatus* out) {
    out->set_name(status.name);
    out->set_stage(static_cast<pb::Stage>(status.stage));
    out->set_unit(static_cast<pb::UnitType>(status.unit));
    if (status.result) cluster::ToProcessResult(*status.result, out->mutable_result());
    cluster::SetUnitStatus(status.unit_status, out);
  }

  Server& server_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeWorkerService(Server& server) {
  return std::make_unique<WorkerService>(server);
}

}  // namespace dm::worker
