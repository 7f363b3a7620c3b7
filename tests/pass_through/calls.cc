// Calls of etcd's API through dm-master's port, of all kinds and with all kinds of endings, by
// several threads at once. Arguments: address, number of calls. Prints a line after each hundredth
// of them, at the end how many ended with which status. Exit code 1: one ended as it must not.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "dmmaster.grpc.pb.h"
#include "etcd/rpc.grpc.pb.h"

namespace {

constexpr int kThreads = 8;
// No call may take longer, however it ends.
constexpr std::chrono::seconds kLimit{20};
constexpr size_t kLargeBytes = 700'000;

using Clock = std::chrono::steady_clock;

struct Client {
  std::shared_ptr<grpc::Channel> channel;
  std::mt19937 random;
  int number = 0;

  std::string Key() {
    return "/calls/" + std::to_string(number) + "/" + std::to_string(random() % 10);
  }
};

std::shared_ptr<grpc::Channel> Open(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// Cancels the call after a moment of up to `most` microseconds, from another thread.
class Canceller {
 public:
  Canceller(Client& client, grpc::ClientContext& context, int most)
      : thread_([&context, wait = client.random() % static_cast<unsigned>(most)] {
          std::this_thread::sleep_for(std::chrono::microseconds(wait));
          context.TryCancel();
        }) {}

 private:
  std::jthread thread_;
};

grpc::Status Put(Client& client, size_t bytes, int cancel_within = 0) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLimit);
  etcdserverpb::PutRequest request;
  request.set_key(client.Key());
  request.set_value(std::string(bytes, 'v'));
  etcdserverpb::PutResponse response;
  std::optional<Canceller> cancel;
  if (cancel_within > 0) cancel.emplace(client, context, cancel_within);
  return etcdserverpb::KV::NewStub(client.channel)->Put(&context, request, &response);
}

grpc::Status Get(Client& client, std::chrono::microseconds limit, int cancel_within = 0) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + limit);
  etcdserverpb::RangeRequest request;
  request.set_key("/calls/");
  request.set_range_end("/calls0");
  etcdserverpb::RangeResponse response;
  std::optional<Canceller> cancel;
  if (cancel_within > 0) cancel.emplace(client, context, cancel_within);
  return etcdserverpb::KV::NewStub(client.channel)->Range(&context, request, &response);
}

enum class StreamEnd { kHalfClose, kCancel, kDrop };

grpc::Status Watch(Client& client, StreamEnd end, bool with_events) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLimit);
  auto stream = etcdserverpb::Watch::NewStub(client.channel)->Watch(&context);
  etcdserverpb::WatchRequest request;
  request.mutable_create_request()->set_key("/calls/");
  request.mutable_create_request()->set_range_end("/calls0");
  if (with_events) request.mutable_create_request()->set_start_revision(1);
  etcdserverpb::WatchResponse response;
  if (stream->Write(request)) (void)stream->Read(&response);
  std::optional<Canceller> cancel;
  switch (end) {
    case StreamEnd::kHalfClose:
      stream->WritesDone();
      // etcd goes on sending events to who sends no more.
      cancel.emplace(client, context, 20'000);
      break;
    case StreamEnd::kCancel:
      cancel.emplace(client, context, 3'000);
      break;
    case StreamEnd::kDrop:
      context.TryCancel();
      return stream->Finish();
  }
  while (stream->Read(&response)) {
  }
  return stream->Finish();
}

grpc::Status Renew(Client& client, int messages, bool reads) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLimit);
  auto stream = etcdserverpb::Lease::NewStub(client.channel)->LeaseKeepAlive(&context);
  etcdserverpb::LeaseKeepAliveRequest request;
  request.set_id(client.number + 1);
  etcdserverpb::LeaseKeepAliveResponse response;
  for (int i = 0; i < messages && stream->Write(request); ++i) {
    if (reads && !stream->Read(&response)) break;
  }
  stream->WritesDone();
  while (stream->Read(&response)) {
  }
  return stream->Finish();
}

grpc::Status Unknown(Client& client) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLimit);
  grpc::GenericStub stub(client.channel);
  grpc::CompletionQueue queue;
  grpc::ByteBuffer request, response;
  auto call = stub.PrepareUnaryCall(
      &context, client.random() % 2 == 0 ? "/etcdserverpb.KV/No" : "/no.Such/Method", request,
      &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return status.error_code() == grpc::UNIMPLEMENTED ? grpc::Status::OK : status;
}

grpc::Status Members(Client& client) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLimit);
  pb::ListMemberRequest request;
  request.set_leader(true);
  pb::ListMemberResponse response;
  return pb::Master::NewStub(client.channel)->ListMember(&context, request, &response);
}

// Goes away with a call in progress.
grpc::Status Leave(Client& client, const std::string& address) {
  Client other{Open(address), std::mt19937(client.random()), client.number};
  std::jthread call([&other] { (void)Watch(other, StreamEnd::kCancel, false); });
  return Put(other, 100);
}

grpc::Status OneCall(Client& client, const std::string& address) {
  switch (client.random() % 14) {
    case 0:
    case 1:
      return Put(client, 100);
    case 2:
      return Put(client, 100, 2'000);
    case 3:
      return client.random() % 20 == 0 ? Put(client, kLargeBytes, 20'000) : Get(client, kLimit);
    case 4:
      return Get(client, kLimit, 3'000);
    case 5:
      return Get(client, std::chrono::microseconds(client.random() % 3'000));
    case 6:
      return Watch(client, StreamEnd::kHalfClose, client.random() % 2 == 0);
    case 7:
      return Watch(client, StreamEnd::kCancel, client.random() % 2 == 0);
    case 8:
      return Watch(client, StreamEnd::kDrop, client.random() % 2 == 0);
    case 9:
      return Renew(client, 3, true);
    case 10:
      return Renew(client, static_cast<int>(client.random() % 4), false);
    case 11:
      return Unknown(client);
    case 12:
      return Members(client);
    default:
      return Leave(client, address);
  }
}

// Ours cancels and has limits; the server is away for a while.
bool IsExpected(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::OK:
    case grpc::CANCELLED:
    case grpc::DEADLINE_EXCEEDED:
    case grpc::UNAVAILABLE:
      return true;
    default:
      return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s ADDRESS CALLS\n", argv[0]);
    return 2;
  }
  const std::string address = argv[1];
  const int calls = std::atoi(argv[2]);
  std::atomic<int> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::map<int, int> counts;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        Client client{Open(address), std::mt19937(static_cast<unsigned>(i)), i};
        for (int n; (n = next.fetch_add(1)) < calls;) {
          const auto begin = Clock::now();
          const grpc::Status status = OneCall(client, address);
          const bool slow = Clock::now() - begin > kLimit + std::chrono::seconds(5);
          std::lock_guard lock(mutex);
          ++counts[status.error_code()];
          if (slow || !IsExpected(status)) {
            failed = true;
            std::fprintf(stderr, "call %d ended with %d: %s%s\n", n, status.error_code(),
                         status.error_message().c_str(), slow ? " (late)" : "");
          }
          if (calls >= 100 && n % (calls / 100) == 0) {
            std::printf("%d\n", n);
            std::fflush(stdout);
          }
        }
      });
    }
  }
  for (const auto& [code, count] : counts) std::printf("status %d: %d\n", code, count);
  // After all of that it still works.
  Client client{Open(address), std::mt19937(1), 0};
  const grpc::Status last = Put(client, 100);
  if (!last.ok()) {
    std::fprintf(stderr, "the last call failed: %s\n", last.error_message().c_str());
    failed = true;
  }
  return failed ? 1 : 0;
}
