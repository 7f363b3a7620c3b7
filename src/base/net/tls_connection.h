// A TLS client connection used by one thread, and why one cannot be made.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/io/file_descriptor.h"
#include "base/net/tls.h"
#include "base/thread/stop.h"

namespace dm {

// The limits hold for each wait. Failures are std::runtime_error: of the socket as in socket.h, of
// TLS by their text ("TLS handshake failed: ..."). A stop ends every wait by Cancelled.
class TlsConnection {
 public:
  // Makes the handshake over a connected socket; `host` is what was dialled.
  TlsConnection(FileDescriptor fd, const TlsContext& context, const std::string& host,
                Milliseconds timeout, const StopToken& stop);
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;
  ~TlsConnection();

  // Reads what is there, waiting for at least one byte; 0 means that the peer has closed.
  size_t ReadSome(std::span<char> buffer, Milliseconds timeout, const StopToken& stop);
  void WriteAll(std::string_view data, Milliseconds timeout, const StopToken& stop);

 private:
  // Sends what OpenSSL has made, then gets it what it waits for, or throws why its call failed.
  void GoOn(int result, const char* what, Milliseconds timeout, const StopToken& stop);
  void Flush(Milliseconds timeout, const StopToken& stop);

  TlsContext context_;
  FileDescriptor fd_;
  ssl_st* ssl_;
};

// Why the programs of the cluster cannot talk at `address` ("host:port"), as far as TLS is the
// reason: tries a handshake of its own. `options`: those that were used, perhaps none. Empty if the
// address cannot be reached at all, or nothing is wrong.
std::string TlsObstacle(const std::string& address, const TlsOptions& options, Milliseconds timeout,
                        const StopToken& stop);

}  // namespace dm
