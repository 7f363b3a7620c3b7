#include "migration/config/connect_options.h"

#include "migration/config/tls_content.h"

namespace dm::migration {
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
  if (AsksForTls(db)) {
    SecurityConfig security = *db.security;
    try {
      LoadTlsContent(security);
    } catch (Error& e) {
      e.SetScope(scope);
      throw;
    }
    options.tls.enabled = true;
    options.tls.ca_pem = std::move(security.ssl_ca_bytes);
    options.tls.cert_pem = std::move(security.ssl_cert_bytes);
    options.tls.key_pem = std::move(security.ssl_key_bytes);
    options.tls.allowed_cn = std::move(security.cert_allowed_cn);
  }
  return options;
}

}  // namespace dm::migration
