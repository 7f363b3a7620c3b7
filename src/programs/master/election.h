// Election of the cluster's leader among the members, by campaign keys in etcd.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/thread/stop.h"
#include "cluster/etcd/client.h"
#include "cluster/etcd/lease.h"
#include "cluster/record/records.h"

namespace dm::master {

// What a term of leadership rests on.
struct Leadership {
  std::string campaign_key;
  int64_t create_revision = 0;
  std::shared_ptr<cluster::KeptLease> lease;
};

// Campaigns for ever, from a thread of its own: the member with the oldest campaign key leads.
class Election {
 public:
  struct Options {
    cluster::LeaderRecord self;
    int64_t session_ttl_seconds = 60;
  };
  struct Callbacks {
    // This member leads. Throws if it cannot take up the work: it then gives up the leadership so
    // that another member can try. Stops early when the token does. `resign` may be called at any
    // time of the term, from any thread, to end it.
    using ResignFunction = std::function<void()>;
    std::function<void(const Leadership&, ResignFunction resign, const StopToken&)> elected;
    // The term has ended (also called after `elected` threw).
    std::function<void()> retired;
  };

  // The lock on the member's data directory must be held: campaign keys with the member's own name
  // that are found at the start are taken for those of a process that is dead, and deleted.
  Election(std::shared_ptr<cluster::EtcdClient> etcd, Options options, Callbacks callbacks);
  // As Close.
  ~Election();
  Election(const Election&) = delete;
  Election& operator=(const Election&) = delete;

  // Ends the term, if there is one, and revokes the session. Idempotent.
  void Close();

 private:
  void Resign();
  void Run(const StopToken& stop);
  void RunSession(const std::shared_ptr<cluster::KeptLease>& lease, const StopToken& stop);
  int64_t Campaign(const std::string& key, int64_t lease, const StopToken& stop);
  void AwaitTurn(int64_t create_revision, const StopToken& stop);
  void Lead(const Leadership& leadership, const StopToken& stop);

  const std::shared_ptr<cluster::EtcdClient> etcd_;
  const Options options_;
  const Callbacks callbacks_;
  std::mutex mutex_;
  StopSource resign_;  // of the current round
  StopSource closing_;
  std::jthread thread_;
};

// Ends the campaigns of a member; if it leads, its term. Deletes also what stands among the
// campaign keys, is none, and would never go by itself.
void DeleteCampaignKeys(cluster::EtcdClient& etcd, const std::string& member,
                        const StopToken& stop);

// The member that leads now. Throws Error 11108 if there is none.
cluster::LeaderRecord ReadLeader(cluster::EtcdClient& etcd, const StopToken& stop);

}  // namespace dm::master
