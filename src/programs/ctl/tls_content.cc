#include "programs/ctl/tls_content.h"

#include "base/error/error.h"
#include "base/error/system_error.h"
#include "base/io/encode.h"
#include "base/io/file.h"
#include "base/log/log.h"

namespace dm::ctl {

namespace {

void Embed(const std::string& path, const std::string& bytes, std::string& base64) {
  if (!bytes.empty()) {
    base64 = EncodeBase64(bytes);
  } else if (base64.empty() && !path.empty()) {
    base64 = EncodeBase64(ReadFile(path));
  }
}

}  // namespace

bool AsksForTls(const migration::DbConfig& db) { return db.security && !db.security->empty(); }

void EmbedTlsContent(migration::DbConfig& db) {
  if (!AsksForTls(db)) return;
  migration::SecurityConfig& security = *db.security;
  try {
    Embed(security.ssl_ca, security.ssl_ca_bytes, security.ssl_ca_base64);
    Embed(security.ssl_key, security.ssl_key_bytes, security.ssl_key_base64);
    Embed(security.ssl_cert, security.ssl_cert_bytes, security.ssl_cert_base64);
  } catch (const SystemError& e) {
    Log().Warn("load TLS files failed", {F("error", WrapError(ErrorCode::kCtlLoadTLSCfg, e))});
  }
}

}  // namespace dm::ctl
