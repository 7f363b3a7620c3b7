// A stand-in for etcd in tests: a store in memory with transactions, watches and leases, over a
// Unix socket. Faults are injected per transaction.
#pragma once

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "etcd/rpc.grpc.pb.h"

namespace dm::cluster::testing {

// What goes wrong with one transaction.
struct TxnFault {
  grpc::Status status;
  bool applied = false;  // the failure is told although the writes were made
};

class MemoryEtcd {
 public:
  // Asked for each transaction that writes (in order, under a lock); nullopt: nothing is wrong.
  using FaultFunction = std::function<std::optional<TxnFault>(const etcdserverpb::TxnRequest&)>;

  MemoryEtcd() : path_("/tmp/dm-memory-etcd-" + std::to_string(getpid()) + "-" + NextNumber()) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + path_, grpc::InsecureServerCredentials());
    builder.RegisterService(&kv_);
    builder.RegisterService(&watch_);
    builder.RegisterService(&lease_);
    builder.RegisterService(&members_);
    server_ = builder.BuildAndStart();
  }
  ~MemoryEtcd() {
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    unlink(path_.c_str());
  }
  MemoryEtcd(const MemoryEtcd&) = delete;
  MemoryEtcd& operator=(const MemoryEtcd&) = delete;

  std::string endpoint() const { return "unix:" + path_; }

  void Put(const std::string& key, const std::string& value, int64_t lease = 0) {
    std::lock_guard lock(mutex_);
    ++revision_;
    PutLocked(key, value, lease);
    changed_.notify_all();
  }
  void Delete(const std::string& key) {
    std::lock_guard lock(mutex_);
    ++revision_;
    DeleteLocked(key, "");
    changed_.notify_all();
  }
  std::optional<std::string> Get(const std::string& key) const {
    std::lock_guard lock(mutex_);
    auto it = pairs_.find(key);
    if (it == pairs_.end()) return std::nullopt;
    return it->second.value();
  }
  int64_t CreateRevision(const std::string& key) const {
    std::lock_guard lock(mutex_);
    auto it = pairs_.find(key);
    return it == pairs_.end() ? 0 : it->second.create_revision();
  }
  std::vector<std::string> Keys(const std::string& prefix) const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [key, kv] : pairs_) {
      if (key.starts_with(prefix)) out.push_back(key);
    }
    return out;
  }

  void InjectFaults(FaultFunction faults) {
    std::lock_guard lock(mutex_);
    faults_ = std::move(faults);
  }
  // Transactions with writes that were asked for, failed ones included.
  int txns() const { return txns_.load(); }
  // Refuses more operations, as etcd does.
  void LimitOperations(int max) { max_operations_ = max; }
  void LimitRequestBytes(size_t max) { max_request_bytes_ = max; }

  struct Member {
    uint64_t id = 0;
    std::string name;
  };
  void SetMembers(std::vector<Member> members) {
    std::lock_guard lock(mutex_);
    member_list_ = std::move(members);
  }
  // The next removal of a member is done but answered with this.
  void LoseAnswerToRemoval(grpc::Status status) {
    std::lock_guard lock(mutex_);
    removal_answer_ = std::move(status);
  }

 private:
  static std::string NextNumber() {
    static std::atomic<int> number{0};
    return std::to_string(number++);
  }

  // The lock is held for all of these; the revision was raised before.
  void PutLocked(const std::string& key, const std::string& value, int64_t lease) {
    mvccpb::KeyValue& kv = pairs_[key];
    if (kv.version() == 0) kv.set_create_revision(revision_);
    kv.set_key(key);
    kv.set_value(value);
    kv.set_lease(lease);
    kv.set_mod_revision(revision_);
    kv.set_version(kv.version() + 1);
    mvccpb::Event event;
    event.set_type(mvccpb::Event::PUT);
    *event.mutable_kv() = kv;
    history_.push_back(event);
  }
  void DeleteLocked(const std::string& key, const std::string& range_end) {
    for (auto it = pairs_.lower_bound(key); it != pairs_.end() && Within(it->first, key, range_end);
         it = pairs_.erase(it)) {
      mvccpb::Event event;
      event.set_type(mvccpb::Event::DELETE);
      event.mutable_kv()->set_key(it->first);
      event.mutable_kv()->set_mod_revision(revision_);
      history_.push_back(event);
    }
  }
  static bool Within(const std::string& key, const std::string& from, const std::string& end) {
    if (end.empty()) return key == from;
    return key >= from && (end == std::string(1, '\0') || key < end);
  }
  void RangeLocked(const etcdserverpb::RangeRequest& request,
                   etcdserverpb::RangeResponse* response) const {
    std::vector<mvccpb::KeyValue> found;
    for (auto it = pairs_.lower_bound(request.key());
         it != pairs_.end() && Within(it->first, request.key(), request.range_end()); ++it) {
      if (request.max_create_revision() > 0 &&
          it->second.create_revision() > request.max_create_revision()) {
        continue;
      }
      found.push_back(it->second);
    }
    if (request.sort_target() == etcdserverpb::RangeRequest::CREATE) {
      std::stable_sort(found.begin(), found.end(), [&](const auto& a, const auto& b) {
        return request.sort_order() == etcdserverpb::RangeRequest::DESCEND
                   ? a.create_revision() > b.create_revision()
                   : a.create_revision() < b.create_revision();
      });
    }
    if (request.limit() > 0 && found.size() > static_cast<size_t>(request.limit())) {
      found.resize(static_cast<size_t>(request.limit()));
    }
    response->mutable_header()->set_revision(revision_);
    for (const auto& kv : found) *response->add_kvs() = kv;
  }
  bool HoldsLocked(const etcdserverpb::Compare& compare) const {
    auto it = pairs_.find(compare.key());
    const mvccpb::KeyValue none;
    const mvccpb::KeyValue& kv = it == pairs_.end() ? none : it->second;
    switch (compare.target()) {
      case etcdserverpb::Compare::CREATE:
        return kv.create_revision() == compare.create_revision();
      case etcdserverpb::Compare::MOD:
        return kv.mod_revision() == compare.mod_revision();
      case etcdserverpb::Compare::VERSION:
        return kv.version() == compare.version();
      default:
        return it != pairs_.end() && kv.value() == compare.value();
    }
  }
  grpc::Status Commit(const etcdserverpb::TxnRequest& request,
                      etcdserverpb::TxnResponse* response) {
    std::lock_guard lock(mutex_);
    if (std::max({request.compare_size(), request.success_size(), request.failure_size()}) >
        max_operations_) {
      return {grpc::INVALID_ARGUMENT, "etcdserver: too many operations in txn request"};
    }
    if (request.ByteSizeLong() > max_request_bytes_) {
      return {grpc::INVALID_ARGUMENT, "etcdserver: request is too large"};
    }
    std::set<std::string> written;
    bool writes = false;
    for (const auto& op : request.success()) {
      if (op.has_request_put() || op.has_request_delete_range()) writes = true;
      if (op.has_request_put() && !written.insert(op.request_put().key()).second) {
        return {grpc::INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request"};
      }
    }
    for (const auto& op : request.success()) {
      if (op.has_request_delete_range() && written.contains(op.request_delete_range().key())) {
        return {grpc::INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request"};
      }
    }
    std::optional<TxnFault> fault;
    if (writes) {
      ++txns_;
      if (faults_) fault = faults_(request);
    }
    if (fault && !fault->applied) return fault->status;
    bool holds = true;
    for (const auto& compare : request.compare()) holds = holds && HoldsLocked(compare);
    response->set_succeeded(holds);
    const auto& operations = holds ? request.success() : request.failure();
    bool raised = false;
    const auto raise = [&] {
      if (!std::exchange(raised, true)) ++revision_;
    };
    for (const auto& op : operations) {
      auto* out = response->add_responses();
      if (op.has_request_put()) {
        raise();
        PutLocked(op.request_put().key(), op.request_put().value(), op.request_put().lease());
        out->mutable_response_put();
      } else if (op.has_request_delete_range()) {
        raise();
        DeleteLocked(op.request_delete_range().key(), op.request_delete_range().range_end());
        out->mutable_response_delete_range();
      } else {
        RangeLocked(op.request_range(), out->mutable_response_range());
      }
    }
    response->mutable_header()->set_revision(revision_);
    changed_.notify_all();
    return fault ? fault->status : grpc::Status::OK;
  }

  struct Kv : etcdserverpb::KV::Service {
    explicit Kv(MemoryEtcd& store) : store(store) {}
    grpc::Status Range(grpc::ServerContext*, const etcdserverpb::RangeRequest* request,
                       etcdserverpb::RangeResponse* response) override {
      std::lock_guard lock(store.mutex_);
      store.RangeLocked(*request, response);
      return grpc::Status::OK;
    }
    grpc::Status Txn(grpc::ServerContext*, const etcdserverpb::TxnRequest* request,
                     etcdserverpb::TxnResponse* response) override {
      return store.Commit(*request, response);
    }
    MemoryEtcd& store;
  };

  struct Watcher : etcdserverpb::Watch::Service {
    explicit Watcher(MemoryEtcd& store) : store(store) {}
    grpc::Status Watch(grpc::ServerContext* context,
                       grpc::ServerReaderWriter<etcdserverpb::WatchResponse,
                                                etcdserverpb::WatchRequest>* stream) override {
      etcdserverpb::WatchRequest request;
      if (!stream->Read(&request)) return grpc::Status::OK;
      const auto& create = request.create_request();
      etcdserverpb::WatchResponse created;
      created.set_created(true);
      created.mutable_header()->set_revision(create.start_revision());
      stream->Write(created);
      size_t seen = 0;
      while (true) {
        etcdserverpb::WatchResponse response;
        {
          std::unique_lock lock(store.mutex_);
          store.changed_.wait_for(lock, std::chrono::milliseconds(20),
                                  [&] { return store.ending_ || seen < store.history_.size(); });
          if (store.ending_ || context->IsCancelled()) return grpc::Status::CANCELLED;
          for (; seen < store.history_.size(); ++seen) {
            const mvccpb::Event& event = store.history_[seen];
            if (event.kv().mod_revision() >= create.start_revision() &&
                Within(event.kv().key(), create.key(), create.range_end())) {
              *response.add_events() = event;
            }
          }
          response.mutable_header()->set_revision(store.revision_);
        }
        if (response.events_size() > 0 && !stream->Write(response)) return grpc::Status::OK;
      }
    }
    MemoryEtcd& store;
  };

  struct Leases : etcdserverpb::Lease::Service {
    explicit Leases(MemoryEtcd& store) : store(store) {}
    grpc::Status LeaseGrant(grpc::ServerContext*, const etcdserverpb::LeaseGrantRequest* request,
                            etcdserverpb::LeaseGrantResponse* response) override {
      std::lock_guard lock(store.mutex_);
      response->set_id(++store.lease_id_);
      response->set_ttl(request->ttl());
      return grpc::Status::OK;
    }
    grpc::Status LeaseRevoke(grpc::ServerContext*, const etcdserverpb::LeaseRevokeRequest* request,
                             etcdserverpb::LeaseRevokeResponse*) override {
      std::lock_guard lock(store.mutex_);
      std::vector<std::string> gone;
      for (const auto& [key, kv] : store.pairs_) {
        if (kv.lease() == request->id()) gone.push_back(key);
      }
      ++store.revision_;
      for (const std::string& key : gone) store.DeleteLocked(key, "");
      store.changed_.notify_all();
      return grpc::Status::OK;
    }
    grpc::Status LeaseKeepAlive(
        grpc::ServerContext*,
        grpc::ServerReaderWriter<etcdserverpb::LeaseKeepAliveResponse,
                                 etcdserverpb::LeaseKeepAliveRequest>* stream) override {
      etcdserverpb::LeaseKeepAliveRequest request;
      while (stream->Read(&request)) {
        etcdserverpb::LeaseKeepAliveResponse response;
        response.set_id(request.id());
        response.set_ttl(60);
        stream->Write(response);
      }
      return grpc::Status::OK;
    }
    MemoryEtcd& store;
  };

  struct Members : etcdserverpb::Cluster::Service {
    explicit Members(MemoryEtcd& store) : store(store) {}
    grpc::Status MemberList(grpc::ServerContext*, const etcdserverpb::MemberListRequest*,
                            etcdserverpb::MemberListResponse* response) override {
      std::lock_guard lock(store.mutex_);
      for (const Member& member : store.member_list_) {
        auto* out = response->add_members();
        out->set_id(member.id);
        out->set_name(member.name);
      }
      return grpc::Status::OK;
    }
    grpc::Status MemberRemove(grpc::ServerContext*,
                              const etcdserverpb::MemberRemoveRequest* request,
                              etcdserverpb::MemberRemoveResponse*) override {
      std::lock_guard lock(store.mutex_);
      if (std::erase_if(store.member_list_,
                        [&](const Member& member) { return member.id == request->id(); }) == 0) {
        return {grpc::NOT_FOUND, "etcdserver: member not found"};
      }
      return std::exchange(store.removal_answer_, grpc::Status::OK);
    }
    MemoryEtcd& store;
  };

  const std::string path_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  int64_t revision_ = 1;
  int64_t lease_id_ = 100;
  std::map<std::string, mvccpb::KeyValue> pairs_;
  std::vector<mvccpb::Event> history_;
  FaultFunction faults_;
  std::atomic<int> txns_{0};
  std::atomic<int> max_operations_{2048};
  std::atomic<size_t> max_request_bytes_{1'572'864};
  std::vector<Member> member_list_;
  grpc::Status removal_answer_;
  Kv kv_{*this};
  Watcher watch_{*this};
  Leases lease_{*this};
  Members members_{*this};
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace dm::cluster::testing
