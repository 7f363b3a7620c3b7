// Reading parts of the upstream's binlog beside the stream.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error/error.h"
#include "base/thread/stop.h"
#include "migration/sync/session.h"
#include "mysql/binlog/event_source.h"
#include "mysql/client/connection.h"
#include "mysql/position/location.h"

namespace dm::migration {

// Reads from one place to the log's end (mysql::EndOfLog) without waiting there. Throws Error,
// Cancelled.
std::unique_ptr<mysql::NetworkEventSource> OpenScan(const mysql::BinlogPosition& from,
                                                    const mysql::ConnectOptions& connection,
                                                    mysql::Flavor flavor,
                                                    mysql::Connection& upstream,
                                                    const StopToken& stop);
std::unique_ptr<mysql::NetworkEventSource> OpenScan(const mysql::BinlogPosition& from,
                                                    const Sessions& sessions,
                                                    mysql::Connection& upstream,
                                                    const StopToken& stop);

// Does the error of a dump say that the server has not got what was asked for?
bool IsGone(const Error& error);
// The error of a task that cannot go on behind `place` for that reason.
Error NotUpstream(const mysql::Location& place, const Error& error);

// The first event of a transaction, with its GTID or without one.
bool IsGtidEvent(mysql::EventType type);

// Names of the upstream's binlog files, the oldest first.
std::vector<std::string> BinaryLogs(mysql::Connection& upstream, const StopToken& stop);

}  // namespace dm::migration
