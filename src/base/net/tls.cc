#include "base/net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/error/system_error.h"
#include "base/io/file.h"
#include "base/log/log.h"
#include "base/net/openssl_free.h"

namespace dm {
namespace {

using Bio = std::unique_ptr<BIO, OpensslFree<BIO_free>>;
using Certificate = std::unique_ptr<X509, OpensslFree<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using Store = std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>>;

// What a context needs at every handshake; owned by the context (freed with it).
struct Settings {
  TlsOptions options;
  PeerCheck check = PeerCheck::kNone;
  std::vector<unsigned char> alpn;  // wire form
};

int SettingsIndex() {
  static const int index = ::SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* settings, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<Settings*>(settings);
      });
  return index;
}

const Settings& SettingsOf(SSL_CTX* context) {
  return *static_cast<const Settings*>(::SSL_CTX_get_ex_data(context, SettingsIndex()));
}

// Where a connection keeps the text of why its handshake is refused.
int FaultIndex() {
  static const int index = ::SSL_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* fault, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<std::string*>(fault);
      });
  return index;
}

void KeepFault(SSL* connection, std::string fault) {
  delete static_cast<std::string*>(::SSL_get_ex_data(connection, FaultIndex()));
  ::SSL_set_ex_data(connection, FaultIndex(), new std::string(std::move(fault)));
}

std::string LastError() {
  unsigned long code = ::ERR_get_error();
  ::ERR_clear_error();
  if (code == 0) return "unknown reason";
  const char* reason = ::ERR_reason_error_string(code);
  return reason == nullptr ? "error " + std::to_string(code) : reason;
}

std::string ReadPart(const std::string& content, const std::string& path, const char* what) {
  if (!content.empty() || path.empty()) return content;
  try {
    return ReadFile(path);
  } catch (const SystemError& e) {
    throw std::runtime_error(std::string("could not read ") + what + ": " + e.what());
  }
}

Bio MemoryBio(const std::string& text) {
  return Bio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Called for the passphrase of a private key. OpenSSL's own function would ask at the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

// The first key of the text. Throws std::runtime_error.
Key ParseKey(const std::string& pem) {
  Bio bio = MemoryBio(pem);
  Key key(::PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) {
    const bool locked = pem.find("ENCRYPTED") != std::string::npos;
    const std::string reason = LastError();
    throw std::runtime_error("unusable private key: " +
                             (locked ? "it has a passphrase, which is not supported" : reason));
  }
  return key;
}

// Adds every certificate of the bundle to the store. Any of them is trusted, also one that another
// has signed.
void TrustBundle(X509_STORE* store, const std::string& pem) {
  Bio bio = MemoryBio(pem);
  ::X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  int count = 0;
  for (;; ++count) {
    Certificate certificate(::PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) break;
    if (::X509_STORE_add_cert(store, certificate.get()) != 1) {
      throw std::runtime_error("failed to append ca certs: " + LastError());
    }
  }
  ::ERR_clear_error();  // the end of the text is an "error" too
  if (count == 0) throw std::runtime_error("failed to append ca certs");
}

// Gives certificate chain and key, as they are now, to one connection.
void UseCertificate(SSL* connection, const TlsOptions& options) {
  std::string cert_pem = ReadPart(options.cert, options.cert_path, "client certificate");
  std::string key_pem = ReadPart(options.key, options.key_path, "client key");
  Bio cert_bio = MemoryBio(cert_pem);
  Certificate leaf(::PEM_read_bio_X509(cert_bio.get(), nullptr, nullptr, nullptr));
  if (leaf == nullptr || ::SSL_use_certificate(connection, leaf.get()) != 1) {
    throw std::runtime_error("unusable certificate: " + LastError());
  }
  ::SSL_clear_chain_certs(connection);
  for (;;) {
    Certificate next(::PEM_read_bio_X509(cert_bio.get(), nullptr, nullptr, nullptr));
    if (next == nullptr) break;
    if (::SSL_add1_chain_cert(connection, next.get()) != 1) {
      throw std::runtime_error("unusable certificate chain: " + LastError());
    }
  }
  ::ERR_clear_error();
  const Key key = ParseKey(key_pem);
  if (::SSL_use_PrivateKey(connection, key.get()) != 1) {
    throw std::runtime_error("unusable private key: " + LastError());
  }
}

// Called by OpenSSL in every handshake when a certificate of ours is needed.
int OnCertificateNeeded(SSL* connection, void*) {
  const TlsOptions& options = SettingsOf(::SSL_get_SSL_CTX(connection)).options;
  try {
    UseCertificate(connection, options);
    return 1;
  } catch (const std::exception& e) {
    Log().Error("certificate cannot be loaded, TLS handshake fails", {F("error", e)});
    KeepFault(connection, e.what());
    return 0;
  }
}

std::string CommonName(X509* certificate) {
  X509_NAME* subject = ::X509_get_subject_name(certificate);
  int at = ::X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return "";
  unsigned char* text = nullptr;
  const int size =
      ::ASN1_STRING_to_UTF8(&text, ::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(subject, at)));
  if (size < 0) return "";
  std::string name(reinterpret_cast<const char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  return name;
}

// "CN=db1,O=Example"
std::string NameText(const X509_NAME* name) {
  Bio bio(::BIO_new(BIO_s_mem()));
  ::X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(std::max(size, 0L))};
}

std::string TimeText(const ASN1_TIME* time) {
  Bio bio(::BIO_new(BIO_s_mem()));
  ::ASN1_TIME_print(bio.get(), time);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(std::max(size, 0L))};
}

// What a failed verification says, with the certificate that it is about.
std::string VerificationFault(X509_STORE_CTX* store) {
  const int error = ::X509_STORE_CTX_get_error(store);
  std::string text = ::X509_verify_cert_error_string(error);
  X509* certificate = ::X509_STORE_CTX_get_current_cert(store);
  if (certificate == nullptr) certificate = ::X509_STORE_CTX_get0_cert(store);
  if (certificate == nullptr) return text;
  if (error == X509_V_ERR_CERT_HAS_EXPIRED) {
    text += " on " + TimeText(::X509_get0_notAfter(certificate));
  }
  if (error == X509_V_ERR_CERT_NOT_YET_VALID) {
    text += " before " + TimeText(::X509_get0_notBefore(certificate));
  }
  return fmt::format("{} (certificate {}, issued by {})", text,
                     NameText(::X509_get_subject_name(certificate)),
                     NameText(::X509_get_issuer_name(certificate)));
}

// What is wrong with the common names of a verified chain; empty: nothing.
std::string CommonNameFault(const TlsOptions& options, PeerCheck check, X509_STORE_CTX* store) {
  const auto& names = options.allowed_common_names;
  if (names.empty()) return "";
  STACK_OF(X509)* chain = ::X509_STORE_CTX_get0_chain(store);
  const int count =
      check == PeerCheck::kChainAndCn ? std::min(1, sk_X509_num(chain)) : sk_X509_num(chain);
  for (int i = 0; i < count; ++i) {
    const std::string name = CommonName(sk_X509_value(chain, i));
    if (std::find(names.begin(), names.end(), name) != names.end()) return "";
  }
  return fmt::format("the common name is not in cert-allowed-cn (certificate {})",
                     NameText(::X509_get_subject_name(::X509_STORE_CTX_get0_cert(store))));
}

// Replaces OpenSSL's check of the peer's certificate: its own check, then the common names.
int OnVerify(X509_STORE_CTX* store, void*) {
  auto* connection = static_cast<SSL*>(
      ::X509_STORE_CTX_get_ex_data(store, ::SSL_get_ex_data_X509_STORE_CTX_idx()));
  const Settings& settings = SettingsOf(::SSL_get_SSL_CTX(connection));
  std::string fault;
  if (::X509_verify_cert(store) != 1) {
    fault = VerificationFault(store);
  } else {
    fault = CommonNameFault(settings.options, settings.check, store);
    if (fault.empty()) return 1;
    ::X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  }
  KeepFault(connection, std::move(fault));
  return 0;
}

TlsContext NewContext(const SSL_METHOD* method, std::unique_ptr<Settings> settings, int version) {
  TlsContext context(::SSL_CTX_new(method), OpensslFree<SSL_CTX_free>());
  if (context == nullptr) throw std::runtime_error("TLS context: " + LastError());
  ::SSL_CTX_set_min_proto_version(context.get(), version);
  ::SSL_CTX_set_mode(context.get(),
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY | SSL_MODE_NO_AUTO_CHAIN);
  const TlsOptions& options = settings->options;
  bool checks = settings->check != PeerCheck::kNone;
  if (options.has_ca()) {
    TrustBundle(::SSL_CTX_get_cert_store(context.get()),
                ReadPart(options.ca, options.ca_path, "ca certificate"));
  } else if (checks && ::SSL_CTX_set_default_verify_paths(context.get()) != 1) {
    throw std::runtime_error("the system's root certificates cannot be read: " + LastError());
  }
  if (checks) {
    ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    ::SSL_CTX_set_cert_verify_callback(context.get(), OnVerify, nullptr);
  }
  ::SSL_CTX_set_ex_data(context.get(), SettingsIndex(), settings.release());
  return context;
}

std::vector<unsigned char> AlpnWire(const std::vector<std::string>& protocols) {
  std::vector<unsigned char> wire;
  for (const std::string& protocol : protocols) {
    wire.push_back(static_cast<unsigned char>(protocol.size()));
    wire.insert(wire.end(), protocol.begin(), protocol.end());
  }
  return wire;
}

int OnAlpn(SSL* connection, const unsigned char** chosen, unsigned char* chosen_size,
           const unsigned char* offered, unsigned offered_size, void*) {
  const std::vector<unsigned char>& ours = SettingsOf(::SSL_get_SSL_CTX(connection)).alpn;
  unsigned char* selected = nullptr;
  int rc = ::SSL_select_next_proto(&selected, chosen_size, ours.data(),
                                   static_cast<unsigned>(ours.size()), offered, offered_size);
  if (rc != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *chosen = selected;
  return SSL_TLSEXT_ERR_OK;
}

bool IsAddress(const std::string& host) {
  ASN1_OCTET_STRING* address = ::a2i_IPADDRESS(host.c_str());
  ::ASN1_OCTET_STRING_free(address);
  ::ERR_clear_error();
  return address != nullptr;
}

// Sets the name or address that the certificate has to be for.
void ExpectHost(X509_VERIFY_PARAM* parameters, const std::string& host) {
  const int done = IsAddress(host)
                       ? ::X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str())
                       : ::X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size());
  if (done != 1) throw std::runtime_error("host name cannot be checked: " + LastError());
}

void FreeStack(STACK_OF(X509) * certificates) { sk_X509_pop_free(certificates, X509_free); }

// What is wrong with a server's certificate; `others` help to build the chain.
std::string FaultOf(X509* leaf, STACK_OF(X509) * others, const TlsOptions& options,
                    const std::string& host) {
  const PeerCheck check = ClientPeerCheck(options);
  if (check == PeerCheck::kNone) return "";
  if (leaf == nullptr) return "the server has shown no certificate";
  const Store store(::X509_STORE_new());
  if (options.has_ca()) {
    TrustBundle(store.get(), ReadPart(options.ca, options.ca_path, "ca certificate"));
  } else if (::X509_STORE_set_default_paths(store.get()) != 1) {
    throw std::runtime_error("the system's root certificates cannot be read: " + LastError());
  }
  const StoreContext context(::X509_STORE_CTX_new());
  if (::X509_STORE_CTX_init(context.get(), store.get(), leaf, others) != 1) {
    throw std::runtime_error("certificate cannot be checked: " + LastError());
  }
  ::X509_STORE_CTX_set_default(context.get(), "ssl_server");
  if (check == PeerCheck::kFull) ExpectHost(::X509_STORE_CTX_get0_param(context.get()), host);
  const bool verified = ::X509_verify_cert(context.get()) == 1;
  ::ERR_clear_error();
  if (!verified) return VerificationFault(context.get());
  return CommonNameFault(options, check, context.get());
}

}  // namespace

TlsOptions WithLoadedCa(TlsOptions options) {
  if (!options.has_ca()) return options;
  options.ca = ReadPart(options.ca, options.ca_path, "ca certificate");
  const Store store(::X509_STORE_new());
  TrustBundle(store.get(), options.ca);
  return options;
}

TlsMaterial LoadTlsMaterial(const TlsOptions& options) {
  return {.ca = ReadPart(options.ca, options.ca_path, "ca certificate"),
          .cert = ReadPart(options.cert, options.cert_path, "client certificate"),
          .key = ReadPart(options.key, options.key_path, "client key")};
}

void CheckTlsMaterial(const TlsMaterial& material) {
  if (!material.ca.empty()) {
    const Store store(::X509_STORE_new());
    TrustBundle(store.get(), material.ca);
  }
  if (material.cert.empty() != material.key.empty()) {
    throw std::runtime_error("certificate and private key must be given together");
  }
  if (material.cert.empty()) return;
  Bio bio = MemoryBio(material.cert);
  const Certificate leaf(::PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr));
  if (leaf == nullptr) throw std::runtime_error("unusable certificate: " + LastError());
  const Key key = ParseKey(material.key);
  if (::X509_check_private_key(leaf.get(), key.get()) != 1) {
    ::ERR_clear_error();
    throw std::runtime_error("the private key does not belong to the certificate");
  }
}

PeerCheck ClientPeerCheck(const TlsOptions& options) {
  if (!options.allowed_common_names.empty()) return PeerCheck::kFull;
  return options.has_ca() ? PeerCheck::kChain : PeerCheck::kNone;
}

TlsContext MakeServerContext(const TlsOptions& options, PeerCheck check) {
  auto settings = std::make_unique<Settings>();
  settings->options = options;
  settings->check = check;
  settings->alpn = AlpnWire({"h2", "http/1.1"});
  TlsContext context = NewContext(::TLS_server_method(), std::move(settings), TLS1_2_VERSION);
  ::SSL_CTX_set_alpn_select_cb(context.get(), OnAlpn, nullptr);
  ::SSL_CTX_set_cert_cb(context.get(), OnCertificateNeeded, nullptr);
  // Every connection shows its certificate: a resumed session would skip the check.
  ::SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  ::SSL_CTX_set_num_tickets(context.get(), 0);
  ::SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

TlsContext MakeClientContext(const TlsOptions& options, const std::vector<std::string>& alpn,
                             bool min_version_1_0) {
  auto settings = std::make_unique<Settings>();
  settings->options = options;
  settings->check = ClientPeerCheck(options);
  settings->alpn = AlpnWire(alpn);
  bool has_own = options.has_cert() && options.has_key();
  std::vector<unsigned char> wire = settings->alpn;
  TlsContext context = NewContext(::TLS_client_method(), std::move(settings),
                                  min_version_1_0 ? TLS1_VERSION : TLS1_2_VERSION);
  if (min_version_1_0) {
    ::SSL_CTX_set_security_level(context.get(), 0);  // old versions need old digests
  }
  if (!wire.empty()) {
    ::SSL_CTX_set_alpn_protos(context.get(), wire.data(), static_cast<unsigned>(wire.size()));
  }
  if (has_own) ::SSL_CTX_set_cert_cb(context.get(), OnCertificateNeeded, nullptr);
  return context;
}

void SetExpectedHost(ssl_st* connection, const std::string& host) {
  // SNI carries names only.
  if (!IsAddress(host)) ::SSL_set_tlsext_host_name(connection, host.c_str());
  if (SettingsOf(::SSL_get_SSL_CTX(connection)).check != PeerCheck::kFull) return;
  ExpectHost(::SSL_get0_param(connection), host);
}

std::string HandshakeFault(ssl_st* connection, const std::string& otherwise) {
  std::string last = otherwise.empty() ? TakeTlsError() : otherwise;
  if (const auto* fault =
          static_cast<const std::string*>(::SSL_get_ex_data(connection, FaultIndex()))) {
    return *fault;
  }
  return last.empty() ? "the peer closed the connection" : last;
}

std::string TakeTlsError() {
  const unsigned long code = ::ERR_get_error();
  ::ERR_clear_error();
  if (code == 0) return "";
  const char* reason = ::ERR_reason_error_string(code);
  return reason == nullptr ? fmt::format("error {}", code) : reason;
}

std::string CertificateFault(const std::string& chain_pem, const TlsOptions& options,
                             const std::string& host) {
  Bio bio = MemoryBio(chain_pem);
  const Certificate leaf(::PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr));
  const std::unique_ptr<STACK_OF(X509), OpensslFree<FreeStack>> others(sk_X509_new_null());
  for (X509* next; (next = ::PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr));) {
    sk_X509_push(others.get(), next);
  }
  ::ERR_clear_error();
  return FaultOf(leaf.get(), others.get(), options, host);
}

std::string ServerCertificateFault(ssl_st* connection, const TlsOptions& options,
                                   const std::string& host) {
  return FaultOf(::SSL_get0_peer_certificate(connection), ::SSL_get_peer_cert_chain(connection),
                 options, host);
}

}  // namespace dm
