// The units' ports, kept in etcd.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "cluster/etcd/client.h"
#include "migration/unit/ports.h"

namespace dm::worker {

// Names the records of one subtask.
struct SubtaskKey {
  std::string task;
  std::string source;
  std::string worker;
};

// Calls block on etcd for at most its request timeout and throw Error 42501. The clearing calls
// change only the record that Get has read: that of a later start of the task stays.
class EtcdCliArgs : public migration::CliArgsPort {
 public:
  EtcdCliArgs(std::shared_ptr<cluster::EtcdClient> etcd, SubtaskKey key)
      : etcd_(std::move(etcd)), key_(std::move(key)) {}
  std::optional<migration::TaskCliArgs> Get() override;
  void ClearStartTime() override;
  void ClearSafeModeDuration() override;

 private:
  std::atomic<int64_t> create_revision_{0};  // of the record that was read; 0: none
  const std::shared_ptr<cluster::EtcdClient> etcd_;
  const SubtaskKey key_;
};

// `start`: create revision of the task's record.
class EtcdLoadTask : public migration::LoadTaskPort {
 public:
  EtcdLoadTask(std::shared_ptr<cluster::EtcdClient> etcd, SubtaskKey key, int64_t start)
      : etcd_(std::move(etcd)), key_(std::move(key)), start_(start) {}
  void Put() override;
  void Delete() override;
  std::optional<std::string> Holder() override;

 private:
  const std::shared_ptr<cluster::EtcdClient> etcd_;
  const SubtaskKey key_;
  const int64_t start_;
};

}  // namespace dm::worker
