// What a SourceWorker keeps of each subtask. Private to this room.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "programs/worker/cluster_ports.h"
#include "programs/worker/source_worker.h"

namespace dm::worker {

// One subtask with what its units are given. The subtask is the last member: it ends first.
struct SourceWorker::Entry {
  // `start`: create revision of the task's record.
  Entry(const WorkerEnvironment& environment, const std::string& task, const std::string& source,
        int64_t start)
      : start(start),
        cli_args(environment.etcd, {task, source, environment.worker_name}),
        load_task(environment.etcd, {task, source, environment.worker_name}, start) {}

  const int64_t start;
  EtcdCliArgs cli_args;
  EtcdLoadTask load_task;
  migration::UnitContext context;
  // What the units at hand were made from; guarded by the worker's mutex.
  std::string config_text;
  migration::SourceConfig source;
  std::unique_ptr<migration::Subtask> subtask;
};

}  // namespace dm::worker
