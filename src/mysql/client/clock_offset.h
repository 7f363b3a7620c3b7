// How a server's clock differs from ours.
#pragma once

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::mysql {

// This machine's clock minus the server's, as exact as half of a round trip. Throws Error 10005,
// 10003, Cancelled.
Milliseconds ReadClockOffset(Connection& connection, const StopToken& stop);

}  // namespace dm::mysql
