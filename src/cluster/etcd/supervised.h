// An etcd server that is a child of this process and shares its fate.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/net/tls.h"
#include "base/thread/stop.h"

namespace dm::cluster {

struct EtcdServerConfig {
  std::string name;
  std::string data_dir;  // absolute
  std::string listen_peer_urls;
  std::string advertise_peer_urls;
  std::string initial_cluster;  // used only if the data directory holds no data
  std::string initial_cluster_state = "new";
  // Among members. With a CA: TLS, and every peer has to show a certificate of that CA; etcd takes
  // the first of the common names only. Certificate and key are read by etcd at every handshake.
  TlsOptions peer_tls{};
  // What the member announces to clients: the parent's public URL, never the private socket.
  std::string advertise_client_urls;
  uint64_t max_txn_ops = 2048;
  uint64_t max_request_bytes = 1'572'864;
  std::string auto_compaction_mode = "periodic";
  std::string auto_compaction_retention = "1h";
  int64_t quota_backend_bytes = 2'147'483'648;
  // Between ticks of raft, and without a leader until a member stands for election. For members
  // that hear each other over a network these are etcd's defaults; a member that is alone needs no
  // patience, and waits for one to two election timeouts at each start.
  Milliseconds heartbeat{100};
  Milliseconds election_timeout{1'000};
  std::string log_level = "warn";  // of etcd's own messages
  // Part of a key that every database that was ever in use holds: tells one without its log, which
  // is refused, from the remains of an interrupted first start. Empty: nothing is refused.
  std::string mark_of_use;
  // Environment variable DM_ETCD_BINARY overrides the default.
  std::string binary;
};

// The child. Its client endpoint is a Unix socket in the directory `<data-dir>/run` (mode 0700), so
// that nobody but this user reaches it. The data directory is locked while this object lives.
//
// The child dies with this process, also when that is killed; what a killed predecessor left behind
// (a child that is still going down, a stale socket) is cleared away at the next start.
//
// A child that has served and ends by itself is started again on the same endpoint, after 0.5, 1
// and 2 s; the fourth end within 60 s is final. It is final, too, if the child was removed from its
// cluster, or the data directory is not the one it was. What was acknowledged is in the directory,
// so callers see no more than a connection that breaks.
// Thread-safe.
class SupervisedEtcd {
 public:
  // How the last child ended.
  struct Exit {
    bool unexpected = false;  // without being asked to
    bool by_signal = false;
    int code = 0;          // exit code or signal number
    int deaths = 0;        // without being asked to, within 60 s
    std::string last_log;  // its last message of level error or worse, or why there is no other one
    // etcd ends with code 0 when it was removed from the cluster.
    bool removed_from_cluster() const { return unexpected && !by_signal && code == 0; }
  };

  // Starts the child and waits until it answers. Throws Cancelled, or Error 38038: the directory is
  // unusable, in use or lacks its log, etcd ended (its own message is the cause), or it did not
  // answer in 10 s.
  SupervisedEtcd(EtcdServerConfig config, const StopToken& stop);
  // As Stop.
  ~SupervisedEtcd();
  SupervisedEtcd(const SupervisedEtcd&) = delete;
  SupervisedEtcd& operator=(const SupervisedEtcd&) = delete;

  // "unix:..." for EtcdClient; valid in this process only.
  std::string endpoint() const;
  // Stops when the child has ended, asked or not, and is not started again.
  StopToken exited() const;
  Exit exit() const;

  // Asks the child to end in order (SIGTERM), waits 15 s, then kills it. Idempotent.
  void Stop() noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dm::cluster
