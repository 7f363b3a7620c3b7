// A database as configuration files describe it (`from`, `target-database`).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "migration/config/secret.h"

namespace dm::migration {

// TLS material of database connections. Content is kept beside paths because master and worker may
// not have the files.
struct SecurityConfig {
  std::string ssl_ca;
  std::string ssl_cert;
  std::string ssl_key;
  std::vector<std::string> cert_allowed_cn;
  std::string ssl_ca_base64;
  std::string ssl_cert_base64;
  std::string ssl_key_base64;
  std::string ssl_ca_bytes;  // raw content
  std::string ssl_cert_bytes;
  std::string ssl_key_bytes;

  // True if no TLS is asked for.
  bool empty() const;
  bool operator==(const SecurityConfig&) const = default;
};

struct DbConfig {
  std::string host;
  int port = 0;
  std::string user;
  Secret password;                        // plain text once decrypted (password_cipher.h)
  std::optional<int> max_allowed_packet;  // no effect, kept for printing
  std::map<std::string, std::string> session;
  std::optional<SecurityConfig> security;

  bool operator==(const DbConfig&) const = default;
};

// The value of session variable `name` (letter case of names ignored); nullopt without it.
std::optional<std::string> SessionVariable(const DbConfig& db, std::string_view name);
// True if the session switches foreign key checks on: "1" or "on", quotes and blanks ignored.
bool ForeignKeyChecksOn(const DbConfig& db);

}  // namespace dm::migration
