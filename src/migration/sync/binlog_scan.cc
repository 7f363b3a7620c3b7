#include "migration/sync/binlog_scan.h"

#include <fmt/format.h>

namespace dm::migration {

std::unique_ptr<mysql::NetworkEventSource> OpenScan(const mysql::BinlogPosition& from,
                                                    const mysql::ConnectOptions& connection,
                                                    mysql::Flavor flavor,
                                                    mysql::Connection& upstream,
                                                    const StopToken& stop) {
  mysql::NetworkSourceOptions options;
  options.connection = connection;
  options.flavor = flavor;
  options.server_id = mysql::PickServerId(upstream, flavor, stop);
  options.non_blocking = true;
  auto source = mysql::NetworkEventSource::Connect(options, stop);
  source->StartAt(from, stop);
  return source;
}

std::unique_ptr<mysql::NetworkEventSource> OpenScan(const mysql::BinlogPosition& from,
                                                    const Sessions& sessions,
                                                    mysql::Connection& upstream,
                                                    const StopToken& stop) {
  return OpenScan(from, sessions.upstream, sessions.flavor, upstream, stop);
}

bool IsGone(const Error& error) {
  switch (mysql::ClassifyDumpError(error)) {
    case mysql::DumpRefusal::kPurged:
    case mysql::DumpRefusal::kBadPosition:
    case mysql::DumpRefusal::kUnknownGtid:
      return true;
    default:
      return false;
  }
}

Error NotUpstream(const mysql::Location& place, const Error& error) {
  return WithCause(Error(ErrorCode::kSyncerGetEvent,
                         fmt::format(
                             "get binlog event error: the upstream has not got what follows {}: {}",
                             place.ToString(), error.message())),
                   error)
      .SetScope(ErrorScope::kUpstream)
      .SetWorkaround(fmt::format(
          "What follows {} is missing. If another server behind the source's address has it, let "
          "the address lead there and resume. Else the changes are lost for this task: begin with "
          "a new full migration (`stop-task`, `start-task --remove-meta`), or make up for them by "
          "hand and begin at a place that the upstream has (`--start-time`).",
          place.GtidText().empty() ? place.position.ToString() : place.ToString()));
}

bool IsGtidEvent(mysql::EventType type) {
  using mysql::EventType;
  return type == EventType::kGtid || type == EventType::kAnonymousGtid ||
         type == EventType::kGtidTagged || type == EventType::kMariaDbGtid;
}

std::vector<std::string> BinaryLogs(mysql::Connection& upstream, const StopToken& stop) {
  std::vector<std::string> files;
  for (const auto& row : upstream.Query("SHOW BINARY LOGS", stop).rows) {
    files.push_back(row.at(0).value_or(""));
  }
  return files;
}

}  // namespace dm::migration
