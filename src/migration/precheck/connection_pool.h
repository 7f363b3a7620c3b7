// Connections to one database for the items of a check.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/thread/stop.h"
#include "migration/config/database.h"
#include "mysql/client/connection.h"

namespace dm::migration {

// At most so many connections at a time; they are kept open for the next user. Their sessions have
// an empty sql_mode, so that names in answers are always in backticks, and wait 20 s at most for a
// lock. Thread-safe.
class ConnectionPool {
 public:
  // A connection of the pool; goes back to it at the end. One owner thread.
  class Lease {
   public:
    Lease(ConnectionPool* pool, std::unique_ptr<mysql::Connection> connection)
        : pool_(pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    mysql::Connection* operator->() const { return connection_.get(); }
    mysql::Connection& operator*() const { return *connection_; }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<mysql::Connection> connection_;
  };

  // Opens the first connection. Throws Error 26002 with the scope, whose text shows no password,
  // and Cancelled.
  ConnectionPool(const DbConfig& db, ErrorScope scope, const StopToken& stop);
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  // Waits while all connections are in use. Throws Error 10001, Cancelled.
  Lease Take(const StopToken& stop);
  // Enlarges or narrows the pool.
  void SetLimit(size_t connections);

  const mysql::ServerInfo& server() const { return server_; }
  // Connections that this pool has at the server now.
  size_t open() const;
  const DbConfig& database() const { return db_; }
  // "host:port".
  std::string address() const;
  const mysql::ConnectOptions& options() const { return options_; }

 private:
  std::unique_ptr<mysql::Connection> Open(const StopToken& stop) const;
  void Return(std::unique_ptr<mysql::Connection> connection);

  const DbConfig db_;
  mysql::ConnectOptions options_;
  mysql::ServerInfo server_;
  mutable std::mutex mutex_;
  std::condition_variable_any returned_;
  std::vector<std::unique_ptr<mysql::Connection>> idle_;
  size_t open_ = 0;
  size_t limit_ = 4;
};

}  // namespace dm::migration
