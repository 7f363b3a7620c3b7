#include "cluster/rpc/http_get.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/error/error.h"
#include "base/net/address.h"
#include "base/net/socket.h"
#include "base/net/tls_connection.h"

namespace dm::cluster {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

// What is left until `end`; never less than a moment, after which a wait fails.
Milliseconds Left(SteadyClock::time_point end) {
  return std::max(std::chrono::ceil<Milliseconds>(end - SteadyClock::now()), Milliseconds(1));
}

}  // namespace

std::optional<HttpResponse> HttpGet(const std::string& endpoint, const std::string& path,
                                    Milliseconds timeout, const TlsOptions& tls) {
  const auto end = SteadyClock::now() + timeout;
  const StopToken stop;
  try {
    const bool local = endpoint.starts_with("unix:");
    const std::string address(local ? endpoint.substr(5) : std::string(StripScheme(endpoint)));
    FileDescriptor fd =
        local ? ConnectUnix(address, timeout, stop) : ConnectTcp(address, timeout, stop);
    const std::string request =
        fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", path,
                    local ? "localhost" : address);
    std::optional<TlsConnection> secure;
    if (endpoint.starts_with("https://")) {
      secure.emplace(std::move(fd), MakeClientContext(tls, {"http/1.1"}),
                     SplitHostPort(address).host, Left(end), stop);
      secure->WriteAll(request, Left(end), stop);
    } else {
      WriteAll(fd.get(), request, Left(end), stop);
    }
    http::response_parser<http::string_body> parser;
    parser.body_limit(boost::none);
    parser.eager(true);
    std::string received;
    while (!parser.is_done()) {
      char chunk[16 << 10];
      const size_t n = secure ? secure->ReadSome(chunk, Left(end), stop)
                              : ReadSome(fd.get(), chunk, Left(end), stop);
      if (SteadyClock::now() >= end) return std::nullopt;
      boost::system::error_code error;
      if (n == 0) {
        parser.put_eof(error);
        if (error || !parser.is_done()) return std::nullopt;
        break;
      }
      received.append(chunk, n);
      const size_t used = parser.put(asio::buffer(received), error);
      received.erase(0, used);
      if (error && error != http::error::need_more) return std::nullopt;
    }
    HttpResponse response;
    response.status = static_cast<int>(parser.get().result_int());
    response.content_type = std::string(parser.get()[http::field::content_type]);
    response.body = std::move(parser.get().body());
    return response;
  } catch (const std::exception&) {
    return std::nullopt;  // as promised: no complete answer
  }
}

}  // namespace dm::cluster
