// Reading and writing the records. Reads that must agree on several keys are one transaction;
// writes are given as the operations of one transaction, so that a caller can add conditions (the
// leader its fence) before it commits them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error/error.h"
#include "base/thread/stop.h"
#include "cluster/etcd/client.h"
#include "cluster/record/records.h"

namespace dm::cluster {

// A stored record that cannot be read: damaged, or written by something else.
struct UnusableRecord {
  std::string key;
  Error error;  // 11110: the key, 42502: the value
};

// What was read and the store's revision at that time; a watch that misses nothing starts at
// revision + 1. One record that cannot be read does not hide the others.
template <class T>
struct Snapshot {
  T value{};
  int64_t revision = 0;
  std::vector<UnusableRecord> unusable;
};

// ---- one worker's side ----

// The configuration of a source or of a subtask.
struct StoredConfig {
  std::string toml;
  // Of the record: another one belongs to another source of the same name, or to another start of
  // the task.
  int64_t create_revision = 0;
};

// The source bound to a worker, with the source's configuration as of the same revision.
struct BoundSource {
  SourceBound bound;
  StoredConfig config;
};

// nullopt: nothing is bound. Error 20036: the source has no configuration. Error 38052: the bind
// kept changing while it was read.
Snapshot<std::optional<BoundSource>> ReadBoundSource(EtcdClient& etcd, std::string_view worker,
                                                     const StopToken& stop);

struct RelaySource {
  RelayAssignment assignment;
  StoredConfig config;
};

// As ReadBoundSource, for the explicit relay assignment. Error 40079 if it kept changing.
Snapshot<std::optional<RelaySource>> ReadRelaySource(EtcdClient& etcd, std::string_view worker,
                                                     const StopToken& stop);

// A subtask as stored: each part may be missing, or unusable.
struct SubtaskRecord {
  std::optional<StoredConfig> config;
  std::optional<SubtaskStage> stage;
  std::optional<SubtaskStage> validator_stage;
};

// All subtasks of a source, by task name, in one transaction.
Snapshot<std::map<std::string, SubtaskRecord>> ReadSubtasks(EtcdClient& etcd,
                                                            std::string_view source,
                                                            const StopToken& stop);

// `revision` 0: the newest.
std::optional<StoredConfig> ReadSourceConfig(EtcdClient& etcd, std::string_view source,
                                             const StopToken& stop, int64_t revision = 0);
std::optional<StoredConfig> ReadSubtaskConfig(EtcdClient& etcd, std::string_view source,
                                              std::string_view task, const StopToken& stop,
                                              int64_t revision = 0);

Snapshot<std::optional<RelayStage>> ReadRelayStage(EtcdClient& etcd, std::string_view source,
                                                   const StopToken& stop);

// Written with the worker's lease. Answers the revision of the write.
int64_t PutKeepAlive(EtcdClient& etcd, const WorkerKeepAlive& record, int64_t lease,
                     const StopToken& stop);

// Both happen only if, at that moment, the source is bound to the record's worker and the task is
// of that start (`start`: create revision of its record): a worker that woke up late changes
// nothing of its successor's. False: nothing happened.
bool PutLoadTask(EtcdClient& etcd, const LoadTask& record, int64_t start, const StopToken& stop);
bool DeleteLoadTask(EtcdClient& etcd, const LoadTask& record, int64_t start, const StopToken& stop);
// Name of the worker in the record; nullopt without a record.
std::optional<std::string> ReadLoadTask(EtcdClient& etcd, std::string_view task,
                                        std::string_view source, const StopToken& stop);

struct StoredCliArgs {
  CliArgs args;
  int64_t create_revision = 0;  // of the record: another one belongs to another start of the task
};
std::optional<StoredCliArgs> ReadCliArgs(EtcdClient& etcd, std::string_view task,
                                         std::string_view source, const StopToken& stop);
// Changes the arguments that were created at that revision. Nothing happens if they are gone, or if
// the task was started anew with others.
void UpdateCliArgs(EtcdClient& etcd, std::string_view task, std::string_view source,
                   int64_t create_revision, const std::function<void(CliArgs&)>& change,
                   const StopToken& stop);

// ---- the leader's side ----

// By name. The name is the key's, whatever the value says.
Snapshot<std::map<std::string, WorkerInfo>> ReadWorkers(EtcdClient& etcd, const StopToken& stop);
// By worker name. That the key exists says that the worker lives, whatever its value is.
Snapshot<std::map<std::string, WorkerKeepAlive>> ReadKeepAlives(EtcdClient& etcd,
                                                                const StopToken& stop);
// TOML by source id.
Snapshot<std::map<std::string, std::string>> ReadSourceConfigs(EtcdClient& etcd,
                                                               const StopToken& stop);
// By worker name.
Snapshot<std::map<std::string, SourceBound>> ReadBounds(EtcdClient& etcd, const StopToken& stop);
Snapshot<std::map<std::string, SourceBound>> ReadLastBounds(EtcdClient& etcd,
                                                            const StopToken& stop);
// Source by worker name.
Snapshot<std::map<std::string, std::string>> ReadRelayAssignments(EtcdClient& etcd,
                                                                  const StopToken& stop);
Snapshot<std::map<std::string, RelayStage>> ReadRelayStages(EtcdClient& etcd,
                                                            const StopToken& stop);
// By task, then source.
Snapshot<std::map<std::string, std::map<std::string, SubtaskRecord>>> ReadAllSubtasks(
    EtcdClient& etcd, const StopToken& stop);
// Worker by task, then source.
Snapshot<std::map<std::string, std::map<std::string, std::string>>> ReadLoadTasks(
    EtcdClient& etcd, const StopToken& stop);

// ---- operations of transactions (high-level groups; nothing is written here) ----

void AddBind(Txn& txn, std::string_view source, std::string_view worker);  // bound and last bound
void AddUnbind(Txn& txn, std::string_view worker);                         // never the last bound
// The condition that the worker has no bind.
Compare UnboundCompare(std::string_view worker);
void AddRelayStage(Txn& txn, std::string_view source, Stage stage);
void AddSourceConfig(Txn& txn, std::string_view source, std::string toml);
// Configuration and relay stage; bound and last bound of `worker` unless that is empty.
void AddSourceRemoval(Txn& txn, std::string_view source, std::string_view worker);
void AddWorker(Txn& txn, const WorkerInfo& info);
// Worker info, relay assignment, last bound.
void AddWorkerRemoval(Txn& txn, std::string_view worker);
void AddSubtask(Txn& txn, std::string_view source, std::string_view task, std::string toml,
                Stage stage, bool with_validator);
// The configuration alone: its stage stays.
void AddSubtaskConfig(Txn& txn, std::string_view source, std::string_view task, std::string toml);
void AddSubtaskRemoval(Txn& txn, std::string_view source, std::string_view task);
void AddSubtaskStage(Txn& txn, std::string_view source, std::string_view task, Stage stage);
void AddRelayAssignment(Txn& txn, std::string_view worker, std::string_view source);
void AddRelayAssignmentRemoval(Txn& txn, std::string_view worker);
void AddCliArgs(Txn& txn, std::string_view task, std::string_view source, const CliArgs& args);
void AddCliArgsRemoval(Txn& txn, std::string_view task, std::string_view source);
// Of all sources of the task.
void AddCliArgsRemoval(Txn& txn, std::string_view task);
void AddLoadTaskRemoval(Txn& txn, std::string_view task);

}  // namespace dm::cluster
