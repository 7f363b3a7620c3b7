// A small HTTP client for the cluster's own endpoints.
#pragma once

#include <optional>
#include <string>

#include "base/thread/stop.h"
#include "cluster/rpc/one_port.h"

namespace dm::cluster {

// GET `path` of `endpoint`, which is "unix:/path", "host:port" or "http://host:port". nullopt if no
// complete answer came within `timeout`.
std::optional<HttpResponse> HttpGet(const std::string& endpoint, const std::string& path,
                                    Milliseconds timeout);

}  // namespace dm::cluster
