// Sessions as the server sees them, to end those whose connection was cut off.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "mysql/client/connection.h"

namespace dm::mysql {

struct ServerThread {
  uint64_t id = 0;
  std::string user;  // both empty if the server does not tell
  std::string host;  // of the client, with its port
};

// That of an open connection. Throws the error of a connection that breaks, Cancelled.
ServerThread ThreadOf(Connection& db, const StopToken& stop);

// Ends sessions, and with them the statements that the server still runs for connections that were
// cut off: it would execute to its end the text that it has, COMMIT included. Nothing that is not
// one of `threads` in number, account and client address is ended: another server may answer by
// now. Uses a connection of its own with `options`, whose timeouts are short here. Waits until they
// have gone, and ends no more when `limit` is over; false if some have not gone then. Throws the
// errors of its connection; Cancelled when `stop` stops.
bool EndThreads(ConnectOptions options, const std::vector<ServerThread>& threads,
                Milliseconds limit, const StopToken& stop);

}  // namespace dm::mysql
