#include "cluster/rpc/tls_front.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/log/log.h"
#include "base/net/address.h"
#include "base/thread/stop.h"

namespace dm::cluster {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::use_awaitable;
using asio::experimental::awaitable_operators::operator||;
using boost::system::error_code;
using boost::system::system_error;

using Stream = asio::ssl::stream<beast::tcp_stream>;
using Plain = asio::local::stream_protocol::socket;

constexpr std::chrono::seconds kHandshakeLimit{10};
// A client that has ended its side waits for answers this long.
constexpr std::chrono::seconds kHalfOpenLimit{60};
constexpr std::chrono::seconds kGoodbyeLimit{1};
constexpr Milliseconds kStopLimit{500};
constexpr Milliseconds kLogPause{1'000};
constexpr int kThreads = 2;
constexpr size_t kChunk = 16 << 10;
constexpr std::string_view kSpeaksHttp =
    "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n"
    "Client sent an HTTP request to an HTTPS server.\n";

asio::ssl::context Adopt(const TlsContext& context) {
  ::SSL_CTX_up_ref(context.get());
  return asio::ssl::context(context.get());
}

std::string PeerOf(const asio::ip::tcp::socket& socket) {
  error_code error;
  const auto peer = socket.remote_endpoint(error);
  return error ? "unknown" : JoinHostPort(peer.address().to_string(), peer.port());
}

}  // namespace

class TlsFront::Impl {
 public:
  Impl(const TlsContext& context, Deliver deliver)
      : context_(Adopt(context)), deliver_(std::move(deliver)), work_(asio::make_work_guard(io_)) {
    for (int i = 0; i < kThreads; ++i) {
      threads_.emplace_back([this] { io_.run(); });
    }
  }

  ~Impl() { Stop(); }

  void Serve(FileDescriptor fd) {
    // One thread at a time works on a connection.
    const auto strand = asio::make_strand(io_);
    asio::ip::tcp::socket socket(strand);
    error_code error;
    // The protocol only matters for options that are not used here.
    socket.assign(asio::ip::tcp::v4(), fd.get(), error);
    if (error) return;
    (void)fd.Release();
    socket.set_option(asio::ip::tcp::no_delay(true), error);
    {
      std::lock_guard lock(mutex_);
      ++open_;
    }
    asio::co_spawn(strand, Session(Stream(beast::tcp_stream(std::move(socket)), context_)),
                   [this](const std::exception_ptr&) { Closed(); });
  }

  void Stop() noexcept {
    if (threads_.empty()) return;
    {
      std::unique_lock lock(mutex_);
      all_closed_.wait_for(lock, kStopLimit, [this] { return open_ == 0; });
    }
    io_.stop();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
    threads_.clear();
  }

 private:
  void Closed() {
    std::lock_guard lock(mutex_);
    if (--open_ == 0) all_closed_.notify_all();
  }

  asio::awaitable<void> Session(Stream stream) {
    std::array<char, kChunk> chunk;
    size_t have = 0;
    beast::get_lowest_layer(stream).expires_after(kHandshakeLimit);
    const std::string peer = PeerOf(beast::get_lowest_layer(stream).socket());
    error_code error;
    co_await stream.async_handshake(asio::ssl::stream_base::server,
                                    asio::redirect_error(use_awaitable, error));
    if (error) {
      Refused(stream, peer, error);
      if (IsHttp(error)) {
        co_await asio::async_write(beast::get_lowest_layer(stream),
                                   asio::buffer(kSpeaksHttp.data(), kSpeaksHttp.size()),
                                   use_awaitable);
      }
      co_return;
    }
    while (have < kFirstBytes) {
      have += co_await stream.async_read_some(
          asio::buffer(chunk.data() + have, chunk.size() - have), use_awaitable);
    }
    beast::get_lowest_layer(stream).expires_never();

    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
      Log().Warn("no socket pair for a TLS connection", {F("error", strerror(errno))});
      co_return;
    }
    FileDescriptor far(ends[1]);
    Plain plain(stream.get_executor());
    plain.assign(asio::local::stream_protocol(), ends[0]);
    co_await asio::async_write(plain, asio::buffer(chunk.data(), have), use_awaitable);
    deliver_(std::move(far));
    co_await (ToServer(stream, plain) || ToClient(stream, plain));
    beast::get_lowest_layer(stream).expires_after(kGoodbyeLimit);
    co_await stream.async_shutdown(asio::redirect_error(use_awaitable, error));
  }

  // Ends a while after the client has said everything: answers may be on their way.
  static asio::awaitable<void> ToServer(Stream& stream, Plain& plain) {
    std::array<char, kChunk> chunk;
    error_code error;
    while (true) {
      const size_t n = co_await stream.async_read_some(asio::buffer(chunk),
                                                       asio::redirect_error(use_awaitable, error));
      if (error) break;
      co_await asio::async_write(plain, asio::buffer(chunk.data(), n),
                                 asio::redirect_error(use_awaitable, error));
      if (error) break;
    }
    plain.shutdown(Plain::shutdown_send, error);
    asio::steady_timer timer(co_await asio::this_coro::executor, kHalfOpenLimit);
    co_await timer.async_wait(asio::redirect_error(use_awaitable, error));
  }

  // Ends when the server has said everything.
  static asio::awaitable<void> ToClient(Stream& stream, Plain& plain) {
    std::array<char, kChunk> chunk;
    error_code error;
    while (true) {
      const size_t n = co_await plain.async_read_some(asio::buffer(chunk),
                                                      asio::redirect_error(use_awaitable, error));
      if (error) co_return;
      co_await asio::async_write(stream, asio::buffer(chunk.data(), n),
                                 asio::redirect_error(use_awaitable, error));
      if (error) co_return;
    }
  }

  static bool IsHttp(const error_code& error) {
    return error.category() == asio::error::get_ssl_category() &&
           ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_HTTP_REQUEST;
  }

  // Tells why, but not more often than once in a while: anybody may knock.
  void Refused(Stream& stream, const std::string& peer, const error_code& error) {
    const std::string fault = HandshakeFault(stream.native_handle(), error.message());
    // Who only looks whether somebody listens says nothing.
    if (error == asio::error::eof || error == asio::error::connection_reset ||
        error == asio::ssl::error::stream_truncated) {
      Log().Debug("a connection ended before its TLS handshake", {F("peer", peer)});
      return;
    }
    uint64_t left_out = 0;
    {
      std::lock_guard lock(mutex_);
      const auto now = SteadyClock::now();
      if (logged_ && now - *logged_ < kLogPause) {
        ++left_out_;
        return;
      }
      logged_ = now;
      left_out = std::exchange(left_out_, 0);
    }
    Log().Warn("TLS handshake with a client failed",
               {F("peer", peer), F("error", fault), F("others since the last time", left_out)});
  }

  asio::ssl::context context_;
  const Deliver deliver_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::mutex mutex_;  // guards the following
  std::condition_variable all_closed_;
  int open_ = 0;  // connections
  std::optional<SteadyClock::time_point> logged_;
  uint64_t left_out_ = 0;
  std::vector<std::thread> threads_;
};

TlsFront::TlsFront(TlsContext context, Deliver deliver)
    : impl_(std::make_unique<Impl>(context, std::move(deliver))) {}
TlsFront::~TlsFront() = default;
void TlsFront::Serve(FileDescriptor fd) { impl_->Serve(std::move(fd)); }
void TlsFront::Stop() noexcept { impl_->Stop(); }

}  // namespace dm::cluster
