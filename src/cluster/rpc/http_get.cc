#include "cluster/rpc/http_get.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace dm::cluster {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

// Sends the request on the connected stream and reads the answer; runs inside `context`.
template <class Stream>
void Exchange(Stream& stream, http::request<http::empty_body>& request, beast::flat_buffer& buffer,
              http::response_parser<http::string_body>& parser, bool& done) {
  http::async_write(stream, request, [&](boost::system::error_code error, size_t) {
    if (error) return;
    http::async_read(stream, buffer, parser,
                     [&](boost::system::error_code read_error, size_t) { done = !read_error; });
  });
}

}  // namespace

std::optional<HttpResponse> HttpGet(const std::string& endpoint, const std::string& path,
                                    Milliseconds timeout) {
  try {
    asio::io_context context;
    http::request<http::empty_body> request(http::verb::get, path, 11);
    request.set(http::field::connection, "close");
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(boost::none);
    bool done = false;
    if (endpoint.starts_with("unix:")) {
      using Protocol = asio::local::stream_protocol;
      beast::basic_stream<Protocol> stream(context);
      request.set(http::field::host, "localhost");
      stream.async_connect(Protocol::endpoint(endpoint.substr(5)),
                           [&](boost::system::error_code error) {
                             if (!error) Exchange(stream, request, buffer, parser, done);
                           });
      context.run_for(timeout);
    } else {
      std::string address = endpoint;
      for (std::string_view scheme : {"http://", "https://"}) {
        if (address.starts_with(scheme)) address.erase(0, scheme.size());
      }
      const size_t colon = address.rfind(':');
      if (colon == std::string::npos) return std::nullopt;
      std::string host = address.substr(0, colon);
      if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
      using Protocol = asio::ip::tcp;
      beast::basic_stream<Protocol> stream(context);
      asio::ip::tcp::resolver resolver(context);
      request.set(http::field::host, address);
      resolver.async_resolve(
          host, address.substr(colon + 1),
          [&](boost::system::error_code error, const asio::ip::tcp::resolver::results_type& found) {
            if (error) return;
            stream.async_connect(found, [&](boost::system::error_code connect_error, auto) {
              if (!connect_error) Exchange(stream, request, buffer, parser, done);
            });
          });
      context.run_for(timeout);
    }
    if (!done) return std::nullopt;
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
