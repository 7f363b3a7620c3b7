#include "migration/config/connect_options.h"

#include "base/io/encode.h"

namespace dm::migration {
namespace {

// Content of one part of the TLS material: bytes, else base64, else nothing (a path is read by the
// client).
std::string Content(const std::string& bytes, const std::string& base64, std::string_view what) {
  if (!bytes.empty() || base64.empty()) return bytes;
  std::optional<std::string> decoded = DecodeBase64(base64);
  if (!decoded) {
    throw MakeError(ErrorCode::kCtlLoadTLSCfg).SetRawCause(std::string(what) + " is not base64");
  }
  return *decoded;
}

}  // namespace

mysql::ConnectOptions ToConnectOptions(const DbConfig& db, ErrorScope scope) {
  mysql::ConnectOptions options;
  options.host = db.host;
  if (db.port < 0 || db.port > 65535) {
    throw MakeError(ErrorCode::kDBDriverError)
        .SetScope(scope)
        .SetRawCause(fmt::format("address {}:{}: invalid port", db.host, db.port));
  }
  options.port = static_cast<uint16_t>(db.port);
  options.user = db.user;
  options.password = db.password.Reveal();
  options.session.assign(db.session.begin(), db.session.end());
  options.scope = scope;
  if (db.security && !db.security->empty()) {
    const SecurityConfig& security = *db.security;
    options.tls.enabled = true;
    options.tls.ca_path = security.ssl_ca;
    options.tls.cert_path = security.ssl_cert;
    options.tls.key_path = security.ssl_key;
    options.tls.ca_pem = Content(security.ssl_ca_bytes, security.ssl_ca_base64, "ssl-ca-base64");
    options.tls.cert_pem =
        Content(security.ssl_cert_bytes, security.ssl_cert_base64, "ssl-cert-base64");
    options.tls.key_pem =
        Content(security.ssl_key_bytes, security.ssl_key_base64, "ssl-key-base64");
    options.tls.allowed_cn = security.cert_allowed_cn;
  }
  return options;
}

}  // namespace dm::migration
