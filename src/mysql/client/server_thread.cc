#include "mysql/client/server_thread.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log/log.h"

namespace dm::mysql {

namespace {

constexpr Milliseconds kTimeout{3000};
constexpr Milliseconds kLookAgain{20};

// Those of `threads` that the server still has.
std::vector<ServerThread> StillThere(Connection& db, const std::vector<ServerThread>& threads,
                                     const StopToken& stop) {
  const ResultSet running =
      db.Query("SELECT ID, USER, HOST FROM information_schema.PROCESSLIST", stop);
  std::vector<ServerThread> there;
  for (const ServerThread& thread : threads) {
    if (thread.host.empty()) continue;
    const std::string id = std::to_string(thread.id);
    if (std::any_of(running.rows.begin(), running.rows.end(), [&](const auto& row) {
          return row[0] == id && row[1] == thread.user && row[2] == thread.host;
        })) {
      there.push_back(thread);
    }
  }
  return there;
}

}  // namespace

ServerThread ThreadOf(Connection& db, const StopToken& stop) {
  ServerThread thread;
  thread.id = db.server().connection_id;
  try {
    const ResultSet answer =
        db.Query(fmt::format("SELECT USER, HOST FROM information_schema.PROCESSLIST WHERE ID = {}",
                             thread.id),
                 stop);
    if (!answer.rows.empty()) {
      thread.user = answer.rows[0][0].value_or("");
      thread.host = answer.rows[0][1].value_or("");
    }
  } catch (const Error& e) {
    if (db.broken()) throw;
    Log().Info("the server does not show its threads", {F("error", e)});
  }
  return thread;
}

bool EndThreads(ConnectOptions options, const std::vector<ServerThread>& threads,
                Milliseconds limit, const StopToken& stop) {
  options.connect_timeout = kTimeout;
  options.read_timeout = kTimeout;
  const auto until = SteadyClock::now() + limit;
  const auto db = Connection::Connect(options, stop);
  std::vector<ServerThread> there = StillThere(*db, threads, stop);
  for (const ServerThread& thread : there) {
    if (SteadyClock::now() >= until) return false;
    try {
      db->Execute(fmt::format("KILL {}", thread.id), stop);
    } catch (const Error& e) {
      if (db->broken()) throw;  // else: it has already ended
    }
  }
  while (!(there = StillThere(*db, there, stop)).empty()) {
    if (SteadyClock::now() >= until) return false;
    WaitFor(kLookAgain, stop);
  }
  return true;
}

}  // namespace dm::mysql
