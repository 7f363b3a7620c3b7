// Changes of the records as typed events.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error/error.h"
#include "base/thread/stop.h"
#include "cluster/etcd/client.h"
#include "cluster/etcd/watch.h"
#include "cluster/record/records.h"

namespace dm::cluster {

// One change. A removal carries only what the key tells.
template <class T>
struct RecordEvent {
  bool removed = false;
  T record{};
  int64_t revision = 0;        // at which it happened; configurations are read at it
  std::optional<Error> error;  // the record could not be decoded (11110, 42502); `record` is unset
};

// A stream of changes of one kind of record. Owned by one thread.
template <class T>
class RecordWatch {
 public:
  using Decoder = std::function<T(const WatchEvent&)>;

  RecordWatch(std::unique_ptr<Watch> watch, Decoder decode)
      : watch_(std::move(watch)), decode_(std::move(decode)) {}

  // The next changes in order; as Watch::Next: throws Cancelled, and Error 42503 when a new
  // snapshot is needed (see IsResyncError).
  std::vector<RecordEvent<T>> Next(const StopToken& stop, Milliseconds timeout = Milliseconds(0)) {
    std::vector<RecordEvent<T>> out;
    for (const WatchEvent& raw : watch_->Next(stop, timeout)) {
      RecordEvent<T> event;
      event.removed = raw.type == WatchEvent::Type::kDelete;
      event.revision = raw.kv.mod_revision;
      try {
        event.record = decode_(raw);
      } catch (const Error& e) {
        event.error = e;
      }
      out.push_back(std::move(event));
    }
    return out;
  }

  int64_t revision() const { return watch_->revision(); }

 private:
  std::unique_ptr<Watch> watch_;
  Decoder decode_;
};

// ---- one worker's side: its own bind, its relay assignment, stages of its source ----
RecordWatch<SourceBound> WatchBound(EtcdClient& etcd, std::string_view worker,
                                    int64_t from_revision);
RecordWatch<RelayAssignment> WatchRelayAssignment(EtcdClient& etcd, std::string_view worker,
                                                  int64_t from_revision);
RecordWatch<SubtaskStage> WatchSubtaskStages(EtcdClient& etcd, std::string_view source,
                                             int64_t from_revision);
RecordWatch<SubtaskStage> WatchValidatorStages(EtcdClient& etcd, std::string_view source,
                                               int64_t from_revision);
RecordWatch<RelayStage> WatchRelayStage(EtcdClient& etcd, std::string_view source,
                                        int64_t from_revision);

// ---- the leader's side ----
RecordWatch<WorkerKeepAlive> WatchKeepAlives(EtcdClient& etcd, int64_t from_revision);
RecordWatch<LoadTask> WatchLoadTasks(EtcdClient& etcd, int64_t from_revision);

}  // namespace dm::cluster
