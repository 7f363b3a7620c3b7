// TLS settings and contexts. OpenSSL stays in the .cc file: its context type is only named here.
#pragma once

#include <memory>
#include <string>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace dm {

// Where certificates come from and whom to trust. Each part is given by a path or by its content;
// the content wins. All empty: no TLS.
struct TlsOptions {
  std::string ca_path{};
  std::string cert_path{};
  std::string key_path{};
  std::string ca{};    // PEM
  std::string cert{};  // PEM
  std::string key{};   // PEM
  // Accepted common names of the peer; empty: any.
  std::vector<std::string> allowed_common_names{};

  bool operator==(const TlsOptions&) const = default;
  [[nodiscard]] bool has_ca() const { return !ca_path.empty() || !ca.empty(); }
  [[nodiscard]] bool has_cert() const { return !cert_path.empty() || !cert.empty(); }
  [[nodiscard]] bool has_key() const { return !key_path.empty() || !key.empty(); }
  // Whether any material is given.
  [[nodiscard]] bool enabled() const { return has_ca() || has_cert() || has_key(); }
};

// Content of the three parts as it is now; a missing part is empty.
struct TlsMaterial {
  std::string ca{};
  std::string cert{};
  std::string key{};
};

// Reads what is given by path. Throws std::runtime_error: "could not read ca certificate: open
// x.pem: no such file or directory" (and "client certificate", "client key").
TlsMaterial LoadTlsMaterial(const TlsOptions& options);

// Throws std::runtime_error that names the fault if the material cannot be used: a CA without a
// certificate, a certificate without its key, a key of another certificate or with a passphrase.
void CheckTlsMaterial(const TlsMaterial& material);

// What a side demands of its peer.
enum class PeerCheck {
  kNone,        // nothing
  kChain,       // a certificate that chains to the CA
  kChainAndCn,  // and a common name of the list (the leaf's)
  // Chain to the CA (to the system's roots without one), the host name or address that was dialled,
  // and a common name of the list on a certificate of the chain.
  kFull,
};

// Which check a client makes by its options: without a list of names the chain alone, and only with
// a CA.
PeerCheck ClientPeerCheck(const TlsOptions& options);

using TlsContext = std::shared_ptr<ssl_ctx_st>;

// Context of a server, minimum TLS 1.2, ALPN h2 and http/1.1. The CA is read now (throws
// std::runtime_error); certificate and key are read again at every handshake, so that files can be
// replaced at any time.
TlsContext MakeServerContext(const TlsOptions& options, PeerCheck check);

// Context of a client; check by ClientPeerCheck. `alpn`: protocols to offer ("h2").
// `min_version_1_0`: for databases.
TlsContext MakeClientContext(const TlsOptions& options, const std::vector<std::string>& alpn,
                             bool min_version_1_0 = false);

// Tells a client connection the dialled host: for SNI and, where the context checks it, the names
// of the certificate.
void SetExpectedHost(ssl_st* connection, const std::string& host);

// Why the handshake of a connection of these contexts failed: what is wrong with the peer's
// certificate, else TakeTlsError (also an alert of the peer).
std::string HandshakeFault(ssl_st* connection);

// The first of the errors that OpenSSL keeps for this thread, which is their cause; forgets them
// all. Empty if there is none.
std::string TakeTlsError();

// For a client connection that somebody else has established without checking its peer: the check
// that `options` demand (ClientPeerCheck) of the certificate the server has shown for `host`. What
// is wrong with it; empty: it is accepted. Throws std::runtime_error if the CA cannot be used.
std::string ServerCertificateFault(ssl_st* connection, const TlsOptions& options,
                                   const std::string& host);

}  // namespace dm
