#include "cluster/rpc/one_port.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/io/file_descriptor.h"
#include "base/net/socket.h"
#include "cluster/etcd/client.h"
#include "cluster/etcd/fake_etcd_test.h"
#include "cluster/etcd/watch.h"
#include "cluster/rpc/etcd_proxy.h"
#include "cluster/rpc/http_get.h"
#include "dmmaster.grpc.pb.h"
#include "dmworker.grpc.pb.h"

namespace dm::cluster {
namespace {

using testing::FakeEtcd;
using testing::WatchScript;

// A worker that answers one call.
class Worker : public pb::Worker::Service {
 public:
  grpc::Status QueryStatus(grpc::ServerContext*, const pb::QueryStatusRequest* request,
                           pb::QueryStatusResponse* response) override {
    response->set_msg("status of " + request->name());
    return grpc::Status::OK;
  }
};

// gRPC service, etcd behind a proxy, and HTTP on one port.
class OnePortTest : public ::testing::Test {
 protected:
  OnePortTest() : proxy_(etcd_.endpoint()), server_("127.0.0.1:0", ErrorCode::kWorkerStartService) {
    OnePortServer::Handlers handlers;
    handlers.services = {&worker_};
    handlers.generic = proxy_.service();
    handlers.http = [](const HttpRequest& request) -> HttpResponse {
      if (request.path() == "/throw") throw std::runtime_error("broken page");
      if (request.path() != "/page") return NotFoundPage();
      return {200, "text/plain", request.method + " " + request.target};
    };
    server_.Start(std::move(handlers));
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(server_.port()); }
  EtcdOptions Options() const {
    EtcdOptions options;
    options.endpoints = {address()};
    return options;
  }

  FakeEtcd etcd_;
  EtcdProxy proxy_;
  Worker worker_;
  OnePortServer server_;
};

TEST_F(OnePortTest, TellsGrpcAndHttpApart) {
  auto stub =
      pb::Worker::NewStub(grpc::CreateChannel(address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  pb::QueryStatusRequest request;
  request.set_name("t");
  pb::QueryStatusResponse response;
  ASSERT_TRUE(stub->QueryStatus(&context, request, &response).ok());
  EXPECT_EQ(response.msg(), "status of t");
  const auto page = HttpGet(address(), "/page?a=b", Milliseconds(5'000));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200);
  EXPECT_EQ(page->body, "GET /page?a=b");
  EXPECT_EQ(HttpGet("http://" + address(), "/other", Milliseconds(5'000))->status, 404);
  EXPECT_EQ(HttpGet(address(), "/throw", Milliseconds(5'000))->body, "broken page\n");
}

TEST_F(OnePortTest, PassesEtcdCallsThrough) {
  etcd_.ScriptWatches({WatchScript{{4, 5}, 0, true}});
  EtcdClient client(Options());
  EXPECT_EQ(client.Get("k", StopToken())->value, "value");
  const auto watch = client.WatchKey("k", 2);
  size_t events = 0;
  while (events < 2) events += watch->Next(StopToken(), Milliseconds(5'000)).size();
  EXPECT_EQ(etcd_.watch_starts(), std::vector<int64_t>{2});
}

TEST_F(OnePortTest, PassesFailuresThrough) {
  etcd_.FailRanges({grpc::Status(grpc::INVALID_ARGUMENT, "etcdserver: key is not provided")});
  EtcdClient client(Options());
  try {
    client.Get("k", StopToken());
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.raw_cause(),
              "rpc error: code = InvalidArgument desc = etcdserver: key is not provided");
  }
}

TEST_F(OnePortTest, OtherMethodsAreUnimplemented) {
  auto channel = grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
  // A service that is neither served nor passed.
  auto master = pb::Master::NewStub(channel);
  grpc::ClientContext context;
  pb::ListMemberResponse response;
  const grpc::Status status = master->ListMember(&context, pb::ListMemberRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::UNIMPLEMENTED);
}

TEST_F(OnePortTest, ManyClientsComeAndGo) {
  std::vector<std::jthread> threads;
  std::atomic<int> answers{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        EtcdClient client(Options());
        const auto watch = client.WatchKey("k", 2);  // cancelled by its end
        if (client.Get("k", StopToken())) ++answers;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(answers, 80);
}

TEST_F(OnePortTest, AClosedProxyIsUnavailable) {
  auto stub =
      etcdserverpb::KV::NewStub(grpc::CreateChannel(address(), grpc::InsecureChannelCredentials()));
  auto watches = etcdserverpb::Watch::NewStub(
      grpc::CreateChannel(address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext watch_context;
  auto stream = watches->Watch(&watch_context);
  etcdserverpb::WatchRequest create;
  create.mutable_create_request()->set_key("k");
  ASSERT_TRUE(stream->Write(create));
  etcdserverpb::WatchResponse created;
  ASSERT_TRUE(stream->Read(&created));
  proxy_.Close();
  EXPECT_FALSE(stream->Read(&created));
  EXPECT_EQ(stream->Finish().error_code(), grpc::UNAVAILABLE);
  grpc::ClientContext context;
  etcdserverpb::RangeResponse response;
  EXPECT_EQ(stub->Range(&context, etcdserverpb::RangeRequest(), &response).error_code(),
            grpc::UNAVAILABLE);
}

TEST(OnePort, ATakenPortIsReported) {
  const OnePortServer first("127.0.0.1:0", ErrorCode::kWorkerStartService);
  try {
    OnePortServer second("127.0.0.1:" + std::to_string(first.port()),
                         ErrorCode::kWorkerStartService);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 40048);
    EXPECT_NE(e.raw_cause().find("address already in use"), std::string::npos) << e.raw_cause();
  }
}

// Seconds of processor time of this process.
double ProcessorTime() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

TEST_F(OnePortTest, WaitsWhenThereIsNoDescriptorForAConnection) {
  const FileDescriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = std::min<rlim_t>(before.rlim_cur, 256);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  std::vector<FileDescriptor> taken;
  for (int fd; (fd = dup(client.get())) >= 0;) taken.emplace_back(fd);
  ASSERT_EQ(errno, EMFILE);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(server_.port());
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  const double begin = ProcessorTime();
  WaitFor(Milliseconds(400), StopToken());
  EXPECT_LT(ProcessorTime() - begin, 0.2);
  taken.clear();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  // The connection has waited.
  const timeval limit{5, 0};
  ASSERT_EQ(setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
  WriteAll(client.get(), "GET /page HTTP/1.0\r\n\r\n", Milliseconds(5'000), StopToken());
  char answer[64] = {};
  ASSERT_GT(recv(client.get(), answer, sizeof answer, 0), 12);
  EXPECT_EQ(std::string(answer, 12), "HTTP/1.0 200");
}

TEST(HttpGet, EndsAtItsLimit) {
  // Takes connections and says nothing.
  const FileDescriptor silent = ListenTcp("127.0.0.1:0");
  const std::string address = "127.0.0.1:" + std::to_string(LocalPort(silent.get()));
  const auto begin = SteadyClock::now();
  EXPECT_FALSE(HttpGet(address, "/", Milliseconds(200)));
  EXPECT_LT(SteadyClock::now() - begin, Milliseconds(2'000));
  EXPECT_FALSE(HttpGet("no-port", "/", Milliseconds(200)));
  EXPECT_FALSE(HttpGet("unix:/nowhere", "/", Milliseconds(200)));
}

}  // namespace
}  // namespace dm::cluster
