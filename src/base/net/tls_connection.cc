#include "base/net/tls_connection.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <stdexcept>

#include "base/error/system_error.h"
#include "base/net/address.h"
#include "base/net/socket.h"

namespace dm {

// OpenSSL works on memory: the socket is read and written by our own functions, which know limits
// and stops, and send no SIGPIPE.
TlsConnection::TlsConnection(FileDescriptor fd, const TlsContext& context, const std::string& host,
                             Milliseconds timeout, const StopToken& stop)
    : context_(context), fd_(std::move(fd)), ssl_(::SSL_new(context.get())) {
  if (ssl_ == nullptr) throw std::bad_alloc();
  try {
    ::SSL_set_bio(ssl_, ::BIO_new(::BIO_s_mem()), ::BIO_new(::BIO_s_mem()));
    SetExpectedHost(ssl_, host);
    while (true) {
      ::ERR_clear_error();
      const int result = ::SSL_connect(ssl_);
      if (result == 1) break;
      GoOn(result, "TLS handshake failed", timeout, stop);
    }
    Flush(timeout, stop);
  } catch (...) {
    ::SSL_free(ssl_);
    throw;
  }
}

TlsConnection::~TlsConnection() { ::SSL_free(ssl_); }

void TlsConnection::Flush(Milliseconds timeout, const StopToken& stop) {
  BIO* out = ::SSL_get_wbio(ssl_);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  if (size <= 0) return;
  dm::WriteAll(fd_.get(), {data, static_cast<size_t>(size)}, timeout, stop);
  (void)BIO_reset(out);
}

void TlsConnection::GoOn(int result, const char* what, Milliseconds timeout,
                         const StopToken& stop) {
  const int error = ::SSL_get_error(ssl_, result);
  const std::string fault =
      error == SSL_ERROR_WANT_READ ? "" : fmt::format("{}: {}", what, HandshakeFault(ssl_));
  Flush(timeout, stop);  // also the alert that tells the peer why
  if (!fault.empty()) throw std::runtime_error(fault);
  char chunk[16 << 10];
  const size_t n = dm::ReadSome(fd_.get(), chunk, timeout, stop);
  if (n == 0) throw std::runtime_error(fmt::format("{}: the peer closed the connection", what));
  ::BIO_write(::SSL_get_rbio(ssl_), chunk, static_cast<int>(n));
}

size_t TlsConnection::ReadSome(std::span<char> buffer, Milliseconds timeout,
                               const StopToken& stop) {
  while (true) {
    ::ERR_clear_error();
    const int n = ::SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()));
    if (n > 0) return static_cast<size_t>(n);
    if (::SSL_get_error(ssl_, n) == SSL_ERROR_ZERO_RETURN) return 0;
    GoOn(n, "TLS connection failed", timeout, stop);
  }
}

void TlsConnection::WriteAll(std::string_view data, Milliseconds timeout, const StopToken& stop) {
  while (!data.empty()) {
    ::ERR_clear_error();
    const int n =
        ::SSL_write(ssl_, data.data(), static_cast<int>(std::min<size_t>(data.size(), 1 << 20)));
    if (n > 0) {
      data.remove_prefix(static_cast<size_t>(n));
      Flush(timeout, stop);
    } else {
      GoOn(n, "TLS connection failed", timeout, stop);
    }
  }
}

std::string TlsObstacle(const std::string& address, const TlsOptions& options, Milliseconds timeout,
                        const StopToken& stop) {
  FileDescriptor fd;
  std::string host;
  try {
    host = SplitHostPort(address).host;
    fd = ConnectTcp(address, timeout, stop);
  } catch (const std::exception&) {
    ThrowIfStopped(stop);
    return "";  // not a matter of TLS
  }
  try {
    TlsConnection connection(std::move(fd), MakeClientContext(options, {"h2"}), host, timeout,
                             stop);
    if (!options.enabled()) {
      return fmt::format("{} demands TLS, and no `ssl-ca`, `ssl-cert`, `ssl-key` are given",
                         address);
    }
    // What the server says against our certificate comes when it has seen it.
    char byte;
    if (connection.ReadSome({&byte, 1}, timeout, stop) == 0) {
      return fmt::format("{} has ended the TLS connection", address);
    }
  } catch (const SystemError& e) {
    // In time it said nothing against us; or it has closed the connection without a word.
    ThrowIfStopped(stop);
    return options.enabled() && e.number() == ECONNRESET
               ? fmt::format("{} has ended the TLS connection", address)
               : "";
  } catch (const std::runtime_error& e) {
    ThrowIfStopped(stop);
    // A server without TLS answers with anything but TLS.
    return options.enabled() ? fmt::format("{}: {}", address, e.what()) : "";
  }
  return "";
}

}  // namespace dm
