#include "cluster/rpc/one_port.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/error/system_error.h"
#include "base/io/file.h"
#include "base/io/file_descriptor.h"
#include "base/net/identity_test.h"
#include "base/net/socket.h"
#include "base/net/tls_connection.h"
#include "base/thread/eventually_test.h"
#include "cluster/credentials/credentials.h"
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
using ::testing::HasSubstr;
using ::testing::Not;
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
  OnePortTest() : OnePortTest(nullptr) {}
  explicit OnePortTest(const TlsContext& tls)
      : proxy_(etcd_.endpoint()), server_("127.0.0.1:0", ErrorCode::kWorkerStartService) {
    OnePortServer::Handlers handlers;
    handlers.services = {&worker_};
    handlers.generic = proxy_.service();
    handlers.slow_http = "/slow";
    handlers.http = [this](const HttpRequest& request) -> HttpResponse {
      if (request.path() == "/slow") return WaitForTheClientToGo(request);
      if (request.path() == "/throw") throw std::runtime_error("broken page");
      if (request.path() != "/page") return NotFoundPage();
      return {200, "text/plain", request.method + " " + request.target};
    };
    handlers.tls = tls;
    server_.Start(std::move(handlers));
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(server_.port()); }
  EtcdOptions Options() const {
    EtcdOptions options;
    options.endpoints = {address()};
    return options;
  }

  // Sends a request and leaves the connection as it is.
  FileDescriptor Ask(const std::string& request) const {
    FileDescriptor fd = ConnectTcp(address(), Milliseconds(5'000), StopToken());
    WriteAll(fd.get(), request, Milliseconds(5'000), StopToken());
    return fd;
  }

  FakeEtcd etcd_;
  EtcdProxy proxy_;
  Worker worker_;
  std::atomic<int> waiting_{0};  // requests whose client is there
  std::atomic<int> gone_{0};
  std::atomic<bool> answer_{false};  // requests need not wait for their client to go
  OnePortServer server_;

 private:
  HttpResponse WaitForTheClientToGo(const HttpRequest& request) {
    ++waiting_;
    try {
      for (int i = 0; i < 6'000 && !answer_; ++i) WaitFor(Milliseconds(10), request.gone);
    } catch (const Cancelled&) {
      ++gone_;
    }
    --waiting_;
    return {};
  }
};

constexpr const char* kSlowRequest = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(OnePortTest, ARequestHearsThatItsClientHasGone) {
  FileDescriptor first = Ask(kSlowRequest);
  // What it sends besides does not hide its end.
  FileDescriptor second = Ask(std::string(kSlowRequest) + kSlowRequest);
  ASSERT_TRUE(Eventually([&] { return waiting_ == 2; }));
  first.Close();
  ASSERT_TRUE(Eventually([&] { return gone_ == 1; }));
  EXPECT_EQ(waiting_, 1);
  second.Close();
  EXPECT_TRUE(Eventually([&] { return gone_ >= 2; }));
}

// Closing the sending side alone is no going: the answer is waited for.
TEST_F(OnePortTest, AClientThatOnlySendsNoMoreHasItsAnswer) {
  for (const char* version : {"1.0", "1.1"}) {
    const int waiting = waiting_;
    FileDescriptor client =
        Ask(fmt::format("GET /slow HTTP/{}\r\nHost: x\r\nConnection: close\r\n\r\n", version));
    ASSERT_TRUE(Eventually([&] { return waiting_ == waiting + 1; }));
    ASSERT_EQ(shutdown(client.get(), SHUT_WR), 0);
    std::string text;
    const auto read = [&] {
      char chunk[512];
      pollfd readable{client.get(), POLLIN, 0};
      if (poll(&readable, 1, 10'000) <= 0) return false;
      const ssize_t n = recv(client.get(), chunk, sizeof chunk, 0);
      if (n > 0) text.append(chunk, static_cast<size_t>(n));
      return n > 0;
    };
    if (std::string_view(version) == "1.1") {
      ASSERT_TRUE(read());
      EXPECT_EQ(text, "HTTP/1.1 100 Continue\r\n\r\n");  // are you there?
    }
    EXPECT_EQ(gone_, 0) << version;
    answer_ = true;
    while (read()) {
    }
    EXPECT_NE(text.find("200 OK"), std::string::npos) << text;
    EXPECT_EQ(gone_, 0) << version;
    answer_ = false;
  }
}

TEST_F(OnePortTest, SlowRequestsHoldUpNoOthers) {
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(Ask(kSlowRequest));
  ASSERT_TRUE(Eventually([&] { return waiting_ >= 16; }));
  for (int i = 0; i < 20; ++i) {
    const auto page = HttpGet(address(), "/page", Milliseconds(5'000));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->status, 200);
  }
  clients.clear();
  // Those that had no turn so far are not worked at either.
  EXPECT_TRUE(Eventually([&] { return gone_ == 40; }));
}

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

// Nobody listens at the proxy.
TEST_F(OnePortTest, TheProxyOfTheEnvironmentIsNotUsed) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  auto stub = pb::Worker::NewStub(ClientChannel(address(), TlsOptions()));
  grpc::ClientContext context;
  pb::QueryStatusRequest request;
  pb::QueryStatusResponse response;
  const grpc::Status status = stub->QueryStatus(&context, request, &response);
  unsetenv("http_proxy");
  EXPECT_TRUE(status.ok()) << status.error_message();
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

// The same port with TLS: clients show a certificate with the common name "dm".
struct Certificates {
  Identity ca{"ca", nullptr};
  Identity server{"dm", &ca, {.names = "IP:127.0.0.1"}};
  Identity client{"dm", &ca};
  Identity other{"other", &ca};
  Identity stranger{"dm", nullptr};

  TlsOptions Of(const Identity* own, std::vector<std::string> names = {}) const {
    TlsOptions options;
    options.ca = ca.cert_pem;
    if (own != nullptr) {
      options.cert = own->cert_pem;
      options.key = own->key_pem;
    }
    options.allowed_common_names = std::move(names);
    return options;
  }
};

class TlsPortTest : public Certificates, public OnePortTest {
 protected:
  TlsPortTest() : OnePortTest(MakeServerContext(Of(&server, {"dm"}), PeerCheck::kChainAndCn)) {}

  // "ok", or why a call did not reach the service.
  std::string Call(const TlsOptions& tls) {
    auto stub = pb::Worker::NewStub(grpc::CreateChannel(address(), ClientCredentials(tls)));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    pb::QueryStatusRequest request;
    request.set_name(std::string(100'000, 'x'));
    pb::QueryStatusResponse response;
    const grpc::Status status = stub->QueryStatus(&context, request, &response);
    if (!status.ok()) return status.error_message();
    return response.msg() == "status of " + request.name() ? "ok" : response.msg();
  }
  std::string Obstacle(const TlsOptions& tls) {
    return TlsObstacle(address(), tls, Milliseconds(2'000), StopToken());
  }
};

TEST_F(TlsPortTest, GrpcHttpAndEtcd) {
  EXPECT_EQ(Call(Of(&client)), "ok");
  EXPECT_EQ(Call(Of(&client, {"dm"})), "ok");
  const auto page = HttpGet("https://" + address(), "/page", Milliseconds(5'000), Of(&client));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->body, "GET /page");
  EtcdOptions options = Options();
  options.tls = Of(&client);
  EXPECT_EQ(EtcdClient(options).Get("k", StopToken())->value, "value");
}

TEST_F(TlsPortTest, ARequestHearsThatItsClientHasGone) {
  // Gives up before there is an answer.
  EXPECT_FALSE(HttpGet("https://" + address(), "/slow", Milliseconds(500), Of(&client)));
  EXPECT_TRUE(Eventually([&] { return gone_ == 1; }));
}

TEST_F(TlsPortTest, WhoMayNotComeInIsToldWhy) {
  EXPECT_NE(Call(Of(&other)), "ok");
  EXPECT_NE(Call(Of(&stranger)), "ok");
  EXPECT_NE(Call(Of(nullptr)), "ok");
  EXPECT_NE(Call(TlsOptions()), "ok");
  for (const TlsOptions& tls : {Of(&other), Of(&stranger), Of(nullptr), TlsOptions()}) {
    EXPECT_FALSE(HttpGet("https://" + address(), "/page", Milliseconds(5'000), tls));
  }
  const auto page = HttpGet("http://" + address(), "/page", Milliseconds(5'000));
  EXPECT_TRUE(!page || page->status == 400);
  EXPECT_THAT(Obstacle(Of(nullptr)), HasSubstr("alert certificate required"));
  EXPECT_THAT(Obstacle(Of(&stranger)), HasSubstr("alert unknown ca"));
  EXPECT_THAT(Obstacle(TlsOptions()), HasSubstr("demands TLS"));
  EXPECT_NE(Obstacle(Of(&other)), "");
  EXPECT_EQ(Obstacle(Of(&client)), "");
}

TEST_F(TlsPortTest, TheWrongServerIsNamed) {
  TlsOptions wrong_ca = Of(&client);
  wrong_ca.ca = stranger.cert_pem;
  EXPECT_THAT(Call(wrong_ca), HasSubstr("unable to get local issuer certificate"));
  EXPECT_THAT(Obstacle(wrong_ca), HasSubstr("unable to get local issuer certificate"));
  EXPECT_THAT(Call(Of(&client, {"else"})), HasSubstr("not in cert-allowed-cn"));
}

TEST_F(TlsPortTest, ReplacedFilesAreUsedByNewConnections) {
  TemporaryDirectory directory;
  TlsOptions tls = Of(nullptr);
  tls.cert_path = directory.path() + "/cert.pem";
  tls.key_path = directory.path() + "/key.pem";
  WriteFile(tls.cert_path, other.cert_pem);
  WriteFile(tls.key_path, other.key_pem);
  const auto kept = ClientCredentials(tls);  // what a process has all its life
  EXPECT_NE(Call(tls), "ok");
  WriteFile(tls.cert_path, client.cert_pem);
  WriteFile(tls.key_path, client.key_pem);
  const auto end = SteadyClock::now() + std::chrono::seconds(20);
  std::string answer;
  while (answer != "ok" && SteadyClock::now() < end) answer = Call(tls);
  EXPECT_EQ(answer, "ok");
}

TEST_F(TlsPortTest, StrangeClientsDisturbNobody) {
  const auto say = [this](const std::string& text) {
    const FileDescriptor fd = ConnectTcp(address(), Milliseconds(5'000), StopToken());
    WriteAll(fd.get(), text, Milliseconds(5'000), StopToken());
    std::string answer;
    char chunk[1024];
    try {
      for (size_t n; (n = ReadSome(fd.get(), chunk, Milliseconds(5'000), StopToken())) > 0;) {
        answer.append(chunk, n);
      }
    } catch (const SystemError&) {
      // Reset.
    }
    return answer;
  };
  EXPECT_THAT(say("GET /page HTTP/1.1\r\nHost: x\r\n\r\n"),
              HasSubstr("Client sent an HTTP request to an HTTPS server."));
  EXPECT_THAT(say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Not(HasSubstr("HTTP/2")));
  say(std::string(5'000, '\x16'));
  EXPECT_EQ(Call(Of(&client)), "ok");
}

}  // namespace
}  // namespace dm::cluster
