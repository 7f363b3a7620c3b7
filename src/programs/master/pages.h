// The HTTP pages of dm-master.
#pragma once

#include <string>

#include "cluster/rpc/one_port.h"

namespace dm::master {

// Answers /status, /metrics (this process's and its etcd's), /health and /version (of the etcd at
// `etcd_endpoint`); /api/v1, if `openapi` is switched on, is refused with status 501 and an error
// object; anything else is not found.
cluster::HttpResponse AnswerPage(const cluster::HttpRequest& request,
                                 const std::string& etcd_endpoint, bool openapi);

// `exposition` without the families that every process has (process_*, go_*, promhttp_*). Public
// for tests.
std::string WithoutProcessFamilies(const std::string& exposition);

}  // namespace dm::master
