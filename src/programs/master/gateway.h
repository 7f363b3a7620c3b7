// The JSON form of pb.Master under /apis/v1alpha1.
#pragma once

#include <memory>
#include <string>

#include "base/net/tls.h"
#include "base/thread/stop.h"
#include "cluster/rpc/one_port.h"

namespace dm::master {

// Translates HTTP requests to calls of a dm-master (its own: a follower passes them on). Answers
// have status 200 also when they say `result: false`; what fails as a call has the status that
// belongs to its code. Thread-safe.
class Gateway {
 public:
  // `address`: "host:port" of the dm-master, reached by `tls`. `stop`: calls under way are given
  // up.
  Gateway(const std::string& address, const TlsOptions& tls, StopToken stop);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // For paths that start with /apis/; blocks as long as the request takes, for 10 minutes at most,
  // and not longer than the client waits.
  cluster::HttpResponse Answer(const cluster::HttpRequest& request) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dm::master
