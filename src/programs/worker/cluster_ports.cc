#include "programs/worker/cluster_ports.h"

#include <fmt/format.h>

#include "base/error/error.h"
#include "cluster/record/store.h"

namespace dm::worker {

std::optional<migration::TaskCliArgs> EtcdCliArgs::Get() {
  const auto args = cluster::ReadCliArgs(*etcd_, key_.task, key_.source, {});
  create_revision_ = args ? args->create_revision : 0;
  if (!args) return std::nullopt;
  return migration::TaskCliArgs{args->args.start_time, args->args.safe_mode_duration,
                                args->args.wait_time_on_stop};
}

void EtcdCliArgs::ClearStartTime() {
  cluster::UpdateCliArgs(*etcd_, key_.task, key_.source, create_revision_,
                         [](cluster::CliArgs& args) { args.start_time.clear(); }, {});
}

void EtcdCliArgs::ClearSafeModeDuration() {
  cluster::UpdateCliArgs(*etcd_, key_.task, key_.source, create_revision_,
                         [](cluster::CliArgs& args) { args.safe_mode_duration.clear(); }, {});
}

void EtcdLoadTask::Put() {
  if (cluster::PutLoadTask(*etcd_, {key_.task, key_.source, key_.worker}, start_, {})) return;
  throw Error(ErrorCode::kLoadTaskWorkerNotMatch,
              fmt::format("different worker in load stage: source {} with task {} is not worker "
                          "{}'s any more",
                          key_.source, key_.task, key_.worker))
      .SetWorkaround("Nothing needs to be done: whoever has the source now goes on.");
}

void EtcdLoadTask::Delete() {
  cluster::DeleteLoadTask(*etcd_, {key_.task, key_.source, key_.worker}, start_, {});
}

std::optional<std::string> EtcdLoadTask::Holder() {
  return cluster::ReadLoadTask(*etcd_, key_.task, key_.source, {});
}

}  // namespace dm::worker
