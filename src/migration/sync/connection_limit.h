// A `worker-count` that the downstream has not enough connections for.
#pragma once

#include <cstdint>

#include "base/error/error.h"
#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// Throws Error kDBDriverError, before thousands of connections are tried, if the server of
// `connection` allows fewer than the unit needs.
void CheckConnectionLimit(mysql::Connection& connection, int64_t worker_count,
                          const StopToken& stop);

// The failure to open one more connection after `opened` workers; if it is for their number, it
// says so.
Error WithConnectionLimit(const Error& e, int64_t worker_count, size_t opened);

}  // namespace dm::migration
