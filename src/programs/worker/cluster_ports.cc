#include "programs/worker/cluster_ports.h"

#include "cluster/record/store.h"

namespace dm::worker {

std::optional<migration::TaskCliArgs> EtcdCliArgs::Get() {
  const auto args = cluster::ReadCliArgs(*etcd_, key_.task, key_.source, {});
  if (!args) return std::nullopt;
  return migration::TaskCliArgs{args->start_time, args->safe_mode_duration,
                                args->wait_time_on_stop};
}

template <class Change>
void EtcdCliArgs::Update(Change change) {
  auto args = cluster::ReadCliArgs(*etcd_, key_.task, key_.source, {});
  if (!args) return;
  change(*args);
  cluster::PutCliArgs(*etcd_, key_.task, key_.source, *args, {});
}

void EtcdCliArgs::ClearStartTime() {
  Update([](cluster::CliArgs& args) { args.start_time.clear(); });
}

void EtcdCliArgs::ClearSafeModeDuration() {
  Update([](cluster::CliArgs& args) { args.safe_mode_duration.clear(); });
}

void EtcdLoadTask::Put() {
  cluster::PutLoadTask(*etcd_, {key_.task, key_.source, key_.worker}, {});
}

void EtcdLoadTask::Delete() { cluster::DeleteLoadTask(*etcd_, key_.task, key_.source, {}); }

std::optional<std::string> EtcdLoadTask::Holder() {
  return cluster::ReadLoadTask(*etcd_, key_.task, key_.source, {});
}

}  // namespace dm::worker
