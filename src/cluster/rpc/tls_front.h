// Ends TLS in front of servers that speak plainly. Private to this room.
#pragma once

#include <functional>
#include <memory>

#include "base/io/file_descriptor.h"
#include "base/net/tls.h"

namespace dm::cluster {

// For each accepted connection: the handshake (at most 10 s, the first bytes of the client
// included), then the plain end of a socket pair goes to `deliver`, and bytes pass in both
// directions. A refused handshake is logged with its reason; a client that speaks HTTP without TLS
// is told so.
class TlsFront {
 public:
  // At least this much can be read of a delivered connection at once.
  static constexpr int kFirstBytes = 4;
  // Called from threads of the front.
  using Deliver = std::function<void(FileDescriptor plain)>;

  TlsFront(TlsContext context, Deliver deliver);
  // As Stop.
  ~TlsFront();
  TlsFront(const TlsFront&) = delete;
  TlsFront& operator=(const TlsFront&) = delete;

  // Takes an accepted connection over. Thread-safe.
  void Serve(FileDescriptor fd);
  // Gives open connections a moment to send what was said, then cuts them. Idempotent.
  void Stop() noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dm::cluster
