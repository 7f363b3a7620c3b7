// One TCP port for gRPC and HTTP, with or without TLS: the first bytes of a connection (inside of
// TLS) decide which of the two it is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error/error.h"
#include "base/net/tls.h"
#include "base/thread/stop.h"

namespace grpc {
class Service;
class CallbackGenericService;
}  // namespace grpc

namespace dm::cluster {

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // path with query, as sent
  std::string content_type;
  std::string body;
  // Stops when the client has gone: nobody waits for the answer.
  StopToken gone{};

  // The target without its query.
  std::string path() const { return target.substr(0, target.find('?')); }
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers{};  // others
};

// Called from several threads at once, and may block; ends soon when the server is being stopped.
// What it throws becomes status 500 with its text.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// "404 page not found".
HttpResponse NotFoundPage();

class OnePortServer {
 public:
  // Binds and listens on "host:port" (no host: all addresses); connections wait until Start. Throws
  // Error `bind_error` whose raw cause names the address ("address already in use").
  OnePortServer(const std::string& address, ErrorCode bind_error);
  // As Stop.
  ~OnePortServer();
  OnePortServer(const OnePortServer&) = delete;
  OnePortServer& operator=(const OnePortServer&) = delete;

  struct Handlers {
    std::vector<grpc::Service*> services;             // not owned; outlive the server
    grpc::CallbackGenericService* generic = nullptr;  // for methods of no service; not owned
    HttpHandler http;
    // Requests whose target begins with this may take as long as they need: they wait in a queue of
    // their own, behind which no other request stands. Empty: none.
    std::string slow_http{};
    // Set: nothing but TLS is spoken; what the context demands of clients holds for everything on
    // the port.
    TlsContext tls = nullptr;
    // A larger gRPC request is refused with RESOURCE_EXHAUSTED.
    size_t max_grpc_request_bytes = 4 << 20;
  };
  // Serves from now on. Called once.
  void Start(Handlers handlers);

  // The bound port, also when 0 was asked for.
  uint16_t port() const;

  // Closes the port, lets RPCs in flight end for at most `grace`, then cuts them; HTTP requests in
  // progress are cut. Idempotent.
  void Stop(Milliseconds grace = Milliseconds(0)) noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dm::cluster
