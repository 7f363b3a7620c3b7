// The units' ports, kept in etcd.
#pragma once

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

// Calls block on etcd for at most its request timeout and throw Error 42501.
class EtcdCliArgs : public migration::CliArgsPort {
 public:
  EtcdCliArgs(std::shared_ptr<cluster::EtcdClient> etcd, SubtaskKey key)
      : etcd_(std::move(etcd)), key_(std::move(key)) {}
  std::optional<migration::TaskCliArgs> Get() override;
  void ClearStartTime() override;
  void ClearSafeModeDuration() override;

 private:
  template <class Change>
  void Update(Change change);

  const std::shared_ptr<cluster::EtcdClient> etcd_;
  const SubtaskKey key_;
};

class EtcdLoadTask : public migration::LoadTaskPort {
 public:
  EtcdLoadTask(std::shared_ptr<cluster::EtcdClient> etcd, SubtaskKey key)
      : etcd_(std::move(etcd)), key_(std::move(key)) {}
  void Put() override;
  void Delete() override;
  std::optional<std::string> Holder() override;

 private:
  const std::shared_ptr<cluster::EtcdClient> etcd_;
  const SubtaskKey key_;
};

}  // namespace dm::worker
