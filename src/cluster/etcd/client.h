// Client of an etcd cluster: of the private Unix socket of an own etcd, or of any number of
// addresses that pass etcd's API through (dm-master's public port).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error/error.h"
#include "base/net/tls.h"
#include "base/thread/stop.h"
#include "cluster/etcd/kv.h"

namespace dm::cluster {

class Channels;  // connections to the endpoints (channels.h), shared by the client and its watches
class Watch;

struct EtcdOptions {
  // "unix:/path", "host:port" or "http://host:port". The order is the order of preference.
  std::vector<std::string> endpoints;
  TlsOptions tls{};  // towards endpoints that are no Unix sockets
  // 0: the endpoints stay as given. Else the member list is read that often, and the client URLs of
  // named members become the endpoints; a `unix:` endpoint given at first always stays first.
  Milliseconds refresh_interval{0};
  Milliseconds dial_timeout{3'000};
  // Total budget of one call with its repeats, and limit of one attempt.
  Milliseconds request_timeout{10'000};
  Milliseconds attempt_timeout{2'000};
};

// One member of the etcd cluster.
struct EtcdMember {
  uint64_t id = 0;
  std::string name;  // empty: added, never started
  std::vector<std::string> peer_urls;
  std::vector<std::string> client_urls;
  bool is_learner = false;
};

struct LeaseGrantResult {
  int64_t id = 0;
  int64_t ttl_seconds = 0;  // what the server granted; may exceed what was asked for
};

// Thread-safe. Every call blocks at most `request_timeout`, throws Cancelled within 100 ms of the
// stop, and throws Error for a failure:
//   42501  get, put, delete, txn          42503  watch
//   42504  lease grant and revoke         42505  renewals
// whose raw cause is "rpc error: code = <Name> desc = <text>". All calls are repeated inside the
// budget (5 attempts at most, 1 s apart) if the failure says that the cluster is busy, without
// leader, or the connection broke; so an operation may have been applied more than once, and one
// that failed may have been applied: only idempotent operations may be given here.
class EtcdClient {
 public:
  explicit EtcdClient(EtcdOptions options);
  ~EtcdClient();
  EtcdClient(const EtcdClient&) = delete;
  EtcdClient& operator=(const EtcdClient&) = delete;

  // Reads at `revision` (0: now, linearizable). A revision that is compacted: resync error.
  std::optional<KeyValue> Get(const std::string& key, const StopToken& stop, int64_t revision = 0);
  // As Get, with the store's revision.
  GetResult GetAt(const std::string& key, const StopToken& stop, int64_t revision = 0);
  GetResult GetPrefix(const std::string& prefix, const StopToken& stop, int64_t revision = 0);
  // The pair with the smallest create revision under the prefix, if any.
  GetResult GetFirstCreated(const std::string& prefix, const StopToken& stop);
  // The pair with the greatest create revision that is not above `max_create_revision`, if any.
  GetResult GetLastCreated(const std::string& prefix, int64_t max_create_revision,
                           const StopToken& stop);

  // Answer the revision of the write.
  int64_t Put(WriteName name, const std::string& key, const std::string& value,
              const StopToken& stop, int64_t lease = 0);
  int64_t Delete(WriteName name, const std::string& key, const StopToken& stop);

  TxnResult Commit(WriteName name, const Txn& txn, const StopToken& stop);
  // A transaction without writes.
  TxnResult Read(const Txn& txn, const StopToken& stop);

  LeaseGrantResult LeaseGrant(int64_t ttl_seconds, const StopToken& stop);
  // One attempt of at most `budget`; throws Error 42504.
  void LeaseRevoke(int64_t id, Milliseconds budget = Milliseconds(3'000));

  // Watches a key, or all keys with a prefix, from `from_revision` on (that revision included).
  std::unique_ptr<Watch> WatchKey(const std::string& key, int64_t from_revision,
                                  bool previous = false);
  std::unique_ptr<Watch> WatchPrefix(const std::string& prefix, int64_t from_revision,
                                     bool previous = false);

  std::vector<EtcdMember> MemberList(const StopToken& stop);
  // A member that is gone when the call is repeated counts as removed.
  void MemberRemove(uint64_t id, const StopToken& stop);

  // Endpoints as they are now.
  std::vector<std::string> endpoints() const;

  const std::shared_ptr<Channels>& channels() const { return channels_; }

 private:
  TxnResult Send(const Txn& txn, const StopToken& stop);

  std::shared_ptr<Channels> channels_;
  std::jthread refresher_;
};

// The failure says that a snapshot has to be taken again and the watch restarted from it:
// compacted, no leader, no space, deadline exceeded, unavailable, or a watch that ended (42503).
bool IsResyncError(const Error& error);
// The part of them that may last: no space, deadline exceeded.
bool IsLimitedResyncError(const Error& error);
// The write that failed with this error may have been applied, or may be applied later: the answer
// was lost, or the cluster did not say in time. False: it certainly never is.
bool MayHaveBeenApplied(const Error& error);
// Any failure of a call of EtcdClient or a watch (42501 to 42505).
bool IsEtcdFailure(const Error& error);
// The failure is that etcd has used up its space. Whether the write was applied can be read.
bool IsNoSpaceError(const Error& error);
// The revision asked for is no longer kept.
bool IsCompactedError(const Error& error);

}  // namespace dm::cluster
