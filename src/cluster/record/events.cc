#include "cluster/record/events.h"

#include "cluster/record/keys.h"

namespace dm::cluster {
namespace {

SourceBound BoundEvent(const WatchEvent& event) {
  SourceBound bound;
  if (event.type == WatchEvent::Type::kPut) bound = DecodeSourceBound(event.kv.value);
  bound.worker = DecodeKey(keys::kBoundWorker, event.kv.key).front();
  bound.revision = event.kv.mod_revision;
  return bound;
}

RelayAssignment RelayAssignmentEvent(const WatchEvent& event) {
  return {DecodeKey(keys::kRelayWorker, event.kv.key).front(), event.kv.value,
          event.kv.mod_revision};
}

RelayStage RelayStageEvent(const WatchEvent& event) {
  RelayStage stage;
  if (event.type == WatchEvent::Type::kPut) stage = DecodeRelayStage(event.kv.value);
  stage.source = DecodeKey(keys::kRelayStage, event.kv.key).front();
  stage.revision = event.kv.mod_revision;
  return stage;
}

auto SubtaskStageEvent(const KeySpace& space) {
  return [space](const WatchEvent& event) {
    SubtaskStage stage;
    if (event.type == WatchEvent::Type::kPut) stage = DecodeSubtaskStage(event.kv.value);
    const std::vector<std::string> parts = DecodeKey(space, event.kv.key);
    stage.source = parts[0];
    stage.task = parts[1];
    stage.revision = event.kv.mod_revision;
    return stage;
  };
}

WorkerKeepAlive KeepAliveEvent(const WatchEvent& event) {
  std::string worker = DecodeKey(keys::kWorkerKeepAlive, event.kv.key).front();
  if (event.type == WatchEvent::Type::kDelete) return {std::move(worker), ""};
  return WorkerKeepAliveOf(std::move(worker), event.kv.value);
}

LoadTask LoadTaskEvent(const WatchEvent& event) {
  const std::vector<std::string> parts = DecodeKey(keys::kLoadTask, event.kv.key);
  LoadTask record{parts[0], parts[1], ""};
  if (event.type == WatchEvent::Type::kPut) record.worker = DecodeLoadTaskWorker(event.kv.value);
  return record;
}

}  // namespace

RecordWatch<SourceBound> WatchBound(EtcdClient& etcd, std::string_view worker,
                                    int64_t from_revision) {
  return {etcd.WatchKey(EncodeKey(keys::kBoundWorker, {worker}), from_revision), BoundEvent};
}

RecordWatch<RelayAssignment> WatchRelayAssignment(EtcdClient& etcd, std::string_view worker,
                                                  int64_t from_revision) {
  return {etcd.WatchKey(EncodeKey(keys::kRelayWorker, {worker}), from_revision),
          RelayAssignmentEvent};
}

RecordWatch<SubtaskStage> WatchSubtaskStages(EtcdClient& etcd, std::string_view source,
                                             int64_t from_revision) {
  return {etcd.WatchPrefix(EncodeKey(keys::kSubtaskStage, {source}), from_revision),
          SubtaskStageEvent(keys::kSubtaskStage)};
}

RecordWatch<SubtaskStage> WatchValidatorStages(EtcdClient& etcd, std::string_view source,
                                               int64_t from_revision) {
  return {etcd.WatchPrefix(EncodeKey(keys::kValidatorStage, {source}), from_revision),
          SubtaskStageEvent(keys::kValidatorStage)};
}

RecordWatch<RelayStage> WatchRelayStage(EtcdClient& etcd, std::string_view source,
                                        int64_t from_revision) {
  return {etcd.WatchKey(EncodeKey(keys::kRelayStage, {source}), from_revision), RelayStageEvent};
}

RecordWatch<WorkerKeepAlive> WatchKeepAlives(EtcdClient& etcd, int64_t from_revision) {
  return {etcd.WatchPrefix(EncodeKey(keys::kWorkerKeepAlive, {}), from_revision), KeepAliveEvent};
}

RecordWatch<LoadTask> WatchLoadTasks(EtcdClient& etcd, int64_t from_revision) {
  return {etcd.WatchPrefix(EncodeKey(keys::kLoadTask, {}), from_revision), LoadTaskEvent};
}

}  // namespace dm::cluster
