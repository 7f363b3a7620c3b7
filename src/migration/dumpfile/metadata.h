// The `metadata` file of a dump: where the upstream's binlog stood.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/position/location.h"

namespace dm::migration {

// A position as a server gave it. The GTID text is kept as it came (it may hold line breaks).
struct DumpPosition {
  std::string file;
  uint64_t offset = 0;
  std::string gtid_text;
  bool operator==(const DumpPosition&) const = default;
};

// A position block of a replica; informational.
struct DumpReplicaPosition {
  std::string connection_name;
  std::string host;
  std::string file;
  std::string offset;
  std::string gtid_text;
};

// Everything that is written into `metadata`. Times are texts of the worker's local clock.
struct DumpRecord {
  std::string started_at;
  std::string finished_at;
  bool binary_log_status = false;  // the server's word is SHOW BINARY LOG STATUS
  // Absent: the server gave no position. Its blank line is written all the same.
  std::optional<DumpPosition> start;
  std::vector<DumpReplicaPosition> replicas;
  bool has_exit = false;  // a dump without consistency
  std::optional<DumpPosition> exit;
  // Lines of ours, which other readers pass over; not written if empty.
  std::string id;          // random
  std::string started_by;  // task, source and which start of the task
  std::string time_zone;   // in which TIMESTAMPs are written
  std::string sql_mode;    // global, of the upstream
};
std::string FormatDumpMetadata(const DumpRecord& record);

// What `metadata` tells a reader. `start` is the snapshot's position; `exit`, present after dumps
// without consistency, is where safe mode may end.
struct DumpMetadata {
  DumpPosition start;
  std::optional<DumpPosition> exit;
  // Of which dump this is; made from the text where it names none.
  std::string id;
  std::string started_by;  // empty: unknown
  std::optional<std::string> time_zone;
  std::optional<std::string> sql_mode;
};

// Throws Error kParseMydumperMeta if `text` is malformed, kMetadataNoBinlogLoc if the first block
// has no file or position.
DumpMetadata ParseDumpMetadata(std::string_view text);

// As ParseDumpMetadata, without a position being needed: `start` may be empty.
DumpMetadata ParseDumpFacts(std::string_view text);

// Reads `metadata` in the dump directory `dir`. Throws as ParseDumpMetadata, and Error
// kParseMydumperMeta with "not found" in the cause if there is no such file.
DumpMetadata ReadDumpMetadata(const std::string& dir);

// Position and set (flavor guessed from the text; empty text: the empty set).
// Throws Error kParseGTID.
mysql::Location ToLocation(const DumpPosition& position);

}  // namespace dm::migration
