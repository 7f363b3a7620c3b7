#include "cluster/rpc/http_server.h"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/log/log.h"

namespace dm::cluster {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::chrono::seconds kIdleLimit{60};
// Of the answer to what is no request, and of what is still read behind it.
constexpr std::chrono::seconds kRefusalLimit{2};
constexpr size_t kMostUnread = 1 << 20;
constexpr size_t kMaxBodyBytes = 64 << 20;
constexpr int kThreads = 2;
// Requests in progress; the slow ones wait for other machines.
constexpr size_t kHandlers = 8;
constexpr size_t kSlowHandlers = 16;
// How soon it is noticed that the client of a request in progress has gone.
constexpr std::chrono::milliseconds kGonePoll{100};
// Between questions to a client that sends no more, and may be listening or not.
constexpr std::chrono::milliseconds kProbePause{1'000};
// An answer that more follow, which clients of HTTP/1.1 have to take at any time.
constexpr std::string_view kProbe = "HTTP/1.1 100 Continue\r\n\r\n";

HttpResponse Answer(const HttpHandler& handler, const HttpRequest& request) {
  try {
    return handler(request);
  } catch (const std::exception& e) {
    return {500, "text/plain; charset=utf-8", ErrorText(e) + "\n"};
  }
}

// A request in progress, as seen by who watches its client. Everything but `gone` is its
// connection's strand's.
struct InProgress {
  InProgress(const asio::any_io_executor& strand, int fd, bool takes_probes)
      : timer(strand), fd(fd), takes_probes(takes_probes) {}

  asio::steady_timer timer;
  const int fd;  // valid until `answered`
  const bool takes_probes;
  bool answered = false;
  std::optional<std::chrono::steady_clock::time_point> next_probe;
  StopSource gone;
};

// Has the client gone? That the other end sends no more (POLLRDHUP, whatever it sent before) says
// nothing: it may have closed its sending side alone and wait for the answer. A connection that
// was closed as a whole answers with a reset to whatever is sent on it, so something is sent.
// A client of HTTP/1.0, which takes nothing but the answer, is taken for one that waits.
bool HasGone(InProgress& request) {
  pollfd watched{request.fd, POLLRDHUP, 0};
  if (poll(&watched, 1, 0) <= 0) return false;
  if ((watched.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return true;
  const auto now = std::chrono::steady_clock::now();
  if (!request.next_probe) request.next_probe = now + kProbePause;  // it may be answered by then
  if (!request.takes_probes || now < *request.next_probe) return false;
  request.next_probe = now + kProbePause;
  int unsent = 0;
  // Only where it fits as a whole: a part of it would break the answer.
  if (ioctl(request.fd, SIOCOUTQ, &unsent) != 0 || unsent != 0) return false;
  return send(request.fd, kProbe.data(), kProbe.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
         errno != EAGAIN;
}

asio::awaitable<void> WatchClient(std::shared_ptr<InProgress> request) {
  while (!request->answered) {
    request->timer.expires_after(kGonePoll);
    co_await request->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (request->answered || !HasGone(*request)) continue;
    request->gone.request_stop();
    co_return;
  }
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpHandler handler, std::string slow)
      : handler_(std::move(handler)),
        slow_(std::move(slow)),
        work_(asio::make_work_guard(context_)) {
    if (!slow_.empty()) slow_handlers_.emplace(kSlowHandlers);
    for (int i = 0; i < kThreads; ++i) {
      threads_.emplace_back([this] { context_.run(); });
    }
  }

  ~Impl() { Stop(); }

  void Serve(int fd) {
    boost::system::error_code error;
    // One thread at a time works on a connection: its time limit is handled on any thread
    // otherwise.
    const asio::strand<asio::io_context::executor_type> strand = asio::make_strand(context_);
    asio::ip::tcp::socket socket(strand);
    // The protocol only matters for options that are not used here.
    socket.assign(asio::ip::tcp::v4(), fd, error);
    if (error) {
      close(fd);
      return;
    }
    asio::co_spawn(strand, Session(beast::tcp_stream(std::move(socket))), asio::detached);
  }

  void Stop() noexcept {
    handlers_.join();
    if (slow_handlers_) slow_handlers_->join();
    context_.stop();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

 private:
  // Was something sent that is no request? Not if the connection ended.
  static bool IsMalformed(const boost::system::error_code& error) {
    return error.category() == make_error_code(http::error::bad_method).category() &&
           error != http::error::end_of_stream && error != http::error::partial_message;
  }

  // Answers 400, or 413 for a body beyond the limit, and ends the connection: where another request
  // would begin is not known.
  static asio::awaitable<void> Refuse(beast::tcp_stream& stream, boost::system::error_code error) {
    const bool large = error == http::error::body_limit;
    http::response<http::string_body> response(
        large ? http::status::payload_too_large : http::status::bad_request, 11);
    response.set(http::field::content_type, "text/plain; charset=utf-8");
    response.keep_alive(false);
    response.body() =
        fmt::format("{}: {}", large ? "413 Payload Too Large" : "400 Bad Request", error.message());
    response.prepare_payload();
    stream.expires_after(kRefusalLimit);
    co_await http::async_write(stream, response, asio::use_awaitable);
    boost::system::error_code ignored;
    stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    // A connection that is closed before its data are read is reset, and the answer is lost.
    std::array<char, 4096> rest;
    for (size_t read = 0; read < kMostUnread;) {
      const auto [end, size] =
          co_await stream.async_read_some(asio::buffer(rest), asio::as_tuple(asio::use_awaitable));
      if (end) break;
      read += size;
    }
  }

  asio::awaitable<void> Session(beast::tcp_stream stream) {
    try {
      beast::flat_buffer buffer;
      while (true) {
        stream.expires_after(kIdleLimit);
        http::request_parser<http::string_body> parser;
        parser.body_limit(kMaxBodyBytes);
        const auto [error, size] =
            co_await http::async_read(stream, buffer, parser, asio::as_tuple(asio::use_awaitable));
        if (error) {
          if (IsMalformed(error)) co_await Refuse(stream, error);
          throw boost::system::system_error(error);
        }
        const http::request<http::string_body>& message = parser.get();
        HttpRequest request;
        request.method = std::string(message.method_string());
        request.target = std::string(message.target());
        request.content_type = std::string(message[http::field::content_type]);
        request.body = message.body();
        const auto progress = std::make_shared<InProgress>(
            stream.get_executor(), stream.socket().native_handle(), message.version() >= 11);
        request.gone = progress->gone.get_token();
        asio::co_spawn(stream.get_executor(), WatchClient(progress), asio::detached);
        const bool is_slow = slow_handlers_ && request.target.starts_with(slow_);
        HttpResponse answer =
            co_await asio::co_spawn((is_slow ? *slow_handlers_ : handlers_).get_executor(),
                                    [this, &request]() -> asio::awaitable<HttpResponse> {
                                      co_return Answer(handler_, request);
                                    },
                                    asio::use_awaitable);
        progress->answered = true;
        progress->timer.cancel();
        http::response<http::string_body> response(static_cast<http::status>(answer.status),
                                                   message.version());
        response.set(http::field::content_type, answer.content_type);
        for (const auto& [name, value] : answer.headers) response.set(name, value);
        response.keep_alive(message.keep_alive());
        response.body() = std::move(answer.body);
        response.prepare_payload();
        if (message.method() == http::verb::head) response.body().clear();
        stream.expires_after(kIdleLimit);
        co_await http::async_write(stream, response, asio::use_awaitable);
        if (!response.keep_alive()) break;
      }
      boost::system::error_code ignored;
      stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    } catch (const boost::system::system_error& e) {
      if (e.code() != http::error::end_of_stream) {
        Log().Debug("an HTTP connection ended", {F("error", e)});
      }
    }
  }

  const HttpHandler handler_;
  const std::string slow_;
  asio::io_context context_;
  asio::thread_pool handlers_{kHandlers};
  std::optional<asio::thread_pool> slow_handlers_;  // if there are slow requests
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

HttpServer::HttpServer(HttpHandler handler, std::string slow)
    : impl_(std::make_unique<Impl>(std::move(handler), std::move(slow))) {}
HttpServer::~HttpServer() = default;
void HttpServer::Serve(int fd) { impl_->Serve(fd); }
void HttpServer::Stop() noexcept { impl_->Stop(); }

}  // namespace dm::cluster
