#include "programs/master/election.h"

#include "base/error/error.h"
#include "base/log/log.h"
#include "cluster/etcd/watch.h"
#include "cluster/record/keys.h"

namespace dm::master {
namespace {

using cluster::Operation;
using cluster::Txn;

constexpr Milliseconds kSessionRetryPause{200};
constexpr Milliseconds kRoundRetryPause{500};

const Logger& ElectionLog() {
  static const Logger logger = Log().With({F("component", "election")});
  return logger;
}

std::string CampaignPrefix() { return fmt::format("{}/", cluster::keys::kLeaderPrefix); }

}  // namespace

Election::Election(std::shared_ptr<cluster::EtcdClient> etcd, Options options, Callbacks callbacks)
    : etcd_(std::move(etcd)), options_(std::move(options)), callbacks_(std::move(callbacks)) {
  thread_ = std::jthread([this] { Run(closing_.get_token()); });
}

Election::~Election() { Close(); }

void Election::Resign() {
  std::lock_guard lock(mutex_);
  resign_.request_stop();
}

void Election::Close() {
  closing_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Election::Run(const StopToken& stop) {
  while (!stop.stop_requested()) {
    try {
      auto lease = std::make_shared<cluster::KeptLease>(etcd_, options_.session_ttl_seconds, stop);
      RunSession(lease, stop);
      // Deletes the campaign key, so that another member takes over at once.
      lease->Revoke();
    } catch (const Cancelled&) {
      return;
    } catch (const std::exception& e) {
      ElectionLog().Error("fail to create a session, trying again",
                          {F("error", WrapError(ErrorCode::kElectionCampaignFail, e, "session"))});
    }
    try {
      WaitFor(kSessionRetryPause, stop);
    } catch (const Cancelled&) {
      return;
    }
  }
}

// Campaigns and leads, round after round, while the session lasts.
void Election::RunSession(const std::shared_ptr<cluster::KeptLease>& lease, const StopToken& stop) {
  const std::string key = CampaignPrefix() + fmt::format("{:x}", lease->id());
  while (!stop.stop_requested() && !lease->lost().stop_requested()) {
    StopToken resigned;
    {
      std::lock_guard lock(mutex_);
      resign_ = StopSource();
      resigned = resign_.get_token();
    }
    const LinkedStop session_end(stop, lease->lost());
    const LinkedStop round_end(session_end.token(), resigned);
    try {
      // Also a key of this session's former round: each term has a key of its own, so that a write
      // of a former term that etcd still holds back finds that its condition is false.
      DeleteCampaignKeys(*etcd_, options_.self.id, round_end.token());
      const int64_t create_revision = Campaign(key, lease->id(), round_end.token());
      AwaitTurn(create_revision, round_end.token());
      Lead({key, create_revision, lease}, round_end.token());
    } catch (const Cancelled&) {
    } catch (const std::exception& e) {
      ElectionLog().Error(
          "the round of the election failed",
          {F("error", WrapError(ErrorCode::kElectionCampaignFail, e, ErrorText(e)))});
    }
    if (session_end.token().stop_requested()) return;
    try {
      // Lets another member try, if there is one.
      try {
        // Crash points: a round of the election has failed.
        etcd_->Delete("campaign-end", key, session_end.token());
      } catch (const Error& e) {
        ElectionLog().Warn("fail to delete the own campaign key", {F("error", e)});
      }
      WaitFor(kRoundRetryPause, session_end.token());
    } catch (const Cancelled&) {
      return;
    }
  }
}

int64_t Election::Campaign(const std::string& key, int64_t lease, const StopToken& stop) {
  const std::string value = cluster::Encode(options_.self);
  Txn txn;
  txn.compares.push_back(cluster::Compare::CreateRevision(key, 0));
  txn.then.push_back(Operation::Put(key, value, lease));
  txn.otherwise.push_back(Operation::Get(key));
  // Crash points: this member wants to lead.
  const cluster::TxnResult result = etcd_->Commit("campaign", txn, stop);
  if (result.succeeded) return result.revision;
  // A repeated request that had succeeded: nobody else writes a key with this session's lease.
  return result.gets.at(0).kvs.at(0).create_revision;
}

// Until no older campaign key exists.
void Election::AwaitTurn(int64_t create_revision, const StopToken& stop) {
  while (true) {
    const cluster::GetResult before =
        etcd_->GetLastCreated(CampaignPrefix(), create_revision - 1, stop);
    if (before.kvs.empty()) return;
    const cluster::KeyValue& other = before.kvs.front();
    ElectionLog().Info("wait for another member's campaign key to go",
                       {F("key", other.key), F("value", other.value)});
    auto watch = etcd_->WatchKey(other.key, before.revision + 1);
    bool gone = false;
    while (!gone) {
      for (const cluster::WatchEvent& event : watch->Next(stop)) {
        gone = gone || event.type == cluster::WatchEvent::Type::kDelete;
      }
    }
  }
}

void Election::Lead(const Leadership& leadership, const StopToken& stop) {
  ElectionLog().Info("become leader", {F("current member", cluster::Encode(options_.self))});
  try {
    callbacks_.elected(
        leadership, [this] { Resign(); }, stop);
    auto watch = etcd_->WatchKey(leadership.campaign_key, leadership.create_revision + 1);
    bool gone = false;
    while (!gone) {
      try {
        for (const cluster::WatchEvent& event : watch->Next(stop)) {
          gone = gone || event.type == cluster::WatchEvent::Type::kDelete;
        }
      } catch (const Error& e) {
        // A new look decides whether the key is still the one of this term.
        ElectionLog().Warn("watching the own campaign key failed", {F("error", e)});
        const cluster::GetResult now = etcd_->GetAt(leadership.campaign_key, stop);
        gone = now.kvs.empty() || now.kvs.front().create_revision != leadership.create_revision;
        watch = etcd_->WatchKey(leadership.campaign_key, now.revision + 1);
      }
    }
    ElectionLog().Warn("the campaign key was deleted", {F("key", leadership.campaign_key)});
  } catch (...) {
    callbacks_.retired();
    throw;
  }
  callbacks_.retired();
}

void DeleteCampaignKeys(cluster::EtcdClient& etcd, const std::string& member,
                        const StopToken& stop) {
  for (const cluster::KeyValue& kv : etcd.GetPrefix(CampaignPrefix(), stop).kvs) {
    try {
      if (cluster::DecodeLeaderRecord(kv.value).id != member) continue;
      ElectionLog().Info("delete a campaign key", {F("member", member), F("key", kv.key)});
    } catch (const Error& e) {
      // Each campaign has a lease. What has none would keep every member from leading for ever.
      ElectionLog().Warn("a campaign key is unusable",
                         {F("key", kv.key), F("lease", kv.lease), F("error", e)});
      if (kv.lease != 0) continue;
    }
    // Crash points: the campaign key of a former process or term.
    etcd.Delete("former-campaign-end", kv.key, stop);
  }
}

cluster::LeaderRecord ReadLeader(cluster::EtcdClient& etcd, const StopToken& stop) {
  const cluster::GetResult first = etcd.GetFirstCreated(CampaignPrefix(), stop);
  if (first.kvs.empty()) throw MakeError(ErrorCode::kElectionGetLeaderIDFail);
  return cluster::DecodeLeaderRecord(first.kvs.front().value);
}

}  // namespace dm::master
