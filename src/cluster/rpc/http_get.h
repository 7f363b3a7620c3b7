// A small HTTP client for the cluster's own endpoints.
#pragma once

#include <optional>
#include <string>

#include "base/net/tls.h"
#include "base/thread/stop.h"
#include "cluster/rpc/one_port.h"

namespace dm::cluster {

// GET `path` of `endpoint`, which is "unix:/path", "host:port", "http://host:port" or
// "https://host:port" (TLS by `tls`). nullopt if no complete answer came within `timeout`.
std::optional<HttpResponse> HttpGet(const std::string& endpoint, const std::string& path,
                                    Milliseconds timeout, const TlsOptions& tls = {});

}  // namespace dm::cluster
