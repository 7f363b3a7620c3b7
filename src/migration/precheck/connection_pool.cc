#include "migration/precheck/connection_pool.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error/error.h"
#include "base/log/log.h"
#include "migration/config/connect_options.h"

namespace dm::migration {
namespace {

constexpr Milliseconds kDatabaseLimit{30'000};
constexpr int kLockWaitSeconds = 20;  // below kDatabaseLimit: the server says what it waited for

}  // namespace

ConnectionPool::Lease::~Lease() {
  if (connection_ != nullptr) pool_->Return(std::move(connection_));
}

ConnectionPool::ConnectionPool(const DbConfig& db, ErrorScope scope, const StopToken& stop)
    : db_(db) {
  try {
    options_ = ToConnectOptions(db_, scope);
    options_.connect_timeout = kDatabaseLimit;
    options_.read_timeout = kDatabaseLimit;
    options_.write_timeout = kDatabaseLimit;
    auto connection = Open(stop);
    server_ = connection->server();
    open_ = 1;
    idle_.push_back(std::move(connection));
  } catch (const Error& e) {
    constexpr int kUnknownTimeZone = 1298;
    throw WrapError(ErrorCode::kTaskCheckFailedOpenDB, e,
                    fmt::format("{}:***@{}", db_.user, address()))
        .SetScope(scope)
        .SetServerErrno(e.server_errno())
        .SetWorkaround(
            e.server_errno() == kUnknownTimeZone
                ? e.workaround()
                : "Please check the database connection and the database config in configuration "
                  "file.");
  }
}

std::string ConnectionPool::address() const { return fmt::format("{}:{}", db_.host, db_.port); }

std::unique_ptr<mysql::Connection> ConnectionPool::Open(const StopToken& stop) const {
  auto connection = mysql::Connection::Connect(options_, stop);
  for (const std::string& statement :
       {std::string("SET SESSION sql_mode = ''"),
        std::string("SET SESSION sql_quote_show_create = 1"),
        fmt::format("SET SESSION lock_wait_timeout = {}", kLockWaitSeconds)}) {
    try {
      connection->Execute(statement, stop);
    } catch (const Error& e) {
      if (connection->broken()) throw;
      Log().Info("a session variable of the pre-check is not set",
                 {F("statement", statement), F("error", e)});
    }
  }
  return connection;
}

ConnectionPool::Lease ConnectionPool::Take(const StopToken& stop) {
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, stop, [&] { return !idle_.empty() || open_ < limit_; });
    ThrowIfStopped(stop);
    if (!idle_.empty()) {
      std::unique_ptr<mysql::Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      return Lease(this, std::move(connection));
    }
    ++open_;
  }
  try {
    return Lease(this, Open(stop));
  } catch (...) {
    {
      std::lock_guard lock(mutex_);
      --open_;
    }
    returned_.notify_one();
    throw;
  }
}

void ConnectionPool::Return(std::unique_ptr<mysql::Connection> connection) {
  {
    std::lock_guard lock(mutex_);
    if (connection->broken() || open_ > limit_) {
      --open_;
    } else {
      idle_.push_back(std::move(connection));
    }
  }
  // A connection that was not kept is closed here, without the lock.
  returned_.notify_one();
}

void ConnectionPool::SetLimit(size_t connections) {
  {
    std::lock_guard lock(mutex_);
    limit_ = std::max<size_t>(1, connections);
  }
  returned_.notify_all();
}

size_t ConnectionPool::open() const {
  std::lock_guard lock(mutex_);
  return open_;
}

}  // namespace dm::migration
