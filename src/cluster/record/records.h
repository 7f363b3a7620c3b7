// The values that master and worker keep in etcd.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "migration/subtask/stage.h"

namespace dm::cluster {

// Also the expected stage of a subtask, validator or relay.
using migration::Stage;
using migration::ToString;

struct WorkerInfo {
  std::string name;
  std::string address;
  bool operator==(const WorkerInfo&) const = default;
};

struct WorkerKeepAlive {
  std::string worker;
  std::string join_time;  // RFC 3339 with nanoseconds
  bool operator==(const WorkerKeepAlive&) const = default;
};

struct SourceBound {
  std::string source;  // empty in an event of a removal
  std::string worker;
  int64_t revision = 0;  // mod revision of the record; not stored
  bool operator==(const SourceBound&) const = default;
};

struct RelayAssignment {
  std::string worker;
  std::string source;  // empty in an event of a removal
  int64_t revision = 0;
  bool operator==(const RelayAssignment&) const = default;
};

struct RelayStage {
  std::string source;
  Stage expect = Stage::kInvalid;
  int64_t revision = 0;
  bool operator==(const RelayStage&) const = default;
};

// Used for subtasks and for validators.
struct SubtaskStage {
  std::string source;
  std::string task;
  Stage expect = Stage::kInvalid;  // kInvalid in an event of a removal
  int64_t revision = 0;
  bool operator==(const SubtaskStage&) const = default;
};

// Who holds the dump files of a task and source.
struct LoadTask {
  std::string task;
  std::string source;
  std::string worker;  // empty in an event of a removal
  bool operator==(const LoadTask&) const = default;
};

// One-shot arguments of start-task, kept per source until used.
struct CliArgs {
  std::string start_time;
  std::string safe_mode_duration;
  std::string wait_time_on_stop;
  bool operator==(const CliArgs&) const = default;
};

struct ClusterVersion {
  uint64_t internal_no = 0;
  std::string release_version;
  bool operator==(const ClusterVersion&) const = default;
};

// Value of a campaign key.
struct LeaderRecord {
  std::string id;    // the member's name
  std::string addr;  // its advertise address
  bool operator==(const LeaderRecord&) const = default;
};

// Values as stored: valid JSON also for texts that are not valid UTF-8 (each bad byte becomes
// U+FFFD). Decoding throws Error 42502 for anything else.
std::string Encode(const WorkerInfo& record);
std::string Encode(const WorkerKeepAlive& record);
std::string Encode(const SourceBound& record);
std::string Encode(const RelayStage& record);
std::string Encode(const SubtaskStage& record);
std::string EncodeLoadTaskWorker(std::string_view worker);
std::string Encode(const CliArgs& record);
std::string Encode(const ClusterVersion& record);
std::string Encode(const LeaderRecord& record);
// 8 bytes, big-endian.
std::string EncodeClusterId(uint64_t id);

WorkerInfo DecodeWorkerInfo(std::string_view value);
WorkerKeepAlive DecodeWorkerKeepAlive(std::string_view value);
// Of a worker whose name its key tells. Never throws: that the key is there is what matters; a
// value that cannot be read leaves the join time empty.
WorkerKeepAlive WorkerKeepAliveOf(std::string worker, std::string_view value);
SourceBound DecodeSourceBound(std::string_view value);
RelayStage DecodeRelayStage(std::string_view value);
SubtaskStage DecodeSubtaskStage(std::string_view value);
std::string DecodeLoadTaskWorker(std::string_view value);
CliArgs DecodeCliArgs(std::string_view value);
ClusterVersion DecodeClusterVersion(std::string_view value);
LeaderRecord DecodeLeaderRecord(std::string_view value);
// Throws Error 38057 if it is not 8 bytes.
uint64_t DecodeClusterId(std::string_view value);

// Now, as join times are written: RFC 3339, UTC, nanoseconds.
std::string JoinTimeNow();

}  // namespace dm::cluster
