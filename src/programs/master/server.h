// The dm-master process: etcd child, public port, election, and their order at start and end.
#pragma once

#include <memory>

#include "base/thread/stop.h"
#include "programs/master/config.h"

namespace dm::master {

class Server {
 public:
  explicit Server(Config config);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Starts everything, serves until `stop`, then ends everything in order: leadership first, then
  // the public port, then etcd. Throws Error if the start failed, or 38038 if etcd ended by itself
  // while it was serving; Cancelled if the stop came before the start had finished. Called once.
  void Run(const StopToken& stop);

  // The start had succeeded when Run threw.
  bool served() const { return served_; }
  // etcd ended because this member was removed from the cluster.
  bool removed_from_cluster() const { return removed_; }

 private:
  class Running;
  const Config config_;
  bool served_ = false;
  bool removed_ = false;
};

}  // namespace dm::master
