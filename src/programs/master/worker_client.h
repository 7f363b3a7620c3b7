// Calls to one dm-worker.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/net/tls.h"
#include "base/thread/stop.h"

namespace pb {
class CheckSubtasksCanUpdateRequest;
class CheckSubtasksCanUpdateResponse;
class CommonWorkerResponse;
class GetFreeSpaceRequest;
class GetFreeSpaceResponse;
class GetWorkerCfgResponse;
class HandleWorkerErrorRequest;
class OperateWorkerSchemaRequest;
class QueryStatusResponse;
}  // namespace pb

namespace dm::master {

// A channel to one worker; connects at the first call and again after failures. Thread-safe.
class WorkerClient {
 public:
  WorkerClient(const std::string& address, const TlsOptions& tls);
  ~WorkerClient();

  // Each call ends at `timeout`, or soon after `cancelled` returns true. Throw Error 38008 for any
  // failure of the call.
  using IsCancelled = std::function<bool()>;
  void QueryStatus(const std::string& task, Milliseconds timeout, const IsCancelled& cancelled,
                   pb::QueryStatusResponse* response);
  void GetConfig(Milliseconds timeout, const IsCancelled& cancelled,
                 pb::GetWorkerCfgResponse* response);
  void HandleError(const pb::HandleWorkerErrorRequest& request, Milliseconds timeout,
                   const IsCancelled& cancelled, pb::CommonWorkerResponse* response);
  void OperateSchema(const pb::OperateWorkerSchemaRequest& request, Milliseconds timeout,
                     const IsCancelled& cancelled, pb::CommonWorkerResponse* response);
  void CheckSubtasksCanUpdate(const pb::CheckSubtasksCanUpdateRequest& request,
                              Milliseconds timeout, const IsCancelled& cancelled,
                              pb::CheckSubtasksCanUpdateResponse* response);
  void GetFreeSpace(const pb::GetFreeSpaceRequest& request, Milliseconds timeout,
                    const IsCancelled& cancelled, pb::GetFreeSpaceResponse* response);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dm::master
