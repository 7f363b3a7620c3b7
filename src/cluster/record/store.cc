#include "cluster/record/store.h"

#include "cluster/record/keys.h"

namespace dm::cluster {
namespace {

// How often a pair of reads is repeated when what the first one saw has changed.
constexpr int kChangingTries = 3;
constexpr Milliseconds kChangingPause{50};

SourceBound BoundOf(const KeyValue& kv) {
  SourceBound bound = DecodeSourceBound(kv.value);
  bound.revision = kv.mod_revision;
  return bound;
}

SubtaskStage StageOf(const KeyValue& kv) {
  SubtaskStage stage = DecodeSubtaskStage(kv.value);
  stage.revision = kv.mod_revision;
  return stage;
}

RelayStage RelayStageOf(const KeyValue& kv) {
  RelayStage stage = DecodeRelayStage(kv.value);
  stage.revision = kv.mod_revision;
  return stage;
}

StoredConfig ConfigOf(KeyValue kv) { return {std::move(kv.value), kv.create_revision}; }

// What two keys that must agree hold: a record that names a source, and that source's
// configuration.
struct Pair {
  std::optional<KeyValue> first;
  StoredConfig config;
  int64_t revision = 0;
};

// Reads `key`, then `key` and the configuration of the source it names together, until both reads
// see the same record.
template <class SourceOf>
Pair ReadAgreeing(EtcdClient& etcd, const std::string& key, SourceOf source_of, ErrorCode changing,
                  std::string_view what, const StopToken& stop) {
  GetResult seen = etcd.GetAt(key, stop);
  for (int tries = 0;; ++tries) {
    if (seen.kvs.empty()) return {std::nullopt, {}, seen.revision};
    const std::string source = source_of(seen.kvs.front());
    Txn txn;
    txn.then.push_back(Operation::Get(key));
    txn.then.push_back(Operation::Get(EncodeKey(keys::kSourceConfig, {source})));
    TxnResult both = etcd.Read(txn, stop);
    if (both.gets[0].kvs.empty()) return {std::nullopt, {}, both.revision};
    if (both.gets[0].kvs.front().mod_revision == seen.kvs.front().mod_revision) {
      if (both.gets[1].kvs.empty()) {
        throw MakeError(ErrorCode::kConfigMissingForBound, source);
      }
      return {both.gets[0].kvs.front(), ConfigOf(std::move(both.gets[1].kvs.front())),
              both.revision};
    }
    if (tries == kChangingTries) throw MakeError(changing, what);
    WaitFor(kChangingPause, stop);
    seen = std::move(both.gets[0]);
  }
}

// Runs `take`; what it cannot read is noted.
template <class Take>
void Tolerate(std::vector<UnusableRecord>& unusable, const KeyValue& kv, Take take) {
  try {
    take();
  } catch (const Error& e) {
    unusable.push_back({kv.key, e});
  }
}

template <class Value, class Decode>
Snapshot<std::map<std::string, Value>> ReadAll(EtcdClient& etcd, const KeySpace& space,
                                               Decode decode, const StopToken& stop) {
  Snapshot<std::map<std::string, Value>> out;
  const GetResult all = etcd.GetPrefix(EncodeKey(space, {}), stop);
  out.revision = all.revision;
  for (const KeyValue& kv : all.kvs) {
    Tolerate(out.unusable, kv,
             [&] { out.value.emplace(DecodeKey(space, kv.key).front(), decode(kv)); });
  }
  return out;
}

std::string TextOf(const KeyValue& kv) { return kv.value; }

// The three kinds of keys of subtasks under one prefix (or of one subtask), read at once; `record`
// names where each goes.
template <class RecordOf>
int64_t ReadSubtaskParts(EtcdClient& etcd, std::initializer_list<std::string_view> components,
                         RecordOf record, std::vector<UnusableRecord>& unusable,
                         const StopToken& stop) {
  Txn txn;
  for (const KeySpace* space : {&keys::kSubtask, &keys::kSubtaskStage, &keys::kValidatorStage}) {
    std::string key = EncodeKey(*space, components);
    txn.then.push_back(Operation::GetPrefix(std::move(key)));
  }
  const TxnResult result = etcd.Read(txn, stop);
  for (const KeyValue& kv : result.gets[0].kvs) {
    Tolerate(unusable, kv,
             [&] { record(DecodeKey(keys::kSubtask, kv.key)).config = ConfigOf(kv); });
  }
  for (const KeyValue& kv : result.gets[1].kvs) {
    Tolerate(unusable, kv, [&] {
      const SubtaskStage stage = StageOf(kv);
      record(DecodeKey(keys::kSubtaskStage, kv.key)).stage = stage;
    });
  }
  for (const KeyValue& kv : result.gets[2].kvs) {
    Tolerate(unusable, kv, [&] {
      const SubtaskStage stage = StageOf(kv);
      record(DecodeKey(keys::kValidatorStage, kv.key)).validator_stage = stage;
    });
  }
  return result.revision;
}

std::optional<StoredConfig> ReadConfig(EtcdClient& etcd, const std::string& key, int64_t revision,
                                       const StopToken& stop) {
  std::optional<KeyValue> kv = etcd.Get(key, stop, revision);
  if (!kv) return std::nullopt;
  return ConfigOf(std::move(*kv));
}

// Carries out `operation` while the record's worker has the source and this start of the task is
// the current one; else false. `point` names the crash points.
bool CommitAsHolder(EtcdClient& etcd, WriteName name, const LoadTask& record, int64_t start,
                    const Operation& operation, const StopToken& stop) {
  const std::string bound_key = EncodeKey(keys::kBoundWorker, {record.worker});
  const std::string task_key = EncodeKey(keys::kSubtask, {record.source, record.task});
  std::optional<KeyValue> bound = etcd.Get(bound_key, stop);
  while (bound && DecodeSourceBound(bound->value).source == record.source) {
    Txn txn;
    txn.compares.push_back(Compare::ModRevision(bound_key, bound->mod_revision));
    txn.compares.push_back(Compare::CreateRevision(task_key, start));
    txn.then.push_back(operation);
    txn.otherwise.push_back(Operation::Get(bound_key));
    TxnResult result = etcd.Commit(name, txn, stop);
    if (result.succeeded) return true;
    std::vector<KeyValue>& now = result.gets.front().kvs;
    if (now.empty() || now.front().mod_revision == bound->mod_revision) return false;
    bound = std::move(now.front());
  }
  return false;
}

}  // namespace

Snapshot<std::optional<BoundSource>> ReadBoundSource(EtcdClient& etcd, std::string_view worker,
                                                     const StopToken& stop) {
  Pair pair = ReadAgreeing(
      etcd, EncodeKey(keys::kBoundWorker, {worker}),
      [](const KeyValue& kv) { return DecodeSourceBound(kv.value).source; },
      ErrorCode::kMasterBoundChanging, worker, stop);
  Snapshot<std::optional<BoundSource>> out;
  out.revision = pair.revision;
  if (pair.first) out.value = BoundSource{BoundOf(*pair.first), std::move(pair.config)};
  return out;
}

Snapshot<std::optional<RelaySource>> ReadRelaySource(EtcdClient& etcd, std::string_view worker,
                                                     const StopToken& stop) {
  Pair pair = ReadAgreeing(etcd, EncodeKey(keys::kRelayWorker, {worker}), TextOf,
                           ErrorCode::kWorkerRelayConfigChanging, worker, stop);
  Snapshot<std::optional<RelaySource>> out;
  out.revision = pair.revision;
  if (pair.first) {
    out.value = RelaySource{
        RelayAssignment{std::string(worker), pair.first->value, pair.first->mod_revision},
        std::move(pair.config)};
  }
  return out;
}

Snapshot<std::map<std::string, SubtaskRecord>> ReadSubtasks(EtcdClient& etcd,
                                                            std::string_view source,
                                                            const StopToken& stop) {
  Snapshot<std::map<std::string, SubtaskRecord>> out;
  out.revision = ReadSubtaskParts(
      etcd, {source},
      [&](const std::vector<std::string>& parts) -> SubtaskRecord& { return out.value[parts[1]]; },
      out.unusable, stop);
  return out;
}

std::optional<StoredConfig> ReadSourceConfig(EtcdClient& etcd, std::string_view source,
                                             const StopToken& stop, int64_t revision) {
  return ReadConfig(etcd, EncodeKey(keys::kSourceConfig, {source}), revision, stop);
}

std::optional<StoredConfig> ReadSubtaskConfig(EtcdClient& etcd, std::string_view source,
                                              std::string_view task, const StopToken& stop,
                                              int64_t revision) {
  return ReadConfig(etcd, EncodeKey(keys::kSubtask, {source, task}), revision, stop);
}

Snapshot<std::optional<RelayStage>> ReadRelayStage(EtcdClient& etcd, std::string_view source,
                                                   const StopToken& stop) {
  const GetResult result = etcd.GetAt(EncodeKey(keys::kRelayStage, {source}), stop);
  Snapshot<std::optional<RelayStage>> out;
  out.revision = result.revision;
  if (!result.kvs.empty()) out.value = RelayStageOf(result.kvs.front());
  return out;
}

int64_t PutKeepAlive(EtcdClient& etcd, const WorkerKeepAlive& record, int64_t lease,
                     const StopToken& stop) {
  // Crash points: a worker is online.
  return etcd.Put("keepalive", EncodeKey(keys::kWorkerKeepAlive, {record.worker}), Encode(record),
                  stop, lease);
}

bool PutLoadTask(EtcdClient& etcd, const LoadTask& record, int64_t start, const StopToken& stop) {
  // Crash points: a worker has the dump files of a task.
  return CommitAsHolder(etcd, "load-task", record, start,
                        Operation::Put(EncodeKey(keys::kLoadTask, {record.task, record.source}),
                                       EncodeLoadTaskWorker(record.worker)),
                        stop);
}

bool DeleteLoadTask(EtcdClient& etcd, const LoadTask& record, int64_t start,
                    const StopToken& stop) {
  // Crash points: nobody needs a worker's dump files any more.
  return CommitAsHolder(etcd, "load-task-end", record, start,
                        Operation::Delete(EncodeKey(keys::kLoadTask, {record.task, record.source})),
                        stop);
}

std::optional<std::string> ReadLoadTask(EtcdClient& etcd, std::string_view task,
                                        std::string_view source, const StopToken& stop) {
  const std::optional<KeyValue> kv = etcd.Get(EncodeKey(keys::kLoadTask, {task, source}), stop);
  if (!kv) return std::nullopt;
  return DecodeLoadTaskWorker(kv->value);
}

std::optional<StoredCliArgs> ReadCliArgs(EtcdClient& etcd, std::string_view task,
                                         std::string_view source, const StopToken& stop) {
  const std::optional<KeyValue> kv = etcd.Get(EncodeKey(keys::kTaskCliArgs, {task, source}), stop);
  if (!kv) return std::nullopt;
  return StoredCliArgs{DecodeCliArgs(kv->value), kv->create_revision};
}

void UpdateCliArgs(EtcdClient& etcd, std::string_view task, std::string_view source,
                   int64_t create_revision, const std::function<void(CliArgs&)>& change,
                   const StopToken& stop) {
  const std::string key = EncodeKey(keys::kTaskCliArgs, {task, source});
  std::optional<KeyValue> kv = etcd.Get(key, stop);
  while (kv && kv->create_revision == create_revision) {
    CliArgs args = DecodeCliArgs(kv->value);
    change(args);
    std::string value = Encode(args);
    if (value == kv->value) return;
    Txn txn;
    txn.compares.push_back(Compare::ModRevision(key, kv->mod_revision));
    txn.then.push_back(Operation::Put(key, std::move(value)));
    txn.otherwise.push_back(Operation::Get(key));
    // Crash points: a start's argument is used up.
    TxnResult result = etcd.Commit("used-argument", txn, stop);
    if (result.succeeded) return;
    std::vector<KeyValue>& now = result.gets.front().kvs;
    kv = now.empty() ? std::nullopt : std::optional<KeyValue>(std::move(now.front()));
  }
}

Snapshot<std::map<std::string, WorkerInfo>> ReadWorkers(EtcdClient& etcd, const StopToken& stop) {
  return ReadAll<WorkerInfo>(
      etcd, keys::kWorkerInfo,
      [](const KeyValue& kv) {
        WorkerInfo info = DecodeWorkerInfo(kv.value);
        info.name = DecodeKey(keys::kWorkerInfo, kv.key).front();
        return info;
      },
      stop);
}

Snapshot<std::map<std::string, WorkerKeepAlive>> ReadKeepAlives(EtcdClient& etcd,
                                                                const StopToken& stop) {
  return ReadAll<WorkerKeepAlive>(
      etcd, keys::kWorkerKeepAlive,
      [](const KeyValue& kv) {
        return WorkerKeepAliveOf(DecodeKey(keys::kWorkerKeepAlive, kv.key).front(), kv.value);
      },
      stop);
}

Snapshot<std::map<std::string, std::string>> ReadSourceConfigs(EtcdClient& etcd,
                                                               const StopToken& stop) {
  return ReadAll<std::string>(etcd, keys::kSourceConfig, TextOf, stop);
}

Snapshot<std::map<std::string, SourceBound>> ReadBounds(EtcdClient& etcd, const StopToken& stop) {
  return ReadAll<SourceBound>(etcd, keys::kBoundWorker, BoundOf, stop);
}

Snapshot<std::map<std::string, SourceBound>> ReadLastBounds(EtcdClient& etcd,
                                                            const StopToken& stop) {
  return ReadAll<SourceBound>(etcd, keys::kLastBoundWorker, BoundOf, stop);
}

Snapshot<std::map<std::string, std::string>> ReadRelayAssignments(EtcdClient& etcd,
                                                                  const StopToken& stop) {
  return ReadAll<std::string>(etcd, keys::kRelayWorker, TextOf, stop);
}

Snapshot<std::map<std::string, RelayStage>> ReadRelayStages(EtcdClient& etcd,
                                                            const StopToken& stop) {
  return ReadAll<RelayStage>(etcd, keys::kRelayStage, RelayStageOf, stop);
}

Snapshot<std::map<std::string, std::map<std::string, SubtaskRecord>>> ReadAllSubtasks(
    EtcdClient& etcd, const StopToken& stop) {
  Snapshot<std::map<std::string, std::map<std::string, SubtaskRecord>>> out;
  out.revision = ReadSubtaskParts(
      etcd, {},
      [&](const std::vector<std::string>& parts) -> SubtaskRecord& {
        return out.value[parts[1]][parts[0]];
      },
      out.unusable, stop);
  return out;
}

Snapshot<std::map<std::string, std::map<std::string, std::string>>> ReadLoadTasks(
    EtcdClient& etcd, const StopToken& stop) {
  Snapshot<std::map<std::string, std::map<std::string, std::string>>> out;
  const GetResult all = etcd.GetPrefix(EncodeKey(keys::kLoadTask, {}), stop);
  out.revision = all.revision;
  for (const KeyValue& kv : all.kvs) {
    Tolerate(out.unusable, kv, [&] {
      const std::vector<std::string> parts = DecodeKey(keys::kLoadTask, kv.key);
      std::string worker = DecodeLoadTaskWorker(kv.value);
      out.value[parts[0]][parts[1]] = std::move(worker);
    });
  }
  return out;
}

void AddBind(Txn& txn, std::string_view source, std::string_view worker) {
  const std::string value = Encode(SourceBound{std::string(source), std::string(worker), 0});
  txn.then.push_back(Operation::Put(EncodeKey(keys::kBoundWorker, {worker}), value));
  txn.then.push_back(Operation::Put(EncodeKey(keys::kLastBoundWorker, {worker}), value));
}

void AddUnbind(Txn& txn, std::string_view worker) {
  txn.then.push_back(Operation::Delete(EncodeKey(keys::kBoundWorker, {worker})));
}

Compare UnboundCompare(std::string_view worker) {
  return Compare::CreateRevision(EncodeKey(keys::kBoundWorker, {worker}), 0);
}

void AddRelayStage(Txn& txn, std::string_view source, Stage stage) {
  txn.then.push_back(Operation::Put(EncodeKey(keys::kRelayStage, {source}),
                                    Encode(RelayStage{std::string(source), stage, 0})));
}

void AddSourceConfig(Txn& txn, std::string_view source, std::string toml) {
  txn.then.push_back(Operation::Put(EncodeKey(keys::kSourceConfig, {source}), std::move(toml)));
}

void AddSourceRemoval(Txn& txn, std::string_view source, std::string_view worker) {
  txn.then.push_back(Operation::Delete(EncodeKey(keys::kSourceConfig, {source})));
  txn.then.push_back(Operation::Delete(EncodeKey(keys::kRelayStage, {source})));
  if (worker.empty()) return;
  txn.then.push_back(Operation::Delete(EncodeKey(keys::kBoundWorker, {worker})));
  txn.then.push_back(Operation::Delete(EncodeKey(keys::kLastBoundWorker, {worker})));
}

void AddWorker(Txn& txn, const WorkerInfo& info) {
  txn.then.push_back(Operation::Put(EncodeKey(keys::kWorkerInfo, {info.name}), Encode(info)));
}

void AddWorkerRemoval(Txn& txn, std::string_view worker) {
  txn.then.push_back(Operation::Delete(EncodeKey(keys::kWorkerInfo, {worker})));
  txn.then.push_back(Operation::Delete(EncodeKey(keys::kRelayWorker, {worker})));
  txn.then.push_back(Operation::Delete(EncodeKey(keys::kLastBoundWorker, {worker})));
}

void AddSubtask(Txn& txn, std::string_view source, std::string_view task, std::string toml,
                Stage stage, bool with_validator) {
  AddSubtaskConfig(txn, source, task, std::move(toml));
  AddSubtaskStage(txn, source, task, stage);
  if (!with_validator) return;
  txn.then.push_back(Operation::Put(
      EncodeKey(keys::kValidatorStage, {source, task}),
      Encode(SubtaskStage{std::string(source), std::string(task), Stage::kRunning, 0})));
}

void AddSubtaskConfig(Txn& txn, std::string_view source, std::string_view task, std::string toml) {
  txn.then.push_back(Operation::Put(EncodeKey(keys::kSubtask, {source, task}), std::move(toml)));
}

void AddSubtaskRemoval(Txn& txn, std::string_view source, std::string_view task) {
  for (const KeySpace* space : {&keys::kSubtask, &keys::kSubtaskStage, &keys::kValidatorStage}) {
    txn.then.push_back(Operation::Delete(EncodeKey(*space, {source, task})));
  }
}

void AddSubtaskStage(Txn& txn, std::string_view source, std::string_view task, Stage stage) {
  txn.then.push_back(
      Operation::Put(EncodeKey(keys::kSubtaskStage, {source, task}),
                     Encode(SubtaskStage{std::string(source), std::string(task), stage, 0})));
}

void AddRelayAssignment(Txn& txn, std::string_view worker, std::string_view source) {
  txn.then.push_back(Operation::Put(EncodeKey(keys::kRelayWorker, {worker}), std::string(source)));
}

void AddRelayAssignmentRemoval(Txn& txn, std::string_view worker) {
  txn.then.push_back(Operation::Delete(EncodeKey(keys::kRelayWorker, {worker})));
}

void AddCliArgs(Txn& txn, std::string_view task, std::string_view source, const CliArgs& args) {
  txn.then.push_back(Operation::Put(EncodeKey(keys::kTaskCliArgs, {task, source}), Encode(args)));
}

void AddCliArgsRemoval(Txn& txn, std::string_view task, std::string_view source) {
  txn.then.push_back(Operation::Delete(EncodeKey(keys::kTaskCliArgs, {task, source})));
}

void AddCliArgsRemoval(Txn& txn, std::string_view task) {
  txn.then.push_back(Operation::DeletePrefix(EncodeKey(keys::kTaskCliArgs, {task})));
}

void AddLoadTaskRemoval(Txn& txn, std::string_view task) {
  txn.then.push_back(Operation::DeletePrefix(EncodeKey(keys::kLoadTask, {task})));
}

}  // namespace dm::cluster
