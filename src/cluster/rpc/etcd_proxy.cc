#include "cluster/rpc/etcd_proxy.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <string_view>
#include <vector>

namespace dm::cluster {
namespace {

constexpr std::array<std::string_view, 4> kPassedPrefixes = {
    "/etcdserverpb.", "/v3electionpb.", "/v3lockpb.", "/grpc.health.v1.Health/"};

bool IsPassed(std::string_view method) {
  for (std::string_view prefix : kPassedPrefixes) {
    if (method.starts_with(prefix)) return true;
  }
  return false;
}

// Metadata that the transport makes itself.
bool IsOfTransport(std::string_view key) {
  return key.starts_with(':') || key.starts_with("grpc-") || key == "user-agent" || key == "te" ||
         key == "content-type" || key == "host";
}

std::string ToString(const grpc::string_ref& text) { return {text.data(), text.size()}; }

class Finished : public grpc::ServerGenericBidiReactor {
 public:
  explicit Finished(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

class Call;

// Calls in progress, to end them all.
class OpenCalls {
 public:
  // False: closed, nothing is taken any more.
  bool Add(const std::shared_ptr<Call>& call);
  void Remove(Call* call);
  void Close();
  bool closed() const { return closed_.load(); }

 private:
  std::mutex mutex_;
  std::map<Call*, std::weak_ptr<Call>> calls_;
  std::atomic<bool> closed_{false};
};

// One passed call. Both of its ends are reactors inside this one object, which lives until both are
// done; one mutex guards all of its state. gRPC never runs a reaction inside a Start*/Finish call
// made from another reaction, so these are made with the mutex held.
//
// At most one message is in flight in each direction: the next one is read when the last one was
// written, so flow control reaches from end to end.
class Call {
 public:
  Call(grpc::GenericCallbackServerContext* server_context,
       const std::shared_ptr<grpc::Channel>& channel, OpenCalls* open)
      : server_(this),
        client_(this),
        server_context_(server_context),
        stub_(channel),
        open_(open) {}

  grpc::ServerGenericBidiReactor* Begin(std::shared_ptr<Call> self) {
    std::lock_guard lock(mutex_);
    server_.owner = self;
    client_.owner = std::move(self);
    if (server_context_->deadline() != std::chrono::system_clock::time_point::max()) {
      client_context_.set_deadline(server_context_->deadline());
    }
    for (const auto& [key, value] : server_context_->client_metadata()) {
      const std::string name = ToString(key);
      if (!IsOfTransport(name)) client_context_.AddMetadata(name, ToString(value));
    }
    stub_.PrepareBidiStreamingCall(&client_context_, server_context_->method(), {}, &client_);
    // Writes to the client end come from reactions of the server end.
    client_.AddHold();
    client_.StartCall();
    client_.StartRead(&to_server_);
    server_.StartRead(&to_client_);
    return &server_;
  }

  void Cancel() { client_context_.TryCancel(); }

 private:
  class ServerEnd : public grpc::ServerGenericBidiReactor {
   public:
    explicit ServerEnd(Call* call) : call_(call) {}
    void OnReadDone(bool ok) override { call_->RequestRead(ok); }
    void OnWriteDone(bool ok) override { call_->ResponseWritten(ok); }
    void OnCancel() override { call_->Cancel(); }
    void OnDone() override {
      call_->open_->Remove(call_);
      const std::shared_ptr<Call> last = std::move(owner);
    }
    std::shared_ptr<Call> owner;

   private:
    Call* call_;
  };

  class ClientEnd : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    explicit ClientEnd(Call* call) : call_(call) {}
    void OnReadDone(bool ok) override { call_->ResponseRead(ok); }
    void OnWriteDone(bool ok) override { call_->RequestWritten(ok); }
    void OnReadInitialMetadataDone(bool ok) override { call_->InitialMetadata(ok); }
    void OnDone(const grpc::Status& status) override {
      const std::shared_ptr<Call> last = std::move(owner);
      last->Ended(status);
    }
    std::shared_ptr<Call> owner;

   private:
    Call* call_;
  };

  // ---- requests ----

  void RequestRead(bool ok) {
    std::lock_guard lock(mutex_);
    if (client_closed_) return;
    if (ok) {
      client_.StartWrite(&to_client_);
    } else {
      client_.StartWritesDone();
    }
  }

  void RequestWritten(bool ok) {
    std::lock_guard lock(mutex_);
    if (!ok || server_finished_) return;  // the end of the call follows
    server_.StartRead(&to_client_);
  }

  // ---- responses ----

  void InitialMetadata(bool ok) {
    if (!ok) return;
    std::lock_guard lock(mutex_);
    if (server_finished_ || initial_metadata_sent_) return;
    initial_metadata_sent_ = true;
    for (const auto& [key, value] : client_context_.GetServerInitialMetadata()) {
      const std::string name = ToString(key);
      if (!IsOfTransport(name)) server_context_->AddInitialMetadata(name, ToString(value));
    }
    server_.StartSendInitialMetadata();
  }

  void ResponseRead(bool ok) {
    std::lock_guard lock(mutex_);
    if (!ok) {
      // No more messages: the status follows when nothing holds the client end any more.
      if (!client_closed_) {
        client_closed_ = true;
        client_.RemoveHold();
      }
      return;
    }
    initial_metadata_sent_ = true;
    writing_response_ = true;
    server_.StartWrite(&to_server_);
  }

  void ResponseWritten(bool ok) {
    std::lock_guard lock(mutex_);
    writing_response_ = false;
    if (ended_) {
      FinishLocked();
      return;
    }
    if (!ok) client_context_.TryCancel();
    // Reads what is left, at last the end, also after a cancellation.
    client_.StartRead(&to_server_);
  }

  void Ended(const grpc::Status& status) {
    std::lock_guard lock(mutex_);
    ended_ = true;
    status_ = open_->closed() && status.error_code() == grpc::CANCELLED
                  ? grpc::Status(grpc::UNAVAILABLE, "etcdserver: server stopped")
                  : status;
    if (!writing_response_) FinishLocked();
  }

  void FinishLocked() {
    if (server_finished_) return;
    server_finished_ = true;
    for (const auto& [key, value] : client_context_.GetServerTrailingMetadata()) {
      const std::string name = ToString(key);
      if (!IsOfTransport(name)) server_context_->AddTrailingMetadata(name, ToString(value));
    }
    server_.Finish(status_);
  }

  std::mutex mutex_;
  ServerEnd server_;
  ClientEnd client_;
  grpc::GenericCallbackServerContext* const server_context_;
  grpc::ClientContext client_context_;
  grpc::GenericStub stub_;
  OpenCalls* const open_;
  grpc::ByteBuffer to_client_;  // request in flight
  grpc::ByteBuffer to_server_;  // response in flight
  grpc::Status status_;
  bool client_closed_ = false;          // nothing more is written to the client end
  bool writing_response_ = false;       // a write on the server end is outstanding
  bool initial_metadata_sent_ = false;  // by itself, or with the first message
  bool ended_ = false;                  // status_ is set
  bool server_finished_ = false;
};

bool OpenCalls::Add(const std::shared_ptr<Call>& call) {
  std::lock_guard lock(mutex_);
  if (closed_) return false;
  calls_.emplace(call.get(), call);
  return true;
}

void OpenCalls::Remove(Call* call) {
  std::lock_guard lock(mutex_);
  calls_.erase(call);
}

void OpenCalls::Close() {
  std::vector<std::shared_ptr<Call>> calls;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& [key, call] : calls_) calls.push_back(call.lock());
  }
  // Reactions may run inside, so without the lock.
  for (const auto& call : calls) {
    if (call) call->Cancel();
  }
}

class PassThroughService : public grpc::CallbackGenericService {
 public:
  explicit PassThroughService(const std::string& endpoint) {
    grpc::ChannelArguments args;
    args.SetMaxReceiveMessageSize(-1);
    args.SetMaxSendMessageSize(-1);
    args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
    args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
    args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    args.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
    channel_ = grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), args);
  }

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (!IsPassed(context->method())) {
      return new Finished(grpc::Status(grpc::UNIMPLEMENTED, "unknown method " + context->method()));
    }
    auto call = std::make_shared<Call>(context, channel_, &open_);
    if (!open_.Add(call)) {
      return new Finished(grpc::Status(grpc::UNAVAILABLE, "etcdserver: server stopped"));
    }
    Call* raw = call.get();
    return raw->Begin(std::move(call));
  }

  void Close() { open_.Close(); }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  OpenCalls open_;
};

}  // namespace

class EtcdProxy::Impl {
 public:
  explicit Impl(const std::string& endpoint) : service(endpoint) {}
  PassThroughService service;
};

EtcdProxy::EtcdProxy(const std::string& endpoint) : impl_(std::make_unique<Impl>(endpoint)) {}
EtcdProxy::~EtcdProxy() = default;
grpc::CallbackGenericService* EtcdProxy::service() const { return &impl_->service; }
void EtcdProxy::Close() { impl_->service.Close(); }

}  // namespace dm::cluster
