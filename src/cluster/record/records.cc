#include "cluster/record/records.h"

#include <sys/time.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/error/error.h"
#include "base/io/encode.h"
#include "base/io/text.h"
#include "base/log/log.h"

namespace dm::cluster {
namespace {

using nlohmann::json;

// A JSON string as the records' other writers print it.
std::string Quote(std::string_view text) {
  std::string out;
  AppendJsonString(out, text, {.short_controls = false});
  return out;
}

Error BadValue(std::string_view value) { return MakeError(ErrorCode::kHAInvalidItem, value); }

// An object whose members may be missing, with their types checked.
class Reader {
 public:
  explicit Reader(std::string_view value) : value_(value) {
    json_ = json::parse(value, nullptr, /*allow_exceptions=*/false);
    if (!json_.is_object()) throw BadValue(value);
  }

  std::string Text(const char* name) const {
    auto it = json_.find(name);
    if (it == json_.end() || it->is_null()) return "";
    if (!it->is_string()) throw BadValue(value_);
    return it->get<std::string>();
  }

  int64_t Number(const char* name) const {
    auto it = json_.find(name);
    if (it == json_.end() || it->is_null()) return 0;
    if (!it->is_number_integer()) throw BadValue(value_);
    return it->get<int64_t>();
  }

  Stage ExpectedStage() const {
    const int64_t number = Number("expect");
    if (number < 0 || number > static_cast<int64_t>(Stage::kStopping)) throw BadValue(value_);
    return static_cast<Stage>(number);
  }

 private:
  std::string_view value_;
  json json_;
};

}  // namespace

std::string Encode(const WorkerInfo& record) {
  return fmt::format(R"({{"name":{},"addr":{}}})", Quote(record.name), Quote(record.address));
}

std::string Encode(const WorkerKeepAlive& record) {
  return fmt::format(R"({{"worker-name":{},"join-time":{}}})", Quote(record.worker),
                     Quote(record.join_time));
}

std::string Encode(const SourceBound& record) {
  return fmt::format(R"({{"source":{},"worker":{}}})", Quote(record.source), Quote(record.worker));
}

std::string Encode(const RelayStage& record) {
  return fmt::format(R"({{"expect":{},"source":{}}})", static_cast<int>(record.expect),
                     Quote(record.source));
}

std::string Encode(const SubtaskStage& record) {
  return fmt::format(R"({{"expect":{},"source":{},"task":{}}})", static_cast<int>(record.expect),
                     Quote(record.source), Quote(record.task));
}

std::string EncodeLoadTaskWorker(std::string_view worker) { return Quote(worker); }

std::string Encode(const CliArgs& record) {
  return fmt::format(R"({{"start_time":{},"safe_mode_duration":{},"wait_time_on_stop":{}}})",
                     Quote(record.start_time), Quote(record.safe_mode_duration),
                     Quote(record.wait_time_on_stop));
}

std::string Encode(const ClusterVersion& record) {
  return fmt::format(R"({{"internal-no":{},"release-ver":{}}})", record.internal_no,
                     Quote(record.release_version));
}

std::string Encode(const LeaderRecord& record) {
  return fmt::format(R"({{"id":{},"addr":{}}})", Quote(record.id), Quote(record.addr));
}

std::string EncodeClusterId(uint64_t id) {
  std::string value(8, '\0');
  for (int i = 7; i >= 0; --i, id >>= 8) value[i] = static_cast<char>(id & 0xff);
  return value;
}

WorkerInfo DecodeWorkerInfo(std::string_view value) {
  const Reader reader(value);
  return {reader.Text("name"), reader.Text("addr")};
}

WorkerKeepAlive DecodeWorkerKeepAlive(std::string_view value) {
  const Reader reader(value);
  return {reader.Text("worker-name"), reader.Text("join-time")};
}

WorkerKeepAlive WorkerKeepAliveOf(std::string worker, std::string_view value) {
  WorkerKeepAlive record;
  try {
    record = DecodeWorkerKeepAlive(value);
  } catch (const Error& e) {
    Log().Warn("the value of a worker's keepalive is unusable",
               {F("worker", worker), F("error", e)});
  }
  record.worker = std::move(worker);
  return record;
}

SourceBound DecodeSourceBound(std::string_view value) {
  const Reader reader(value);
  return {reader.Text("source"), reader.Text("worker"), 0};
}

RelayStage DecodeRelayStage(std::string_view value) {
  const Reader reader(value);
  return {reader.Text("source"), reader.ExpectedStage(), 0};
}

SubtaskStage DecodeSubtaskStage(std::string_view value) {
  const Reader reader(value);
  return {reader.Text("source"), reader.Text("task"), reader.ExpectedStage(), 0};
}

std::string DecodeLoadTaskWorker(std::string_view value) {
  const json parsed = json::parse(value, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_string()) throw BadValue(value);
  return parsed.get<std::string>();
}

CliArgs DecodeCliArgs(std::string_view value) {
  const Reader reader(value);
  return {reader.Text("start_time"), reader.Text("safe_mode_duration"),
          reader.Text("wait_time_on_stop")};
}

ClusterVersion DecodeClusterVersion(std::string_view value) {
  const Reader reader(value);
  const int64_t number = reader.Number("internal-no");
  if (number < 0) throw BadValue(value);
  return {static_cast<uint64_t>(number), reader.Text("release-ver")};
}

LeaderRecord DecodeLeaderRecord(std::string_view value) {
  const Reader reader(value);
  return {reader.Text("id"), reader.Text("addr")};
}

uint64_t DecodeClusterId(std::string_view value) {
  if (value.size() != 8) {
    throw MakeError(ErrorCode::kMasterInvalidClusterID, fmt::format("of {} bytes", value.size()));
  }
  uint64_t id = 0;
  for (unsigned char c : value) id = id << 8 | c;
  return id;
}

std::string JoinTimeNow() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:09}Z", text, now.tv_nsec);
}

}  // namespace dm::cluster
