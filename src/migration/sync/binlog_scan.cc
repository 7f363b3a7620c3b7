#include "migration/sync/binlog_scan.h"

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
