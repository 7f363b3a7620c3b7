// libmariadb's inner headers need mysql.h before them.
#include "mysql/client/tls.h"

#define HAVE_TLS 1  // else ma_pvio.h hides the type of its TLS member
using uchar = unsigned char;
#include <errmsg.h>
#include <fmt/format.h>
#include <ma_pvio.h>
#include <mysql/plugin_auth.h>
#include <openssl/ssl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mutex>
#include <stdexcept>

#include "mysql/client/link.h"

// Declared in a header of libmariadb that needs another one, which Debian does not ship.
extern "C" st_mysql_client_plugin* mysql_client_register_plugin(st_mysql* mysql,
                                                                st_mysql_client_plugin* plugin);

namespace dm::mysql {
namespace {

// Kind of plugin, and version of its interface.
constexpr int kAuthentication = 2;
constexpr unsigned kAuthenticationInterface = 0x0100;
constexpr char kGateName[] = "dm_tls_gate";
// Methods that do not show the password to who listens.
constexpr char kHiddenMethods[] =
    "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519";
// What a server behind TLS may ask for.
constexpr char kAllMethods[] =
    "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519,dialog,"
    "mysql_clear_password";
// Old servers have TLS 1.0 and 1.1 with digests and keys of their time. No DHE: MySQL 5.6 prefers
// it, whatever we do, with a prime of 512 bits, which OpenSSL never accepts.
constexpr char kCiphers[] = "DEFAULT:!aNULL:!eNULL:!kDHE:@SECLEVEL=0";
// Of libmariadb's coroutine that connects; a certificate is checked on it.
constexpr size_t kStackBytes = 256 << 10;

thread_local TlsGate* current_gate = nullptr;

Error TlsError(const std::string& cause) {
  return MakeError(ErrorCode::kConnInvalidTLSConfig).SetRawCause(cause);
}

// Called by OpenSSL for each SSL that is made. MySQL 5.6 does not know secure renegotiation
// (RFC 5746), which OpenSSL 3 demands from a server otherwise; nobody renegotiates here. libmariadb
// makes the SSL and its handshake in one call, so there is no other place for this.
void AcceptOldServer(void* ssl, void*, CRYPTO_EX_DATA*, int, long, void*) {
  if (current_gate != nullptr) {
    SSL_set_options(static_cast<SSL*>(ssl), SSL_OP_LEGACY_SERVER_CONNECT);
  }
}

}  // namespace

// Called by libmariadb, on its coroutine; nothing may be thrown through it.
int PassGate(st_plugin_vio* vio, st_mysql* mysql) {
  TlsGate* gate = current_gate;
  if (gate == nullptr) return CR_ERROR;
  try {
    gate->passed_ = gate->Pass(vio, mysql);
  } catch (const std::exception& e) {
    gate->fault_ = ErrorText(e);
  }
  return gate->passed_ ? CR_OK : CR_ERROR;
}

namespace {

void RegisterGate(MYSQL* mysql) {
  struct AuthenticationPlugin : st_mysql_client_plugin {
    int (*authenticate_user)(st_plugin_vio*, st_mysql*);
  };
  static AuthenticationPlugin plugin = {{.type = kAuthentication,
                                         .interface_version = kAuthenticationInterface,
                                         .name = kGateName,
                                         .author = "DM",
                                         .desc = "TLS before the login",
                                         .version = {1, 0, 0},
                                         .license = "Apache-2.0",
                                         .mysql_api = nullptr,
                                         .init = nullptr,
                                         .deinit = nullptr,
                                         .options = nullptr},
                                        PassGate};
  static std::once_flag once;
  std::call_once(once, [mysql] {
    if (SSL_get_ex_new_index(0, nullptr, AcceptOldServer, nullptr, nullptr) < 0) {
      throw TlsError("OpenSSL takes no callback");
    }
    if (mysql_client_register_plugin(mysql, &plugin) == nullptr) {
      throw Error(ErrorCode::kDBUnExpect, "libmariadb does not take the TLS gate")
          .SetRawCause(mysql_error(mysql));
    }
  });
}

}  // namespace

TlsGate::TlsGate(const TlsOptions& options, std::string host) : host_(std::move(host)) {
  options_.ca_path = options.ca_path;
  options_.cert_path = options.cert_path;
  options_.key_path = options.key_path;
  options_.ca = options.ca_pem;
  options_.cert = options.cert_pem;
  options_.key = options.key_pem;
  options_.allowed_common_names = options.allowed_cn;
  try {
    const TlsMaterial material = LoadTlsMaterial(options_);
    CheckTlsMaterial(material);
    options_.ca = material.ca;
    options_.cert = material.cert;
    options_.key = material.key;
  } catch (const std::runtime_error& e) {
    throw TlsError(e.what());
  }
}

TlsGate::~TlsGate() {
  for (const int fd : fds_) close(fd);
}

// libmariadb takes files only.
std::string TlsGate::Keep(const std::string& pem, const char* name) {
  const int fd = memfd_create(name, MFD_CLOEXEC);
  if (fd < 0) throw TlsError(fmt::format("no memory file for {}", name));
  fds_.push_back(fd);
  for (size_t done = 0; done < pem.size();) {
    const ssize_t n = write(fd, pem.data() + done, pem.size() - done);
    if (n <= 0) throw TlsError(fmt::format("cannot keep {} in memory", name));
    done += static_cast<size_t>(n);
  }
  return fmt::format("/proc/self/fd/{}", fd);
}

void TlsGate::Apply(MYSQL* mysql, std::function<void()> before_handshake) {
  before_handshake_ = std::move(before_handshake);
  RegisterGate(mysql);
  const my_bool on = 1;
  const my_bool off = 0;  // its check is weaker than ours
  bool ok = mysql_optionsv(mysql, MYSQL_OPT_NONBLOCK, &kStackBytes) == 0 &&
            mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &on) == 0 &&
            mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &off) == 0 &&
            mysql_optionsv(mysql, MYSQL_OPT_SSL_CIPHER, kCiphers) == 0 &&
            mysql_optionsv(mysql, MYSQL_DEFAULT_AUTH, kGateName) == 0 &&
            // No other method before the gate, whatever the server says it can do.
            mysql_optionsv(mysql, MARIADB_OPT_RESTRICTED_AUTH, kGateName) == 0;
  if (ok && !options_.cert.empty()) {
    const std::string cert = Keep(options_.cert, "ssl-cert");
    const std::string key = Keep(options_.key, "ssl-key");
    ok = mysql_optionsv(mysql, MYSQL_OPT_SSL_CERT, cert.c_str()) == 0 &&
         mysql_optionsv(mysql, MYSQL_OPT_SSL_KEY, key.c_str()) == 0;
  }
  if (!ok) throw TlsError("libmariadb refuses the TLS options");
}

bool TlsGate::Pass(st_plugin_vio* vio, MYSQL* mysql) {
  if ((mysql->server_capabilities & CLIENT_SSL) == 0) {
    fault_ = "TLS requested but server does not support TLS";
    return false;
  }
  before_handshake_();
  // Makes the handshake, then sends the name of the user with an empty answer.
  const bool sent = vio->write_packet(vio, nullptr, 0) == 0;
  MARIADB_TLS* tls = mysql->net.pvio->ctls;
  SSL* ssl = tls == nullptr ? nullptr : static_cast<SSL*>(tls->ssl);
  if (!sent) {
    fault_ =
        ssl == nullptr || SSL_is_init_finished(ssl) == 0
            ? fmt::format("TLS handshake failed: {}", mysql_error(mysql))
            : "TLS: the server ended the connection after the handshake; it may not accept our "
              "certificate";
    return false;
  }
  if (ssl == nullptr) {
    fault_ = "TLS requested but server does not support TLS";
    return false;
  }
  const std::string fault = ServerCertificateFault(ssl, options_, host_);
  if (!fault.empty()) {
    fault_ = fmt::format("TLS: the server's certificate is not accepted: {}", fault);
    return false;
  }
  return mysql_optionsv(mysql, MARIADB_OPT_RESTRICTED_AUTH, kAllMethods) == 0;
}

TlsGate::Guard::Guard(TlsGate* gate) { current_gate = gate; }
TlsGate::Guard::~Guard() { current_gate = nullptr; }

void AllowHiddenPasswordsOnly(MYSQL* mysql) {
  mysql_optionsv(mysql, MARIADB_OPT_RESTRICTED_AUTH, kHiddenMethods);
}

}  // namespace dm::mysql
