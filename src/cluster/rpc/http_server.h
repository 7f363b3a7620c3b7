// Serves HTTP/1 on connections that were accepted elsewhere. Private to this room.
#pragma once

#include <memory>
#include <string>

#include "cluster/rpc/one_port.h"

namespace dm::cluster {

class HttpServer {
 public:
  // `slow`: as OnePortServer::Handlers::slow_http.
  HttpServer(HttpHandler handler, std::string slow);
  // As Stop.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Takes the connection over (also its closing). Thread-safe.
  void Serve(int fd);
  // Ends all connections and waits for requests in progress.
  void Stop() noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dm::cluster
