#include "cluster/rpc/one_port.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "base/error/system_error.h"
#include "base/io/file_descriptor.h"
#include "base/log/log.h"
#include "base/net/socket.h"
#include "cluster/rpc/http_server.h"
#include "cluster/rpc/tls_front.h"

namespace dm::cluster {
namespace {

// A connection that has not said in this time what it is, is closed.
constexpr Milliseconds kSniffLimit{10'000};
// How long nothing is accepted after a failure, such as no free descriptor, and how often that is
// told.
constexpr Milliseconds kAcceptPause{50};
constexpr Milliseconds kAcceptLogPause{10'000};
// Enough to tell: HTTP/2 connections begin with "PRI * HTTP/2.0", and no HTTP/1 request with "PRI
// ".
constexpr int kSniffBytes = 4;
constexpr std::string_view kHttp2Preface = "PRI ";

}  // namespace

HttpResponse NotFoundPage() { return {404, "text/plain; charset=utf-8", "404 page not found\n"}; }

class OnePortServer::Impl {
 public:
  Impl(const std::string& address, ErrorCode bind_error) {
    try {
      listener_ = ListenTcp(address);
      port_ = LocalPort(listener_.get());
      // Here, where a failure can be told.
      epoll_ = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
      if (!epoll_.valid()) throw SystemError("epoll_create", "", errno);
      wake_ = FileDescriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      if (!wake_.valid()) throw SystemError("eventfd", "", errno);
    } catch (const std::exception& e) {
      throw MakeError(bind_error).SetRawCause(ErrorText(e));
    }
  }

  void Start(Handlers handlers) {
    grpc::ServerBuilder builder;
    for (grpc::Service* service : handlers.services) builder.RegisterService(service);
    if (handlers.generic != nullptr) builder.RegisterCallbackGenericService(handlers.generic);
    builder.SetMaxReceiveMessageSize(static_cast<int>(handlers.max_grpc_request_bytes));
    builder.SetMaxSendMessageSize(-1);
    // Clients may ping every 5 s, also without an open stream.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 2 * 3600 * 1000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1'000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
    // Threads of the synchronous services: one polls, more are made as calls come.
    builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
    grpc_acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        grpc::InsecureServerCredentials());
    grpc_ = builder.BuildAndStart();
    http_ = std::make_unique<HttpServer>(std::move(handlers.http), std::move(handlers.slow_http));
    if (handlers.tls != nullptr) {
      tls_ = std::make_unique<TlsFront>(
          handlers.tls, [this](FileDescriptor plain) { Dispatch(std::move(plain)); });
    }
    acceptor_ = std::jthread([this](StopToken stop) { Accept(stop); });
  }

  uint16_t port() const { return port_; }

  void Stop(Milliseconds grace) noexcept {
    {
      std::lock_guard lock(hand_over_);
      closing_ = true;
    }
    if (acceptor_.joinable()) {
      acceptor_.request_stop();
      acceptor_.join();
    }
    listener_.Close();
    if (http_) http_->Stop();
    if (grpc_) {
      grpc_->Shutdown(std::chrono::system_clock::now() + grace);
      grpc_->Wait();
      grpc_.reset();
    }
    // What the others have still said is on its way through it.
    if (tls_) tls_->Stop();
  }

 private:
  struct Waiting {
    FileDescriptor fd;
    SteadyClock::time_point since;
  };

  // Accepts connections and hands each to whom its first bytes are for.
  void Accept(const StopToken& stop) {
    StopCallback on_stop(stop, [this] {
      const uint64_t one = 1;
      (void)!write(wake_.get(), &one, sizeof one);
    });
    Add(epoll_.get(), listener_.get());
    Add(epoll_.get(), wake_.get());
    std::unordered_map<int, Waiting> waiting;
    while (!stop.stop_requested()) {
      if (accept_again_ && SteadyClock::now() >= *accept_again_) {
        accept_again_.reset();
        Add(epoll_.get(), listener_.get());
      }
      epoll_event events[64];
      const int timeout = accept_again_     ? static_cast<int>(kAcceptPause.count())
                          : waiting.empty() ? -1
                                            : 1'000;
      const int n = epoll_wait(epoll_.get(), events, 64, timeout);
      for (int i = 0; i < n; ++i) {
        const int fd = events[i].data.fd;
        if (fd == wake_.get()) continue;
        if (fd == listener_.get()) {
          AcceptAll(epoll_.get(), waiting);
          continue;
        }
        auto it = waiting.find(fd);
        if (it == waiting.end()) continue;
        FileDescriptor connection = std::move(it->second.fd);
        waiting.erase(it);
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
        Dispatch(std::move(connection));
      }
      const auto now = SteadyClock::now();
      std::erase_if(waiting,
                    [now](const auto& entry) { return now - entry.second.since > kSniffLimit; });
    }
  }

  static void Add(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP;
    event.data.fd = fd;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }

  void AcceptAll(int epoll, std::unordered_map<int, Waiting>& waiting) {
    while (true) {
      FileDescriptor fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.get() < 0) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno != EAGAIN) PauseAccepting(epoll, errno);
        return;
      }
      if (tls_) {
        tls_->Serve(std::move(fd));
        continue;
      }
      // Readable only when there is enough to decide.
      const int bytes = kSniffBytes;
      setsockopt(fd.get(), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
      const int number = fd.get();
      waiting.emplace(number, Waiting{std::move(fd), SteadyClock::now()});
      Add(epoll, number);
    }
  }

  // The connection stays in the queue, so the listener stays readable: without a pause this thread
  // would do nothing but fail.
  void PauseAccepting(int epoll, int error) {
    const auto now = SteadyClock::now();
    epoll_ctl(epoll, EPOLL_CTL_DEL, listener_.get(), nullptr);
    accept_again_ = now + kAcceptPause;
    if (accept_logged_ && now - *accept_logged_ < kAcceptLogPause) return;
    accept_logged_ = now;
    Log().Warn("fail to accept a connection, trying again (the limit of open files may be too low)",
               {F("error", strerror(error))});
  }

  // Also called by the TLS front, from its threads.
  void Dispatch(FileDescriptor fd) {
    char head[kSniffBytes];
    const ssize_t n = recv(fd.get(), head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
    if (n < kSniffBytes) return;  // closed before it said anything
    const int one = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
    // Nothing is handed to a server that has been shut down.
    std::lock_guard lock(hand_over_);
    if (closing_) return;
    if (std::string_view(head, kSniffBytes) == kHttp2Preface) {
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
      parameters.listener_fd = -1;
      parameters.fd = fd.Release();
      grpc_acceptor_->HandleNewConnection(&parameters);
    } else {
      http_->Serve(fd.Release());
    }
  }

  FileDescriptor listener_;
  FileDescriptor epoll_;
  FileDescriptor wake_;
  uint16_t port_ = 0;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> grpc_acceptor_;
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<TlsFront> tls_;  // null: no TLS
  std::mutex hand_over_;           // of a connection to the server it is for
  bool closing_ = false;
  // Of the acceptor.
  std::optional<SteadyClock::time_point> accept_again_;  // set: the listener is not watched
  std::optional<SteadyClock::time_point> accept_logged_;
  std::jthread acceptor_;
};

OnePortServer::OnePortServer(const std::string& address, ErrorCode bind_error)
    : impl_(std::make_unique<Impl>(address, bind_error)) {}

OnePortServer::~OnePortServer() { Stop(); }

void OnePortServer::Start(Handlers handlers) { impl_->Start(std::move(handlers)); }
uint16_t OnePortServer::port() const { return impl_->port(); }
void OnePortServer::Stop(Milliseconds grace) noexcept { impl_->Stop(grace); }

}  // namespace dm::cluster
