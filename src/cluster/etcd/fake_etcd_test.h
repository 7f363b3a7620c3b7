// A stand-in for etcd's server in tests: answers by script, over a Unix socket.
#pragma once

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "etcd/rpc.grpc.pb.h"

namespace dm::cluster::testing {

namespace epb = etcdserverpb;

// What one watch stream does after it was created.
struct WatchScript {
  std::vector<int64_t> revisions;  // one put of key "k" each, in one message each
  int64_t compacted = 0;           // then: cancelled, compacted at this revision
  bool stay = false;               // then: stays open until the client leaves; else ends
  int64_t revision = 1000;         // of the store, when the watch is made
  uint64_t raft_term = 2;
  uint64_t cluster_id = 7;
};

class FakeEtcd {
 public:
  FakeEtcd() : path_("/tmp/dm-fake-etcd-" + std::to_string(getpid()) + "-" + NextNumber()) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + path_, grpc::InsecureServerCredentials());
    builder.RegisterService(&kv_);
    builder.RegisterService(&watch_);
    builder.RegisterService(&lease_);
    server_ = builder.BuildAndStart();
  }
  ~FakeEtcd() {
    kv_.Hold(false);
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    unlink(path_.c_str());
  }

  std::string endpoint() const { return "unix:" + path_; }

  // Status of the next Range calls, in order; then OK.
  void FailRanges(std::deque<grpc::Status> failures) {
    std::lock_guard lock(kv_.mutex);
    kv_.failures = std::move(failures);
  }
  // Range calls get no answer as long as the server lives.
  void HoldRanges() { kv_.Hold(true); }
  int ranges() const { return kv_.ranges.load(); }
  void ScriptWatches(std::deque<WatchScript> scripts) {
    std::lock_guard lock(watch_.mutex);
    watch_.scripts = std::move(scripts);
  }
  // Start revisions of the watches that were made.
  std::vector<int64_t> watch_starts() {
    std::lock_guard lock(watch_.mutex);
    return watch_.starts;
  }
  // Renewals answer this TTL; 0: the lease is gone.
  void AnswerRenewals(int64_t ttl) { lease_.ttl = ttl; }
  int renewals() const { return lease_.renewals.load(); }

 private:
  static std::string NextNumber() {
    static std::atomic<int> number{0};
    return std::to_string(number++);
  }

  struct Kv : epb::KV::Service {
    grpc::Status Range(grpc::ServerContext*, const epb::RangeRequest* request,
                       epb::RangeResponse* response) override {
      ++ranges;
      std::unique_lock lock(mutex);
      let_go.wait(lock, [this] { return !held; });
      if (!failures.empty()) {
        const grpc::Status status = failures.front();
        failures.pop_front();
        return status;
      }
      response->mutable_header()->set_revision(7);
      auto* kv = response->add_kvs();
      kv->set_key(request->key());
      kv->set_value("value");
      return grpc::Status::OK;
    }
    void Hold(bool hold) {
      std::lock_guard lock(mutex);
      held = hold;
      let_go.notify_all();
    }
    std::mutex mutex;
    std::condition_variable let_go;
    bool held = false;
    std::deque<grpc::Status> failures;
    std::atomic<int> ranges{0};
  };

  struct Watcher : epb::Watch::Service {
    grpc::Status Watch(
        grpc::ServerContext* context,
        grpc::ServerReaderWriter<epb::WatchResponse, epb::WatchRequest>* stream) override {
      epb::WatchRequest request;
      if (!stream->Read(&request)) return grpc::Status::OK;
      WatchScript script;
      {
        std::lock_guard lock(mutex);
        starts.push_back(request.create_request().start_revision());
        if (!scripts.empty()) {
          script = scripts.front();
          scripts.pop_front();
        } else {
          script.stay = true;
        }
      }
      epb::WatchResponse response;
      response.set_created(true);
      response.mutable_header()->set_revision(script.revision);
      response.mutable_header()->set_raft_term(script.raft_term);
      response.mutable_header()->set_cluster_id(script.cluster_id);
      stream->Write(response);
      for (const int64_t revision : script.revisions) {
        epb::WatchResponse event;
        event.mutable_header()->set_revision(revision);
        auto* kv = event.add_events()->mutable_kv();
        kv->set_key("k");
        kv->set_value(std::to_string(revision));
        kv->set_mod_revision(revision);
        stream->Write(event);
      }
      if (script.compacted > 0) {
        epb::WatchResponse end;
        end.set_canceled(true);
        end.set_compact_revision(script.compacted);
        stream->Write(end);
        script.stay = true;
      }
      if (!script.stay) return grpc::Status(grpc::UNAVAILABLE, "etcdserver: leader changed");
      while (stream->Read(&request)) {
      }
      return context->IsCancelled() ? grpc::Status::CANCELLED : grpc::Status::OK;
    }
    std::mutex mutex;
    std::deque<WatchScript> scripts;
    std::vector<int64_t> starts;
  };

  struct Leases : epb::Lease::Service {
    grpc::Status LeaseGrant(grpc::ServerContext*, const epb::LeaseGrantRequest* request,
                            epb::LeaseGrantResponse* response) override {
      response->set_id(11);
      response->set_ttl(request->ttl());
      return grpc::Status::OK;
    }
    grpc::Status LeaseRevoke(grpc::ServerContext*, const epb::LeaseRevokeRequest*,
                             epb::LeaseRevokeResponse*) override {
      return grpc::Status::OK;
    }
    grpc::Status LeaseKeepAlive(
        grpc::ServerContext*,
        grpc::ServerReaderWriter<epb::LeaseKeepAliveResponse, epb::LeaseKeepAliveRequest>* stream)
        override {
      epb::LeaseKeepAliveRequest request;
      while (stream->Read(&request)) {
        ++renewals;
        epb::LeaseKeepAliveResponse response;
        response.set_id(request.id());
        response.set_ttl(ttl);
        stream->Write(response);
      }
      return grpc::Status::OK;
    }
    std::atomic<int64_t> ttl{1};
    std::atomic<int> renewals{0};
  };

  const std::string path_;
  Kv kv_;
  Watcher watch_;
  Leases lease_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace dm::cluster::testing
