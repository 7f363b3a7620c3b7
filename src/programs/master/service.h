// The gRPC service pb.Master.
#pragma once

#include <memory>
#include <string>

#include "base/thread/stop.h"
#include "cluster/etcd/client.h"
#include "programs/master/config.h"
#include "programs/master/leader.h"

namespace grpc {
class Service;
}

namespace dm::master {

// Answers requests by the current leader's scheduler. Failures of an operation are answers with
// result=false; only "nobody leads" is a gRPC error. What this version does not do answers error
// 38059.
class MasterService {
 public:
  // All references outlive the service. `stop`: the process is ending, blocked requests return.
  MasterService(const Config& config, Leader& leader, cluster::EtcdClient& etcd, StopToken stop);
  ~MasterService();
  MasterService(const MasterService&) = delete;
  MasterService& operator=(const MasterService&) = delete;

  grpc::Service* service() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dm::master
