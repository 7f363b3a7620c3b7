// What the leader asks of databases before it registers a source or starts a task.
#pragma once

#include <memory>
#include <string>

#include "base/thread/stop.h"
#include "migration/config/source.h"
#include "migration/config/task.h"
#include "mysql/client/connection.h"

namespace dm::master {

// Brings a parsed source into the form that is stored: adjusted, with flavor and server id filled
// in from the database, verified. Database work is limited to 30 s. Throws Error: 10001 (upstream)
// if it cannot be reached, 11010, 11015, 26007, and what VerifySource throws.
void PrepareSource(migration::SourceConfig& source, const migration::PasswordCipher& cipher,
                   const StopToken& stop);

// How long an answer of a database may take.
inline constexpr Milliseconds kDatabaseLimit{30'000};

// Connects, with a read limit of 30 s. Throws Error 10001.
std::unique_ptr<mysql::Connection> OpenUpstream(const migration::DbConfig& from,
                                                const StopToken& stop);
// `read_limit` 0: none; for what takes as long as the tables are large.
std::unique_ptr<mysql::Connection> OpenDownstream(const migration::DbConfig& to,
                                                  const StopToken& stop,
                                                  Milliseconds read_limit = kDatabaseLimit);

// Where the source's binlog stands now. Throws Error 11125 if it writes none, 20071 if it stands
// beyond 4 GiB, where no task can begin.
migration::BinlogMeta CurrentPosition(const migration::SourceConfig& source, const StopToken& stop);

}  // namespace dm::master
