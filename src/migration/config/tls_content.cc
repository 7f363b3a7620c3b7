#include "migration/config/tls_content.h"

#include <array>

#include "base/error/error.h"
#include "base/error/system_error.h"
#include "base/io/encode.h"
#include "base/io/file.h"

namespace dm::migration {
namespace {

struct Part {
  std::string_view name;
  std::string SecurityConfig::*path;
  std::string SecurityConfig::*base64;
  std::string SecurityConfig::*bytes;
};

constexpr auto kParts = std::to_array<Part>({
    {"ssl-ca", &SecurityConfig::ssl_ca, &SecurityConfig::ssl_ca_base64,
     &SecurityConfig::ssl_ca_bytes},
    {"ssl-key", &SecurityConfig::ssl_key, &SecurityConfig::ssl_key_base64,
     &SecurityConfig::ssl_key_bytes},
    {"ssl-cert", &SecurityConfig::ssl_cert, &SecurityConfig::ssl_cert_base64,
     &SecurityConfig::ssl_cert_bytes},
});

void DecodeParts(SecurityConfig& security) {
  for (const Part& part : kParts) {
    const std::string& base64 = security.*part.base64;
    std::string& bytes = security.*part.bytes;
    if (!bytes.empty() || base64.empty()) continue;
    std::optional<std::string> decoded = DecodeBase64(base64);
    if (!decoded) {
      throw MakeError(ErrorCode::kCtlLoadTLSCfg)
          .SetRawCause(
              fmt::format("{}-base64 is not base64{}", part.name,
                          base64 == kHiddenSecret ? ": it was hidden when it was printed" : ""));
    }
    bytes = std::move(*decoded);
  }
}

}  // namespace

bool AsksForTls(const DbConfig& db) { return db.security && !db.security->empty(); }

void LoadTlsContent(SecurityConfig& security) {
  DecodeParts(security);
  for (const Part& part : kParts) {
    const std::string& path = security.*part.path;
    std::string& bytes = security.*part.bytes;
    if (!bytes.empty() || path.empty()) continue;
    try {
      bytes = ReadFile(path);
    } catch (const SystemError& e) {
      throw MakeError(ErrorCode::kCtlLoadTLSCfg)
          .SetRawCause(fmt::format("{}: {}", part.name, e.what()));
    }
    if (bytes.empty()) {
      throw MakeError(ErrorCode::kCtlLoadTLSCfg)
          .SetRawCause(fmt::format("{}: {} is empty", part.name, path));
    }
  }
}

void RequireTlsContent(SecurityConfig& security) {
  DecodeParts(security);
  for (const Part& part : kParts) {
    if (!(security.*part.bytes).empty() || (security.*part.path).empty()) continue;
    throw MakeError(ErrorCode::kCtlLoadTLSCfg)
        .SetRawCause(fmt::format(
            "{0}: the content of {1} did not come with the request; dmctl sends it if it can read "
            "the file on its own machine, other clients give it as {0}-base64",
            part.name, security.*part.path));
  }
}

void DropTlsBytes(SecurityConfig& security) {
  for (const Part& part : kParts) {
    std::string& bytes = security.*part.bytes;
    if (!bytes.empty() && (security.*part.path).empty() && (security.*part.base64).empty()) {
      security.*part.base64 = EncodeBase64(bytes);
    }
    bytes.clear();
  }
}

void HideTlsContent(SecurityConfig& security) {
  DropTlsBytes(security);
  if (!security.ssl_key_base64.empty()) security.ssl_key_base64 = kHiddenSecret;
}

}  // namespace dm::migration
