#include "cluster/etcd/client.h"

#include <stdexcept>

#include "base/failpoint/failpoint.h"
#include "base/log/log.h"
#include "cluster/etcd/channels.h"
#include "cluster/etcd/watch.h"
#include "etcd/rpc.grpc.pb.h"

namespace dm::cluster {
namespace {

namespace pb = etcdserverpb;

KeyValue FromWire(const mvccpb::KeyValue& kv) {
  return {kv.key(), kv.value(), kv.create_revision(), kv.mod_revision(), kv.version(), kv.lease()};
}

GetResult FromWire(const pb::RangeResponse& response) {
  GetResult result;
  result.revision = response.header().revision();
  result.kvs.reserve(response.kvs_size());
  for (const auto& kv : response.kvs()) result.kvs.push_back(FromWire(kv));
  return result;
}

void ToWire(const Compare& compare, pb::Compare* out) {
  out->set_key(compare.key);
  switch (compare.relation) {
    case Compare::Relation::kEqual:
      out->set_result(pb::Compare::EQUAL);
      break;
    case Compare::Relation::kGreater:
      out->set_result(pb::Compare::GREATER);
      break;
    case Compare::Relation::kLess:
      out->set_result(pb::Compare::LESS);
      break;
    case Compare::Relation::kNotEqual:
      out->set_result(pb::Compare::NOT_EQUAL);
      break;
  }
  switch (compare.target) {
    case Compare::Target::kCreateRevision:
      out->set_target(pb::Compare::CREATE);
      out->set_create_revision(compare.number);
      break;
    case Compare::Target::kModRevision:
      out->set_target(pb::Compare::MOD);
      out->set_mod_revision(compare.number);
      break;
    case Compare::Target::kVersion:
      out->set_target(pb::Compare::VERSION);
      out->set_version(compare.number);
      break;
    case Compare::Target::kValue:
      out->set_target(pb::Compare::VALUE);
      out->set_value(compare.value);
      break;
  }
}

void ToWire(const Operation& op, pb::RequestOp* out) {
  switch (op.kind) {
    case Operation::Kind::kGet:
      out->mutable_request_range()->set_key(op.key);
      out->mutable_request_range()->set_range_end(op.range_end);
      break;
    case Operation::Kind::kPut:
      out->mutable_request_put()->set_key(op.key);
      out->mutable_request_put()->set_value(op.value);
      out->mutable_request_put()->set_lease(op.lease);
      break;
    case Operation::Kind::kDelete:
      out->mutable_request_delete_range()->set_key(op.key);
      out->mutable_request_delete_range()->set_range_end(op.range_end);
      break;
  }
}

pb::RangeResponse Range(Channels& channels, const pb::RangeRequest& request,
                        const StopToken& stop) {
  pb::RangeResponse response;
  CallWithRepeats(
      channels, ErrorCode::kHAFailTxnOperation,
      [&](grpc::ClientContext& context, const auto& channel) {
        response.Clear();
        return pb::KV::NewStub(channel)->Range(&context, request, &response);
      },
      stop);
  return response;
}

bool Mentions(const Error& error, std::string_view phrase) {
  return error.raw_cause().find(phrase) != std::string::npos;
}

}  // namespace

EtcdClient::EtcdClient(EtcdOptions options)
    : channels_(std::make_shared<Channels>(std::move(options))) {
  const Milliseconds interval = channels_->options().refresh_interval;
  if (interval <= Milliseconds(0)) return;
  refresher_ = std::jthread([this, interval](StopToken stop) {
    try {
      while (true) {
        WaitFor(interval, stop);
        try {
          std::vector<std::string> urls;
          for (const EtcdMember& member : MemberList(stop)) {
            if (member.name.empty() || member.is_learner) continue;
            urls.insert(urls.end(), member.client_urls.begin(), member.client_urls.end());
          }
          channels_->SetEndpoints(urls);
        } catch (const Error& e) {
          Log().Debug("fail to refresh the endpoints of etcd", {F("error", e)});
        }
      }
    } catch (const Cancelled&) {
    }
  });
}

EtcdClient::~EtcdClient() = default;

std::optional<KeyValue> EtcdClient::Get(const std::string& key, const StopToken& stop,
                                        int64_t revision) {
  GetResult result = GetAt(key, stop, revision);
  if (result.kvs.empty()) return std::nullopt;
  return std::move(result.kvs.front());
}

GetResult EtcdClient::GetAt(const std::string& key, const StopToken& stop, int64_t revision) {
  pb::RangeRequest request;
  request.set_key(key);
  request.set_revision(revision);
  return FromWire(Range(*channels_, request, stop));
}

GetResult EtcdClient::GetPrefix(const std::string& prefix, const StopToken& stop,
                                int64_t revision) {
  pb::RangeRequest request;
  request.set_key(prefix);
  request.set_range_end(PrefixEnd(prefix));
  request.set_revision(revision);
  return FromWire(Range(*channels_, request, stop));
}

GetResult EtcdClient::GetFirstCreated(const std::string& prefix, const StopToken& stop) {
  pb::RangeRequest request;
  request.set_key(prefix);
  request.set_range_end(PrefixEnd(prefix));
  request.set_sort_target(pb::RangeRequest::CREATE);
  request.set_sort_order(pb::RangeRequest::ASCEND);
  request.set_limit(1);
  return FromWire(Range(*channels_, request, stop));
}

GetResult EtcdClient::GetLastCreated(const std::string& prefix, int64_t max_create_revision,
                                     const StopToken& stop) {
  pb::RangeRequest request;
  request.set_key(prefix);
  request.set_range_end(PrefixEnd(prefix));
  request.set_sort_target(pb::RangeRequest::CREATE);
  request.set_sort_order(pb::RangeRequest::DESCEND);
  request.set_limit(1);
  request.set_max_create_revision(max_create_revision);
  return FromWire(Range(*channels_, request, stop));
}

int64_t EtcdClient::Put(WriteName name, const std::string& key, const std::string& value,
                        const StopToken& stop, int64_t lease) {
  Txn txn;
  txn.then.push_back(Operation::Put(key, value, lease));
  return Commit(name, txn, stop).revision;
}

int64_t EtcdClient::Delete(WriteName name, const std::string& key, const StopToken& stop) {
  Txn txn;
  txn.then.push_back(Operation::Delete(key));
  return Commit(name, txn, stop).revision;
}

TxnResult EtcdClient::Commit(WriteName name, const Txn& txn, const StopToken& stop) {
  // Crash points: nothing of the transaction is stored; all of it is.
  DM_FAILPOINT(fmt::format("etcd/before-{}", name.text()));
  TxnResult result = Send(txn, stop);
  DM_FAILPOINT(fmt::format("etcd/after-{}", name.text()));
  return result;
}

TxnResult EtcdClient::Read(const Txn& txn, const StopToken& stop) {
  for (const std::vector<Operation>* branch : {&txn.then, &txn.otherwise}) {
    for (const Operation& op : *branch) {
      if (op.kind != Operation::Kind::kGet) throw std::logic_error("a read that writes");
    }
  }
  return Send(txn, stop);
}

TxnResult EtcdClient::Send(const Txn& txn, const StopToken& stop) {
  pb::TxnRequest request;
  for (const Compare& compare : txn.compares) ToWire(compare, request.add_compare());
  for (const Operation& op : txn.then) ToWire(op, request.add_success());
  for (const Operation& op : txn.otherwise) ToWire(op, request.add_failure());
  pb::TxnResponse response;
  CallWithRepeats(
      *channels_, ErrorCode::kHAFailTxnOperation,
      [&](grpc::ClientContext& context, const auto& channel) {
        response.Clear();
        return pb::KV::NewStub(channel)->Txn(&context, request, &response);
      },
      stop);
  TxnResult result;
  result.succeeded = response.succeeded();
  result.revision = response.header().revision();
  for (const auto& op : response.responses()) {
    result.gets.push_back(op.has_response_range() ? FromWire(op.response_range()) : GetResult{});
    result.gets.back().revision = result.revision;
  }
  return result;
}

LeaseGrantResult EtcdClient::LeaseGrant(int64_t ttl_seconds, const StopToken& stop) {
  pb::LeaseGrantRequest request;
  request.set_ttl(ttl_seconds);
  pb::LeaseGrantResponse response;
  // Crash point: a session is about to begin. Left: its lease.
  DM_FAILPOINT("etcd/before-lease-grant");
  CallWithRepeats(
      *channels_, ErrorCode::kHAFailLeaseOperation,
      [&](grpc::ClientContext& context, const auto& channel) {
        response.Clear();
        return pb::Lease::NewStub(channel)->LeaseGrant(&context, request, &response);
      },
      stop);
  // Crash point: a lease is granted. Left: the key that lives with it; nobody renews the lease.
  DM_FAILPOINT("etcd/after-lease-grant");
  return {response.id(), response.ttl()};
}

void EtcdClient::LeaseRevoke(int64_t id, Milliseconds budget) {
  pb::LeaseRevokeRequest request;
  request.set_id(id);
  // Crash point: a session ends, its work has ended. Left: its lease with the key.
  DM_FAILPOINT("etcd/before-lease-revoke");
  const grpc::Status status = CallOnce(
      *channels_, budget,
      [&](grpc::ClientContext& context, const auto& channel) {
        pb::LeaseRevokeResponse response;
        return pb::Lease::NewStub(channel)->LeaseRevoke(&context, request, &response);
      },
      StopToken());
  // Crash point: the lease is gone, and the key with it. Left: the end of the process.
  DM_FAILPOINT("etcd/after-lease-revoke");
  if (status.ok() || status.error_code() == grpc::NOT_FOUND) return;
  const std::string text = StatusText(status);
  throw MakeError(ErrorCode::kHAFailLeaseOperation, text).SetRawCause(text);
}

std::unique_ptr<Watch> EtcdClient::WatchKey(const std::string& key, int64_t from_revision,
                                            bool previous) {
  return std::make_unique<Watch>(channels_, key, "", from_revision, previous);
}

std::unique_ptr<Watch> EtcdClient::WatchPrefix(const std::string& prefix, int64_t from_revision,
                                               bool previous) {
  return std::make_unique<Watch>(channels_, prefix, PrefixEnd(prefix), from_revision, previous);
}

std::vector<EtcdMember> EtcdClient::MemberList(const StopToken& stop) {
  pb::MemberListResponse response;
  CallWithRepeats(
      *channels_, ErrorCode::kHAFailTxnOperation,
      [&](grpc::ClientContext& context, const auto& channel) {
        response.Clear();
        return pb::Cluster::NewStub(channel)->MemberList(&context, pb::MemberListRequest(),
                                                         &response);
      },
      stop);
  std::vector<EtcdMember> members;
  for (const auto& member : response.members()) {
    members.push_back({member.id(),
                       member.name(),
                       {member.peerurls().begin(), member.peerurls().end()},
                       {member.clienturls().begin(), member.clienturls().end()},
                       member.islearner()});
  }
  return members;
}

void EtcdClient::MemberRemove(uint64_t id, const StopToken& stop) {
  pb::MemberRemoveRequest request;
  request.set_id(id);
  bool repeated = false;
  CallWithRepeats(
      *channels_, ErrorCode::kHAFailTxnOperation,
      [&](grpc::ClientContext& context, const auto& channel) {
        pb::MemberRemoveResponse response;
        const grpc::Status status =
            pb::Cluster::NewStub(channel)->MemberRemove(&context, request, &response);
        // The answer to the first attempt was lost.
        if (std::exchange(repeated, true) && status.error_code() == grpc::NOT_FOUND) {
          return grpc::Status::OK;
        }
        return status;
      },
      stop);
}

std::vector<std::string> EtcdClient::endpoints() const { return channels_->addresses(); }

bool IsCompactedError(const Error& error) {
  return Mentions(error, "required revision has been compacted");
}

bool IsNoSpaceError(const Error& error) { return Mentions(error, "database space exceeded"); }

bool MayHaveBeenApplied(const Error& error) {
  if (error.code() != static_cast<int>(ErrorCode::kHAFailTxnOperation)) return false;
  const std::optional<grpc::Status> status = StatusOfText(error.raw_cause());
  return status && !IsCertainlyNotApplied(*status);
}

bool IsLimitedResyncError(const Error& error) {
  return IsNoSpaceError(error) || Mentions(error, "code = DeadlineExceeded");
}

bool IsEtcdFailure(const Error& error) {
  switch (static_cast<ErrorCode>(error.code())) {
    case ErrorCode::kHAFailTxnOperation:
    case ErrorCode::kHAFailWatchEtcd:
    case ErrorCode::kHAFailLeaseOperation:
    case ErrorCode::kHAFailKeepalive:
      return true;
    default:
      return false;
  }
}

bool IsResyncError(const Error& error) {
  return error.code() == static_cast<int>(ErrorCode::kHAFailWatchEtcd) || IsCompactedError(error) ||
         IsLimitedResyncError(error) || Mentions(error, "etcdserver: no leader") ||
         Mentions(error, "code = Unavailable");
}

}  // namespace dm::cluster
