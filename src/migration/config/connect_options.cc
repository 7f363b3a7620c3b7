#include "migration/config/connect_options.h"

#include <openssl/evp.h>

namespace dm::migration {

namespace {

// Decoded text; empty for text that is no base64.
std::string DecodeBase64(const std::string& text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return "";
  size_t padding = 0;
  while (padding < 2 && text.size() > padding && text[text.size() - 1 - padding] == '=') ++padding;
  bytes.resize(static_cast<size_t>(size) - padding);
  return bytes;
}

std::string Content(const std::string& bytes, const std::string& base64) {
  return bytes.empty() ? DecodeBase64(base64) : bytes;
}

}  // namespace

mysql::ConnectOptions ToConnectOptions(const DbConfig& db, ErrorScope scope) {
  mysql::ConnectOptions options;
  options.host = db.host;
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
    options.tls.ca_pem = Content(security.ssl_ca_bytes, security.ssl_ca_base64);
    options.tls.cert_pem = Content(security.ssl_cert_bytes, security.ssl_cert_base64);
    options.tls.key_pem = Content(security.ssl_key_bytes, security.ssl_key_base64);
    options.tls.allowed_cn = security.cert_allowed_cn;
  }
  return options;
}

}  // namespace dm::migration
